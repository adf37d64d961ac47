//! Long sessions by keys in the real binary. Two runs are compared down to the misclassified faces. A run is paused,
//! changed, stopped, resumed, renamed and deleted. The same numbers are printed without a terminal.

#![cfg(all(feature = "trainer", feature = "dashboard"))]

use crate::lab::{Lab, wait_for};
use crate::terminal::{Dashboard, PATIENCE, mien};
use mien::domain::{RunId, RunState};
use mien::runs::FollowedRun;

/// Large enough for the list next to the run, and for all panes of a comparison.
const LARGE: (u16, u16) = (40, 120);

fn open(lab: &Lab, size: (u16, u16)) -> Dashboard {
    Dashboard::run(size, mien(lab.home()))
}

fn run(lab: &Lab, id: &str) -> FollowedRun {
    lab.store().summary(&RunId::new(id).expect("an id")).expect("a run")
}

fn stands(lab: &Lab, id: &str) -> RunState {
    run(lab, id).state(mien::supervise::now())
}

/// Whether a line of the list shows this state of the run.
fn has_state(screen: &str, id: &str, state: &str) -> bool {
    screen.lines().any(|line| line.split('│').next().is_some_and(|line| line.contains(id) && line.contains(state)))
}

/// Trains the small network on few generated faces and waits for its end.
fn train(lab: &Lab, name: &str, seed: &str, rate: &str) {
    lab.text(&[
        "train",
        "cnn",
        "--dataset",
        "faces",
        "--device",
        "cpu",
        "--epochs",
        "3",
        "--seed",
        seed,
        "--learning-rate",
        rate,
        "--name",
        name,
    ]);
}

/// Starts a long run in the background.
fn start(lab: &Lab, name: &str, epochs: &str) {
    lab.text(&[
        "train",
        "cnn",
        "--dataset",
        "faces",
        "--device",
        "cpu",
        "--epochs",
        epochs,
        "--patience",
        epochs,
        "--name",
        name,
        "--detach",
    ]);
    wait_for("its first epoch", PATIENCE, || (run(lab, name).summary.epoch() >= 1).then_some(()));
}

#[test]
fn two_runs_are_compared_down_to_the_faces_they_misjudge() {
    let lab = Lab::new();
    lab.faces(350);
    train(&lab, "first-owl", "1", "0.002");
    train(&lab, "second-owl", "2", "0.0001");
    let mut dashboard = open(&lab, LARGE);
    dashboard.press("3");
    dashboard.wait("both runs", |text| text.contains("first-owl") && text.contains("second-owl"));
    dashboard.press("g  4");
    dashboard.wait("the metrics and the verdict", |text| text.contains("accuracy") && text.contains("McNemar"));
    let shown = dashboard.text();
    assert!(shown.contains("learning-rate"), "the setting that differs:\n{shown}");

    // The same metrics are printed without a terminal.
    let printed = lab.json(&["compare", "second-owl", "first-owl", "--json"]);
    for column in printed.as_array().expect("columns") {
        let accuracy = format!("{:.4}", column["test"]["accuracy"].as_f64().expect("a figure"));
        let short = &accuracy[..accuracy.len() - 1];
        assert!(shown.contains(short), "{accuracy} is not on the screen:\n{shown}");
    }

    dashboard.press("\u{1b}[Ci");
    // The heading is there before the predictions are read, and Enter acts on these.
    dashboard.wait("the matrix of one against the other", |text| {
        text.contains("first-owl against second-owl · test") && text.contains("truth ↓ predicted")
    });
    dashboard.press("\r");
    // The heading of the faces behind a cell replaces the matrix.
    dashboard.wait("the faces behind a cell", |text| !text.contains("truth ↓ predicted") && text.contains('▀'));
    dashboard.press("\u{1b}");
    dashboard.wait("the matrix again", |text| text.contains("truth ↓ predicted"));
    // Validation results after each epoch, and the training images with the largest loss.
    dashboard.press("t");
    dashboard.wait("the validation results", |text| text.contains("· validation, epoch 3"));
    dashboard.press("[");
    dashboard.wait("an epoch before", |text| text.contains("· validation, epoch 2"));
    dashboard.press("w");
    dashboard.wait("candidates for wrong labels", |text| text.contains("largest loss in training"));
    dashboard.press(" ");
    let marked = || lab.json(&["data", "marked", "faces", "--json"])["images"].as_array().map_or(0, Vec::len);
    wait_for("a marked image", PATIENCE, || (marked() == 1).then_some(()));
    dashboard.press("2");
    dashboard.wait("what the next run leaves out", |text| text.contains("marked (1 left out)"));
    dashboard.quit();
}

