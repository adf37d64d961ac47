//! What stands in the bytes of a terminal: characters, keys that come as sequences, the mouse, and the frames of
//! answers.

use crossterm::event::KeyCode;
use ratatui::layout::Position;

use super::reader::CTRL_C;
use crate::tui::key::Key;
use crate::tui::messages::Event;

/// The longest sequence or answer that is of use.
const LONGEST: usize = 512;

/// Lines that one notch of the wheel moves.
const NOTCH: isize = 3;

const ESC: u8 = 0x1b;

/// One piece of what a terminal sends.
#[derive(Debug)]
pub(super) enum Piece {
    /// A key or the mouse. A click lacks the size of the terminal.
    Event(Event),
    PasteBegins,
    /// After `ESC [`.
    Sequence(String),
    /// After `ESC ]`, `ESC P` or `ESC _`.
    String(char, String),
    /// The beginning of an answer that is longer than any we asked for.
    TooLong,
    Nothing,
}

/// The first whole piece and its length, which is not nothing; `None` while more is to come.
pub(super) fn piece(bytes: &[u8], last: bool) -> Option<(usize, Piece)> {
    let first = *bytes.first()?;
    if first != ESC {
        return character(bytes, last);
    }
    let escape = Some((1, key(Key::plain(KeyCode::Esc))));
    let Some(second) = bytes.get(1) else { return escape.filter(|_| last) };
    match second {
        b'[' => control(bytes, last),
        b'O' => match bytes.get(2) {
            Some(letter @ (b'A'..=b'Z' | b'a'..=b'z')) => {
                let text = char::from(*letter).to_string();
                Some((3, key_of(&text).map_or(Piece::Nothing, key)))
            }
            None if !last => None,
            _ => Some((2, alt('O'))),
        },
        b']' | b'P' | b'_' => string(bytes, char::from(*second), last),
        &ESC | &CTRL_C => escape,
        _ => {
            let (length, piece) = character(&bytes[1..], last)?;
            Some(match piece {
                Piece::Event(Event::Key(of)) => (length + 1, key(Key { alt: true, ..of })),
                other => (length + 1, other),
            })
        }
    }
}

/// How much of these bytes still belongs to an answer that is left out, and whether it ends there.
pub(super) fn skipped(bytes: &[u8]) -> (usize, bool) {
    match bytes.iter().position(|byte| matches!(*byte, 7 | CTRL_C | ESC)) {
        Some(at) if bytes[at] == 7 => (at + 1, true),
        Some(at) if bytes[at] == ESC => match bytes.get(at + 1) {
            Some(b'\\') => (at + 2, true),
            // Whether it ends is told by what comes next.
            None => (at, false),
            Some(_) => (at, true),
        },
        Some(at) => (at, true),
        None => (bytes.len(), false),
    }
}

fn key(key: Key) -> Piece {
    Piece::Event(Event::Key(key))
}

fn alt(c: char) -> Piece {
    key(Key { alt: true, ..Key::char(c) })
}

/// A sequence after `ESC [`. One that is broken off, by a control character or another sequence, ends there and means
/// nothing.
fn control(bytes: &[u8], last: bool) -> Option<(usize, Piece)> {
    let Some(end) = bytes[2..].iter().position(|byte| !(0x20..=0x3f).contains(byte)).map(|at| at + 2) else {
        let given_up = last || bytes.len() > LONGEST;
        return given_up.then_some((bytes.len(), Piece::Nothing));
    };
    if !(0x40..=0x7e).contains(&bytes[end]) {
        return Some((end, Piece::Nothing));
    }
    let text = String::from_utf8_lossy(&bytes[2..=end]).into_owned();
    let piece = match text.as_str() {
        "200~" => Piece::PasteBegins,
        "I" => Piece::Event(Event::Redraw),
        "M" => return old_mouse(bytes, last),
        // The function keys of the Linux console.
        "[" => {
            return match bytes.get(3) {
                Some(letter @ b'A'..=b'E') => Some((4, key(Key::plain(KeyCode::F(letter - b'A' + 1))))),
                None if !last => None,
                _ => Some((3, Piece::Nothing)),
            };
        }
        _ if text.starts_with('<') => mouse(&text).map_or(Piece::Nothing, Piece::Event),
        _ => match key_of(&text) {
            Some(of) => key(of),
            None => Piece::Sequence(text),
        },
    };
    Some((end + 1, piece))
}

