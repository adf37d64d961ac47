//! Key bindings with their contexts, actions and descriptions, and the keymap in force. The keymap is the tables with
//! the changes of the config file. It decides every key press, and the help, the palette and the hints are made from
//! it.

use std::collections::{BTreeMap, HashSet};

use crossterm::event::KeyCode;

use super::{Action, everywhere};
use crate::domain::similar::suggest;
use crate::domain::text::printable;
use crate::tui::key::{Key, name};
use crate::tui::screen::{Screen, screens};

/// The meaning of letters and of Tab in a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContextKind {
    /// Letters are commands; Tab goes to the next screen.
    List,
    /// Letters are commands; Tab goes to the next pane.
    Panes,
    /// Letters are commands, apart from those that a form has in common with text.
    Form,
    /// Every character is text.
    Text,
    /// A line to type over a screen.
    Line,
    /// A line to type over a list, which it filters.
    Filter,
    /// Lines to read over a screen.
    Lines,
    /// A question over a screen.
    Question,
}

/// A context of the keyboard focus, on which the action of a key depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The screen; `None` for an overlay of any screen.
    pub screen: Option<Screen>,
    /// Distinguishes the contexts of a screen.
    name: &'static str,
    kind: ContextKind,
}

impl Context {
    pub(super) const fn of(screen: Screen, name: &'static str, kind: ContextKind) -> Self {
        Self { screen: Some(screen), name, kind }
    }

    pub(super) const fn over(name: &'static str, kind: ContextKind) -> Self {
        Self { screen: None, name, kind }
    }

    /// Returns the part of its screen: the first word of the name.
    #[must_use]
    pub fn part(self) -> &'static str {
        self.name.split_once(' ').map_or(self.name, |(part, _)| part)
    }

    /// Returns whether the arrows move between the fields of a form.
    #[must_use]
    pub fn is_form(self) -> bool {
        matches!(self.kind, ContextKind::Form | ContextKind::Text)
    }

    /// Returns all contexts.
    pub fn all() -> impl Iterator<Item = Self> {
        CONTEXTS.iter().copied().flatten().copied()
    }

    /// Returns the character that this key types in the context when no binding has the key.
    #[must_use]
    pub fn takes(self, key: Key) -> Option<char> {
        let KeyCode::Char(c) = key.code else { return None };
        // A field takes every character and shows what is wrong: a dropped one would turn 0,001 into 0001.
        let types = matches!(self.kind, ContextKind::Text | ContextKind::Line | ContextKind::Filter);
        (types && !key.ctrl && !key.alt).then_some(c)
    }
}

/// The contexts in which a binding works.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope {
    These(&'static [Context]),
    Kinds(&'static [ContextKind]),
    All,
}

/// A named action with its default keys.
#[derive(Debug)]
pub struct Binding {
    /// The name in the config file, such as `runs.stop`.
    pub name: &'static str,
    /// The keys unless the config file names others. Hints show the first one. A binding without keys is reached
    /// through the palette or the config file.
    pub keys: &'static [Key],
    /// The contexts in which the binding works.
    pub(super) scope: Scope,
    /// The action of the keys.
    pub action: Action,
    /// The action in words.
    pub description: &'static str,
    /// The hint for the bottom line, of one or two words; empty for a binding that is not shown there.
    pub hint: &'static str,
    /// Other names in the palette, such as `q` for quitting.
    pub aliases: &'static [&'static str],
}

