//! What is asked of runs and their workers.

use super::Disk;
use crate::domain::RunId;
use crate::runs::Queue;
use crate::supervise::{self, LaunchTime};
use crate::tui::effect::RunsEffect;
use crate::tui::event::{ActionError, Event, RunsEvent};

fn words<T, E: ToString>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

impl Disk {
    /// Starts a worker that goes on with a run.
    ///
    /// # Errors
    /// Why not.
    pub fn resume(&self, id: &RunId) -> Result<(), ActionError> {
        Ok(supervise::resume(&self.store, id)?)
    }

    /// Asks a run's worker to stop.
    ///
    /// # Errors
    /// Why not.
    pub fn stop(&self, id: &RunId) -> Result<(), ActionError> {
        Ok(supervise::request_stop(&self.store, id)?)
    }

    /// Does what the Runs screen wants done.
    pub fn on_runs(&self, effect: RunsEffect) -> Event {
        let store = &self.store;
        Event::Run(match effect {
            RunsEffect::Pause(id) => {
                let result = words(supervise::pause(store, &id));
                RunsEvent::Requested(id, result)
            }
            RunsEffect::Kill(id) => {
                let result = words(supervise::kill(store, &id));
                RunsEvent::Done(
                    result.map(|pid| format!("{}: R goes on with it", supervise::kill::describe_kill(&id, pid))),
                )
            }
            RunsEffect::Continue(id) => {
                let result = words(supervise::unpause(store, &id));
                RunsEvent::Requested(id, result)
            }
            RunsEffect::Limits { id, epochs, patience } => {
                let result = words(supervise::change_limits(store, &id, Some(epochs), Some(patience)));
                RunsEvent::Requested(id, result.map(drop))
            }
            RunsEffect::Extend { id, epochs, patience } => {
                let result =
                    words(supervise::resume_with_limits(store, &id, Some(epochs), Some(patience), LaunchTime::Queued));
                RunsEvent::Done(result.map(|()| format!("{id} goes on: {epochs} epochs, patience {patience}")))
            }
            RunsEffect::Evaluate(id) => {
                let result = words(supervise::evaluate(store, &id, LaunchTime::Queued));
                RunsEvent::Done(result.map(|()| format!("{id} is tested again")))
            }
            RunsEffect::Move(id, to) => {
                let result = words(Queue::of(store.home()).move_run(&id, &to));
                RunsEvent::Done(result.map(|(place, of)| format!("{id} is number {place} of {of} that wait")))
            }
            RunsEffect::RestartQueue => RunsEvent::Done(self.restart_queue()),
            RunsEffect::LookAtQueue => {
                // A queue that cannot be read is told by whatever is done with it.
                let listing = Queue::of(store.home()).list(supervise::now()).unwrap_or_default();
                RunsEvent::QueueLost(listing.lost().len())
            }
            RunsEffect::Rename { from, to } => {
                let result = words(store.rename(&from, &to, supervise::now()));
                RunsEvent::Renamed { from, result: result.map(|()| to) }
            }
            RunsEffect::Describe(id, changes) => {
                let result = words(store.folder(&id).change_annotations(|about| about.apply(changes)));
                RunsEvent::Done(result.map(|_| format!("what is said about {id} is written")))
            }
            RunsEffect::Weigh(ids) => {
                let weighed = |id: RunId| {
                    let bytes = store.folder(&id).disk_usage();
                    (id, bytes)
                };
                RunsEvent::Weighed(ids.into_iter().map(weighed).collect())
            }
            RunsEffect::Delete(ids) => self.delete(ids),
        })
    }

    fn restart_queue(&self) -> Result<String, String> {
        let restarted = words(supervise::restart(&self.store, &[]))?;
        let failed = restarted.iter().find_map(|run| run.result.as_ref().err().map(|error| (&run.id, error)));
        match (failed, restarted.len()) {
            (Some((id, error)), _) => Err(format!("{id}: {error}")),
            (None, 0) => Ok("no run of the queue has lost its worker".into()),
            (None, 1) => Ok(format!("{} has a worker again", restarted[0].id)),
            (None, runs) => Ok(format!("{runs} runs have workers again")),
        }
    }

    fn delete(&self, ids: Vec<RunId>) -> RunsEvent {
        let mut gone = Vec::new();
        for id in ids {
            if let Err(error) = self.store.delete(&id, supervise::now()) {
                return RunsEvent::Deleted(gone, Some(error.to_string()));
            }
            gone.push(id);
        }
        RunsEvent::Deleted(gone, None)
    }
}
