//! Tests of keys and events on the Inspect screen.

use super::fixtures::{self, NOW, id};
use super::inspect_fixtures::{COUNTS, answer, inspected, names, open, press, run_ids};
use super::screens::at;
use crate::domain::{LeftOutImages, Split};
use crate::runs::inspection::Order;
use crate::runs::probabilities::NoTemperature;
use crate::tui::messages::{Effect, Event, InspectEffect, InspectEvent};
use crate::tui::screen::Screen;
use crate::tui::screens::inspect::{InspectPane, Mode};
use crate::tui::screens::train::CorrectionChoice;
use crate::tui::state::State;
use crate::tui::update::update;

#[test]
fn the_selected_run_is_inspected_or_it_is_said_why_not() {
    let mut state = inspected();
    assert_eq!((state.inspect.run.clone(), state.inspect.split), (Some(id("brisk-otter")), Split::Test));
    // Selecting another run shows that one.
    state.runs.selected = Some(id("quiet-lynx"));
    open(&mut state, &COUNTS, &names());
    assert_eq!(state.inspect.run, Some(id("quiet-lynx")));
    // A run without predictions is named: another one would pass for it, and be tested in its place.
    state.runs.selected = Some(id("new-wren"));
    assert_eq!(super::update::press(&mut state, "35E"), []);
    assert_eq!(state.inspect.run, Some(id("new-wren")));
    let screen = super::screens::draw(&state, super::screens::SIZES[0]);
    assert!(screen.contains("new-wren has no predictions yet: it is"), "{screen}");
    state.runs.selected = Some(id("quiet-lynx"));
    open(&mut state, &COUNTS, &names());
    assert_eq!(state.inspect.run, Some(id("quiet-lynx")));
    // A run chosen on another screen stays.
    state.inspect.run = Some(id("brisk-otter"));
    state.inspect.against = Some(id("quiet-lynx"));
    state.runs.selected = Some(id("quiet-lynx"));
    open(&mut state, &COUNTS, &names());
    assert_eq!(state.inspect.run, Some(id("brisk-otter")));
    assert_eq!(state.inspect.against, Some(id("quiet-lynx")));
}

#[test]
fn the_form_corrects_what_is_marked_on_this_screen() {
    let name = fixtures::dataset_name("fer2013");
    let arrive = |state: &mut State, images: &[u32]| {
        let marks = fixtures::doubts(images.iter().copied());
        update(state, NOW, Event::Inspect(InspectEvent::Marked(name.clone(), Ok(marks))));
    };
    let mut state = inspected();
    press(&mut state, "w");
    let suspect = u32::try_from(state.inspect.list[0].index).expect("few");
    let other = suspect + 1;
    arrive(&mut state, &[other]);
    assert!(launched(&state).is_empty(), "marks of another day or a shell");
    super::update::press(&mut state, " ");
    arrive(&mut state, &[suspect, other]);
    assert!(launched(&state).is_empty(), "the form has another dataset");
    state.train.choose_dataset(Some(name.clone()));
    assert_eq!(launched(&state).len(), 2);
    assert!(state.train.corrects_marks_of(&name, &state.form_choices()));
    arrive(&mut state, &[other]);
    assert_eq!(launched(&state).len(), 1, "the choice follows the marks");
    arrive(&mut state, &[]);
    assert!(launched(&state).is_empty());
}

#[test]
fn a_repeated_run_keeps_its_corrections_when_images_are_marked() {
    let mut state = inspected();
    let mut form = at(Screen::Runs, state.clone());
    super::update::press(&mut form, "r");
    state.train = form.train;
    press(&mut state, "w");
    super::update::press(&mut state, " ");
    let marks = fixtures::doubts([3, 5]);
    update(&mut state, NOW, Event::Inspect(InspectEvent::Marked(fixtures::dataset_name("fer2013"), Ok(marks))));
    assert_eq!(state.train.correction_choice(&state.form_choices()), CorrectionChoice::Nothing);
    assert!(launched(&state).is_empty());
}

#[test]
fn an_active_run_is_inspected_by_its_latest_validation() {
    let running = |epochs| fixtures::Logbook::new("calm-heron", 500).started().epochs(epochs, epochs).view(true);
    let mut state = fixtures::with_data(vec![running(3)]);
    open(&mut state, &COUNTS, &names());
    let subject = state.inspect.subject.clone().expect("wanted");
    assert_eq!((subject.split, subject.epoch), (Split::Validation, None));
    assert_eq!(update(&mut state, NOW, Event::RunsRead(vec![running(3)])), []);
    let effects = update(&mut state, NOW, Event::RunsRead(vec![running(4)]));
    assert!(matches!(effects.as_slice(), [Effect::Inspect(InspectEffect::LoadPredictions { .. })]), "{effects:?}");
}