impl Binding {
    /// Returns the binding with further names in the palette.
    pub(super) const fn also(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// Returns whether the binding works in a context.
    #[must_use]
    pub fn works_in(&self, context: Context) -> bool {
        match self.scope {
            Scope::These(contexts) => contexts.contains(&context),
            Scope::Kinds(kinds) => kinds.contains(&context.kind),
            Scope::All => true,
        }
    }

    /// Returns the contexts in which the binding works.
    pub fn contexts(&self) -> impl Iterator<Item = Context> {
        Context::all().filter(|context| self.works_in(*context))
    }
}

pub(super) const fn code(code: KeyCode) -> Key {
    Key::plain(code)
}

/// Returns a binding of one screen.
pub(super) const fn on(
    name: &'static str,
    contexts: &'static [Context],
    keys: &'static [Key],
    action: Action,
    hint: &'static str,
    description: &'static str,
) -> Binding {
    Binding { name, keys, scope: Scope::These(contexts), action, description, hint, aliases: &[] }
}

macro_rules! tables {
    ($($name:ident: $Screen:ident, $State:ident, $Action:ident, $Effect:ident, $Event:ident;)*) => {
        /// All bindings. Those of single contexts come before those of many, because hints are shown in this order.
        static TABLES: &[&[Binding]] =
            &[everywhere::OVERLAYS, $(super::$name::BINDINGS,)* everywhere::SCREENS, everywhere::COMMANDS];

        static CONTEXTS: &[&[Context]] = &[$(super::$name::CONTEXTS,)* everywhere::CONTEXTS];
    };
}
screens!(tables);

/// Returns all bindings.
pub fn all() -> impl Iterator<Item = &'static Binding> {
    TABLES.iter().copied().flatten()
}

/// The binding that cannot be unbound. Otherwise a config file could leave no way out of the dashboard.
const ALWAYS_BOUND: &str = "quit_anywhere";

/// A change of a binding's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebinding {
    /// The binding's name.
    pub name: String,
    /// The new keys; none unbinds it.
    pub keys: Vec<Key>,
    /// The line number in the config file.
    pub line: usize,
}

/// The keys in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keymap {
    changed: BTreeMap<&'static str, Vec<Key>>,
}

