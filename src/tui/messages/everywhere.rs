//! The keys that work on several screens, and the keys of the overlays.

use crossterm::event::KeyCode;

use super::Action;
use super::keymap::{Binding, Context, ContextKind, Scope, code, on};
use crate::tui::key::Key;
use crate::tui::screen::{Screen, screens};

/// The help, which every typed character filters.
pub const HELP: Context = Context::over("help", ContextKind::Filter);
/// A question to answer with yes or no.
pub const CONFIRM: Context = Context::over("question", ContextKind::Question);
/// A line of text to type.
pub const PROMPT: Context = Context::over("prompt", ContextKind::Line);
/// The command palette.
pub const PALETTE: Context = Context::over("palette", ContextKind::Filter);
/// The earlier messages.
pub const MESSAGES: Context = Context::over("messages", ContextKind::Lines);
/// The report of an import.
pub const REPORT: Context = Context::over("report", ContextKind::Lines);

pub(super) const CONTEXTS: &[Context] = &[HELP, CONFIRM, PROMPT, PALETTE, MESSAGES, REPORT];

/// Contexts in which digits are commands.
const DIGITS: &[ContextKind] = &[ContextKind::List, ContextKind::Panes, ContextKind::Form];
/// Contexts in which all letters are commands.
const READING: &[ContextKind] = &[ContextKind::List, ContextKind::Panes];
/// Contexts in which most letters and signs are commands.
const LETTERS: &[ContextKind] = &[ContextKind::List, ContextKind::Panes, ContextKind::Form];
const LISTS: &[ContextKind] = &[ContextKind::List, ContextKind::Panes, ContextKind::Form, ContextKind::Lines];
const TYPING: &[ContextKind] = &[ContextKind::Text, ContextKind::Line, ContextKind::Filter];
/// Contexts without an overlay.
const SCREEN: &[ContextKind] = &[ContextKind::List, ContextKind::Panes, ContextKind::Form, ContextKind::Text];

const fn on_kinds(
    name: &'static str,
    kinds: &'static [ContextKind],
    keys: &'static [Key],
    action: Action,
    hint: &'static str,
    description: &'static str,
) -> Binding {
    Binding { name, keys, scope: Scope::Kinds(kinds), action, description, hint, aliases: &[] }
}

const fn everywhere(
    name: &'static str,
    keys: &'static [Key],
    action: Action,
    hint: &'static str,
    description: &'static str,
) -> Binding {
    Binding { name, keys, scope: Scope::All, action, description, hint, aliases: &[] }
}

/// The keys of the screens, in the order of the tabs. A tenth screen does not compile and needs a key of another kind.
const NUMBERS: [char; 9] = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];

macro_rules! bindings {
    ($($name:ident: $Screen:ident, $State:ident, $Action:ident, $Effect:ident, $Event:ident;)*) => {
        pub(super) static SCREENS: &[Binding] = &[$(Binding {
            name: concat!("screen.", stringify!($name)),
            keys: &[Key { code: KeyCode::Char(NUMBERS[Screen::$Screen as usize]), ctrl: false, alt: false }],
            scope: Scope::Kinds(DIGITS),
            action: Action::GoTo(Screen::$Screen),
            hint: "",
            description: super::$name::DESCRIPTION,
            aliases: &[stringify!($name)],
        }),*];
    };
}
screens!(bindings);

