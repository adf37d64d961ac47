//! Properties of saved folds: a fold matches its log or is ignored.

use proptest::prelude::*;

use super::*;
use crate::domain::{
    Confusion, DatasetName, EarlyStoppingStatus, EpochMetrics, FinishReason, Outcome, Recipe, RunId, Split, SplitCounts,
};
use crate::events::{Event, EventWriter};
use crate::runs::FollowedRun;
use crate::runs::{Home, RunStore};

fn store() -> (tempfile::TempDir, RunStore, RunId) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = RunStore::new(Home::new(folder.path()));
    let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), 1);
    let id = store.create(&RunId::new("calm-heron").expect("an id"), &recipe).expect("a run");
    (folder, store, id)
}

fn any_event() -> impl Strategy<Value = Event> {
    let epoch = 1..6_u32;
    let figure = prop_oneof![9 => -10.0..10.0_f64, 1 => Just(f64::NAN)];
    prop_oneof![
        8 => (epoch.clone(), 1..90_u32, figure.clone()).prop_map(|(epoch, step, loss)| Event::Step {
            epoch,
            step,
            steps: 90,
            loss,
            accuracy: 0.5,
            learning_rate: 1e-3,
            images_per_second: 9.5,
        }),
        2 => (epoch.clone(), figure).prop_map(|(epoch, val_loss)| Event::EpochFinished {
            metrics: EpochMetrics {
                epoch,
                train_loss: 1.5,
                train_accuracy: 0.25,
                val_loss,
                val_accuracy: 0.2,
                learning_rate: 1e-3,
                seconds: 2.5,
                images_per_second: 1400.0,
            },
            early_stopping: EarlyStoppingStatus { best_epoch: epoch, best_value: val_loss, waited: 0 },
        }),
        1 => epoch.clone().prop_map(|epoch| Event::EpochStarted { epoch, steps: 90, done: 0, seconds: 0.0 }),
        1 => (0..4_u32, 0..90_u32).prop_map(|(resumed_from, resumed_step)| Event::WorkerStarted {
            pid: 7,
            host: "here".into(),
            resumed_from,
            resumed_step,
        }),
        1 => (0..4_u32, 0..90_u32).prop_map(|(epoch, step)| Event::CheckpointSaved { epoch, step, best: false }),
        1 => ".*".prop_map(|message| Event::Warning { message }),
        1 => ".*".prop_map(|cause| Event::Ended { outcome: Outcome::Failed { cause, kind: crate::domain::FailureKind::Disk } }),
        1 => Just(Event::Ended { outcome: Outcome::Finished { reason: FinishReason::EarlyStop } }),
        1 => Just(Event::DataOpened {
            images: SplitCounts { train: 3, validation: 2, test: 1 },
            classes: vec!["angry".into(), "sad".into()],
        }),
        1 => Just(Event::DeviceChosen { device: "cpu".into(), description: "x".into(), note: None }),
        1 => Just(Event::Waiting { run: RunId::new("other").expect("an id") }),
        1 => (0_usize..4).prop_map(|ahead| Event::Queued { device: "cpu".into(), ahead }),
        1 => Just(Event::ComputingFeatures { done: 1, total: 2, images_per_second: 3.0 }),
        1 => epoch.prop_map(|epoch| {
            let mut confusion = Confusion::new(2);
            confusion.add(0, 1);
            Event::Evaluated { split: Split::Test, epoch, loss: f64::NAN, confusion }
        }),
    ]
}

/// Returns the whole fold of a run as text, in which NaN equals itself.
fn text_of(run: &mut FollowedRun) -> String {
    run.advance().expect("read");
    let detail = run.detail().expect("read").clone();
    format!("{:?} {detail:?} {:?}", run.summary, run.progress())
}

