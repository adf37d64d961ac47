//! Tests of the Runs screen: tables of keys, and snapshots.

use ratatui::layout::Position;

use super::fixtures::{self, Logbook, NOW, id};
use super::screens::{SIZES, draw, snapshot, snapshots};
use super::update::press;
use crate::domain::{FinishReason, GpuLoad, Hyperparameter, Limits, Load, Split};
use crate::events::Event as Logged;
use crate::runs::annotations::AnnotationChange;
use crate::runs::facts::Field;
use crate::runs::query::SortKey;
use crate::runs::{ListView, WorkerDeath};
use crate::tui::library::RunView;
use crate::tui::messages::{Effect, Event, RunsEffect, RunsEvent, TrainEvent};
use crate::tui::screens::runs::{Curves, Request};
use crate::tui::state::{Overlay, State};
use crate::tui::update::update;

fn state() -> State {
    let mut state = fixtures::with_data(fixtures::all());
    press(&mut state, "3");
    state
}

fn at(run: &str) -> State {
    let mut state = state();
    state.runs.selected = Some(id(run));
    state
}

fn shown(state: &State) -> Vec<String> {
    state.runs.visible(&state.library).map(|run| run.id.to_string()).collect()
}

fn message(state: &State) -> String {
    state.message.as_ref().map(|message| message.text.clone()).unwrap_or_default()
}

fn prompt_error(state: &State) -> Option<String> {
    let Some(Overlay::Prompt(prompt)) = &state.overlay else { return None };
    prompt.error.clone()
}

/// Returns the running run as its worker would report it after these events.
fn after(events: Vec<Logged>) -> RunView {
    let book = Logbook::new("calm-heron", 133).started().epochs(11, 8).steps(12, 14);
    events.into_iter().fold(book, Logbook::log).view(true)
}

fn read(state: &mut State, run: RunView) {
    let mut runs = fixtures::all();
    runs.retain(|other| other.id != run.id);
    runs.push(run);
    update(state, NOW + 1_000, Event::RunsRead(runs));
}

#[test]
fn a_filter_applies_while_it_is_typed_and_esc_restores_the_list() {
    let mut state = state();
    press(&mut state, "/state:running");
    assert_eq!(shown(&state), ["calm-heron"]);
    press(&mut state, " val_acc>0.9");
    assert!(shown(&state).is_empty());
    press(&mut state, " loss<");
    assert!(prompt_error(&state).is_some_and(|error| error.starts_with("'loss<' at 27")));
    press(&mut state, "<enter>");
    assert!(state.overlay.is_some(), "what is wrong is not taken");
    press(&mut state, "<esc>");
    assert_eq!(shown(&state).len(), 6);
    press(&mut state, "/!state:running<enter>");
    assert_eq!((shown(&state).len(), state.overlay.is_none()), (5, true));
    press(&mut state, "/<^u><enter>");
    assert_eq!(shown(&state).len(), 6);
    press(&mut state, "/state:running<enter><enter><esc>");
    assert_eq!((shown(&state).len(), state.runs.whole), (1, false), "from the run to the list as it was");
    press(&mut state, "<esc>");
    assert_eq!(shown(&state).len(), 6, "and there to all runs");
}

#[test]
fn the_list_is_sorted_by_a_typed_or_clicked_column_and_the_order_is_kept() {
    let mut state = state();
    let own = shown(&state);
    let kept = |columns: Vec<Field>, by, descending| {
        let sort = Some(SortKey { by, descending });
        Effect::Runs(RunsEffect::RecordListView(ListView { columns, sort }))
    };
    press(&mut state, "on");
    let mut names = own.clone();
    names.sort();
    assert_eq!(shown(&state), names, "while it is typed");
    press(&mut state, "<esc>");
    assert_eq!(shown(&state), own);
    assert_eq!(press(&mut state, "on<enter>"), [kept(vec![], Field::Name, false)]);
    names.reverse();
    assert_eq!(press(&mut state, "O"), [kept(vec![], Field::Name, true)]);
    assert_eq!(shown(&state), names);
    assert_eq!(press(&mut state, "om<enter>"), [kept(vec![], Field::F1, true)], "by macro F1");
    assert_eq!(shown(&state)[0], "brisk-otter");
    press(&mut state, "oval<enter>");
    assert_eq!(prompt_error(&state).as_deref(), Some("'val' begins several columns: val_acc, val_loss"));
    press(&mut state, "<^u><enter>");
    assert_eq!(shown(&state), own, "empty is the own order");
    let kept_columns = press(&mut state, "C<^u>f1 age<enter>");
    let view = ListView { columns: vec![Field::F1, Field::Age], sort: None };
    assert_eq!(kept_columns, [Effect::Runs(RunsEffect::RecordListView(view.clone()))]);
    let screen = draw(&state, SIZES[0]);
    let heads = screen.lines().find(|line| line.contains("STATE")).unwrap_or_default();
    assert!(heads.contains("MACRO F1") && heads.contains("AGE") && !heads.contains("VAL ACC"), "{heads}");
    super::update::drawn(&mut state);
    let (head, column) = state.layout.headings[2];
    assert_eq!(column, 2);
    let click = Event::Click(Position::new(head.x, head.y));
    assert_eq!(update(&mut state, NOW, click), [kept(view.columns.clone(), Field::F1, true)]);
    let mut later = self::state();
    update(&mut later, NOW, Event::Runs(RunsEvent::ListViewRead(view)));
    assert!(!draw(&later, SIZES[0]).contains("VAL LOSS"));
}

