//! What the Runs screen wants done in the world.

use crate::domain::RunId;
use crate::runs::annotations::AnnotationChange;
use crate::runs::queue::QueueMove;

/// One deed.
#[derive(Debug, Clone, PartialEq)]
pub enum RunsEffect {
    /// Ask a run's worker to wait; answered by `Requested`.
    Pause(RunId),
    /// Kill a run's worker, which does not answer; answered by `Done`.
    Kill(RunId),
    /// Let a run's worker go on; answered by `Requested`.
    Continue(RunId),
    /// Put other limits in force for a run at work; answered by `Requested`.
    Limits {
        /// The run.
        id: RunId,
        /// Most epochs.
        epochs: u32,
        /// Most epochs in a row without improvement.
        patience: u32,
    },
    /// Start a worker that goes on with a run under other limits; answered by `Done`.
    Extend {
        /// The run.
        id: RunId,
        /// Most epochs.
        epochs: u32,
        /// Most epochs in a row without improvement.
        patience: u32,
    },
    /// Start a worker that tests a run's best weights again; answered by `Done`.
    Evaluate(RunId),
    /// Move a waiting run in the queue; answered by `Done`.
    Move(RunId, QueueMove),
    /// Start a worker for each run of the queue that has lost its own; answered by `Done`.
    RestartQueue,
    /// Look which runs of the queue have lost their workers; answered by `QueueLost`.
    LookAtQueue,
    /// Give a run another name; answered by `Renamed`.
    Rename {
        /// Its name so far.
        from: RunId,
        /// Its name from now on.
        to: RunId,
    },
    /// Change what is said about a run; answered by `Done`.
    Describe(RunId, Vec<AnnotationChange>),
    /// Look how much the folders of runs take; answered by `Weighed`.
    Weigh(Vec<RunId>),
    /// Delete runs; answered by `Deleted`.
    Delete(Vec<RunId>),
}
