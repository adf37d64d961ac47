//! What the Inspect screen knows.

/// What the Inspect screen knows.
#[derive(Debug, Clone, Default)]
pub struct InspectState {}
