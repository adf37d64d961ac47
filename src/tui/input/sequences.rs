//! Splits the bytes of a terminal into tokens: characters, key sequences, mouse events and answers to queries.

use crossterm::event::KeyCode;
use ratatui::layout::Position;

use super::parser::CTRL_C;
use crate::tui::key::Key;
use crate::tui::messages::Event;

/// The longest sequence or answer that is stored, in bytes.
const LONGEST: usize = 512;

/// The lines that one notch of the wheel scrolls.
const NOTCH: isize = 3;

const ESC: u8 = 0x1b;

/// A token of a terminal's input.
#[derive(Debug)]
pub(super) enum Token {
    /// A key or a mouse event.
    Event(Event),
    PasteBegins,
    /// The text after `ESC [`.
    Sequence(String),
    /// The kind and text of a string after `ESC ]`, `ESC P` or `ESC _`.
    String(char, String),
    /// The beginning of an answer longer than [`LONGEST`].
    TooLong,
    Nothing,
}

/// Returns the first complete token and its length, which is above 0; `None` if it is incomplete. With `last`, nothing
/// follows.
pub(super) fn next_token(bytes: &[u8], last: bool) -> Option<(usize, Token)> {
    let first = *bytes.first()?;
    if first != ESC {
        return parse_character(bytes, last);
    }
    let escape = Some((1, key(Key::plain(KeyCode::Esc))));
    let Some(second) = bytes.get(1) else { return escape.filter(|_| last) };
    match second {
        b'[' => parse_control(bytes, last),
        b'O' => match bytes.get(2) {
            Some(letter @ (b'A'..=b'Z' | b'a'..=b'z')) => {
                let text = char::from(*letter).to_string();
                Some((3, parse_key(&text).map_or(Token::Nothing, key)))
            }
            None if !last => None,
            _ => Some((2, alt('O'))),
        },
        b']' | b'P' | b'_' => parse_string(bytes, char::from(*second), last),
        &ESC | &CTRL_C => escape,
        _ => {
            let (length, token) = parse_character(&bytes[1..], last)?;
            Some(match token {
                Token::Event(Event::Key(of)) => (length + 1, key(Key { alt: true, ..of })),
                other => (length + 1, other),
            })
        }
    }
}

/// Returns how many bytes belong to the skipped answer, and whether it ends there.
pub(super) fn skipped_length(bytes: &[u8]) -> (usize, bool) {
    match bytes.iter().position(|byte| matches!(*byte, 7 | CTRL_C | ESC)) {
        Some(at) if bytes[at] == 7 => (at + 1, true),
        Some(at) if bytes[at] == ESC => match bytes.get(at + 1) {
            Some(b'\\') => (at + 2, true),
            // The next byte decides whether this ends the answer.
            None => (at, false),
            Some(_) => (at, true),
        },
        Some(at) => (at, true),
        None => (bytes.len(), false),
    }
}

fn key(key: Key) -> Token {
    Token::Event(Event::Key(key))
}

fn alt(c: char) -> Token {
    key(Key { alt: true, ..Key::char(c) })
}

/// Parses a sequence after `ESC [`. A control character or another sequence ends it, and it is then ignored.
fn parse_control(bytes: &[u8], last: bool) -> Option<(usize, Token)> {
    let Some(end) = bytes[2..].iter().position(|byte| !(0x20..=0x3f).contains(byte)).map(|at| at + 2) else {
        let given_up = last || bytes.len() > LONGEST;
        return given_up.then_some((bytes.len(), Token::Nothing));
    };
    if !(0x40..=0x7e).contains(&bytes[end]) {
        return Some((end, Token::Nothing));
    }
    let text = String::from_utf8_lossy(&bytes[2..=end]).into_owned();
    let token = match text.as_str() {
        "200~" => Token::PasteBegins,
        "I" => Token::Event(Event::Redraw),
        "M" => return parse_old_mouse(bytes, last),
        // Function keys of the Linux console.
        "[" => {
            return match bytes.get(3) {
                Some(letter @ b'A'..=b'E') => Some((4, key(Key::plain(KeyCode::F(letter - b'A' + 1))))),
                None if !last => None,
                _ => Some((3, Token::Nothing)),
            };
        }
        _ if text.starts_with('<') => parse_mouse(&text).map_or(Token::Nothing, Token::Event),
        _ => match parse_key(&text) {
            Some(of) => key(of),
            None => Token::Sequence(text),
        },
    };
    Some((end + 1, token))
}

/// Parses the mouse protocol of old terminals: three bytes after `ESC [ M`.
fn parse_old_mouse(bytes: &[u8], last: bool) -> Option<(usize, Token)> {
    let numbers = &bytes[3..bytes.len().min(6)];
    if let Some(at) = numbers.iter().position(|byte| *byte < 32) {
        return Some((3 + at, Token::Nothing));
    }
    let [button, column, row] = *numbers else {
        return last.then_some((bytes.len(), Token::Nothing));
    };
    let position = |byte: u8| u16::from(byte.saturating_sub(33));
    let event = mouse_event(u16::from(button - 32), position(column), position(row));
    Some((6, event.map_or(Token::Nothing, Token::Event)))
}

