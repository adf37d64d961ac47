//! The content of the home as last read: datasets, imported weights and runs. Several screens show it.

use std::sync::Arc;

use crate::data::check::Exclusion;
use crate::data::features::CacheUsage;
use crate::data::marked::Marks;
use crate::data::overview::Overview;
use crate::domain::number_text::age;
use crate::domain::preflight::DatasetFacts;
use crate::domain::text::printable;
use crate::domain::{DatasetName, GroupSizes, LeftOutImages, RunId, RunState, SplitCounts, WeightsName};
use crate::events::Damage;
use crate::homes::LinkState;
use crate::runs::detail::LogLine;
use crate::runs::facts::RunFacts;
use crate::runs::{Annotations, Machine, Steps, Summary, WorkerDeath};
use crate::supervise::kill::{STOP_ANSWER_GRACE, STOP_GRACE};
use crate::weights::{Manifest, preferred};

/// Entries of one kind in the home.
#[derive(Debug, Clone)]
pub struct Listing<T> {
    /// Whether the entries were read at least once.
    pub loaded: bool,
    /// The reason why the latest listing failed.
    pub error: Option<String>,
    /// The entries. Datasets and weights are ordered by name. Active runs precede the others, and the newest is first
    /// in each group.
    pub list: Vec<T>,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { loaded: false, error: None, list: Vec::new() }
    }
}

impl<T> Listing<T> {
    /// Stores the entries, or the reason why listing failed. A failure keeps the entries of the previous listing.
    pub fn put(&mut self, read: Result<Vec<T>, String>) {
        match read {
            Ok(list) => *self = Self { loaded: true, error: None, list },
            Err(error) => self.error = Some(printable(&error)),
        }
    }
}

/// The line to a home on another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkView {
    /// The name of the home, safe to print.
    pub name: String,
    /// The state.
    pub state: LinkState,
    /// When the home last answered, in milliseconds since 1970.
    pub contact_at: Option<u64>,
}

impl LinkView {
    /// The milliseconds without a byte after which that is shown: a ping and its answer on a slow line.
    pub const QUIET: u64 = 15_000;
}

/// The facts about the machine of a home elsewhere that the form shows, as the home last answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThereView {
    /// When it answered, in milliseconds since 1970.
    pub at: u64,
    /// Its devices, a line each, safe to print.
    pub devices: Vec<String>,
    /// Whether the program there can train.
    pub can_train: bool,
}

/// The datasets, weights and runs of the home.
#[derive(Debug, Clone, Default)]
pub struct Library {
    /// The line to the home, if that is on another machine.
    pub link: Option<LinkView>,
    /// The machine of a home elsewhere, once it was asked for.
    pub there: Option<ThereView>,
    /// The machine on which runs are trained.
    pub machine: Machine,
    /// The datasets.
    pub datasets: Listing<DatasetEntry>,
    /// A dataset and its cached features, as measured last; empty while they are being measured.
    pub features: Option<(DatasetName, Vec<CacheUsage>)>,
    /// The imported weights.
    pub weights: Listing<WeightsEntry>,
    /// The runs.
    pub runs: Listing<RunView>,
}

impl Library {
    /// Returns the cached features of a dataset; empty if those of another one were measured last.
    #[must_use]
    pub fn cached_features(&self, dataset: &DatasetName) -> &[CacheUsage] {
        self.features.as_ref().filter(|(name, _)| name == dataset).map_or(&[], |(_, usage)| usage)
    }

    /// Returns the name of a home on another machine, and how long ago it answered about its datasets.
    #[must_use]
    pub fn there_age(&self, now: u64) -> Option<(&str, String)> {
        let (link, there) = (self.link.as_ref()?, self.there.as_ref()?);
        Some((&link.name, age(now.saturating_sub(there.at))))
    }
}

