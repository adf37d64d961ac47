//! Tests of the Data screen: pages of faces, variants, imports and deletion.

use super::fixtures::{self, NOW};
use super::screens::{SIZES, at, draw, snapshot, snapshots};
use super::update::press;
use crate::domain::{Augmentation, Split};
use crate::supervise::{ImportEvent, ImportProgress, ImportResult, SkippedFile};
use crate::tui::messages::data::{ImportSpec, SplitFilter};
use crate::tui::messages::{DataEffect, DataEvent, Effect, Event};
use crate::tui::screen::Screen;
use crate::tui::screens::data::DataView;
use crate::tui::state::{Overlay, State};
use crate::tui::theme::Theme;
use crate::tui::update::update;

/// The Data screen with FER-2013 and its faces.
fn fer2013() -> State {
    let mut state = at(Screen::Data, fixtures::state(vec![fixtures::entry(fixtures::fer2013())], vec![]));
    update(&mut state, NOW, fixtures::samples("fer2013", 0));
    state
}

fn resized(mut state: State, (columns, rows): (u16, u16)) -> State {
    update(&mut state, NOW, Event::Resized { columns, rows });
    state
}

fn receive(state: &mut State, event: ImportEvent) -> Vec<Effect> {
    update(state, NOW, Event::Data(DataEvent::Import(event)))
}

/// The Data screen with a running import of a path.
fn importing() -> State {
    let mut state = fer2013();
    press(&mut state, "ihttps://x.org/x.zip<pgdn>");
    let effects = press(&mut state, "<enter>");
    let (source, name) = ("https://x.org/x.zip".into(), fixtures::dataset_name("x"));
    assert_eq!(effects, [Effect::Data(DataEffect::StartImport(ImportSpec { source, name, options: vec![] }))]);
    state
}

fn progress() -> ImportProgress {
    ImportProgress { stage: "packing".into(), done: 12_000, total: Some(35_887), classes: Some(7) }
}

#[test]
fn pages_are_turned_and_end_at_the_ends() {
    let mut state = fer2013();
    // Four faces fit below the table at 80×24.
    for (keys, face) in [("]", 4), ("]", 8), ("[", 4), ("[", 0), ("[", 0), ("j", 0), ("k", 0)] {
        press(&mut state, keys);
        assert_eq!(state.data.face, face, "{keys}");
    }
    press(&mut state, "fG");
    assert_eq!((state.data.view, state.data.face), (DataView::Faces, 3595));
    press(&mut state, "]l");
    assert_eq!(state.data.face, 3595, "there is no page after the last");
    press(&mut state, "v");
    assert_eq!((state.data.filter, state.data.face), (SplitFilter::Of(Split::Validation), 0));
    press(&mut state, "<esc>vvv");
    assert_eq!((state.data.filter, state.data.view), (SplitFilter::Of(Split::Train), DataView::Table));
}

