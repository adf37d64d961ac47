//! News for the Compare screen.

use crate::runs::comparison::{NotComparable, Verdict};
use crate::tui::state::Pair;

/// One happening.
#[derive(Debug, Clone)]
pub enum CompareEvent {
    /// How a run stands against another, or why that cannot be told.
    Judged(Pair, Result<Verdict, NotComparable>),
}
