//! Confusion matrices as shares of their rows, and the difference of two.

use super::{Inspection, InspectionError};
use crate::domain::Confusion;

/// Each row's counts as shares of the row's sum: what becomes of the images of a class. An empty row is all 0.
#[must_use]
#[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
pub fn shares(confusion: &Confusion) -> Vec<Vec<f64>> {
    let row = |row: &Vec<u64>| {
        let sum = row.iter().sum::<u64>().max(1) as f64;
        row.iter().map(|count| *count as f64 / sum).collect()
    };
    confusion.rows().iter().map(row).collect()
}

/// What one run's matrix has more than another's, on the same images.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Difference {
    /// `[truth][predicted]`, in images.
    pub counts: Vec<Vec<i64>>,
    /// The same in shares of the row.
    pub shares: Vec<Vec<f64>>,
}

/// The matrix of `run` minus that of `against`.
///
/// # Errors
/// When the two are not of the same images.
pub fn difference(run: &Inspection, against: &Inspection) -> Result<Difference, InspectionError> {
    run.pairs(against)?;
    let (mine, theirs) = (run.confusion(), against.confusion());
    let counts = cells(mine.rows(), theirs.rows(), |mine, theirs| mine.cast_signed() - theirs.cast_signed());
    let shares = cells(&shares(&mine), &shares(&theirs), |mine, theirs| mine - theirs);
    Ok(Difference { counts, shares })
}

/// Two matrices of one shape, cell by cell.
fn cells<T: Copy, U>(mine: &[Vec<T>], theirs: &[Vec<T>], change: fn(T, T) -> U) -> Vec<Vec<U>> {
    let row = |(mine, theirs): (&Vec<T>, &Vec<T>)| mine.iter().zip(theirs).map(|(a, b)| change(*a, *b)).collect();
    mine.iter().zip(theirs).map(row).collect()
}