impl Listing<DatasetEntry> {
    /// Returns the dataset of this name, if it can be read.
    #[must_use]
    pub fn find(&self, name: &DatasetName) -> Option<&DatasetView> {
        self.list.iter().find(|entry| entry.name == *name)?.dataset.as_ref().ok()
    }

    /// Returns whether a dataset of this name exists, readable or not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.list.iter().any(|entry| entry.name.as_str() == name)
    }

    /// Returns the datasets that can be read.
    pub fn readable(&self) -> impl Iterator<Item = &DatasetView> {
        self.list.iter().filter_map(|entry| entry.dataset.as_ref().ok())
    }
}

impl Listing<WeightsEntry> {
    /// Returns the manifest of the weights of this name, or the reason why it cannot be read; `None` if there are none.
    #[must_use]
    pub fn find(&self, name: &WeightsName) -> Option<&Result<Manifest, String>> {
        self.list.iter().find(|entry| entry.name == *name).map(|entry| &entry.manifest)
    }

    /// Returns the default weights: trained on faces, else on ImageNet, else the first.
    #[must_use]
    pub fn preferred(&self) -> Option<&WeightsName> {
        let names: Vec<&WeightsName> = self.list.iter().map(|entry| &entry.name).collect();
        preferred(&names).or(names.first().copied())
    }
}

impl Listing<RunView> {
    /// Returns the run of this name.
    #[must_use]
    pub fn find(&self, id: &RunId) -> Option<&RunView> {
        self.list.iter().find(|run| run.id == *id)
    }

    /// Returns the number of active runs: those that a worker trains, or will soon.
    #[must_use]
    pub fn active(&self, now: u64) -> usize {
        self.list.iter().filter(|run| run.is_active(now)).count()
    }
}

/// The properties of a dataset that the screens show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetView {
    /// The name of the dataset.
    pub name: DatasetName,
    /// The hash of the content.
    pub fingerprint: String,
    /// The width of an image in pixels.
    pub width: u32,
    /// The height of an image in pixels.
    pub height: u32,
    /// The number of channels: 1 for gray, 3 for colour.
    pub channels: u32,
    /// Names and image counts of the classes, in the order of labels. The names are safe to print.
    pub classes: Vec<(String, SplitCounts)>,
    /// The groups of the images, if they are known.
    pub groups: Option<std::sync::Arc<GroupSizes>>,
    /// The number of files that the import skipped, such as broken images, notes and links.
    pub skipped: u64,
    /// The findings of its check, in few words each; empty before the first check.
    pub findings: Vec<String>,
    /// The training images that the check finds, by kind; kinds without images are left out.
    pub found: Arc<Vec<(Exclusion, LeftOutImages)>>,
    /// Training images marked as wrongly labelled.
    pub marks: Arc<Marks>,
    /// The reason why the marks cannot be read, if so.
    pub marks_error: Option<String>,
}

impl DatasetView {
    /// Returns the properties of a dataset that the screens show.
    #[must_use]
    pub fn new(name: &DatasetName, overview: Overview) -> Self {
        let Overview { manifest, findings, found, marks, .. } = overview;
        let (marks, marks_error) = match marks {
            Ok(marks) => (marks, None),
            Err(error) => (Marks::none(&manifest.fingerprint), Some(error)),
        };
        Self {
            name: name.clone(),
            fingerprint: manifest.fingerprint,
            width: manifest.image.width,
            height: manifest.image.height,
            channels: manifest.image.channels,
            classes: manifest.classes.into_iter().map(|class| (printable(&class.name), class.counts)).collect(),
            groups: manifest.groups,
            skipped: manifest.skipped_count,
            findings,
            found: Arc::new(found),
            marks: Arc::new(marks),
            marks_error,
        }
    }

    /// Returns the properties that decide whether a run on the dataset may start, and its cost.
    #[must_use]
    pub fn facts(&self) -> DatasetFacts {
        DatasetFacts {
            fingerprint: self.fingerprint.clone(),
            image: [self.height, self.width, self.channels].map(|side| side as usize),
            classes: self.classes.clone(),
            groups: self.groups.clone(),
        }
    }

