//! Runs of the queue that have lost their workers: restarting or removing them.

use std::io;

use crate::domain::{LimitChanges, RunId};
use crate::runs::queue::QueuePosition;
use crate::runs::{Job, Queue, RunStore};

use super::launch::{LaunchError, LaunchTime, evaluate, resume_with_limits};

/// The reason why the queue cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The run has no pending job.
    #[error("{id} is not in the queue: `mien queue` lists what is")]
    NotIn {
        /// The run.
        id: RunId,
    },
    /// The run has a worker.
    #[error("{id} has a worker: `mien stop {id}` ends it")]
    HasWorker {
        /// The run.
        id: RunId,
    },
    /// The file system returned an error.
    #[error("cannot use the queue: {0}")]
    Io(#[from] io::Error),
}

/// The result of restarting a run.
#[derive(Debug)]
pub struct RestartResult {
    /// The run.
    pub id: RunId,
    /// Success, or the reason why the run has no worker.
    pub result: Result<(), LaunchError>,
}

/// Starts a worker for each run of the queue that has lost its worker, or only for these, in the order of the queue. A
/// run starts after the runs that it waits for. If another process does so at the same time, each run's lock admits one
/// worker.
///
/// # Errors
/// If the queue cannot be read, or one of `only` has not lost its worker. The result holds the errors of single runs.
pub fn restart(store: &RunStore, only: &[RunId]) -> Result<Vec<RestartResult>, QueueError> {
    let queue = Queue::of(store.home());
    let listing = queue.list(super::now())?;
    let lost: Vec<RunId> = listing.lost().into_iter().map(|run| run.id.clone()).collect();
    for id in only {
        if !lost.contains(id) {
            let known = listing.devices.iter().flat_map(|group| &group.runs).any(|run| run.id == *id);
            let id = id.clone();
            return Err(if known { QueueError::HasWorker { id } } else { QueueError::NotIn { id } });
        }
    }
    // By position, across devices.
    let entries = queue.entries()?.into_iter();
    let entries = entries.filter(|(id, _)| lost.contains(id) && (only.is_empty() || only.contains(id)));
    let (ids, jobs): (Vec<RunId>, Vec<Job>) = entries.map(|(id, entry)| (id, entry.job)).unzip();
    let order = restart_order(&ids, |id| prerequisites(store, id));
    Ok(order.into_iter().map(|index| restart_run(store, &queue, &ids[index], jobs[index])).collect())
}

fn restart_run(store: &RunStore, queue: &Queue, id: &RunId, job: Job) -> RestartResult {
    let result = match job {
        Job::Train => resume_with_limits(store, id, LimitChanges::NONE, LaunchTime::IfPending),
        Job::Evaluate => evaluate(store, id, LaunchTime::IfPending),
    };
    if matches!(result, Err(LaunchError::Finished { .. } | LaunchError::NoWeights { .. })) {
        // The run is finished, so no job is pending.
        let _ = queue.leave(&store.folder(id));
    }
    let id = id.clone();
    match result {
        // Another process was faster.
        Err(LaunchError::Busy { .. }) => RestartResult { id, result: Ok(()) },
        result => RestartResult { id, result },
    }
}

/// Returns the runs that a run waits for.
fn prerequisites(store: &RunStore, id: &RunId) -> Vec<RunId> {
    store.folder(id).recipe().map_or_else(|_| Vec::new(), |recipe| recipe.awaited(false))
}

/// Returns the indices of `ids` in order, but each after those among them that it needs.
fn restart_order(ids: &[RunId], needs: impl Fn(&RunId) -> Vec<RunId>) -> Vec<usize> {
    fn visit(
        index: usize,
        ids: &[RunId],
        needs: &impl Fn(&RunId) -> Vec<RunId>,
        seen: &mut [bool],
        order: &mut Vec<usize>,
    ) {
        // Marked before the recursion, so that a cycle of needs ends.
        if std::mem::replace(&mut seen[index], true) {
            return;
        }
        for needed in needs(&ids[index]) {
            if let Some(index) = ids.iter().position(|id| *id == needed) {
                visit(index, ids, needs, seen, order);
            }
        }
        order.push(index);
    }
    let (mut seen, mut order) = (vec![false; ids.len()], Vec::new());
    (0..ids.len()).for_each(|index| visit(index, ids, &needs, &mut seen, &mut order));
    order
}

/// Removes a run that has lost its worker from the queue. The run is unchanged and can be resumed later.
///
/// # Errors
/// If the run is not in the queue, has a worker, or its folder cannot be written.
pub fn forget(store: &RunStore, id: &RunId) -> Result<(), QueueError> {
    let folder = store.folder(id);
    if !folder.queue_file().exists() {
        return Err(QueueError::NotIn { id: id.clone() });
    }
    let listing = Queue::of(store.home()).list(super::now())?;
    let on_its_way = |position: &QueuePosition| *position == QueuePosition::Starting;
    let starting =
        listing.devices.iter().flat_map(|group| &group.runs).any(|run| run.id == *id && on_its_way(&run.position));
    if folder.worker_alive() || starting {
        return Err(QueueError::HasWorker { id: id.clone() });
    }
    Ok(Queue::of(store.home()).leave(&folder)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Recipe, Strategy};
    use crate::runs::Home;

    fn id(name: &str) -> RunId {
        RunId::new(name).expect("an id")
    }

    #[test]
    fn none_is_brought_back_before_the_one_that_it_waits_for() {
        let ids = ["a", "b", "c", "d"].map(id);
        // a needs c, c needs d, b needs an unknown run.
        let needs = |run: &RunId| match run.as_str() {
            "a" => vec![id("c")],
            "b" => vec![id("x")],
            "c" => vec![id("d")],
            _ => Vec::new(),
        };
        assert_eq!(restart_order(&ids, needs), [3, 2, 0, 1]);
        assert_eq!(restart_order(&ids, |_| Vec::new()), [0, 1, 2, 3]);
        let circle = |run: &RunId| vec![id(if run.as_str() == "a" { "b" } else { "a" })];
        assert_eq!(restart_order(&ids[..2], circle), [1, 0]);
    }

    #[test]
    fn only_a_run_without_a_worker_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = RunStore::new(Home::new(folder.path()));
        let recipe = Recipe { created_at: 1, ..Recipe::sample(Strategy::Cnn) };
        let run = store.create(&id("heron"), &recipe).expect("a run");
        assert!(matches!(forget(&store, &run), Err(QueueError::NotIn { .. })));
        Queue::of(store.home()).enter(&store.folder(&run), Job::Train).expect("entered");
        let worker = store.folder(&run).lock().expect("a lock").expect("free");
        assert!(matches!(forget(&store, &run), Err(QueueError::HasWorker { .. })));
        assert!(matches!(restart(&store, std::slice::from_ref(&run)), Err(QueueError::HasWorker { .. })));
        drop(worker);
        forget(&store, &run).expect("let go of");
        assert!(matches!(restart(&store, &[run]), Err(QueueError::NotIn { .. })));
    }
}
