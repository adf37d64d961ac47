//! Snapshots of the Inspect screen in its typical states.

use super::fixtures::{self, NOW, id};
use super::inspect_fixtures::{COUNTS, answer, inspected, names, open, press, runs};
use super::screens::{SIZES, at, draw, snapshot, snapshots};
use crate::domain::{HeatMap, LeftOutImages};
use crate::supervise::HeatMaps;
use crate::tui::messages::{Effect, Event, InspectEffect, InspectEvent};
use crate::tui::screen::Screen;
use crate::tui::screens::entry;
use crate::tui::screens::inspect::InspectPane;
use crate::tui::screens::train::Field;
use crate::tui::state::State;
use crate::tui::theme::ThemeName;
use crate::tui::update::update;

const SMALL: (u16, u16) = (60, 16);

/// Returns the text that the screen copies.
fn as_text(state: &State) -> String {
    entry(Screen::Inspect).selection(state).map(|(_, text)| text).unwrap_or_default()
}

#[test]
fn inspect_in_percent_counts_and_difference() {
    let mut state = inspected();
    snapshots("inspect_shares", &state);
    snapshot("inspect_shares", &state, SMALL);
    press(&mut state, "n");
    snapshot("inspect_counts", &state, SIZES[0]);
    press(&mut state, "ann");
    snapshots("inspect_difference", &state);
}

#[test]
fn inspect_panes_on_a_small_terminal() {
    let mut state = inspected();
    press(&mut state, "<tab>");
    snapshot("inspect_classes", &state, SMALL);
    snapshot("inspect_classes", &state, SIZES[0]);
    press(&mut state, "<tab>..");
    snapshot("inspect_faces", &state, SMALL);
}

#[test]
fn inspect_curves() {
    let mut state = inspected();
    press(&mut state, "c");
    snapshots("inspect_curves", &state);
    snapshot("inspect_curves", &state, SMALL);
    let class = state.inspect.cell.0;
    press(&mut state, "<tab>j");
    snapshot("inspect_curves_recall", &state, SMALL);
    assert_eq!((state.inspect.cell.0, state.inspect.pane), (class + 1, InspectPane::Table));
    press(&mut state, "<esc>");
    assert!(!state.inspect.curves && draw(&state, SIZES[0]).contains("% of row"));
}

#[test]
fn a_class_without_images_has_no_curve() {
    let mut counts = COUNTS;
    counts[0] = 0;
    let mut state = fixtures::with_data(runs());
    state.runs.selected = Some(id("brisk-otter"));
    open(&mut state, &counts, &names());
    super::update::press(&mut state, "cg");
    let drawn = draw(&state, SIZES[0]);
    assert!(drawn.contains("angry has no images here"), "{drawn}");
    assert!(state.inspect.report().is_some_and(|report| report.probabilities.average_precision.present() == 6));
}

/// Returns maps of which the predicted class's is in one corner and the true class's is empty.
fn heat_maps() -> HeatMaps {
    let map = |values: &[f32]| HeatMap::new(2, 2, values, 0);
    HeatMaps { predicted: map(&[1.0, 0.0, 0.0, 0.0]), truth: map(&[0.0; 4]) }
}

#[test]
fn inspect_heat_map() {
    let mut state = inspected();
    let plain = draw(&state, SIZES[1]);
    let subject = |effects: &[Effect]| match effects {
        [Effect::Inspect(InspectEffect::ComputeHeatMaps(subject))] => subject.clone(),
        other => panic!("{other:?}"),
    };
    let first = subject(&super::update::press(&mut state, "m"));
    assert!(draw(&state, SIZES[1]).contains("computing the heat map of"));
    // Held keys start one process, which is of the image that is selected when the first one ends.
    assert!(super::update::press(&mut state, "..").is_empty());
    let answer = |subject, maps| Event::Inspect(InspectEvent::HeatMaps(subject, maps));
    let second = subject(&update(&mut state, NOW, answer(first.clone(), Ok(heat_maps()))));
    assert_eq!(Some(second.index), state.inspect.picked().map(|picked| picked.index));
    assert!(first.index != second.index && first.run == second.run);
    assert!(update(&mut state, NOW, answer(second, Ok(heat_maps()))).is_empty());
    press(&mut state, ",,");
    let drawn = draw(&state, SIZES[1]);
    assert!(drawn.contains(" heat map of neutral"), "{drawn}");
    snapshot("inspect_heat_map", &state, SIZES[0]);
    press(&mut state, "m");
    assert!(draw(&state, SIZES[1]).contains("no place speaks for happy"));
    press(&mut state, "m");
    assert_eq!(draw(&state, SIZES[1]), plain);
}

#[test]
fn a_heat_map_that_cannot_be_computed_says_why_and_is_tried_again() {
    let mut state = inspected();
    for _ in 0..2 {
        let effects = super::update::press(&mut state, "m");
        let [Effect::Inspect(InspectEffect::ComputeHeatMaps(subject))] = effects.as_slice() else {
            panic!("{effects:?}")
        };
        let reason = "brisk-otter has no heat maps here: this build of mien has no trainer".to_owned();
        update(&mut state, NOW, Event::Inspect(InspectEvent::HeatMaps(subject.clone(), Err(reason))));
        assert!(draw(&state, SIZES[1]).contains("brisk-otter has no heat maps here"));
        state.inspect.heat.shown = None;
    }
    press(&mut state, "[");
    press(&mut state, "[");
    super::update::press(&mut state, "m");
    assert!(draw(&state, SIZES[1]).contains("heat maps are by the best weights"), "{}", draw(&state, SIZES[1]));
}

