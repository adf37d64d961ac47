//! Keys and their names, such as `Ctrl-S`, `PgUp` and `↑`. [`parse`] reads every name that [`name`] returns.

use crossterm::event::KeyCode;

/// A key with its modifiers. Shift is part of the character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// The key without modifiers.
    pub code: KeyCode,
    /// Whether Ctrl was held.
    pub ctrl: bool,
    /// Whether Alt was held.
    pub alt: bool,
}

impl Key {
    /// Returns a key without modifiers.
    #[must_use]
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// Returns the key of a character without modifiers.
    #[must_use]
    pub const fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    /// Returns the key of a character with Ctrl.
    #[must_use]
    pub const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), ctrl: true, alt: false }
    }
}

/// The names that [`parse`] accepts, for messages.
pub const ACCEPTED: &str = "a character, Space, Enter, Esc, Tab, Shift-Tab, Up, Down, Left, Right, Home, End, PgUp, PgDn, \
                            Insert, Delete, Backspace or F1 to F12, with Ctrl- or Alt- before it";

/// Keys with names; [`name`] returns the first of each.
const NAMED: [(KeyCode, &[&str]); 16] = [
    (KeyCode::Char(' '), &["Space"]),
    (KeyCode::Up, &["↑", "Up"]),
    (KeyCode::Down, &["↓", "Down"]),
    (KeyCode::Left, &["←", "Left"]),
    (KeyCode::Right, &["→", "Right"]),
    (KeyCode::PageUp, &["PgUp", "PageUp", "Page-Up"]),
    (KeyCode::PageDown, &["PgDn", "PageDown", "PgDown", "Page-Down"]),
    (KeyCode::BackTab, &["Shift-Tab", "BackTab"]),
    (KeyCode::Tab, &["Tab"]),
    (KeyCode::Enter, &["Enter", "Return"]),
    (KeyCode::Esc, &["Esc", "Escape"]),
    (KeyCode::Home, &["Home"]),
    (KeyCode::End, &["End"]),
    (KeyCode::Insert, &["Insert", "Ins"]),
    (KeyCode::Delete, &["Delete", "Del"]),
    (KeyCode::Backspace, &["Backspace"]),
];

/// Returns the name of a key.
#[must_use]
pub fn name(key: Key) -> String {
    let named = NAMED.iter().find(|(code, _)| *code == key.code).map(|(_, names)| names[0].to_owned());
    let plain = match key.code {
        _ if named.is_some() => named.unwrap_or_default(),
        KeyCode::Char(c) if key.ctrl => c.to_uppercase().to_string(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::F(number) => format!("F{number}"),
        other => format!("{other:?}"),
    };
    let ctrl = if key.ctrl { "Ctrl-" } else { "" };
    let alt = if key.alt { "Alt-" } else { "" };
    format!("{ctrl}{alt}{plain}")
}

/// Parses the name of a key, in either case: `ctrl-s`, `C-s`, `^S`, `S`, `shift-tab`, `pgdn`.
///
/// # Errors
/// When no key has this name, or terminals send the same bytes for another key. The message holds the accepted names.
pub fn parse(text: &str) -> Result<Key, String> {
    let (mut ctrl, mut alt, mut shift) = (false, false, false);
    let mut rest = text.trim();
    // A name that begins like a modifier, as Shift-Tab, is no modifier.
    while named(rest).is_none() {
        let Some((flag, after)) = modifier(rest, &mut ctrl, &mut alt, &mut shift) else { break };
        *flag = true;
        rest = after;
    }
    let code = match named(rest) {
        Some(KeyCode::Tab) if shift => KeyCode::BackTab,
        Some(code) => code,
        None => character_or_function(rest, shift).ok_or_else(|| format!("unknown key '{text}': write {ACCEPTED}"))?,
    };
    let code = match code {
        KeyCode::Char(c) if ctrl => KeyCode::Char(c.to_ascii_lowercase()),
        code => code,
    };
    if let (true, KeyCode::Char(c)) = (ctrl, code) {
        // Terminals send the bytes of another key for these.
        let same = match c {
            'i' => Some("Tab"),
            'm' => Some("Enter"),
            '[' => Some("Esc"),
            _ => None,
        };
        if let Some(same) = same {
            return Err(format!("a terminal sends {same} for '{text}': write {same}"));
        }
    }
    Ok(Key { code, ctrl, alt })
}

fn named(text: &str) -> Option<KeyCode> {
    NAMED.iter().find(|(_, names)| names.iter().any(|name| name.eq_ignore_ascii_case(text))).map(|(code, _)| *code)
}

fn modifier<'f, 't>(
    text: &'t str,
    ctrl: &'f mut bool,
    alt: &'f mut bool,
    shift: &'f mut bool,
) -> Option<(&'f mut bool, &'t str)> {
    if let Some(after) = text.strip_prefix('^').filter(|after| !after.is_empty()) {
        return Some((ctrl, after));
    }
    let (before, after) = text.split_once(['-', '+']).filter(|(_, after)| !after.is_empty())?;
    let flag = match before.to_ascii_lowercase().as_str() {
        "ctrl" | "control" | "c" => ctrl,
        "alt" | "meta" | "m" | "a" => alt,
        "shift" | "s" => shift,
        _ => return None,
    };
    Some((flag, after))
}

fn character_or_function(text: &str, shift: bool) -> Option<KeyCode> {
    let mut characters = text.chars();
    if let (Some(c), None) = (characters.next(), characters.next()) {
        let c = if shift { c.to_uppercase().next().unwrap_or(c) } else { c };
        return (!c.is_control() && !c.is_whitespace()).then_some(KeyCode::Char(c));
    }
    let number = text.strip_prefix(['f', 'F'])?.parse().ok().filter(|number| (1..=12).contains(number))?;
    Some(KeyCode::F(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn common_spellings_of_keys_are_parsed() {
        let table = [
            ("S", Key::char('S')),
            ("shift-s", Key::char('S')),
            ("ctrl-s", Key::ctrl('s')),
            ("Ctrl-S", Key::ctrl('s')),
            ("C-s", Key::ctrl('s')),
            ("^S", Key::ctrl('s')),
            ("^", Key::char('^')),
            ("ctrl+r", Key::ctrl('r')),
            ("alt-x", Key { code: KeyCode::Char('x'), ctrl: false, alt: true }),
            ("ctrl-alt-x", Key { code: KeyCode::Char('x'), ctrl: true, alt: true }),
            ("shift-tab", Key::plain(KeyCode::BackTab)),
            ("pgup", Key::plain(KeyCode::PageUp)),
            ("f5", Key::plain(KeyCode::F(5))),
            ("f", Key::char('f')),
            ("-", Key::char('-')),
            ("ctrl--", Key::ctrl('-')),
            ("ESC", Key::plain(KeyCode::Esc)),
            ("space", Key::char(' ')),
            ("up", Key::plain(KeyCode::Up)),
            ("ä", Key::char('ä')),
        ];
        for (text, key) in table {
            assert_eq!(parse(text), Ok(key), "{text}");
        }
        for text in ["", " ", "ctrl-", "hyper-x", "F13", "F0", "SS", "\u{1b}", "ctrl-i", "ctrl-m", "ctrl-["] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_and_names_parse_back(text in "\\PC{0,12}") {
            if let Ok(key) = parse(&text) {
                prop_assert_eq!(parse(&name(key)), Ok(key));
            }
        }
    }
}
