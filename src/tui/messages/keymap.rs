//! The keys: where they work, what they do and how that is said; and the keymap in force, which is the tables with the
//! changes of the config file. The keymap decides every key press; help, palette and hints are made from it.

use std::collections::{BTreeMap, HashSet};

use crossterm::event::KeyCode;

use super::{Action, everywhere};
use crate::tui::key::{Key, name};
use crate::tui::screen::{Screen, screens};

/// What letters and Tab are in a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters are commands; Tab goes to the next screen.
    List,
    /// Letters are commands; Tab goes to the next pane.
    Panes,
    /// Letters are commands, apart from those that a form has in common with text.
    Form,
    /// Digits are text.
    Number,
    /// Letters are text.
    Text,
    /// A line to type over a screen.
    Line,
    /// A line to type over a list, which it filters.
    Filter,
    /// Lines to read over a screen; letters begin a filter.
    Help,
    /// Lines to read over a screen.
    Lines,
    /// A question over a screen.
    Question,
}

/// A place where the keyboard can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The screen; `None` for what can lie over any of them.
    pub screen: Option<Screen>,
    /// Tells the contexts of a screen apart.
    name: &'static str,
    kind: Kind,
}

impl Context {
    pub(super) const fn of(screen: Screen, name: &'static str, kind: Kind) -> Self {
        Self { screen: Some(screen), name, kind }
    }

    pub(super) const fn over(name: &'static str, kind: Kind) -> Self {
        Self { screen: None, name, kind }
    }

    /// Whether the arrows move between the fields of a form.
    #[must_use]
    pub fn is_form(self) -> bool {
        matches!(self.kind, Kind::Form | Kind::Number | Kind::Text)
    }

    /// All contexts.
    pub fn all() -> impl Iterator<Item = Self> {
        CONTEXTS.iter().copied().flatten().copied()
    }

    /// The character that is typed by this key here, where nothing else is bound to it.
    #[must_use]
    pub fn takes(self, key: Key) -> Option<char> {
        let KeyCode::Char(c) = key.code else { return None };
        let types = match self.kind {
            Kind::Text | Kind::Line | Kind::Help | Kind::Filter => true,
            Kind::Number => c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-'),
            _ => false,
        };
        (types && !key.ctrl && !key.alt).then_some(c)
    }
}

/// The contexts in which a binding works.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope {
    These(&'static [Context]),
    Kinds(&'static [Kind]),
    All,
}

/// What keys do.
#[derive(Debug)]
pub struct Binding {
    /// Its name in the config file, such as `runs.stop`.
    pub name: &'static str,
    /// The keys unless the config file names others, the first of which is shown in hints; none for what only the
    /// palette and the config file reach.
    pub keys: &'static [Key],
    /// Where they work.
    pub(super) scope: Scope,
    /// What they do.
    pub action: Action,
    /// What they do, in words.
    pub description: &'static str,
    /// One or two words for the bottom line; empty for what need not stand there.
    pub hint: &'static str,
}

impl Binding {
    /// Whether it works in a context.
    #[must_use]
    pub fn works_in(&self, context: Context) -> bool {
        match self.scope {
            Scope::These(contexts) => contexts.contains(&context),
            Scope::Kinds(kinds) => kinds.contains(&context.kind),
            Scope::All => true,
        }
    }

    /// The contexts in which it works.
    pub fn contexts(&self) -> impl Iterator<Item = Context> {
        Context::all().filter(|context| self.works_in(*context))
    }
}

pub(super) const fn code(code: KeyCode) -> Key {
    Key::plain(code)
}

/// A binding of one screen.
pub(super) const fn on(
    name: &'static str,
    contexts: &'static [Context],
    keys: &'static [Key],
    action: Action,
    hint: &'static str,
    description: &'static str,
) -> Binding {
    Binding { name, keys, scope: Scope::These(contexts), action, description, hint }
}

macro_rules! tables {
    ($($name:ident: $Screen:ident, $State:ident, $Action:ident, $Effect:ident, $Event:ident;)*) => {
        /// All bindings. Those of one place stand before those that work everywhere, so hints begin with them.
        static TABLES: &[&[Binding]] =
            &[everywhere::OVERLAYS, $(super::$name::BINDINGS,)* everywhere::SCREENS, everywhere::COMMANDS];

        static CONTEXTS: &[&[Context]] = &[$(super::$name::CONTEXTS,)* everywhere::CONTEXTS];
    };
}
screens!(tables);

/// All bindings.
pub fn all() -> impl Iterator<Item = &'static Binding> {
    TABLES.iter().copied().flatten()
}

/// The binding that nothing takes away: whatever else is bound, the dashboard can be left.
const ALWAYS_BOUND: &str = "quit_anywhere";

/// A wish to bind something otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebinding {
    /// The binding's name.
    pub name: String,
    /// Its keys from now on; none unbinds it.
    pub keys: Vec<Key>,
    /// The line of the config file.
    pub line: usize,
}

/// The keys in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keymap {
    changed: BTreeMap<&'static str, Vec<Key>>,
}