#[test]
fn inspect_pager() {
    for size in SIZES {
        let mut state = inspected();
        update(&mut state, NOW, Event::Resized { columns: size.0, rows: size.1 });
        press(&mut state, "<enter><right><down>");
        snapshot("inspect_pager", &state, size);
    }
}

#[test]
fn inspect_epochs() {
    let mut state = inspected();
    press(&mut state, "[[[[");
    snapshots("inspect_epochs", &state);
    press(&mut state, "{");
    assert!(draw(&state, SIZES[0]).contains("epoch 1 of 15"));
}

fn marked(state: &mut State, images: Vec<u32>) {
    let event = InspectEvent::Marked(fixtures::fer2013().name, Ok(fixtures::doubts(images)));
    update(state, NOW, Event::Inspect(event));
}

#[test]
fn inspect_suspects_with_marks() {
    let mut state = inspected();
    press(&mut state, "w");
    snapshot("inspect_suspects_none", &state, SIZES[0]);
    let wrong = state.inspect.list.iter().take(2).map(|judged| u32::try_from(judged.index).expect("few")).collect();
    marked(&mut state, wrong);
    press(&mut state, "<down><down>");
    snapshots("inspect_suspects", &state);
    snapshot("inspect_suspects", &state, SMALL);
    let relabelled: Vec<(u32, Option<u16>)> = state
        .inspect
        .list
        .iter()
        .zip([Some(2), None, Some(5)])
        .map(|(judged, class)| (u32::try_from(judged.index).expect("few"), class))
        .collect();
    let event = InspectEvent::Marked(fixtures::fer2013().name, Ok(fixtures::marks(&relabelled)));
    update(&mut state, NOW, Event::Inspect(event));
    snapshots("inspect_suspects_relabelled", &state);
}

#[test]
fn the_form_offers_the_marked_images() {
    let mut state = inspected();
    marked(&mut state, vec![3, 5, 8]);
    state.train.dataset = Some(fixtures::fer2013().name);
    let mut state = at(Screen::Train, state);
    state.train.focus = Field::Corrections;
    assert!(draw(&state, SIZES[0]).contains("there are marked images"));
    press(&mut state, "<right>");
    snapshot("train_left_out", &state, SIZES[0]);
}

#[test]
fn a_run_shows_the_images_it_left_out() {
    let images = LeftOutImages::new(vec![3, 5, 8], vec![id("brisk-otter")]);
    let book = fixtures::Logbook::new("calm-heron", 3_600).with(|recipe| recipe.correct(images.into()));
    let run = book.started().epochs(3, 3).view(true);
    let mut state = at(Screen::Runs, fixtures::with_data(vec![run]));
    press(&mut state, "<enter>");
    let drawn = draw(&state, SIZES[1]);
    assert!(drawn.contains("3 images") && drawn.contains("found by  brisk-otter"), "{drawn}");
}

/// Returns the screen after the first request was answered with this error.
fn refused(reason: &str) -> State {
    let mut state = fixtures::with_data(runs());
    state.runs.selected = Some(id("brisk-otter"));
    let mut state = at(Screen::Runs, state);
    let effects = update(&mut state, NOW, Event::Key(crate::tui::key::Key::char('5')));
    for effect in effects {
        if let Effect::Inspect(InspectEffect::LoadPredictions { subject, .. }) = effect {
            update(&mut state, NOW, Event::Inspect(InspectEvent::PredictionsLoaded(subject, Err(reason.into()))));
        }
    }
    state
}

#[test]
fn inspect_without_predictions() {
    let reason = "brisk-otter has no predictions for its test images: `mien evaluate brisk-otter` makes them";
    snapshot("inspect_none", &refused(reason), SIZES[0]);
    let reason = "/home/me/lab/checkpoints/brisk-otter/test.safetensors holds no predictions (MetadataIncompleteBuffer); \
                  `mien evaluate` makes them anew";
    snapshot("inspect_damaged", &refused(reason), SIZES[0]);
    let mut state = fixtures::with_data(Vec::new());
    open(&mut state, &COUNTS, &names());
    snapshot("inspect_no_runs", &state, SIZES[0]);
    let state = at(Screen::Inspect, fixtures::with_data(vec![fixtures::Logbook::new("new-wren", 2).view(true)]));
    let screen = draw(&state, SIZES[0]);
    assert!(screen.contains("new-wren has no predictions yet"), "{screen}");
}

#[test]
fn inspect_two_and_forty_classes() {
    for (name, classes) in [("inspect_two", 2), ("inspect_forty", 40)] {
        let names: Vec<String> = (0..classes).map(|class| format!("class-{class:02}")).collect();
        let counts: Vec<usize> = (0..classes).map(|class| 30 + class).collect();
        let mut state = fixtures::with_data(runs());
        open(&mut state, &counts, &names);
        if classes == 40 {
            let effects = super::update::press(&mut state, "jjjjjjjjjjjjjjjjjjjjjjjjjllllllllllllllllll");
            answer(&mut state, effects, &counts, &names);
            snapshots(name, &state);
        } else {
            snapshot(name, &state, SIZES[0]);
        }
    }
}

#[test]
fn cursor_and_numbers_are_visible_without_colours() {
    let mut state = inspected();
    state.theme = state.theme.named(ThemeName::Mono);
    let drawn = draw(&state, SIZES[0]);
    let cell = state.inspect.cell;
    let share = state.inspect.report().expect("read").confusion.share(cell.0, cell.1) * 100.0;
    assert!(drawn.contains(&format!("[{share:.0}]")), "{drawn}");
}

#[test]
fn the_matrix_is_copied_as_text() {
    let mut state = inspected();
    press(&mut state, "n");
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("inspect_text", as_text(&state));
    });
    assert_eq!(as_text(&fixtures::with_data(Vec::new())), "");
}