#[test]
fn the_cursor_begins_at_the_most_frequent_mistake_and_stays_within_the_matrix() {
    let mut state = inspected();
    let rows = state.inspect.report().expect("read").confusion.rows();
    let (truth, predicted) = state.inspect.cell;
    let worst = (0..7).flat_map(|row| (0..7).filter(move |column| *column != row).map(move |column| (row, column)));
    assert_eq!(rows[truth][predicted], worst.map(|(row, column)| rows[row][column]).max().expect("cells"));
    press(&mut state, "gkkhhhhhhhhh");
    assert_eq!(state.inspect.cell, (0, 0));
    press(&mut state, "Glllllllll");
    assert_eq!(state.inspect.cell, (6, 6));
    let expected = rows[6][6];
    assert_eq!(state.inspect.list.len() as u64, expected);
    assert!(state.inspect.list.iter().all(|judged| (judged.truth, judged.predicted) == (6, 6)));
}

#[test]
fn faces_are_paged_and_sorted() {
    let mut state = inspected();
    let last = state.inspect.list.len() - 1;
    press(&mut state, ",");
    assert_eq!(state.inspect.pick, 0);
    press(&mut state, "..");
    assert_eq!(state.inspect.pick, 2);
    let here = state.inspect.picked().expect("one").index;
    let sure: Vec<f32> = state.inspect.list.iter().map(|judged| judged.confidence).collect();
    assert!(sure.is_sorted_by(|a, b| a >= b));
    press(&mut state, "o");
    assert_eq!((state.inspect.order, state.inspect.picked().expect("one").index), (Order::Loss, here));
    assert!(state.inspect.list.iter().map(|judged| judged.loss).collect::<Vec<_>>().is_sorted_by(|a, b| a >= b));
    press(&mut state, "o");
    assert!(state.inspect.list.iter().map(|judged| judged.index).is_sorted());
    press(&mut state, "<tab><tab>G");
    assert_eq!((state.inspect.pane, state.inspect.pick), (InspectPane::Faces, last));
    press(&mut state, "<esc>");
    assert_eq!(state.inspect.pane, InspectPane::Matrix);
    // All images shown before are cached.
    assert!(
        state.inspect.list.iter().rev().take(5).all(|one| state
            .inspect
            .faces
            .known
            .contains_key(&(Split::Test, one.index)))
    );
}

#[test]
fn the_pager_moves_by_lines_of_faces() {
    let mut state = inspected();
    press(&mut state, "<enter><down>");
    // Four faces fit on a line of 80 columns.
    assert!(state.inspect.pager && state.inspect.pick == 4, "{}", state.inspect.pick);
    press(&mut state, "<right><up>");
    assert_eq!(state.inspect.pick, 1);
    press(&mut state, "<esc>");
    assert!(!state.inspect.pager && state.inspect.pick == 1);
}

#[test]
fn modes_go_around_and_a_difference_needs_two() {
    let mut state = inspected();
    assert_eq!(state.inspect.mode(), Mode::Shares);
    press(&mut state, "n");
    assert_eq!(state.inspect.mode(), Mode::Counts);
    assert!(state.message.as_ref().is_some_and(|message| message.text.contains("a compares with another run")));
    press(&mut state, "a");
    assert_eq!(state.inspect.against, Some(id("quiet-lynx")));
    press(&mut state, "nn");
    assert_eq!(state.inspect.mode(), Mode::Difference);
    press(&mut state, "a");
    assert_eq!((state.inspect.against.clone(), state.inspect.mode()), (None, Mode::Shares));
}

#[test]
fn a_run_on_other_images_is_refused_with_a_reason() {
    let mut state = inspected();
    let effects = super::update::press(&mut state, "a");
    let Some(Effect::Inspect(InspectEffect::LoadPredictions { subject, .. })) = effects.first().cloned() else {
        panic!()
    };
    let own = super::inspect_fixtures::inspection(&COUNTS, &names(), 1.8);
    let mut counts = COUNTS;
    counts[0] += 1;
    let other = super::inspect_fixtures::inspection(&counts, &names(), 1.8);
    let against = crate::tui::messages::inspect::OtherResults::new(&own, &other, None);
    let judged = crate::tui::messages::inspect::PredictionReport::new(
        own,
        Err(NoTemperature::NoPredictions { epoch: 9 }),
        None,
        Vec::new(),
        Some(against),
    );
    update(&mut state, NOW, Event::Inspect(InspectEvent::PredictionsLoaded(subject, Ok(judged.into()))));
    press(&mut state, "n");
    assert!(
        state.message.as_ref().is_some_and(|message| message.text.contains("different images")),
        "{:?}",
        state.message
    );
    assert_eq!(state.inspect.mode(), Mode::Counts);
}

