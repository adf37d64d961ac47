//! Draws pictures by the terminal's own graphics protocol, and removes them.
//!
//! A picture is sent once, at its position, when it appears. The frame that replaces it also removes it.
//! ratatui-image is not used. It stores a picture as a cell's text, sends it scaled up, never removes it, and redraws
//! it wrongly after an overlay.

mod sixel;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, GrayImage, RgbImage};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

use super::terminal_facts::{Graphics, TerminalFacts};
use super::widgets::faces::{Face, PlacedFace};

/// The most characters of data in one kitty command.
const CHUNK: usize = 4096;

/// The pictures on the terminal.
#[derive(Debug, Default)]
pub(super) struct ShownPictures {
    pictures: Vec<(PlacedFace, u32)>,
    /// The number of pictures sent so far, for kitty's numbers.
    sent: u32,
    facts: TerminalFacts,
}

/// The bytes to write before and after a frame's text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PictureUpdate {
    /// Written before the text: removes pictures.
    pub(super) before: String,
    /// Written after the text: shows pictures.
    pub(super) after: String,
}

impl ShownPictures {
    /// Sets the properties of the terminal. Returns the bytes that remove all pictures.
    pub(super) fn set_terminal(&mut self, facts: &TerminalFacts) -> String {
        let removed = self.remove_all();
        self.facts = facts.clone();
        removed
    }

    /// Forgets all pictures. Returns the bytes that remove them from the terminal.
    pub(super) fn remove_all(&mut self) -> String {
        let removed = std::mem::take(&mut self.pictures);
        removed.iter().map(|(_, number)| self.removal(*number)).collect()
    }

    /// Returns whether exactly these pictures are on the terminal.
    pub(super) fn is_showing(&self, wanted: &[PlacedFace]) -> bool {
        let wanted = if self.facts.graphics == Graphics::Blocks { &[] } else { wanted };
        self.pictures.len() == wanted.len() && self.pictures.iter().zip(wanted).all(|((old, _), new)| old == new)
    }

    /// Replaces the shown pictures: blanks the cells of the wanted ones in the frame, and returns the bytes to write. A
    /// picture that cannot be encoded stays drawn as cells.
    pub(super) fn replace(&mut self, wanted: Vec<PlacedFace>, frame: &mut Buffer) -> PictureUpdate {
        let mut update = PictureUpdate::default();
        let wanted = if self.facts.graphics == Graphics::Blocks { Vec::new() } else { wanted };
        let (unchanged, removed): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pictures).into_iter().partition(|(old, _)| wanted.contains(old));
        for (_, number) in removed {
            update.before += &self.removal(number);
        }
        for placed in wanted {
            let known = unchanged.iter().find(|(old, _)| *old == placed).map(|(_, number)| *number);
            let number = known.unwrap_or_else(|| self.next_number());
            if known.is_none() {
                let Some(data) = self.encode(&placed, number) else { continue };
                let _ = write!(update.after, "\x1b[{};{}H{data}", placed.area.y + 1, placed.area.x + 1);
            }
            blank(frame, &placed);
            self.pictures.push((placed, number));
        }
        update
    }

    /// Returns a number for a picture. It contains the process id, because two processes in one kitty window share the
    /// numbers.
    fn next_number(&mut self) -> u32 {
        self.sent = self.sent % 0xffff + 1;
        ((std::process::id() & 0x7fff) << 16) | self.sent
    }

    fn removal(&self, number: u32) -> String {
        match self.facts.graphics {
            Graphics::Kitty => format!("\x1b_Ga=d,d=I,i={number},q=2\x1b\\"),
            // Text written over these pictures removes them.
            Graphics::Iterm | Graphics::Sixel | Graphics::Blocks => String::new(),
        }
    }

    fn encode(&self, placed: &PlacedFace, number: u32) -> Option<String> {
        let PlacedFace { area, face } = placed;
        let image = image_of(face)?;
        match self.facts.graphics {
            Graphics::Blocks => None,
            Graphics::Kitty => Some(kitty(&STANDARD.encode(png(&image)?), number, (area.width, area.height))),
            Graphics::Iterm => {
                let png = png(&image)?;
                let mut data = erase(*area);
                let (columns, rows) = (area.width, area.height);
                let _ = write!(
                    data,
                    "\x1b]1337;File=inline=1;size={};width={columns};height={rows};preserveAspectRatio=1;\
                     doNotMoveCursor=1:{}\x07",
                    png.len(),
                    STANDARD.encode(&png)
                );
                Some(data)
            }
            Graphics::Sixel => {
                let [width, height] = self.facts.cell?;
                let pixels = [u32::from(area.width) * u32::from(width), u32::from(area.height) * u32::from(height)];
                let scaled = image.resize(pixels[0], pixels[1], FilterType::Triangle);
                Some(erase(*area) + &sixel::encode(&scaled))
            }
        }
    }
}

/// Returns the bytes that erase an area, which an earlier picture may have filled, and move the cursor to its start.
fn erase(area: Rect) -> String {
    let mut text = String::new();
    for row in area.rows() {
        let _ = write!(text, "\x1b[{};{}H\x1b[{}X", row.y + 1, row.x + 1, row.width);
    }
    let _ = write!(text, "\x1b[{};{}H", area.y + 1, area.x + 1);
    text
}

/// Blanks the cells of a picture in a colour that no other cell has, so that whatever replaces the picture is written.
fn blank(frame: &mut Buffer, placed: &PlacedFace) {
    for at in placed.area.intersection(frame.area).positions() {
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
    // `write_to` would compile the encoders of every format.
    image.write_with_encoder(PngEncoder::new(&mut bytes)).ok()?;
    Some(bytes)
}

/// Returns the kitty commands that show a PNG over these columns and rows. The cursor stays, and no answer is
/// requested.
fn kitty(data: &str, number: u32, (columns, rows): (u16, u16)) -> String {
    let mut text = String::new();
    let pieces = data.len().div_ceil(CHUNK);
    for (index, piece) in data.as_bytes().chunks(CHUNK).enumerate() {
        text += "\x1b_G";
        if index == 0 {
            let _ = write!(text, "a=T,f=100,t=d,i={number},p=1,c={columns},r={rows},C=1,q=2,");
        }
        let more = u8::from(index + 1 < pieces);
        let _ = write!(text, "m={more};{}\x1b\\", String::from_utf8_lossy(piece));
    }
    text
}

#[cfg(test)]
mod tests;