#[test]
fn the_columns_that_decide_are_shown_at_every_width() {
    for size in [(80, 24), (100, 30), (120, 40), (160, 50), (200, 60)] {
        let mut state = state();
        let long = Logbook::new("a-run-with-a-very-long-name-indeed", 9_000).started().epochs(3, 3).view(false);
        read(&mut state, long);
        let screen = draw(&state, size);
        let heads = screen.lines().find(|line| line.contains("STATE")).unwrap_or_default();
        for column in ["RUN", "STRATEGY", "DATASET", "EPOCH", "MACRO F1", "TEST ACC", "VAL ACC"] {
            assert!(heads.contains(column), "{size:?} {column}: {heads}");
        }
    }
}

#[test]
fn a_small_terminal_has_the_list_and_the_facts_of_a_run() {
    let state = at("calm-heron");
    for size in [(40, 10), (45, 20), (59, 16), (60, 12)] {
        let screen = draw(&state, size);
        for words in ["running", "calm-heron", "epoch 11 of 50, val loss", "waited 3 of", "left, ready 12:"] {
            assert!(screen.contains(words), "{size:?} {words}: {screen}");
        }
    }
    snapshot("runs_compact", &state, (40, 10));
    snapshot("runs_compact", &state, (45, 20));
    assert!(draw(&state, (39, 10)).contains("mien needs 40 columns and 10 rows"));
}

