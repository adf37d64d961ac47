//! States for tests, built by events as real ones are.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::data::marked::{Mark, Marks};
use crate::domain::{
    Confusion, DatasetName, EarlyStoppingStatus, EpochMetrics, FinishReason, Outcome, Recipe, RunId, Split,
    SplitCounts, TrainingCost,
};
use crate::events::{Event as Logged, Record};
use crate::runs::{Machine, RunDetail, Summary};
use crate::tui::library::{DatasetEntry, DatasetView, RunView};
use crate::tui::messages::data::{FaceRange, Sample, SplitFilter};
use crate::tui::messages::{DataEvent, Event, TrainEvent};
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::update::update;
use crate::tui::widgets::faces::Face;

/// 2026-01-02 12:00:00 UTC.
pub(crate) const NOW: u64 = 1_767_355_200_000;

const SECOND: u64 = 1_000;

/// Name, training and test images of each class, as FER-2013 has them.
const FER2013: [(&str, usize, usize); 7] = [
    ("angry", 3995, 958),
    ("disgust", 436, 111),
    ("fear", 4097, 1024),
    ("happy", 7215, 1774),
    ("neutral", 4965, 1233),
    ("sad", 4830, 1247),
    ("surprise", 3171, 831),
];

pub(crate) fn id(name: &str) -> RunId {
    RunId::new(name).expect("an id")
}

pub(crate) fn dataset_name(name: &str) -> DatasetName {
    DatasetName::new(name).expect("a name")
}

fn dataset(name: &str, divisor: usize, skipped: u64) -> DatasetView {
    let class = |(class, train, test): (&str, usize, usize)| {
        let (train, test) = (train / divisor, test / divisor);
        let counts = SplitCounts { train: train - train / 10, validation: train / 10, test };
        (class.to_owned(), counts)
    };
    DatasetView {
        groups: None,
        name: dataset_name(name),
        fingerprint: "9f2c41d07be63a5581".into(),
        width: 48,
        height: 48,
        channels: 1,
        classes: FER2013.into_iter().map(class).collect(),
        skipped,
        findings: Vec::new(),
        found: Arc::default(),
        marks: Arc::new(Marks::none("9f2c41d07be63a5581")),
        marks_error: None,
    }
}

pub(crate) fn fer2013() -> DatasetView {
    dataset("fer2013", 1, 0)
}

/// Returns marks on these training images of fer2013, with the class that each should have.
pub(crate) fn marks(images: &[(u32, Option<u16>)]) -> Arc<Marks> {
    let mark = |(index, class): &(u32, Option<u16>)| Mark {
        index: *index,
        source: format!("{index}.png"),
        class: *class,
        run: Some(id("brisk-otter")),
        at: NOW,
    };
    let mut images: Vec<Mark> = images.iter().map(mark).collect();
    images.sort_by_key(|mark| mark.index);
    Arc::new(Marks { images, ..Marks::none(&fer2013().fingerprint) })
}

/// Returns marks on these training images of fer2013, without a class.
pub(crate) fn doubts(images: impl IntoIterator<Item = u32>) -> Arc<Marks> {
    marks(&images.into_iter().map(|index| (index, None)).collect::<Vec<_>>())
}

pub(crate) fn entry(dataset: DatasetView) -> DatasetEntry {
    DatasetEntry { name: dataset.name.clone(), dataset: Ok(dataset) }
}

/// A head in front of a gradient.
fn face(seed: usize) -> Face {
    let pixel = |at: usize| {
        let (x, y) = (at % 48, at / 48);
        let inside = x.abs_diff(24).pow(2) + y.abs_diff(24).pow(2) < 400;
        u8::try_from(if inside { 200 - x - seed * 3 } else { y * 2 }).unwrap_or(0)
    };
    Face::gray(48, (0..48 * 48).map(pixel).collect::<Vec<u8>>())
}

/// Returns a dashboard at [`NOW`] that has read these datasets and runs.
pub(crate) fn state(datasets: Vec<DatasetEntry>, runs: Vec<RunView>) -> State {
    let theme = Theme::detect(|name| match name {
        "TERM" => Some("xterm-256color".into()),
        "LANG" => Some("C.UTF-8".into()),
        _ => None,
    });
    let mut state = State::new(theme, TimeZone::UTC, NOW);
    state.library.machine = Machine { host: "box".into(), has_gpu: false };
    update(&mut state, NOW, Event::DatasetsRead(Ok(datasets)));
    update(&mut state, NOW, Event::WeightsRead(Ok(vec![])));
    update(&mut state, NOW, Event::RunsRead(runs));
    update(&mut state, NOW, Event::Train(TrainEvent::NameSuggested(id("neat-gecko"))));
    state
}