#[test]
fn epochs_are_scrubbed_and_answers_for_others_are_ignored() {
    let mut state = inspected();
    press(&mut state, "[");
    assert_eq!((state.inspect.split, state.inspect.report().and_then(|seen| seen.epoch)), (Split::Validation, Some(9)));
    // Two steps before the first answer arrives.
    let first = super::update::press(&mut state, "[");
    let second = super::update::press(&mut state, "[");
    assert_eq!(state.inspect.subject.as_ref().and_then(|subject| subject.epoch), Some(7));
    answer(&mut state, first, &COUNTS, &names());
    assert_eq!(state.inspect.report().and_then(|seen| seen.epoch), Some(9), "8 is not wanted any more");
    answer(&mut state, second, &COUNTS, &names());
    assert_eq!(state.inspect.report().and_then(|seen| seen.epoch), Some(7));
    press(&mut state, "}");
    assert_eq!(state.inspect.report().and_then(|seen| seen.epoch), Some(15));
    press(&mut state, "]");
    assert_eq!(state.inspect.report().and_then(|seen| seen.epoch), Some(15));
}

fn marks(effects: &[Effect]) -> Vec<(usize, bool)> {
    let mark = |effect: &Effect| match effect {
        Effect::Inspect(InspectEffect::Mark { index, doubt, .. }) => Some((*index, doubt.is_some())),
        _ => None,
    };
    effects.iter().filter_map(mark).collect()
}

#[test]
fn suspects_are_marked_and_unmarked() {
    let mut state = inspected();
    assert!(marks(&super::update::press(&mut state, " ")).is_empty(), "a test image is not marked");
    press(&mut state, "w");
    let first = state.inspect.list[0];
    assert!(state.inspect.list.iter().map(|judged| judged.loss).collect::<Vec<_>>().is_sorted_by(|a, b| a >= b));
    assert_eq!(marks(&super::update::press(&mut state, " ")), [(first.index, true)]);
    assert_eq!(state.inspect.pick, 0, "the same image, for `r`");
    let list = fixtures::doubts([u32::try_from(first.index).expect("few")]);
    let event = InspectEvent::Marked(fixtures::fer2013().name, Ok(list));
    update(&mut state, NOW, Event::Inspect(event));
    press(&mut state, "g");
    assert_eq!(marks(&super::update::press(&mut state, " ")), [(first.index, false)]);
    press(&mut state, "<esc>");
    assert_eq!((state.inspect.suspects, state.inspect.split), (false, Split::Test));
}

/// Returns the class of the mark that these effects make.
fn relabels(effects: &[Effect]) -> Option<u16> {
    effects.iter().find_map(|effect| match effect {
        Effect::Inspect(InspectEffect::Mark { doubt, .. }) => doubt.as_ref()?.class,
        _ => None,
    })
}

#[test]
fn a_suspect_gets_the_most_probable_other_class_and_then_the_next() {
    let mut state = inspected();
    assert_eq!(relabels(&super::update::press(&mut state, "r")), None, "a test image is not marked");
    press(&mut state, "w");
    let first = state.inspect.list[0];
    let row = state.inspect.report().and_then(|report| report.inspection.probabilities(first.index)).expect("a row");
    let label = fixtures::fer2013().label(first.index).expect("a training image");
    let mut classes: Vec<usize> = (0..row.len()).filter(|class| *class != label).collect();
    classes.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
    let index = u32::try_from(first.index).expect("few");
    for expected in classes.iter().chain([&classes[0]]).map(|class| u16::try_from(*class).expect("few")) {
        assert_eq!(relabels(&super::update::press(&mut state, "r")), Some(expected));
        assert_eq!(state.inspect.pick, 0, "the same image, for the next class");
        let marks = fixtures::marks(&[(index, Some(expected))]);
        update(&mut state, NOW, Event::Inspect(InspectEvent::Marked(fixtures::fer2013().name, Ok(marks))));
    }
    // Space removes the mark with its class.
    assert_eq!(marks(&super::update::press(&mut state, " ")), [(first.index, false)]);
}

