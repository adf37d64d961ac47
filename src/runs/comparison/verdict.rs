//! The verdict of one run against another on the same test images, and its significance.

use super::Candidate;
use super::settings::are_repetitions;
use crate::domain::number_text::{count, thousands};
use crate::domain::text::printable;
use crate::domain::{DatasetName, RunId};
use crate::runs::Summary;
use crate::runs::inspection::{Inspection, InspectionError};
use crate::runs::statistics::{Bootstrap, Interval, SIGNIFICANCE, holm, mcnemar};

/// The change of a class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassChange {
    /// Its label, from 0.
    pub label: usize,
    /// Its name in the dataset, not yet safe for a terminal.
    pub name: String,
    /// Its F1 minus that of the baseline.
    pub f1: f64,
}

/// A run compared with the baseline on the same test images.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The number of images.
    pub images: u64,
    /// Images that only the run predicts correctly.
    pub gained: u64,
    /// Images that only the baseline predicts correctly.
    pub lost: u64,
    /// The p-value of McNemar's exact test of the two.
    pub p: f64,
    /// The accuracy minus that of the baseline, as a fraction: 0.032 is 3.2 points.
    pub accuracy: f64,
    /// The macro F1 minus that of the baseline.
    pub f1: f64,
    /// The 95 % interval of that difference, by the paired bootstrap.
    pub f1_interval: Interval,
    /// The p-value of that difference, by the same bootstrap.
    pub f1_p: f64,
    /// Every class, the largest change of F1 first.
    pub classes: Vec<ClassChange>,
    /// Whether the runs differ in nothing but the seed. Then chance in training sets them apart.
    pub seed_alone: bool,
}

/// The p-values of a verdict, adjusted for the number of runs that are compared with one baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Significance {
    /// The number of these runs.
    pub comparisons: usize,
    /// The adjusted p-value of the difference of the accuracies.
    pub accuracy: f64,
    /// The adjusted p-value of the difference of the macro F1s.
    pub f1: f64,
}

impl Significance {
    /// Returns the significance of each of these verdicts against one baseline. Without adjustment, one of five equal
    /// runs would seem better than chance in nearly every fourth comparison.
    #[must_use]
    pub fn of(verdicts: &[&Verdict]) -> Vec<Self> {
        let adjusted = |p: fn(&Verdict) -> f64| holm(&verdicts.iter().map(|verdict| p(verdict)).collect::<Vec<_>>());
        let (accuracy, f1) = (adjusted(|verdict| verdict.p), adjusted(|verdict| verdict.f1_p));
        let comparisons = verdicts.len();
        accuracy.into_iter().zip(f1).map(|(accuracy, f1)| Self { comparisons, accuracy, f1 }).collect()
    }
}

