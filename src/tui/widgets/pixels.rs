//! Draws a picture in cells. Many colours give half blocks, 16 colours dithered half blocks, no colours braille dots,
//! and ASCII characters of different density.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

use super::faces::Face;
use crate::tui::theme::{Background, Depth, Theme};

/// The grays among the 16 colours, as most palettes show them.
const SIXTEEN: [(u8, Color); 4] = [(0, Color::Black), (105, Color::DarkGray), (200, Color::Gray), (255, Color::White)];

/// Characters from no ink to the most.
const INK: &[u8] = b" .:-=+*#%@";

/// Draws a picture over the whole area.
pub(super) fn draw(buffer: &mut Buffer, theme: &Theme, area: Rect, face: &Face) {
    // On a light background text is dark, so it stands for the dark parts of the picture.
    let is_light = theme.background == Background::Light;
    match theme.depth {
        Depth::True | Depth::Indexed => {
            let picture = ScaledImage::new(face, area, (1, 2));
            for_each_cell(buffer, area, |cell, x, y| {
                let color = |row| theme.color_of(picture.rgb(x, row));
                half_blocks(cell, color(2 * y), color(2 * y + 1));
            });
        }
        _ if theme.glyphs.line.is_ascii() => {
            let levels = ScaledImage::new(face, area, (1, 1)).dithered(INK.len());
            for_each_cell(buffer, area, |cell, x, y| {
                let level = levels[y * usize::from(area.width) + x];
                let ink = INK[if is_light { INK.len() - 1 - level } else { level }];
                cell.set_char(char::from(ink));
            });
        }
        Depth::Sixteen => {
            let levels = ScaledImage::new(face, area, (1, 2)).dithered_to(&SIXTEEN.map(|(level, _)| level));
            let width = usize::from(area.width);
            for_each_cell(buffer, area, |cell, x, y| {
                let color = |row: usize| SIXTEEN[levels[row * width + x]].1;
                half_blocks(cell, color(2 * y), color(2 * y + 1));
            });
        }
        Depth::Mono => {
            let levels = ScaledImage::new(face, area, (2, 4)).dithered(2);
            let width = usize::from(area.width) * 2;
            for_each_cell(buffer, area, |cell, x, y| {
                let dots = (0..8)
                    .filter(|dot| (levels[(4 * y + DOTS[*dot].1) * width + 2 * x + DOTS[*dot].0] > 0) != is_light);
                let bits: u32 = dots.map(|dot| 1 << dot).sum();
                cell.set_char(char::from_u32(0x2800 + bits).unwrap_or(' '));
            });
        }
    }
}

/// Column and row of each braille dot, by bit.
const DOTS: [(usize, usize); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];

fn for_each_cell(buffer: &mut Buffer, area: Rect, mut draw: impl FnMut(&mut ratatui::buffer::Cell, usize, usize)) {
    for at in area.intersection(buffer.area).positions() {
        if let Some(cell) = buffer.cell_mut(at) {
            cell.reset();
            draw(cell, usize::from(at.x - area.x), usize::from(at.y - area.y));
        }
    }
}

fn half_blocks(cell: &mut ratatui::buffer::Cell, upper: Color, lower: Color) {
    cell.set_char('▀').set_fg(upper).set_bg(lower);
}

/// A picture scaled to another size.
struct ScaledImage<'a> {
    face: &'a Face,
    /// Columns and rows of pixels.
    size: (usize, usize),
}

impl<'a> ScaledImage<'a> {
    /// Returns the picture scaled to this many pixel columns and rows per cell.
    fn new(face: &'a Face, area: Rect, (across, down): (usize, usize)) -> Self {
        Self { face, size: (usize::from(area.width) * across, usize::from(area.height) * down) }
    }

