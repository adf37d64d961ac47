//! News for the Compare screen.

/// One happening.
#[derive(Debug, Clone)]
pub enum CompareEvent {}
