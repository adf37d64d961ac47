//! A temporary home, the real binary, and runs made up from events.

#![allow(dead_code)] // each test crate uses a part of it

use std::path::Path;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use mien::domain::{
    Confusion, DatasetName, EarlyStoppingStatus, EpochMetrics, FinishReason, Outcome, Recipe, RunId, Split, SplitCounts,
};
use mien::events::{Event, EventWriter};
use mien::runs::{Home, RunFolder, RunStore};
use serde_json::Value;
use tempfile::TempDir;

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

    /// `mien --home HOME ARGUMENTS`.
    pub(crate) fn mien(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mien"));
        command.env_remove("MIEN_HOME").arg("--home").arg(self.home()).args(arguments);
        command
    }

    /// What a command that succeeds prints.
    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        let output = self.mien(arguments).assert().success().get_output().clone();
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// What a command that succeeds prints as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(arguments)).expect("JSON")
    }

    /// What a command that ends with this code says on stderr.
    pub(crate) fn complaint(&self, arguments: &[&str], code: i32) -> String {
        let output = self.mien(arguments).assert().code(code).get_output().clone();
        String::from_utf8(output.stderr).expect("UTF-8")
    }

    /// Makes up a run from what its worker would have written.
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
    /// Leaves no worker behind, whatever became of the test.
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

/// A run that went through two epochs, stopped early and was tested.
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

/// What a worker writes before the first epoch.
pub(crate) fn begun() -> Vec<Event> {
    vec![
        Event::WorkerStarted { pid: 1, host: "here".into(), resumed_from: 0 },
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

/// Waits until `condition` gives a value.
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