/// Returns a dashboard with FER-2013 and the demo dataset.
pub(crate) fn with_data(runs: Vec<RunView>) -> State {
    state(vec![entry(dataset("demo", 10, 3)), entry(fer2013())], runs)
}

/// Returns the event with the training images of a class.
pub(crate) fn samples(dataset: &str, class: usize) -> Event {
    samples_of(dataset, class, SplitFilter::Of(Split::Train), 0)
}

/// Returns the event with the images of a class and part, from the `first`th on.
pub(crate) fn samples_of(dataset: &str, class: usize, filter: SplitFilter, first: usize) -> Event {
    let pick = FaceRange {
        dataset: dataset_name(dataset),
        fingerprint: fer2013().fingerprint,
        class,
        filter,
        first,
        count: 96,
    };
    let split = filter.splits()[0];
    let sample = |index: usize| Sample {
        face: face(index % 32),
        split,
        index,
        source: format!("{split}/{}/Training_{index:05}.jpg", FER2013[class].0),
    };
    Event::Data(DataEvent::Faces(pick, Ok((first..first + 96).map(sample).collect())))
}

/// A run, built from the log of its worker.
pub(crate) struct Logbook {
    id: RunId,
    recipe: Recipe,
    records: Vec<Record>,
    at: u64,
}

impl Logbook {
    /// Returns a run created this many seconds before [`NOW`].
    pub(crate) fn new(name: &str, seconds_ago: u64) -> Self {
        let at = NOW - seconds_ago * SECOND;
        let recipe = Recipe::cnn(dataset_name("fer2013"), fer2013().fingerprint, at);
        Self { id: id(name), recipe, records: Vec::new(), at }
    }

    pub(crate) fn log(mut self, event: Logged) -> Self {
        self.records.push(Record { at: self.at, event });
        self
    }

