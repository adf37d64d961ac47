//! Tests of the Compare screen: keys, requests and snapshots.

use super::compare_fixtures::{
    answer, answer_all, columns, compared, finished, heron, judged, lynx, marked, predictions, run_ids, six, tested,
    untested,
};
use super::fixtures::{self, NOW, dataset_name, id};
use super::screens::{SIZES, at, draw, snapshot, snapshots};
use crate::domain::Split;
use crate::runs::inspection::InspectionError;
use crate::runs::{Home, RunStore};
use crate::tui::backend::Backend;
use crate::tui::key::Key;
use crate::tui::messages::{Action, CompareEffect, CompareEvent, Effect, Event};
use crate::tui::screen::Screen;
use crate::tui::screens::compare::choice::suggested;
use crate::tui::screens::compare::{ComparePane, CurveView, VerdictStatus};
use crate::tui::screens::{entry, run_effect};
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::update::{apply, update};

fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    keys.chars().flat_map(|c| update(state, NOW, Event::Key(Key::char(c)))).collect()
}

/// Returns the text that the screen copies.
fn as_text(state: &State) -> String {
    entry(Screen::Compare).selection(state).map(|(_, text)| text).unwrap_or_default()
}

fn running() -> crate::tui::library::RunView {
    untested("new-wren", 1).started().epochs(7, 6).steps(8, 12).view(true)
}

#[test]
fn nothing_marked_and_nothing_to_suggest() {
    snapshot("compare_none", &at(Screen::Compare, fixtures::with_data(vec![fixtures::running()])), SIZES[0]);
}

#[test]
fn nothing_marked_suggests_the_newest_finished_runs() {
    let state = at(Screen::Compare, fixtures::with_data(six()));
    snapshot("compare_empty", &state, SIZES[0]);
    snapshot("compare_empty", &state, (60, 16));
}

#[test]
fn two_runs() {
    let state = compared(vec![lynx(), heron()]);
    snapshots("compare_two", &state);
    snapshot("compare_two", &state, (60, 16));
    snapshot("compare_two", &state, (80, 50));
}

#[test]
fn two_runs_before_their_verdict() {
    let (state, _) = marked(vec![lynx(), heron()]);
    snapshot("compare_computing", &state, SIZES[0]);
}

#[test]
fn two_runs_without_colours() {
    let mut state = compared(vec![lynx(), heron(), running()]);
    state.theme = Theme::detect(|name| (name == "NO_COLOR").then(|| "1".into()));
    snapshot("compare_mono", &state, SIZES[1]);
}

#[test]
fn six_runs() {
    let mut state = compared(six());
    snapshots("compare_six", &state);
    snapshot("compare_six", &state, (60, 16));
    state.compare.selected = Some(id("dark-crane"));
    snapshot("compare_six_last", &state, (60, 24));
}

#[test]
fn seeds_folded_and_references() {
    let mut state = compared(six());
    press(&mut state, "f");
    snapshots("compare_folded", &state);
    press(&mut state, "fF");
    snapshot("compare_reference", &state, SIZES[2]);
}

#[test]
fn groups_of_seeds_have_a_verdict_on_their_means() {
    let of = |name: &str, batch_size, seed| {
        finished(name, |recipe| (recipe.batch_size, recipe.seed) = (batch_size, seed), 15, 9)
    };
    let runs =
        vec![of("quiet-lynx", 64, 1), of("calm-heron", 128, 1), of("brisk-otter", 64, 2), of("lone-wolf", 128, 2)];
    let mut state = compared(runs);
    state.compare.pane = ComparePane::Verdicts;
    state.compare.zoomed = true;
    snapshot("compare_seed_groups", &state, SIZES[0]);
}

#[test]
fn an_active_and_a_finished_run() {
    let state = compared(vec![lynx(), running()]);
    snapshots("compare_live", &state);
}

