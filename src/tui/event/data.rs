//! News for the Data screen.

/// One happening.
#[derive(Debug, Clone)]
pub enum DataEvent {}
