//! What the Inspect screen knows.

use crate::domain::RunId;

/// What the Inspect screen knows.
#[derive(Debug, Clone, Default)]
pub struct InspectState {
    /// The run looked into.
    pub run: Option<RunId>,
    /// The run it is held against.
    pub against: Option<RunId>,
}
