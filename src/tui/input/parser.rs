//! Parses the bytes of a terminal into keys, pastes, mouse events and answers to queries.
//!
//! Bytes and waiting times are limited, so that no incomplete sequence, paste or answer blocks the input. Ctrl-C always
//! ends them.

use std::time::Duration;

use super::sequences::{Token, next_token, skipped_length};
use crate::tui::messages::Event;

/// The most bytes stored of one paste; no text field accepts as many.
const LONGEST_PASTE: usize = 1 << 20;

const PASTE_END: &[u8] = b"\x1b[201~";

/// The byte of Ctrl-C.
pub(super) const CTRL_C: u8 = 3;

/// The wait for more bytes after Esc. Terminals send a sequence at once.
const ESCAPE: Duration = Duration::from_millis(25);

/// The wait for the rest of a sequence or an answer, for slow connections.
const SEQUENCE: Duration = Duration::from_millis(500);

/// The longest pause within a paste.
const PASTE: Duration = Duration::from_secs(2);

/// Input parsed so far.
#[derive(Debug, Default)]
pub(in crate::tui) struct ParsedInput {
    /// The number of answers with device attributes (DA1).
    pub(in crate::tui) attribute_reports: u32,
    /// Whether the terminal reported support for sixels.
    pub(in crate::tui) sixel: bool,
    /// Width and height of a cell in pixels.
    pub(in crate::tui) cell: Option<[u16; 2]>,
    /// Red, green and blue of the background.
    pub(in crate::tui) background: Option<[u8; 3]>,
    /// Name and version of the terminal.
    pub(in crate::tui) name: String,
    /// Whether the terminal supports kitty's graphics protocol.
    pub(in crate::tui) kitty: bool,
    /// Events of keys, pastes and the mouse.
    pub(in crate::tui) typed: Vec<Event>,
}

/// A parser that stores incomplete input between reads.
#[derive(Debug, Default)]
pub(in crate::tui) struct InputParser {
    bytes: Vec<u8>,
    paste: Option<Vec<u8>>,
    /// Whether the next bytes belong to an answer that is too long, and are skipped.
    is_skipping: bool,
}

impl InputParser {
    /// Parses the bytes of one read.
    pub(in crate::tui) fn parse(&mut self, bytes: &[u8], parsed: &mut ParsedInput) {
        // A single Ctrl-C was pressed by hand, and is not part of an incomplete sequence.
        if bytes == [CTRL_C] {
            self.finish(parsed);
        }
        self.bytes.extend_from_slice(bytes);
        self.parse_stored(parsed, false);
    }

    /// Returns how long to wait for the rest of incomplete input; `None` if there is none.
    pub(in crate::tui) fn timeout(&self) -> Option<Duration> {
        if self.paste.is_some() {
            return Some(PASTE);
        }
        match self.bytes.as_slice() {
            _ if self.is_skipping => Some(SEQUENCE),
            [] => None,
            [_] | [_, b']' | b'P' | b'_' | b'O'] => Some(ESCAPE),
            _ => Some(SEQUENCE),
        }
    }

    /// Parses the incomplete input as if nothing followed.
    pub(in crate::tui) fn finish(&mut self, parsed: &mut ParsedInput) {
        self.parse_stored(parsed, true);
        self.is_skipping = false;
        if let Some(text) = self.paste.take() {
            parsed.typed.push(paste_event(&text));
        }
    }

    fn parse_stored(&mut self, parsed: &mut ParsedInput, last: bool) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut rest = bytes.as_slice();
        while let Some(length) = self.step(rest, parsed, last) {
            rest = &rest[length.min(rest.len())..];
        }
        self.bytes = rest.to_vec();
    }

    /// Parses one token and returns its length; `None` if it is incomplete.
    fn step(&mut self, bytes: &[u8], parsed: &mut ParsedInput, last: bool) -> Option<usize> {
        if bytes.is_empty() {
            return None;
        }
        if let Some(text) = &mut self.paste {
            let end = bytes.windows(PASTE_END.len()).position(|window| window == PASTE_END);
            // The end mark may be split between two reads.
            let whole = if last { bytes.len() } else { bytes.len().saturating_sub(PASTE_END.len() - 1) };
            let part = &bytes[..end.unwrap_or(whole)];
            text.extend_from_slice(&part[..part.len().min(LONGEST_PASTE - text.len())]);
            return match end {
                Some(end) => {
                    parsed.typed.push(paste_event(text));
                    self.paste = None;
                    Some(end + PASTE_END.len())
                }
                None => Some(whole).filter(|whole| *whole > 0),
            };
        }
        if self.is_skipping {
            let (length, ended) = skipped_length(bytes);
            self.is_skipping = !ended && !last;
            if last && !ended {
                return Some(bytes.len());
            }
            return Some(length).filter(|length| *length > 0 || ended);
        }
        let (length, token) = next_token(bytes, last)?;
        match token {
            Token::Event(event) => parsed.typed.push(event),
            Token::PasteBegins => self.paste = Some(Vec::new()),
            Token::Sequence(text) => parse_answer(&text, parsed),
            Token::String(kind, text) => parse_string_answer(kind, &text, parsed),
            Token::TooLong => self.is_skipping = true,
            Token::Nothing => {}
        }
        Some(length)
    }
}

fn paste_event(text: &[u8]) -> Event {
    Event::Paste(String::from_utf8_lossy(text).into_owned())
}

fn parse_answer(text: &str, parsed: &mut ParsedInput) {
    if let Some(attributes) = text.strip_prefix('?').and_then(|text| text.strip_suffix('c')) {
        parsed.attribute_reports = parsed.attribute_reports.saturating_add(1);
        // The first number is the terminal's class, the others are features; 4 means sixels.
        parsed.sixel |= attributes.split(';').skip(1).any(|attribute| attribute == "4");
    } else if let Some(size) = text.strip_prefix("6;").and_then(|text| text.strip_suffix('t'))
        && let Some((height, width)) = size.split_once(';')
        && let (Ok(width), Ok(height)) = (width.parse(), height.parse())
        && (1..200).contains(&width)
        && (1..200).contains(&height)
    {
        parsed.cell = Some([width, height]);
    }
}

fn parse_string_answer(kind: char, text: &str, parsed: &mut ParsedInput) {
    match kind {
        ']' => parsed.background = text.strip_prefix("11;").and_then(parse_colour).or(parsed.background),
        'P' => {
            if let Some(name) = text.strip_prefix(">|") {
                name.clone_into(&mut parsed.name);
            }
        }
        _ => parsed.kitty |= text.starts_with("Gi=31;OK") || text.starts_with("Gi=31,") && text.ends_with(";OK"),
    }
}

/// Parses a colour such as `rgb:1e1e/1e1e/2e2e`, with one to four digits each.
fn parse_colour(text: &str) -> Option<[u8; 3]> {
    let text = text.strip_prefix("rgb:").or_else(|| text.strip_prefix("rgba:"))?;
    let mut parts = text.split('/').map(|digits| {
        let value = u32::from_str_radix(digits, 16).ok()?;
        let most = 16_u32.checked_pow(u32::try_from(digits.len()).ok().filter(|length| (1..=4).contains(length))?)? - 1;
        u8::try_from(value * 255 / most).ok()
    });
    Some([parts.next()??, parts.next()??, parts.next()??])
}
