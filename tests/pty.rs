//! The real binary in a pseudo-terminal: launch a demo run by keys, quit, reopen, see its end.

#![cfg(all(feature = "trainer", feature = "dashboard"))]

use crate::lab::{Lab, wait_for};
use crate::terminal::{Dashboard, PATIENCE};
use mien::domain::{Hyperparameter, RunState};

#[test]
fn a_demo_run_is_launched_left_and_found_again() {
    let lab = Lab::new();
    let mut dashboard = Dashboard::open(&lab);
    // The demo is drawn if there is no other dataset.
    dashboard.wait("the demo dataset", |text| text.contains("happy") && text.contains("disgust"));
    assert!(dashboard.uses_alternate_screen());

    dashboard.press("?");
    dashboard.wait("the help", |text| text.contains("keys: type to filter"));
    dashboard.press("\u{1b}");
    dashboard.wait("the data alone again", |text| text.contains("disgust") && !text.contains("keys: type to filter"));

    dashboard.press("2");
    dashboard.wait("the form", |text| text.contains("[ Launch ]"));
    dashboard.fill(Hyperparameter::Epochs, "6");
    dashboard.fill(Hyperparameter::BatchSize, "96");
    dashboard.launch("\u{1b}");

    let id = wait_for("a run", PATIENCE, || lab.first_run()).summary.id.clone();
    let later = |text: &str| text.lines().any(|line| (2..=6).any(|epoch| line.contains(&format!("{epoch}/6"))));
    dashboard.wait("the second epoch", |text| text.contains(id.as_str()) && later(text));

    dashboard.quit();
    // The terminal is restored before the last line arrives.
    let farewell = || dashboard.text().contains("continues without the dashboard").then_some(());
    wait_for("the farewell", PATIENCE, farewell);
    drop(dashboard);
    let run = lab.first_run().expect("the run");
    assert!(run.alive, "the worker outlives the dashboard");
    assert_eq!((run.summary.recipe.epochs, run.summary.recipe.batch_size), (6, 96));

    let mut dashboard = Dashboard::open(&lab);
    dashboard.press("3");
    dashboard.wait("the run", |text| text.contains(id.as_str()));
    wait_for("the end of the run", PATIENCE, || {
        let run = lab.first_run().expect("the run");
        (run.state(mien::supervise::now()) == RunState::Finished).then_some(())
    });
    let line = |text: &str| text.lines().find(|line| line.contains(id.as_str())).map(str::to_owned);
    dashboard.wait("the run's end in its line", |text| {
        line(text).is_some_and(|line| line.contains("✓ all epochs") || line.contains("✓ early stop"))
    });
    dashboard.quit();
}

#[test]
fn a_terminal_that_goes_away_ends_the_dashboard_and_no_worker() {
    let lab = Lab::new();
    let mut dashboard = Dashboard::open(&lab);
    dashboard.wait("the demo dataset", |text| text.contains("happy") && text.contains("disgust"));
    dashboard.press("2");
    dashboard.wait("the form", |text| text.contains("[ Launch ]"));
    dashboard.fill(Hyperparameter::Epochs, "40");
    dashboard.launch("\u{1b}");
    let epochs = || lab.first_run().map_or(0, |run| run.summary.epoch());
    wait_for("the first epoch", PATIENCE, || (epochs() >= 1).then_some(()));

    // The terminal hangs up, as when a connection is cut.
    dashboard.hang_up();
    let before = epochs();
    wait_for("a later epoch", PATIENCE, || (epochs() > before).then_some(()));
    let run = lab.first_run().expect("the run");
    assert!(run.alive, "the worker outlives the terminal");
    run.folder().request_stop().expect("asked");
    wait_for("the end of the worker", PATIENCE, || (!run.folder().worker_alive()).then_some(()));
}

#[test]
fn all_strategies_are_launched_by_keys_and_wait_for_one_another() {
    let lab = Lab::new();
    lab.faces(140);
    let mut dashboard = Dashboard::open(&lab);
    dashboard.wait("the dataset", |text| text.contains("faces"));
    dashboard.press("2");
    dashboard.wait("the form", |text| text.contains("[ Launch ]"));
    // Selects features; without weights the form shows the remedy.
    dashboard.press("\u{1b}[C\u{1b}[C");
    dashboard.wait("what is missing", |text| text.contains("mien weights"));
    dashboard.launch("G");
    // The refused launch moves the cursor to the missing setting.
    dashboard.wait("a refusal", |text| text.contains("▸ weights"));
    assert!(lab.first_run().is_none(), "nothing was launched");
    dashboard.quit();
    drop(dashboard);

    lab.weights("imagenet");
    let mut dashboard = Dashboard::open(&lab);
    dashboard.wait("the dataset", |text| text.contains("faces"));
    dashboard.press("2");
    dashboard.wait("the form", |text| text.contains("[ Launch ]"));
    dashboard.press("\u{1b}[C\u{1b}[C\u{1b}[C\u{1b}[C");
    dashboard.wait("all four", |text| text.contains("STRATEGY") && text.contains("imagenet"));
    for (setting, value) in
        [(Hyperparameter::Size, "32"), (Hyperparameter::Epochs, "2"), (Hyperparameter::Variants, "1")]
    {
        dashboard.fill(setting, value);
    }
    dashboard.launch("\u{1b}");
    dashboard.wait("four runs", |text| {
        // By their strategies: long names are cut.
        let listed = |strategy: &str| text.lines().any(|line| line.contains(&format!(" {strategy} ")));
        text.contains(" STATE ") && ["cnn", "deep", "features", "finetune"].into_iter().all(listed)
    });
    wait_for("the end of all four", PATIENCE, || {
        let ids = lab.store().ids().expect("ids");
        let finished = ids
            .iter()
            .filter_map(|id| lab.store().summary(id).ok())
            .filter(|run| run.state(mien::supervise::now()) == RunState::Finished && run.summary.test.is_some());
        (finished.count() == 4).then_some(())
    });
    dashboard.wait("their ends", |text| text.matches("all epochs").count() + text.matches("early stop").count() >= 4);
    dashboard.quit();
}