/// The mouse in the way of terminals that know no other: three bytes after `ESC [ M`.
fn old_mouse(bytes: &[u8], last: bool) -> Option<(usize, Piece)> {
    let figures = &bytes[3..bytes.len().min(6)];
    if let Some(at) = figures.iter().position(|byte| *byte < 32) {
        return Some((3 + at, Piece::Nothing));
    }
    let [button, column, row] = *figures else {
        return last.then_some((bytes.len(), Piece::Nothing));
    };
    let place = |byte: u8| u16::from(byte.saturating_sub(33));
    let event = pointed(u16::from(button - 32), place(column), place(row));
    Some((6, event.map_or(Piece::Nothing, Piece::Event)))
}

/// `<0;12;3M`: button, column and row from 1; `M` is pressed, `m` let go.
fn mouse(text: &str) -> Option<Event> {
    let mut figures = text.strip_prefix('<')?.strip_suffix('M')?.split(';').map(str::parse::<u16>);
    let mut figure = || figures.next()?.ok();
    let (button, column, row) = (figure()?, figure()?, figure()?);
    pointed(button, column.checked_sub(1)?, row.checked_sub(1)?)
}

fn pointed(button: u16, column: u16, row: u16) -> Option<Event> {
    // Shift, Alt and Ctrl, which mean nothing here.
    match button & !0b1_1100 {
        0 => Some(Event::Click(Position::new(column, row))),
        64 => Some(Event::Scroll(-NOTCH)),
        65 => Some(Event::Scroll(NOTCH)),
        _ => None,
    }
}

/// How the answers begin that are strings. Where it is something else, a key was pressed with Alt.
fn begins_string(kind: char, next: u8) -> bool {
    match kind {
        ']' => next.is_ascii_digit(),
        'P' => next.is_ascii_digit() || b">!+$=".contains(&next),
        _ => next == b'G',
    }
}

/// A string up to its end.
fn string(bytes: &[u8], kind: char, last: bool) -> Option<(usize, Piece)> {
    let rest = &bytes[2..];
    match rest.first() {
        Some(next) if begins_string(kind, *next) => {}
        None if !last => return None,
        _ => return Some((2, alt(kind))),
    }
    let (length, ended) = skipped(rest);
    if !ended {
        let too_long = (rest.len() > LONGEST).then_some((2 + length, Piece::TooLong));
        return if last { Some((bytes.len(), Piece::Nothing)) } else { too_long };
    }
    let whole = &rest[..length];
    let text = whole.strip_suffix(b"\x07").or_else(|| whole.strip_suffix(b"\x1b\\"));
    let piece = text.map_or(Piece::Nothing, |text| Piece::String(kind, String::from_utf8_lossy(text).into_owned()));
    Some((2 + length, piece))
}

/// A character or what Ctrl makes of it.
fn character(bytes: &[u8], last: bool) -> Option<(usize, Piece)> {
    let one = |of| Some((1, key(of)));
    match *bytes.first()? {
        b'\r' | b'\n' => one(Key::plain(KeyCode::Enter)),
        b'\t' => one(Key::plain(KeyCode::Tab)),
        0x7f => one(Key::plain(KeyCode::Backspace)),
        control @ 1..=0x1a => one(Key::ctrl(char::from(control - 1 + b'a'))),
        0x1b => one(Key::plain(KeyCode::Esc)),
        0 | 0x1c..=0x1f => Some((1, Piece::Nothing)),
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
            // What is cut says nothing, and what follows stands for itself.
            Some(c.map_or((1, Piece::Nothing), |c| (length, key(Key::char(c)))))
        }
    }
}

/// The keys that come as sequences: `A`, `5~`, and with modifiers `1;5A`, `5;3~`.
fn key_of(text: &str) -> Option<Key> {
    let (figures, last) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let mut figures = figures.split(';').map(|figure| if figure.is_empty() { Ok(1) } else { figure.parse::<u8>() });
    let first = figures.next()?.ok()?;
    let held = match figures.next() {
        Some(held) => held.ok()?.checked_sub(1)?,
        None => 0,
    };
    if figures.next().is_some() {
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
    Some(Key { code, ctrl: held & 4 != 0, alt: held & 2 != 0 })
}
