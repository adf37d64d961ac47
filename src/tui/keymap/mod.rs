//! The keys, in one table: what they do, where, and how it is said. Looked up for every key press, shown by `?`, and the
//! source of the hints on the bottom line.

mod compare;
mod data;
mod everywhere;
mod inspect;
mod overlay;
mod runs;
mod train;

use crossterm::event::KeyCode;

use super::action::Action;
use super::event::Key;
use super::state::Screen;

/// Where the keyboard points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// The Data screen.
    Data,
    /// The faces of a class on the whole Data screen.
    DataFaces,
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
    /// The same, in its log.
    RunLog,
    /// The help overlay.
    Help,
    /// The comparison of the marked runs.
    Compare,
    /// What a run gets wrong.
    Inspect,
    /// A question to be answered with yes or no.
    Confirm,
    /// A line to be typed.
    Prompt,
}

impl Context {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Data,
        Self::DataFaces,
        Self::Train,
        Self::TrainNumber,
        Self::TrainName,
        Self::Runs,
        Self::RunDetail,
        Self::RunLog,
        Self::Compare,
        Self::Inspect,
        Self::Help,
        Self::Confirm,
        Self::Prompt,
    ];

    /// The screen that it belongs to; `None` for what may lie over any of them.
    #[must_use]
    pub fn screen(self) -> Option<Screen> {
        match self {
            Self::Data | Self::DataFaces => Some(Screen::Data),
            Self::Train | Self::TrainNumber | Self::TrainName => Some(Screen::Train),
            Self::Runs | Self::RunDetail | Self::RunLog => Some(Screen::Runs),
            Self::Compare => Some(Screen::Compare),
            Self::Inspect => Some(Screen::Inspect),
            Self::Help | Self::Confirm | Self::Prompt => None,
        }
    }
}

/// One line of the table.
#[derive(Debug)]
pub struct Binding {
    /// What it is called in the config file: `runs.stop`.
    pub name: &'static str,
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

const fn code(code: KeyCode) -> Key {
    Key::plain(code)
}

const fn on(
    name: &'static str,
    contexts: &'static [Context],
    keys: &'static [Key],
    action: Action,
    hint: &'static str,
    description: &'static str,
) -> Binding {
    Binding { name, keys, contexts, action, description, hint }
}

/// All keys. What belongs to one place stands before what works everywhere, so hints begin with it.
static TABLES: [&[Binding]; 7] =
    [overlay::TABLE, data::TABLE, train::TABLE, runs::TABLE, compare::TABLE, inspect::TABLE, everywhere::TABLE];

/// All bindings.
pub fn all() -> impl Iterator<Item = &'static Binding> {
    TABLES.iter().copied().flatten()
}

/// What this key does here.
#[must_use]
pub fn action(context: Context, key: Key) -> Option<Action> {
    let bound = all().find(|binding| binding.contexts.contains(&context) && binding.keys.contains(&key));
    if let Some(binding) = bound {
        return Some(binding.action);
    }
    let KeyCode::Char(c) = key.code else { return None };
    let types = match context {
        Context::TrainName | Context::Prompt => true,
        Context::TrainNumber => c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-'),
        _ => false,
    };
    (types && !key.ctrl && !key.alt).then_some(Action::Insert(c))
}

/// The bindings that work here, in the table's order.
pub fn of(context: Context) -> impl Iterator<Item = &'static Binding> {
    all().filter(move |binding| binding.contexts.contains(&context))
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
        let mut names = HashSet::new();
        for binding in all() {
            assert!(!binding.description.is_empty() && !binding.keys.is_empty() && !binding.contexts.is_empty());
            assert!(names.insert(binding.name), "{} twice", binding.name);
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