#[test]
fn the_next_run_relabels_marked_images_and_leaves_out_those_without_a_class() {
    let mut state = inspected();
    let marks = fixtures::marks(&[(3, Some(6)), (5, None)]);
    update(&mut state, NOW, Event::Inspect(InspectEvent::Marked(fixtures::fer2013().name, Ok(marks))));
    state.train.dataset = Some(fixtures::fer2013().name);
    state.train.correction_choice = Some(CorrectionChoice::Marked);
    let state = at(Screen::Train, state);
    let screen = super::screens::draw(&state, super::screens::SIZES[1]);
    assert!(screen.contains("marked (1 left out, 1 relabelled)"), "{screen}");
    assert!(screen.contains("relabelled)  changed") && screen.contains("as neat-gecko, 2 corrected"), "{screen}");
    let launched = match state.train.launch_plan(&state.form_choices()) {
        Ok(crate::tui::screens::train::LaunchPlan::One(_, recipe)) => recipe.corrections(),
        other => panic!("{other:?}"),
    };
    assert_eq!(launched.left_out.images, [5]);
    assert_eq!((launched.relabelled.len(), launched.relabelled.get(3).map(|image| image.class)), (1, Some(6)));
}

fn form_with(state: &mut State, marked: Vec<u32>) {
    let marks = fixtures::doubts(marked);
    update(state, NOW, Event::Inspect(InspectEvent::Marked(fixtures::fer2013().name, Ok(marks))));
    state.train.dataset = Some(fixtures::fer2013().name);
    *state = at(Screen::Train, state.clone());
}

fn launched(state: &State) -> LeftOutImages {
    match state.train.launch_plan(&state.form_choices()) {
        Ok(crate::tui::screens::train::LaunchPlan::One(_, recipe)) => recipe.left_out,
        other => panic!("{other:?}"),
    }
}

#[test]
fn marked_images_are_left_out_by_choice() {
    let mut state = inspected();
    form_with(&mut state, vec![3, 5]);
    assert!(launched(&state).is_empty(), "as in a shell");
    state.train.focus = crate::tui::screens::train::Field::Corrections;
    press(&mut state, "<right>");
    assert_eq!(state.train.correction_choice, Some(CorrectionChoice::Marked));
    assert_eq!(launched(&state), LeftOutImages::new(vec![3, 5], run_ids(&["brisk-otter"])));
    super::update::press(&mut state, "<^d>");
    assert!(launched(&state).is_empty());
}

#[test]
fn the_form_leaves_out_what_the_check_found() {
    use crate::data::check::Exclusion;
    let mut dataset = fixtures::fer2013();
    let leaks = LeftOutImages::new(vec![1, 9], Vec::new());
    dataset.found = std::sync::Arc::new(vec![(Exclusion::Leaks, leaks.clone())]);
    let mut state = at(Screen::Train, fixtures::state(vec![fixtures::entry(dataset)], Vec::new()));
    assert!(launched(&state).is_empty(), "only by choice");
    state.train.focus = crate::tui::screens::train::Field::Corrections;
    super::update::press(&mut state, "<right>");
    assert_eq!(launched(&state), leaks);
    let screen = super::screens::draw(&state, super::screens::SIZES[1]);
    assert!(screen.contains("leaks (2 left out)"), "{screen}");
}

#[test]
fn a_repeated_run_leaves_out_the_same_images_whatever_is_marked() {
    let earlier = LeftOutImages::new(vec![1, 2, 3], run_ids(&["quiet-lynx"]));
    let book = fixtures::Logbook::new("calm-heron", 3_600).with(|recipe| {
        recipe.fingerprint = fixtures::fer2013().fingerprint;
        recipe.correct(earlier.clone().into());
    });
    let mut state = fixtures::with_data(vec![book.started().epochs(2, 2).view(false)]);
    form_with(&mut state, vec![7]);
    let mut state = at(Screen::Runs, state);
    super::update::press(&mut state, "r");
    assert_eq!(launched(&state), earlier);
}

#[test]
fn a_run_on_another_version_of_its_dataset_is_repeated_without_its_corrections_and_says_so() {
    let book = fixtures::Logbook::new("calm-heron", 3_600).with(|recipe| {
        recipe.fingerprint = "older".into();
        recipe.correct(LeftOutImages::new(vec![1, 2, 3], Vec::new()).into());
    });
    let mut state = at(Screen::Runs, fixtures::with_data(vec![book.started().epochs(2, 2).view(false)]));
    super::update::press(&mut state, "r");
    assert!(launched(&state).is_empty());
    let screen = super::screens::draw(&state, super::screens::SIZES[0]);
    let words = "calm-heron was trained on another version of fer2013: the 3 images it";
    let shown = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains(words), "{screen}");
}

#[test]
fn a_class_cannot_be_left_out_whole() {
    let mut state = inspected();
    let angry = fixtures::fer2013().classes[0].1.train;
    form_with(&mut state, (0..u32::try_from(angry).expect("few")).collect());
    state.train.correction_choice = Some(CorrectionChoice::Marked);
    let error = state.train.launch_plan(&state.form_choices()).expect_err("refused").1;
    assert!(error.contains("training images of the class 'angry' would be left out or relabelled"), "{error}");
}
