//! What happens to runs.

use crate::domain::RunId;

/// One happening.
#[derive(Debug, Clone)]
pub enum RunsEvent {
    /// Something was done, as the words tell; or why it was not.
    Done(Result<String, String>),
    /// A request reached a run's folder, or why it did not: then nobody will answer it.
    Requested(RunId, Result<(), String>),
    /// So many runs of the queue have lost their workers.
    QueueLost(usize),
    /// A run has another name, or why not.
    Renamed {
        /// The name so far.
        from: RunId,
        /// The name now, or why it is still the old one.
        result: Result<RunId, String>,
    },
    /// What the folders of runs take on disk, in bytes.
    Weighed(Vec<(RunId, u64)>),
    /// These runs are gone, and why the next one is not.
    Deleted(Vec<RunId>, Option<String>),
}
