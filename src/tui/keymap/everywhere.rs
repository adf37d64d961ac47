//! The keys that work on several screens.

use crossterm::event::KeyCode;

use super::Context::{
    Compare, Data, DataFaces, Help, HelpFilter, Inspect, Messages, Palette, Prompt, Report, RunDetail, RunLog, Runs,
    Train, TrainName, TrainNumber,
};
use super::{Binding, Context, code, on};
use crate::tui::action::Action;
use crate::tui::event::Key;
use crate::tui::state::Screen;

/// Where digits are no text.
const SCREENS: &[Context] = &[Data, DataFaces, Train, Runs, RunDetail, RunLog, Compare, Inspect];
/// Where Tab leads to the next screen, because there are no panes or fields to go to.
const TABS: &[Context] = &[Data, DataFaces, Runs];
/// Where letters are no text either.
const READING: &[Context] = &[Data, DataFaces, Runs, RunDetail, RunLog, Compare, Inspect];
const LETTERS: &[Context] = &[Data, DataFaces, Train, TrainNumber, Runs, RunDetail, RunLog, Compare, Inspect];
const LISTS: &[Context] = &[Data, DataFaces, Train, Runs, RunDetail, RunLog, Compare, Inspect, Help, Messages, Report];
const TYPING: &[Context] = &[TrainNumber, TrainName, Prompt, HelpFilter, Palette];
/// Lists over which a line is typed.
const FILTERED: &[Context] = &[HelpFilter, Palette];
/// Where nothing lies over the screen.
const PLAIN: &[Context] = &[Data, DataFaces, Train, TrainNumber, TrainName, Runs, RunDetail, RunLog, Compare, Inspect];

pub(super) static TABLE: &[Binding] = &[
    on("screen.data", SCREENS, &[Key::char('1')], Action::GoTo(Screen::Data), "", "Data: what is there to train on"),
    on("screen.train", SCREENS, &[Key::char('2')], Action::GoTo(Screen::Train), "", "Train: launch a run"),
    on("screen.runs", SCREENS, &[Key::char('3')], Action::GoTo(Screen::Runs), "", "Runs: watch and stop runs"),
    on(
        "screen.compare",
        SCREENS,
        &[Key::char('4')],
        Action::GoTo(Screen::Compare),
        "",
        "Compare: the marked runs side by side",
    ),
    on(
        "screen.inspect",
        SCREENS,
        &[Key::char('5')],
        Action::GoTo(Screen::Inspect),
        "",
        "Inspect: what a run gets wrong",
    ),
    on("screen.next", TABS, &[code(KeyCode::Tab)], Action::NextScreen, "", "the screen to the right"),
    on("screen.previous", TABS, &[code(KeyCode::BackTab)], Action::PreviousScreen, "", "the screen to the left"),
    on("palette", LETTERS, &[Key::char(':')], Action::Palette, "", "find and do anything by its name"),
    on("yank", READING, &[Key::char('y')], Action::Yank, "", "copy what is selected, or the error shown"),
    on("messages", LETTERS, &[Key::char('!')], Action::Messages, "", "show what was told so far"),
    on("mouse", PLAIN, &[], Action::ToggleMouse, "", "let the mouse work, or select text again"),
    on("tour", PLAIN, &[], Action::Tour, "", "show the first steps again"),
    on("suspend", &Context::ALL, &[Key::ctrl('z')], Action::Suspend, "", "leave for the shell; `fg` comes back"),
    on("help", LETTERS, &[Key::char('?')], Action::Help, "help", "show the keys"),
    on("quit", LETTERS, &[Key::char('q')], Action::Quit, "quit", "quit the dashboard; runs go on"),
    on(
        "quit_anywhere",
        &Context::ALL,
        &[Key::ctrl('c')],
        Action::Quit,
        "",
        "quit the dashboard from anywhere; runs go on",
    ),
    on("up", LISTS, &[code(KeyCode::Up), Key::char('k')], Action::Up, "", "up"),
    on("down", LISTS, &[code(KeyCode::Down), Key::char('j')], Action::Down, "", "down"),
    on("first", LISTS, &[Key::char('g'), code(KeyCode::Home)], Action::First, "", "to the first line"),
    on("last", LISTS, &[Key::char('G'), code(KeyCode::End)], Action::Last, "", "to the last line"),
    on("page_up", LISTS, &[code(KeyCode::PageUp)], Action::PageUp, "", "ten lines up"),
    on("page_down", LISTS, &[code(KeyCode::PageDown)], Action::PageDown, "", "ten lines down"),
    on("filtered.up", FILTERED, &[code(KeyCode::Up), Key::ctrl('p')], Action::Up, "", "up, while typing"),
    on("filtered.down", FILTERED, &[code(KeyCode::Down), Key::ctrl('n')], Action::Down, "", "down, while typing"),
    on("filtered.page_up", FILTERED, &[code(KeyCode::PageUp)], Action::PageUp, "", "ten lines up, while typing"),
    on(
        "filtered.page_down",
        FILTERED,
        &[code(KeyCode::PageDown)],
        Action::PageDown,
        "",
        "ten lines down, while typing",
    ),
    on("typing.right", TYPING, &[code(KeyCode::Right)], Action::Right, "", "cursor right"),
    on("typing.left", TYPING, &[code(KeyCode::Left)], Action::Left, "", "cursor left"),
    on("typing.clear", TYPING, &[Key::ctrl('u')], Action::ClearLine, "clear", "remove everything before the cursor"),
    on("typing.delete_word", TYPING, &[Key::ctrl('w')], Action::DeleteWord, "", "remove the word before the cursor"),
    on(
        "typing.backspace",
        TYPING,
        &[code(KeyCode::Backspace), Key::ctrl('h')],
        Action::Backspace,
        "",
        "remove the character before",
    ),
    on("typing.delete", TYPING, &[code(KeyCode::Delete)], Action::Delete, "", "remove the character under the cursor"),
    on(
        "typing.start",
        TYPING,
        &[code(KeyCode::Home), Key::ctrl('a')],
        Action::LineStart,
        "",
        "cursor to the beginning",
    ),
    on("typing.end", TYPING, &[code(KeyCode::End), Key::ctrl('e')], Action::LineEnd, "", "cursor to the end"),
];