    /// Returns the mean colour of the original pixels under a pixel.
    fn rgb(&self, x: usize, y: usize) -> [u8; 3] {
        let covers = |at: usize, size: usize, own: usize| {
            let from = (at * own / size.max(1)).min(own.saturating_sub(1));
            from..((at + 1) * own / size.max(1)).clamp(from + 1, own.max(from + 1))
        };
        let (mut sums, mut count) = ([0_usize; 3], 0_usize);
        for row in covers(y, self.size.1, self.face.height()) {
            for column in covers(x, self.size.0, self.face.width) {
                for (sum, value) in sums.iter_mut().zip(self.face.rgb(column, row)) {
                    *sum += usize::from(value);
                }
                count += 1;
            }
        }
        sums.map(|sum| u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX))
    }

    /// Returns for each pixel the index of its gray among evenly spaced levels.
    fn dithered(&self, levels: usize) -> Vec<usize> {
        let level = |index: usize| u8::try_from(index * 255 / (levels - 1).max(1)).unwrap_or(u8::MAX);
        self.dithered_to(&(0..levels).map(level).collect::<Vec<u8>>())
    }

    /// Returns for each pixel the index of its gray among `levels`, with error diffusion (Floyd and Steinberg). The
    /// picture's darkest and lightest gray become the ends of the scale, so that few levels are used well.
    fn dithered_to(&self, levels: &[u8]) -> Vec<usize> {
        let (width, height) = self.size;
        let mut gray: Vec<i32> = (0..width * height).map(|at| luma(self.rgb(at % width, at / width))).collect();
        let (low, high) = (gray.iter().copied().min().unwrap_or(0), gray.iter().copied().max().unwrap_or(255));
        gray.iter_mut().for_each(|value| *value = (*value - low) * 255 / (high - low).max(1));
        let mut chosen = Vec::with_capacity(gray.len());
        for at in 0..gray.len() {
            let gray_level = gray[at];
            let nearest = |index: &usize| (i32::from(levels[*index]) - gray_level).abs();
            let best = (0..levels.len()).min_by_key(nearest).unwrap_or(0);
            chosen.push(best);
            let error = gray_level - i32::from(levels[best]);
            let column = at % width;
            let inside = [column + 1 < width, column > 0, true, column + 1 < width];
            let neighbours = [at + 1, at + width - 1, at + width, at + width + 1];
            for ((neighbour, sixteenths), inside) in neighbours.into_iter().zip([7, 3, 5, 1]).zip(inside) {
                if inside && let Some(value) = gray.get_mut(neighbour) {
                    *value += error * sixteenths / 16;
                }
            }
        }
        chosen
    }
}

/// Returns the luma of a colour (ITU-R BT.601).
fn luma([red, green, blue]: [u8; 3]) -> i32 {
    (299 * i32::from(red) + 587 * i32::from(green) + 114 * i32::from(blue)) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(theme: &Theme, area: Rect, face: &Face) -> Vec<String> {
        let mut buffer = Buffer::empty(area);
        draw(&mut buffer, theme, area, face);
        let line = |y| (0..area.width).map(|x| buffer[(x, y)].symbol().to_owned()).collect();
        (0..area.height).map(line).collect()
    }

    #[test]
    fn shrinking_takes_the_mean_and_enlarging_repeats() {
        let face = Face::gray(4, vec![10, 20, 0, 0, 30, 40, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9]);
        let shrunk = ScaledImage { face: &face, size: (2, 2) };
        assert_eq!([shrunk.rgb(0, 0)[0], shrunk.rgb(1, 0)[0], shrunk.rgb(1, 1)[0]], [25, 0, 9]);
        let enlarged = ScaledImage { face: &face, size: (8, 8) };
        assert_eq!([enlarged.rgb(1, 1)[0], enlarged.rgb(2, 1)[0], enlarged.rgb(3, 3)[0]], [10, 20, 40]);
    }

    #[test]
    fn without_colours_light_and_dark_still_differ() {
        let face = Face::gray(2, vec![0, 255, 0, 255]);
        let area = Rect::new(0, 0, 4, 2);
        let mono = Theme::detect(|name| matches!(name, "NO_COLOR" | "LANG").then(|| "C.UTF-8".into()));
        assert_eq!(lines(&mono, area, &face), ["⠀⠀⣿⣿", "⠀⠀⣿⣿"]);
        let paper = mono.clone().on_background(Some((255, 255, 255)));
        assert_eq!(lines(&paper, area, &face), ["⣿⣿⠀⠀", "⣿⣿⠀⠀"], "no negative on a light background");
        let letters = |theme: Theme| lines(&theme.with_glyphs(&crate::tui::theme::ASCII), area, &face);
        assert_eq!([letters(mono), letters(paper)], [["  @@", "  @@"], ["@@  ", "@@  "]]);
    }

    #[test]
    fn sixteen_colours_are_used_for_their_grays() {
        let face = Face::new(2, 3, vec![0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255]);
        let area = Rect::new(0, 0, 2, 1);
        let mut buffer = Buffer::empty(area);
        draw(
            &mut buffer,
            &Theme::detect(|name| match name {
                "TERM" => Some("linux".into()),
                "LANG" => Some("C.UTF-8".into()),
                _ => None,
            }),
            area,
            &face,
        );
        assert_eq!([buffer[(0, 0)].fg, buffer[(1, 0)].bg], [Color::Black, Color::White]);
    }
}
