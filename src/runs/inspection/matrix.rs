//! Confusion matrices as shares of their rows, and the difference of two matrices.

use super::{Inspection, InspectionError};
use crate::domain::{Confusion, MATRIX_CLASSES};

/// Returns each row's counts as shares of the row's sum, `[truth][predicted]`; an empty row is all 0. Returns an empty
/// matrix for more classes than [`MATRIX_CLASSES`](crate::domain::MATRIX_CLASSES).
#[must_use]
pub fn shares(confusion: &Confusion) -> Vec<Vec<f64>> {
    cells(confusion, |truth, predicted| confusion.share(truth, predicted))
}

/// The difference of two runs' matrices on the same images; empty for more classes than
/// [`MATRIX_CLASSES`](crate::domain::MATRIX_CLASSES).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Difference {
    /// `[truth][predicted]`, in images.
    pub counts: Vec<Vec<i64>>,
    /// `[truth][predicted]`, in shares of the row.
    pub shares: Vec<Vec<f64>>,
}

/// Returns the matrix of `run` minus that of `against`.
///
/// # Errors
/// If the two have different images.
pub fn difference(run: &Inspection, against: &Inspection) -> Result<Difference, InspectionError> {
    run.pairs(against)?;
    let (mine, theirs) = (run.confusion(), against.confusion());
    let count =
        |truth, predicted| mine.count(truth, predicted).cast_signed() - theirs.count(truth, predicted).cast_signed();
    let share = |truth, predicted| mine.share(truth, predicted) - theirs.share(truth, predicted);
    Ok(Difference { counts: cells(&mine, count), shares: cells(&mine, share) })
}

/// Returns a matrix of `figure` for every cell, or an empty one if there are too many classes.
fn cells<T>(confusion: &Confusion, figure: impl Fn(usize, usize) -> T) -> Vec<Vec<T>> {
    let classes = if confusion.classes() > MATRIX_CLASSES { 0 } else { confusion.classes() };
    (0..classes).map(|truth| (0..classes).map(|predicted| figure(truth, predicted)).collect()).collect()
}
