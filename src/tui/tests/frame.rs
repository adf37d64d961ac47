//! Tests of functions that all screens share: palette, help, messages, first steps, copying, pasting, mouse, themes and
//! glyphs.

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Color;

use super::fixtures::{self, NOW, id};
use super::screens::{SIZES, at, draw, snapshot};
use super::update::{act, drawn, press};
use crate::tui::config::Config;
use crate::tui::key::Key;
use crate::tui::messages::{Action, Effect, Event, Keymap, Rebinding, RunsEffect, RunsEvent, TrainEvent};
use crate::tui::screen::Screen;
use crate::tui::state::{Confirm, Overlay, State};
use crate::tui::theme::{ASCII, Depth, ThemeName};
use crate::tui::update::{apply, update};
use crate::tui::view;

fn state() -> State {
    let mut state = at(Screen::Runs, fixtures::with_data(fixtures::all()));
    state.runs.selected = Some(id("calm-heron"));
    state
}

pub(super) fn cells(state: &State, (columns, rows): (u16, u16)) -> Buffer {
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    view::render(state, &mut buffer, area, &mut crate::tui::widgets::faces::Pictures::new(false));
    buffer
}

/// Returns every screen with every overlay.
fn everywhere() -> Vec<State> {
    let mut states = Vec::new();
    for screen in Screen::ALL {
        for keys in ["", "?", "?sto", ":", ":run", "!", "S", "<enter>"] {
            let mut state = at(screen, state());
            if screen == Screen::Data {
                update(&mut state, NOW, fixtures::samples("demo", 0));
            }
            // Enter on the form would launch a run.
            if !(screen == Screen::Train && keys == "<enter>") {
                press(&mut state, keys);
            }
            states.push(state);
        }
    }
    let mut confirming = state();
    confirming.overlay = Some(Overlay::Confirm(Confirm {
        title: "delete",
        lines: vec!["Delete 悲しい-run … and “all” of it?".into()],
        yes: "yes",
        effects: vec![],
    }));
    let mut touring = state();
    touring.tour = true;
    touring.fail("é ± ∞ 悲しい → done");
    states.extend([confirming, touring]);
    states
}

#[test]
fn the_palette() {
    let mut state = state();
    press(&mut state, ":");
    snapshot("palette", &state, SIZES[0]);
    press(&mut state, "fin");
    snapshot("palette_filtered", &state, SIZES[0]);
    snapshot("palette_filtered", &state, (60, 16));
    press(&mut state, "qqq");
    assert!(draw(&state, SIZES[0]).contains("no command, run or theme matches"));
}

#[test]
fn the_palette_performs_the_selected_entry() {
    let mut state = state();
    press(&mut state, ":go to plain-f<enter>");
    assert_eq!((state.runs.selected.clone(), state.overlay.is_none()), (Some(id("plain-finch")), true));
    assert_eq!(
        press(&mut state, ":resume<enter>"),
        [Effect::Runs(RunsEffect::Resume(vec![id("plain-finch")]))],
        "by the key's name in the config file"
    );
    press(&mut state, ":theme light<enter>");
    assert_eq!(state.theme.background, crate::tui::theme::Background::Light);
    press(&mut state, ":mouse<enter>");
    assert!(state.mouse);
    press(&mut state, ":first steps<enter>");
    assert!(state.tour);
    press(&mut state, ":<esc>");
    assert!(state.overlay.is_none());
    state.runs.selected = Some(id("calm-heron"));
    press(&mut state, ":stop<enter>");
    assert!(matches!(state.overlay, Some(Overlay::Confirm(_))), "a command asks as its key does");
    press(&mut state, "n2:<enter>");
    assert!(matches!(state.screen, Screen::Train));
}

#[test]
fn the_palette_lists_only_commands_with_an_effect() {
    let mut state = state();
    state.runs.selected = Some(id("brisk-otter"));
    press(&mut state, ":");
    let screen = draw(&state, (120, 40));
    assert!(!screen.contains("ask the run to end"), "it has ended:\n{screen}");
}

