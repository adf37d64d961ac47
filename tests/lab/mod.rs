//! A temporary home, the real binary, and runs generated from events.

#![allow(dead_code, clippy::cast_precision_loss, clippy::cast_possible_truncation)]

use std::fmt::Write as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use mien::domain::{
    Confusion, DatasetName, EarlyStoppingStatus, EpochMetrics, FinishReason, Outcome, Preprocessing, Recipe, RunId,
    Split, SplitCounts, WeightsName,
};
use mien::events::{Event, EventReader, EventWriter};
use mien::runs::{FollowedRun, Home, RunFolder, RunStore};
use mien::weights::{ImportOptions, VGG16};
use rustix::process::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// The longest wait in seconds, for slow and busy machines.
pub(crate) const PATIENCE: u64 = 300;

pub(crate) struct Lab {
    home: PathBuf,
    _folder: Option<TempDir>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { home: folder.path().to_owned(), _folder: Some(folder) }
    }

    /// Returns a lab on an existing folder, which stays.
    pub(crate) fn at(home: PathBuf) -> Self {
        Self { home, _folder: None }
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
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

    /// Starts `mien --home HOME ARGUMENTS` in a new process group, as a shell does, with piped output.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mien"));
        command.env_remove("MIEN_HOME").arg("--home").arg(self.home()).args(arguments).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
    }

    /// Returns the folder of this run.
    pub(crate) fn folder(&self, id: &str) -> RunFolder {
        self.store().folder(&RunId::new(id).expect("an id"))
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

    /// Returns the first run, if there is one.
    pub(crate) fn first_run(&self) -> Option<FollowedRun> {
        let id = self.store().ids().expect("ids").into_iter().next()?;
        self.store().summary(&id).ok()
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
        let file = self.home().join("vgg16.safetensors");
        write_vgg16(&file);
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
        Event::DeviceChosen { device: "cpu".into(), description: "a CPU".into(), note: None },
        Event::DataOpened {
            images: SplitCounts { train: 8, validation: 2, test: 4 },
            classes: vec!["happy".into(), "悲しい\u{1b}[2J".into()],
        },
        Event::NetworkBuilt { total: 83_335, trainable: 83_335 },
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

/// Returns the last completed epoch in a run's log, 0 without one.
pub(crate) fn epochs_done(folder: &RunFolder) -> u32 {
    let finished =
        |event: &Event| if let Event::EpochFinished { metrics, .. } = event { Some(metrics.epoch) } else { None };
    if folder.events_file().exists() { events(folder).iter().rev().find_map(finished).unwrap_or(0) } else { 0 }
}

/// Waits until a run has completed this epoch.
pub(crate) fn wait_for_epoch(folder: &RunFolder, epoch: u32) {
    wait_for(&format!("epoch {epoch}"), PATIENCE, || (epochs_done(folder) >= epoch).then_some(()));
}

/// Returns the time of the first such event in a run's log, in milliseconds since 1970.
pub(crate) fn time_of(folder: &RunFolder, is_wanted: impl Fn(&Event) -> bool) -> u64 {
    let mut records = Vec::new();
    EventReader::new(&folder.events_file()).poll(&mut records).expect("a readable log");
    records.iter().find(|record| is_wanted(&record.event)).expect("the event").at
}

/// Returns the history of a shown run without its times, which differ from run to run.
pub(crate) fn history_of(run: &Value) -> Vec<Value> {
    let mut history = run["history"].as_array().expect("a history").clone();
    for epoch in &mut history {
        let epoch = epoch.as_object_mut().expect("an epoch");
        epoch.remove("seconds").expect("seconds");
        epoch.remove("images_per_second").expect("images per second");
    }
    history
}

/// Writes generated weights of VGG16's shape as safetensors, under torchvision's names (59 MB).
pub(crate) fn write_vgg16(path: &Path) {
    // The numbers of the convolutions in torchvision's `features`, where ReLU and pooling count too.
    let numbers = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28];
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = VGG16
        .iter()
        .zip(numbers)
        .flat_map(|((name, inputs, outputs), number)| {
            let scale = (6.0 / (9 * inputs) as f32).sqrt();
            // The position of a layer in its block decides its values.
            let seed: u32 = name.rsplit("conv").next().and_then(|digit| digit.parse().ok()).expect("a number");
            let value = |index: u32| {
                let bits = index.wrapping_mul(2_654_435_761).wrapping_add(seed * 40_503);
                let bits = (bits ^ (bits >> 15)).wrapping_mul(2_246_822_519);
                ((bits ^ (bits >> 13)) as f32 / 2_147_483_648.0 - 1.0) * scale
            };
            let count = u32::try_from(9 * inputs * outputs).expect("few");
            let kernel = (0..count).flat_map(|index| value(index).to_le_bytes()).collect();
            [
                (format!("features.{number}.weight"), vec![*outputs, *inputs, 3, 3], kernel),
                (format!("features.{number}.bias"), vec![*outputs], vec![0; 4 * outputs]),
            ]
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name, safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).expect("fits"))
    });
    std::fs::write(path, safetensors::serialize(views, None).expect("serialized")).expect("written");
}

/// Asserts that an object has these keys, among others.
pub(crate) fn has_keys(value: &Value, expected: &[&str]) {
    for key in expected {
        assert!(value.get(key).is_some(), "'{key}' is missing in {value}");
    }
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
