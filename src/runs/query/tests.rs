//! Tests of queries and sort orders.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::{
    Confusion, DatasetName, EarlyStoppingStatus, EpochMetrics, Outcome, Recipe, RunId, RunState, Split, Tag,
};
use crate::events::{Event, Record};
use crate::runs::annotations::{Annotations, Note};
use crate::runs::summary::Summary;

const NOW: u64 = 1_000_000_000;

fn run(name: &str, val_accuracy: Option<f64>, tags: &[&str], note: &str, hours: u64) -> RunFacts {
    let mut recipe = Recipe::cnn(DatasetName::new("fer2013").expect("a name"), String::new(), 1);
    recipe.created_at = NOW - hours * 3_600_000;
    let mut summary = Summary::new(RunId::new(name).expect("an id"), recipe);
    let mut log = |event| summary.apply(&Record { at: 1, event });
    log(Event::WorkerStarted { pid: 1, host: "here".into(), resumed_from: 0, resumed_step: 0 });
    log(Event::DeviceChosen { device: "cuda:0".into(), description: String::new(), note: None });
    if let Some(val_accuracy) = val_accuracy {
        log(Event::EpochFinished {
            metrics: EpochMetrics {
                epoch: 3,
                train_loss: 1.0,
                train_accuracy: 0.5,
                val_loss: 2.0 - val_accuracy,
                val_accuracy,
                learning_rate: 1e-3,
                seconds: 1.0,
                images_per_second: 1_000.0,
            },
            early_stopping: EarlyStoppingStatus { best_epoch: 3, best_value: 1.0, waited: 0 },
        });
        let mut confusion = Confusion::new(2);
        confusion.add(0, 0);
        confusion.add(1, 0);
        log(Event::Evaluated { split: Split::Test, epoch: 3, loss: 1.0, confusion });
        log(Event::Ended { outcome: Outcome::Stopped });
    }
    let state = if val_accuracy.is_some() { RunState::Stopped } else { RunState::Running };
    let tags = tags.iter().map(|tag| Tag::new(*tag).expect("a tag")).collect();
    let about = Annotations { tags, note: Note::new(note).expect("a note"), former: Vec::new() };
    RunFacts::new(Arc::new(summary), Arc::new(about), state, NOW)
}

fn runs() -> Vec<RunFacts> {
    vec![
        run("calm-heron", Some(0.61), &["baseline", "paper"], "first good one", 30),
        run("brisk-otter", Some(0.55), &["baseline"], "", 2),
        run("wise-owl", None, &[], "Still going", 1),
    ]
}

fn found(query: &str) -> Vec<String> {
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    runs().iter().filter(|run| query.matches(run)).map(|run| run.name().to_owned()).collect()
}

#[test]
fn settings_are_compared_by_the_names_of_their_options() {
    // Each is a CNN with its defaults.
    let all = ["calm-heron", "brisk-otter", "wise-owl"];
    let Recipe { learning_rate: rate, seed, .. } =
        Recipe::cnn(DatasetName::new("fer2013").expect("a name"), String::new(), 1);
    for matching in [
        &*format!("learning-rate={rate}"),
        &*format!("learning_rate<={rate}"),
        &format!("seed:{seed} lr:{rate}"),
        "epochs>1 epochs<1000",
        "clip-norm!=3",
        "!unfreeze:block5",
        "corrected=0",
    ] {
        assert_eq!(found(matching), all, "{matching}");
    }
    for other in ["seed=2", "lr>5", "unfreeze:block5", "corrected>0", "schedule:plateau"] {
        assert_eq!(found(other), [""; 0], "{other}");
    }
    let wrong = |query: &str| Query::parse(query).expect_err("wrong").reason;
    assert!(wrong("learning-rat=1").contains("did you mean learning-rate"), "{}", wrong("learning-rat=1"));
    for query in ["seed>many", "seed:abc", "seed:1..3"] {
        assert!(wrong(query).contains("is not a value of seed; use one such as seed=1"), "{}", wrong(query));
    }
    assert!(wrong("f1>0,9").starts_with("'f1>0,9' compares with several numbers"), "{}", wrong("f1>0,9"));
    assert!(Query::parse("seed:1,2 patience:off augment:ref").is_ok());
    let by = |text: &str| text.parse::<SortKey>().map(|key| key.by);
    assert_eq!(by("seed"), Ok(Field::Setting(crate::domain::Hyperparameter::Seed)));
    assert_eq!(by("device").map_err(|_| ()), Err(()), "the device that a run got has no order");
}

