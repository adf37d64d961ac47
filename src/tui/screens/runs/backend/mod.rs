//! The effects of the Runs screen, which send requests to workers and change run folders.

mod predictions;

use crate::domain::{Limits, RunId, text::printable};
use crate::runs::Queue;
use crate::runs::annotations::AnnotationChange;
use crate::supervise::{self, LaunchTime};
use crate::tui::backend::{Backend, for_each};
use crate::tui::messages::{ActionError, RunsEffect, RunsEvent};
use crate::tui::screens::paths;

fn words<T, E: ToString>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

impl Backend {
    /// Starts a worker that resumes a run.
    ///
    /// # Errors
    /// The operation was refused or failed.
    pub fn resume(&self, id: &RunId) -> Result<(), ActionError> {
        Ok(supervise::resume(&self.store, id)?)
    }

    /// Requests that a run's worker stops.
    ///
    /// # Errors
    /// The operation was refused or failed.
    pub fn stop(&self, id: &RunId) -> Result<(), ActionError> {
        Ok(supervise::request_stop(&self.store, id)?)
    }

    fn restart_queue(&self) -> Result<String, String> {
        let restarted = words(supervise::restart(&self.store, &[]))?;
        let failed = restarted.iter().find_map(|run| run.result.as_ref().err().map(|error| (&run.id, error)));
        match (failed, restarted.len()) {
            (Some((id, error)), _) => Err(format!("{id}: {error}")),
            (None, 0) => Ok("no queued run has lost its worker".into()),
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

/// Runs an effect of the Runs screen and returns its answer.
pub(in crate::tui) fn run_effect(backend: &Backend, effect: RunsEffect) -> RunsEvent {
    let store = &backend.store;
    match effect {
        RunsEffect::Resume(ids) => RunsEvent::ResumeFinished(for_each(ids, |id| backend.resume(id))),
        RunsEffect::Stop(ids) => RunsEvent::StopFinished(for_each(ids, |id| backend.stop(id))),
        RunsEffect::Pause(id) => {
            let result = words(supervise::pause(store, &id));
            RunsEvent::Requested(id, result)
        }
        RunsEffect::Kill(id) => {
            let result = words(supervise::kill(store, &id));
            RunsEvent::Done(result.map(|pid| format!("{}: R resumes it", supervise::kill::describe_kill(&id, pid))))
        }
        RunsEffect::Continue(id) => {
            let result = words(supervise::unpause(store, &id));
            RunsEvent::Requested(id, result)
        }
        RunsEffect::Limits { id, epochs, patience } => {
            let result = words(supervise::change_limits(store, &id, Limits { epochs, patience }.into()));
            RunsEvent::Requested(id, result.map(drop))
        }
        RunsEffect::Extend { id, epochs, patience } => {
            let limits = Limits { epochs, patience };
            let result = words(supervise::resume_with_limits(store, &id, limits.into(), LaunchTime::Queued));
            RunsEvent::Done(result.map(|()| format!("{id} continues: {epochs} epochs, patience {patience}")))
        }
        RunsEffect::Evaluate(id) => {
            let result = words(supervise::evaluate(store, &id, LaunchTime::Queued));
            RunsEvent::TestRequested(id, result)
        }
        RunsEffect::Move(id, to) => {
            let result = words(Queue::of(store.home()).move_run(&id, &to));
            RunsEvent::Done(result.map(|(position, of)| format!("{id} is number {position} of {of} waiting runs")))
        }
        RunsEffect::RestartQueue => RunsEvent::Done(backend.restart_queue()),
        RunsEffect::CheckQueue => {
            // Every action on the queue reports an unreadable queue.
            let listing = Queue::of(store.home()).list(supervise::now()).unwrap_or_default();
            RunsEvent::LostRunsCounted(listing.lost().len())
        }
        RunsEffect::CompleteSources(typed) => RunsEvent::SourcesCompleted(paths::complete(typed)),
        RunsEffect::Predict(order) => {
            let news = backend.predict(&order);
            RunsEvent::Predicted(order.number, news)
        }
        RunsEffect::Export(id, path) => {
            let result = supervise::exports::export(store.home().path(), &id, &paths::expanded(&path));
            RunsEvent::Done(result.map(|()| format!("{id} is written to {}", printable(&path))))
        }
        RunsEffect::PollPredictions(number) => RunsEvent::Predicted(number, backend.poll_predictions(number)),
        RunsEffect::EndPrediction(number) => {
            backend.end_prediction(number);
            RunsEvent::PredictionEnded
        }
        RunsEffect::ReadLastLook => RunsEvent::LastLook(store.home().last_look().unwrap_or_default()),
        RunsEffect::ReadListView => RunsEvent::ListViewRead(store.home().list_view().unwrap_or_default()),
        RunsEffect::RecordListView(view) => {
            let _ = store.home().record_list_view(&view);
            RunsEvent::ListStateRecorded
        }
        RunsEffect::RecordLook(at) => {
            // In a home that cannot be written, the next look begins with the same runs.
            let _ = store.home().record_look(at);
            RunsEvent::ListStateRecorded
        }
        RunsEffect::Rename { from, to } => {
            let result = words(store.rename(&from, &to, supervise::now()));
            RunsEvent::Renamed { from, result: result.map(|()| to) }
        }
        RunsEffect::Annotate(changes) => {
            let saved = AnnotationChange::describe_saved(&changes);
            let mut each = changes.into_iter();
            let result = each.try_for_each(|(id, changes)| {
                words(store.folder(&id).change_annotations(|annotations| annotations.apply(changes))).map(drop)
            });
            RunsEvent::Done(result.map(|()| saved))
        }
        RunsEffect::Measure(ids) => {
            let measured = |id: RunId| {
                let bytes = store.folder(&id).disk_usage();
                (id, bytes)
            };
            RunsEvent::Measured(ids.into_iter().map(measured).collect())
        }
        RunsEffect::Delete(ids) => backend.delete(ids),
    }
}

#[cfg(test)]
mod tests;