fn keep(store: &RunStore, id: &RunId) {
    let mut run = store.follow(id).expect("a run");
    run.advance().expect("read");
    let detail = run.detail().expect("read").clone();
    let folder = store.folder(id);
    let recipe = crc32fast::hash(&fs::read(folder.recipe_file()).expect("a recipe"));
    let (progress, log) = (run.progress(), folder.events_file());
    let value = run.summary.as_ref();
    write(&folder.summary_fold(), FoldKind::Summary, &log, recipe, &SavedFold { progress, value }).expect("kept");
    let saved = SavedFold { progress, value: &detail };
    write(&folder.detail_fold(), FoldKind::Detail, &log, recipe, &saved).expect("kept");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_saved_prefix_and_the_rest_are_all_of_the_log(
        events in proptest::collection::vec(any_event(), 1..60), cut in any::<prop::sample::Index>()
    ) {
        let (_home, store, id) = store();
        let log = store.folder(&id).events_file();
        let mut writer = EventWriter::open(&log, 1).expect("a log");
        let cut = cut.index(events.len() + 1);
        for (at, event) in (1_000..).zip(&events[..cut]) {
            writer.append(at * 500, event.clone()).expect("appended");
        }
        keep(&store, &id);
        let saved_at = fs::metadata(&log).expect("a log").len();
        for (at, event) in (5_000..).zip(&events[cut..]) {
            writer.append(at * 500, event.clone()).expect("appended");
        }
        let mut saved = store.open(&id).expect("a run");
        prop_assert_eq!(saved.position(), saved_at, "the fold was not used");
        let mut read = store.follow(&id).expect("a run");
        prop_assert_eq!(text_of(&mut saved), text_of(&mut read));
    }

    #[test]
    fn a_damaged_fold_is_none(index in any::<prop::sample::Index>(), change in 1..=255_u8, cut in any::<bool>()) {
        let (_home, store, id) = store();
        let folder = store.folder(&id);
        let mut writer = EventWriter::open(&folder.events_file(), 1).expect("a log");
        writer.append(5, Event::Warning { message: "soon".into() }).expect("appended");
        keep(&store, &id);
        for path in [folder.summary_fold(), folder.detail_fold()] {
            let mut bytes = fs::read(&path).expect("kept");
            let index = index.index(bytes.len());
            if cut { bytes.truncate(index) } else { bytes[index] ^= change }
            fs::write(&path, bytes).expect("written");
        }
        let mut run = store.open(&id).expect("a run");
        prop_assert_eq!(run.position(), 0);
        prop_assert_eq!(text_of(&mut run), text_of(&mut store.follow(&id).expect("a run")));
    }
}

#[test]
fn a_fold_of_another_log_or_recipe_is_none() {
    let (_home, store, id) = store();
    let folder = store.folder(&id);
    let warn = |count: usize, letter: &str| {
        let mut writer = EventWriter::open(&folder.events_file(), 1).expect("a log");
        for _ in 0..count {
            writer.append(5, Event::Warning { message: letter.repeat(100) }).expect("appended");
        }
    };
    let used = || store.open(&id).expect("a run").position() > 0;
    warn(100, "a");
    keep(&store, &id);
    assert!(used());
    warn(1, "b");
    assert!(used(), "a longer log has it as its beginning");
    let log = fs::read(folder.events_file()).expect("a log");
    fs::write(folder.events_file(), &log[..log.len() / 2]).expect("cut");
    assert!(!used(), "a shorter log");
    fs::remove_file(folder.events_file()).expect("removed");
    assert!(!used(), "no log");
    warn(100, "c");
    assert!(!used(), "a log of other words");
    fs::write(folder.events_file(), log).expect("back");
    assert!(used());
    let recipe = fs::read_to_string(folder.recipe_file()).expect("a recipe");
    fs::write(folder.recipe_file(), recipe.replace("\"epochs\": 50", "\"epochs\": 51")).expect("edited");
    assert!(!used(), "another recipe");
}

#[test]
fn a_fold_follows_its_renamed_or_copied_run() {
    let (_home, store, id) = store();
    let mut writer = EventWriter::open(&store.folder(&id).events_file(), 1).expect("a log");
    writer.append(5, Event::StopRequested).expect("appended");
    keep(&store, &id);
    let other = RunId::new("renamed").expect("an id");
    fs::rename(store.folder(&id).path(), store.folder(&other).path()).expect("renamed");
    let run = store.open(&other).expect("a run");
    assert!(run.position() > 0);
    assert_eq!(run.summary.id, other);
}

#[test]
fn folds_of_long_logs_are_saved_and_of_short_ones_are_not() {
    let (_home, store, id) = store();
    let folder = store.folder(&id);
    let mut writer = EventWriter::open(&folder.events_file(), 1).expect("a log");
    writer.append(5, Event::Warning { message: "short".into() }).expect("appended");
    store.summary(&id).expect("read");
    assert!(!folder.summary_fold().exists());
    writer.append(6, Event::Warning { message: "x".repeat(70_000) }).expect("appended");
    let read = store.summary(&id).expect("read");
    assert!(folder.summary_fold().exists() && folder.detail_fold().exists());
    let opened = store.open(&id).expect("a run");
    assert_eq!(opened.position(), read.position());
    // In a home that cannot be written, saving has no effect and no error.
    fs::remove_file(folder.summary_fold()).expect("removed");
    fs::create_dir(folder.summary_fold()).expect("in the way");
    let again = store.summary(&id).expect("read");
    assert_eq!(format!("{:?}", again.summary), format!("{:?}", read.summary));
}