#[test]
fn a_run_is_paused_changed_stopped_resumed_renamed_and_deleted() {
    let lab = Lab::new();
    lab.faces(700);
    start(&lab, "calm-owl", "400");
    let mut dashboard = open(&lab, LARGE);
    dashboard.press("3");
    dashboard.wait("the run", |text| text.contains("calm-owl"));

    dashboard.press("p");
    wait_for("its pause", PATIENCE, || (stands(&lab, "calm-owl") == RunState::Paused).then_some(()));
    // While the list shows the old state, the key would repeat the request.
    dashboard.wait("its pause on the screen", |text| has_state(text, "calm-owl", "paused"));
    dashboard.press("p");
    wait_for("its going on", PATIENCE, || (stands(&lab, "calm-owl") == RunState::Running).then_some(()));
    dashboard.wait("its going on on the screen", |text| has_state(text, "calm-owl", "running"));

    dashboard.press("e");
    dashboard.wait("the limits in force", |text| text.contains("epochs 400 patience 400"));
    dashboard.enter_line("epochs 399 patience 390");
    wait_for("the new limits", PATIENCE, || {
        let limits = run(&lab, "calm-owl").summary.limits;
        (limits.epochs == 399 && limits.patience == 390).then_some(())
    });
    dashboard.wait("the new limits in the list", |text| text.contains("/399"));

    dashboard.press("S");
    dashboard.wait("the question", |text| text.contains("Stop calm-owl?"));
    dashboard.press("y");
    wait_for("its end", PATIENCE, || (stands(&lab, "calm-owl") == RunState::Stopped).then_some(()));
    dashboard.wait("its end on the screen", |text| has_state(text, "calm-owl", "stopped"));
    let before = run(&lab, "calm-owl").summary.epoch();

    dashboard.press("R");
    wait_for("a later epoch", PATIENCE, || (run(&lab, "calm-owl").summary.epoch() > before).then_some(()));
    dashboard.wait("its going on on the screen", |text| has_state(text, "calm-owl", "running"));
    dashboard.press("Sy");
    wait_for("its end", PATIENCE, || (stands(&lab, "calm-owl") == RunState::Stopped).then_some(()));
    dashboard.wait("its end on the screen", |text| has_state(text, "calm-owl", "stopped"));

    dashboard.press("N");
    dashboard.wait("the line for the name", |text| text.contains("new name for calm-owl"));
    dashboard.enter_line("wise-owl");
    wait_for("the new name", PATIENCE, || lab.store().find("wise-owl").ok());
    dashboard.wait("the new name in the list", |text| has_state(text, "wise-owl", "stopped"));
    dashboard.press("t");
    dashboard.enter_line("+keep");
    // The tag is shown as it is typed, so the file proves that it is saved.
    wait_for("the tag", PATIENCE, || (lab.json(&["runs", "tag:keep", "--json"])[0]["id"] == "wise-owl").then_some(()));

    dashboard.press("/");
    dashboard.enter_line("state:finished");
    dashboard.wait("nothing under the filter", |text| {
        text.contains("0 of 1 runs: state:finished") && !text.contains("Enter accept")
    });
    dashboard.press("/\u{15}\r");
    dashboard.wait("the run again", |text| has_state(text, "wise-owl", "stopped"));

    dashboard.press("D");
    dashboard.wait("the question", |text| text.contains("Delete"));
    dashboard.press("y");
    wait_for("no run", PATIENCE, || lab.store().ids().expect("ids").is_empty().then_some(()));
    dashboard.wait("the empty list", |text| text.contains("There are no runs"));
    dashboard.quit();
}

#[test]
fn a_storm_of_sizes_pastes_and_garbage_harms_no_run() {
    let lab = Lab::new();
    lab.faces(350);
    start(&lab, "calm-owl", "300");
    let mut dashboard = open(&lab, LARGE);
    let listed = |text: &String| has_state(text, "calm-owl", "running");
    dashboard.wait("the run", listed);
    for (number, size) in (0..60).map(|n| (n, (10 + n * 7 % 60, 40 + n * 13 % 170))) {
        dashboard.resize(size);
        dashboard.press(["1", "2", "3", "4", "5", "?", "\u{1b}"][number as usize % 7]);
    }
    dashboard.resize(LARGE);
    dashboard.press_until(&["\u{1b}", "\u{1b}", "2"], "the form after the storm", |text| text.contains("[ Launch ]"));
    dashboard.press_until(&["\u{1b}", "\u{1b}", "3"], "the run after the storm", listed);
    dashboard.paste(&"Sy\r2\r".repeat(200_000));
    dashboard.wait("words about the paste", |text| text.contains("pasted bytes were ignored"));
    let garbage: Vec<u8> = (0..20_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0])
        .filter(|byte| *byte != 3 && *byte != 26)
        .collect();
    dashboard.send(&garbage);
    dashboard.wait_until_read();
    // From any screen to one screen and to another proves that all earlier bytes were read.
    dashboard.press_until(&["\u{1b}", "\u{1b}", "2"], "the form after the garbage", |text| text.contains("[ Launch ]"));
    dashboard.press_until(&["\u{1b}", "\u{1b}", "3"], "the run after the garbage", listed);
    assert_eq!(lab.store().ids().expect("ids").len(), 1, "nothing was launched");
    assert_eq!(stands(&lab, "calm-owl"), RunState::Running, "nothing was stopped");
}