#[test]
fn the_help_is_filtered_by_typing() {
    let mut state = state();
    press(&mut state, "?");
    press(&mut state, "stop");
    snapshot("help_filtered", &state, SIZES[0]);
    snapshot("help_filtered", &state, (60, 16));
    press(&mut state, "q");
    assert!(draw(&state, SIZES[0]).contains("no key matches"));
    press(&mut state, "<esc>");
    assert!(matches!(&state.overlay, Some(Overlay::Help(help)) if (help.line, help.filter.text()) == (0, "")));
    press(&mut state, "/quit");
    assert!(draw(&state, SIZES[0]).contains("quit the dashboard"));
    press(&mut state, "<esc><esc>");
    assert!(state.overlay.is_none());
    press(&mut state, "?");
    snapshot("help", &state, (60, 16));
}

#[test]
fn hints_help_and_palette_show_the_keys_in_force() {
    let mut state = state();
    let rebinding = |name: &str, keys: Vec<Key>| Rebinding { name: name.into(), keys, line: 1 };
    let (keymap, faults) =
        Keymap::rebound(&[rebinding("runs.stop", vec![Key::ctrl('x')]), rebinding("runs.repeat", vec![])]);
    assert_eq!(faults, []);
    state.keymap = keymap;
    assert!(draw(&state, SIZES[1]).contains("Ctrl-X stop"));
    assert!(!draw(&state, SIZES[1]).contains("r repeat"));
    press(&mut state, "?");
    let help = draw(&state, SIZES[2]);
    assert!(help.contains("Ctrl-X") && !help.contains("copy the run's settings"), "{help}");
    press(&mut state, "<esc>:settings");
    assert!(draw(&state, SIZES[1]).contains("copy the run's settings"), "a command without a key is found");
    assert_eq!(press(&mut state, "<esc>S"), []);
    assert!(state.overlay.is_none());
}

#[test]
fn messages_are_stored_with_their_times() {
    let mut state = state();
    press(&mut state, "!");
    assert!(draw(&state, SIZES[0]).contains("no messages yet"));
    press(&mut state, "<esc>");
    update(&mut state, NOW - 60_000, Event::Runs(RunsEvent::StopFinished(vec![(id("calm-heron"), Ok(()))])));
    let text =
        "cannot create a run in /home/me/a/rather/long/path/to/the/lab/checkpoints: Permission denied (os error 13)";
    update(
        &mut state,
        NOW,
        Event::Train(TrainEvent::LaunchFinished(Err(crate::tui::messages::ActionError::Fault(text)))),
    );
    press(&mut state, "!");
    snapshot("messages", &state, SIZES[0]);
    snapshot("messages", &state, (60, 16));
    let effects = press(&mut state, "y");
    assert_eq!(effects, [Effect::Copy(format!("not launched: {text}"))]);
    press(&mut state, "<esc>");
    for _ in 0..500 {
        update(&mut state, NOW, Event::Failed("again".into()));
    }
    assert_eq!(state.messages.len(), State::MAX_MESSAGES);
    press(&mut state, "!G");
    assert!(draw(&state, SIZES[0]).contains("again"));
}

#[test]
fn any_key_hides_the_first_steps_and_still_has_its_effect() {
    let mut state = at(Screen::Data, fixtures::with_data(vec![]));
    state.tour = true;
    snapshot("first_steps", &state, SIZES[0]);
    snapshot("first_steps", &state, (60, 16));
    for (keys, screen) in [("2", Screen::Train), ("<enter>", Screen::Data), ("<esc>", Screen::Data)] {
        let mut state = state.clone();
        assert_eq!(press(&mut state, keys), []);
        assert_eq!((state.tour, state.screen), (false, screen), "{keys}");
    }
}

