//! Fuzz targets for the files of a run folder: see [`crate::fuzzing`].

use std::fs;
use std::sync::Arc;

use super::annotations::Annotations;
use super::detail::RunDetail;
use super::facts::RunFacts;
use super::inspection::{Inspection, Order};
use super::layout::{Home, RunFolder};
use super::predictions::Predictions;
use super::query::{Query, SortKey};
use super::saved_fold::{self, Body, FoldKind};
use super::steps::{Axis, StepMetric};
use super::store::RunStore;
use super::summary::Summary;
use crate::domain::text::printable;
use crate::domain::{DatasetName, Recipe, RunId};

fn recipe() -> Recipe {
    Recipe::cnn(DatasetName::new("d").expect("a name"), "f".into(), 1)
}

fn safe(text: &str) {
    assert_eq!(printable(text), text);
}

/// Calls `check` with a run that has these files next to its recipe.
fn with_run(files: &[(&str, &[u8])], check: impl FnOnce(&RunStore, &RunId, RunFolder)) {
    let dir = tempfile::tempdir().expect("a folder");
    let store = RunStore::new(Home::new(dir.path()));
    let id = RunId::new("run").expect("an id");
    let folder = store.folder(&id);
    fs::create_dir_all(folder.path().join("control")).expect("made");
    fs::write(folder.recipe_file(), serde_json::to_vec(&recipe()).expect("a recipe")).expect("written");
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).expect("written");
    }
    check(&store, &id, folder);
}

/// Reads an event log, describes its events, saves its fold and reads that again.
pub(crate) fn events(bytes: &[u8]) {
    with_run(&[("events.jsonl", bytes)], |store, id, _| {
        let mut run = store.follow(id).expect("a recipe");
        let mut records = Vec::new();
        let read = run.poll(&mut records);
        let Ok(detail) = run.detail().cloned() else { return };
        detail.log.iter().for_each(|line| safe(&line.text));
        judge(&run.summary);
        if read.is_err() {
            return;
        }
        run.save_folds();
        let mut again = store.open(id).expect("a recipe");
        again.advance().expect("read before");
        assert_eq!(again.position(), run.position());
        assert_eq!(again.damage(), run.damage());
        // Compared as text, because NaN equals no NaN.
        assert_eq!(format!("{:?}", again.summary), format!("{:?}", run.summary));
    });
}

/// Calls the functions of lists, curves and tables on a summary.
fn judge(summary: &Arc<Summary>) {
    let state = summary.state(false, 2);
    let facts = RunFacts::new(summary.clone(), Arc::new(Annotations::default()), state, 2);
    for field in SortKey::FIELDS {
        let _ = facts.value(field);
    }
    let _ = (summary.epoch(), summary.best(), summary.ending(), summary.cause());
}

/// Reads a small file of a run, chosen by the first byte: recipe, limits, annotations.
pub(crate) fn files(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let name = ["recipe.json", "control/limits.json", "about.json"][usize::from(*which) % 3];
    with_run(&[(name, bytes)], |store, id, folder| {
        if let Ok(recipe) = folder.recipe() {
            folder.write_recipe(&recipe).expect("written");
            assert_eq!(format!("{:?}", folder.recipe().expect("as written")), format!("{recipe:?}"));
        }
        if let Ok(annotations) = folder.annotations() {
            safe(annotations.note.as_str());
            folder.change_annotations(|stored| *stored = annotations.clone()).expect("written");
            assert_eq!(folder.annotations().expect("as written"), annotations);
        }
        if let Ok(Some(limits)) = folder.limits() {
            folder.request_limits(limits).expect("written");
        }
        let _ = store.find("run");
        if let Ok(run) = store.summary(id) {
            judge(&run.summary);
        }
    });
}

/// Reads a saved fold: as it is, and with a correct checksum.
pub(crate) fn folds(bytes: &[u8]) {
    if let Some(summary) = Summary::decode(bytes) {
        judge(&Arc::new(summary));
    }
    if let Some(detail) = RunDetail::decode(bytes) {
        let _ = detail.steps.points(Axis::Steps, StepMetric::Loss).count();
    }
    let log = b"{\"at\":1,\"event\":\"x\"}\n".as_slice();
    with_run(&[("events.jsonl", log), ("summary.fold", bytes), ("detail.fold", bytes)], |store, id, folder| {
        let log = folder.events_file();
        assert!(saved_fold::read::<Summary>(&folder.summary_fold(), FoldKind::Summary, &log, 1).is_none());
        let mut run = store.summary(id).expect("the log is whole");
        let _ = run.detail();
    });
}

/// Reads predictions and inspects them.
pub(crate) fn predictions(bytes: &[u8]) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("test.safetensors");
    fs::write(&path, bytes).expect("written");
    let predictions = match Predictions::read(&path) {
        Ok(predictions) => predictions,
        Err(error) => {
            assert!(error.to_string().contains("test.safetensors"), "{error}");
            return;
        }
    };
    let classes: Vec<String> = (0..predictions.classes.min(1000)).map(|class| format!("class {class}")).collect();
    let Ok(inspection) = Inspection::new(predictions, &classes) else { return };
    let _ = (inspection.confusion(), inspection.scores(), inspection.mean_loss(), inspection.hardest(3));
    for order in [Order::Confidence, Order::Loss, Order::Index] {
        let _ = inspection.cell(0, 0, order);
    }
    let _ = inspection.pairs(&inspection);
}

/// Parses a query over runs.
pub(crate) fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Query::parse(&text) {
        Ok(query) => {
            let summary = Arc::new(Summary::new(RunId::new("run").expect("an id"), recipe()));
            let state = summary.state(false, 2);
            let _ = query.matches(&RunFacts::new(summary, Arc::new(Annotations::default()), state, 2));
        }
        Err(error) => {
            safe(&error.reason);
            assert!(text.get(error.at).is_some());
        }
    }
    if let Err(reason) = text.parse::<SortKey>() {
        safe(&reason);
    }
}
