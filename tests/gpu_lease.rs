//! `scripts/gpu-lease`, rehearsed: packing, both calls on the CPU and on the simulated driver, and steps that fail or
//! take too long.

#![cfg(feature = "trainer")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Returns the command of a script of this repository, in a folder.
fn script(name: &str, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name)).args(arguments).current_dir(folder);
    for variable in ["MIEN_RESIDENT_MIB", "MIEN_CONVOLUTIONS", "CUDA_PATH", "CUDA_VISIBLE_DEVICES"] {
        command.env_remove(variable);
    }
    command
}

/// Returns one of the two calls at rehearsal sizes, with this Python in place of one that has PyTorch.
fn call(which: &str, folder: &Path, arguments: &[&str]) -> Command {
    let words = [&[which, "--quick", "--out", "out", "--bring", "brought"][..], arguments].concat();
    script("gpu-lease", folder, &words)
}

fn output(command: &mut Command) -> Output {
    command.output().expect("python3 runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Returns the items of the state that was brought back.
fn items(folder: &Path) -> Value {
    let text = fs::read(folder.join("brought/state.json")).expect("a state");
    serde_json::from_slice::<Value>(&text).expect("JSON")["items"].clone()
}

fn table(folder: &Path) -> String {
    fs::read_to_string(folder.join("brought/table.txt")).expect("a table")
}

/// Writes a program that replaces a Python with PyTorch: it prints nothing when asked for packages.
fn python(folder: &Path, does: &str) -> String {
    let path = folder.join("python");
    fs::write(&path, format!("#!/bin/sh\n[ \"$1\" = -c ] && exit 0\n{does}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made executable");
    path.to_string_lossy().into_owned()
}

/// Writes VGG16 weights of noise as safetensors, as a rehearsal does.
fn base(path: &Path) {
    let code = "import sys; sys.path.insert(0, sys.argv[1]); from gpu import material; material.base(sys.argv[2])";
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let made = Command::new("python3").args(["-B", "-c", code]).arg(scripts).arg(path).status().expect("python3 runs");
    assert!(made.success());
}

#[test]
#[ignore = "takes minutes: scripts/long-tests"]
fn both_calls_are_rehearsed_on_the_processor_from_what_was_packed() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    base(&at.join("base.safetensors"));
    fs::write(at.join("fer.csv"), "not read in a rehearsal").expect("written");
    let mien = env!("CARGO_BIN_EXE_mien");
    let of_base = ["--base", "base.safetensors", "--preprocessing", "torchvision"];
    let words = ["pack", "--quick", "--mien", mien, "--fer", "fer.csv", "--into", "parcels"];
    let packed = output(&mut script("gpu-lease", at, &[&words[..], &of_base].concat()));
    assert!(packed.status.success(), "{}", said(&packed));
    let text = said(&packed);
    // 14,714,688 numbers of two bytes.
    let halves = fs::metadata(at.join("parcels/first/base.safetensors")).expect("packed").len();
    assert!((29_429_376..29_440_000).contains(&halves), "{halves}");
    for part in ["parcels/first/mien.xz", "parcels/second/fer.csv", "of 67,108,864: fits", "--parcel", "$OUT"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.lines().all(|line| line.len() < 2000), "a command has 2000 characters at most: {text}");

    // PyTorch's process exits after its second case.
    let dies = r#"echo '{"name": "cnn 16 at 48 torch tf32", "images_per_second": 8.0, "milliseconds": 1.0, "first_seconds": 0.5}'
echo '{"name": "features 4 at 32 torch tf32", "error": "OutOfMemoryError: too much"}'
exit 3"#;
    let python = python(at, dies);
    let first = ["--parcel", "parcels/first", "--device", "cpu", "--seconds", "500", "--python", &python];
    let first = output(&mut call("first", at, &first));
    assert_eq!(first.status.code(), Some(1), "PyTorch failed: {}", said(&first));
    let found = items(at);
    for step in [
        "agree/own f32",
        "agree/cudnn f32",
        "step/finetune all 4 at 32 cudnn bf16",
        "step/deep 16 at 48 cudnn f32",
        "layers/cudnn f32",
    ] {
        assert!(found[step]["done"] == true && found[step]["error"].is_null(), "{step}: {}", said(&first));
    }
    assert!(found["agree/own f32"]["failed"].as_array().is_some_and(Vec::is_empty), "{}", said(&first));
    let rows = table(at);
    for part in ["agree own f32", "cnn 16 at 48", "finetune all 4 at 32", "block5.conv3", "OutOfMemoryError: too much"]
    {
        assert!(rows.contains(part), "{part}: {rows}");
    }
    assert_eq!(found["step/cnn 16 at 48 torch tf32"]["images_per_second"], 8.0, "what came before it failed counts");

    // The files of the first call suffice for the second.
    let second = output(&mut call("second", at, &["--parcel", "parcels/second", "--device", "cpu"]));
    let rows = table(at);
    let runs = ["run cnn: 2 epochs", "run deep: 2 epochs", "run features: 2 epochs", "run finetune-all: 2 epochs"];
    let others =
        ["start features: first start", "repeat cnn: the same bits twice", "latency stop: stopped", "resident cnn"];
    for row in runs.iter().chain(&others) {
        assert!(rows.contains(row), "{row}: {rows}\n{}", said(&second));
    }
    let listed = Command::new("tar").arg("tJf").arg(at.join("brought/results.tar.xz")).output().expect("tar runs");
    for file in ["runs/finetune-all/events.jsonl", "runs/cnn/show.json", "runs/features/epochs.csv", "runs/compare.txt"]
    {
        assert!(said(&listed).contains(file), "{file}: {}", said(&listed));
    }
}

#[test]
fn a_step_that_takes_too_long_costs_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let python = python(at, "sleep 300");
    let only = "torch,step-bf16:cnn 16 at 48 own bf16,agree-nothing";
    let mien = ["--mien", env!("CARGO_BIN_EXE_mien"), "--device", "cpu"];
    let unknown = output(&mut call("first", at, &[&mien[..], &["--only", only]].concat()));
    assert!(unknown.status.code() == Some(2) && said(&unknown).contains("agree-nothing"), "{}", said(&unknown));

    let only = "torch,step-bf16:cnn 16 at 48 own bf16";
    let limited = ["--only", only, "--limit", "4", "--seconds", "100", "--python", &python];
    let killed = output(&mut call("first", at, &[&mien[..], &limited].concat()));
    assert_eq!(killed.status.code(), Some(1), "{}", said(&killed));
    let found = items(at);
    let words = found["torch/cases"]["error"].as_str().unwrap_or_default();
    assert!(words.contains("was killed"), "{found}");
    assert!(found["step/cnn 16 at 48 own bf16"]["error"].is_null(), "{}", said(&killed));
    assert!(table(at).contains("FAILED torch"), "{}", table(at));

    // With no time left nothing begins, and that is reported.
    let cut = output(&mut call("first", at, &[&mien[..], &["--seconds", "4.5", "--only", "layers"]].concat()));
    assert!(cut.status.code() == Some(3) && said(&cut).contains("no time was left for"), "{}", said(&cut));
}

#[test]
fn a_device_that_cannot_be_used_is_looked_into_and_nothing_else_is_tried() {
    let folder = tempfile::tempdir().expect("a folder");
    let mien = ["--mien", env!("CARGO_BIN_EXE_mien"), "--device", "cuda:4096", "--python", "/nonexistent"];
    let failed = output(&mut call("first", folder.path(), &mien));
    let text = said(&failed);
    assert_eq!(failed.status.code(), Some(1), "{text}");
    assert!(text.contains("cannot use cuda:4096") && text.contains("$ nvidia-smi"), "{text}");
    assert!(!text.contains("· agree/"), "{text}");
}

#[cfg(feature = "cuda")]
mod made_up {
    use std::path::PathBuf;

    use super::*;

    /// A simulated driver and compiler, and the other parts of a toolkit.
    struct Machine {
        folder: tempfile::TempDir,
    }

    impl Machine {
        fn new() -> Self {
            let machine = Self { folder: tempfile::tempdir().expect("a folder") };
            for header in ["cuda_runtime.h", "cuda_fp16.h", "mma.h", "cuda/barrier"] {
                let path = machine.toolkit().join("include").join(header);
                fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                fs::write(path, "").expect("written");
            }
            fs::create_dir_all(machine.libraries()).expect("made");
            machine.build("driver.c", "libcuda.so.1", &[]);
            machine.build("compiler.c", "libnvrtc.so.13", &[]);
            // Its loops are removed, so it computes as little as the driver.
            machine.build("cudnn.c", "libcudnn.so.9", &["-Dfor=if(0)for"]);
            for part in ["graph", "ops", "cnn", "heuristic", "engines_precompiled", "engines_runtime_compiled"] {
                fs::write(machine.libraries().join(format!("libcudnn_{part}.so.9")), "").expect("written");
            }
            machine
        }

        fn toolkit(&self) -> PathBuf {
            self.folder.path().join("cuda")
        }

        fn libraries(&self) -> PathBuf {
            self.folder.path().join("lib")
        }

        fn build(&self, source: &str, library: &str, more: &[&str]) {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cuda").join(source);
            let mut cc = Command::new("cc");
            cc.args(["-shared", "-fPIC", "-O1", "-pthread"]).args(more).arg(format!("-Wl,-soname,{library}"));
            let built = cc.arg("-o").arg(self.libraries().join(library)).arg(source).status().expect("a C compiler");
            assert!(built.success(), "{library}");
        }

        fn call(&self, which: &str, arguments: &[&str]) -> Output {
            let mien = ["--mien", env!("CARGO_BIN_EXE_mien"), "--device", "cuda", "--python", "/nonexistent"];
            let mut command = call(which, self.folder.path(), &[&mien[..], arguments].concat());
            command.env("CUDA_PATH", self.toolkit()).env("LD_LIBRARY_PATH", self.libraries());
            output(command.env("PRETEND_NAME", "NVIDIA H200").env("PRETEND_MIB", "143771"))
        }
    }

    /// Replaces a device's kernels by modules of arbitrary bytes and packs them. The first half is small enough for one
    /// shared file; the others get separate files.
    const REPLACE: &str = r#"
import glob, sys
sys.path.insert(0, sys.argv[1])
from gpu import kernels
path = kernels.place(glob.glob(sys.argv[2] + "/cache/mien/kernels/*")[0])
found = kernels.read(path)
for number, kernel in enumerate(found):
    kernel.replace(b"\x7fELF" + bytes(range(256)) * (4 if number < len(found) / 2 else 60))
before = {kernel.number(): kernel.module() for kernel in found}
kernels.write(path, found)
again = kernels.read(path)
assert {kernel.number(): kernel.module() for kernel in again} == before and all(kernel.is_machine_code for kernel in again)
kernels.pack(path, sys.argv[3], 0)
print(len(found))
"#;

    #[test]
    fn kernels_of_machine_code_that_are_brought_along_are_found_by_the_program() {
        let machine = Machine::new();
        let at = machine.folder.path();
        machine.call("first", &["--only", "doctor"]);
        let mut python = Command::new("python3");
        python.args(["-B", "-c", REPLACE]).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts"));
        let replaced = output(python.arg(at.join("out")).arg(at.join("kernels.tar.xz")));
        assert!(replaced.status.success(), "{}", said(&replaced));
        let count: usize = said(&replaced).trim().parse().expect("a number");
        assert!(count > 20, "{count}");

        fs::remove_dir_all(at.join("out")).expect("removed");
        let brought = machine.call("first", &["--only", "doctor", "--kernels", "kernels.tar.xz"]);
        assert!(items(at)["doctor/device"]["error"].is_null(), "{}", said(&brought));
        let mut step = Command::new(env!("CARGO_BIN_EXE_mien"));
        step.args(["bench", "step", "--strategy", "cnn", "--batch", "2", "--steps", "1", "--warm-up", "0"]);
        step.args(["--device", "cuda"]).env("XDG_CACHE_HOME", at.join("out/cache")).env("CUDA_PATH", machine.toolkit());
        step.env("LD_LIBRARY_PATH", machine.libraries()).env("PRETEND_NAME", "NVIDIA H200");
        step.env("PRETEND_COMPILED", at.join("compiled")).env("MIEN_HOME", at.join("home"));
        // The convolutions whose kernels were brought along.
        let done = output(step.env("MIEN_CONVOLUTIONS", "burn").env_remove("CUDA_VISIBLE_DEVICES"));
        assert!(done.status.success(), "{}", said(&done));
        let compiled = fs::metadata(at.join("compiled")).map_or(0, |file| file.len());
        assert!(compiled <= 2, "{compiled} of {count} were compiled once more: {}", said(&done));
    }

    #[test]
    #[ignore = "takes minutes: scripts/long-tests"]
    fn all_of_it_is_rehearsed_but_for_the_arithmetic() {
        let machine = Machine::new();
        let first = machine.call("first", &["--seconds", "5000"]);
        let found = items(machine.folder.path());
        for (name, item) in found.as_object().expect("items") {
            if name.starts_with("agree/") {
                assert!(item["failed"].as_array().is_some_and(|failed| !failed.is_empty()), "{name}: {item}");
            } else if name != "doctor/nvidia-smi" && name != "torch/cases" {
                assert!(item["done"] == true && item["error"].is_null(), "{name}: {item}\n{}", said(&first));
            }
        }
        for step in
            ["doctor/device", "step/finetune all 4 at 32 own bf16", "layers/own f32", "step/cnn 16 at 48 cudnn f32"]
        {
            assert!(!found[step].is_null(), "{step}: {}", said(&first));
        }
        let second = machine.call("second", &["--seconds", "5000"]);
        let rows = table(machine.folder.path());
        for row in ["run cnn: 2 epochs", "run deep: 2 epochs", "run finetune-all: 2 epochs", "start cnn: first start"] {
            assert!(rows.contains(row), "{row}: {rows}\n{}", said(&second));
        }
    }
}
