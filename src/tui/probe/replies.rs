//! Takes apart what a terminal sends: its answers, and what is typed at the same time.

use crossterm::event::KeyCode;

use crate::tui::event::{Event, Key};

/// The longest answer that is waited for.
const LONGEST: usize = 512;

/// How the answers begin that are strings: the background, the name, kitty's.
pub(super) const STRINGS: [(char, &str); 3] = [(']', "11;"), ('P', ">|"), ('_', "Gi=")];

/// What was heard so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// How often the terminal told its kind.
    pub(super) kinds: u32,
    /// Whether sixels are among what it says it can do.
    pub(super) sixel: bool,
    /// Width and height of a cell in pixels.
    pub(super) cell: Option<[u16; 2]>,
    /// Red, green and blue.
    pub(super) background: Option<[u8; 3]>,
    /// Name and version.
    pub(super) name: String,
    /// Whether pictures in kitty's way are taken.
    pub(super) kitty: bool,
    /// What was typed.
    pub(super) typed: Vec<Event>,
}

/// Keeps what is not whole yet.
#[derive(Debug, Default)]
pub(super) struct Reader {
    bytes: Vec<u8>,
    paste: Option<Vec<u8>>,
}

const PASTE_END: &[u8] = b"\x1b[201~";

impl Reader {
    pub(super) fn is_pasting(&self) -> bool {
        self.paste.is_some()
    }

    /// Takes in what came.
    pub(super) fn take(&mut self, bytes: &[u8], heard: &mut Heard) {
        self.bytes.extend_from_slice(bytes);
        while self.step(heard, false) {}
    }

    /// No more comes: what is left is no answer.
    pub(super) fn finish(&mut self, heard: &mut Heard) {
        while self.step(heard, true) {}
        if let Some(text) = self.paste.take() {
            heard.typed.push(Event::Paste(String::from_utf8_lossy(&text).into_owned()));
        }
    }

    /// Takes one piece off the front; tells whether there was a whole one.
    fn step(&mut self, heard: &mut Heard, last: bool) -> bool {
        if let Some(text) = &mut self.paste {
            let end = self.bytes.windows(PASTE_END.len()).position(|window| window == PASTE_END);
            // The end may come in two pieces.
            let whole = if last { self.bytes.len() } else { self.bytes.len().saturating_sub(PASTE_END.len()) };
            text.extend(self.bytes.drain(..end.unwrap_or(whole)));
            if end.is_some() {
                self.bytes.drain(..PASTE_END.len());
                let text = self.paste.take().unwrap_or_default();
                heard.typed.push(Event::Paste(String::from_utf8_lossy(&text).into_owned()));
                return true;
            }
            return false;
        }
        let Some((length, piece)) = piece(&self.bytes, last) else { return false };
        self.bytes.drain(..length);
        match piece {
            Piece::Key(key) => heard.typed.push(Event::Key(key)),
            Piece::PasteBegins => self.paste = Some(Vec::new()),
            Piece::Sequence(text) => sequence(&text, heard),
            Piece::String(kind, text) => string(kind, &text, heard),
            Piece::Nothing => {}
        }
        true
    }
}

enum Piece {
    Key(Key),
    PasteBegins,
    /// After `ESC [`.
    Sequence(String),
    /// After `ESC ]`, `ESC P` or `ESC _`.
    String(char, String),
    Nothing,
}

/// The first whole piece and its length.
fn piece(bytes: &[u8], last: bool) -> Option<(usize, Piece)> {
    let first = *bytes.first()?;
    if first != 0x1b {
        return character(bytes, last);
    }
    let escape = || Some((1, Piece::Key(Key::plain(KeyCode::Esc))));
    let Some(second) = bytes.get(1) else { return if last { escape() } else { None } };
    match second {
        b'[' => {
            let end = bytes[2..].iter().position(|byte| (0x40..=0x7e).contains(byte));
            match end {
                Some(end) if &bytes[2..=end + 2] == b"200~" => Some((end + 3, Piece::PasteBegins)),
                Some(end) => {
                    let text = String::from_utf8_lossy(&bytes[2..=end + 2]).into_owned();
                    Some((end + 3, key_of(&text).map_or(Piece::Sequence(text), Piece::Key)))
                }
                None if last || bytes.len() > LONGEST => Some((bytes.len(), Piece::Nothing)),
                None => None,
            }
        }
        b'O' => match bytes.get(2) {
            Some(letter) => {
                let text = char::from(*letter).to_string();
                Some((3, key_of(&text).map_or(Piece::Nothing, Piece::Key)))
            }
            None if last => Some((2, alt('O'))),
            None => None,
        },
        b']' | b'P' | b'_' => string_piece(bytes, char::from(*second), last),
        0x1b => escape(),
        _ => {
            let (length, piece) = character(&bytes[1..], last)?;
            Some(match piece {
                Piece::Key(key) => (length + 1, Piece::Key(Key { alt: true, ..key })),
                other => (length + 1, other),
            })
        }
    }
}

