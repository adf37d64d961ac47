//! Tests training on CUDA without a GPU: the real binary with a made-up driver, run-time compiler and cuDNN
//! (`driver.c`, `compiler.c`, `cudnn.c`). Burn's kernels compute nothing there. Tested are the device
//! probe, compiled and cached kernels, memory, reads and waits, messages of failures, and blocks by cuDNN.

#![cfg(all(feature = "trainer", feature = "cuda"))]

mod blocks;
#[path = "../lab/mod.rs"]
mod lab;
mod machine;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use burn::backend::{Cuda, Flex};
use machine::{Machine, batches, outcome, tuned};
use mien::domain::Outcome;
use mien::events::{Event, Record};
use mien::model::kernels::{AdamStep, DescentStep, Pool};
use serde_json::Value;

#[test]
fn a_device_is_found_and_incompatible_versions_are_named() {
    let machine = Machine::new();
    let doctor = |more: &[(&str, &str)]| machine.text(&["doctor"], more);
    assert!(doctor(&[("PRETEND_NAME", "NVIDIA H200")]).contains("cuda:0 NVIDIA H200"));
    assert!(doctor(&[("PRETEND_DRIVER", "12080")]).contains("cuda-nvrtc-12-8"));
    assert!(doctor(&[("PRETEND_CAPABILITY", "70")]).contains("asks for 7.5"));
    assert!(doctor(&[("PRETEND_DEVICES", "0")]).contains("finds no device"));
    fs::remove_file(machine.toolkit().join("include/mma.h")).expect("removed");
    let printed = doctor(&[]);
    assert!(printed.contains("mma.h was not found") && printed.contains("cuda-crt"), "{printed}");
    fs::remove_file(machine.libraries().join("libnvrtc.so.13")).expect("removed");
    assert!(doctor(&[]).contains("libnvrtc.so) was not found"));
}

#[test]
fn the_first_start_logs_that_it_compiles_and_the_second_compiles_nothing() {
    let machine = Machine::new();
    machine.lab.faces(175);
    let first = machine.train("first", &["--epochs", "2"], &[("PRETEND_MILLISECONDS", "100")]);
    assert_eq!(*outcome(&first), Outcome::Finished { reason: mien::domain::FinishReason::MaxEpochs });
    let begins = first.iter().filter(|record| matches!(record.event, Event::CompilingKernels { .. })).count();
    let counts: Vec<usize> = first
        .iter()
        .filter_map(|record| match record.event {
            Event::KernelsCompiled { count, .. } => Some(count),
            _ => None,
        })
        .collect();
    assert_eq!(begins, 1);
    assert!(!counts.is_empty() && counts.is_sorted() && counts[0] > 0, "{counts:?}");
    let after_first = machine.compiled();
    assert!(after_first > 50, "{after_first}");

    let second = machine.train("second", &["--epochs", "2"], &[]);
    assert!(matches!(outcome(&second), Outcome::Finished { .. }));
    let again =
        |record: &Record| matches!(record.event, Event::CompilingKernels { .. } | Event::KernelsCompiled { .. });
    assert!(!second.iter().any(again), "{second:?}");
    assert_eq!(machine.compiled(), after_first, "all kernels were cached");
    // Another GPU has other kernels.
    machine.train("other", &["--epochs", "1"], &[("PRETEND_NAME", "Another GPU")]);
    assert!(machine.compiled() > after_first);
    assert_eq!(fs::read_dir(machine.kernels()).expect("cached").count(), 2);
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
    // Memory that was sent is released at a fence from time to time.
    assert!(more("waits") < 100, "{few} {many}");
    assert_eq!(more("most_allocated"), 0, "{few} {many}");
    assert!(more("modules") <= 2, "hardly a kernel that the first steps did not have: {few} {many}");
}

