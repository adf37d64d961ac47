//! Pictures in the terminal's own graphics: what is written to show one, and to take it away.
//!
//! Every picture is written once, at its place, when it appears; that it goes is part of the same frame in which
//! something else takes its place. Nothing here keeps pictures in the terminal beyond that. Done by hand, because
//! ratatui-image keeps a picture in a cell's text: it is never taken away, is sent scaled up, and comes back wrong from
//! under an overlay.

mod sixel;

use std::fmt::Write as _;
use std::io::Cursor;

use image::imageops::FilterType;
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

use super::terminal_facts::{Graphics, TerminalFacts};
use super::widgets::faces::{Face, Placed};

/// Most characters of a picture's data in one of kitty's commands.
const PIECE: usize = 4096;

/// The pictures that the terminal shows.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pictures: Vec<(Placed, u32)>,
    /// Pictures sent so far, for kitty's numbers.
    sent: u32,
    facts: TerminalFacts,
}

/// What is to be written around a frame's text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Before it: takes pictures away.
    pub(super) before: String,
    /// After it: shows pictures.
    pub(super) after: String,
}

impl Shown {
    /// The terminal turned out to be this one. What was shown in another way goes with the next frame.
    pub(super) fn learn(&mut self, facts: &TerminalFacts) -> String {
        let removed = self.forget();
        self.facts = facts.clone();
        removed
    }

    /// Nothing is shown any more; what to write so that this is so.
    pub(super) fn forget(&mut self) -> String {
        let gone = std::mem::take(&mut self.pictures);
        gone.iter().map(|(_, number)| self.removal(*number)).collect()
    }

    /// Whether just these pictures are shown already.
    pub(super) fn are(&self, wanted: &[Placed]) -> bool {
        let wanted = if self.facts.graphics == Graphics::Blocks { &[] } else { wanted };
        self.pictures.len() == wanted.len() && self.pictures.iter().zip(wanted).all(|((old, _), new)| old == new)
    }

    /// Goes over to these pictures: blanks their cells in the frame and tells what to write. A picture that cannot be
    /// encoded stays in cells.
    pub(super) fn change(&mut self, wanted: Vec<Placed>, frame: &mut Buffer) -> Change {
        let mut change = Change::default();
        let wanted = if self.facts.graphics == Graphics::Blocks { Vec::new() } else { wanted };
        let (kept, gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pictures).into_iter().partition(|(old, _)| wanted.contains(old));
        for (_, number) in gone {
            change.before += &self.removal(number);
        }
        for placed in wanted {
            let known = kept.iter().find(|(old, _)| *old == placed).map(|(_, number)| *number);
            let number = known.unwrap_or_else(|| self.next_number());
            if known.is_none() {
                let Some(data) = self.encode(&placed, number) else { continue };
                let _ = write!(change.after, "\x1b[{};{}H{data}", placed.place.y + 1, placed.place.x + 1);
            }
            blank(frame, &placed);
            self.pictures.push((placed, number));
        }
        change
    }

    /// Numbers are of this process, because two in one window of kitty share them.
    fn next_number(&mut self) -> u32 {
        self.sent = self.sent % 0xffff + 1;
        ((std::process::id() & 0x7fff) << 16) | self.sent
    }

    fn removal(&self, number: u32) -> String {
        match self.facts.graphics {
            Graphics::Kitty => format!("\x1b_Ga=d,d=I,i={number},q=2\x1b\\"),
            // Text written over them takes these away.
            Graphics::Iterm | Graphics::Sixel | Graphics::Blocks => String::new(),
        }
    }

    fn encode(&self, placed: &Placed, number: u32) -> Option<String> {
        let Placed { place, face } = placed;
        let image = image_of(face)?;
        match self.facts.graphics {
            Graphics::Blocks => None,
            Graphics::Kitty => Some(kitty(&base64(&png(&image)?), number, (place.width, place.height))),
            Graphics::Iterm => {
                let png = png(&image)?;
                let mut data = cleared(*place);
                let (columns, rows) = (place.width, place.height);
                let _ = write!(
                    data,
                    "\x1b]1337;File=inline=1;size={};width={columns};height={rows};preserveAspectRatio=1;\
                     doNotMoveCursor=1:{}\x07",
                    png.len(),
                    base64(&png)
                );
                Some(data)
            }
            Graphics::Sixel => {
                let [width, height] = self.facts.cell?;
                let room = [u32::from(place.width) * u32::from(width), u32::from(place.height) * u32::from(height)];
                let scaled = image.resize(room[0], room[1], FilterType::Triangle);
                Some(cleared(*place) + &sixel::encode(&scaled))
            }
        }
    }
}

/// Erases a place, of which the picture before may have filled more, and goes to its beginning.
fn cleared(place: Rect) -> String {
    let mut words = String::new();
    for row in place.rows() {
        let _ = write!(words, "\x1b[{};{}H\x1b[{}X", row.y + 1, row.x + 1, row.width);
    }
    let _ = write!(words, "\x1b[{};{}H", place.y + 1, place.x + 1);
    words
}

/// Blank cells of a kind that nothing else draws, so that whatever follows the picture is written over it.
fn blank(frame: &mut Buffer, placed: &Placed) {
    for at in placed.place.intersection(frame.area).positions() {
        if let Some(cell) = frame.cell_mut(at) {
            cell.reset();
            cell.set_fg(Color::Black);
        }
    }
}

fn image_of(face: &Face) -> Option<DynamicImage> {
    let (width, height) = (u32::try_from(face.width).ok()?, u32::try_from(face.height()).ok()?);
    let pixels = face.pixels.to_vec();
    let image = match face.channels {
        1 => DynamicImage::from(GrayImage::from_raw(width, height, pixels)?),
        _ => DynamicImage::from(RgbImage::from_raw(width, height, pixels)?),
    };
    Some(image)
}

fn png(image: &DynamicImage) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).ok()?;
    Some(bytes)
}

/// Sends a PNG and shows it over these columns and rows, the cursor staying, without an answer.
fn kitty(data: &str, number: u32, (columns, rows): (u16, u16)) -> String {
    let mut words = String::new();
    let pieces = data.len().div_ceil(PIECE);
    for (index, piece) in data.as_bytes().chunks(PIECE).enumerate() {
        words += "\x1b_G";
        if index == 0 {
            let _ = write!(words, "a=T,f=100,t=d,i={number},p=1,c={columns},r={rows},C=1,q=2,");
        }
        let more = u8::from(index + 1 < pieces);
        let _ = write!(words, "m={more};{}\x1b\\", String::from_utf8_lossy(piece));
    }
    words
}

/// Bytes in letters, as RFC 4648 has it.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4_usize {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at > group.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

#[cfg(test)]
mod tests;
