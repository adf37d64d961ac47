//! The data of a printed inspection.

use std::sync::Arc;

use crate::data::store::Dataset;
use crate::domain::{RunId, Split};
use crate::runs::inspection::{Difference, Inspection, ScoredImage};
use crate::runs::{ProbabilityMetrics, Summary};
use crate::supervise::HeatMaps;

/// A cell of the matrix: the labels of the true and the predicted class.
pub(super) type Cell = (usize, usize);

/// The choice of the listed images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listing {
    /// The images of a cell.
    Cell(Cell),
    /// The images with the largest loss.
    Hardest,
    /// The images with given indices.
    Indices,
}

/// The predictions of a run with the listed images.
#[derive(Debug)]
pub(super) struct InspectionView {
    pub(super) run: Arc<Summary>,
    pub(super) split: Split,
    /// The epoch of the weights, from 1; 0 if unknown.
    pub(super) epoch: u32,
    pub(super) predictions: Inspection,
    /// The metrics of the probabilities.
    pub(super) probabilities: ProbabilityMetrics,
    /// The difference from another run's predictions.
    pub(super) against: Option<(RunId, Difference)>,
    /// The listed images.
    pub(super) images: Option<(Listing, Vec<ScoredImage>)>,
    /// The heat maps of each listed image; empty where none are wanted or the network has no convolution.
    pub(super) heat_maps: Vec<HeatMaps>,
    pub(super) sources: Sources,
}

/// The names of a split's images; `None` if the run's dataset is missing or has changed.
#[derive(Debug)]
pub(super) struct Sources(pub(super) Option<Dataset>);

impl Sources {
    /// Returns the name of an image.
    pub(super) fn name(&self, split: Split, index: usize) -> Option<String> {
        self.0.as_ref().filter(|dataset| index < dataset.len(split)).map(|dataset| dataset.source(split, index))
    }
}
