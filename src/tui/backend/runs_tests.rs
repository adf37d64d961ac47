//! What is asked of runs, with runs in real folders. No worker is needed, and none is started.

use super::Disk;
use crate::domain::{DatasetName, Limits, Outcome, Recipe, RunId, RunState, Tag};
use crate::events::{Event as Logged, EventWriter};
use crate::runs::annotations::{AnnotationChange, Note};
use crate::runs::{Home, RunStore};
use crate::supervise::now;
use crate::tui::effect::RunsEffect;
use crate::tui::event::{Event, RunsEvent};

fn id(name: &str) -> RunId {
    RunId::new(name).expect("an id")
}

/// A home with a run that was stopped long ago, and one whose worker is on its way.
fn home() -> (tempfile::TempDir, RunStore, Disk) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = RunStore::new(Home::new(folder.path()));
    let recipe = |at| Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), at);
    store.create(&id("old"), &recipe(1)).expect("a run");
    let mut log = EventWriter::open(&store.folder(&id("old")).events_file(), 1).expect("a log");
    log.append(2, Logged::WorkerStarted { pid: 1, host: "box".into(), resumed_from: 0, resumed_step: 0 })
        .expect("appended");
    log.append(3, Logged::Ended { outcome: Outcome::Stopped }).expect("appended");
    store.create(&id("fresh"), &recipe(now())).expect("a run");
    let disk = Disk::new(store.clone());
    (folder, store, disk)
}

fn asked(disk: &Disk, effect: RunsEffect) -> RunsEvent {
    match disk.on_runs(effect) {
        Event::Run(event) => event,
        other => panic!("{other:?}"),
    }
}

/// Why it was refused.
fn refused(disk: &Disk, effect: RunsEffect) -> String {
    let (RunsEvent::Requested(_, Err(error))
    | RunsEvent::Done(Err(error))
    | RunsEvent::Renamed { result: Err(error), .. }
    | RunsEvent::Deleted(_, Some(error))) = asked(disk, effect)
    else {
        panic!("it was not refused")
    };
    error
}

#[test]
fn a_renamed_run_keeps_what_is_said_about_it() {
    let (_home, store, disk) = home();
    let tag = |word: &str| AnnotationChange::of_tag(word).expect("a tag");
    let note = Note::new("kept for the figures").expect("a note");
    // Another program, whose tag the dashboard has not seen yet.
    store.folder(&id("old")).change_annotations(|about| about.apply(vec![tag("shell")])).expect("written");
    let changes = vec![tag("+night"), tag("-none"), AnnotationChange::Note(note.clone())];
    let written = asked(&disk, RunsEffect::Describe(id("old"), changes));
    assert!(matches!(written, RunsEvent::Done(Ok(_))), "{written:?}");
    let renamed = asked(&disk, RunsEffect::Rename { from: id("old"), to: id("older") });
    let RunsEvent::Renamed { from, result: Ok(to) } = renamed else { panic!("{renamed:?}") };
    assert_eq!((from, to), (id("old"), id("older")));
    let read = store.folder(&id("older")).annotations().expect("about");
    let tags: Vec<&str> = read.tags.iter().map(Tag::as_str).collect();
    assert_eq!((tags.as_slice(), read.note, read.former), (["night", "shell"].as_slice(), note, vec![id("old")]));
    assert!(!store.folder(&id("old")).path().exists());
}

#[test]
fn a_rename_to_a_taken_name_or_of_a_run_at_work_is_refused() {
    let (_home, store, disk) = home();
    let taken = refused(&disk, RunsEffect::Rename { from: id("old"), to: id("fresh") });
    assert!(taken.contains("fresh"), "{taken}");
    let busy = refused(&disk, RunsEffect::Rename { from: id("fresh"), to: id("new") });
    assert!(busy.contains("fresh"), "{busy}");
    refused(&disk, RunsEffect::Rename { from: id("none"), to: id("new") });
    assert_eq!(store.ids().expect("ids"), [id("fresh"), id("old")]);
}

#[test]
fn what_goes_with_a_deletion_is_weighed_and_gone_and_a_run_at_work_stays() {
    let (_home, store, disk) = home();
    let folder = store.folder(&id("old"));
    std::fs::write(folder.best_checkpoint(), vec![0; 10_000]).expect("written");
    let weighed = asked(&disk, RunsEffect::Weigh(vec![id("old"), id("none")]));
    let RunsEvent::Weighed(sizes) = weighed else { panic!("{weighed:?}") };
    assert!(sizes[0].1 > 10_000 && sizes[0].1 < 30_000 && sizes[1] == (id("none"), 0), "{sizes:?}");
    // The order is that of marking: what comes after the refused one stays too.
    let deleted = asked(&disk, RunsEffect::Delete(vec![id("old"), id("fresh")]));
    let RunsEvent::Deleted(gone, Some(error)) = deleted else { panic!("{deleted:?}") };
    assert!(gone == [id("old")] && error.contains("fresh"), "{error}");
    assert!(!folder.path().exists() && store.folder(&id("fresh")).path().exists());
}

#[test]
fn requests_reach_the_folder_of_a_run_that_is_about_to_begin() {
    let (_home, store, disk) = home();
    let folder = store.folder(&id("fresh"));
    let done = asked(&disk, RunsEffect::Pause(id("fresh")));
    assert!(matches!(done, RunsEvent::Requested(_, Ok(()))) && folder.pause_requested(), "{done:?}");
    let done = asked(&disk, RunsEffect::Continue(id("fresh")));
    assert!(matches!(done, RunsEvent::Requested(_, Ok(()))) && !folder.pause_requested(), "{done:?}");
    let done = asked(&disk, RunsEffect::Limits { id: id("fresh"), epochs: 80, patience: 12 });
    assert!(matches!(done, RunsEvent::Requested(_, Ok(()))), "{done:?}");
    assert_eq!(folder.limits().expect("limits"), Some(Limits { epochs: 80, patience: 12 }));
    disk.stop(&id("fresh")).expect("asked");
    assert!(folder.stop_requested());
}

#[test]
fn a_run_at_rest_is_asked_for_nothing() {
    let (_home, store, disk) = home();
    let limits = |id, epochs| RunsEffect::Limits { id, epochs, patience: 12 };
    for effect in [RunsEffect::Pause(id("old")), RunsEffect::Continue(id("old")), limits(id("old"), 80)] {
        let words = refused(&disk, effect);
        assert!(words.contains("old") && words.contains("stopped"), "{words}");
    }
    assert!(disk.stop(&id("old")).is_err_and(|error| error.to_string().contains("old")));
    assert!(refused(&disk, limits(id("fresh"), 0)).contains("epochs"));
    // Whether it is the trainer, the weights or the worker under way that is missing: nothing is started.
    for run in ["old", "fresh"] {
        refused(&disk, RunsEffect::Evaluate(id(run)));
    }
    refused(&disk, RunsEffect::Extend { id: id("fresh"), epochs: 80, patience: 12 });
    let folder = store.folder(&id("old"));
    assert!(!folder.pause_requested() && !folder.stop_requested() && folder.limits().expect("limits").is_none());
    assert_eq!(store.summary(&id("old")).expect("read").state(now()), RunState::Stopped);
}
