//! A machine with a made-up GPU, and what its runs leave there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mien::domain::Outcome;
use mien::events::{Event, EventReader, Record};
use serde_json::Value;

use crate::lab::Lab;

/// The headers that the device probe looks for.
const HEADERS: [&str; 4] = ["cuda_runtime.h", "cuda_fp16.h", "mma.h", "cuda/barrier"];

/// A machine with a made-up GPU, and a home on it.
pub(crate) struct Machine {
    pub(crate) lab: Lab,
    pub(crate) folder: tempfile::TempDir,
}

impl Machine {
    pub(crate) fn new() -> Self {
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
    pub(crate) fn with_cudnn() -> Self {
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

    pub(crate) fn toolkit(&self) -> PathBuf {
        self.folder.path().join("cuda")
    }

    pub(crate) fn libraries(&self) -> PathBuf {
        self.folder.path().join("lib")
    }

    pub(crate) fn kernels(&self) -> PathBuf {
        self.folder.path().join("cache/mien/kernels")
    }

    /// Returns `mien` on this machine, with `more` in its environment.
    pub(crate) fn mien(&self, arguments: &[&str], more: &[(&str, &str)]) -> assert_cmd::Command {
        let mut command = self.lab.mien(arguments);
        let counts = [("PRETEND_COUNTS", "counts"), ("PRETEND_COMPILED", "compiled"), ("XDG_CACHE_HOME", "cache")];
        for (variable, name) in counts {
            command.env(variable, self.folder.path().join(name));
        }
        command.env("CUDA_PATH", self.toolkit()).env("LD_LIBRARY_PATH", self.libraries());
        command.env_remove("CUDA_VISIBLE_DEVICES").env_remove("MIEN_RESIDENT_MIB").envs(more.iter().copied());
        command
    }

    pub(crate) fn text(&self, arguments: &[&str], more: &[(&str, &str)]) -> String {
        let output = self.mien(arguments, more).assert().success().get_output().clone();
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Returns the calls of the last process that launched a kernel.
    pub(crate) fn counts(&self) -> Value {
        let text = fs::read_to_string(self.folder.path().join("counts")).expect("counts");
        serde_json::from_str(text.lines().last().expect("a line")).expect("JSON")
    }

    /// Returns the number of programs compiled so far.
    pub(crate) fn compiled(&self) -> u64 {
        fs::metadata(self.folder.path().join("compiled")).map_or(0, |file| file.len())
    }

    /// Trains a run to its end, whatever that is, and returns its events.
    pub(crate) fn train(&self, name: &str, arguments: &[&str], more: &[(&str, &str)]) -> Vec<Record> {
        let words = ["train", "cnn", "--dataset", "faces", "--device", "cuda", "--name", name];
        let output = self.mien(&[&words[..], arguments].concat(), more).output().expect("it runs");
        let folder = self.lab.store().folder(&mien::domain::RunId::new(name).expect("an id"));
        let mut records = Vec::new();
        EventReader::new(&folder.events_file()).poll(&mut records).expect("a log");
        assert!(!records.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        records
    }
}

pub(crate) fn outcome(records: &[Record]) -> &Outcome {
    match &records.last().expect("events").event {
        Event::Ended { outcome } => outcome,
        other => panic!("{other:?}"),
    }
}

/// Returns the batch sizes of the tuned convolutions, as tuning rounds them.
pub(crate) fn batches(machine: &Machine) -> BTreeSet<u64> {
    tuned(&machine.kernels()).iter().filter_map(|key| key["batch_size"].as_u64()).collect()
}

/// Returns the tuned 3×3 convolutions. One algorithm for a weight's gradient is a convolution with another kernel.
pub(crate) fn tuned(kernels: &Path) -> Vec<Value> {
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