impl Keymap {
    /// Returns the tables with these changes, and for each refused change its line number and the reason.
    #[must_use]
    pub fn rebound(rebindings: &[Rebinding]) -> (Self, Vec<(usize, String)>) {
        let mut faults = Vec::new();
        let mut accepted: Vec<(&'static Binding, &Rebinding)> = Vec::new();
        for rebinding in rebindings {
            match accept(rebinding) {
                Ok(binding) => accepted.push((binding, rebinding)),
                Err(fault) => faults.push((rebinding.line, fault)),
            }
        }
        loop {
            let changed = accepted.iter().map(|(binding, rebinding)| (binding.name, rebinding.keys.clone())).collect();
            let keymap = Self { changed };
            let Some((at, fault)) = keymap.conflict(&accepted) else {
                faults.sort_by_key(|(line, _)| *line);
                return (keymap, faults);
            };
            faults.push((accepted[at].1.line, fault));
            accepted.remove(at);
        }
    }

    /// Returns the index of the later of two changes that give one key to two bindings of a context, and the reason to
    /// refuse it.
    fn conflict(&self, accepted: &[(&'static Binding, &Rebinding)]) -> Option<(usize, String)> {
        let change_of = |binding: &Binding| accepted.iter().position(|(changed, _)| changed.name == binding.name);
        for context in Context::all() {
            let mut seen: Vec<(Key, &Binding)> = Vec::new();
            for binding in self.of(context) {
                for key in self.keys(binding) {
                    let other = seen.iter().find(|(other, _)| other == key).map(|(_, other)| *other);
                    let Some(other) = other else {
                        seen.push((*key, binding));
                        continue;
                    };
                    // The default tables have no conflict, so one of the two bindings was changed.
                    let (at, against) = match (change_of(binding), change_of(other)) {
                        (Some(one), Some(two)) if accepted[two].1.line > accepted[one].1.line => (two, binding),
                        (Some(one), _) => (one, other),
                        (None, Some(two)) => (two, binding),
                        (None, None) => continue,
                    };
                    let key = name(*key);
                    return Some((at, format!("{key} is already '{}' ({})", against.name, against.description)));
                }
            }
        }
        None
    }

    /// Returns the keys of a binding; none when it was unbound.
    #[must_use]
    pub fn keys(&self, binding: &'static Binding) -> &[Key] {
        self.changed.get(binding.name).map_or(binding.keys, Vec::as_slice)
    }

    /// Returns the key that hints name for a binding; empty when it has none.
    #[must_use]
    pub fn key(&self, binding: &str) -> String {
        let found = all().find(|known| known.name == binding);
        found.and_then(|binding| self.keys(binding).first()).map(|key| name(*key)).unwrap_or_default()
    }

    /// Returns the bindings of a context, with or without keys, in the order of the tables.
    pub fn of(&self, context: Context) -> impl Iterator<Item = &'static Binding> + use<> {
        all().filter(move |binding| binding.works_in(context))
    }

    /// Returns the action of a key in a context.
    #[must_use]
    pub fn action(&self, context: Context, key: Key) -> Option<Action> {
        if let Some(binding) = self.of(context).find(|binding| self.keys(binding).contains(&key)) {
            return Some(binding.action);
        }
        context.takes(key).map(Action::Insert)
    }
}

fn accept(rebinding: &Rebinding) -> Result<&'static Binding, String> {
    let binding =
        all().find(|binding| binding.name == rebinding.name).ok_or_else(|| describe_unknown(&rebinding.name))?;
    if rebinding.keys.is_empty() && binding.name == ALWAYS_BOUND {
        return Err(format!("{ALWAYS_BOUND} needs a key: nothing else always quits"));
    }
    let mut seen = HashSet::new();
    if let Some(twice) = rebinding.keys.iter().find(|key| !seen.insert(**key)) {
        return Err(format!("{} is listed twice", name(*twice)));
    }
    for context in binding.contexts() {
        if let Some(key) = rebinding.keys.iter().find(|key| context.takes(**key).is_some()) {
            let key = name(*key);
            return Err(format!(
                "{key} could no longer be typed where '{}' works: use Ctrl, Alt or F1 to F12",
                binding.name
            ));
        }
    }
    Ok(binding)
}

/// Returns the error for an unknown binding, with the most similar name.
fn describe_unknown(wanted: &str) -> String {
    let similar = suggest(wanted, all().map(|binding| binding.name));
    format!("there is no binding '{}'{similar}; `mien config defaults` lists the names", printable(wanted))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::train;
    use super::*;

    fn action(context: Context, key: Key) -> Option<Action> {
        Keymap::default().action(context, key)
    }

    #[test]
    fn no_key_has_two_actions_in_one_context() {
        for context in Context::all() {
            let mut seen = HashSet::new();
            for key in Keymap::default().of(context).flat_map(|binding| binding.keys) {
                assert!(seen.insert(*key), "{} twice in {context:?}", name(*key));
            }
        }
    }

    #[test]
    fn every_binding_has_a_description() {
        let mut names = HashSet::new();
        for binding in all() {
            assert!(!binding.description.is_empty() && binding.contexts().next().is_some());
            assert!(names.insert(binding.name), "{} twice", binding.name);
        }
    }

    #[test]
    fn while_typing_letters_are_letters() {
        assert_eq!(action(train::NAME, Key::char('q')), Some(Action::Insert('q')));
        assert_eq!(action(train::NUMBER, Key::char('3')), Some(Action::Insert('3')));
        for c in "q,0j?:g ".chars() {
            assert_eq!(action(train::NUMBER, Key::char(c)), Some(Action::Insert(c)), "a field takes every character");
        }
        assert_eq!(action(train::CHOICE, Key::char('3')), Some(Action::GoTo(Screen::Runs)));
        assert_eq!(action(train::NAME, Key::ctrl('x')), None);
    }

    #[test]
    fn every_context_can_be_left() {
        for context in Context::all() {
            assert_eq!(action(context, Key::ctrl('c')), Some(Action::Quit));
        }
    }

    #[test]
    fn every_key_of_the_tables_is_read_as_it_is_written() {
        for key in all().flat_map(|binding| binding.keys) {
            assert_eq!(crate::tui::key::parse(&name(*key)), Ok(*key), "{}", name(*key));
        }
    }
}
