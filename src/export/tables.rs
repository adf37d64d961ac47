//! The figures of a run as comma-separated tables: its epochs, its predictions, its confusion matrices.

use std::io;
use std::path::Path;

use super::error::ExportError;
use crate::runs::inspection::Inspection;
use crate::runs::predictions::PredictionsError;
use crate::runs::{FollowedRun, Predictions};

/// Rows of a table, headings first.
type Rows = Vec<Vec<String>>;

/// Returns the tables of a run by name: `epochs.csv`, and `predictions-SPLIT.csv` and `confusion-SPLIT.csv` of every
/// split with predictions.
///
/// # Errors
/// If predictions cannot be read.
pub fn files(run: &FollowedRun) -> Result<Vec<(String, Vec<u8>)>, ExportError> {
    let (summary, folder) = (&run.summary, run.folder());
    let mut files = vec![("epochs.csv".to_owned(), epochs(run)?)];
    let best = summary.early_stopping.best_epoch;
    let kept = [
        ("test", folder.test_predictions()),
        ("test-views", folder.test_views_predictions()),
        ("validation", folder.validation_predictions(best)),
        ("train", folder.train_predictions()),
    ];
    for (split, file) in kept {
        if let Some(answers) = answers(&file, &summary.classes)? {
            files.push((format!("predictions-{split}.csv"), table(&predictions(&answers))?));
            files.push((format!("confusion-{split}.csv"), table(&confusion(&answers))?));
        }
    }
    Ok(files)
}

/// Returns the figures of every epoch in the format of `show --csv`.
fn epochs(run: &FollowedRun) -> Result<Vec<u8>, ExportError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = run.summary.epochs.iter().try_for_each(|epoch| writer.serialize(epoch));
    finish(written, writer)
}

/// Reads and checks the predictions of a file; `None` if there is no file.
fn answers(file: &Path, classes: &[String]) -> Result<Option<Inspection>, ExportError> {
    if !file.exists() {
        return Ok(None);
    }
    let refuse = |reason: String| PredictionsError::Malformed { path: file.to_owned(), reason };
    let predictions = Predictions::read(file)?;
    Ok(Some(Inspection::new(predictions, classes).map_err(|fault| refuse(fault.to_string()))?))
}

/// Returns a row for each image: index, true class, predicted class, and the probability of every class.
fn predictions(answers: &Inspection) -> Rows {
    let classes = answers.classes();
    let first = ["image", "truth", "predicted"].map(String::from).into_iter();
    let mut rows = vec![first.chain(classes.iter().cloned()).collect()];
    for judged in answers.all() {
        let names = [judged.index.to_string(), classes[judged.truth].clone(), classes[judged.predicted].clone()];
        let probabilities = answers.probabilities(judged.index).unwrap_or_default();
        rows.push(names.into_iter().chain(probabilities.iter().map(ToString::to_string)).collect());
    }
    rows
}

/// Returns a row for each true class and a column for each predicted one. Many classes give a row for each pair that
/// occurs.
fn confusion(answers: &Inspection) -> Rows {
    let (classes, confusion) = (answers.classes(), answers.confusion());
    let matrix = confusion.rows();
    if matrix.is_empty() {
        let head = ["truth", "predicted", "images"].map(String::from).to_vec();
        let row = |(truth, predicted, images): (usize, usize, u64)| {
            vec![classes[truth].clone(), classes[predicted].clone(), images.to_string()]
        };
        return std::iter::once(head).chain(confusion.cells().map(row)).collect();
    }
    let head = std::iter::once("truth".to_owned()).chain(classes.iter().cloned()).collect();
    let rows = classes
        .iter()
        .zip(matrix)
        .map(|(class, counts)| std::iter::once(class.clone()).chain(counts.iter().map(ToString::to_string)).collect());
    std::iter::once(head).chain(rows).collect()
}

fn table(rows: &Rows) -> Result<Vec<u8>, ExportError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = rows.iter().try_for_each(|row| writer.write_record(row));
    finish(written, writer)
}

fn finish(written: csv::Result<()>, writer: csv::Writer<Vec<u8>>) -> Result<Vec<u8>, ExportError> {
    let bytes = written.map_err(io::Error::other).and_then(|()| writer.into_inner().map_err(io::Error::other));
    bytes.map_err(|error| ExportError::form("a table", &error))
}
