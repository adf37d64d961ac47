//! What a user can ask for on the Runs screen alone.

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsAction {
    /// Mark the selected run, or take the mark off it.
    Mark,
    /// Take the mark off all runs.
    Unmark,
}