#[test]
fn convolutions_run_through_cudnn_where_it_is_found() {
    let machine = Machine::with_cudnn();
    machine.lab.faces(175);
    let calls = machine.folder.path().join("calls");
    let run = machine.train("by-cudnn", &["--epochs", "1"], &[("PRETEND_CUDNN_CALLS", calls.to_str().expect("UTF-8"))]);
    assert!(matches!(outcome(&run), Outcome::Finished { .. }), "{:?}", outcome(&run));
    let device = run.iter().find_map(|record| match &record.event {
        Event::DeviceChosen { description, .. } => Some(description.clone()),
        _ => None,
    });
    assert!(device.is_some_and(|device| device.contains(", cuDNN 9.10.2")), "{run:?}");
    assert!(fs::metadata(&calls).expect("calls").len() > 20);
    assert!(tuned(&machine.kernels()).is_empty(), "burn has no convolution to tune");
    machine.train("by-burn", &["--epochs", "1"], &[("MIEN_CONVOLUTIONS", "burn")]);
    assert!(!tuned(&machine.kernels()).is_empty());

    let bench = |more: &[(&str, &str)]| {
        let few = ["--batch", "8", "--steps", "1", "--warm-up", "0"];
        let words = [&["bench", "step", "--strategy", "cnn", "--device", "cuda"], &few[..]].concat();
        let output = machine.mien(&words, more).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let refused = bench(&[("MIEN_CONVOLUTIONS", "cudnnn")]);
    assert!(refused.contains("MIEN_CONVOLUTIONS is 'cudnnn': use auto, burn or cudnn"), "{refused}");
    let second = bench(&[("PRETEND_DEVICES", "2"), ("MIEN_CONVOLUTIONS", "cudnn")]);
    assert!(second.contains("images/s"), "{second}");
    let closed = bench(&[("PRETEND_CUDNN_CLOSED", "1")]);
    assert!(closed.contains("images/s") && closed.contains("burn's kernels convolve"), "{closed}");
    let run = machine.train("closed", &["--epochs", "1"], &[("PRETEND_CUDNN_CLOSED", "1")]);
    let warned = run.iter().filter(|record| match &record.event {
        Event::Warning { message } => message.contains("burn's kernels convolve some blocks"),
        _ => false,
    });
    assert_eq!(warned.count(), 1, "{run:?}");
    let closed = bench(&[("PRETEND_CUDNN_CLOSED", "1"), ("MIEN_CONVOLUTIONS", "cudnn")]);
    assert!(!closed.contains("images/s") && closed.contains("cuDNN cannot start"), "{closed}");
    let failed = bench(&[("PRETEND_CUDNN_FAILS", "1")]);
    assert!(failed.contains("cuDNN cannot pool: ") && failed.contains("=burn"), "{failed}");
    let old = bench(&[("MIEN_CONVOLUTIONS", "cudnn"), ("PRETEND_CUDNN", "8907")]);
    assert!(old.contains("cuDNN 8907 cannot be used"), "{old}");
    let old = bench(&[("PRETEND_DRIVER", "12040"), ("PRETEND_COMPILER", "1204")]);
    assert!(old.contains("images/s") && !old.contains("cuDNN"), "{old}");
    let old = machine.text(&["doctor"], &[("PRETEND_DRIVER", "12040"), ("PRETEND_COMPILER", "1204")]);
    assert!(old.contains("the driver is for CUDA 12.4: cuDNN needs one for CUDA 12.5 or newer"), "{old}");
    fs::remove_file(machine.libraries().join("libcudnn_graph.so.9")).expect("removed");
    let halved = machine.text(&["doctor"], &[]);
    assert!(halved.contains("libcudnn_graph.so.9 was not found next to it"), "{halved}");
    fs::remove_file(machine.libraries().join("libcudnn.so.9")).expect("removed");
    let missing = bench(&[("MIEN_CONVOLUTIONS", "cudnn")]);
    assert!(missing.contains("libcudnn.so.9) was not found"), "{missing}");
    let without = bench(&[]);
    assert!(without.contains("images/s") && !without.contains("cuDNN"), "{without}");
}

#[test]
fn blocks_by_cudnn_equal_those_of_the_cpu() {
    let machine = Machine::with_cudnn();
    for unfused in [false, true] {
        run_in_process(&machine, "blocks_by_cudnn", unfused, 50);
    }
    run_in_process(&machine, "convolutions_by_cudnn", false, 40);
    run_in_process(&machine, "batch_norm_by_its_own_kernels", false, 0);
    run_in_process(&machine, "adam_by_its_own_kernel", false, 0);
    run_in_process(&machine, "descent_by_its_own_kernel", false, 0);
}

/// Runs an ignored test of this file in a process with the made-up driver, where cuDNN must be called at least so many
/// times.
fn run_in_process(machine: &Machine, test: &str, unfused: bool, least: u64) {
    let calls = machine.folder.path().join(format!("calls-{test}-{unfused}"));
    let mut child = Command::new(std::env::current_exe().expect("a test"));
    child.args(["--exact", test, "--ignored", "--nocapture"]);
    child.env("LD_LIBRARY_PATH", machine.libraries()).env("CUDA_PATH", machine.toolkit());
    child
        .env("PRETEND_COMPUTE", "1")
        .env("MIEN_CONVOLUTIONS", "cudnn")
        .env("PRETEND_CUDNN_CALLS", &calls)
        .env_remove("CUDA_VISIBLE_DEVICES");
    if unfused {
        child.env("PRETEND_CUDNN_UNFUSED", "1");
    }
    let output = child.output().expect("it runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
    assert!(fs::metadata(&calls).map_or(0, |calls| calls.len()) >= least, "{printed}");
}

/// The made-up driver's memory is the host's; only cuDNN and our own kernels compute. So blocks get tensors in the
/// layout that they need, and results are read in the layout that they have.
#[test]
#[ignore = "on the made-up driver, by the test above"]
fn blocks_by_cudnn() {
    for (number, sizes) in (1..).zip([
        [2, 3, 4, 6, 6],
        [1, 5, 9, 7, 4],
        [3, 8, 2, 2, 9],
        [2, 1, 32, 12, 12],
        [1, 3, 72, 5, 5],
        [37, 2, 8, 48, 48],
    ]) {
        for pool in [Pool::Max2, Pool::None] {
            let case = blocks::Case::new(sizes, number);
            let expected = case.results::<Flex>(pool, false);
            let found = case.results::<Cuda>(pool, false);
            blocks::same(&found, &expected, 1e-5, &format!("{sizes:?} {pool:?}"));
            let rounded = case.results::<Cuda>(pool, true);
            // In bf16 two numbers of a window may be equal, and the gradient goes to the first. Where the bias is added
            // after a rounding, a sum close to zero may change its sign.
            let unfused = std::env::var_os("PRETEND_CUDNN_UNFUSED").is_some();
            let bar = if pool == Pool::Max2 || unfused { 0.1 } else { 0.02 };
            blocks::same(&rounded, &expected, bar, &format!("{sizes:?} {pool:?} bf16"));
        }
    }
}

/// Convolutions without bias: before batch norm, with other kernels than 3×3, and with a stride.
#[test]
#[ignore = "on the made-up driver, by `blocks_by_cudnn_equal_those_of_the_cpu`"]
fn convolutions_by_cudnn() {
    for (number, (sizes, kernel, stride)) in (1..).zip([
        ([2, 3, 4, 6, 6], 3, 1),
        ([1, 5, 9, 7, 4], 1, 1),
        ([3, 8, 2, 9, 12], 3, 2),
        ([2, 4, 6, 8, 8], 1, 2),
        ([1, 1, 8, 11, 9], 7, 2),
    ]) {
        let case = blocks::Case::with_kernel(sizes, kernel, number);
        let expected = case.convolution_by_burn(stride);
        let what = format!("{sizes:?}, {kernel}×{kernel}, every {stride}");
        blocks::same(&case.convolution(stride, false), &expected, 1e-5, &what);
        blocks::same(&case.convolution(stride, true), &expected, 0.02, &format!("{what}, bf16"));
    }
}

#[test]
#[ignore = "on the made-up driver, by `blocks_by_cudnn_equal_those_of_the_cpu`"]
fn batch_norm_by_its_own_kernels() {
    for (number, sizes) in
        (1..).zip([[2, 4, 4, 6, 6], [1, 5, 5, 7, 4], [3, 72, 72, 5, 9], [40, 8, 8, 24, 24], [2, 6, 6, 1, 3]])
    {
        let case = blocks::Case::new(sizes, number);
        for relu in [false, true] {
            let expected = case.batch_norm_by_burn(relu);
            let what = format!("{sizes:?}, with ReLU: {relu}");
            blocks::same(&case.batch_norm(relu, false), &expected, 2e-5, &what);
            blocks::same(&case.batch_norm(relu, true), &expected, 0.05, &format!("{what}, bf16"));
        }
    }
}

#[test]
#[ignore = "on the made-up driver, by `blocks_by_cudnn_equal_those_of_the_cpu`"]
fn adam_by_its_own_kernel() {
    let step = AdamStep { rate: 0.01, kept: 0.75, betas: [0.9, 0.999], correction: 0.6, epsilon: 1e-3 };
    for (number, shape) in (1..).zip([vec![37], vec![6, 8], vec![5, 2, 3, 3], vec![8, 4, 3, 3]]) {
        let [parameter, gradient, first, second] = blocks::of_adam(shape.iter().product(), number);
        let (mut moved, mut firsts, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
        for (((value, grad), first), second) in parameter.iter().zip(&gradient).zip(&first).zip(&second) {
            let (first, second) = (first * 0.9 + grad * 0.1, second * 0.999 + grad * grad * 0.001);
            moved.push(value * 0.75 - first * 0.6 / (second.sqrt() + 1e-3) * 0.01);
            firsts.push(first);
            seconds.push(second);
        }
        let found = blocks::step_of_adam(&shape, [&parameter, &gradient, &first, &second], step);
        blocks::same(&found, &[moved, firsts, seconds], 1e-6, &format!("{shape:?}"));
    }
}

#[test]
#[ignore = "on the made-up driver, by `blocks_by_cudnn_equal_those_of_the_cpu`"]
fn descent_by_its_own_kernel() {
    let step = DescentStep { rate: 0.01, decay: 0.25, momentum: 0.9 };
    for (number, shape) in (1..).zip([vec![37], vec![6, 8], vec![5, 2, 3, 3], vec![8, 4, 3, 3]]) {
        let [parameter, gradient, velocity, _] = blocks::of_adam(shape.iter().product(), number);
        let (mut moved, mut velocities) = (Vec::new(), Vec::new());
        for ((value, grad), velocity) in parameter.iter().zip(&gradient).zip(&velocity) {
            let grad = grad + value * 0.25;
            let velocity = velocity * 0.9 + grad;
            moved.push(value - (grad + velocity * 0.9) * 0.01);
            velocities.push(velocity);
        }
        let found = blocks::step_of_descent(&shape, [&parameter, &gradient, &velocity], step);
        blocks::same(&found, &[moved, velocities], 1e-6, &format!("{shape:?}"));
    }
}

#[test]
fn a_device_without_memory_or_lost_ends_a_run_with_advice() {
    let machine = Machine::new();
    machine.lab.faces(175);
    let cause = |name: &str, more: &[(&str, &str)]| match outcome(&machine.train(name, &["--epochs", "1"], more)) {
        Outcome::Failed { cause, .. } => cause.clone(),
        other => panic!("{other:?}"),
    };
    let printed = cause("small", &[("PRETEND_MIB", "8")]);
    assert!(printed.contains("no memory left: a batch of 64 does not fit, 32 may"), "{printed}");
    let printed = cause("lost", &[("PRETEND_LOST", "400")]);
    assert!(printed.contains("the device failed (CUDA_ERROR_LAUNCH_FAILED)"), "{printed}");
    let log = fs::metadata(machine.lab.home().join("checkpoints/small/worker.log")).expect("a log");
    assert!(log.len() < 100_000, "a panic for every call must not be logged: {} bytes", log.len());

    let words = ["bench", "step", "--strategy", "cnn", "--device", "cuda", "--steps", "1"];
    let output = machine.mien(&words, &[("PRETEND_MIB", "8")]).output().expect("it runs");
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && printed.contains("no memory left") && !printed.contains("panicked"),
        "{printed}"
    );
}

#[test]
fn a_large_batch_passes_a_frozen_base_in_one_chunk_where_memory_allows() {
    let machine = Machine::new();
    let words = ["bench", "step", "--strategy", "features", "--device", "cuda", "--batch", "64", "--size", "224"];
    let step = |mebibytes: &str| {
        machine.text(&[&words[..], &["--steps", "1", "--warm-up", "0"]].concat(), &[("PRETEND_MIB", mebibytes)]);
    };
    step("81559");
    assert_eq!(batches(&machine), BTreeSet::from([64]));
    fs::remove_dir_all(machine.kernels()).expect("removed");
    // At most 41 images in a pass, so two passes of 32.
    step("8192");
    assert_eq!(batches(&machine), BTreeSet::from([32]));
}

#[test]
#[ignore = "takes minutes: scripts/long-tests"]
fn gpu_check_runs_every_item_without_a_gpu() {
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
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "kernels that compute nothing agree with nothing: {printed}");
    let state: Value = serde_json::from_slice(&fs::read(out.join("state.json")).expect("a state")).expect("JSON");
    for (name, item) in state["items"].as_object().expect("items") {
        if name.starts_with("agree/") {
            assert!(item["failed"].as_array().is_some_and(|failed| !failed.is_empty()), "{name}: {item}");
        } else if name != "doctor/nvidia-smi" {
            assert!(item["done"] == true && item["error"].is_null(), "{name}: {item}\n{printed}");
        }
    }
    for stage in ["start/finetune cached", "layers/bf16", "step/finetune all 4 at 32", "latency/stop", "runs/train all"]
    {
        assert!(!state["items"][stage].is_null(), "{stage}: {printed}");
    }
}