#[test]
fn queries_find_the_described_runs() {
    const HERON: &str = "calm-heron";
    const OTTER: &str = "brisk-otter";
    const OWL: &str = "wise-owl";
    let table: [(&str, &str, &[&str]); 33] = [
        ("nothing asked", "", &[HERON, OTTER, OWL]),
        ("a word of a name", "otter", &[OTTER]),
        ("a word in capitals", "OTTER", &[OTTER]),
        ("a word of a tag", "paper", &[HERON]),
        ("a word of a note", "still", &[OWL]),
        ("a strategy", "cnn", &[HERON, OTTER, OWL]),
        ("words are all needed", "baseline calm", &[HERON]),
        ("either of two words", "paper,owl", &[HERON, OWL]),
        ("a bar does the same", "paper|owl", &[HERON, OWL]),
        ("neither of two words", "!paper,owl", &[OTTER]),
        ("a state", "state:running", &[OWL]),
        ("a state as a word", "running", &[OWL]),
        ("a part of a state", "runn", &[]),
        ("a state's beginning", "state:run", &[OWL]),
        ("not a state", "!state:running", &[HERON, OTTER]),
        ("not a state otherwise", "state!=running", &[HERON, OTTER]),
        ("any of two states", "state=running|stopped", &[HERON, OTTER, OWL]),
        ("a figure", "val_acc>0.6", &[HERON]),
        ("a figure in percent", "val_acc>=61%", &[HERON]),
        ("a loss", "val_loss<1.4", &[HERON]),
        ("who has no figure is not below one", "val_acc<1", &[HERON, OTTER]),
        ("nor is it that one", "val_acc!=0.55", &[HERON, OWL]),
        ("the test", "test_acc=0.5", &[HERON, OTTER]),
        ("the F1", "f1<0.4", &[HERON, OTTER]),
        ("a speed", "rate>=1000", &[HERON, OTTER]),
        ("young ones", "age<=2h", &[OTTER, OWL]),
        ("old ones", "age>1d", &[HERON]),
        ("a tag as a whole", "tag=base", &[]),
        ("a part of a tag", "tag:base", &[HERON, OTTER]),
        ("without a tag", "tag!=baseline", &[OWL]),
        ("a device", "device:cuda", &[HERON, OTTER, OWL]),
        ("completed epochs", "epoch:3", &[HERON, OTTER]),
        ("all of it", "state:stopped val_acc>0.5 !paper", &[OTTER]),
    ];
    for (case, query, expected) in table {
        assert_eq!(found(query), expected, "{case}");
    }
}

#[test]
fn wrong_words_are_pointed_at() {
    let table = [
        ("ok colour:red x", "colour:red", "'colour' is not a field; use state,"),
        ("val_acc>high", "val_acc>high", "'high' is not a share; use a number such as val_acc>0.6"),
        ("epoch<ten", "epoch<ten", "'ten' is not a number; use one such as epoch>=10"),
        ("x  age<2", "age<2", "'2' is not a time"),
        ("state:happy", "state:happy", "'happy' is not a state; use running, starting,"),
        ("state:s", "state:s", "is not a state"),
        ("name<b", "name<b", "'<' does not compare words: use name:word"),
        ("tag:", "tag:", "lacks a value"),
        ("a !", "!", "lacks a value"),
        ("a,,b", "a,,b", "lacks a value"),
        (":x", ":x", "'' is not a field"),
        ("\u{1b}:x", "\u{1b}:x", "'·' is not a field"),
    ];
    for (query, word, words) in table {
        let error = Query::parse(query).expect_err(query);
        assert_eq!(&query[error.at.clone()], word, "{query}");
        assert!(error.reason.contains(words), "{query}: {}", error.reason);
    }
}