    /// Lets seconds pass.
    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.at += seconds * SECOND;
        self
    }

    /// Logs the start of the worker: device, data and network.
    pub(crate) fn started(mut self) -> Self {
        self.at += SECOND;
        let images = SplitCounts { train: 25_841, validation: 2_868, test: 7_178 };
        let classes = FER2013.iter().map(|(name, ..)| (*name).to_owned()).collect();
        self.log(Logged::WorkerStarted { pid: 4711, host: "box".into(), resumed_from: 0, resumed_step: 0 })
            .log(Logged::DeviceChosen {
                device: "cpu".into(),
                description: "8 threads".into(),
                note: Some("no CUDA driver".into()),
            })
            .log(Logged::DataOpened { images, classes })
            .built()
    }

    fn built(self) -> Self {
        let work = TrainingCost::of(&self.recipe, [48, 48, 1], 7, SplitCounts::default()).expect("large enough");
        self.log(Logged::NetworkBuilt { total: work.parameters, trainable: work.trained })
    }

    /// Logs part of an epoch: this many of its 20 step events.
    pub(crate) fn steps(mut self, epoch: u32, events: u32) -> Self {
        self = self.log(Logged::EpochStarted { epoch, steps: 808, done: 0, seconds: 0.0 });
        let learning_rate = self.recipe.learning_rate / 2.0;
        for piece in 1..=events {
            self.at += SECOND / 2;
            let time = f64::from(epoch - 1) + f64::from(piece) / 20.0;
            let noise = f64::from((epoch * 31 + piece * 17) % 13) / 100.0 - 0.06;
            let loss = 1.0 + 0.85 * (-time / 4.0).exp() + noise;
            self = self.log(Logged::Step {
                epoch,
                step: piece * 40,
                steps: 808,
                loss,
                accuracy: 0.75 - loss / 4.0,
                learning_rate,
                images_per_second: 2_940.0,
            });
        }
        self
    }

    /// Logs whole epochs, of which `best` is the best.
    pub(crate) fn epochs(mut self, last: u32, best: u32) -> Self {
        let mut status = EarlyStoppingStatus::default();
        for epoch in 1..=last {
            self = self.steps(epoch, 20);
            self.at += SECOND;
            let time = f64::from(epoch.min(best)) - f64::from(epoch.saturating_sub(best)) * 0.3;
            let val_loss = 1.1 + 0.7 * (-time / 4.0).exp();
            let train_loss = 1.0 + 0.85 * (-f64::from(epoch) / 4.0).exp();
            status = if epoch <= best {
                EarlyStoppingStatus { best_epoch: epoch, best_value: val_loss, waited: 0 }
            } else {
                EarlyStoppingStatus { waited: epoch - best, ..status }
            };
            let metrics = EpochMetrics {
                epoch,
                train_loss,
                train_accuracy: 0.75 - train_loss / 4.0,
                val_loss,
                val_accuracy: 0.80 - val_loss / 4.0,
                learning_rate: 1e-3,
                seconds: 11.0,
                images_per_second: 2_940.0,
            };
            self = self.log(Logged::EpochFinished { metrics, early_stopping: status });
            self = self.log(Logged::CheckpointSaved { epoch, step: 0, best: epoch <= best });
        }
        self
    }

    /// Logs a test and the end of the run for this reason.
    pub(crate) fn tested(self, epoch: u32, reason: FinishReason) -> Self {
        let mut confusion = Confusion::new(7);
        for (truth, (_, _, count)) in FER2013.into_iter().enumerate() {
            for image in 0..count {
                // Three of five are right; the errors are spread unevenly.
                let predicted = if image % 5 < 3 { truth } else { (truth + 1 + image % 7 * (image % 3)) % 7 };
                confusion.add(truth, predicted);
            }
        }
        self.log(Logged::EvaluationStarted { split: Split::Test, images: 7_178 })
            .log(Logged::Evaluated { split: Split::Test, epoch, loss: 1.1934, confusion })
            .log(Logged::Ended { outcome: Outcome::Finished { reason } })
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Recipe)) -> Self {
        change(&mut self.recipe);
        self
    }

    pub(crate) fn ended(self, outcome: Outcome) -> Self {
        self.log(Logged::Ended { outcome })
    }

    /// Returns the run as the watcher would report it.
    pub(crate) fn view(self, alive: bool) -> RunView {
        let mut summary = Summary::new(self.id.clone(), self.recipe);
        let mut detail = RunDetail::default();
        self.records.iter().for_each(|record| {
            summary.apply(record);
            detail.apply(record);
        });
        let saved =
            self.records.iter().any(|record| matches!(record.event, Logged::CheckpointSaved { best: true, .. }));
        RunView {
            id: self.id,
            summary: Ok(Arc::new(summary)),
            alive,
            submitted: false,
            job: None,
            stop_requested_at: None,
            worker_death: None,
            has_best_weights: saved,
            damage: crate::events::Damage::default(),
            notice_failure: None,
            annotations: Arc::default(),
            curves: Some(detail.steps),
            log: detail.log,
        }
    }
}

/// A run in its twelfth epoch, three epochs after the best one.
pub(crate) fn running() -> RunView {
    Logbook::new("calm-heron", 133).started().epochs(11, 8).steps(12, 14).view(true)
}

/// A trained run during its test.
pub(crate) fn testing() -> RunView {
    let testing = Logged::EvaluationStarted { split: Split::Test, images: 7_178 };
    Logbook::new("calm-heron", 200).started().epochs(15, 9).log(testing).view(true)
}

/// A finished run with a new worker that has not reported its task.
pub(crate) fn tested_again() -> RunView {
    Logbook::new("calm-heron", 200).started().epochs(15, 9).tested(9, FinishReason::EarlyStop).view(true)
}

pub(crate) fn finished() -> RunView {
    Logbook::new("brisk-otter", 3 * 3600).started().epochs(15, 9).tested(9, FinishReason::EarlyStop).view(false)
}

pub(crate) fn failed() -> RunView {
    let cause = "cannot write /home/me/lab/checkpoints/odd-raven/last.ckpt: No space left on device; \
                 free some space and resume the run";
    Logbook::new("odd-raven", 26 * 3600)
        .with(|recipe| recipe.dataset = dataset_name("demo"))
        .started()
        .epochs(3, 3)
        .ended(Outcome::Failed { cause: cause.into(), kind: crate::domain::FailureKind::Disk })
        .view(false)
}

pub(crate) fn lost() -> RunView {
    Logbook::new("plain-finch", 40 * 60).started().epochs(4, 4).steps(5, 6).view(false)
}

/// Returns a run in each state.
pub(crate) fn all() -> Vec<RunView> {
    let stopped = Logbook::new("warm-stork", 5 * 3600).started().epochs(2, 2).ended(Outcome::Stopped).view(false);
    let starting = Logbook::new("new-wren", 2).view(false);
    vec![finished(), failed(), running(), lost(), stopped, starting]
}
