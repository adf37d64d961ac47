//! The keys, in one table: what they do, where, and how it is said. Looked up for every key press, shown by `?`, and the
//! source of the hints on the bottom line.

use crossterm::event::KeyCode;

use super::action::Action;
use super::event::Key;
use super::state::Screen;

/// Where the keyboard points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// The Data screen.
    Data,
    /// The Train form, on a choice or on the launch line.
    Train,
    /// The Train form, in a number.
    TrainNumber,
    /// The Train form, in the name.
    TrainName,
    /// The list of runs.
    Runs,
    /// One run on the whole screen.
    RunDetail,
    /// The help overlay.
    Help,
    /// The question whether to stop a run.
    ConfirmStop,
}

impl Context {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Data,
        Self::Train,
        Self::TrainNumber,
        Self::TrainName,
        Self::Runs,
        Self::RunDetail,
        Self::Help,
        Self::ConfirmStop,
    ];

    /// Its heading in the help.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Data => "Data",
            Self::Train => "Train",
            Self::TrainNumber => "Train: a number",
            Self::TrainName => "Train: the name",
            Self::Runs => "Runs",
            Self::RunDetail => "Runs: one run",
            Self::Help => "Help",
            Self::ConfirmStop => "Question",
        }
    }
}

/// One line of the table.
#[derive(Debug)]
pub struct Binding {
    /// The keys, the first of which is shown in hints.
    pub keys: &'static [Key],
    /// Where they work.
    pub contexts: &'static [Context],
    /// What they do.
    pub action: Action,
    /// What they do, in words.
    pub description: &'static str,
    /// One or two words for the bottom line; empty for what need not stand there.
    pub hint: &'static str,
}

use Context::{ConfirmStop, Data, Help, RunDetail, Runs, Train, TrainName, TrainNumber};

const EVERYWHERE: &[Context] = &Context::ALL;
const SCREENS: &[Context] = &[Data, Train, Runs, RunDetail];
const READING: &[Context] = &[Data, Runs, RunDetail];
const LISTS: &[Context] = &[Data, Train, Runs, RunDetail, Help];
const TYPING: &[Context] = &[TrainNumber, TrainName];
const FORM: &[Context] = &[Train, TrainNumber, TrainName];

const fn code(code: KeyCode) -> Key {
    Key::plain(code)
}

const fn on(
    contexts: &'static [Context],
    keys: &'static [Key],
    action: Action,
    hint: &'static str,
    description: &'static str,
) -> Binding {
    Binding { keys, contexts, action, description, hint }
}

/// All keys. What belongs to one place stands before what works everywhere, so hints begin with it.
pub static TABLE: &[Binding] = &[
    on(FORM, &[code(KeyCode::Enter)], Action::Launch, "launch", "launch the run that the form describes"),
    on(&[Data], &[code(KeyCode::Enter)], Action::Open, "train on it", "take this dataset to the Train form"),
    on(&[Runs], &[code(KeyCode::Enter)], Action::Open, "zoom", "show the selected run on the whole screen"),
    on(&[RunDetail], &[code(KeyCode::Esc), code(KeyCode::Enter)], Action::Back, "back", "back to the list"),
    on(&[Runs, RunDetail], &[Key::char('m')], Action::ToggleCurve, "curve", "show the other curve"),
    on(&[Runs, RunDetail], &[Key::char('S')], Action::Stop, "stop", "ask the run to end after the current batch"),
    on(&[Runs, RunDetail], &[Key::char('R')], Action::Resume, "resume", "go on with a stopped, lost or failed run"),
    on(&[Runs, RunDetail], &[Key::char('r')], Action::Repeat, "repeat", "take the run's settings to the Train form"),
    on(&[Data], &[Key::char('d')], Action::CreateDemo, "demo dataset", "draw the built-in demo dataset"),
    on(&[Data], &[code(KeyCode::Right), Key::char('l')], Action::Right, "", "the next dataset"),
    on(&[Data], &[code(KeyCode::Left), Key::char('h')], Action::Left, "", "the previous dataset"),
    on(&[Train], &[code(KeyCode::Right), Key::char('l'), Key::char(' ')], Action::Cycle, "change", "the next choice"),
    on(&[Train], &[code(KeyCode::Left), Key::char('h')], Action::Left, "", "the previous choice"),
    on(TYPING, &[code(KeyCode::Right)], Action::Right, "", "cursor right"),
    on(TYPING, &[code(KeyCode::Left)], Action::Left, "", "cursor left"),
    on(TYPING, &[Key::ctrl('u')], Action::ClearLine, "clear", "remove everything before the cursor"),
    on(TYPING, &[Key::ctrl('w')], Action::DeleteWord, "", "remove the word before the cursor"),
    on(TYPING, &[code(KeyCode::Backspace), Key::ctrl('h')], Action::Backspace, "", "remove the character before"),
    on(TYPING, &[code(KeyCode::Delete)], Action::Delete, "", "remove the character under the cursor"),
    on(TYPING, &[code(KeyCode::Home), Key::ctrl('a')], Action::LineStart, "", "cursor to the beginning"),
    on(TYPING, &[code(KeyCode::End), Key::ctrl('e')], Action::LineEnd, "", "cursor to the end"),
    on(FORM, &[Key::ctrl('d')], Action::Reset, "default", "put the field back to its default"),
    on(TYPING, &[code(KeyCode::Esc)], Action::Back, "leave", "leave the field"),
    on(&[Train], &[code(KeyCode::Esc)], Action::Back, "back", "back to the screen before"),
    on(LISTS, &[code(KeyCode::Up), Key::char('k')], Action::Up, "", "up"),
    on(LISTS, &[code(KeyCode::Down), Key::char('j')], Action::Down, "", "down"),
    on(TYPING, &[code(KeyCode::Up), code(KeyCode::BackTab)], Action::Up, "", "the field above"),
    on(TYPING, &[code(KeyCode::Down), code(KeyCode::Tab)], Action::Down, "", "the field below"),
    on(&[Train], &[code(KeyCode::BackTab)], Action::Up, "", "the field above"),
    on(&[Train], &[code(KeyCode::Tab)], Action::Down, "", "the field below"),
    on(&[TrainNumber], &[Key::char('k')], Action::Up, "", "the field above"),
    on(&[TrainNumber], &[Key::char('j')], Action::Down, "", "the field below"),
    on(LISTS, &[Key::char('g'), code(KeyCode::Home)], Action::First, "", "to the first line"),
    on(LISTS, &[Key::char('G'), code(KeyCode::End)], Action::Last, "", "to the last line"),
    on(LISTS, &[code(KeyCode::PageUp)], Action::PageUp, "", "ten lines up"),
    on(LISTS, &[code(KeyCode::PageDown)], Action::PageDown, "", "ten lines down"),
    on(SCREENS, &[Key::char('1')], Action::GoTo(Screen::Data), "", "Data: what is there to train on"),
    on(SCREENS, &[Key::char('2')], Action::GoTo(Screen::Train), "", "Train: launch a run"),
    on(SCREENS, &[Key::char('3')], Action::GoTo(Screen::Runs), "", "Runs: watch and stop runs"),
    on(READING, &[code(KeyCode::Tab)], Action::NextScreen, "", "the screen to the right"),
    on(READING, &[code(KeyCode::BackTab)], Action::PreviousScreen, "", "the screen to the left"),
    on(&[ConfirmStop], &[Key::char('y')], Action::Yes, "yes, stop it", "stop the run"),
    on(&[ConfirmStop], &[Key::char('n'), code(KeyCode::Esc), Key::char('q')], Action::Back, "no", "leave it going"),
    on(&[Help], &[code(KeyCode::Esc), Key::char('?'), Key::char('q')], Action::Back, "close", "close the help"),
    on(&[Data, Train, TrainNumber, Runs, RunDetail], &[Key::char('?')], Action::Help, "help", "show the keys"),
    on(FORM, &[code(KeyCode::F(1))], Action::Help, "", "show the keys, also while typing"),
    on(
        &[Data, Train, TrainNumber, Runs, RunDetail],
        &[Key::char('q')],
        Action::Quit,
        "quit",
        "quit the dashboard; runs go on",
    ),
    on(EVERYWHERE, &[Key::ctrl('c')], Action::Quit, "", "quit the dashboard from anywhere; runs go on"),
];

