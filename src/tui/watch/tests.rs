//! The watcher with runs in temporary folders.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tokio::sync::mpsc::{Receiver, channel};

use super::*;
use crate::domain::{DatasetName, Recipe};
use crate::events::{Event as Logged, EventWriter};
use crate::runs::Home;
use crate::tui::backend::Backend;
use crate::tui::messages::Event;

fn watch() -> (tempfile::TempDir, Watcher, Receiver<Event>) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = RunStore::new(Home::new(folder.path()));
    let (events, received) = channel(64);
    let watch = Watcher::new(store.clone(), Arc::new(Backend::new(store)), events);
    (folder, watch, received)
}

fn with_run() -> (tempfile::TempDir, Watcher, RunId) {
    let (folder, watch, _) = watch();
    let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), 1);
    let id = watch.store.create(&RunId::new("calm-heron").expect("an id"), &recipe).expect("a run");
    (folder, watch, id)
}

/// Returns whether a check of the runs changes the view of this one.
fn is_changed(watch: &mut Watcher, id: &RunId) -> bool {
    watch.runs.get_mut(id).expect("watched").changed = false;
    watch.check_some(RUNS_PER_CHECK);
    watch.runs[id].changed
}

/// Makes every read fail, also for root, by a link to itself.
fn block(path: &Path) {
    symlink(path, path).expect("a link");
}

fn unblock(path: &Path) {
    fs::remove_file(path).expect("no link");
}

#[test]
fn a_log_is_read_again_after_a_failed_read() {
    let (_folder, mut watch, id) = with_run();
    let log = watch.store.folder(&id).events_file();
    block(&log);
    let watched = WatchedRun::open(&watch.store, &id, false);
    assert!(watched.view.summary.as_ref().is_err_and(|message| message.starts_with("cannot read the event log")));
    watch.runs.insert(id.clone(), watched);
    assert!(!is_changed(&mut watch, &id), "the same error is not sent again");
    unblock(&log);
    assert!(is_changed(&mut watch, &id));
    assert!(watch.runs[&id].view.summary.is_ok());
    assert!(!is_changed(&mut watch, &id));
}

#[test]
fn a_recipe_is_read_again_after_a_failed_read() {
    let (_folder, mut watch, id) = with_run();
    let recipe = watch.store.folder(&id).recipe_file();
    let text = fs::read(&recipe).expect("a recipe");
    unblock(&recipe);
    block(&recipe);
    let watched = WatchedRun::open(&watch.store, &id, false);
    assert!(watched.view.summary.is_err());
    watch.runs.insert(id.clone(), watched);
    unblock(&recipe);
    fs::write(&recipe, text).expect("written");
    assert!(is_changed(&mut watch, &id));
    assert!(watch.runs[&id].view.summary.is_ok());
}

#[test]
fn formats_of_newer_versions_are_not_read_again() {
    let (_folder, watch, id) = with_run();
    let folder = watch.store.folder(&id);
    let newer = "{\"at\":2,\"event\":\"log_opened\",\"version\":99,\"program\":\"mien 99\"}\n";
    fs::write(folder.events_file(), newer).expect("written");
    let watched = WatchedRun::open(&watch.store, &id, false);
    assert!(watched.view.summary.is_err() && watched.run.is_none() && !watched.retry);
    fs::write(folder.recipe_file(), "{\"version\": 99}").expect("written");
    assert!(!WatchedRun::open(&watch.store, &id, false).retry);
    fs::write(folder.recipe_file(), "no recipe").expect("written");
    assert!(!WatchedRun::open(&watch.store, &id, false).retry);
}

#[test]
fn folders_that_can_be_read_again_are_sent() {
    let (folder, mut watch, mut received) = watch();
    let paths = ["data", "weights", "checkpoints"].map(|name| folder.path().join(name));
    for path in &paths {
        block(path);
    }
    watch.check_folders();
    assert!(matches!(received.try_recv(), Ok(Event::DatasetsRead(Err(_)))));
    assert!(matches!(received.try_recv(), Ok(Event::WeightsRead(Err(_)))));
    watch.list_runs();
    assert!(matches!(received.try_recv(), Ok(Event::RunsUnreadable(_))));
    assert!(watch.send_changes() && received.try_recv().is_err(), "a list would clear the error");
    for path in &paths {
        unblock(path);
    }
    watch.check_folders();
    assert!(matches!(received.try_recv(), Ok(Event::DatasetsRead(Ok(_)))));
    assert!(matches!(received.try_recv(), Ok(Event::WeightsRead(Ok(_)))));
    watch.list_runs();
    assert!(watch.send_changes());
    assert!(matches!(received.try_recv(), Ok(Event::RunsRead(list)) if list.is_empty()));
    watch.list_runs();
    assert!(watch.send_changes());
    watch.check_folders();
    assert!(received.try_recv().is_err());
}

#[test]
fn only_changed_runs_are_sent_and_curves_only_on_request() {
    let (_folder, mut watch, mut received) = watch();
    let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), 1);
    let ids = ["calm-heron", "brisk-otter"].map(|name| RunId::new(name).expect("an id"));
    for id in &ids {
        watch.store.create(id, &recipe).expect("a run");
    }
    watch.list_runs();
    watch.read_unread(&mut None);
    assert!(watch.send_changes());
    let Ok(Event::RunsRead(list)) = received.try_recv() else { panic!("no list") };
    assert_eq!(list.len(), 2);
    assert!(list.iter().all(|run| run.curves.is_none() && run.log.is_empty()));

    let folder = watch.store.folder(&ids[0]);
    let mut log = EventWriter::open(&folder.events_file(), 1).expect("a log");
    log.append(2, Logged::Warning { message: "hot".into() }).expect("appended");
    watch.check_some(RUNS_PER_CHECK);
    watch.request_details(vec![ids[0].clone()]);
    watch.update_details();
    assert!(watch.send_changes());
    let Ok(Event::RunsChanged(list)) = received.try_recv() else { panic!("no change") };
    assert!(list.len() == 1 && list[0].id == ids[0] && list[0].curves.is_some());
    assert_eq!(list[0].log.last().expect("a line").text, "warning: hot");

    let annotations = crate::runs::Annotations { former: vec![ids[1].clone()], ..Default::default() };
    watch.store.folder(&ids[1]).change_annotations(|about| *about = annotations.clone()).expect("written");
    watch.request_details(vec![ids[1].clone()]);
    watch.update_details();
    watch.check_some(RUNS_PER_CHECK);
    assert!(watch.send_changes());
    let Ok(Event::RunsChanged(list)) = received.try_recv() else { panic!("no change") };
    assert_eq!(list.iter().map(|run| run.curves.is_some()).collect::<Vec<_>>(), [true, false]);
    assert_eq!(*list[0].annotations, annotations);
    watch.update_details();
    watch.check_some(RUNS_PER_CHECK);
    assert!(watch.send_changes());
    assert!(received.try_recv().is_err(), "nothing changed");
}
