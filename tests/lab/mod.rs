//! A temporary home, the real binary, and runs generated from events.

#![allow(dead_code, clippy::cast_precision_loss, clippy::cast_possible_truncation)] // each test crate uses a part of it

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use mien::domain::NetworkName;
use mien::domain::network::TensorKind;
use mien::domain::{
    Confusion, DatasetName, EarlyStoppingStatus, EpochMetrics, FinishReason, Outcome, Preprocessing, Recipe, RunId,
    Split, SplitCounts, WeightsName,
};
use mien::events::{Event, EventReader, EventWriter};
use mien::runs::{Home, RunFolder, RunStore};
use mien::weights::ImportOptions;
use rustix::process::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// The longest wait in seconds, for slow and busy machines.
pub(crate) const PATIENCE: u64 = 300;

pub(crate) struct Lab {
    home: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn store(&self) -> RunStore {
        RunStore::new(Home::new(self.home()))
    }

    /// Returns the command `mien --home HOME ARGUMENTS`.
    pub(crate) fn mien(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mien"));
        command.env_remove("MIEN_HOME").arg("--home").arg(self.home()).args(arguments);
        command
    }

    /// Returns the output of a command that must succeed.
    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        let output = self.mien(arguments).assert().success().get_output().clone();
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Returns the JSON output of a command that must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(arguments)).expect("JSON")
    }

    /// Returns the stderr of a command that must end with this exit code.
    pub(crate) fn complaint(&self, arguments: &[&str], code: i32) -> String {
        let output = self.mien(arguments).assert().code(code).get_output().clone();
        String::from_utf8(output.stderr).expect("UTF-8")
    }

    /// Imports the dataset `faces` with this many rows: seven classes of noise around different brightnesses.
    pub(crate) fn faces(&self, rows: u32) {
        let mut random: u32 = 7;
        let mut noise = || {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            random >> 27
        };
        let mut table = String::from("emotion,pixels,Usage\n");
        for row in 0..rows {
            let emotion = row % 7;
            let pixels: Vec<String> = (0..48 * 48).map(|_| (emotion * 30 + noise()).to_string()).collect();
            let usage = ["Training", "Training", "Training", "PublicTest", "PrivateTest"][(row / 7 % 5) as usize];
            writeln!(table, "{emotion},{},{usage}", pixels.join(" ")).expect("memory");
        }
        let path = self.home().join("faces.csv");
        std::fs::write(&path, table).expect("written");
        self.mien(&["data", "import", path.to_str().expect("a plain path"), "--name", "faces"]).assert().success();
    }

    /// Waits for the only run and returns its folder.
    pub(crate) fn only_run(&self) -> RunFolder {
        wait_for("a run", PATIENCE, || {
            let ids: Vec<RunId> = self.store().ids().expect("ids");
            assert!(ids.len() < 2, "{ids:?}");
            ids.first().map(|id| self.store().folder(id))
        })
    }

    /// Imports generated weights of VGG16's shape under this name.
    pub(crate) fn weights(&self, name: &str) {
        self.weights_for(name, Preprocessing::TORCHVISION);
    }

    /// Imports the same tensors with this preprocessing.
    pub(crate) fn weights_for(&self, name: &str, preprocessing: Preprocessing) {
        let file = self.home().join("made-up.safetensors");
        let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
        for tensor in NetworkName::VGG16.architecture().pretrained_tensors() {
            let count = u32::try_from(tensor.len()).expect("few");
            let bytes = match tensor.kind {
                TensorKind::Weight { fan_in, .. } => {
                    let scale = (6.0 / fan_in as f32).sqrt();
                    // The number of a layer within its block decides its values.
                    let number: u32 =
                        tensor.name.rsplit("conv").next().and_then(|rest| rest[..1].parse().ok()).expect("a number");
                    let value = |index: u32| {
                        let bits = index.wrapping_mul(2_654_435_761).wrapping_add(number * 40_503);
                        let bits = (bits ^ (bits >> 15)).wrapping_mul(2_246_822_519);
                        ((bits ^ (bits >> 13)) as f32 / 2_147_483_648.0 - 1.0) * scale
                    };
                    (0..count).flat_map(|index| value(index).to_le_bytes()).collect()
                }
                _ => vec![0; 4 * tensor.len()],
            };
            tensors.push((tensor.name, tensor.shape, bytes));
        }
        let views = tensors.iter().map(|(name, shape, bytes)| {
            (name, safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).expect("fits"))
        });
        std::fs::write(&file, safetensors::serialize(views, None).expect("serialized")).expect("written");
        let home = self.store().home().clone();
        let name = WeightsName::new(name).expect("a name");
        let options = ImportOptions { preprocessing: Some(preprocessing), replace: true, ..Default::default() };
        mien::weights::import(&file, &name, &home.weights(), &options).expect("imported");
        std::fs::remove_file(file).expect("removed");
    }

    /// Creates a run with these events in its log.
    pub(crate) fn run(&self, id: &str, created_at: u64, events: Vec<Event>) -> RunFolder {
        let dataset = DatasetName::new("demo").expect("a name");
        let recipe = Recipe { epochs: 3, ..Recipe::cnn(dataset, "0".repeat(32), created_at) };
        let id = self.store().create(&RunId::new(id).expect("an id"), &recipe).expect("a run");
        let folder = self.store().folder(&id);
        let mut writer = EventWriter::open(&folder.events_file(), created_at).expect("a log");
        for (at, event) in (created_at..).zip(events) {
            writer.append(at, event).expect("an append");
        }
        folder
    }
}