#[test]
fn predictions_that_are_missing() {
    let (mut state, effects) = marked(vec![lynx(), heron()]);
    let [Effect::Compare(CompareEffect::ComputeVerdict { baseline, run })] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    let missing = InspectionError::Missing { id: baseline.id.clone(), split: Split::Test };
    update(&mut state, NOW, answer(baseline, run, Err(missing.into())));
    snapshot("compare_missing", &state, SIZES[0]);
}

#[test]
fn runs_on_different_datasets() {
    let other = finished(
        "lone-wolf",
        |recipe| (recipe.dataset, recipe.fingerprint) = (dataset_name("demo"), "4711".into()),
        14,
        10,
    );
    let state = compared(vec![lynx(), other]);
    snapshots("compare_datasets", &state);
}

#[test]
fn each_pane_zoomed() {
    let mut state = compared(six());
    for pane in ComparePane::ALL {
        assert_eq!(state.compare.pane, pane);
        press(&mut state, "z");
        snapshot(&format!("compare_zoom_{pane:?}").to_lowercase(), &state, SIZES[0]);
        press(&mut state, "z");
        snapshot(&format!("compare_pane_{pane:?}").to_lowercase(), &state, SIZES[0]);
        update(&mut state, NOW, Event::Key(Key::plain(crossterm::event::KeyCode::Tab)));
    }
    assert_eq!(state.compare.pane, ComparePane::Metrics, "around the end");
}

#[test]
fn curves_over_time_on_a_logarithmic_scale_and_smoothed() {
    let mut state = compared(vec![lynx(), heron()]);
    press(&mut state, "mmxLssss");
    let view = state.compare.curves;
    assert!(view.time && view.log && view.smoothing == 4, "{view:?}");
    state.compare.pane = ComparePane::Curves;
    state.compare.zoomed = true;
    snapshot("compare_curves", &state, SIZES[0]);
    press(&mut state, "SSSSSSxLm");
    assert_eq!(state.compare.curves, CurveView::default());
}

#[test]
fn verdicts_are_requested_one_by_one_and_once() {
    let (mut state, effects) = marked(six());
    assert_eq!(effects.len(), 1, "one at a time");
    assert!(apply(&mut state, Action::GoTo(Screen::Compare)).is_empty(), "it is under way");
    assert_eq!(answer_all(&mut state, effects), 5);
    assert!((1..6).all(|run| matches!(state.compare.verdict_status(run), VerdictStatus::Known(_))));
    let list = state.library.runs.list.clone();
    assert!(update(&mut state, NOW, Event::RunsRead(list)).is_empty(), "nothing changed");
    // Another baseline requests verdicts of new pairs only; the old one then requests none.
    let requests = press(&mut state, "b");
    assert_eq!(answer_all(&mut state, requests), 5);
    let requests = press(&mut state, ">");
    assert_eq!(answer_all(&mut state, requests), 0);
}

#[test]
fn a_verdict_of_other_runs_changes_nothing_visible() {
    let (mut state, effects) = marked(vec![lynx(), heron()]);
    let before = draw(&state, SIZES[1]);
    let runs = six();
    let (one, other) = (runs[2].summary.clone().expect("read"), runs[3].summary.clone().expect("read"));
    let verdict = judged(&one, &other);
    assert!(update(&mut state, NOW, answer(&one, &other, verdict)).is_empty());
    assert_eq!(draw(&state, SIZES[1]), before);
    assert_eq!(answer_all(&mut state, effects), 1);
}

#[test]
fn a_run_tested_again_gets_a_new_verdict() {
    let mut state = compared(vec![lynx(), heron()]);
    let again = tested(untested("calm-heron", 2), "calm-heron", 610, 24, 18);
    let requests = update(&mut state, NOW, Event::RunsRead(vec![lynx(), again]));
    assert!(matches!(state.compare.verdict_status(1), VerdictStatus::Computing));
    assert_eq!(answer_all(&mut state, requests), 1);
}