#[test]
fn the_selection_is_copied() {
    let table =
        [("3", "calm-heron", "copied the run's name, calm-heron"), ("1", "demo", "copied the dataset's name, demo")];
    for (keys, copied, text) in table {
        let mut state = state();
        press(&mut state, keys);
        assert_eq!(press(&mut state, "y"), [Effect::Copy(copied.into())], "{keys}");
        assert_eq!(state.message.map(|message| message.text).as_deref(), Some(text));
    }
    let mut state = state();
    update(&mut state, NOW, Event::Failed("the disk is full".into()));
    assert_eq!(press(&mut state, "y"), [], "a question may have been expected");
    assert!(state.message.as_ref().is_some_and(|message| message.text.contains("nothing was done")));
    update(&mut state, NOW, Event::Failed("the disk is full".into()));
    assert_eq!(press(&mut state, "!y"), [Effect::Copy("the disk is full".into())]);
    press(&mut state, "<esc>");
    assert_eq!(press(&mut state, "y"), [Effect::Copy("calm-heron".into())]);
    update(&mut state, NOW, Event::Failed("x".repeat(80_000)));
    assert_eq!(press(&mut state, "!y"), [], "too much for a terminal");
    assert!(state.message.is_some_and(|message| message.error));
    let mut empty = at(Screen::Runs, fixtures::with_data(vec![]));
    assert_eq!(press(&mut empty, "y"), []);
}

#[test]
fn a_paste_without_a_text_field_does_nothing() {
    let paste = "y\nS\ny\n".repeat(200_000);
    for screen in Screen::ALL {
        for keys in ["", "!", "S"] {
            let mut state = at(screen, state());
            press(&mut state, keys);
            let overlay = state.overlay.clone();
            assert_eq!(update(&mut state, NOW, Event::Paste(paste.clone())), []);
            assert_eq!(state.overlay, overlay, "{screen:?} {keys}");
            assert!(state.message.is_some_and(|message| message.text.contains("1200000 pasted bytes were ignored")));
        }
    }
    let mut state = state();
    press(&mut state, ":");
    update(&mut state, NOW, Event::Paste("theme mono\nquit\n".into()));
    assert!(draw(&state, SIZES[0]).contains("│ theme mono "), "the first line becomes the query");
}

#[test]
fn errors_in_the_config_file_are_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    std::fs::write(&file, "glyphs = 'latin1'\nmouse = 3\nframes_per_second = 4\n").expect("written");
    let config = crate::tui::config::load_from(&file, true);
    let state = state().configured(&config);
    let message = state.message.expect("a message").text;
    assert!(message.contains("config.toml:1: glyphs cannot be") && message.contains("1 more: !"), "{message}");
    assert_eq!((state.messages.len(), config.frames), (2, 4));
}

#[test]
fn ctrl_z_requests_the_suspension() {
    for keys in ["<^z>", "?<^z>", "S<^z>", "2<^z>"] {
        assert_eq!(press(&mut state(), keys), [Effect::Suspend], "{keys}");
    }
}

#[test]
fn clicks_select_tabs_and_lines() {
    let size = SIZES[0];
    let click = |state: &mut State, column, row| {
        drawn(state);
        act(state, Event::Click(Position::new(column, row)))
    };
    let mut state = state();
    for (column, screen) in
        [(7, Screen::Data), (16, Screen::Train), (25, Screen::Runs), (32, Screen::Compare), (44, Screen::Inspect)]
    {
        click(&mut state, column, 0);
        assert_eq!(state.screen, screen, "{column}");
    }
    let mut state = at(Screen::Runs, state);
    let line = |state: &State, name: &str| {
        let screen = draw(state, size);
        u16::try_from(screen.lines().position(|line| line.contains(name)).expect("its line")).expect("a row")
    };
    for name in ["brisk-otter", "plain-finch", "new-wren"] {
        let row = line(&state, name);
        assert_eq!(click(&mut state, 10, row), [], "{name} in row {row}");
        assert_eq!(state.runs.selected, Some(id(name)));
    }
    let before = state.runs.selected.clone();
    click(&mut state, 10, size.1 - 3);
    assert_eq!(state.runs.selected, before, "there is no run");
    update(&mut state, NOW, Event::Scroll(-3));
    assert_eq!(state.runs.position(&state.library), 0);
    press(&mut state, "S");
    click(&mut state, 10, 5);
    update(&mut state, NOW, Event::Scroll(3));
    assert!(state.overlay.is_some() || state.runs.selected.is_some());
}

