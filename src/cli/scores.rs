//! The scores of classes as JSON and as tables. Keys are stable: none is ever renamed.

use std::borrow::Cow;

use serde::Serialize;

use super::exit::CommandError;
use super::output;
use super::table::{Side, Table, metric_text};
use crate::domain::text::printable;
use crate::domain::{ClassScores, Confusion, RunId, Scores};
use crate::runs::probabilities::{self, Reliability, Temperature};
use crate::runs::{FollowedRun, ProbabilityMetrics, RunStore, Summary};

/// The scores of a class, for scripts.
#[derive(Debug, Serialize)]
pub(super) struct ClassEntry<'a> {
    name: Cow<'a, str>,
    #[serde(flatten)]
    scores: ClassScores,
    /// `null` for a class without images, and without saved probabilities.
    average_precision: Option<f64>,
}

/// The averages beside accuracy and the macro averages, for scripts.
#[derive(Debug, Serialize)]
pub(super) struct FurtherScores {
    /// The classes over which the macro averages run.
    macro_classes: usize,
    /// The number of them with images; the others count as 0.
    classes_with_images: usize,
    balanced_accuracy: f64,
    weighted_f1: f64,
    /// The share of images whose class is among the two most probable; `null` without saved probabilities.
    top2: Option<f64>,
    /// The mean over the classes with images; `null` without saved probabilities.
    mean_average_precision: Option<f64>,
    /// `null` without saved probabilities.
    calibration: Option<Calibration>,
}

/// The calibration of probabilities, for scripts.
#[derive(Debug, Serialize)]
pub(super) struct Calibration {
    #[serde(flatten)]
    plain: Reliability,
    /// `null` if none could be fitted.
    temperature: Option<Temperature>,
    /// The calibration of the probabilities scaled by the temperature.
    scaled: Option<Reliability>,
}

impl FurtherScores {
    /// Returns the averages, with those of probabilities where these are known.
    pub(super) fn of(scores: &Scores, probabilities: Option<&ProbabilityMetrics>) -> Self {
        let Scores { balanced_accuracy, weighted_f1, present, .. } = *scores;
        let calibration = |metrics: &ProbabilityMetrics| {
            let (temperature, scaled) = metrics.scaled.clone().ok().unzip();
            metrics.reliability.clone().map(|plain| Calibration { plain, temperature, scaled })
        };
        Self {
            macro_classes: scores.per_class.len(),
            classes_with_images: present,
            balanced_accuracy,
            weighted_f1,
            top2: probabilities.and_then(|metrics| metrics.top2),
            mean_average_precision: probabilities.and_then(|metrics| metrics.average_precision.mean),
            calibration: probabilities.and_then(calibration),
        }
    }
}

/// Returns the metrics of a run's probabilities for its test images; `None` without predictions.
pub(super) fn test_probabilities(run: &FollowedRun) -> Option<ProbabilityMetrics> {
    probabilities::of_test(run.folder(), &run.summary)
}

/// Returns the average precision of a class.
fn average_precision(probabilities: Option<&ProbabilityMetrics>, label: usize) -> Option<f64> {
    probabilities?.average_precision.per_class.get(label).copied().flatten()
}

/// Returns the scores of each class with its name.
pub(super) fn class_entries<'a>(
    names: &'a [String],
    scores: &Scores,
    probabilities: Option<&ProbabilityMetrics>,
) -> Vec<ClassEntry<'a>> {
    let entry = |(label, scores)| ClassEntry {
        name: class_name(names, label),
        scores,
        average_precision: average_precision(probabilities, label),
    };
    scores.per_class.iter().cloned().enumerate().map(entry).collect()
}

/// Returns the name of a label, or `class N` if a damaged log lacks it.
fn class_name(names: &[String], label: usize) -> Cow<'_, str> {
    names.get(label).map_or_else(|| format!("class {label}").into(), Into::into)
}