/// Parses button, column and row, from 1, as in `<0;12;3M`. `M` means pressed; `m`, released, is ignored.
fn parse_mouse(text: &str) -> Option<Event> {
    let mut numbers = text.strip_prefix('<')?.strip_suffix('M')?.split(';').map(str::parse::<u16>);
    let mut number = || numbers.next()?.ok();
    let (button, column, row) = (number()?, number()?, number()?);
    mouse_event(button, column.checked_sub(1)?, row.checked_sub(1)?)
}

fn mouse_event(button: u16, column: u16, row: u16) -> Option<Event> {
    // The bits of Shift, Alt and Ctrl, which are ignored.
    match button & !0b1_1100 {
        0 => Some(Event::Click(Position::new(column, row))),
        64 => Some(Event::Scroll(-NOTCH)),
        65 => Some(Event::Scroll(NOTCH)),
        _ => None,
    }
}

/// Returns whether a string answer begins here; otherwise a key was pressed with Alt.
fn is_string_start(kind: char, next: u8) -> bool {
    match kind {
        ']' => next.is_ascii_digit(),
        'P' => next.is_ascii_digit() || b">!+$=".contains(&next),
        _ => next == b'G',
    }
}

/// Parses a string answer up to its end.
fn parse_string(bytes: &[u8], kind: char, last: bool) -> Option<(usize, Token)> {
    let rest = &bytes[2..];
    match rest.first() {
        Some(next) if is_string_start(kind, *next) => {}
        None if !last => return None,
        _ => return Some((2, alt(kind))),
    }
    let (length, ended) = skipped_length(rest);
    if !ended {
        let too_long = (rest.len() > LONGEST).then_some((2 + length, Token::TooLong));
        return if last { Some((bytes.len(), Token::Nothing)) } else { too_long };
    }
    let whole = &rest[..length];
    let text = whole.strip_suffix(b"\x07").or_else(|| whole.strip_suffix(b"\x1b\\"));
    let token = text.map_or(Token::Nothing, |text| Token::String(kind, String::from_utf8_lossy(text).into_owned()));
    Some((2 + length, token))
}

/// Parses a character or a control character.
fn parse_character(bytes: &[u8], last: bool) -> Option<(usize, Token)> {
    let one = |of| Some((1, key(of)));
    match *bytes.first()? {
        b'\r' | b'\n' => one(Key::plain(KeyCode::Enter)),
        b'\t' => one(Key::plain(KeyCode::Tab)),
        0x7f => one(Key::plain(KeyCode::Backspace)),
        control @ 1..=0x1a => one(Key::ctrl(char::from(control - 1 + b'a'))),
        0x1b => one(Key::plain(KeyCode::Esc)),
        0 | 0x1c..=0x1f => Some((1, Token::Nothing)),
        first => {
            let length = match first {
                0xf0..=0xf7 => 4,
                0xe0..=0xef => 3,
                0xc0..=0xdf => 2,
                _ => 1,
            };
            let present = &bytes[..bytes.len().min(length)];
            let broken = present[1..].iter().any(|byte| byte & 0xc0 != 0x80);
            if present.len() < length && !broken && !last {
                return None;
            }
            let c = std::str::from_utf8(present).ok().and_then(|text| text.chars().next());
            // The bytes of a cut character are skipped.
            Some(c.map_or((1, Token::Nothing), |c| (length, key(Key::char(c)))))
        }
    }
}

/// Parses keys sent as sequences: `A`, `5~`, and with modifiers `1;5A`, `5;3~`.
fn parse_key(text: &str) -> Option<Key> {
    let (numbers, last) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let mut numbers = numbers.split(';').map(|number| if number.is_empty() { Ok(1) } else { number.parse::<u8>() });
    let first = numbers.next()?.ok()?;
    let modifiers = match numbers.next() {
        Some(modifiers) => modifiers.ok()?.checked_sub(1)?,
        None => 0,
    };
    if numbers.next().is_some() {
        return None;
    }
    let code = match last {
        "A" => KeyCode::Up,
        "B" => KeyCode::Down,
        "C" => KeyCode::Right,
        "D" => KeyCode::Left,
        "H" => KeyCode::Home,
        "F" => KeyCode::End,
        "Z" => KeyCode::BackTab,
        "P" => KeyCode::F(1),
        "Q" => KeyCode::F(2),
        "R" if first == 1 => KeyCode::F(3),
        "S" => KeyCode::F(4),
        "~" => match first {
            1 | 7 => KeyCode::Home,
            2 => KeyCode::Insert,
            3 => KeyCode::Delete,
            4 | 8 => KeyCode::End,
            5 => KeyCode::PageUp,
            6 => KeyCode::PageDown,
            11..=15 => KeyCode::F(first - 10),
            17..=21 => KeyCode::F(first - 11),
            23 | 24 => KeyCode::F(first - 12),
            _ => return None,
        },
        _ => return None,
    };
    Some(Key { code, ctrl: modifiers & 4 != 0, alt: modifiers & 2 != 0 })
}
