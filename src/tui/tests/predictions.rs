//! Tests of the predictions for pictures from outside: keys, effects and snapshots.

use super::fixtures::{self, NOW, id};
use super::screens::{SIZES, draw, snapshot};
use super::update::press;
use crate::tui::messages::runs::{PredictedFace, PredictedPicture, PredictionProgress, PredictionSpec};
use crate::tui::messages::{Completion, Effect, Event, RunsEffect, RunsEvent};
use crate::tui::state::{Overlay, State};
use crate::tui::update::update;
use crate::tui::widgets::faces::Face;

const CLASSES: [&str; 7] = ["happy", "neutral", "sad", "angry", "surprise", "fear", "disgust"];

/// A head in front of a gradient.
fn pixels() -> Face {
    let pixel = |at: usize| {
        let (x, y) = (at % 48, at / 48);
        let inside = x.abs_diff(24).pow(2) + y.abs_diff(24).pow(2) < 400;
        u8::try_from(if inside { 200 - x } else { y * 2 }).unwrap_or(0)
    };
    Face::gray(48, (0..48 * 48).map(pixel).collect::<Vec<u8>>())
}

fn face(source: &str, area: Option<[u32; 4]>, by_run: Vec<(String, Vec<f32>)>) -> PredictedPicture {
    let shares = [0.84, 0.1, 0.03, 0.02, 0.01, 0.004, 0.001];
    let classes = CLASSES.iter().zip(shares).map(|(class, share)| ((*class).to_owned(), share)).collect();
    let face = PredictedFace { area, classes, by_run, picture: Some(pixels()) };
    PredictedPicture { source: source.into(), face: Ok(face) }
}

fn unpredicted(source: &str, reason: &str) -> PredictedPicture {
    PredictedPicture { source: source.into(), face: Err(reason.into()) }
}

fn state() -> State {
    let mut state = fixtures::with_data(fixtures::all());
    press(&mut state, "3");
    state.runs.selected = Some(id("brisk-otter"));
    state
}

fn order(number: u64, runs: &[&str], sources: &str, watch: bool) -> PredictionSpec {
    PredictionSpec { number, runs: runs.iter().map(|run| id(run)).collect(), sources: sources.into(), watch }
}

fn news(
    state: &mut State,
    number: u64,
    pictures: Vec<PredictedPicture>,
    end: Option<Result<(), String>>,
) -> Vec<Effect> {
    update(state, NOW, Event::Runs(RunsEvent::Predicted(number, PredictionProgress { pictures, end })))
}

fn poll(number: u64) -> Vec<Effect> {
    vec![Effect::Runs(RunsEffect::PollPredictions(number))]
}

fn end(number: u64) -> Vec<Effect> {
    vec![Effect::Runs(RunsEffect::EndPrediction(number))]
}

fn pictures() -> Vec<PredictedPicture> {
    vec![
        face("/home/me/photos/two.jpg", Some([54, 39, 61, 77]), Vec::new()),
        face("/home/me/photos/two.jpg", Some([197, 40, 80, 98]), Vec::new()),
        unpredicted("/home/me/photos/nobody.png", "no face was found; --faces none uses whole pictures"),
        unpredicted("/home/me/photos/notes.jpg", "is not an image"),
        face("/home/me/photos/crop.png", None, Vec::new()),
    ]
}

#[test]
fn a_run_without_weights_is_asked_for_no_pictures() {
    let mut state = state();
    state.runs.selected = Some(id("new-wren"));
    assert_eq!(press(&mut state, "P"), []);
    assert!(state.overlay.is_none());
    assert!(draw(&state, SIZES[1]).contains("new-wren has no best weights yet"));
}