#[test]
fn visible_faces_are_requested_once() {
    let mut state = fer2013();
    assert_eq!(press(&mut state, "]"), [], "they are at hand");
    let effects = press(&mut state, "v");
    let [Effect::Data(DataEffect::LoadFaces(pick))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((pick.filter, pick.first, pick.count), (SplitFilter::Of(Split::Validation), 0, 4));
    // Late faces of another split are ignored.
    update(&mut state, NOW, fixtures::samples("fer2013", 0));
    assert!(state.data.sample(&state.library).is_none());
    // An error is shown, and the faces are not requested again.
    let failed = Event::Data(DataEvent::Faces(pick.clone(), Err("pixels.bin: cannot be read".into())));
    assert_eq!(update(&mut state, NOW, failed), []);
    assert!(draw(&state, SIZES[0]).contains("pixels.bin: cannot be read"));
}

#[test]
fn variants_are_those_of_the_form() {
    let mut state = resized(fer2013(), SIZES[1]);
    let effects = press(&mut state, "fa");
    let [Effect::Data(DataEffect::MakeVariants(wanted))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((wanted.index, wanted.first, wanted.variants), (0, 1, 0));
    assert_eq!((wanted.augmentation, wanted.seed), (Some(Augmentation::REFERENCE), 42));
    let effects = press(&mut state, "]");
    let [Effect::Data(DataEffect::MakeVariants(next))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(next.first, 1 + wanted.count as u64);
    press(&mut state, "<esc>v");
    update(&mut state, NOW, fixtures::samples_of("fer2013", 0, SplitFilter::Of(Split::Validation), 0));
    press(&mut state, "a");
    assert_eq!(state.data.view, DataView::Table);
    assert!(state.message.as_ref().expect("a message").text.contains("never augmented"));
    update(&mut state, NOW + 60_000, Event::Tick);
    state.message = None;
    assert!(!draw(&state, SIZES[2]).contains("a augmented"), "a hint is not offered for what is refused");
}

#[test]
fn an_import_is_typed_followed_and_reported() {
    let mut state = importing();
    assert_eq!(receive(&mut state, ImportEvent::Running(Some(progress()))), [Effect::Data(DataEffect::WatchImport)]);
    assert_eq!(receive(&mut state, ImportEvent::Running(None)), [Effect::Data(DataEffect::WatchImport)]);
    assert_eq!(state.data.import.as_ref().and_then(|import| import.progress.clone()), Some(progress()));
    snapshot("data_importing", &state, SIZES[0]);
    let skip = |number: u32| SkippedFile { source: format!("train/sad/{number}.png"), reason: "is cut short".into() };
    let skipped = (0..40).map(skip).collect();
    let (name, images, classes) = ("x".into(), 35_847, 7);
    let done = ImportResult {
        name,
        images,
        classes,
        skipped,
        skipped_count: 1_200,
        resized: 3,
        notes: vec!["'Sad' and 'sad' are one class".into()],
        left_out: Vec::new(),
    };
    assert_eq!(receive(&mut state, ImportEvent::Finished(done)), []);
    assert!(state.data.import.is_none());
    snapshot("data_imported", &state, SIZES[0]);
    press(&mut state, "G");
    assert!(draw(&state, SIZES[0]).contains("and 1,160 more"));
    press(&mut state, "<esc>");
    assert!(state.overlay.is_none());
    // The imported dataset is shown next.
    let Ok(mut view) = state.library.datasets.list[0].dataset.clone() else { panic!("no dataset") };
    view.name = fixtures::dataset_name("x");
    let entries = [state.library.datasets.list.clone(), vec![fixtures::entry(view)]].concat();
    update(&mut state, NOW, Event::DatasetsRead(Ok(entries)));
    assert_eq!(state.data.dataset(&state.library).map(|dataset| dataset.name.as_str()), Some("x"));
}

#[test]
fn an_import_is_cancelled_after_a_question_and_its_error_is_shown() {
    let mut state = importing();
    press(&mut state, "<esc>n");
    assert!(state.overlay.is_none() && state.data.import.is_some());
    press(&mut state, "<esc>");
    assert_eq!(press(&mut state, "y"), [Effect::Data(DataEffect::CancelImport)]);
    assert_eq!(receive(&mut state, ImportEvent::Cancelling), []);
    assert!(draw(&state, SIZES[0]).contains("removing its files"));
    receive(&mut state, ImportEvent::Cancelled);
    assert!(state.data.import.is_none());
    let mut state = importing();
    receive(&mut state, ImportEvent::Failed("/x.zip: cannot be read".into()));
    assert_eq!(state.message.expect("a message").text, "x was not imported: /x.zip: cannot be read");
    // An import that ends under the question takes the question with it: yes would do nothing.
    let mut state = importing();
    press(&mut state, "<esc>");
    assert!(matches!(state.overlay, Some(Overlay::Confirm(_))));
    receive(&mut state, ImportEvent::Failed("/x.zip: cannot be read".into()));
    assert_eq!(state.overlay, None);
}

#[test]
fn a_dataset_is_deleted_after_a_question_and_not_under_a_run() {
    let mut state = at(Screen::Data, fixtures::with_data(vec![fixtures::running()]));
    let (demo, fer2013) = (fixtures::dataset_name("demo"), fixtures::dataset_name("fer2013"));
    press(&mut state, "l");
    assert_eq!(press(&mut state, "D"), []);
    assert!(state.message.as_ref().is_some_and(|message| message.text.contains("stop the training first")));
    press(&mut state, "h");
    assert_eq!(press(&mut state, "D"), [Effect::Data(DataEffect::Measure(demo.clone()))]);
    update(&mut state, NOW, Event::Data(DataEvent::Measured(demo.clone(), 8 << 20)));
    snapshot("data_delete", &state, SIZES[0]);
    assert_eq!(press(&mut state, "y"), [Effect::Data(DataEffect::Delete(demo))]);
    update(&mut state, NOW, Event::Data(DataEvent::Deleted(fer2013, Err("in use".into()))));
    assert_eq!(state.message.expect("a message").text, "fer2013 was not deleted: in use");
}

#[test]
fn faces_on_the_whole_screen() {
    for size in SIZES {
        let mut state = resized(fer2013(), size);
        press(&mut state, "fl");
        snapshot("data_faces", &state, size);
        press(&mut state, "<enter>");
        snapshot("data_face", &state, size);
        let effects = press(&mut state, "a");
        let [Effect::Data(DataEffect::MakeVariants(wanted))] = &effects[..] else { panic!("{effects:?}") };
        let face = state.data.sample(&state.library).expect("a face").face.clone();
        let made = vec![face; wanted.count + 1];
        update(&mut state, NOW, Event::Data(DataEvent::Variants(wanted.clone(), Ok(made))));
        snapshot("data_variants", &state, size);
    }
}

#[test]
fn many_classes_an_empty_one_and_no_colour() {
    let mut many = fixtures::fer2013();
    many.classes = (0..40).map(|number| (format!("class {number:02}"), many.classes[number % 7].1)).collect();
    many.classes[12].1.train = 0;
    let mut state = at(Screen::Data, fixtures::state(vec![fixtures::entry(many)], vec![]));
    press(&mut state, "jjjjjjjjjjjj");
    snapshots("data_many", &state);
    let mut state = resized(fer2013(), SIZES[0]);
    state.theme = Theme::detect(|name| (name == "NO_COLOR").then(|| "1".into()));
    press(&mut state, "f");
    snapshot("data_mono", &state, SIZES[0]);
}

#[test]
fn the_marks_of_a_dataset_are_listed_and_removed() {
    use crate::data::marked::Doubt;
    use crate::tui::messages::{InspectEffect, InspectEvent};

    let mut state = fer2013();
    press(&mut state, "m");
    assert_eq!(state.data.view, DataView::Table, "there are none");
    let angry = fixtures::fer2013().classes[0].1.train;
    let second = u32::try_from(angry + 5).expect("few");
    let name = fixtures::fer2013().name;
    let marked = |state: &mut State, marks: &[(u32, Option<u16>)]| {
        update(state, NOW, Event::Inspect(InspectEvent::Marked(name.clone(), Ok(fixtures::marks(marks)))))
    };
    marked(&mut state, &[(3, Some(4)), (second, None)]);
    let screen = draw(&state, SIZES[0]);
    assert!(screen.contains(" · 2 images marked (m)"), "{screen}");
    press(&mut state, "m");
    assert_eq!((state.data.view, state.data.class, state.data.face), (DataView::Marks, 0, 3));
    snapshots("data_marks", &state);
    press(&mut state, "j");
    assert_eq!((state.data.class, state.data.face), (1, 5), "the face is that of the selected image");
    let effects = press(&mut state, " ");
    let unmark = InspectEffect::Mark { dataset: name.clone(), index: angry + 5, doubt: None };
    assert!(effects.contains(&Effect::Inspect(unmark)), "{effects:?}");
    marked(&mut state, &[(3, Some(4))]);
    assert_eq!(state.data.mark, 1, "a removed mark keeps its line");
    snapshot("data_marks_removed", &state, SIZES[0]);
    let mark = |doubt| Effect::Inspect(InspectEffect::Mark { dataset: name.clone(), index: angry + 5, doubt });
    let run = fixtures::marks(&[(3, None)]).images[0].run.clone();
    let effects = press(&mut state, " ");
    assert!(effects.contains(&mark(Some(Doubt { class: None, run: run.clone() }))), "brought back: {effects:?}");
    marked(&mut state, &[(3, Some(4)), (second, None)]);
    let effects = press(&mut state, "r");
    assert!(effects.contains(&mark(Some(Doubt { class: Some(0), run }))), "not its own class: {effects:?}");
    press(&mut state, "<esc>");
    assert_eq!(state.data.view, DataView::Table);
}