/// Returns a table of precision, recall and F1 of each class, and their means; `heading` is that of the names. With
/// metrics of probabilities, average precision is a further column.
pub(super) fn class_table(
    heading: &str,
    names: &[String],
    scores: &Scores,
    probabilities: Option<&ProbabilityMetrics>,
) -> String {
    let mut columns =
        vec![(heading, Side::Left), ("PRECISION", Side::Right), ("RECALL", Side::Right), ("F1", Side::Right)];
    columns.extend(probabilities.map(|_| ("AVG PRECISION", Side::Right)));
    columns.push(("SUPPORT", Side::Right));
    let mut table = Table::of(&columns);
    let row = |name: &str, metrics: [f64; 3], average: Option<f64>, support: u64| {
        let mut cells = vec![name.to_owned()];
        cells.extend(metrics.map(|value| metric_text(Some(value))));
        cells.extend(probabilities.map(|_| metric_text(average)));
        cells.push(support.to_string());
        cells
    };
    for (label, (name, class)) in names.iter().zip(&scores.per_class).enumerate() {
        let average = average_precision(probabilities, label);
        table.row(&row(name, [class.precision, class.recall, class.f1], average, class.support));
    }
    // A damaged log can hold any counts.
    let support = scores.per_class.iter().map(|class| class.support).fold(0, u64::saturating_add);
    let average = probabilities.and_then(|metrics| metrics.average_precision.mean);
    table.row(&row("macro average", [scores.precision, scores.recall, scores.f1], average, support));
    table.render()
}

/// Returns a confusion matrix as a table of image counts.
pub(super) fn count_table(names: &[String], confusion: &Confusion) -> String {
    matrix(names, "IMAGES: TRUE ↓ PREDICTED →", &confusion.rows(), ToString::to_string)
}

/// Returns a table with a row and a column for each class; `heading` is that of the rows' names.
pub(super) fn matrix<T>(names: &[String], heading: &str, rows: &[Vec<T>], text: impl Fn(&T) -> String) -> String {
    let headings: Vec<(String, Side)> = std::iter::once((heading.to_owned(), Side::Left))
        .chain(names.iter().map(|name| (printable(name), Side::Right)))
        .collect();
    let mut table = Table::of(&headings.iter().map(|(name, side)| (name.as_str(), *side)).collect::<Vec<_>>());
    for (name, row) in names.iter().zip(rows) {
        table.row(&std::iter::once(name.clone()).chain(row.iter().map(&text)).collect::<Vec<_>>());
    }
    table.render()
}

/// Returns the metrics of a run's test as a table and lines; `None` until the best weights are tested.
pub(super) fn test_text(run: &Summary, probabilities: Option<&ProbabilityMetrics>) -> Option<String> {
    let result = run.test.as_ref()?;
    let scores = result.confusion.scores();
    let names: Vec<String> =
        (0..scores.per_class.len()).map(|label| class_name(&run.classes, label).into_owned()).collect();
    let accuracy =
        format!("accuracy {:.4}, loss {:.4}, weights of epoch {}\n", scores.accuracy, result.loss, result.epoch);
    let views = run.test_views.as_ref().map(|(views, result)| {
        let scores = result.confusion.scores();
        format!("{views} views: accuracy {:.4}, macro F1 {:.4}, loss {:.4}\n", scores.accuracy, scores.f1, result.loss)
    });
    let training = run.train_scores.as_ref().map(|result| {
        let accuracy = result.confusion.scores().accuracy;
        format!("training images: accuracy {accuracy:.4}, loss {:.4}\n", result.loss)
    });
    let table = class_table("TEST", &names, &scores, probabilities);
    Some(
        table
            + &accuracy
            + &further_text(&scores, probabilities)
            + &views.unwrap_or_default()
            + &training.unwrap_or_default(),
    )
}

/// Returns the averages beside accuracy and the macro averages, and the metrics of probabilities, as lines.
pub(super) fn further_text(scores: &Scores, probabilities: Option<&ProbabilityMetrics>) -> String {
    let mut lines = vec![scores.further_text(probabilities.and_then(|metrics| metrics.top2))];
    lines.extend(probabilities.into_iter().flat_map(ProbabilityMetrics::text));
    lines.join("\n") + "\n"
}

/// Prints the metrics of a run's test, if it was tested.
pub(super) fn print_test(run: &FollowedRun) -> Result<(), CommandError> {
    test_text(&run.summary, test_probabilities(run).as_ref()).map_or(Ok(()), |text| output::print(&format!("\n{text}")))
}

/// Returns the temperature of a run's best weights. `otherwise` is the remedy if there is none.
pub(super) fn temperature(store: &RunStore, id: &RunId, otherwise: &str) -> Result<f64, CommandError> {
    let run = store.summary(id)?.summary;
    let epoch = run.test.as_ref().map_or(run.early_stopping.best_epoch, |test| test.epoch);
    let found = probabilities::temperature(&store.folder(id), id, &run.classes, epoch);
    found
        .map(|temperature| temperature.value)
        .map_err(|reason| CommandError::Failure(format!("{id} has no temperature: {reason}; {otherwise}")))
}