#[test]
fn a_path_is_typed_and_its_faces_are_shown_until_esc() {
    let mut state = state();
    assert_eq!(press(&mut state, "P<enter>"), [], "an empty line is refused");
    assert!(matches!(&state.overlay, Some(Overlay::Prompt(prompt)) if prompt.error.is_some()));
    let effects = press(&mut state, "~/pho<tab>");
    assert_eq!(effects, [Effect::Runs(RunsEffect::CompleteSources("~/pho".into()))]);
    let completed = |typed: &str, completed: &str| {
        let fitting = Vec::new();
        Event::Runs(RunsEvent::SourcesCompleted(Completion {
            typed: typed.into(),
            completed: completed.into(),
            fitting,
            exists: true,
        }))
    };
    update(&mut state, NOW, completed("~/ph", "~/phones/"));
    update(&mut state, NOW, completed("~/pho", "~/photos/"));
    let started = press(&mut state, "<enter>");
    assert_eq!(started, [Effect::Runs(RunsEffect::Predict(order(1, &["brisk-otter"], "~/photos/", false)))]);
    assert!(draw(&state, SIZES[0]).contains("reading pictures …"));
    assert_eq!(news(&mut state, 1, Vec::new(), None), poll(1));
    assert_eq!(news(&mut state, 1, pictures(), None), poll(1));
    assert_eq!(news(&mut state, 7, pictures(), None), [], "of another prediction");
    snapshot("predictions", &state, SIZES[0]);
    snapshot("predictions", &state, SIZES[1]);
    snapshot("predictions", &state, (48, 20));
    assert!(draw(&state, (40, 10)).contains("▸ two.jpg"));
    press(&mut state, "jl");
    assert!(draw(&state, SIZES[0]).contains("3 of 5"));
    snapshot("predictions_without_a_face", &state, SIZES[0]);
    press(&mut state, "hG");
    assert!(draw(&state, SIZES[1]).contains("the whole picture"));
    let copied = press(&mut state, "y");
    assert!(
        matches!(&copied[..], [Effect::Copy(text)] if text.starts_with("/home/me/photos/crop.png  happy 0.840, neutral"))
    );
    assert_eq!(press(&mut state, "<esc>"), end(1));
    assert!(state.runs.predictions.is_none() && draw(&state, SIZES[0]).contains("brisk-otter"));
    assert_eq!(news(&mut state, 1, pictures(), None), [], "it was left");
    // The line of before is offered again.
    press(&mut state, "P");
    assert!(matches!(&state.overlay, Some(Overlay::Prompt(prompt)) if prompt.input.text() == "~/photos/"));
}

#[test]
fn an_end_and_a_failure_are_shown_and_nothing_is_left_to_end() {
    let mut state = state();
    press(&mut state, "Px<enter>");
    assert_eq!(news(&mut state, 1, pictures(), Some(Ok(()))), []);
    assert!(draw(&state, SIZES[1]).contains("2 faces, 1 whole, 1 without a face, 1 unreadable ──"));
    assert_eq!(press(&mut state, "<esc>"), []);
    press(&mut state, "P<enter>");
    assert_eq!(news(&mut state, 2, Vec::new(), Some(Err("brisk-otter has no best weights".into()))), []);
    let screen = draw(&state, SIZES[0]);
    assert!(screen.contains("brisk-otter has no best weights") && screen.contains("P takes another path"), "{screen}");
    let many: Vec<_> = (0..2_500).map(|_| unpredicted("x.png", "is not an image")).collect();
    press(&mut state, "P<enter>");
    assert_eq!(news(&mut state, 3, many, None), end(3));
    assert!(draw(&state, SIZES[1]).contains("the list is full"));
}

#[test]
fn marked_runs_are_shown_side_by_side_with_their_mean() {
    let mut state = state();
    press(&mut state, " ");
    state.runs.selected = Some(id("warm-stork"));
    press(&mut state, " ");
    state.runs.selected = Some(id("warm-stork"));
    let started = press(&mut state, "Ptwo.jpg<enter>");
    let expected = order(1, &["brisk-otter", "warm-stork"], "two.jpg", false);
    assert_eq!(started, [Effect::Runs(RunsEffect::Predict(expected))]);
    let by_run = vec![
        ("brisk-otter".to_owned(), vec![0.88, 0.06, 0.03, 0.02, 0.01, 0.0, 0.0]),
        ("warm-stork".to_owned(), vec![0.8, 0.14, 0.03, 0.02, 0.01, 0.0, 0.0]),
    ];
    news(&mut state, 1, vec![face("two.jpg", Some([54, 39, 61, 77]), by_run)], Some(Ok(())));
    snapshot("predictions_of_two_runs", &state, SIZES[0]);
    snapshot("predictions_of_two_runs", &state, SIZES[1]);
}

#[test]
fn a_watched_folder_shows_the_newest_on_top() {
    let mut state = state();
    press(&mut state, "Pphotos<enter>");
    news(&mut state, 1, vec![face("photos/a.png", None, Vec::new())], Some(Ok(())));
    let watched = order(2, &["brisk-otter"], "photos", true);
    assert_eq!(press(&mut state, "w"), [Effect::Runs(RunsEffect::Predict(watched))]);
    assert_eq!(news(&mut state, 2, vec![face("photos/a.png", None, Vec::new())], None), poll(2));
    assert_eq!(news(&mut state, 2, vec![face("photos/b.png", None, Vec::new())], None), poll(2));
    let screen = draw(&state, SIZES[0]);
    let line = |name: &str| screen.lines().position(|line| line.contains(name));
    assert!(screen.contains("watching") && line("b.png") < line("a.png"), "{screen}");
    // The key stops watching, too.
    let again = order(3, &["brisk-otter"], "photos", false);
    assert_eq!(press(&mut state, "w"), [Effect::Runs(RunsEffect::Predict(again))]);
}
