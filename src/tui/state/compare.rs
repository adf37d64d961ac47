//! What the Compare screen knows.

/// What the Compare screen knows.
#[derive(Debug, Clone, Default)]
pub struct CompareState {}
