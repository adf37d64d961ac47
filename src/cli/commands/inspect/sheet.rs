//! The data of a printed inspection.

use std::sync::Arc;

use crate::data::store::Dataset;
use crate::domain::{RunId, Split};
use crate::runs::Summary;
use crate::runs::inspection::{Difference, Inspection, ScoredImage};

/// A cell of the matrix: truth and prediction.
pub(super) type Cell = (usize, usize);

/// The predictions of a run with the images that were asked for.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) run: Arc<Summary>,
    pub(super) split: Split,
    /// The epoch of the weights, from 1; 0 if that is not known.
    pub(super) epoch: u32,
    pub(super) predictions: Inspection,
    /// The difference from another run's predictions.
    pub(super) against: Option<(RunId, Difference)>,
    /// The images asked for, and the classes of their cell if it is one.
    pub(super) images: Option<(Option<Cell>, Vec<ScoredImage>)>,
    pub(super) sources: Sources,
}

/// Names of a split's images; none where the run's dataset is gone or has changed.
#[derive(Debug)]
pub(super) struct Sources(pub(super) Option<Dataset>);

impl Sources {
    /// The name of an image.
    pub(super) fn name(&self, split: Split, index: usize) -> Option<String> {
        self.0.as_ref().filter(|dataset| index < dataset.len(split)).map(|dataset| dataset.source(split, index))
    }
}
