//! Renaming and deleting runs: tests on real folders.

use super::*;
use crate::domain::{Recipe, Strategy};
use crate::runs::Home;

const NOW: u64 = 1_000_000;

fn id(name: &str) -> RunId {
    RunId::new(name).expect("an id")
}

fn store(names: &[&str]) -> (tempfile::TempDir, RunStore) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = RunStore::new(Home::new(folder.path()));
    for name in names {
        let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), 1);
        store.create(&id(name), &recipe).expect("a run");
    }
    (folder, store)
}

#[test]
fn a_renamed_run_is_found_by_each_name_it_had() {
    let (_home, store) = store(&["one"]);
    store.rename(&id("one"), &id("two"), NOW).expect("renamed");
    store.rename(&id("two"), &id("three"), NOW).expect("renamed");
    assert_eq!(store.ids().expect("ids"), [id("three")]);
    for name in ["one", "two", "three"] {
        assert_eq!(store.find(name).expect("found"), id("three"), "{name}");
        assert_eq!(store.resolve(&id(name)), Some(id("three")), "{name}");
    }
    assert_eq!(store.folder(&id("three")).annotations().expect("about").former, [id("one"), id("two")]);
    store.rename(&id("three"), &id("one"), NOW).expect("back");
    assert_eq!(store.folder(&id("one")).annotations().expect("about").former, [id("two"), id("three")]);
    assert_eq!(store.resolve(&id("four")), None);
}

#[test]
fn a_name_in_use_goes_before_a_former_one() {
    let (_home, store) = store(&["one"]);
    store.rename(&id("one"), &id("two"), NOW).expect("renamed");
    store.create(&id("one"), &Recipe::sample(Strategy::Cnn)).expect("a run");
    assert_eq!(store.find("one").expect("found"), id("one"));
    assert_eq!(store.resolve(&id("one")), Some(id("one")));
}

#[test]
fn runs_with_a_worker_or_a_dependent_run_are_unchanged() {
    let (_home, store) = store(&["base", "other"]);
    let busy = store.folder(&id("base")).lock().expect("a lock").expect("free");
    assert!(matches!(store.rename(&id("base"), &id("new"), NOW), Err(ManageError::Busy { .. })));
    assert!(matches!(store.delete(&id("base"), NOW), Err(ManageError::Busy { .. })));
    drop(busy);

    let mut waiting = Recipe { created_at: 1, ..Recipe::sample(Strategy::Finetune) };
    waiting.after = Some(id("base"));
    let waiter = store.create(&id("waiter"), &waiting).expect("a run");
    let held = store.folder(&waiter).lock().expect("a lock").expect("free");
    let refused = store.delete(&id("base"), NOW).expect_err("awaited");
    assert!(refused.to_string().contains("waiter waits for base"));
    assert!(matches!(store.rename(&id("base"), &id("new"), NOW), Err(ManageError::Awaited { .. })));
    drop(held);
    store.rename(&id("base"), &id("new"), NOW).expect("nobody needs it any more");

    let fresh = Recipe { created_at: NOW - 100, ..Recipe::sample(Strategy::Cnn) };
    store.create(&id("fresh"), &fresh).expect("a run");
    assert!(matches!(store.delete(&id("fresh"), NOW), Err(ManageError::Busy { .. })), "its worker is on its way");

    let ahead = Recipe { created_at: NOW + 3_600_000, ..Recipe::sample(Strategy::Cnn) };
    store.create(&id("ahead"), &ahead).expect("a run");
    store.rename(&id("ahead"), &id("behind"), NOW).expect("created by a clock that was ahead, not a moment ago");
    store.delete(&id("behind"), NOW).expect("the same");
}

#[test]
fn a_run_whose_lock_is_unreadable_is_not_lost_and_is_unchanged() {
    let (_home, store) = store(&["one", "base"]);
    let run = store.folder(&id("one"));
    let mut log = crate::events::EventWriter::open(&run.events_file(), 1).expect("a log");
    log.append(1, crate::events::Event::Warning { message: "hot".into() }).expect("appended");
    assert_eq!(store.summary(&id("one")).expect("read").state(NOW), crate::domain::RunState::Lost);
    // Opening it fails for every user, even root.
    std::os::unix::fs::symlink(run.lock_file(), run.lock_file()).expect("linked");
    let doubtful = store.summary(&id("one")).expect("read");
    assert!(doubtful.state(NOW).is_active() && doubtful.lock_error.is_some(), "{:?}", doubtful.state(NOW));
    for refused in [store.rename(&id("one"), &id("new"), NOW), store.delete(&id("one"), NOW)] {
        assert!(refused.expect_err("refused").to_string().starts_with("cannot change "));
    }
    let dataset = DatasetName::new("demo").expect("a name");
    let words = store.refuse_in_use(&dataset).expect_err("in use").to_string();
    assert!(
        words.starts_with("demo is in use by one (its lock cannot be checked: ")
            && words.ends_with("): stop the training first"),
        "{words}"
    );
    let findings = store.check(&id("one"), &std::collections::BTreeMap::new());
    assert!(findings.iter().any(|finding| format!("{finding:?}").contains("worker.lock")), "{findings:?}");
    fs::remove_file(run.lock_file()).expect("removed");
    store.refuse_in_use(&dataset).expect("nobody is at it");
    let _held = store.folder(&id("base")).lock().expect("a lock").expect("free");
    let words = store.refuse_in_use(&dataset).expect_err("in use").to_string();
    assert_eq!(words, "demo is in use by base: stop the training first");
}

#[test]
fn names_are_checked() {
    let (_home, store) = store(&["one", "two"]);
    assert!(matches!(store.rename(&id("one"), &id("two"), NOW), Err(ManageError::Taken { .. })));
    assert!(matches!(store.rename(&id("one"), &id("latest"), NOW), Err(ManageError::Name(_))));
    assert!(matches!(store.rename(&id("none"), &id("three"), NOW), Err(ManageError::Gone { .. })));
    store.rename(&id("one"), &id("one"), NOW).expect("nothing to do");
}

#[test]
fn a_deletion_leaves_nothing_and_an_interrupted_one_no_run() {
    let (_home, store) = store(&["one", "two"]);
    let checkpoints = store.home().checkpoints();
    fs::create_dir_all(checkpoints.join(".deleted-0-one").join("control")).expect("a leftover");
    fs::write(checkpoints.join(".deleted-0-one").join("recipe.json"), "{}").expect("a leftover");
    store.delete(&id("one"), NOW).expect("deleted");
    assert_eq!(store.ids().expect("ids"), [id("two")]);
    assert!(matches!(store.delete(&id("one"), NOW), Err(ManageError::Gone { .. })));
    store.sweep();
    assert_eq!(fs::read_dir(checkpoints).expect("a folder").count(), 1);
}
