//! Tests training on CUDA without a GPU: the real binary with a made-up driver, run-time compiler and cuDNN
//! (`cuda/driver.c`, `cuda/compiler.c`, `cuda/cudnn.c`). Burn's kernels compute nothing there. Tested are the device
//! probe, compiled and cached kernels, memory, reads and waits, messages of failures, and blocks by cuDNN.

#![cfg(all(feature = "trainer", feature = "cuda"))]

mod lab;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::backend::{Cuda, Flex};
use lab::Lab;
use mien::domain::Outcome;
use mien::events::{Event, EventReader, Record};
use mien::model::kernels::{AdamStep, DescentStep, Pool};
use serde_json::Value;

/// The headers that the device probe looks for.
const HEADERS: [&str; 4] = ["cuda_runtime.h", "cuda_fp16.h", "mma.h", "cuda/barrier"];

/// A machine with a made-up GPU, and a home on it.
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

    /// Creates a machine with cuDNN.
    fn with_cudnn() -> Self {
        let machine = Self::new();
        machine.build("cudnn.c", "libcudnn.so.9");
        for part in ["graph", "ops", "cnn", "heuristic", "engines_precompiled", "engines_runtime_compiled"] {
            fs::write(machine.libraries().join(format!("libcudnn_{part}.so.9")), "").expect("written");
        }
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

    /// Returns `mien` on this machine, with `more` in its environment.
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

    /// Returns the calls of the last process that launched a kernel.
    fn counts(&self) -> Value {
        let text = fs::read_to_string(self.folder.path().join("counts")).expect("counts");
        serde_json::from_str(text.lines().last().expect("a line")).expect("JSON")
    }

    /// Returns the number of programs compiled so far.
    fn compiled(&self) -> u64 {
        fs::metadata(self.folder.path().join("compiled")).map_or(0, |file| file.len())
    }

    /// Trains a run to its end, whatever that is, and returns its events.
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
        let words = ["bench", "step", "--strategy", "cnn", "--device", "cuda", "--steps", "1"];
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

mod blocks {
    use burn::backend::{Autodiff, Cuda, Flex};
    use burn::tensor::backend::Backend;
    use burn::tensor::{DType, Tensor, TensorData, TensorPrimitive};
    use mien::model::kernels::{
        AdamStep, BatchNormSettings, BlockSettings, DescentStep, KernelBackend, Pool, RequiredGradients, batch_norm,
        convolution,
    };

    /// The inputs of a block `[n, c_in, c_out, h, w]`, channels last.
    pub(crate) struct Case {
        sizes: [usize; 5],
        kernel: usize,
        x: Vec<f32>,
        weight: Vec<f32>,
        bias: Vec<f32>,
        seed: u64,
    }

    /// Returns numbers between -1 and 1 that are multiples of 1/128, which bf16 represents exactly.
    fn numbers(len: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f32::from(state.to_le_bytes()[5].cast_signed()) / 128.0
        };
        (0..len).map(|_| next()).collect()
    }

    fn tensor<B: Backend, const D: usize>(values: &[f32], shape: [usize; D], rounded: bool) -> Tensor<B, D> {
        let kind = if rounded { DType::BF16 } else { DType::F32 };
        // Sent with one dimension, because rows of a tensor with several may be padded.
        let data = TensorData::new(values.to_vec(), [values.len()]).convert_dtype(kind);
        Tensor::<B, 1>::from_data(data, (&B::Device::default(), kind)).reshape(shape)
    }

    fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
        tensor.into_data().convert::<f32>().into_vec().expect("f32")
    }

    impl Case {
        pub(crate) fn new(sizes: [usize; 5], seed: u64) -> Self {
            Self::with_kernel(sizes, 3, seed)
        }

        pub(crate) fn with_kernel(sizes: [usize; 5], kernel: usize, seed: u64) -> Self {
            let [n, c_in, c_out, h, w] = sizes;
            Self {
                sizes,
                kernel,
                x: numbers(n * h * w * c_in, seed),
                weight: numbers(c_out * kernel * kernel * c_in, seed + 1),
                bias: numbers(c_out, seed + 2),
                seed,
            }
        }

        /// Returns the block's output without and with tracking, and the gradients of input, weight and bias.
        pub(crate) fn results<B: KernelBackend>(&self, pool: Pool, rounded: bool) -> Vec<Vec<f32>> {
            let [n, c_in, c_out, h, w] = self.sizes;
            let down = if pool == Pool::Max2 { 2 } else { 1 };
            let out = [n, h / down, w / down, c_out];
            let by_channels = |values: &[f32], shape: [usize; 4]| {
                let tensor = tensor::<B, 4>(values, shape, rounded).permute([0, 3, 1, 2]);
                tensor.into_primitive().tensor()
            };
            let by_pixels =
                |found| values(Tensor::<B, 4>::from_primitive(TensorPrimitive::Float(found)).permute([0, 2, 3, 1]));
            let (x, weight) = (by_channels(&self.x, [n, h, w, c_in]), by_channels(&self.weight, [c_out, 3, 3, c_in]));
            let bias = tensor::<B, 1>(&self.bias, [c_out], rounded).into_primitive().tensor();
            let grad = by_channels(&numbers(out.iter().product(), self.seed + 3), out);

            let settings = BlockSettings { relu: true, pool };
            let plain = B::conv_block(x.clone(), weight.clone(), Some(bias.clone()), settings);
            let (tracked, saved) = B::conv_block_tracked(&x, &weight, Some(&bias), settings).expect("a fused block");
            let wanted = RequiredGradients { x: true, parameters: true, bias: true };
            let found = B::conv_block_backward(grad.clone(), x.clone(), weight.clone(), &saved, wanted);
            let (of_weight, of_bias) = found.parameters.expect("gradients");
            let less = RequiredGradients { x: false, parameters: true, bias: true };
            let lowest = B::conv_block_backward(grad, x, weight, &saved, less);
            assert!(lowest.x.is_none());
            let (again, bias_again) = lowest.parameters.expect("gradients");
            let of_bias = values(Tensor::<B, 1>::from_primitive(TensorPrimitive::Float(of_bias)));
            let of_x = by_pixels(found.x.expect("a gradient"));
            let bias_again = values(Tensor::<B, 1>::from_primitive(TensorPrimitive::Float(bias_again)));
            let outputs = [by_pixels(plain), by_pixels(tracked)];
            [outputs.to_vec(), vec![of_x, by_pixels(of_weight), of_bias, by_pixels(again), bias_again]].concat()
        }

        /// Returns the output of a convolution without and with tracking, and the gradients of its input and weight, by
        /// cuDNN.
        pub(crate) fn convolution(&self, stride: usize, rounded: bool) -> Vec<Vec<f32>> {
            let ([n, c_in, c_out, h, w], kernel) = (self.sizes, self.kernel);
            let by_channels = |values: &[f32], shape: [usize; 4]| {
                tensor::<Cuda, 4>(values, shape, rounded).permute([0, 3, 1, 2]).into_primitive().tensor()
            };
            let by_pixels =
                |found| values(Tensor::<Cuda, 4>::from_primitive(TensorPrimitive::Float(found)).permute([0, 2, 3, 1]));
            let x = by_channels(&self.x, [n, h, w, c_in]);
            let weight = by_channels(&self.weight, [c_out, kernel, kernel, c_in]);
            let grad = by_channels(&self.gradient(stride), self.outputs(stride));
            let plain = Cuda::convolution(x.clone(), weight.clone(), stride);
            let tracked = Cuda::convolution_tracked(&x, &weight, stride).expect("by cuDNN");
            let wanted = RequiredGradients { x: true, parameters: true, bias: false };
            let (of_x, of_weight) = Cuda::convolution_backward(grad, x, weight, stride, wanted);
            let gradients = [of_x, of_weight].map(|found| by_pixels(found.expect("a gradient")));
            [vec![by_pixels(plain), by_pixels(tracked)], gradients.to_vec()].concat()
        }

        /// Returns the results of [`Self::convolution`] by burn's operations on the CPU.
        pub(crate) fn convolution_by_burn(&self, stride: usize) -> Vec<Vec<f32>> {
            type Cpu = Autodiff<Flex>;
            let ([n, c_in, c_out, h, w], kernel) = (self.sizes, self.kernel);
            let by_channels =
                |values: &[f32], shape: [usize; 4]| tensor::<Flex, 4>(values, shape, false).permute([0, 3, 1, 2]);
            let x = by_channels(&self.x, [n, h, w, c_in]);
            let weight = by_channels(&self.weight, [c_out, kernel, kernel, c_in]);
            let [x, weight] = [x, weight].map(|tensor| Tensor::<Cpu, 4>::from_inner(tensor).require_grad());
            let out = convolution(x.clone(), weight.clone(), stride);
            // The gradient of a sum of products with these numbers is these numbers.
            let grad = by_channels(&self.gradient(stride), self.outputs(stride));
            let gradients = (out.clone() * Tensor::from_inner(grad)).sum().backward();
            let by_pixels = |found: Tensor<Flex, 4>| values(found.permute([0, 2, 3, 1]));
            let of = |tensor: &Tensor<Cpu, 4>| by_pixels(tensor.grad(&gradients).expect("a gradient"));
            let out = by_pixels(out.inner());
            vec![out.clone(), out, of(&x), of(&weight)]
        }

        /// Returns the results of batch norm in a training step by our kernels: output, running mean and variance, and
        /// the gradients of input, scale and shift.
        pub(crate) fn batch_norm(&self, relu: bool, rounded: bool) -> Vec<Vec<f32>> {
            let [n, channels, _, h, w] = self.sizes;
            let by_channels = |values: &[f32]| {
                tensor::<Cuda, 4>(values, [n, h, w, channels], rounded).permute([0, 3, 1, 2]).into_primitive().tensor()
            };
            let vector = |values: &[f32]| tensor::<Cuda, 1>(values, [channels], false).into_primitive().tensor();
            let read = |found| values(Tensor::<Cuda, 1>::from_primitive(TensorPrimitive::Float(found)));
            let by_pixels =
                |found| values(Tensor::<Cuda, 4>::from_primitive(TensorPrimitive::Float(found)).permute([0, 2, 3, 1]));
            let (x, grad) = (by_channels(&self.x), by_channels(&numbers(self.x.len(), self.seed + 3)));
            let [scale, shift, mean, variance] = self.vectors().map(|values| vector(&values));
            let settings = BatchNormSettings { epsilon: 1e-3, momentum: 0.25, relu };
            let found = Cuda::batch_norm_tracked(&x, &scale, &shift, &[mean, variance], settings).expect("a kernel");
            let [of_x, of_scale, of_shift] = Cuda::batch_norm_backward(grad, x, [scale, shift], &found.saved);
            let [mean, variance] = found.running;
            vec![by_pixels(found.y), read(mean), read(variance), by_pixels(of_x), read(of_scale), read(of_shift)]
        }

        /// Returns the results of [`Self::batch_norm`] by burn's operations on the CPU.
        pub(crate) fn batch_norm_by_burn(&self, relu: bool) -> Vec<Vec<f32>> {
            type Cpu = Autodiff<Flex>;
            let [n, channels, _, h, w] = self.sizes;
            let by_channels =
                |values: &[f32]| tensor::<Flex, 4>(values, [n, h, w, channels], false).permute([0, 3, 1, 2]);
            let x = Tensor::<Cpu, 4>::from_inner(by_channels(&self.x)).require_grad();
            let vectors = self.vectors().map(|values| Tensor::<Cpu, 1>::from_inner(tensor(&values, [channels], false)));
            let [scale, shift, mean, variance] = vectors;
            let [scale, shift] = [scale, shift].map(Tensor::require_grad);
            let settings = BatchNormSettings { epsilon: 1e-3, momentum: 0.25, relu };
            let (out, running) = batch_norm(x.clone(), [scale.clone(), shift.clone()], [mean, variance], settings);
            let grad = by_channels(&numbers(self.x.len(), self.seed + 3));
            let gradients = (out.clone() * Tensor::from_inner(grad)).sum().backward();
            let by_pixels = |found: Tensor<Flex, 4>| values(found.permute([0, 2, 3, 1]));
            let [mean, variance] = running.map(|vector| values(vector.inner()));
            let of_x = by_pixels(x.grad(&gradients).expect("a gradient"));
            let [of_scale, of_shift] =
                [scale, shift].map(|vector| values(vector.grad(&gradients).expect("a gradient")));
            vec![by_pixels(out.inner()), mean, variance, of_x, of_scale, of_shift]
        }

        /// Returns scale, shift, running mean and running variance.
        fn vectors(&self) -> [Vec<f32>; 4] {
            let channels = self.sizes[1];
            let [scale, shift, mean, variance] = [4, 5, 6, 7].map(|seed| numbers(channels, self.seed + seed));
            [scale, shift, mean, variance.iter().map(|value| value.abs() + 0.5).collect()]
        }

        /// Returns the shape of a convolution's output, channels last.
        fn outputs(&self, stride: usize) -> [usize; 4] {
            let [n, _, c_out, h, w] = self.sizes;
            let [rows, columns] = [h, w].map(|side| (side + 2 * (self.kernel / 2) - self.kernel) / stride + 1);
            [n, rows, columns, c_out]
        }

        fn gradient(&self, stride: usize) -> Vec<f32> {
            numbers(self.outputs(stride).iter().product(), self.seed + 3)
        }
    }

    /// Returns a parameter, its gradient and both moments.
    pub(crate) fn of_adam(len: usize, seed: u64) -> [Vec<f32>; 4] {
        let [parameter, gradient, first, second] = [0, 1, 2, 3].map(|more| numbers(len, 4 * seed + more));
        [parameter, gradient, first, second.iter().map(|value| value.abs()).collect()]
    }

    /// A tensor of the backend.
    type Raw = burn::tensor::ops::FloatTensor<Cuda>;

    /// Returns the parameter and both moments after a step on CUDA. Filters are passed and read channels last.
    pub(crate) fn step_of_adam(shape: &[usize], tensors: [&[f32]; 4], step: AdamStep) -> Vec<Vec<f32>> {
        in_shape(shape, &tensors, |of| {
            Cuda::adam_step(&of[0], &of[1], [&of[2], &of[3]], step).expect("a kernel").to_vec()
        })
    }

    /// Returns the parameter and its velocity after a step on CUDA. Filters are passed and read channels last.
    pub(crate) fn step_of_descent(shape: &[usize], tensors: [&[f32]; 3], step: DescentStep) -> Vec<Vec<f32>> {
        in_shape(shape, &tensors, |of| Cuda::descent_step(&of[0], &of[1], &of[2], step).expect("a kernel").to_vec())
    }

    fn in_shape(shape: &[usize], tensors: &[&[f32]], step: impl Fn(&[Raw]) -> Vec<Raw>) -> Vec<Vec<f32>> {
        fn turned<const D: usize>(
            tensors: &[&[f32]],
            shape: [usize; D],
            step: impl Fn(&[Raw]) -> Vec<Raw>,
            [turn, back]: [fn(Tensor<Cuda, D>) -> Tensor<Cuda, D>; 2],
        ) -> Vec<Vec<f32>> {
            let of = |values: &&[f32]| turn(tensor::<Cuda, D>(values, shape, false)).into_primitive().tensor();
            let found = step(&tensors.iter().map(of).collect::<Vec<Raw>>());
            let read = |tensor| values(back(Tensor::from_primitive(TensorPrimitive::Float(tensor))));
            found.into_iter().map(read).collect()
        }
        match *shape {
            [a] => turned(tensors, [a], step, [|tensor| tensor, |tensor| tensor]),
            [a, b] => turned(tensors, [a, b], step, [|tensor| tensor, |tensor| tensor]),
            [out, inputs, kernel, _] => {
                let turns: [fn(Tensor<Cuda, 4>) -> Tensor<Cuda, 4>; 2] =
                    [|tensor| tensor.permute([0, 3, 1, 2]), |tensor| tensor.permute([0, 2, 3, 1])];
                turned(tensors, [out, kernel, kernel, inputs], step, turns)
            }
            _ => unreachable!("no parameter has another shape"),
        }
    }

    /// Compares results by their relative distance.
    pub(crate) fn same(found: &[Vec<f32>], expected: &[Vec<f32>], bar: f32, case: &str) {
        for (part, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert_eq!(found.len(), expected.len(), "{case}, part {part}");
            let squares = |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>().sqrt();
            let off = squares(&mut found.iter().zip(expected).map(|(found, expected)| found - expected));
            let size = squares(&mut expected.iter().copied());
            assert!(size > 0.0 && off / size <= bar, "{case}, part {part}: {off} of {size}");
        }
    }
}

/// Returns the batch sizes of the tuned convolutions, as tuning rounds them.
fn batches(machine: &Machine) -> BTreeSet<u64> {
    tuned(&machine.kernels()).iter().filter_map(|key| key["batch_size"].as_u64()).collect()
}

/// Returns the tuned 3×3 convolutions. One algorithm for a weight's gradient is a convolution with another kernel.
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
