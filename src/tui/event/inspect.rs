//! News for the Inspect screen.

/// One happening.
#[derive(Debug, Clone)]
pub enum InspectEvent {}
