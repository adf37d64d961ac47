//! News for the Runs screen.

/// One happening.
#[derive(Debug, Clone)]
pub enum RunsEvent {}