#[test]
fn orders_begin_with_the_best_and_end_with_those_that_have_none() {
    let sorted = |key: SortKey| {
        let mut runs = runs();
        runs.sort_by(|one, other| key.compare(one, other));
        runs.iter().map(|run| run.name().split('-').next().expect("a word").to_owned()).collect::<Vec<_>>()
    };
    let key = |name: &str| name.parse::<SortKey>().expect("a key");
    assert_eq!(sorted(key("val_acc")), ["calm", "brisk", "wise"]);
    assert_eq!(sorted(key("val_acc").reversed()), ["brisk", "calm", "wise"], "without a value stays last");
    assert_eq!(sorted(key("val_loss")), ["calm", "brisk", "wise"]);
    assert_eq!(sorted(key("age")), ["wise", "brisk", "calm"]);
    assert_eq!(sorted(key("name")), ["brisk", "calm", "wise"]);
    assert_eq!(sorted(key("state")), ["wise", "brisk", "calm"]);
    assert!("note".parse::<SortKey>().expect_err("none").contains("use name, state"));
}

#[test]
fn every_state_has_its_place() {
    use RunState::{Failed, Finished, Lost, Queued, Running, Starting, Stopped};
    for state in [Queued, Starting, Running, Finished, Stopped, Failed, Lost] {
        assert!(STATES.contains(&state.name()), "{state}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_query_or_refused(
        text in prop_oneof!["\\PC*", "(state|age|f1|tag|x|!|:|=|<|>|,|ä|1|%|h| ){0,12}"]
    ) {
        match Query::parse(&text) {
            Ok(query) => runs().iter().for_each(|run| assert_ne!(query.matches(run), !query.matches(run))),
            Err(error) => {
                prop_assert!(text.get(error.at.clone()).is_some_and(|word| !word.is_empty()));
                prop_assert_eq!(printable(&error.reason), error.reason);
            }
        }
    }

    #[test]
    fn a_query_and_its_opposite_part_the_runs(word in "[a-z]{1,3}", field in prop::sample::select(vec!["", "name:", "tag=", "note!="])) {
        let count = |query: String| found(&query).len();
        prop_assert_eq!(count(format!("{field}{word}")) + count(format!("!{field}{word}")), 3);
    }
}

#[test]
fn failed_runs_are_found_by_what_ended_them() {
    use crate::domain::FailureKind;

    let failed = |name: &str, kind| {
        let mut summary = Summary::clone(run(name, None, &[], "", 1).summary());
        let outcome = Outcome::Failed { cause: "why".into(), kind };
        summary.apply(&Record { at: 2, event: Event::Ended { outcome } });
        RunFacts::new(Arc::new(summary), Arc::default(), RunState::Failed, NOW)
    };
    let runs = [failed("a", FailureKind::OutOfMemory), failed("b", FailureKind::Device), run("c", None, &[], "", 1)];
    let table: [(&str, &[&str]); 4] = [
        ("failure:memory", &["a"]),
        ("failure=device", &["b"]),
        ("failure:memory,device", &["a", "b"]),
        ("failure!=device", &["a", "c"]),
    ];
    for (query, expected) in table {
        let parsed = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let found: Vec<&str> = runs.iter().filter(|run| parsed.matches(run)).map(RunFacts::name).collect();
        assert_eq!(found, expected, "{query}");
    }
}

#[test]
fn every_state_can_be_queried() {
    let each = [
        RunState::Queued,
        RunState::Starting,
        RunState::Running,
        RunState::Paused,
        RunState::Finished,
        RunState::Stopped,
        RunState::Interrupted,
        RunState::Failed,
        RunState::Lost,
    ];
    for state in each {
        let query = Query::parse(&format!("state:{state}")).unwrap_or_else(|error| panic!("{state}: {error}"));
        let of = |state| RunFacts::new(Arc::clone(run("a", None, &[], "", 1).summary()), Arc::default(), state, NOW);
        for other in each {
            assert_eq!(query.matches(&of(other)), other == state, "{state} asked, {other} met");
        }
    }
}
