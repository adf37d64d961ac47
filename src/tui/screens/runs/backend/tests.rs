//! Effects on runs in real folders. No worker is needed, and none is started.

use super::run_effect;
use crate::domain::{DatasetName, Limits, Outcome, Recipe, RunId, RunState, Tag};
use crate::events::{Event as Logged, EventWriter};
use crate::runs::annotations::{AnnotationChange, Note};
use crate::runs::{Home, RunStore};
use crate::supervise::now;
use crate::tui::backend::Backend;
use crate::tui::messages::{RunsEffect, RunsEvent};

fn id(name: &str) -> RunId {
    RunId::new(name).expect("an id")
}

/// Returns a home with a run that was stopped long ago, and one whose worker is about to start.
fn home() -> (tempfile::TempDir, RunStore, Backend) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = RunStore::new(Home::new(folder.path()));
    let recipe = |at| Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), at);
    store.create(&id("old"), &recipe(1)).expect("a run");
    let mut log = EventWriter::open(&store.folder(&id("old")).events_file(), 1).expect("a log");
    log.append(2, Logged::WorkerStarted { pid: 1, host: "box".into(), resumed_from: 0, resumed_step: 0 })
        .expect("appended");
    log.append(3, Logged::Ended { outcome: Outcome::Stopped }).expect("appended");
    store.create(&id("fresh"), &recipe(now())).expect("a run");
    let backend = Backend::new(store.clone());
    (folder, store, backend)
}

fn run(backend: &Backend, effect: RunsEffect) -> RunsEvent {
    run_effect(backend, effect)
}

/// Returns the reason why an effect was refused.
fn refused(backend: &Backend, effect: RunsEffect) -> String {
    let (RunsEvent::Requested(_, Err(error))
    | RunsEvent::TestRequested(_, Err(error))
    | RunsEvent::Done(Err(error))
    | RunsEvent::Renamed { result: Err(error), .. }
    | RunsEvent::Deleted(_, Some(error))) = run(backend, effect)
    else {
        panic!("it was not refused")
    };
    error
}

#[test]
fn a_renamed_run_keeps_its_annotations() {
    let (_home, store, backend) = home();
    let tag = |word: &str| AnnotationChange::of_tag(word).expect("a tag");
    let note = Note::new("kept for the figures").expect("a note");
    // Another program adds a tag that the dashboard has not read yet.
    store.folder(&id("old")).change_annotations(|about| about.apply(vec![tag("shell")])).expect("written");
    let changes = vec![tag("+night"), tag("-none"), AnnotationChange::Note(note.clone())];
    let written = run(&backend, RunsEffect::Annotate(vec![(id("old"), changes)]));
    assert!(matches!(written, RunsEvent::Done(Ok(_))), "{written:?}");
    let renamed = run(&backend, RunsEffect::Rename { from: id("old"), to: id("older") });
    let RunsEvent::Renamed { from, result: Ok(to) } = renamed else { panic!("{renamed:?}") };
    assert_eq!((from, to), (id("old"), id("older")));
    let read = store.folder(&id("older")).annotations().expect("about");
    let tags: Vec<&str> = read.tags.iter().map(Tag::as_str).collect();
    assert_eq!((tags.as_slice(), read.note, read.former), (["night", "shell"].as_slice(), note, vec![id("old")]));
    assert!(!store.folder(&id("old")).path().exists());
}

#[test]
fn a_rename_to_a_taken_name_or_of_an_active_run_is_refused() {
    let (_home, store, backend) = home();
    let taken = refused(&backend, RunsEffect::Rename { from: id("old"), to: id("fresh") });
    assert!(taken.contains("fresh"), "{taken}");
    let busy = refused(&backend, RunsEffect::Rename { from: id("fresh"), to: id("new") });
    assert!(busy.contains("fresh"), "{busy}");
    refused(&backend, RunsEffect::Rename { from: id("none"), to: id("new") });
    assert_eq!(store.ids().expect("ids"), [id("fresh"), id("old")]);
}

#[test]
fn a_deletion_is_measured_first_and_spares_an_active_run() {
    let (_home, store, backend) = home();
    let folder = store.folder(&id("old"));
    std::fs::write(folder.best_checkpoint(), vec![0; 10_000]).expect("written");
    let measured = run(&backend, RunsEffect::Measure(vec![id("old"), id("none")]));
    let RunsEvent::Measured(sizes) = measured else { panic!("{measured:?}") };
    assert!(sizes[0].1 > 10_000 && sizes[0].1 < 30_000 && sizes[1] == (id("none"), 0), "{sizes:?}");
    // Deletion follows the order of marking and ends at the first refused run.
    let deleted = run(&backend, RunsEffect::Delete(vec![id("old"), id("fresh")]));
    let RunsEvent::Deleted(gone, Some(error)) = deleted else { panic!("{deleted:?}") };
    assert!(gone == [id("old")] && error.contains("fresh"), "{error}");
    assert!(!folder.path().exists() && store.folder(&id("fresh")).path().exists());
}

#[test]
fn requests_reach_the_folder_of_a_run_that_is_about_to_begin() {
    let (_home, store, backend) = home();
    let folder = store.folder(&id("fresh"));
    let done = run(&backend, RunsEffect::Pause(id("fresh")));
    assert!(matches!(done, RunsEvent::Requested(_, Ok(()))) && folder.pause_requested(), "{done:?}");
    let done = run(&backend, RunsEffect::Continue(id("fresh")));
    assert!(matches!(done, RunsEvent::Requested(_, Ok(()))) && !folder.pause_requested(), "{done:?}");
    let done = run(&backend, RunsEffect::Limits { id: id("fresh"), epochs: 80, patience: 12 });
    assert!(matches!(done, RunsEvent::Requested(_, Ok(()))), "{done:?}");
    assert_eq!(folder.limits().expect("limits"), Some(Limits { epochs: 80, patience: 12 }));
    backend.stop(&id("fresh")).expect("asked");
    assert!(folder.stop_requested());
}

#[test]
fn requests_to_a_run_without_a_worker_are_refused() {
    let (_home, store, backend) = home();
    let limits = |id, epochs| RunsEffect::Limits { id, epochs, patience: 12 };
    for effect in [RunsEffect::Pause(id("old")), RunsEffect::Continue(id("old")), limits(id("old"), 80)] {
        let words = refused(&backend, effect);
        assert!(words.contains("old") && words.contains("stopped"), "{words}");
    }
    assert!(backend.stop(&id("old")).is_err_and(|error| error.to_string().contains("old")));
    assert!(refused(&backend, limits(id("fresh"), 0)).contains("epochs"));
    // Whether the trainer, the weights or a free worker is missing, nothing is started.
    for run in ["old", "fresh"] {
        refused(&backend, RunsEffect::Evaluate(id(run)));
    }
    refused(&backend, RunsEffect::Extend { id: id("fresh"), epochs: 80, patience: 12 });
    let folder = store.folder(&id("old"));
    assert!(!folder.pause_requested() && !folder.stop_requested() && folder.limits().expect("limits").is_none());
    assert_eq!(store.summary(&id("old")).expect("read").state(now()), RunState::Stopped);
}