impl Keymap {
    /// The tables with these changes. A change that cannot be is left out and told, with its line.
    #[must_use]
    pub fn rebound(sizes: &[Rebinding]) -> (Self, Vec<(usize, String)>) {
        let mut faults = Vec::new();
        let mut accepted: Vec<(&'static Binding, &Rebinding)> = Vec::new();
        for wish in sizes {
            match accept(wish) {
                Ok(binding) => accepted.push((binding, wish)),
                Err(fault) => faults.push((wish.line, fault)),
            }
        }
        loop {
            let changed = accepted.iter().map(|(binding, wish)| (binding.name, wish.keys.clone())).collect();
            let keymap = Self { changed };
            let Some((at, fault)) = keymap.conflict(&accepted) else {
                faults.sort_by_key(|(line, _)| *line);
                return (keymap, faults);
            };
            faults.push((accepted[at].1.line, fault));
            accepted.remove(at);
        }
    }

    /// The later of the sizes that take a key which something else has in the same place.
    fn conflict(&self, accepted: &[(&'static Binding, &Rebinding)]) -> Option<(usize, String)> {
        let wished = |binding: &Binding| accepted.iter().position(|(wished, _)| wished.name == binding.name);
        for context in Context::all() {
            let mut seen: Vec<(Key, &Binding)> = Vec::new();
            for binding in self.of(context) {
                for key in self.keys(binding) {
                    let other = seen.iter().find(|(other, _)| other == key).map(|(_, other)| *other);
                    let Some(other) = other else {
                        seen.push((*key, binding));
                        continue;
                    };
                    // The tables alone have no conflict, so one of the two was wished.
                    let (at, against) = match (wished(binding), wished(other)) {
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

    /// The keys of a binding; none when it was unbound.
    #[must_use]
    pub fn keys(&self, binding: &'static Binding) -> &[Key] {
        self.changed.get(binding.name).map_or(binding.keys, Vec::as_slice)
    }

    /// The key to name in hints for the binding of this name; empty when it has none.
    #[must_use]
    pub fn key(&self, binding: &str) -> String {
        let found = all().find(|known| known.name == binding);
        found.and_then(|binding| self.keys(binding).first()).map(|key| name(*key)).unwrap_or_default()
    }

    /// The bindings that exist in a place, with a key or without, in the tables' order.
    pub fn of(&self, context: Context) -> impl Iterator<Item = &'static Binding> + use<> {
        all().filter(move |binding| binding.works_in(context))
    }

    /// What this key does here.
    #[must_use]
    pub fn action(&self, context: Context, key: Key) -> Option<Action> {
        if let Some(binding) = self.of(context).find(|binding| self.keys(binding).contains(&key)) {
            return Some(binding.action);
        }
        context.takes(key).map(Action::Insert)
    }
}

fn accept(wish: &Rebinding) -> Result<&'static Binding, String> {
    let binding = all().find(|binding| binding.name == wish.name).ok_or_else(|| unknown(&wish.name))?;
    if wish.keys.is_empty() && binding.name == ALWAYS_BOUND {
        return Err(format!("{ALWAYS_BOUND} needs a key: it is the way out of everything"));
    }
    let mut seen = HashSet::new();
    if let Some(twice) = wish.keys.iter().find(|key| !seen.insert(**key)) {
        return Err(format!("{} stands there twice", name(*twice)));
    }
    // The help takes letters only as far as nothing is bound to them.
    let typing = binding.contexts().filter(|context| context.kind != Kind::Help);
    for context in typing {
        if let Some(key) = wish.keys.iter().find(|key| context.takes(**key).is_some()) {
            let key = name(*key);
            return Err(format!(
                "{key} could not be typed any more where '{}' works: take Ctrl, Alt or F1 to F12",
                binding.name
            ));
        }
    }
    Ok(binding)
}

/// The words for a name that no binding has, with those that come near it.
fn unknown(wanted: &str) -> String {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let near = |binding: &&Binding| {
        let (known, wanted) = (last(binding.name), last(wanted));
        !wanted.is_empty() && (known.contains(&wanted) || wanted.contains(&known))
    };
    let near: Vec<&str> = all().filter(near).map(|binding| binding.name).take(4).collect();
    let words = if near.is_empty() {
        "`mien config defaults` lists the names".into()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    format!("there is no binding '{}': {words}", crate::domain::text::printable(wanted))
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
    fn no_key_means_two_things_in_one_place() {
        for context in Context::all() {
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
            assert!(!binding.description.is_empty() && binding.contexts().next().is_some());
            assert!(names.insert(binding.name), "{} twice", binding.name);
        }
    }

    #[test]
    fn while_typing_letters_are_letters() {
        assert_eq!(action(train::NAME, Key::char('q')), Some(Action::Insert('q')));
        assert_eq!(action(train::NUMBER, Key::char('3')), Some(Action::Insert('3')));
        assert_eq!(action(train::NUMBER, Key::char('q')), Some(Action::Quit));
        assert_eq!(action(train::CHOICE, Key::char('3')), Some(Action::GoTo(Screen::Runs)));
        assert_eq!(action(train::NAME, Key::ctrl('x')), None);
    }

    #[test]
    fn every_place_can_be_left() {
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