/// The reason why two runs cannot be compared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotComparable {
    /// Fewer than two runs are given.
    #[error("there is nothing to compare")]
    Nothing,
    /// A run has no test.
    #[error("{0} has not been tested: a run is tested at its end, and `mien evaluate {0}` tests its best weights")]
    NotTested(RunId),
    /// A run has no test, and no weights to test.
    #[error("{0} has completed no epoch: if it has ended, `mien resume {0}` continues it")]
    NoEpoch(RunId),
    /// The predictions of a run cannot be read.
    #[error(transparent)]
    Predictions(#[from] InspectionError),
    /// The predictions are not those of the run's latest test.
    #[error("the predictions of {0} are not those of its test: `mien evaluate {0}` recreates them")]
    OtherTest(RunId),
    /// The runs have different datasets.
    #[error("{} and {} were tested on different datasets, {} and {}", runs[0], runs[1], datasets[0], datasets[1])]
    Datasets {
        /// The runs, the baseline first.
        runs: [RunId; 2],
        /// Their datasets.
        datasets: [DatasetName; 2],
    },
    /// The runs have different imports of one dataset.
    #[error("{} and {} were tested on different versions of {dataset}", runs[0], runs[1])]
    Versions {
        /// The runs, the baseline first.
        runs: [RunId; 2],
        /// The dataset.
        dataset: DatasetName,
    },
    /// The tests used different images of a dataset.
    #[error("{} and {} were tested on different images of {dataset}", runs[0], runs[1])]
    Images {
        /// The runs, the baseline first.
        runs: [RunId; 2],
        /// The dataset.
        dataset: DatasetName,
    },
    /// The runs have different classes.
    #[error("{} and {} name their classes differently", .0[0], .0[1])]
    Classes([RunId; 2]),
    /// An internal error.
    #[error("{0}")]
    Fault(&'static str),
    /// The dataset has no test images.
    #[error("{0} has no test images")]
    NoImages(DatasetName),
}

impl Verdict {
    /// Compares the run in column `run` with that in column `baseline`.
    ///
    /// # Errors
    /// If the two cannot be compared.
    #[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
    pub(super) fn of(candidates: &[Candidate<'_>], baseline: usize, run: usize) -> Result<Self, NotComparable> {
        let (theirs, mine) = (&candidates[baseline], &candidates[run]);
        same_dataset(theirs.run, mine.run)?;
        let (before, after) = (tested(theirs)?, tested(mine)?);
        let (runs, dataset) = ([theirs.run.id.clone(), mine.run.id.clone()], &mine.run.recipe.dataset);
        let Ok(pairs) = before.pairs(after) else {
            return Err(NotComparable::Images { runs, dataset: dataset.clone() });
        };
        if before.classes() != after.classes() {
            return Err(NotComparable::Classes(runs));
        }
        let images = pairs.images();
        if images == 0 {
            return Err(NotComparable::NoImages(dataset.clone()));
        }
        let (gained, lost) = pairs.gained_and_lost();
        let Bootstrap { interval: f1_interval, p: f1_p } = pairs.bootstrap_f1();
        let change = |(label, f1): (usize, f64)| ClassChange { label, name: after.classes()[label].clone(), f1 };
        let mut classes: Vec<ClassChange> = pairs.f1_differences().into_iter().enumerate().map(change).collect();
        classes.sort_by(|a, b| b.f1.abs().total_cmp(&a.f1.abs()));
        Ok(Self {
            images,
            gained,
            lost,
            p: mcnemar(gained, lost),
            accuracy: (gained as f64 - lost as f64) / images as f64,
            f1: pairs.f1_difference(),
            f1_interval,
            f1_p,
            classes,
            seed_alone: differ_in_seed_alone(theirs.run, mine.run),
        })
    }

    /// Returns whether the difference of the accuracies is significant among all comparisons.
    #[must_use]
    pub fn accuracy_is_certain(&self, significance: &Significance) -> bool {
        significance.accuracy < SIGNIFICANCE
    }

    /// Returns whether the difference of the macro F1s is significant among all comparisons.
    #[must_use]
    pub fn f1_is_certain(&self, significance: &Significance) -> bool {
        let is_certain_among_all = significance.comparisons < 2 || significance.f1 < SIGNIFICANCE;
        self.f1_interval.excludes_zero() && is_certain_among_all
    }

    /// Returns whether a difference is more than chance among all comparisons.
    #[must_use]
    pub fn is_certain(&self, significance: &Significance) -> bool {
        !self.seed_alone && (self.accuracy_is_certain(significance) || self.f1_is_certain(significance))
    }

    /// Returns the classes that contribute most to the change of macro F1, the largest first. These are at most two
    /// with its sign and a change of at least one point.
    pub fn contributors(&self) -> impl Iterator<Item = &ClassChange> {
        let same_way = |change: &&ClassChange| change.f1.abs() >= 0.01 && change.f1.signum() == self.f1.signum();
        self.classes.iter().filter(same_way).take(2)
    }

    /// Describes the difference of the accuracies in a sentence.
    #[must_use]
    pub fn accuracy_sentence(&self, significance: &Significance) -> String {
        if self.gained + self.lost == 0 {
            return "accuracy the same: the two are right about the same images".into();
        }
        let (gained, lost) = (images(self.gained), number(self.lost));
        let p = p_value(self.p);
        let by_itself = self.p < SIGNIFICANCE;
        let certain = self.accuracy_is_certain(significance);
        let chance = judgement(by_itself, certain, self.seed_alone, significance.comparisons);
        format!("accuracy {}: {gained} gained, {lost} lost (McNemar {p}): {chance}", points(self.accuracy))
    }

    /// Describes the difference of the macro F1s in a sentence.
    #[must_use]
    pub fn f1_sentence(&self, significance: &Significance) -> String {
        let Interval { low, high } = self.f1_interval;
        if [self.f1, low, high].iter().all(|value| value.abs() < 1e-12) {
            return "macro F1 the same".into();
        }
        let by_itself = self.f1_interval.excludes_zero();
        let certain = self.f1_is_certain(significance);
        let chance = judgement(by_itself, certain, self.seed_alone, significance.comparisons);
        let describe = |class: &ClassChange| format!("{} {}", printable(&class.name), signed(class.f1, 2));
        let most: Vec<String> = self.contributors().map(describe).collect();
        // Changes that cancel each other out have no greatest part.
        let cancel = self.f1.abs() < 0.0005;
        let most =
            if most.is_empty() || cancel { String::new() } else { format!("; most of it in {}", most.join(" and ")) };
        let (f1, low, high) = (signed(self.f1, 3), signed(low, 3), signed(high, 3));
        format!("macro F1 {f1} (95 %: {low} … {high}): {chance}{most}")
    }
}

/// Returns the judgement of a difference, which may be certain by itself and not among all comparisons. Another seed is
/// chance, too, which a test of the images does not see.
pub(super) fn judgement(by_itself: bool, certain: bool, seed_alone: bool, comparisons: usize) -> String {
    match (certain, seed_alone) {
        (false, _) if by_itself => format!("could be chance among {comparisons} comparisons"),
        (false, _) => "could be chance".into(),
        (true, false) => "more than chance".into(),
        (true, true) => "due to the seed alone".into(),
    }
}

/// Returns whether two runs have the same settings and fold, and different seeds.
fn differ_in_seed_alone(one: &Summary, other: &Summary) -> bool {
    let (mine, theirs) = (&one.recipe, &other.recipe);
    mine.seed != theirs.seed && mine.fold == theirs.fold && are_repetitions(one, other)
}

fn same_dataset(one: &Summary, other: &Summary) -> Result<(), NotComparable> {
    let (theirs, mine) = (&one.recipe, &other.recipe);
    if theirs.same_images(mine) {
        return Ok(());
    }
    let runs = [one.id.clone(), other.id.clone()];
    Err(if theirs.fingerprint == mine.fingerprint {
        NotComparable::Images { runs, dataset: mine.dataset.clone() }
    } else if theirs.dataset == mine.dataset {
        NotComparable::Versions { runs, dataset: mine.dataset.clone() }
    } else {
        NotComparable::Datasets { runs, datasets: [theirs.dataset.clone(), mine.dataset.clone()] }
    })
}

/// Returns a run's predictions, if they are those of its latest test.
fn tested<'a>(candidate: &Candidate<'a>) -> Result<&'a Inspection, NotComparable> {
    let id = &candidate.run.id;
    let Some(test) = &candidate.run.test else {
        let has_weights = !candidate.run.epochs.is_empty();
        return Err(if has_weights { NotComparable::NotTested } else { NotComparable::NoEpoch }(id.clone()));
    };
    let inspection = candidate.test.as_ref().map_err(Clone::clone).copied()?;
    let (logged, found) = (&test.confusion, inspection.confusion());
    // Rounding to f32 may swap two nearly equal probabilities, which changes the predicted class.
    let near_ties = 1 + logged.total() / 1_000;
    if logged.classes() != found.classes() || logged.distance(&found) > 2 * near_ties {
        return Err(NotComparable::OtherTest(id.clone()));
    }
    Ok(inspection)
}

fn number(count: u64) -> String {
    thousands(usize::try_from(count).unwrap_or(usize::MAX))
}

fn images(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "image", "images")
}

/// Formats a probability as reports do.
pub(super) fn p_value(p: f64) -> String {
    match p {
        ..0.001 => "p < 0.001".into(),
        // Three decimals: otherwise a value just below 0.05 would read as 0.05.
        ..0.1 => format!("p = {p:.3}"),
        _ => format!("p = {p:.2}"),
    }
}

/// Formats a difference of fractions in percentage points.
pub(super) fn points(difference: f64) -> String {
    format!("{} points", signed(100.0 * difference, 1))
}

/// Formats a number with its sign, or without one if it rounds to 0.
pub(super) fn signed(value: f64, decimals: usize) -> String {
    let text = format!("{value:+.decimals$}");
    if text[1..].chars().all(|c| matches!(c, '0' | '.')) { text[1..].to_owned() } else { text }
}
