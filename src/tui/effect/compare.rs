//! What the Compare screen wants done in the world.

use std::sync::Arc;

use crate::runs::Summary;

/// One deed.
#[derive(Debug, Clone, PartialEq)]
pub enum CompareEffect {
    /// Hold a run against the baseline, image by image; answered by `Judged`.
    Judge {
        /// The baseline, tested.
        baseline: Arc<Summary>,
        /// The run, tested.
        run: Arc<Summary>,
    },
}