pub(super) static COMMANDS: &[Binding] = &[
    on_kinds(
        "screen.next",
        &[ContextKind::List],
        &[code(KeyCode::Tab)],
        Action::NextScreen,
        "",
        "the screen to the right",
    ),
    on_kinds(
        "screen.previous",
        &[ContextKind::List],
        &[code(KeyCode::BackTab)],
        Action::PreviousScreen,
        "",
        "the screen to the left",
    ),
    on_kinds("palette", LETTERS, &[Key::char(':')], Action::Palette, "", "find and run any command by name"),
    on_kinds("yank", READING, &[Key::char('y')], Action::Yank, "", "copy the selection"),
    on_kinds(
        "messages",
        LETTERS,
        &[Key::char('!')],
        Action::Messages,
        "",
        "show the messages: which runs ended, and what failed",
    ),
    on_kinds("mouse", SCREEN, &[], Action::ToggleMouse, "", "turn the mouse on, or off to select text"),
    on_kinds("tour", SCREEN, &[], Action::Tour, "", "show the first steps again"),
    everywhere("suspend", &[Key::ctrl('z')], Action::Suspend, "", "suspend to the shell; `fg` returns"),
    on_kinds("help", LETTERS, &[Key::char('?')], Action::Help, "help", "show the keys").also(&["h", "keys"]),
    on_kinds("quit", LETTERS, &[Key::char('q')], Action::Quit, "quit", "quit the dashboard; runs continue")
        .also(&["q", "q!", "qa", "wq", "wq!", "x", "exit"]),
    everywhere("quit_anywhere", &[Key::ctrl('c')], Action::Quit, "", "quit from anywhere; runs continue"),
    on_kinds("up", LISTS, &[code(KeyCode::Up), Key::char('k')], Action::Up, "", "up"),
    on_kinds("down", LISTS, &[code(KeyCode::Down), Key::char('j')], Action::Down, "", "down"),
    on_kinds("first", LISTS, &[Key::char('g'), code(KeyCode::Home)], Action::First, "", "to the first line"),
    on_kinds("last", LISTS, &[Key::char('G'), code(KeyCode::End)], Action::Last, "", "to the last line"),
    on_kinds("half_up", READING, &[Key::ctrl('u'), Key::ctrl('b')], Action::PageUp, "", "ten lines up"),
    on_kinds("half_down", READING, &[Key::ctrl('d'), Key::ctrl('f')], Action::PageDown, "", "ten lines down"),
    on_kinds("page_up", LISTS, &[code(KeyCode::PageUp)], Action::PageUp, "", "ten lines up"),
    on_kinds("page_down", LISTS, &[code(KeyCode::PageDown)], Action::PageDown, "", "ten lines down"),
    on_kinds(
        "filtered.up",
        &[ContextKind::Filter],
        &[code(KeyCode::Up), Key::ctrl('p')],
        Action::Up,
        "",
        "up, while typing",
    ),
    on_kinds(
        "filtered.down",
        &[ContextKind::Filter],
        &[code(KeyCode::Down), Key::ctrl('n')],
        Action::Down,
        "",
        "down, while typing",
    ),
    on_kinds(
        "filtered.page_up",
        &[ContextKind::Filter],
        &[code(KeyCode::PageUp)],
        Action::PageUp,
        "",
        "ten lines up, while typing",
    ),
    on_kinds(
        "filtered.page_down",
        &[ContextKind::Filter],
        &[code(KeyCode::PageDown)],
        Action::PageDown,
        "",
        "ten lines down, while typing",
    ),
    on_kinds("typing.right", TYPING, &[code(KeyCode::Right)], Action::Right, "", "cursor right"),
    on_kinds("typing.left", TYPING, &[code(KeyCode::Left)], Action::Left, "", "cursor left"),
    on_kinds(
        "typing.clear",
        TYPING,
        &[Key::ctrl('u')],
        Action::ClearLine,
        "clear",
        "remove everything before the cursor",
    ),
    on_kinds(
        "typing.delete_word",
        TYPING,
        &[Key::ctrl('w')],
        Action::DeleteWord,
        "",
        "remove the word before the cursor",
    ),
    on_kinds(
        "typing.backspace",
        TYPING,
        &[code(KeyCode::Backspace), Key::ctrl('h')],
        Action::Backspace,
        "",
        "remove the character before the cursor",
    ),
    on_kinds(
        "typing.delete",
        TYPING,
        &[code(KeyCode::Delete)],
        Action::Delete,
        "",
        "remove the character under the cursor",
    ),
    on_kinds(
        "typing.start",
        TYPING,
        &[code(KeyCode::Home), Key::ctrl('a')],
        Action::LineStart,
        "",
        "cursor to the beginning",
    ),
    on_kinds("typing.end", TYPING, &[code(KeyCode::End), Key::ctrl('e')], Action::LineEnd, "", "cursor to the end"),
];

pub(super) static OVERLAYS: &[Binding] = &[
    on("confirm.yes", &[CONFIRM], &[Key::char('y')], Action::Yes, "yes", "do it"),
    on(
        "confirm.no",
        &[CONFIRM],
        &[Key::char('n'), Key::char('N'), code(KeyCode::Esc), Key::char('q')],
        Action::Back,
        "no",
        "cancel",
    ),
    on("prompt.enter", &[PROMPT], &[code(KeyCode::Enter)], Action::Enter, "accept", "accept the typed line"),
    on("prompt.up", &[PROMPT], &[code(KeyCode::Up)], Action::Up, "", "the other field"),
    on("prompt.down", &[PROMPT], &[code(KeyCode::Down)], Action::Down, "", "the other field"),
    on(
        "prompt.complete",
        &[PROMPT],
        &[code(KeyCode::Tab)],
        Action::Complete,
        "",
        "complete a path, or the other field",
    ),
    on("prompt.leave", &[PROMPT], &[code(KeyCode::Esc)], Action::Back, "cancel", "close without a change"),
    on(
        "help.close",
        &[HELP],
        &[code(KeyCode::Esc), code(KeyCode::Enter)],
        Action::Back,
        "close",
        "clear the filter, or close the help",
    ),
    on("palette.do", &[PALETTE], &[code(KeyCode::Enter)], Action::Enter, "run", "run the selected command"),
    on("palette.leave", &[PALETTE], &[code(KeyCode::Esc)], Action::Back, "close", "close the palette"),
    on(
        "messages.close",
        &[MESSAGES],
        &[code(KeyCode::Esc), Key::char('!'), Key::char('q')],
        Action::Back,
        "close",
        "close the messages",
    ),
    on(
        "report.close",
        &[REPORT],
        &[code(KeyCode::Esc), code(KeyCode::Enter), Key::char('q')],
        Action::Back,
        "close",
        "close the report",
    ),
    on("messages.yank", &[MESSAGES], &[Key::char('y')], Action::Yank, "copy", "copy the newest message"),
];
