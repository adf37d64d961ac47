//! The keys, in one table: what they do, where, and how it is said. Looked up for every key press, shown by `?`, and
//! the source of the hints on the bottom line.

mod compare;
mod data;
mod everywhere;
mod in_force;
mod inspect;
mod names;
mod overlay;
mod runs;
mod train;

use crossterm::event::KeyCode;

use super::action::Action;
use super::event::Key;
use super::state::Screen;

pub use in_force::{Keymap, Rebinding};
pub use names::{ACCEPTED, name, parse};

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
    /// The help overlay, while its filter is typed.
    HelpFilter,
    /// The command palette.
    Palette,
    /// What was told so far.
    Messages,
    /// What an import made and left out.
    Report,
}

impl Context {
    /// All of them.
    pub const ALL: [Self; 17] = [
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
        Self::HelpFilter,
        Self::Palette,
        Self::Messages,
        Self::Report,
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
            Self::Help
            | Self::HelpFilter
            | Self::Palette
            | Self::Messages
            | Self::Report
            | Self::Confirm
            | Self::Prompt => None,
        }
    }
}

/// One line of the table.
#[derive(Debug)]
pub struct Binding {
    /// What it is called in the config file: `runs.stop`.
    pub name: &'static str,
    /// The keys unless the config file says otherwise, the first of which is shown in hints; none for what only the
    /// palette and the config file reach.
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn action(context: Context, key: Key) -> Option<Action> {
        Keymap::default().action(context, key)
    }

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for context in Context::ALL {
            let mut seen = HashSet::new();
            for key in Keymap::default().of(context).flat_map(|binding| binding.keys) {
                assert!(seen.insert(*key), "{} twice in {context:?}", name(*key));
            }
        }
    }

    #[test]
    fn every_binding_says_what_it_does() {
        let mut names = HashSet::new();
        for binding in all() {
            assert!(!binding.description.is_empty() && !binding.contexts.is_empty());
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