#[test]
fn settings_tags_and_note_are_one_key_away() {
    let mut state = at("brisk-otter");
    press(&mut state, "nworth another look<enter>i");
    let screen = draw(&state, SIZES[0]);
    for words in ["settings of brisk-otter", "worth another look", "learning-rate", "seed"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
}

#[test]
fn limits_are_changed_in_two_fields() {
    let mut state = at("brisk-otter");
    let extend = |epochs, patience| vec![Effect::Runs(RunsEffect::Extend { id: id("brisk-otter"), epochs, patience })];
    press(&mut state, "e60");
    assert!(draw(&state, SIZES[1]).contains("one-cycle schedule is stretched to 60 epochs"));
    assert_eq!(press(&mut state, "<tab>20<enter>"), extend(60, 20));
    assert_eq!(press(&mut at("brisk-otter"), "e++<down>++-<enter>"), extend(52, 11));
}

/// Returns the Runs screen with these runs marked and the cursor on the first one.
fn with_marks(names: &[&str]) -> State {
    let mut state = at(names[0]);
    state.runs.marked = names.iter().map(|name| id(name)).collect();
    state
}

#[test]
fn the_limits_of_marked_runs_are_changed_together_or_not_at_all() {
    let mut state = with_marks(&["calm-heron", "new-wren"]);
    let of = |state: &State, name: &str| {
        state.library.runs.find(&id(name)).expect("a run").summary.as_ref().expect("read").limits
    };
    let before = ["calm-heron", "new-wren"].map(|name| of(&state, name));
    press(&mut state, "e+10");
    let screen = draw(&state, SIZES[1]);
    assert!(screen.contains("epochs and patience of 2 marked runs"), "{screen}");
    assert!(screen.contains("calm-heron: ") && screen.contains("new-wren: "), "{screen}");
    let limits = |name: &str, before: Limits| {
        Effect::Runs(RunsEffect::Limits { id: id(name), epochs: before.epochs + 10, patience: before.patience })
    };
    let expected = [limits("calm-heron", before[0]), limits("new-wren", before[1])];
    assert_eq!(press(&mut state, "<enter>"), expected);

    let mut state = with_marks(&["calm-heron", "brisk-otter"]);
    assert_eq!(press(&mut state, "e<^u>epochs 15 patience 6<enter>"), []);
    let error = prompt_error(&state).unwrap_or_default();
    assert!(error.contains("nothing would be left to train of brisk-otter"), "{error}");
    assert!(state.runs.pending.is_empty(), "the other one is unchanged, too");
}

#[test]
fn the_run_of_the_cursor_is_exported_to_a_typed_path() {
    let mut state = at("brisk-otter");
    assert_eq!(press(&mut state, "X"), []);
    let screen = draw(&state, SIZES[0]);
    assert!(screen.contains("export brisk-otter to") && screen.contains("brisk-otter.onnx"), "{screen}");
    let export = |path: &str| Effect::Runs(RunsEffect::Export(id("brisk-otter"), path.into()));
    assert_eq!(press(&mut state, "<enter>"), [export("brisk-otter.onnx")]);
    assert_eq!(message(&state), "brisk-otter is being written to brisk-otter.onnx");
    press(&mut state, "X");
    assert_eq!(press(&mut state, "out/report.html<enter>"), [export("out/report.html")], "typing replaces the path");
    press(&mut state, "X<^u>");
    assert_eq!(press(&mut state, "<enter>"), []);
    assert!(prompt_error(&state).is_some_and(|error| error.contains("type the path")));
    let mut state = at("calm-heron");
    state.library.runs.list.iter_mut().for_each(|run| run.has_best_weights = false);
    assert_eq!(press(&mut state, "X"), []);
    assert!(message(&state).contains("has no best weights yet"), "{}", message(&state));
}

#[test]
fn notes_that_differ_are_kept_by_an_empty_line() {
    let mut state = with_marks(&["calm-heron", "brisk-otter"]);
    let annotated = |effects: &[Effect]| match effects {
        [Effect::Runs(RunsEffect::Annotate(changes))] => changes.len(),
        _ => 0,
    };
    assert_eq!(annotated(&press(&mut state, "nsame for both<enter>")), 2);
    assert_eq!(annotated(&press(&mut state, "n<^u><enter>")), 2, "a common note is removed by an empty line");
    state.runs.marked.clear();
    press(&mut state, "nonly here<enter>");
    state.runs.marked = vec![id("calm-heron"), id("brisk-otter")];
    press(&mut state, "n");
    let screen = draw(&state, SIZES[0]);
    assert!(screen.contains("an empty line keeps"), "{screen}");
    assert_eq!(press(&mut state, "<enter>"), []);
    assert_eq!(message(&state), "the notes of 2 marked runs are unchanged");
    assert_eq!(annotated(&press(&mut state, "nother<enter>")), 2);
}

/// Returns a finished run after a test that ended with these events.
fn tested_again(events: Vec<Logged>) -> RunView {
    let book = Logbook::new("brisk-otter", 3 * 3600).started().epochs(15, 9).tested(9, FinishReason::EarlyStop);
    let later = book.after(60).log(Logged::EvaluationStarted { split: Split::Test, images: 7_178 });
    events.into_iter().fold(later, Logbook::log).view(false)
}

#[test]
fn the_end_of_a_requested_test_is_reported() {
    let requested = || {
        let mut state = at("brisk-otter");
        assert_eq!(press(&mut state, "E"), [Effect::Runs(RunsEffect::Evaluate(id("brisk-otter")))]);
        update(&mut state, NOW, Event::Runs(RunsEvent::TestRequested(id("brisk-otter"), Ok(()))));
        assert_eq!(message(&state), "brisk-otter is being tested again");
        state
    };
    let failed = Logged::EvaluationFailed { cause: "there is no dataset 'fer2013'".into() };
    let scores = fixtures::finished().summary.expect("read").test.clone().expect("tested");
    let passed = Logged::Evaluated { split: Split::Test, epoch: 9, loss: 1.0, confusion: scores.confusion };
    for (event, words) in [(failed, "was not tested: there is no dataset"), (passed, "was tested: accuracy 0.6")] {
        let mut state = requested();
        read(&mut state, fixtures::finished());
        assert!(message(&state).contains("is being tested"), "nothing has happened yet");
        read(&mut state, tested_again(vec![event]));
        assert!(message(&state).contains(words), "{words}: {}", message(&state));
        let shown = state.messages.len();
        read(&mut state, tested_again(vec![]));
        assert_eq!(state.messages.len(), shown, "reported once");
    }
    let mut state = requested();
    update(&mut state, NOW, Event::Runs(RunsEvent::TestRequested(id("brisk-otter"), Err("no trainer".into()))));
    read(&mut state, tested_again(vec![]));
    assert_eq!(message(&state), "no trainer");
}

#[test]
fn a_run_whose_dataset_is_gone_is_neither_tested_nor_resumed() {
    for (run, key) in [("brisk-otter", "E"), ("plain-finch", "R")] {
        let mut state = fixtures::state(vec![], fixtures::all());
        press(&mut state, "3");
        state.runs.selected = Some(id(run));
        assert_eq!(press(&mut state, key), [], "{key}");
        assert!(message(&state).starts_with(&format!("{run}: there is no dataset 'fer2013'")), "{}", message(&state));
    }
}

#[test]
fn requests_are_sent_and_their_answers_shown() {
    let limits = Limits { epochs: 80, patience: 12 };
    let changed = Logged::LimitsChanged { epochs: 80, patience: 12 };
    let of = |id| RunsEffect::Limits { id, epochs: 80, patience: 12 };
    let heron = || id("calm-heron");
    let table = [
        (
            "p",
            RunsEffect::Pause(heron()),
            Request::Pause,
            Logged::Paused,
            "calm-heron is paused in epoch 12; it keeps its slot on cpu: p continues it",
        ),
        (
            "e<^u>epochs 80 patience 12<enter>",
            of(heron()),
            Request::Limits(limits),
            changed,
            "calm-heron now has 80 epochs and patience 12",
        ),
    ];
    for (keys, effect, request, event, text) in table {
        let mut state = at("calm-heron");
        assert_eq!(press(&mut state, keys), [Effect::Runs(effect)], "{keys}");
        assert_eq!(state.runs.pending_request(&heron()).map(|pending| pending.request), Some(request));
        assert!(draw(&state, SIZES[0]).contains("not answered yet"), "{keys}");
        read(&mut state, after(vec![]));
        assert!(state.runs.pending_request(&heron()).is_some(), "{keys}: no answer is none");
        read(&mut state, after(vec![event]));
        assert_eq!((state.runs.pending_request(&heron()), message(&state).as_str()), (None, text));
        assert!(!draw(&state, SIZES[0]).contains("not answered yet"));
    }
}

#[test]
fn a_worker_that_does_not_answer_is_offered_to_be_killed() {
    let heron = || id("calm-heron");
    let seen_and_not_obeyed = || after(vec![Logged::StopRequested]);
    // (the run after the request, seconds since the request, whether a kill is offered)
    let table: [(RunView, Option<u64>, bool); 6] = [
        (after(vec![]), None, false),
        (after(vec![]), Some(9), false),
        (after(vec![]), Some(10), true),
        (seen_and_not_obeyed(), Some(60), false),
        (seen_and_not_obeyed(), Some(120), true),
        (RunView { alive: false, ..after(vec![]) }, Some(60), false),
    ];
    for (index, (run, seconds, offered)) in table.into_iter().enumerate() {
        let mut state = at("calm-heron");
        let now = state.now;
        read(&mut state, RunView { stop_requested_at: seconds.map(|seconds| now - seconds * 1_000), ..run });
        state.now = now;
        press(&mut state, "S");
        let asks = matches!(&state.overlay, Some(Overlay::Confirm(confirm)) if confirm.title == "kill");
        assert_eq!(asks, offered, "row {index}");
        if offered {
            let screen = draw(&state, SIZES[0]);
            assert!(screen.contains("does not answer. Kill its worker?"), "{screen}");
            assert!(screen.contains("resumes after epoch 11"), "{screen}");
            assert_eq!(press(&mut state, "y"), [Effect::Runs(RunsEffect::Kill(heron()))]);
        }
    }
}

#[test]
fn a_killed_run_is_shown_as_killed() {
    let mut state = at("plain-finch");
    let run = state.library.runs.find(&id("plain-finch")).cloned().expect("a lost run");
    assert!(draw(&state, SIZES[2]).contains("gone without a message"));
    read(&mut state, RunView { worker_death: Some(WorkerDeath::Killed), ..run });
    let screen = draw(&state, SIZES[2]);
    assert!(screen.contains("its worker was killed by hand"), "{screen}");
}

#[test]
fn a_failed_request_waits_for_no_answer() {
    let mut state = at("calm-heron");
    press(&mut state, "p");
    update(&mut state, NOW, Event::Runs(RunsEvent::Requested(id("calm-heron"), Err("disk full".into()))));
    assert!(state.runs.pending.is_empty());
    assert_eq!(message(&state), "disk full");
}

#[test]
fn an_ended_run_is_extended_only_by_limits_that_leave_something_to_train() {
    let mut state = at("brisk-otter");
    assert_eq!(press(&mut state, "e<^u>epochs 15 patience 6<enter>"), []);
    let error = prompt_error(&state).unwrap_or_default();
    assert!(error.ends_with("use more than 15 epochs and a patience above 6"), "{error}");
    let extend = RunsEffect::Extend { id: id("brisk-otter"), epochs: 60, patience: 20 };
    assert_eq!(press(&mut state, "<^u>epochs 60 patience 20<enter>").last().cloned(), Some(Effect::Runs(extend)));
    assert!(press(&mut at("brisk-otter"), "e<^u>patience 0<enter>").is_empty());
}

#[test]
fn impossible_actions_are_refused_with_a_reason() {
    let table = [
        ("brisk-otter", "p", "there is nothing to pause"),
        ("calm-heron", "D", "stop it first"),
        ("calm-heron", "N", "calm-heron is active"),
        ("calm-heron", "E", "calm-heron is active"),
        ("brisk-otter", "R", "e extends it"),
    ];
    for (run, keys, text) in table {
        let mut state = at(run);
        assert_eq!(press(&mut state, keys), [], "{run} {keys}");
        assert!(message(&state).contains(text), "{run} {keys}: {}", message(&state));
    }
}

#[test]
fn deletion_asks_and_names_what_is_lost() {
    let mut state = at("brisk-otter");
    assert_eq!(press(&mut state, "D"), [Effect::Runs(RunsEffect::Measure(vec![id("brisk-otter")]))]);
    update(&mut state, NOW, Event::Runs(RunsEvent::Measured(vec![(id("brisk-otter"), 3 << 20)])));
    snapshot("delete", &state, SIZES[0]);
    assert_eq!(press(&mut state, "y"), [Effect::Runs(RunsEffect::Delete(vec![id("brisk-otter")]))]);
    update(&mut state, NOW, Event::Runs(RunsEvent::Deleted(vec![id("brisk-otter")], None)));
    assert!(!shown(&state).contains(&"brisk-otter".into()));
    assert_eq!(message(&state), "brisk-otter is deleted");
    assert!(state.runs.current(&state.library).is_some());
}

#[test]
fn names_tags_and_notes_are_checked_while_typed_and_written() {
    let mut state = at("brisk-otter");
    press(&mut state, "N<^u>calm-heron");
    assert_eq!(prompt_error(&state).as_deref(), Some("a run calm-heron already exists: choose another name"));
    press(&mut state, "<^u>old owl");
    assert!(prompt_error(&state).is_some());
    let rename = RunsEffect::Rename { from: id("brisk-otter"), to: id("old-owl") };
    assert_eq!(press(&mut state, "<^u>old-owl<enter>"), [Effect::Runs(rename)]);
    update(&mut state, NOW, Event::Runs(RunsEvent::Renamed { from: id("brisk-otter"), result: Ok(id("old-owl")) }));
    assert_eq!(state.runs.current(&state.library).map(|run| run.id.to_string()).as_deref(), Some("old-owl"));
    let effects = press(&mut state, "t+night -none best<enter>");
    let changes = ["+night", "-none", "best"].map(|word| AnnotationChange::of_tag(word).expect("a tag")).to_vec();
    let expected = RunsEffect::Annotate(vec![(id("old-owl"), changes)]);
    assert_eq!(effects, [Effect::Runs(expected)], "not what the list had of it");
    press(&mut state, "nworth another look<enter>");
    assert_eq!(press(&mut state, "t-best<enter>").len(), 1);
    assert_eq!(press(&mut state, "/tag:night look<enter>"), []);
    assert_eq!(shown(&state), ["old-owl"]);
    snapshots("runs_tagged", &state);
}

#[test]
fn actions_apply_to_all_marked_runs() {
    let mut state = state();
    press(&mut state, "gA");
    assert_eq!(state.runs.marked.len(), 6);
    press(&mut state, "S");
    let effects = press(&mut state, "y");
    assert_eq!(effects, [Effect::Runs(RunsEffect::Stop(vec![id("new-wren"), id("calm-heron")]))]);
    snapshot("runs_marked", &state, SIZES[0]);
    press(&mut state, "u");
    assert!(state.runs.marked.is_empty());
}

#[test]
fn every_key_acts_on_the_marks_if_the_cursor_is_on_one_else_on_the_cursor() {
    let marked = |cursor: &str| {
        let mut state = state();
        state.runs.marked = vec![id("calm-heron"), id("new-wren")];
        state.runs.selected = Some(id(cursor));
        state
    };
    let heron_and_wren = |effect: fn(crate::domain::RunId) -> RunsEffect| {
        ["calm-heron", "new-wren"].map(|name| Effect::Runs(effect(id(name)))).to_vec()
    };
    let stop = |cursor| press(&mut marked(cursor), "Sy");
    assert_eq!(stop("calm-heron"), [Effect::Runs(RunsEffect::Stop(vec![id("calm-heron"), id("new-wren")]))]);
    assert_eq!(stop("brisk-otter"), [], "the cursor's run has ended");
    assert_eq!(press(&mut marked("calm-heron"), "p"), heron_and_wren(RunsEffect::Pause));
    assert_eq!(press(&mut marked("warm-stork"), "R"), [Effect::Runs(RunsEffect::Resume(vec![id("warm-stork")]))]);
    assert_eq!(press(&mut marked("brisk-otter"), "D"), [Effect::Runs(RunsEffect::Measure(vec![id("brisk-otter")]))]);
    let annotated = |cursor: &str, keys: &str| match &press(&mut marked(cursor), keys)[..] {
        [Effect::Runs(RunsEffect::Annotate(changes))] => (changes.len(), AnnotationChange::describe_saved(changes)),
        effects => panic!("{effects:?}"),
    };
    let saved = |runs, words: &str| (runs, words.to_owned());
    assert_eq!(annotated("calm-heron", "t+night<enter>"), saved(2, "the tags of calm-heron, new-wren are saved"));
    assert_eq!(annotated("brisk-otter", "t+night<enter>"), saved(1, "the tags of brisk-otter are saved"));
    assert_eq!(annotated("calm-heron", "nslow<enter>"), saved(2, "the notes of calm-heron, new-wren are saved"));
    // The key that takes one run acts on that of the cursor.
    let mut shown = marked("calm-heron");
    press(&mut shown, "i");
    assert!(shown.overlay.is_some() && draw(&shown, SIZES[0]).contains("calm-heron"));
    let mut repeated = marked("calm-heron");
    press(&mut repeated, "r");
    assert_eq!(repeated.train.repeated.map(|(from, _)| from), Some(id("calm-heron")));
    let mut unmarked = state();
    unmarked.runs.marked = vec![id("brisk-otter"), id("warm-stork")];
    unmarked.runs.selected = Some(id("calm-heron"));
    press(&mut unmarked, "S");
    let screen = draw(&unmarked, SIZES[0]);
    assert!(screen.contains("Stop calm-heron?") && screen.contains("not the 2 marked runs"), "{screen}");
}

#[test]
fn what_ended_since_the_last_look_is_counted_and_told_once() {
    let mut state = fixtures::with_data(fixtures::all());
    press(&mut state, "1");
    update(&mut state, NOW, Event::Runs(RunsEvent::LastLook(Some(NOW - 6 * 3_600_000))));
    let tabs = draw(&state, SIZES[0]).lines().next().map(str::to_owned).unwrap_or_default();
    // Finished, stopped and lost; the failed run is older.
    assert!(tabs.contains("3 Runs ● 3"), "{tabs}");
    assert_eq!(state.messages.len(), 3);
    assert_eq!(press(&mut state, "3"), [], "the key was pressed before they were on the screen");
    let screen = draw(&state, SIZES[0]);
    assert!(screen.contains("since 06:00: 1 finished, 1 stopped, 1 lost"), "{screen}");
    snapshot("runs_news", &state, SIZES[0]);
    assert_eq!(press(&mut state, "j"), [Effect::Runs(RunsEffect::RecordLook(NOW))]);
    assert_eq!(press(&mut state, "j"), []);
    let screen = draw(&state, SIZES[0]);
    assert!(!screen.contains("3 Runs ●") && screen.contains("since 06:00"), "{screen}");
    press(&mut state, "13");
    assert!(!draw(&state, SIZES[0]).contains("since 06:00"));
    let ended =
        Logbook::new("calm-heron", 133).started().epochs(15, 9).tested(9, crate::domain::FinishReason::EarlyStop);
    press(&mut state, "1");
    read(&mut state, ended.view(false));
    assert!(
        message(&state).starts_with("calm-heron finished: early stop, macro F1 0.5932, trained for 2m 45s"),
        "{}",
        message(&state)
    );
    assert_eq!(state.messages.len(), 4);
    // Under another name it has not ended again.
    let renamed =
        Logbook::new("tall-heron", 133).started().epochs(15, 9).tested(9, crate::domain::FinishReason::EarlyStop);
    let mut view = renamed.view(false);
    std::sync::Arc::make_mut(&mut view.annotations).former = vec![id("calm-heron")];
    read(&mut state, view);
    assert_eq!(state.messages.len(), 4, "{:?}", message(&state));
}

#[test]
fn a_stop_names_the_step_that_is_kept() {
    let mut state = at("calm-heron");
    let saved = Logged::CheckpointSaved { epoch: 11, step: 560, best: false };
    let ended = Logged::Ended { outcome: crate::domain::Outcome::Stopped };
    update(&mut state, NOW, Event::Runs(RunsEvent::StopFinished(vec![(id("calm-heron"), Ok(()))])));
    let mut stopped = after(vec![saved, ended]);
    stopped.alive = false;
    read(&mut state, stopped);
    assert_eq!(message(&state), "calm-heron is stopped after step 560 of epoch 12");
    assert!(draw(&state, SIZES[1]).contains("R resumes after step 560 of epoch 12"));
}

#[test]
fn runs_are_filtered_by_the_words_of_the_list() {
    let table = [("early-stop", "brisk-otter"), ("finished", "brisk-otter"), ("on-request", "warm-stork")];
    for (words, name) in table {
        let mut state = state();
        press(&mut state, &format!("/state:{words}<enter>"));
        assert_eq!(shown(&state), [name], "{words}");
    }
}

#[test]
fn a_paused_run_is_not_counted_as_running() {
    let mut state = at("calm-heron");
    read(&mut state, after(vec![Logged::Paused]));
    let tabs = draw(&state, SIZES[0]).lines().next().map(str::to_owned).unwrap_or_default();
    assert!(tabs.contains("1 running, 1 paused"), "new-wren is starting: {tabs}");
}

#[test]
fn curves_are_zoomed_and_read_at_a_cursor() {
    let mut state = at("calm-heron");
    press(&mut state, "<enter>sL+[<left>");
    let chart = state.runs.chart;
    assert!(chart.smoothing() > 0.0 && chart.log && chart.window.is_some() && chart.cursor.is_some());
    snapshots("detail_zoomed", &state);
    press(&mut state, "0x");
    assert_eq!((state.runs.chart.window, state.runs.chart.cursor), (None, None));
    snapshot("detail_steps", &state, SIZES[0]);
    press(&mut state, "Lxmmz");
    assert_eq!(state.runs.chart.curves, Curves::LearningRate);
    snapshot("detail_rate", &state, SIZES[0]);
    press(&mut state, "<esc>");
    assert!(state.runs.whole && !state.runs.pane_whole);
    press(&mut state, "<esc>");
    assert!(!state.runs.whole);
}

#[test]
fn the_log_is_scrolled_searched_and_followed() {
    let mut state = at("calm-heron");
    press(&mut state, "<enter><tab>k");
    assert_eq!((state.runs.log.back, state.runs.log.follows()), (1, false));
    press(&mut state, "/saved<enter>");
    let first = state.runs.log.back;
    press(&mut state, "N");
    assert!(state.runs.log.back > first);
    press(&mut state, "n");
    assert_eq!(state.runs.log.back, first);
    snapshots("detail_log", &state);
    press(&mut state, "z");
    snapshot("detail_log_whole", &state, SIZES[0]);
    press(&mut state, "/<^u>nowhere<enter>");
    assert!(message(&state).contains("the log does not contain 'nowhere'"));
    press(&mut state, "f");
    assert!(state.runs.log.follows());
}

#[test]
fn a_paused_run_and_one_with_device_load() {
    let gpu = GpuLoad { name: "H200".into(), utilization: 96, memory_used: 11 << 30, memory_total: 139 << 30 };
    let load = Load { cpu: 187.0, memory: 1_400 << 20, gpu: Some(gpu) };
    let mut state = at("calm-heron");
    read(
        &mut state,
        after(vec![Logged::Load { load: load.clone() }, Logged::LimitsChanged { epochs: 20, patience: 4 }]),
    );
    snapshots("runs_load", &state);
    read(&mut state, after(vec![Logged::Load { load }, Logged::Paused]));
    snapshots("runs_paused", &state);
}

#[test]
fn prompts_of_the_screen() {
    let mut state = at("calm-heron");
    press(&mut state, "/state:running val<");
    snapshot("prompt_filter", &state, SIZES[0]);
    press(&mut state, "<esc>e");
    snapshot("prompt_limits", &state, SIZES[0]);
    snapshot("prompt_limits", &state, (60, 16));
    press(&mut state, "<esc>/nobody<enter>");
    snapshot("runs_none_shown", &state, SIZES[0]);
}

#[test]
fn presets_fill_the_form_and_a_repeated_run_shows_what_differs() {
    let mut state = state();
    press(&mut state, "2<^p>");
    assert!(message(&state).starts_with("preset reference"), "{}", message(&state));
    let value = |state: &State, setting| super::update::text(state, setting);
    assert_eq!(value(&state, Hyperparameter::BatchSize), "32");
    press(&mut state, "<^p>");
    assert_eq!(
        (value(&state, Hyperparameter::Epochs), value(&state, Hyperparameter::BatchSize)),
        ("3".into(), "64".into())
    );
    press(&mut state, "<^p>");
    assert_eq!(value(&state, Hyperparameter::Epochs), "50");
    state.runs.selected = Some(id("brisk-otter"));
    press(&mut state, "3r");
    state.train.set_text(Hyperparameter::BatchSize, "128");
    snapshot("train_repeated", &state, SIZES[0]);
    assert!(draw(&state, SIZES[0]).contains("changed, brisk-otter has 64"));
}

// `benches/many_runs.py` measures the time of a frame with a thousand runs.
#[test]
fn of_a_thousand_runs_only_the_visible_are_drawn() {
    let book = |n: u64| Logbook::new(&format!("run-{n:04}"), 60 + n).started().view(false);
    let mut state = fixtures::with_data((0..1_000).map(book).collect());
    press(&mut state, "3/state:lost<enter>G");
    let screen = draw(&state, SIZES[0]);
    assert!(screen.contains("1,000 of 1,000 runs") && screen.contains("run-0999") && !screen.contains("run-0900"));
    press(&mut state, "g");
    let screen = draw(&state, SIZES[0]);
    assert!(screen.contains("run-0000") && !screen.contains("run-0100"), "{screen}");
}

#[test]
fn an_arrow_shows_the_order_and_hides_no_column() {
    for size in SIZES {
        let mut state = state();
        let headings = |state: &State| {
            let screen = draw(state, size);
            let line = screen.lines().find(|line| line.contains("STATE"))?;
            // The selected run is drawn next to the list.
            line.split('│').next().map(str::to_owned)
        };
        let plain = headings(&state).expect("headings");
        let mut arrows = 0;
        for field in SortKey::FIELDS {
            press(&mut state, &format!("o{}<enter>", field.name()));
            let Some(line) = headings(&state).filter(|_| state.runs.sort.is_some()) else { break };
            assert_eq!(line.replace(['▲', '▼'], " "), plain, "{size:?}");
            arrows += line.matches(['▲', '▼']).count();
        }
        assert!(arrows > 4, "{size:?}");
    }
}

#[test]
fn a_message_names_a_launched_run_that_the_filter_hides() {
    for (filter, is_shown) in [("", false), ("/state:finished<enter>", true)] {
        let mut state = state();
        press(&mut state, filter);
        update(&mut state, NOW, Event::Train(TrainEvent::LaunchFinished(Ok(id("late-lark")))));
        assert_eq!(message(&state), "late-lark is launched: 2 other runs are running or waiting");
        read(&mut state, Logbook::new("late-lark", 1).view(true));
        assert_eq!(message(&state).contains("the filter hides it"), is_shown, "{}", message(&state));
    }
}