#[test]
fn without_unicode_every_cell_is_ascii() {
    for mut state in everywhere() {
        state.theme = state.theme.clone().with_glyphs(&ASCII);
        for size in [(80, 24), (120, 40), (200, 60), (60, 16), (50, 10)] {
            for depth in [Depth::Mono, Depth::Sixteen, Depth::Indexed, Depth::True] {
                state.theme.depth = depth;
                let buffer = cells(&state, size);
                let odd = buffer.content.iter().find(|cell| !cell.symbol().is_ascii());
                assert!(odd.is_none(), "{odd:?} on {:?}", state.screen);
            }
        }
    }
    let mut state = state();
    state.theme = state.theme.with_glyphs(&ASCII);
    snapshot("ascii_runs", &state, SIZES[0]);
    press(&mut state, "?");
    snapshot("ascii_help", &state, SIZES[0]);
    press(&mut state, "<esc>");
    let mut data = at(Screen::Data, state);
    update(&mut data, NOW, fixtures::samples("demo", 0));
    snapshot("ascii_data", &data, SIZES[0]);
}

#[test]
fn without_colours_no_cell_is_coloured() {
    for mut state in everywhere() {
        state.theme = state.theme.clone().named(ThemeName::Mono);
        let colored =
            cells(&state, SIZES[0]).content.into_iter().find(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
        assert!(colored.is_none(), "{colored:?} on {:?}", state.screen);
    }
}

#[test]
fn an_empty_config_changes_nothing() {
    let (before, after) = (state(), state().configured(&Config::default()));
    assert_eq!(draw(&before, SIZES[0]), draw(&after, SIZES[0]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn no_sequence_of_sizes_and_keys_panics(
        inputs in proptest::collection::vec((0_u16..140, 0_u16..60, 0_usize..40), 1..12)
    ) {
        // Keys that launch runs are left out; other tests cover them.
        const KEYS: [&str; 40] = [
            "1", "3", "4", "5", "j", "k", "G", "g", "?", ":", "!", "y", "<esc>", "<tab>", "<backtab>", "<up>", "<down>",
            "<left>", "<right>", "x", "s", "o", "<pgdn>", "q", " ", "m", "u", "/", "<^u>", "S", "n", "2", "é", "悲", "i",
            "<^z>", "l", "h", "a", "r",
        ];
        for mut state in everywhere() {
            for (columns, rows, key) in &inputs {
                let size = ((*columns).max(1), (*rows).max(1));
                update(&mut state, NOW, Event::Resized { columns: size.0, rows: size.1 });
                press(&mut state, KEYS[*key]);
                cells(&state, size);
                update(&mut state, NOW, Event::Click(Position::new(columns / 2, rows / 2)));
                update(&mut state, NOW, Event::Scroll(isize::try_from(*key).unwrap_or(0) - 20));
                cells(&state, size);
            }
        }
    }
}

#[test]
fn a_message_is_drawn_on_a_terminal_that_is_too_small() {
    let state = at(Screen::Data, state());
    for size in [(59, 16), (60, 15), (20, 3)] {
        assert!(draw(&state, size).contains("mien needs"), "{size:?}");
    }
    assert!(!draw(&state, (60, 16)).contains("mien needs"));
    let mut state = state;
    apply(&mut state, Action::Help);
    assert!(draw(&state, (60, 16)).contains("keys: type to filter"));
}