#[test]
fn an_active_run_grows_without_requests_of_verdicts() {
    let (mut state, effects) = marked(vec![lynx(), running()]);
    assert!(effects.is_empty());
    let more = untested("new-wren", 1).started().epochs(9, 6).view(true);
    assert!(update(&mut state, NOW, Event::RunsRead(vec![lynx(), more])).is_empty());
    let rows = &state.compare.comparison.as_ref().expect("two runs").metrics;
    let epochs = rows.iter().find(|row| row.metric.name() == "epochs").expect("a row");
    assert_eq!(epochs.values[1], Some(9.0));
}

#[test]
fn columns_move_and_the_first_is_the_baseline() {
    let mut state = compared(vec![lynx(), heron(), running()]);
    assert_eq!(state.compare.position(), 1);
    press(&mut state, "l");
    press(&mut state, "b");
    assert_eq!(columns(&state), ["new-wren", "quiet-lynx", "calm-heron"]);
    assert_eq!(state.compare.position(), 0, "the selection moves too");
    press(&mut state, ">>>");
    assert_eq!(state.runs.marked, run_ids(&["quiet-lynx", "calm-heron", "new-wren"]));
    press(&mut state, "<");
    assert_eq!(columns(&state), ["quiet-lynx", "new-wren", "calm-heron"]);
    press(&mut state, "u");
    assert_eq!(state.runs.marked, run_ids(&["quiet-lynx", "calm-heron"]));
    assert_eq!(state.compare.current().map(|run| run.id.clone()), Some(id("calm-heron")));
    press(&mut state, "u");
    assert!(state.compare.comparison.is_none());
    assert!(draw(&state, SIZES[0]).contains("Only quiet-lynx is marked"));
}

#[test]
fn runs_beyond_six_and_unreadable_ones_are_named() {
    let mut runs = six();
    runs.push(running());
    let mut broken = finished("odd-raven", |_| (), 3, 2);
    broken.summary = Err("cannot read the event log\u{1b}[31m".into());
    runs.insert(0, broken);
    let mut state = compared(runs);
    assert_eq!(columns(&state).len(), 6);
    state.compare.pane = ComparePane::Verdicts;
    state.compare.zoomed = true;
    let screen = draw(&state, SIZES[2]);
    assert!(screen.contains("new-wren is marked but not shown: at most 6 runs are compared at once"), "{screen}");
    assert!(screen.contains("odd-raven is marked but not shown: cannot read the event log·[31m"), "{screen}");
    // Columns can still be moved, and all runs stay marked.
    press(&mut state, "b");
    assert_eq!(state.runs.marked.len(), 8);
    assert_eq!(columns(&state)[0], "calm-heron");
}

#[test]
fn enter_opens_the_run_and_i_its_difference_to_the_baseline() {
    let mut state = compared(vec![lynx(), heron()]);
    apply(&mut state, Action::Open);
    assert_eq!(
        (state.screen, state.runs.whole, state.runs.selected.clone()),
        (Screen::Runs, true, Some(id("calm-heron")))
    );
    apply(&mut state, Action::GoTo(Screen::Compare));
    press(&mut state, "i");
    assert_eq!(state.screen, Screen::Inspect);
    assert_eq!(
        (state.inspect.run.clone(), state.inspect.against.clone()),
        (Some(id("calm-heron")), Some(id("quiet-lynx")))
    );
    apply(&mut state, Action::GoTo(Screen::Compare));
    press(&mut state, "hi");
    assert_eq!((state.inspect.run.clone(), state.inspect.against.clone()), (Some(id("quiet-lynx")), None));
}

#[test]
fn enter_marks_the_suggested_runs() {
    let mut state = at(Screen::Compare, fixtures::with_data(vec![lynx(), heron(), running()]));
    assert_eq!(suggested(&state).len(), 2);
    let effects = apply(&mut state, Action::Open);
    assert_eq!((state.runs.marked.len(), effects.len()), (2, 1));
    // With one run marked, the suggested one has the same dataset, although it is older.
    let demo = |recipe: &mut crate::domain::Recipe| recipe.fingerprint = "4711".into();
    let newer = tested(untested("lone-wolf", 1).with(demo), "lone-wolf", 590, 9, 9);
    let mut state = at(Screen::Compare, fixtures::with_data(vec![lynx(), heron(), newer]));
    let mut both = suggested(&state);
    both.sort();
    assert_eq!(both, run_ids(&["calm-heron", "quiet-lynx"]), "of one dataset, though another run is newer");
    state.runs.marked = run_ids(&["quiet-lynx"]);
    assert_eq!(suggested(&state), run_ids(&["calm-heron"]));
    state.runs.marked = run_ids(&["lone-wolf"]);
    assert_eq!(suggested(&state).len(), 1, "better than none");
}