impl Drop for Lab {
    /// Stops all workers, even if the test failed.
    fn drop(&mut self) {
        for id in self.store().ids().unwrap_or_default() {
            let folder = self.store().folder(&id);
            let begun = Instant::now();
            while folder.worker_alive() && begun.elapsed() < Duration::from_secs(10) {
                let _ = folder.request_stop();
                std::thread::sleep(Duration::from_millis(30));
            }
        }
    }
}

/// Returns the events of a run with two epochs, an early stop and a test.
pub(crate) fn finished() -> Vec<Event> {
    let mut confusion = Confusion::new(2);
    for (truth, predicted) in [(0, 0), (0, 0), (0, 1), (1, 1)] {
        confusion.add(truth, predicted);
    }
    let mut events = begun();
    events.extend([
        epoch(1, 1.5, 1),
        epoch(2, f64::NAN, 1),
        Event::EvaluationStarted { split: Split::Test, images: 4 },
        Event::Evaluated { split: Split::Test, epoch: 1, loss: 1.25, confusion },
        Event::Ended { outcome: Outcome::Finished { reason: FinishReason::EarlyStop } },
    ]);
    events
}

/// Returns the events before the first epoch.
pub(crate) fn begun() -> Vec<Event> {
    vec![
        Event::WorkerStarted { pid: 1, host: "here".into(), resumed_from: 0, resumed_step: 0 },
        Event::DeviceChosen { device: "cpu".into(), description: "a processor".into(), note: None },
        Event::DataOpened {
            images: SplitCounts { train: 8, validation: 2, test: 4 },
            classes: vec!["happy".into(), "悲しい\u{1b}[2J".into()],
        },
        Event::ModelBuilt { total: 83_335, trainable: 83_335 },
    ]
}

pub(crate) fn epoch(epoch: u32, val_loss: f64, best_epoch: u32) -> Event {
    Event::EpochFinished {
        metrics: EpochMetrics {
            epoch,
            train_loss: 1.75,
            train_accuracy: 0.5,
            val_loss,
            val_accuracy: 0.25,
            learning_rate: 1e-3,
            seconds: 2.0,
            images_per_second: 1_000.0,
        },
        early_stopping: EarlyStoppingStatus { best_epoch, best_value: 1.5, waited: epoch - best_epoch },
    }
}

/// Returns the events in a run's log.
pub(crate) fn events(folder: &RunFolder) -> Vec<Event> {
    let mut records = Vec::new();
    EventReader::new(&folder.events_file()).poll(&mut records).expect("a readable log");
    records.into_iter().map(|record| record.event).collect()
}

/// Returns the process id of a run's newest worker.
pub(crate) fn worker_pid(folder: &RunFolder) -> Pid {
    let started = |event: &Event| if let Event::WorkerStarted { pid, .. } = event { Some(*pid) } else { None };
    let pid = events(folder).iter().rev().find_map(started).expect("a worker");
    Pid::from_raw(i32::try_from(pid).expect("a process id")).expect("a process id")
}

/// Waits until `condition` returns a value.
pub(crate) fn wait_for<T>(what: &str, seconds: u64, mut condition: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(begun.elapsed() < Duration::from_secs(seconds), "waited {seconds} s for {what}");
        std::thread::sleep(Duration::from_millis(30));
    }
}
