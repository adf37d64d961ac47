//! The home as it was last read: its datasets, imported weights and runs. Several screens show them.

use std::sync::Arc;

use crate::domain::text::printable;
use crate::domain::{DatasetName, LeftOutImages, RunId, RunState, SplitCounts, WeightsName};
use crate::events::Damage;
use crate::runs::detail::LogLine;
use crate::runs::facts::RunFacts;
use crate::runs::{Annotations, Steps, Summary, WorkerDeath};
use crate::supervise::kill::{STOP_ANSWER_GRACE, STOP_GRACE};
use crate::weights::{Manifest, preferred};

/// Entries of one kind in the home.
#[derive(Debug, Clone)]
pub struct Listing<T> {
    /// Whether they were read.
    pub loaded: bool,
    /// Why they cannot be listed.
    pub error: Option<String>,
    /// The entries. Datasets and weights by name; runs with active ones first, each group from the youngest.
    pub list: Vec<T>,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { loaded: false, error: None, list: Vec::new() }
    }
}

impl<T> Listing<T> {
    /// Takes the entries in, or the reason why there are none. What was listed before stays where listing failed.
    pub fn put(&mut self, read: Result<Vec<T>, String>) {
        match read {
            Ok(list) => *self = Self { loaded: true, error: None, list },
            Err(error) => self.error = Some(printable(&error)),
        }
    }
}

/// All that was read of the home.
#[derive(Debug, Clone, Default)]
pub struct Library {
    /// The datasets.
    pub datasets: Listing<DatasetEntry>,
    /// The imported weights.
    pub weights: Listing<WeightsEntry>,
    /// The runs.
    pub runs: Listing<RunView>,
}

impl Listing<DatasetEntry> {
    /// The dataset of this name, if it can be read.
    #[must_use]
    pub fn find(&self, name: &DatasetName) -> Option<&DatasetView> {
        self.list.iter().find(|entry| entry.name == *name)?.dataset.as_ref().ok()
    }

    /// Whether something lies under this name, readable or not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.list.iter().any(|entry| entry.name.as_str() == name)
    }

    /// The datasets that can be read.
    pub fn readable(&self) -> impl Iterator<Item = &DatasetView> {
        self.list.iter().filter_map(|entry| entry.dataset.as_ref().ok())
    }
}

impl Listing<WeightsEntry> {
    /// The manifest of the weights of this name, or why it cannot be read; `None` if there are none.
    #[must_use]
    pub fn find(&self, name: &WeightsName) -> Option<&Result<Manifest, String>> {
        self.list.iter().find(|entry| entry.name == *name).map(|entry| &entry.manifest)
    }

    /// The weights to take where none are chosen: trained on faces, else on ImageNet, else the first.
    #[must_use]
    pub fn preferred(&self) -> Option<&WeightsName> {
        let names: Vec<&WeightsName> = self.list.iter().map(|entry| &entry.name).collect();
        preferred(&names).or(names.first().copied())
    }
}

impl Listing<RunView> {
    /// The run of this name.
    #[must_use]
    pub fn find(&self, id: &RunId) -> Option<&RunView> {
        self.list.iter().find(|run| run.id == *id)
    }

    /// How many runs a worker is at, or about to be.
    #[must_use]
    pub fn active(&self, now: u64) -> usize {
        self.list.iter().filter(|run| run.is_active(now)).count()
    }
}

/// A dataset as the screens show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetView {
    /// Its name.
    pub name: DatasetName,
    /// Hash of its content.
    pub fingerprint: String,
    /// Pixels in a row of an image.
    pub width: u32,
    /// Rows of an image.
    pub height: u32,
    /// 1 for gray, 3 for colour.
    pub channels: u32,
    /// Classes by label, their names safe to print.
    pub classes: Vec<(String, SplitCounts)>,
    /// How many files of the source were left out at import: broken images, notes, links.
    pub skipped: u64,
    /// What its check found, in few words each; empty where it was not checked yet, or nothing was found.
    pub findings: Vec<String>,
    /// Training images that are marked as wrongly labelled, with the runs that found them.
    pub marked: LeftOutImages,
    /// Why it cannot be told which are marked.
    pub marks_error: Option<String>,
}

impl DatasetView {
    /// Images in each split.
    #[must_use]
    pub fn counts(&self) -> SplitCounts {
        self.classes.iter().fold(SplitCounts::default(), |sum, (_, counts)| SplitCounts {
            train: sum.train + counts.train,
            validation: sum.validation + counts.validation,
            test: sum.test + counts.test,
        })
    }
}

/// What lies under a dataset's name: the dataset, or why it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetEntry {
    /// The folder's name.
    pub name: DatasetName,
    /// The dataset, or the reason in words.
    pub dataset: Result<DatasetView, String>,
}

/// What lies under a name: weights, or why they cannot be read.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightsEntry {
    /// The file's name.
    pub name: WeightsName,
    /// What the file says of itself, or the reason in words.
    pub manifest: Result<Manifest, String>,
}

/// A run as it was when the watcher last looked. Cheap to copy.
#[derive(Debug, Clone)]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// Its events folded up, or why they cannot be read.
    pub summary: Result<Arc<Summary>, String>,
    /// Whether a worker held its lock, or may begin at any time.
    pub alive: bool,
    /// Whether nobody held it, but a worker may begin at any time.
    pub submitted: bool,
    /// When its worker was asked to stop, by whomever, in milliseconds since 1970; `None` once the request is taken
    /// back.
    pub stop_asked: Option<u64>,
    /// Why its worker is gone, if it is and the run has not ended.
    pub loss: Option<WorkerDeath>,
    /// Whether it has saved weights that fine-tuning can start from.
    pub saved: bool,
    /// The lines of its log that are damaged and were left out.
    pub damage: Damage,
    /// What a person says about it.
    pub about: Arc<Annotations>,
    /// The training curve within epochs; `None` until the watcher was asked for this run whole.
    pub curves: Option<Arc<Steps>>,
    /// The end of its log; empty until the watcher was asked for this run whole.
    pub log: Arc<Vec<LogLine>>,
}

impl RunView {
    /// Its state at this time; `None` if the run cannot be read.
    #[must_use]
    pub fn state(&self, now: u64) -> Option<RunState> {
        let summary = self.summary.as_ref().ok()?;
        Some(if self.submitted { RunState::Queued } else { summary.state(self.alive, now) })
    }

    /// Whether a worker is at it, or about to be.
    #[must_use]
    pub fn is_active(&self, now: u64) -> bool {
        self.state(now).is_some_and(RunState::is_active)
    }

    /// Whether its worker was asked to stop and has not answered, or not obeyed, for so long that it may be stuck.
    #[must_use]
    pub fn ignores_a_stop(&self, now: u64) -> bool {
        let (Some(asked), Ok(summary), true) = (self.stop_asked, &self.summary, self.alive) else { return false };
        let patience = if summary.stopping { STOP_GRACE } else { STOP_ANSWER_GRACE };
        now.saturating_sub(asked) >= patience
    }

    /// The values that filters and orders of the list go by; `None` if the run cannot be read.
    #[must_use]
    pub fn facts(&self, now: u64) -> Option<RunFacts> {
        let summary = self.summary.as_ref().ok()?;
        Some(RunFacts::new(Arc::clone(summary), Arc::clone(&self.about), self.state(now)?, now))
    }
}
