//! The keys in force: the tables, and what the config file changed of them.

use std::collections::{BTreeMap, HashSet};

use crossterm::event::KeyCode;

use super::{Binding, Context, all, name};
use crate::tui::action::Action;
use crate::tui::event::Key;

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
    pub fn rebound(wishes: &[Rebinding]) -> (Self, Vec<(usize, String)>) {
        let mut faults = Vec::new();
        let mut accepted: Vec<(&'static Binding, &Rebinding)> = Vec::new();
        for wish in wishes {
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

    /// The later of the wishes that take a key which something else has in the same place.
    fn conflict(&self, accepted: &[(&'static Binding, &Rebinding)]) -> Option<(usize, String)> {
        let wished = |binding: &Binding| accepted.iter().position(|(wished, _)| wished.name == binding.name);
        for context in Context::ALL {
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
        all().filter(move |binding| binding.contexts.contains(&context))
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

impl Context {
    /// The character that is typed by this key here, where nothing else is bound to it.
    #[must_use]
    pub fn takes(self, key: Key) -> Option<char> {
        let KeyCode::Char(c) = key.code else { return None };
        let types = match self {
            Self::TrainName | Self::Prompt | Self::Help | Self::HelpFilter | Self::Palette => true,
            Self::TrainNumber => c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-'),
            _ => false,
        };
        (types && !key.ctrl && !key.alt).then_some(c)
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
    let typing = binding.contexts.iter().filter(|context| **context != Context::Help);
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
