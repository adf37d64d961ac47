//! Images in half blocks: two pixels a cell, the upper one in the foreground, the lower one behind it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

use crate::tui::theme::Theme;

/// One image in levels of gray.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// Pixels in a row.
    pub width: usize,
    /// Rows from the top.
    pub pixels: Vec<u8>,
}

/// Pixels between faces.
const GAP: u16 = 2;

/// The fewest pixels across that a face is recognized in.
const SMALLEST: u16 = 12;

/// How many faces one would like to see side by side before they are drawn any larger.
const ABREAST: u16 = 4;

/// The side in pixels to draw faces of side `own` at, so that they use the area well and enough stand side by side.
fn side(own: u16, area: Rect) -> u16 {
    let mut best = (0, 0);
    // Even: half a cell at the lower edge would look torn.
    let narrow = ((area.width + GAP) / ABREAST).saturating_sub(GAP) & !1;
    for rows in 1..=8_u16 {
        let side = own.min(((area.height + 1) / rows).saturating_sub(1) * 2).min(narrow);
        let abreast = (area.width + GAP) / (side + GAP);
        let used = u32::from(rows.min((area.height + 1) / (side / 2 + 1)) * abreast) * u32::from(side).pow(2);
        // Smaller faces have to be worth it.
        if side >= SMALLEST && abreast >= ABREAST && used > best.0 + best.0 / 5 {
            best = (used, side);
        }
    }
    best.1
}

/// Draws as many faces as fit, side by side and in rows.
pub fn render(buffer: &mut Buffer, theme: &Theme, area: Rect, faces: &[Face]) {
    let own = faces.iter().map(|face| face.width).max().and_then(|width| u16::try_from(width).ok()).unwrap_or(0);
    let side = side(own, area);
    let rows = side.div_ceil(2);
    if rows == 0 {
        return;
    }
    let (mut x, mut y) = (area.x, area.y);
    for face in faces {
        if x + side > area.right() {
            (x, y) = (area.x, y + rows + 1);
        }
        if y + rows > area.bottom() {
            return;
        }
        draw(buffer, theme, Rect::new(x, y, side, rows), face);
        x += side + GAP;
    }
}

/// Draws one picture on these cells, one pixel across and two down each.
pub fn one(buffer: &mut Buffer, theme: &Theme, area: Rect, face: &Face) {
    draw(buffer, theme, area.intersection(buffer.area), face);
}

fn draw(buffer: &mut Buffer, theme: &Theme, area: Rect, face: &Face) {
    let color =
        |x: u16, y: u16| -> Option<Color> { theme.gray(mean(face, usize::from(area.width), x.into(), y.into())?) };
    for row in 0..area.height {
        for column in 0..area.width {
            let Some(upper) = color(column, row * 2) else { continue };
            let Some(cell) = buffer.cell_mut((area.x + column, area.y + row)) else { continue };
            cell.set_char('▀').set_fg(upper);
            if let Some(lower) = color(column, row * 2 + 1) {
                cell.set_bg(lower);
            }
        }
    }
}

/// The mean over what a pixel covers when the image is drawn `side` pixels wide; `None` outside the image.
fn mean(face: &Face, side: usize, x: usize, y: usize) -> Option<u8> {
    let rows = face.pixels.len() / face.width.max(1);
    let covers = |at: usize, end: usize| {
        let (from, to) = (at * face.width / side, ((at + 1) * face.width).div_ceil(side));
        from.min(end)..to.min(end)
    };
    let (mut sum, mut count) = (0_usize, 0_usize);
    for row in covers(y, rows) {
        for column in covers(x, face.width) {
            sum += usize::from(*face.pixels.get(row * face.width + column)?);
            count += 1;
        }
    }
    u8::try_from(sum.checked_div(count)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_are_shrunk_until_a_few_fit_and_never_enlarged() {
        let area = |width, height| Rect::new(0, 0, width, height);
        let sides = [area(200, 24), area(118, 23), area(198, 43), area(118, 9), area(58, 9), area(20, 3)];
        assert_eq!(sides.map(|area| side(48, area)), [48, 22, 42, 18, 12, 0]);
    }

    #[test]
    fn shrinking_takes_the_mean() {
        let face = Face { width: 4, pixels: vec![10, 20, 0, 0, 30, 40, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9] };
        assert_eq!([mean(&face, 2, 0, 0), mean(&face, 2, 1, 1), mean(&face, 2, 0, 2)], [Some(25), Some(9), None]);
    }
}
