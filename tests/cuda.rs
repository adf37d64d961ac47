//! Training on CUDA without a GPU: a driver and a run-time compiler that are made up (`cuda/driver.c`, `cuda/compiler.c`), under the real
//! binary. Kernels compute nothing there, so nothing is said of numbers; everything around them is: finding the device, what is compiled
//! and kept, memory, what is read back and waited for, and what a person is told when the device fails.

#![cfg(all(feature = "trainer", feature = "cuda"))]

mod lab;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab::Lab;
use mien::domain::Outcome;
use mien::events::{Event, EventReader, Record};
use serde_json::Value;

/// What burn's kernels include, as far as it is looked for.
const HEADERS: [&str; 4] = ["cuda_runtime.h", "cuda_fp16.h", "mma.h", "cuda/barrier"];

/// A machine with a GPU that is made up, and a home on it.
struct Machine {
    lab: Lab,
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { lab: Lab::new(), folder: tempfile::tempdir().expect("a folder") };
        for header in HEADERS {
            let path = machine.toolkit().join("include").join(header);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, "").expect("written");
        }
        fs::create_dir_all(machine.libraries()).expect("made");
        machine.build("driver.c", "libcuda.so.1");
        machine.build("compiler.c", "libnvrtc.so.13");
        machine
    }

    fn build(&self, source: &str, library: &str) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cuda").join(source);
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-pthread"]).arg(format!("-Wl,-soname,{library}"));
        let built = cc.arg("-o").arg(self.libraries().join(library)).arg(source).status().expect("a C compiler");
        assert!(built.success(), "{library}");
    }

    fn toolkit(&self) -> PathBuf {
        self.folder.path().join("cuda")
    }

    fn libraries(&self) -> PathBuf {
        self.folder.path().join("lib")
    }

    fn kernels(&self) -> PathBuf {
        self.folder.path().join("cache/mien/kernels")
    }

    /// `mien` there. `more` goes to the environment.
    fn mien(&self, arguments: &[&str], more: &[(&str, &str)]) -> assert_cmd::Command {
        let mut command = self.lab.mien(arguments);
        let counts = [("PRETEND_COUNTS", "counts"), ("PRETEND_COMPILED", "compiled"), ("XDG_CACHE_HOME", "cache")];
        for (variable, name) in counts {
            command.env(variable, self.folder.path().join(name));
        }
        command.env("CUDA_PATH", self.toolkit()).env("LD_LIBRARY_PATH", self.libraries());
        command.env_remove("CUDA_VISIBLE_DEVICES").env_remove("MIEN_RESIDENT_MIB").envs(more.iter().copied());
        command
    }

    fn text(&self, arguments: &[&str], more: &[(&str, &str)]) -> String {
        let output = self.mien(arguments, more).assert().success().get_output().clone();
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// What the device was asked to do by the last process that launched something.
    fn counts(&self) -> Value {
        let text = fs::read_to_string(self.folder.path().join("counts")).expect("counts");
        serde_json::from_str(text.lines().last().expect("a line")).expect("JSON")
    }

    /// Programs compiled so far.
    fn compiled(&self) -> u64 {
        fs::metadata(self.folder.path().join("compiled")).map_or(0, |file| file.len())
    }

    /// Trains to the end, whatever that is; the run's events.
    fn train(&self, name: &str, arguments: &[&str], more: &[(&str, &str)]) -> Vec<Record> {
        let words = ["train", "cnn", "--dataset", "faces", "--device", "cuda", "--name", name];
        let output = self.mien(&[&words[..], arguments].concat(), more).output().expect("it runs");
        let folder = self.lab.store().folder(&mien::domain::RunId::new(name).expect("an id"));
        let mut records = Vec::new();
        EventReader::new(&folder.events_file()).poll(&mut records).expect("a log");
        assert!(!records.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        records
    }
}

fn outcome(records: &[Record]) -> &Outcome {
    match &records.last().expect("events").event {
        Event::Ended { outcome } => outcome,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_device_is_found_and_what_does_not_go_together_is_told() {
    let machine = Machine::new();
    let doctor = |more: &[(&str, &str)]| machine.text(&["doctor"], more);
    assert!(doctor(&[("PRETEND_NAME", "NVIDIA H200")]).contains("cuda:0 NVIDIA H200"));
    assert!(doctor(&[("PRETEND_DRIVER", "12080")]).contains("cuda-nvrtc-12-8"));
    assert!(doctor(&[("PRETEND_CAPABILITY", "70")]).contains("asks for 7.5"));
    assert!(doctor(&[("PRETEND_DEVICES", "0")]).contains("finds no device"));
    fs::remove_file(machine.toolkit().join("include/mma.h")).expect("removed");
    let said = doctor(&[]);
    assert!(said.contains("mma.h was not found") && said.contains("cuda-crt"), "{said}");
    fs::remove_file(machine.libraries().join("libnvrtc.so.13")).expect("removed");
    assert!(doctor(&[]).contains("libnvrtc.so) was not found"));
}

#[test]
fn the_first_start_tells_that_it_compiles_and_the_second_compiles_nothing() {
    let machine = Machine::new();
    machine.lab.faces(175);
    let first = machine.train("first", &["--epochs", "2"], &[("PRETEND_MILLISECONDS", "100")]);
    assert_eq!(*outcome(&first), Outcome::Finished { reason: mien::domain::FinishReason::MaxEpochs });
    let begins = first.iter().filter(|record| matches!(record.event, Event::CompilingKernels { .. })).count();
    let told: Vec<usize> = first
        .iter()
        .filter_map(|record| match record.event {
            Event::KernelsCompiled { count, .. } => Some(count),
            _ => None,
        })
        .collect();
    assert_eq!(begins, 1);
    assert!(!told.is_empty() && told.is_sorted() && told[0] > 0, "{told:?}");
    let after_first = machine.compiled();
    assert!(after_first > 50, "{after_first}");

    let second = machine.train("second", &["--epochs", "2"], &[]);
    assert!(matches!(outcome(&second), Outcome::Finished { .. }));
    let again =
        |record: &Record| matches!(record.event, Event::CompilingKernels { .. } | Event::KernelsCompiled { .. });
    assert!(!second.iter().any(again), "{second:?}");
    assert_eq!(machine.compiled(), after_first, "all kernels were kept");
    // Another card's are others.
    machine.train("other", &["--epochs", "1"], &[("PRETEND_NAME", "Another GPU")]);
    assert!(machine.compiled() > after_first);
    assert_eq!(fs::read_dir(machine.kernels()).expect("kept").count(), 2);
}

#[test]
fn an_epoch_has_one_shape_of_batches_and_waits_for_the_device_less_than_once_a_step() {
    let machine = Machine::new();
    // 98 images for training: four batches of 22 and one of 10, which would be tuned as one of 16.
    machine.lab.faces(175);
    let run = machine.train("even", &["--epochs", "2", "--batch-size", "22"], &[]);
    assert!(matches!(outcome(&run), Outcome::Finished { .. }), "{:?}", outcome(&run));
    assert_eq!(
        batches(&machine),
        BTreeSet::from([32, 128]),
        "those of training and of evaluation, as tuning rounds them"
    );

    let step = |steps: &str| {
        let words = ["bench", "step", "--strategy", "cnn", "--device", "cuda", "--batch", "22", "--warm-up", "0"];
        machine.text(&[&words[..], &["--steps", steps]].concat(), &[]);
        machine.counts()
    };
    step("5");
    let [few, many] = ["5", "105"].map(step);
    let more = |what: &str| many[what].as_i64().expect("a count") - few[what].as_i64().expect("a count");
    assert!(more("launches") >= 1_000, "{many}");
    assert_eq!(more("reads"), 0, "nothing is read back for a step: {few} {many}");
    // What was sent is given back behind a fence now and then.
    assert!(more("waits") < 100, "{few} {many}");
    assert_eq!(more("most_allocated"), 0, "{few} {many}");
    assert!(more("modules") <= 2, "hardly a kernel that the first steps did not have: {few} {many}");
}

/// How many images the convolutions that were tuned have at once, as tuning rounds that.
fn batches(machine: &Machine) -> BTreeSet<u64> {
    tuned(&machine.kernels()).iter().filter_map(|key| key["batch_size"].as_u64()).collect()
}

/// The 3×3 convolutions that were tuned; one way to a weight's gradient is a convolution with another kernel.
fn tuned(kernels: &Path) -> Vec<Value> {
    let mut keys = Vec::new();
    let mut folders = vec![kernels.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.to_string_lossy().contains("conv-forward-tune") {
                let text = fs::read_to_string(entry).expect("text");
                let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
                let convolutions = lines.map(|line| line["key"]["key"]["Conv"].clone());
                keys.extend(convolutions.filter(|key| key["kernel_size"] == serde_json::json!([3, 3])));
            }
        }
    }
    keys
}

#[test]
fn a_device_that_runs_out_of_memory_or_is_lost_ends_a_run_in_words() {
    let machine = Machine::new();
    machine.lab.faces(175);
    let cause = |name: &str, more: &[(&str, &str)]| match outcome(&machine.train(name, &["--epochs", "1"], more)) {
        Outcome::Failed { cause } => cause.clone(),
        other => panic!("{other:?}"),
    };
    let said = cause("small", &[("PRETEND_MIB", "8")]);
    assert!(said.contains("no memory left: a batch of 64 does not fit, 32 may"), "{said}");
    let said = cause("lost", &[("PRETEND_LOST", "400")]);
    assert!(said.contains("the device failed (CUDA_ERROR_LAUNCH_FAILED)"), "{said}");
    let log = fs::metadata(machine.lab.home().join("checkpoints/small/worker.log")).expect("a log");
    assert!(log.len() < 100_000, "a panic for every call is not worth keeping: {} bytes", log.len());

    let words = ["bench", "step", "--strategy", "cnn", "--device", "cuda", "--steps", "1"];
    let output = machine.mien(&words, &[("PRETEND_MIB", "8")]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("no memory left") && !said.contains("panicked"), "{said}");
}

#[test]
fn a_large_batch_goes_through_a_frozen_base_at_once_where_there_is_memory() {
    let machine = Machine::new();
    let words = ["bench", "step", "--strategy", "features", "--device", "cuda", "--batch", "64", "--size", "224"];
    let step = |mebibytes: &str| {
        machine.text(&[&words[..], &["--steps", "1", "--warm-up", "0"]].concat(), &[("PRETEND_MIB", mebibytes)]);
    };
    step("81559");
    assert_eq!(batches(&machine), BTreeSet::from([64]));
    fs::remove_dir_all(machine.kernels()).expect("removed");
    // 41 images at most, so two slices of 32.
    step("8192");
    assert_eq!(batches(&machine), BTreeSet::from([32]));
}

#[test]
fn all_of_gpu_check_is_rehearsed_but_for_the_arithmetic() {
    let machine = Machine::new();
    let out = machine.folder.path().join("out");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/gpu-check");
    let mut check = Command::new("python3");
    check.arg(script).args([
        "--mien",
        env!("CARGO_BIN_EXE_mien"),
        "--quick",
        "--python",
        "/nonexistent",
        "--device",
        "cuda",
    ]);
    check.arg("--out").arg(&out).env("CUDA_PATH", machine.toolkit()).env("LD_LIBRARY_PATH", machine.libraries());
    check.env_remove("MIEN_RESIDENT_MIB").env_remove("CUDA_VISIBLE_DEVICES").env("PRETEND_NAME", "NVIDIA H200");
    let output = check.output().expect("python3 runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "kernels that compute nothing agree with nothing: {said}");
    let state: Value = serde_json::from_slice(&fs::read(out.join("state.json")).expect("a state")).expect("JSON");
    for (name, item) in state["items"].as_object().expect("items") {
        if name.starts_with("agree/") {
            assert!(item["failed"].as_array().is_some_and(|failed| !failed.is_empty()), "{name}: {item}");
        } else if name != "doctor/nvidia-smi" {
            assert!(item["done"] == true && item["error"].is_null(), "{name}: {item}\n{said}");
        }
    }
    for stage in ["start/finetune cached", "layers/bf16", "step/finetune all 4 at 32", "latency/stop", "runs/train all"]
    {
        assert!(!state["items"][stage].is_null(), "{stage}: {said}");
    }
}
