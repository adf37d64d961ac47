//! What a user can ask for on the Runs screen alone.

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsAction {
    /// Mark the selected run, or take the mark off it.
    Mark,
    /// Take the mark off all runs.
    Unmark,
    /// Mark all runs that the list shows.
    MarkShown,
    /// Order the list by the next field.
    Sort,
    /// Turn the order around.
    Reverse,
    /// Type what the list is filtered by.
    Filter,
    /// Give the run another name.
    Rename,
    /// Add tags and take some off.
    Tag,
    /// Write a note.
    Note,
    /// Move a waiting run one place forward.
    Earlier,
    /// Move a waiting run one place back.
    Later,
    /// Start a worker for each run of the queue that has lost its own.
    RestartQueue,
    /// Delete the run.
    Delete,
    /// Let the worker wait, or go on.
    Pause,
    /// Change epochs and patience.
    Limits,
    /// Test the best weights again.
    Evaluate,
    /// Draw the curves smoother.
    Smooth,
    /// Equal distances upwards are equal ratios, or differences.
    LogScale,
    /// The next axis.
    Axis,
    /// Show less of the curves, larger.
    ZoomIn,
    /// Show more of them.
    ZoomOut,
    /// Show what was before.
    PanLeft,
    /// Show what comes after.
    PanRight,
    /// Show all of them.
    ZoomReset,
    /// The other part of the run.
    Pane,
    /// That part on the whole screen.
    PaneWhole,
    /// Follow the newest line of the log, or stop to.
    Follow,
    /// Type what to look for in the log.
    Search,
    /// Its next hit, towards the end.
    NextHit,
    /// Its next hit, towards the beginning.
    PreviousHit,
}
