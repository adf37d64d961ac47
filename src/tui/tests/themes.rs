//! Colours and attributes of every screen and overlay, in every theme at every size.

use ratatui::style::{Color, Modifier};

use super::compare_fixtures;
use super::fixtures::{self, NOW, id};
use super::frame::cells;
use super::inspect_fixtures;
use super::screens::{SIZES, at, snapshots};
use super::update::press;
use crate::tui::screen::Screen;
use crate::tui::state::{Confirm, Overlay, Report, State};
use crate::tui::theme::{Depth, Theme};
use crate::tui::update::update;

/// Returns the colours and attributes on a screen, each with the first text that has it.
fn styles(state: &State, size: (u16, u16)) -> String {
    let buffer = cells(state, size);
    let mut seen: Vec<(Color, Color, Modifier, String)> = Vec::new();
    let mut last = None;
    for cell in &buffer.content {
        let style = (cell.fg, cell.bg, cell.modifier);
        let same = |entry: &&mut (Color, Color, Modifier, String)| (entry.0, entry.1, entry.2) == style;
        match seen.iter_mut().find(same) {
            Some(entry) if last == Some(style) && entry.3.chars().count() < 24 => entry.3.push_str(cell.symbol()),
            Some(entry) if entry.3.chars().count() < 24 && !entry.3.ends_with(" | ") => entry.3.push_str(" | "),
            Some(_) => {}
            None => seen.push((style.0, style.1, style.2, cell.symbol().into())),
        }
        last = Some(style);
    }
    let line = |(fg, bg, modifier, text): &(Color, Color, Modifier, String)| {
        format!("{fg} on {bg} {modifier:?}: {}\n", text.trim())
    };
    seen.iter().map(line).collect()
}

fn runs(selected: &str) -> State {
    let mut state = at(Screen::Runs, fixtures::with_data(fixtures::all()));
    state.runs.selected = Some(id(selected));
    state
}

/// Returns every screen and every overlay.
fn everything() -> Vec<(&'static str, State)> {
    let mut data = at(Screen::Data, fixtures::with_data(vec![]));
    update(&mut data, NOW, fixtures::samples("demo", 0));
    let over = |keys: &str| {
        let mut state = runs("calm-heron");
        press(&mut state, keys);
        state
    };
    let (mut confirm, mut messages, mut report, mut tour) = (over(""), over(""), over(""), over(""));
    confirm.overlay = Some(Overlay::Confirm(Confirm {
        title: "delete",
        lines: vec!["Delete odd-raven and all its files?".into()],
        yes: "delete it",
        effects: vec![],
    }));
    messages.notify("calm-heron was asked to stop".into());
    messages.fail("odd-raven failed: no space left on device");
    press(&mut messages, "!");
    let lines = vec!["12 files were skipped:".into(), "  a.jpg is no picture".into()];
    report.overlay = Some(Overlay::Report(Report { title: "import".into(), lines, first: 0 }));
    tour.tour = true;
    vec![
        ("data", data),
        ("train", at(Screen::Train, fixtures::with_data(vec![]))),
        ("runs", runs("calm-heron")),
        ("run failed", runs("odd-raven")),
        ("run finished, whole", {
            let mut state = runs("brisk-otter");
            press(&mut state, "<enter>");
            state
        }),
        ("compare", compare_fixtures::compared(vec![compare_fixtures::lynx(), compare_fixtures::heron()])),
        ("inspect", inspect_fixtures::inspected()),
        ("help", over("?")),
        ("palette", over(":stop")),
        ("prompt", over("/")),
        ("confirm", confirm),
        ("messages", messages),
        ("report", report),
        ("first steps", tour),
    ]
}

fn theme(list: &'static [(&'static str, &'static str)]) -> Theme {
    let known = |name: &str| list.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Theme::detect(move |name: &str| if name == "LANG" { Some("C.UTF-8".into()) } else { known(name) })
}

#[test]
fn every_screen_in_every_theme() {
    let themes = [
        ("dark", theme(&[("TERM", "xterm-256color"), ("COLORFGBG", "15;0")])),
        ("light", theme(&[("TERM", "xterm-256color"), ("COLORFGBG", "0;15")])),
        ("sixteen", theme(&[("TERM", "xterm")])),
        ("mono", theme(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")])),
    ];
    for (name, theme) in themes {
        let mut text = String::new();
        for (screen, mut state) in everything() {
            state.theme = theme.clone();
            for size in SIZES {
                text.extend([format!("== {screen}, {}x{}\n", size.0, size.1), styles(&state, size)]);
            }
        }
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("styles_{name}"), text);
        });
    }
}

/// Screens without colours, glyph for glyph.
#[test]
fn every_screen_without_colours_uses_none() {
    for (screen, mut state) in everything() {
        state.theme = theme(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]);
        assert_eq!(state.theme.depth, Depth::Mono);
        for size in SIZES {
            let buffer = cells(&state, size);
            let coloured = buffer.content.iter().find(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
            assert_eq!(coloured, None, "{screen} at {size:?}");
        }
        snapshots(&format!("mono_{}", screen.replace([' ', ','], "_")), &state);
    }
}

/// Overlays and states that other tests do not draw at every size.
#[test]
fn every_overlay_at_every_size() {
    for (screen, state) in everything() {
        snapshots(&format!("all_{}", screen.replace([' ', ','], "_")), &state);
    }
}
