//! A simulated batch system: jobs wait for hours, and it may not answer.

use std::sync::Mutex;

use super::*;
use crate::domain::{Recipe, RunState, Strategy};
use crate::events::{Event, EventWriter};
use crate::runs::{Home, ManageError, Placement, Queue, RunStore};
use crate::supervise::launch::launch_with;

/// Long after any local worker would have started, in milliseconds since 1970.
const HOURS_LATER: u64 = 10 * 3_600_000;

/// The simulated system's answer about the job.
#[derive(Debug, Clone, Copy)]
enum JobReply {
    Pending,
    Gone,
    NoAnswer,
}

struct BatchSystem(Mutex<JobReply>);

impl BatchSystem {
    fn set_reply(&self, word: JobReply) {
        *self.0.lock().expect("no panic") = word;
    }
}

impl Launcher for BatchSystem {
    fn name(&self) -> &'static str {
        "batch"
    }

    fn start(&self, run: &RunFolder, _: Job, _: LaunchTime) -> Result<Started, StartError> {
        run.record_placement(&Placement {
            launcher: "batch".into(),
            job: Some("4711".into()),
            at: 1,
            ..Placement::default()
        })?;
        Ok(Started::Submitted)
    }

    fn liveness(&self, run: &RunFolder) -> Liveness {
        match (run.liveness(), *self.0.lock().expect("no panic")) {
            (Liveness::Submitted, JobReply::Gone) => Liveness::Absent,
            (Liveness::Submitted, JobReply::NoAnswer) => Liveness::Unknown(io::Error::other("it does not answer")),
            (found, _) => found,
        }
    }

    fn kill(&self, _: &RunId, run: &RunFolder) -> Result<Option<u32>, KillError> {
        self.set_reply(JobReply::Gone);
        run.clear_placement().expect("cleared");
        Ok(None)
    }
}

/// Returns a run that was submitted to the simulated system at time 0.
fn submitted() -> (tempfile::TempDir, RunStore, RunId, BatchSystem) {
    let home = tempfile::tempdir().expect("a folder");
    let store = RunStore::new(Home::new(home.path()));
    let batch = BatchSystem(Mutex::new(JobReply::Pending));
    let recipe = Recipe { created_at: 1, ..Recipe::sample(Strategy::Cnn) };
    let id =
        launch_with(&batch, &store, &RunId::new("heron").expect("an id"), &recipe, LaunchTime::Queued).expect("taken");
    (home, store, id, batch)
}

fn state(store: &RunStore, id: &RunId) -> RunState {
    store.summary(id).expect("read").state(HOURS_LATER)
}

#[test]
fn a_run_that_was_submitted_long_ago_is_not_lost_and_is_unchanged() {
    let (_home, store, id, batch) = submitted();
    refresh_placement(&batch, &store.folder(&id)).expect("settled");
    assert_eq!(state(&store, &id), RunState::Queued);
    let listing = Queue::of(store.home()).list(HOURS_LATER).expect("a queue");
    assert!(listing.lost().is_empty() && listing.devices.iter().any(|group| group.runs.iter().any(|run| run.id == id)));
    assert!(matches!(store.delete(&id, HOURS_LATER), Err(ManageError::Busy { .. })));
    assert!(matches!(
        store.rename(&id, &RunId::new("new").expect("an id"), HOURS_LATER),
        Err(ManageError::Busy { .. })
    ));
}

#[test]
fn a_system_that_does_not_answer_loses_no_run() {
    let (_home, store, id, batch) = submitted();
    batch.set_reply(JobReply::NoAnswer);
    refresh_placement(&batch, &store.folder(&id)).expect("settled");
    assert_eq!(state(&store, &id), RunState::Queued);
    batch.set_reply(JobReply::Gone);
    refresh_placement(&batch, &store.folder(&id)).expect("settled");
    assert_eq!(state(&store, &id), RunState::Lost);
    assert_eq!(Queue::of(store.home()).list(HOURS_LATER).expect("a queue").lost().len(), 1);
}

#[test]
fn a_worker_that_begins_hours_later_is_followed_through_its_death_to_its_requeuing() {
    let (_home, store, id, batch) = submitted();
    let folder = store.folder(&id);
    let mut run = store.summary(&id).expect("read");
    let node = folder.lock().expect("a lock").expect("free");
    let mut log = EventWriter::open(&folder.events_file(), HOURS_LATER).expect("a log");
    let started = Event::WorkerStarted { pid: 1, host: "node7".into(), resumed_from: 0, resumed_step: 0 };
    log.append(HOURS_LATER, started).expect("appended");
    run.advance().expect("read");
    assert_eq!(run.state(HOURS_LATER), RunState::Starting);
    assert!(matches!(batch.liveness(&folder), Liveness::Alive));
    // The node dies without logging an end, and the system queues the job again.
    drop(node);
    refresh_placement(&batch, &folder).expect("settled");
    run.advance().expect("read");
    assert_eq!(run.state(HOURS_LATER), RunState::Queued);
    assert_eq!(batch.kill(&id, &folder).expect("taken back"), None);
    run.advance().expect("read");
    assert_eq!(run.state(HOURS_LATER), RunState::Lost);
}

#[test]
fn a_placement_by_an_unknown_launcher_is_named_and_no_process_is_killed() {
    let (_home, store, id, _) = submitted();
    let error = of(&store.folder(&id)).err().expect("unknown").to_string();
    assert_eq!(error, "the run was handed to 'batch', a launcher that this mien does not have");
    let refused = crate::supervise::kill(&store, &id).expect_err("refused").to_string();
    assert!(refused.contains("handed to 'batch'"), "{refused}");
    store.folder(&id).clear_placement().expect("cleared");
    assert_eq!(of(&store.folder(&id)).unwrap_or_else(|error| panic!("{error}")).name(), "process");
}
