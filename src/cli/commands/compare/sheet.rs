//! The data of a printed comparison.

use crate::domain::RunState;
use crate::runs::comparison::Comparison;
use crate::runs::{Ensemble, Summary};

/// A comparison with its runs and their states.
#[derive(Debug)]
pub(super) struct ComparisonView<'a> {
    pub(super) comparison: Comparison,
    /// The mean of the runs, with `--average`.
    pub(super) average: Option<Ensemble>,
    pub(super) runs: Vec<(&'a Summary, RunState)>,
}
