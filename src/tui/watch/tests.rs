//! What is watched, with runs in folders of their own.

use std::os::unix::fs::symlink;
use std::path::Path;

use tokio::sync::mpsc::{Receiver, channel};

use super::*;
use crate::domain::{DatasetName, Recipe};
use crate::events::{Event as Logged, EventWriter};
use crate::runs::Home;
use crate::tui::backend::Backend;
use crate::tui::messages::Event;

fn watch() -> (tempfile::TempDir, Watch, Receiver<Event>) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = RunStore::new(Home::new(folder.path()));
    let (events, received) = channel(64);
    let watch = Watch::new(store.clone(), Arc::new(Backend::new(store)), events);
    (folder, watch, received)
}

fn with_run() -> (tempfile::TempDir, Watch, RunId) {
    let (folder, watch, _) = watch();
    let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), 1);
    let id = watch.store.create(&RunId::new("calm-heron").expect("an id"), &recipe).expect("a run");
    (folder, watch, id)
}

/// Whether a look at the runs at rest finds another view of this one.
fn news(watch: &mut Watch, id: &RunId) -> bool {
    watch.runs.get_mut(id).expect("watched").changed = false;
    watch.check_ended(PIECE);
    watch.runs[id].changed
}

/// In the way of any read, also for root: a link to itself.
fn block(path: &Path) {
    symlink(path, path).expect("a link");
}

fn unblock(path: &Path) {
    fs::remove_file(path).expect("no link");
}

#[test]
fn a_log_is_read_again_after_the_file_system_said_no() {
    let (_folder, mut watch, id) = with_run();
    let log = watch.store.folder(&id).events_file();
    block(&log);
    let watched = watch.open(&id);
    assert!(watched.view.summary.as_ref().is_err_and(|words| words.starts_with("cannot read the event log")));
    watch.runs.insert(id.clone(), watched);
    assert!(!news(&mut watch, &id), "the same error is no news");
    unblock(&log);
    assert!(news(&mut watch, &id));
    assert!(watch.runs[&id].view.summary.is_ok());
    assert!(!news(&mut watch, &id));
}

#[test]
fn a_recipe_is_read_again_after_the_file_system_said_no() {
    let (_folder, mut watch, id) = with_run();
    let recipe = watch.store.folder(&id).recipe_file();
    let text = fs::read(&recipe).expect("a recipe");
    unblock(&recipe);
    block(&recipe);
    let watched = watch.open(&id);
    assert!(watched.view.summary.is_err());
    watch.runs.insert(id.clone(), watched);
    unblock(&recipe);
    fs::write(&recipe, text).expect("written");
    assert!(news(&mut watch, &id));
    assert!(watch.runs[&id].view.summary.is_ok());
}

#[test]
fn what_a_newer_mien_wrote_is_given_up() {
    let (_folder, watch, id) = with_run();
    let folder = watch.store.folder(&id);
    let newer = "{\"at\":2,\"event\":\"log_opened\",\"version\":99,\"program\":\"mien 99\"}\n";
    fs::write(folder.events_file(), newer).expect("written");
    let watched = watch.open(&id);
    assert!(watched.view.summary.is_err() && watched.run.is_none() && !watched.again);
    fs::write(folder.recipe_file(), "{\"version\": 99}").expect("written");
    assert!(!watch.open(&id).again);
    fs::write(folder.recipe_file(), "no recipe").expect("written");
    assert!(!watch.open(&id).again);
}

#[test]
fn folders_that_can_be_read_again_are_news() {
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
    assert!(watch.send() && received.try_recv().is_err(), "a list would hide what was said");
    for path in &paths {
        unblock(path);
    }
    watch.check_folders();
    assert!(matches!(received.try_recv(), Ok(Event::DatasetsRead(Ok(_)))));
    assert!(matches!(received.try_recv(), Ok(Event::WeightsRead(Ok(_)))));
    watch.list_runs();
    assert!(watch.send());
    assert!(matches!(received.try_recv(), Ok(Event::RunsRead(list)) if list.is_empty()));
    watch.list_runs();
    assert!(watch.send());
    watch.check_folders();
    assert!(received.try_recv().is_err());
}

#[test]
fn only_what_changed_is_sent_and_curves_only_of_those_asked_for() {
    let (_folder, mut watch, mut received) = watch();
    let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), 1);
    let ids = ["calm-heron", "brisk-otter"].map(|name| RunId::new(name).expect("an id"));
    for id in &ids {
        watch.store.create(id, &recipe).expect("a run");
    }
    watch.list_runs();
    watch.read_unread(&mut None);
    assert!(watch.send());
    let Ok(Event::RunsRead(list)) = received.try_recv() else { panic!("no list") };
    assert_eq!(list.len(), 2);
    assert!(list.iter().all(|run| run.curves.is_none() && run.log.is_empty()));

    let folder = watch.store.folder(&ids[0]);
    let mut log = EventWriter::open(&folder.events_file(), 1).expect("a log");
    log.append(2, Logged::Warning { message: "hot".into() }).expect("appended");
    watch.check_ended(PIECE);
    watch.want(vec![ids[0].clone()]);
    watch.make_whole();
    assert!(watch.send());
    let Ok(Event::RunsChanged(list)) = received.try_recv() else { panic!("no change") };
    assert!(list.len() == 1 && list[0].id == ids[0] && list[0].curves.is_some());
    assert_eq!(list[0].log.last().expect("a line").text, "warning: hot");

    let said = crate::runs::Annotations { former: vec![ids[1].clone()], ..Default::default() };
    watch.store.folder(&ids[1]).change_annotations(|about| *about = said.clone()).expect("written");
    watch.want(vec![ids[1].clone()]);
    watch.make_whole();
    watch.check_ended(PIECE);
    assert!(watch.send());
    let Ok(Event::RunsChanged(list)) = received.try_recv() else { panic!("no change") };
    assert_eq!(list.iter().map(|run| run.curves.is_some()).collect::<Vec<_>>(), [true, false]);
    assert_eq!(*list[0].annotations, said);
    watch.make_whole();
    watch.check_ended(PIECE);
    assert!(watch.send());
    assert!(received.try_recv().is_err(), "nothing changed");
}
