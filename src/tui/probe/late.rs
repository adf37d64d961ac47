//! Answers that come too late, when keys are read by somebody who takes them for keys.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crossterm::event::KeyCode;

use super::replies::STRINGS;
use crate::tui::event::Key;

/// How long a late answer is expected.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most characters of one.
const LONGEST: usize = 128;

/// Sorts late answers out from among the keys. Keys that begin as an answer does are held back until it is plain whether
/// they are one, which is only done as long as an answer is owed.
#[derive(Debug, Default)]
pub(in crate::tui) struct Late {
    until: Option<Instant>,
    held: VecDeque<Key>,
}

impl Late {
    /// Answers are owed, or not, at this time.
    pub(in crate::tui) fn new(owed: bool, now: Instant) -> Self {
        Self { until: owed.then(|| now + PATIENCE), held: VecDeque::new() }
    }

    /// Takes a key in and gives what is to be done: none while it may belong to an answer.
    pub(in crate::tui) fn pass(&mut self, key: Key, now: Instant) -> Vec<Key> {
        if self.until.is_none_or(|until| until < now) && self.held.is_empty() {
            self.until = None;
            return vec![key];
        }
        self.held.push_back(key);
        let begins = self.held.front().filter(|key| key.alt).and_then(|key| {
            STRINGS.iter().find(|(letter, _)| KeyCode::Char(*letter) == key.code).map(|(_, begins)| *begins)
        });
        let Some(begins) = begins else { return self.held.drain(..).collect() };
        let ends = key == Key { alt: true, ..Key::char('\\') } || key == Key::ctrl('g');
        let typed = self.held.iter().skip(1).map(|key| key.code);
        let fits = typed.zip(begins.chars()).all(|(code, c)| code == KeyCode::Char(c));
        if fits && ends && self.held.len() > begins.len() {
            self.held.clear();
        } else if !fits || ends || self.held.len() > LONGEST {
            return self.held.drain(..).collect();
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What crossterm makes of these bytes: a letter after the escape is one with Alt.
    fn keys(text: &str) -> Vec<Key> {
        let mut alt = false;
        let mut keys = Vec::new();
        for c in text.chars() {
            match c {
                '\x1b' => alt = true,
                '\x07' => keys.push(Key::ctrl('g')),
                c => keys.push(Key { alt: std::mem::take(&mut alt), ..Key::char(c) }),
            }
        }
        keys
    }

    #[test]
    fn late_answers_are_no_keys_and_keys_are_no_answers() {
        let now = Instant::now();
        let table = [
            ("an answer between keys", "j\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\q", "jq"),
            ("ended by a bell", "\x1b]11;rgb:0000/0000/0000\x07x", "x"),
            ("a name and kitty's", "\x1bP>|iTerm2 3.5\x1b\\\x1b_Gi=31;OK\x1b\\k", "k"),
            ("Alt and a bracket", "\x1b]qj", "\x1b]qj"),
            ("an end without a beginning", "\x1b\\j", "\x1b\\j"),
        ];
        for (case, sent, expected) in table {
            let mut late = Late::new(true, now);
            let passed: Vec<Key> = keys(sent).into_iter().flat_map(|key| late.pass(key, now)).collect();
            assert_eq!(passed, keys(expected), "{case}");
        }
    }

    #[test]
    fn nothing_is_held_back_when_nothing_is_owed() {
        let now = Instant::now();
        for mut late in [Late::new(false, now), Late::new(true, now.checked_sub(PATIENCE * 2).expect("a time"))] {
            let passed: Vec<Key> = keys("\x1b]11").into_iter().flat_map(|key| late.pass(key, now)).collect();
            assert_eq!(passed, keys("\x1b]11"));
        }
    }
}