    /// Returns the label of a training image, from the order of images; `None` beyond the last.
    #[must_use]
    pub fn label(&self, index: usize) -> Option<usize> {
        let mut end = 0;
        self.classes.iter().position(|(_, counts)| {
            end += counts.train;
            index < end
        })
    }

    /// Returns the number of images in each split.
    #[must_use]
    pub fn counts(&self) -> SplitCounts {
        self.classes.iter().fold(SplitCounts::default(), |sum, (_, counts)| SplitCounts {
            train: sum.train + counts.train,
            validation: sum.validation + counts.validation,
            test: sum.test + counts.test,
        })
    }
}

/// A dataset in the list, readable or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetEntry {
    /// The name of the dataset's folder.
    pub name: DatasetName,
    /// The dataset, or the reason why it cannot be read.
    pub dataset: Result<DatasetView, String>,
}

/// A weights file in the list, readable or not.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightsEntry {
    /// The name of the weights.
    pub name: WeightsName,
    /// The manifest in the file, or the reason why it cannot be read.
    pub manifest: Result<Manifest, String>,
}

/// A run as the watcher last read it. Cloning is cheap, because the large parts are shared.
#[derive(Debug, Clone)]
pub struct RunView {
    /// The id of the run.
    pub id: RunId,
    /// The summary of its log, or the reason why the log cannot be read.
    pub summary: Result<Arc<Summary>, String>,
    /// Whether a worker holds the run's lock, or a submitted worker may start at any time.
    pub alive: bool,
    /// Whether the run was submitted to another system and no worker holds its lock yet.
    pub submitted: bool,
    /// A sentence on the run's job on a cluster.
    pub job: Option<String>,
    /// The time of the stop request in force, in milliseconds since 1970, whichever program made it.
    pub stop_requested_at: Option<u64>,
    /// The reason why the worker is gone although the run has not ended.
    pub worker_death: Option<WorkerDeath>,
    /// Whether best weights are saved, from which fine-tuning can start.
    pub has_best_weights: bool,
    /// The damaged lines of the log, which are skipped.
    pub damage: Damage,
    /// The failure of the command that ran at the run's last end, safe to print.
    pub notice_failure: Option<String>,
    /// The run's tags, note and former names.
    pub annotations: Arc<Annotations>,
    /// The curve within epochs; `None` until the dashboard requests the details of this run.
    pub curves: Option<Arc<Steps>>,
    /// The last lines of the log; empty until the dashboard requests the details of this run.
    pub log: Arc<Vec<LogLine>>,
}

impl RunView {
    /// Returns the state at `now`, in milliseconds since 1970; `None` if the run cannot be read.
    #[must_use]
    pub fn state(&self, now: u64) -> Option<RunState> {
        let summary = self.summary.as_ref().ok()?;
        Some(if self.submitted { RunState::Queued } else { summary.state(self.alive, now) })
    }

    /// Returns whether a worker trains the run, or will soon.
    #[must_use]
    pub fn is_active(&self, now: u64) -> bool {
        self.state(now).is_some_and(RunState::is_active)
    }

    /// Returns whether the worker was asked to stop and has not obeyed for so long that it may hang.
    #[must_use]
    pub fn ignores_stop(&self, now: u64) -> bool {
        let (Some(requested_at), Ok(summary), true) = (self.stop_requested_at, &self.summary, self.alive) else {
            return false;
        };
        let patience = if summary.stopping { STOP_GRACE } else { STOP_ANSWER_GRACE };
        now.saturating_sub(requested_at) >= patience
    }

    /// Returns the values by which the list is filtered and ordered; `None` if the run cannot be read.
    #[must_use]
    pub fn facts(&self, now: u64) -> Option<RunFacts> {
        let summary = self.summary.as_ref().ok()?;
        Some(RunFacts::new(Arc::clone(summary), Arc::clone(&self.annotations), self.state(now)?, now))
    }
}
