//! Tests of the import form.

use std::sync::Arc;

use super::fixtures::{self, NOW};
use super::screens::{SIZES, at, draw, snapshot};
use super::update::press;
use crate::data::import::{Fit, SizeCount};
use crate::data::manifest::SplitOptions;
use crate::data::{ClassCounts, ImageShape, ImportPreview, Omission, PreviewDepth};
use crate::domain::SplitCounts;
use crate::supervise::ImportEvent;
use crate::tui::messages::data::ImportSpec;
use crate::tui::messages::{Completion, DataEffect, DataEvent, Effect, Event};
use crate::tui::screen::Screen;
use crate::tui::screens::data::{DataView, ImportField};
use crate::tui::state::{Input, State};
use crate::tui::update::update;

fn state() -> State {
    at(Screen::Data, fixtures::with_data(vec![]))
}

fn preview() -> ImportPreview {
    let class = |name: &str, train| ClassCounts {
        name: name.into(),
        counts: SplitCounts { train, validation: train / 9, test: 10 },
    };
    let left_out = |reason: &str, count, example: &str, skipped| Omission {
        reason: reason.into(),
        count,
        example: example.into(),
        skipped,
    };
    ImportPreview {
        depth: PreviewDepth::Pixels,
        classes: vec![class("happy", 90), class("neutral", 45), class("sad", 27)],
        image: ImageShape { width: 120, height: 120, channels: 3 },
        fit: Fit::Pad,
        sizes: vec![SizeCount { width: 120, height: 90, count: 140 }, SizeCount { width: 640, height: 480, count: 52 }],
        split: SplitOptions::default(),
        left_out: vec![
            left_out("is not an image", 3, "train/sad/notes.txt", true),
            left_out("is hidden", 1, ".DS_Store", false),
        ],
        notes: vec!["'Happy' and 'happy' are one class".into()],
        disk: 9 << 20,
    }
}

fn again(order: ImportSpec, depth: PreviewDepth) -> Effect {
    Effect::Data(DataEffect::Preview(Some((order, depth))))
}

#[test]
fn a_preview_by_headers_says_so_and_is_replaced_by_one_of_the_pixels() {
    let mut state = state();
    let order = requested(&mut state, "i/tmp/x<enter>");
    let by_headers = Arc::new(ImportPreview { depth: PreviewDepth::Headers, ..preview() });
    let effects = update(&mut state, NOW, Event::Data(DataEvent::Previewed(order.clone(), Ok(by_headers))));
    assert_eq!(effects, [again(order.clone(), PreviewDepth::Pixels)]);
    let screen = draw(&state, SIZES[0]);
    assert!(screen.contains("would import at most 210 images") && screen.contains("reading the pixels"), "{screen}");
    let event = Event::Data(DataEvent::Previewed(order, Ok(Arc::new(preview()))));
    assert_eq!(update(&mut state, NOW, event), []);
    assert!(draw(&state, SIZES[0]).contains("would import 210 images"));
}

/// Types the source and continues; returns the requested preview.
fn requested(state: &mut State, keys: &str) -> ImportSpec {
    let effects = press(state, keys);
    let preview = |effect: Effect| match effect {
        Effect::Data(DataEffect::Preview(order)) => order.map(|(order, _)| order),
        _ => None,
    };
    effects.into_iter().find_map(preview).expect("a preview is requested")
}

#[test]
fn the_form_shows_what_would_come_in_before_it_imports() {
    let mut state = state();
    press(&mut state, "i");
    snapshot("import_form", &state, SIZES[0]);
    let order = requested(&mut state, "~/my faces/<enter>");
    assert_eq!((order.source.as_str(), order.name.as_str(), order.options.len()), ("~/my faces/", "my-faces", 0));
    assert_eq!(press(&mut state, "<pgdn><enter>"), [], "the preview comes first");
    let found = || Event::Data(DataEvent::Previewed(order.clone(), Ok(Arc::new(preview()))));
    update(&mut state, NOW, found());
    state.message = None;
    for size in SIZES {
        update(&mut state, NOW, Event::Resized { columns: size.0, rows: size.1 });
        snapshot("import_preview", &state, size);
    }
    // Another size is another import: its preview is requested.
    state.data.form.focus = field("size");
    press(&mut state, "48");
    let changed = requested(&mut state, "<enter>");
    assert_eq!(changed.arguments(), ["--size=48"]);
    update(&mut state, NOW, found());
    assert_eq!(press(&mut state, "<pgdn><enter>"), [], "a preview of other values is none");
    update(&mut state, NOW, Event::Data(DataEvent::Previewed(changed.clone(), Ok(Arc::new(preview())))));
    assert_eq!(press(&mut state, "<enter>").first(), Some(&Effect::Data(DataEffect::StartImport(changed))));
    assert_eq!(state.data.view, DataView::Table);
    update(&mut state, NOW, Event::Data(DataEvent::Import(ImportEvent::Running(None))));
    press(&mut state, "i");
    assert_eq!(state.data.view, DataView::Table, "one import at a time");
}

/// Returns the line of an option.
fn field(name: &str) -> ImportField {
    let fields = crate::tui::screens::data::ImportForm::fields();
    fields.into_iter().find(|field| field.label() == name).expect("a line")
}