#[test]
fn folding_makes_one_column_of_seeds() {
    let mut state = compared(six());
    press(&mut state, "f");
    assert_eq!(state.compare.columns(), [vec![0, 2, 4], vec![1], vec![3], vec![5]]);
    press(&mut state, "lll");
    assert_eq!(state.compare.position(), 5);
    let folded = state.compare.folded.clone().expect("folded");
    let comparison = state.compare.comparison.clone().expect("compared");
    let accuracy = &comparison.metrics[0];
    let mean = [0, 2, 4].into_iter().filter_map(|run| accuracy.values[run]).sum::<f64>() / 3.0;
    let cell = folded.metrics[0].cells[0].expect("a mean");
    assert!((cell.mean - mean).abs() < 1e-12 && cell.deviation.is_some_and(|deviation| deviation > 0.0));
    assert_eq!(folded.metrics[0].best, [false, true, false, false]);
    let mut state = compared(vec![lynx(), heron()]);
    press(&mut state, "f");
    assert!(!state.compare.fold && state.message.is_some());
}

#[test]
fn every_size_is_drawn_without_a_panic() {
    let mut states = vec![compared(six()), compared(vec![lynx(), running()])];
    let mut folded = compared(six());
    press(&mut folded, "fF");
    states.push(folded);
    for state in &mut states {
        for pane in ComparePane::ALL {
            for zoomed in [false, true] {
                (state.compare.pane, state.compare.middle, state.compare.zoomed) = (pane, Some(pane), zoomed);
                for size in [(60, 16), (61, 22), (79, 23), (90, 70), (110, 30), (119, 28), (150, 20), (300, 100)] {
                    assert!(draw(state, size).contains("Compare"));
                }
            }
        }
    }
}

#[test]
fn the_text_is_a_table_with_tabs() {
    assert_eq!(as_text(&fixtures::with_data(vec![])), "");
    let text = as_text(&compared(vec![lynx(), heron()]));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "metric\tA quiet-lynx\tB calm-heron");
    assert!(lines.iter().any(|line| line.starts_with("accuracy\t0.") && line.split('\t').count() == 3), "{text}");
    assert!(lines.contains(&"batch-size\t64\t128"), "{text}");
    assert!(lines.iter().any(|line| line.starts_with("B − A\taccuracy +")), "{text}");
}

#[test]
fn the_backend_reads_predictions_and_names_missing_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = RunStore::new(Home::new(folder.path()));
    let backend = Backend::new(store.clone());
    let runs = [lynx(), heron()].map(|run| run.summary.expect("read"));
    let judge = || Effect::Compare(CompareEffect::ComputeVerdict { baseline: runs[0].clone(), run: runs[1].clone() });
    let verdict = |event: Event| match event {
        Event::Compare(CompareEvent::VerdictComputed(_, verdict)) => verdict,
        other => panic!("{other:?}"),
    };
    for run in &runs {
        let path = store.folder(&run.id).best_checkpoint();
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, "weights").expect("written");
    }
    let reason = verdict(run_effect(&backend, judge())).expect_err("no predictions on disk").to_string();
    assert!(reason.contains("`mien evaluate quiet-lynx`"), "{reason}");
    for (run, skill) in runs.iter().zip([560, 610]) {
        let path = crate::runs::inspection::file(&store.folder(&run.id), Split::Test, 0);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        predictions(run.id.as_str(), skill).write(&path).expect("written");
    }
    assert_eq!(verdict(run_effect(&backend, judge())), judged(&runs[0], &runs[1]));
}
