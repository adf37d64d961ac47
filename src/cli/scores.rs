//! The scores of classes as JSON and as tables. Keys are stable: none is ever renamed.

use std::borrow::Cow;

use serde::Serialize;

use super::exit::CommandError;
use super::output;
use super::table::{Side, Table, figure};
use crate::domain::text::printable;
use crate::domain::{ClassScores, Confusion, Scores, Split};
use crate::runs::{FollowedRun, Summary, inspection};

/// The scores of a class, for scripts.
#[derive(Debug, Serialize)]
pub(super) struct ClassEntry<'a> {
    name: Cow<'a, str>,
    #[serde(flatten)]
    scores: ClassScores,
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
}

impl FurtherScores {
    pub(super) fn of(scores: &Scores, top2: Option<f64>) -> Self {
        let Scores { balanced_accuracy, weighted_f1, present, .. } = *scores;
        let macro_classes = scores.per_class.len();
        Self { macro_classes, classes_with_images: present, balanced_accuracy, weighted_f1, top2 }
    }
}

/// Returns the share of a run's test images whose class is among the two most probable; `None` without predictions.
pub(super) fn top2(run: &FollowedRun) -> Option<f64> {
    let summary = &run.summary;
    summary.test.as_ref()?;
    inspection::load(run.folder(), &summary.id, &summary.classes, Split::Test, 1).ok()?.top(2)
}

/// Returns the scores of each class with its name.
pub(super) fn class_entries<'a>(names: &'a [String], scores: &Scores) -> Vec<ClassEntry<'a>> {
    let entry = |(label, scores)| ClassEntry { name: class_name(names, label), scores };
    scores.per_class.iter().cloned().enumerate().map(entry).collect()
}

/// Returns the name of a label, or `class N` if a damaged log lacks it.
fn class_name(names: &[String], label: usize) -> Cow<'_, str> {
    names.get(label).map_or_else(|| format!("class {label}").into(), Into::into)
}

/// Returns a table of precision, recall and F1 of each class, and their means; `heading` is that of the names.
pub(super) fn class_table(heading: &str, names: &[String], scores: &Scores) -> String {
    let mut table = Table::new([
        (heading, Side::Left),
        ("PRECISION", Side::Right),
        ("RECALL", Side::Right),
        ("F1", Side::Right),
        ("SUPPORT", Side::Right),
    ]);
    let row = |name: &str, figures: [f64; 3], support: u64| {
        let [precision, recall, f1] = figures.map(|value| figure(Some(value)));
        [name.to_owned(), precision, recall, f1, support.to_string()]
    };
    for (name, class) in names.iter().zip(&scores.per_class) {
        table.row(&row(name, [class.precision, class.recall, class.f1], class.support));
    }
    // A damaged log can hold any counts.
    let support = scores.per_class.iter().map(|class| class.support).fold(0, u64::saturating_add);
    table.row(&row("macro average", [scores.precision, scores.recall, scores.f1], support));
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
pub(super) fn test_text(run: &Summary, top2: Option<f64>) -> Option<String> {
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
    let table = class_table("TEST", &names, &scores);
    Some(
        table
            + &accuracy
            + &scores.further_text(top2)
            + "\n"
            + &views.unwrap_or_default()
            + &training.unwrap_or_default(),
    )
}

/// Prints the metrics of a run's test, if it was tested.
pub(super) fn print_test(run: &FollowedRun) -> Result<(), CommandError> {
    test_text(&run.summary, top2(run)).map_or(Ok(()), |text| output::print(&format!("\n{text}")))
}