/// The names below are the shape of the saved summary. A change of them requires a new [`FOLD_VERSION`].
#[test]
fn the_saved_summary_has_the_fields_of_this_version() {
    let (_home, store, id) = store();
    let summary = store.summary(&id).expect("a run").summary;
    let body = (&*summary).encode().expect("MessagePack");
    let fields: std::collections::BTreeMap<String, serde_json::Value> = rmp_serde::from_slice(&body).expect("a map");
    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
    insta::assert_snapshot!(format!("fold version {FOLD_VERSION}\n{}", names.join("\n")));
}

/// Returns every kind of event that affects a summary, as two workers might have logged them.
fn fixed_log() -> Vec<Event> {
    let metrics = |epoch: u32, val_loss: f64| EpochMetrics {
        epoch,
        train_loss: 1.5,
        train_accuracy: 0.25,
        val_loss,
        val_accuracy: 0.2,
        learning_rate: 1e-3,
        seconds: 2.5,
        images_per_second: 1400.0,
    };
    let epoch = |epoch: u32, val_loss: f64, best_epoch: u32| Event::EpochFinished {
        metrics: metrics(epoch, val_loss),
        early_stopping: EarlyStoppingStatus { best_epoch, best_value: 1.25, waited: epoch - best_epoch },
    };
    let worker =
        |resumed_from, resumed_step| Event::WorkerStarted { pid: 7, host: "here".into(), resumed_from, resumed_step };
    let step = |epoch, step| Event::Step {
        epoch,
        step,
        steps: 90,
        loss: 1.75,
        accuracy: 0.5,
        learning_rate: 1e-3,
        images_per_second: 9.5,
    };
    let started = |epoch| Event::EpochStarted { epoch, steps: 90, done: 0, seconds: 0.0 };
    let mut confusion = Confusion::new(2);
    confusion.add(0, 1);
    let tested = |split| Event::Evaluated { split, epoch: 1, loss: 0.75, confusion: confusion.clone() };
    vec![
        worker(0, 0),
        Event::DeviceChosen { device: "cuda:0".into(), description: "a card".into(), note: None },
        Event::Queued { device: "cuda:0".into(), ahead: 1 },
        Event::DataOpened {
            images: SplitCounts { train: 3, validation: 2, test: 1 },
            classes: vec!["angry".into(), "sad".into()],
        },
        Event::CompilingKernels { device: "cuda:0".into() },
        Event::NetworkBuilt { total: 9, trainable: 5 },
        started(1),
        step(1, 1),
        step(1, 45),
        Event::Warning { message: "a warning".into() },
        epoch(1, 1.25, 1),
        Event::CheckpointSaved { epoch: 1, step: 0, best: true },
        started(2),
        step(2, 30),
        Event::Paused,
        Event::Continued,
        Event::LimitsChanged { epochs: 3, patience: 4 },
        Event::StopRequested,
        Event::Ended { outcome: Outcome::Interrupted { signal: "SIGTERM".into() } },
        worker(1, 30),
        Event::ComputingFeatures { done: 1, total: 2, images_per_second: 3.0 },
        started(2),
        step(2, 60),
        epoch(2, 1.5, 1),
        Event::EvaluationStarted { split: Split::Test, images: 1 },
        tested(Split::Test),
        tested(Split::Train),
        Event::Ended { outcome: Outcome::Finished { reason: FinishReason::MaxEpochs } },
    ]
}

#[test]
fn a_fixed_log_folds_to_the_values_of_this_version() {
    let (_home, store, id) = store();
    let mut summary = Summary::new(id.clone(), store.folder(&id).recipe().expect("a recipe"));
    for (at, event) in (1..).zip(fixed_log()) {
        summary.apply(&crate::events::Record { at: 1_000 * at, event });
    }
    let text = serde_json::to_string_pretty(&summary).expect("JSON");
    // A difference here makes the saved summaries of older programs wrong: raise FOLD_VERSION.
    insta::assert_snapshot!(format!("fold version {FOLD_VERSION}\n{text}"));
}