#[test]
fn a_source_that_cannot_be_imported_is_explained_and_not_imported() {
    let mut state = state();
    let order = requested(&mut state, "i/tmp/x<enter>");
    update(&mut state, NOW, Event::Data(DataEvent::Previewed(order.clone(), Err("/tmp/x: no images".into()))));
    press(&mut state, "<pgdn>");
    assert!(draw(&state, SIZES[0]).contains("✗ /tmp/x: no images"));
    assert_eq!(press(&mut state, "<enter>"), [again(order, PreviewDepth::Headers)], "it is read again");
    // Closing ends the reading, and the form keeps its values.
    assert_eq!(press(&mut state, "<esc>").first(), Some(&Effect::Data(DataEffect::Preview(None))));
    press(&mut state, "i");
    assert!(draw(&state, SIZES[0]).contains("/tmp/x"));
}

#[test]
fn a_name_that_is_taken_and_a_wrong_value_are_refused_where_they_are_typed() {
    let mut state = state();
    let order = requested(&mut state, "i/data/FER2013.tar.xz<enter>");
    assert_eq!(order.name.as_str(), "fer2013-2");
    press(&mut state, "<^u>fer2013");
    assert!(draw(&state, SIZES[0]).contains("already exists"));
    assert_eq!(press(&mut state, "<pgdn><enter>"), []);
    assert_eq!(state.data.form.focus, ImportField::Name);
    press(&mut state, "-b");
    state.data.form.focus = field("size");
    press(&mut state, "48,5q");
    let screen = draw(&state, SIZES[0]);
    assert!(screen.contains("48,5q") && screen.contains("✗ invalid"), "{screen}");
    assert_eq!(press(&mut state, "<pgdn><enter>"), []);
    assert_eq!((state.data.form.focus, state.quit), (field("size"), false));
}

#[test]
fn a_password_is_not_shown() {
    let mut state = state();
    press(&mut state, "i/tmp/faces.zip");
    state.data.form.focus = field("password");
    press(&mut state, "geheim");
    let screen = draw(&state, SIZES[0]);
    assert!(screen.contains("******") && !screen.contains("geheim"), "{screen}");
    let order = requested(&mut state, "<pgdn><enter>");
    assert_eq!(order.arguments(), ["--password=geheim"]);
}

#[test]
fn a_dropped_path_opens_the_form_and_is_completed() {
    let mut state = state();
    update(&mut state, NOW, Event::Paste("'/media/my faces'\n".into()));
    assert_eq!(state.data.view, DataView::Import);
    assert!(draw(&state, SIZES[0]).contains("my-faces"), "the suggested name");
    let typed = "'/media/my faces'".to_owned();
    assert_eq!(press(&mut state, "<tab>"), [Effect::Data(DataEffect::Complete(typed.clone()))]);
    let complete = |typed: &str, completed: &str, fitting: &[&str]| {
        let fitting = fitting.iter().map(ToString::to_string).collect();
        let exists = typed == "/media/my faces/";
        Event::Data(DataEvent::Completed(Completion {
            typed: typed.into(),
            completed: completed.into(),
            fitting,
            exists,
        }))
    };
    let folder = "/media/my faces/";
    update(&mut state, NOW, complete(&typed, folder, &["my faces/"]));
    assert_eq!(state.data.form.input(ImportField::Source).map(Input::text), Some("/media/my faces/"));
    for (added, fitting, remark) in [
        ("t", ["test/", "train/"].as_slice(), "fitting: test/, train/"),
        ("x", &[], "there is no such file, and none whose name begins so"),
    ] {
        press(&mut state, added);
        let typed = format!("{folder}{added}");
        update(&mut state, NOW, complete(&typed, &typed, fitting));
        assert_eq!(state.message.as_ref().expect("a message").text, remark);
        assert!(draw(&state, SIZES[0]).contains(remark), "{}", draw(&state, SIZES[0]));
        assert_eq!(state.data.form.focus, ImportField::Source, "the path is not there");
        press(&mut state, "<bs>");
    }
    update(&mut state, NOW, complete(folder, folder, &["test/", "train/"]));
    assert_eq!(state.data.form.focus, ImportField::Name, "a path that is there is left");
    // Other pastes are no sources.
    let mut state = at(Screen::Data, fixtures::with_data(vec![]));
    update(&mut state, NOW, Event::Paste("rm -rf\n/\n".into()));
    assert_eq!(state.data.view, DataView::Table);
}

#[test]
fn what_an_import_skipped_is_listed_on_a_key() {
    let mut state = state();
    let index = state
        .library
        .datasets
        .list
        .iter()
        .position(|entry| entry.dataset.as_ref().is_ok_and(|dataset| dataset.skipped == 0));
    if let Some(Ok(dataset)) = index.map(|index| &mut state.library.datasets.list[index].dataset) {
        dataset.skipped = 3;
        state.data.selected = index.unwrap_or(0);
    }
    let name = state.library.datasets.list[state.data.selected].name.clone();
    assert!(draw(&state, SIZES[0]).contains("3 files skipped at import (s)"), "{}", draw(&state, SIZES[0]));
    let effects = press(&mut state, "s");
    assert!(effects.contains(&Effect::Data(DataEffect::ReadSkipped(name.clone()))), "{effects:?}");
    let lines = vec!["3 items were skipped:".to_owned(), "  3 × is not an image, such as train/sad/notes.txt".into()];
    update(&mut state, NOW, Event::Data(DataEvent::SkippedRead(name, Ok(lines))));
    assert!(draw(&state, SIZES[0]).contains("3 × is not an image, such as train/sad/notes.txt"));
}
