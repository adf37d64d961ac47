//! From the bytes that a terminal sends to what they mean: keys, pastes, the mouse, and answers to what it was asked.
//!
//! Everything is bounded, in bytes and in time: half a sequence, a paste whose end never comes, or an answer without an
//! end hold nobody up, and Ctrl-C means what it always means.

use std::time::Duration;

use super::sequences::{Piece, piece, skipped};
use crate::tui::messages::Event;

/// The most bytes that are kept of one paste; nothing here takes as many.
const LONGEST_PASTE: usize = 1 << 20;

const PASTE_END: &[u8] = b"\x1b[201~";

/// What Ctrl-C sends.
pub(super) const CTRL_C: u8 = 3;

/// How long Esc may be the beginning of something else: terminals send a sequence as one.
const ESCAPE: Duration = Duration::from_millis(25);

/// How long the rest of a sequence or an answer is waited for, over a slow line.
const SEQUENCE: Duration = Duration::from_millis(500);

/// How long a paste may pause.
const PASTE: Duration = Duration::from_secs(2);

/// What was heard so far.
#[derive(Debug, Default)]
pub(in crate::tui) struct ParsedInput {
    /// How often the terminal told its kind.
    pub(in crate::tui) kinds: u32,
    /// Whether sixels are among what it says it can do.
    pub(in crate::tui) sixel: bool,
    /// Width and height of a cell in pixels.
    pub(in crate::tui) cell: Option<[u16; 2]>,
    /// Red, green and blue.
    pub(in crate::tui) background: Option<[u8; 3]>,
    /// Name and version.
    pub(in crate::tui) name: String,
    /// Whether pictures in kitty's way are taken.
    pub(in crate::tui) kitty: bool,
    /// What was typed, pasted and clicked.
    pub(in crate::tui) typed: Vec<Event>,
}

/// Keeps what is not whole yet.
#[derive(Debug, Default)]
pub(in crate::tui) struct Reader {
    bytes: Vec<u8>,
    paste: Option<Vec<u8>>,
    /// Whether this is the rest of an answer that is longer than any we asked for.
    skips: bool,
}

impl Reader {
    /// Takes in what came at once.
    pub(in crate::tui) fn take(&mut self, bytes: &[u8], heard: &mut ParsedInput) {
        // What comes alone was pressed by hand, and is no part of what has begun.
        if bytes == [CTRL_C] {
            self.finish(heard);
        }
        self.bytes.extend_from_slice(bytes);
        self.go_on(heard, false);
    }

    /// How long the rest of what has begun is waited for; `None` where nothing has begun.
    pub(in crate::tui) fn patience(&self) -> Option<Duration> {
        if self.paste.is_some() {
            return Some(PASTE);
        }
        match self.bytes.as_slice() {
            _ if self.skips => Some(SEQUENCE),
            [] => None,
            [_] | [_, b']' | b'P' | b'_' | b'O'] => Some(ESCAPE),
            _ => Some(SEQUENCE),
        }
    }

    /// No more comes: what is left is not the beginning of anything.
    pub(in crate::tui) fn finish(&mut self, heard: &mut ParsedInput) {
        self.go_on(heard, true);
        self.skips = false;
        if let Some(text) = self.paste.take() {
            heard.typed.push(pasted(&text));
        }
    }

    fn go_on(&mut self, heard: &mut ParsedInput, last: bool) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut rest = bytes.as_slice();
        while let Some(length) = self.step(rest, heard, last) {
            rest = &rest[length.min(rest.len())..];
        }
        self.bytes = rest.to_vec();
    }

    /// Takes one piece off the front and gives its length; `None` if there is no whole one.
    fn step(&mut self, bytes: &[u8], heard: &mut ParsedInput, last: bool) -> Option<usize> {
        if bytes.is_empty() {
            return None;
        }
        if let Some(text) = &mut self.paste {
            let end = bytes.windows(PASTE_END.len()).position(|window| window == PASTE_END);
            // The end may come in two pieces.
            let whole = if last { bytes.len() } else { bytes.len().saturating_sub(PASTE_END.len() - 1) };
            let part = &bytes[..end.unwrap_or(whole)];
            text.extend_from_slice(&part[..part.len().min(LONGEST_PASTE - text.len())]);
            return match end {
                Some(end) => {
                    heard.typed.push(pasted(text));
                    self.paste = None;
                    Some(end + PASTE_END.len())
                }
                None => Some(whole).filter(|whole| *whole > 0),
            };
        }
        if self.skips {
            let (length, ended) = skipped(bytes);
            self.skips = !ended && !last;
            if last && !ended {
                return Some(bytes.len());
            }
            return Some(length).filter(|length| *length > 0 || ended);
        }
        let (length, piece) = piece(bytes, last)?;
        match piece {
            Piece::Event(event) => heard.typed.push(event),
            Piece::PasteBegins => self.paste = Some(Vec::new()),
            Piece::Sequence(text) => sequence(&text, heard),
            Piece::String(kind, text) => string(kind, &text, heard),
            Piece::TooLong => self.skips = true,
            Piece::Nothing => {}
        }
        Some(length)
    }
}

fn pasted(text: &[u8]) -> Event {
    Event::Paste(String::from_utf8_lossy(text).into_owned())
}

fn sequence(text: &str, heard: &mut ParsedInput) {
    if let Some(attributes) = text.strip_prefix('?').and_then(|text| text.strip_suffix('c')) {
        heard.kinds = heard.kinds.saturating_add(1);
        // The first number is the terminal's class, the others what it can do; 4 is sixels.
        heard.sixel |= attributes.split(';').skip(1).any(|attribute| attribute == "4");
    } else if let Some(size) = text.strip_prefix("6;").and_then(|text| text.strip_suffix('t'))
        && let Some((height, width)) = size.split_once(';')
        && let (Ok(width), Ok(height)) = (width.parse(), height.parse())
        && (1..200).contains(&width)
        && (1..200).contains(&height)
    {
        heard.cell = Some([width, height]);
    }
}

fn string(kind: char, text: &str, heard: &mut ParsedInput) {
    match kind {
        ']' => heard.background = text.strip_prefix("11;").and_then(colour).or(heard.background),
        'P' => {
            if let Some(name) = text.strip_prefix(">|") {
                name.clone_into(&mut heard.name);
            }
        }
        _ => heard.kitty |= text.starts_with("Gi=31;OK") || text.starts_with("Gi=31,") && text.ends_with(";OK"),
    }
}

/// `rgb:1e1e/1e1e/2e2e`, with one to four digits each.
fn colour(text: &str) -> Option<[u8; 3]> {
    let text = text.strip_prefix("rgb:").or_else(|| text.strip_prefix("rgba:"))?;
    let mut parts = text.split('/').map(|digits| {
        let value = u32::from_str_radix(digits, 16).ok()?;
        let most = 16_u32.checked_pow(u32::try_from(digits.len()).ok().filter(|length| (1..=4).contains(length))?)? - 1;
        u8::try_from(value * 255 / most).ok()
    });
    Some([parts.next()??, parts.next()??, parts.next()??])
}