/// What this key does here.
#[must_use]
pub fn action(context: Context, key: Key) -> Option<Action> {
    let bound = TABLE.iter().find(|binding| binding.contexts.contains(&context) && binding.keys.contains(&key));
    if let Some(binding) = bound {
        return Some(binding.action);
    }
    let KeyCode::Char(c) = key.code else { return None };
    let types = match context {
        Context::TrainName => true,
        Context::TrainNumber => c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-'),
        _ => false,
    };
    (types && !key.ctrl && !key.alt).then_some(Action::Insert(c))
}

/// The bindings that work here, in the table's order.
pub fn of(context: Context) -> impl Iterator<Item = &'static Binding> {
    TABLE.iter().filter(move |binding| binding.contexts.contains(&context))
}

/// A key as people write it.
#[must_use]
pub fn name(key: Key) -> String {
    let plain = match key.code {
        KeyCode::Char(' ') => "Space".into(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::Up => "↑".into(),
        KeyCode::Down => "↓".into(),
        KeyCode::Left => "←".into(),
        KeyCode::Right => "→".into(),
        KeyCode::PageUp => "PgUp".into(),
        KeyCode::PageDown => "PgDn".into(),
        KeyCode::BackTab => "Shift-Tab".into(),
        KeyCode::F(number) => format!("F{number}"),
        other => format!("{other:?}"),
    };
    if key.ctrl { format!("Ctrl-{}", plain.to_uppercase()) } else { plain }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for context in Context::ALL {
            let mut seen = HashSet::new();
            for key in of(context).flat_map(|binding| binding.keys) {
                assert!(seen.insert(*key), "{} twice in {context:?}", name(*key));
            }
        }
    }

    #[test]
    fn every_binding_says_what_it_does() {
        for binding in TABLE {
            assert!(!binding.description.is_empty() && !binding.keys.is_empty() && !binding.contexts.is_empty());
        }
    }

    #[test]
    fn while_typing_letters_are_letters() {
        assert_eq!(action(Context::TrainName, Key::char('q')), Some(Action::Insert('q')));
        assert_eq!(action(Context::TrainNumber, Key::char('3')), Some(Action::Insert('3')));
        assert_eq!(action(Context::TrainNumber, Key::char('q')), Some(Action::Quit));
        assert_eq!(action(Context::Train, Key::char('3')), Some(Action::GoTo(Screen::Runs)));
        assert_eq!(action(Context::TrainName, Key::ctrl('x')), None);
    }

    #[test]
    fn every_place_can_be_left() {
        for context in Context::ALL {
            assert_eq!(action(context, Key::ctrl('c')), Some(Action::Quit));
        }
    }
}
