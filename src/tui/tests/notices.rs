//! Tests of the notices about runs that end while the dashboard is open.

use super::fixtures::{self, Logbook, NOW, id};
use crate::domain::{FailureKind, FinishReason, Outcome};
use crate::runs::WorkerDeath;
use crate::tui::library::RunView;
use crate::tui::messages::{Effect, Event};
use crate::tui::state::State;
use crate::tui::update::update;

fn active(name: &str) -> RunView {
    Logbook::new(name, 133).started().epochs(2, 2).view(true)
}

fn failed(name: &str) -> RunView {
    let outcome = Outcome::Failed { cause: "out of memory".into(), kind: FailureKind::OutOfMemory };
    Logbook::new(name, 133).started().epochs(2, 2).ended(outcome).view(false)
}

fn ended(name: &str, outcome: Outcome) -> RunView {
    Logbook::new(name, 133).started().epochs(2, 2).ended(outcome).view(false)
}

/// Reads these runs at a time in milliseconds after [`NOW`].
fn read(state: &mut State, after: u64, runs: Vec<RunView>) {
    update(state, NOW + after, Event::RunsRead(runs));
}

/// Returns the notices of a tick of the clock at a time after [`NOW`].
fn tick(state: &mut State, after: u64) -> Vec<String> {
    let notice = |effect| match effect {
        Effect::Notify(text) => text,
        other => panic!("{other:?}"),
    };
    update(state, NOW + after, Event::Tick).into_iter().map(notice).collect()
}

#[test]
fn an_end_is_reported_once_and_earlier_ends_never() {
    // A run that starts would be lost after a while.
    let settled = || fixtures::all().into_iter().filter(|run| run.id != id("new-wren")).collect::<Vec<_>>();
    let mut state = fixtures::with_data(settled());
    read(&mut state, 0, settled());
    assert_eq!(tick(&mut state, 5_000), Vec::<String>::new(), "nothing ended while the dashboard was open");
    let mut runs = settled();
    runs.retain(|run| run.id != id("calm-heron"));
    runs.push(failed("calm-heron"));
    read(&mut state, 6_000, runs.clone());
    assert_eq!(tick(&mut state, 6_500), Vec::<String>::new(), "further ends may follow");
    assert_eq!(tick(&mut state, 7_500), ["calm-heron failed: out of memory; no run is running or waiting"]);
    read(&mut state, 8_000, runs);
    assert_eq!(tick(&mut state, 60_000), Vec::<String>::new());
}

#[test]
fn many_ends_at_once_have_one_notice_and_the_next_one_waits() {
    let names = ["a", "b", "c"];
    let mut state = fixtures::state(Vec::new(), names.map(active).to_vec());
    let interrupted = || ended("b", Outcome::Interrupted { signal: "SIGTERM".into() });
    read(&mut state, 0, vec![failed("a"), active("b"), active("c")]);
    read(&mut state, 800, vec![failed("a"), interrupted(), active("c")]);
    assert_eq!(tick(&mut state, 1_000), ["2 runs ended: 1 interrupted, 1 failed"]);
    read(&mut state, 2_000, vec![failed("a"), interrupted(), failed("c")]);
    assert_eq!(tick(&mut state, 9_000), Vec::<String>::new());
    assert_eq!(tick(&mut state, 11_000), ["c failed: out of memory; no run is running or waiting"]);
}

#[test]
fn an_end_that_a_person_wanted_is_no_news() {
    let lost = |death| {
        let run = Logbook::new("a", 7_200).started().epochs(2, 2).view(false);
        RunView { worker_death: Some(death), ..run }
    };
    let finished = || Logbook::new("a", 133).started().epochs(2, 2).tested(2, FinishReason::EarlyStop);
    let table = [
        (ended("a", Outcome::Stopped), None),
        (lost(WorkerDeath::Killed), None),
        (lost(WorkerDeath::Silent), Some("a lost its worker")),
        (finished().view(false), Some("a finished: early stop, macro F1")),
    ];
    for (run, expected) in table {
        let mut state = fixtures::state(Vec::new(), vec![active("a")]);
        read(&mut state, 0, vec![run]);
        let notices = tick(&mut state, 2_000);
        match expected {
            Some(start) => assert!(notices.len() == 1 && notices[0].starts_with(start), "{notices:?}"),
            None => assert_eq!(notices, Vec::<String>::new()),
        }
    }
    // A test of the best weights leaves the end as it was.
    let mut state = fixtures::state(Vec::new(), vec![finished().view(true)]);
    read(&mut state, 0, vec![finished().view(false)]);
    assert_eq!(tick(&mut state, 2_000), Vec::<String>::new());
}

#[test]
fn a_run_that_ended_between_two_looks_is_reported() {
    let mut state = fixtures::state(Vec::new(), vec![active("a")]);
    let quick = Logbook::new("b", 0).started().ended(Outcome::Diverged { cause: "the loss is NaN".into() });
    read(&mut state, 1_000, vec![active("a"), quick.view(false)]);
    assert_eq!(tick(&mut state, 3_000), ["b failed: the loss is NaN"]);
}