fn alt(c: char) -> Piece {
    Piece::Key(Key { alt: true, ..Key::char(c) })
}

/// A string up to its end; a key with Alt where it begins as none of the answers does.
fn string_piece(bytes: &[u8], kind: char, last: bool) -> Option<(usize, Piece)> {
    let rest = &bytes[2..];
    let begins = STRINGS.iter().find(|(letter, _)| *letter == kind).map_or("", |(_, begins)| begins).as_bytes();
    let seen = rest.len().min(begins.len());
    if rest[..seen] != begins[..seen] || (last && seen < begins.len()) {
        return Some((2, alt(kind)));
    }
    let bell = rest.iter().position(|byte| *byte == 7).map(|at| (at, 1));
    let slash = rest.windows(2).position(|pair| pair == b"\x1b\\").map(|at| (at, 2));
    let end = match (bell, slash) {
        (Some(bell), Some(slash)) => Some(bell.min(slash)),
        (bell, slash) => bell.or(slash),
    };
    match end {
        Some((at, length)) => {
            let text = String::from_utf8_lossy(&rest[..at]).into_owned();
            Some((2 + at + length, Piece::String(kind, text)))
        }
        None if last || rest.len() > LONGEST => Some((bytes.len(), Piece::Nothing)),
        None => None,
    }
}

/// A character or what Ctrl makes of it.
fn character(bytes: &[u8], last: bool) -> Option<(usize, Piece)> {
    let key = |key| Some((1, Piece::Key(key)));
    match *bytes.first()? {
        b'\r' | b'\n' => key(Key::plain(KeyCode::Enter)),
        b'\t' => key(Key::plain(KeyCode::Tab)),
        0x7f => key(Key::plain(KeyCode::Backspace)),
        control @ 1..=0x1a => key(Key::ctrl(char::from(control - 1 + b'a'))),
        0x1b => key(Key::plain(KeyCode::Esc)),
        0 | 0x1c..=0x1f => Some((1, Piece::Nothing)),
        first => {
            let length = match first {
                0xf0.. => 4,
                0xe0.. => 3,
                0xc0.. => 2,
                _ => 1,
            };
            match bytes.get(..length) {
                Some(whole) => {
                    let c = std::str::from_utf8(whole).ok().and_then(|text| text.chars().next());
                    Some(c.map_or((1, Piece::Nothing), |c| (length, Piece::Key(Key::char(c)))))
                }
                None if last => Some((bytes.len(), Piece::Nothing)),
                None => None,
            }
        }
    }
}

/// The keys that come as sequences, as far as the dashboard knows them.
fn key_of(text: &str) -> Option<Key> {
    Some(Key::plain(match text {
        "A" => KeyCode::Up,
        "B" => KeyCode::Down,
        "C" => KeyCode::Right,
        "D" => KeyCode::Left,
        "H" | "1~" | "7~" => KeyCode::Home,
        "F" | "4~" | "8~" => KeyCode::End,
        "Z" => KeyCode::BackTab,
        "3~" => KeyCode::Delete,
        "5~" => KeyCode::PageUp,
        "6~" => KeyCode::PageDown,
        "P" | "11~" => KeyCode::F(1),
        _ => return None,
    }))
}

fn sequence(text: &str, heard: &mut Heard) {
    if let Some(attributes) = text.strip_prefix('?').and_then(|text| text.strip_suffix('c')) {
        heard.kinds += 1;
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

fn string(kind: char, text: &str, heard: &mut Heard) {
    match kind {
        ']' => heard.background = text.strip_prefix("11;").and_then(colour).or(heard.background),
        'P' => text.strip_prefix(">|").unwrap_or_default().clone_into(&mut heard.name),
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
