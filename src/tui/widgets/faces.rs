//! Pictures: one as large as possible, or a grid of them.
//!
//! Pictures are drawn as cells, which every terminal shows. [`Pictures`] collects them with their positions for
//! terminals with graphics, where they replace the cells.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pixels;
use crate::tui::theme::Theme;

/// A picture, gray or in colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// The width in pixels.
    pub width: usize,
    /// Bytes per pixel: 1 for gray, 3 for red, green and blue.
    pub channels: usize,
    /// The pixels as `[height, width, channels]`. Shared, because every frame passes them on.
    pub pixels: Arc<[u8]>,
}

impl Face {
    /// Returns a picture of this width in pixels and this many bytes per pixel.
    #[must_use]
    pub fn new(width: usize, channels: usize, pixels: impl Into<Arc<[u8]>>) -> Self {
        Self { width, channels, pixels: pixels.into() }
    }

    /// Returns a gray picture of this width in pixels.
    #[must_use]
    pub fn gray(width: usize, pixels: impl Into<Arc<[u8]>>) -> Self {
        Self::new(width, 1, pixels)
    }

    /// Returns the height in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.pixels.len() / (self.width * self.channels).max(1)
    }

    /// Returns red, green and blue of a pixel; black outside of the picture.
    #[must_use]
    pub fn rgb(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width + x) * self.channels;
        match self.pixels.get(at..at + self.channels) {
            Some([gray]) => [*gray; 3],
            Some([red, green, blue]) => [*red, *green, *blue],
            _ => [0; 3],
        }
    }

    /// Returns the columns and rows of cells that the picture fills when drawn as large as possible. A cell is twice as
    /// high as wide.
    #[must_use]
    pub fn cells(&self, columns: u16, rows: u16) -> (u16, u16) {
        let (width, height) = (self.width.max(1), self.height().max(1));
        let by_width = usize::from(columns) * height / width;
        let (across, down) = if by_width <= usize::from(rows) * 2 {
            (usize::from(columns), by_width)
        } else {
            (usize::from(rows) * 2 * width / height, usize::from(rows) * 2)
        };
        let clamp = |value: usize, most: u16| u16::try_from(value).unwrap_or(most).min(most);
        (clamp(across, columns), clamp(down.div_ceil(2), rows))
    }
}

/// A picture with its area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedFace {
    /// The area in cells.
    pub area: Rect,
    /// The picture.
    pub face: Face,
}

/// The pictures of a frame, collected while it is drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pictures {
    /// Whether the terminal draws pixels, so that a picture needs fewer cells.
    pub sharp: bool,
    /// The pictures drawn so far.
    pub placed: Vec<PlacedFace>,
}

impl Pictures {
    /// Returns an empty collection, for a terminal that draws pixels or not.
    #[must_use]
    pub fn new(sharp: bool) -> Self {
        Self { sharp, placed: Vec::new() }
    }

    /// Removes the pictures with a cell that differs between `before` and `after`, because an overlay covers them.
    pub fn remove_covered(&mut self, before: &Buffer, after: &Buffer) {
        self.placed.retain(|placed| {
            let area = placed.area.intersection(after.area);
            area.positions().all(|at| before.cell(at) == after.cell(at))
        });
    }
}

/// Returns the maximum columns of a picture with `own` pixels in a row. In cells, a picture is enlarged by a whole
/// number, so that all pixels have one size. In the terminal's graphics, it is at most twice as large, because more
/// would only blur it.
#[must_use]
pub fn largest(own: u16, columns: u16, rows: u16, sharp: bool) -> u16 {
    let own = own.max(1);
    let whole = (columns / own).min(rows.saturating_mul(2) / own).clamp(1, 2);
    own.saturating_mul(if sharp { 2 } else { whole })
}

/// The columns between faces.
const GAP: u16 = 2;

/// The preferred number of faces in a row; faces grow only beyond it.
const PREFERRED_ACROSS: u16 = 4;

/// Returns the smallest and the largest useful width of a face in cells, for the terminal's graphics, half blocks, and
/// characters.
fn bounds(theme: &Theme, sharp: bool, own: u16) -> (u16, u16) {
    if sharp {
        (8, 16)
    } else if theme.gray(0).is_some() {
        (12, own)
    } else {
        (16, own)
    }
}

/// Returns the columns of a face such that faces use the area well and enough stand in a row; 0 if none would be
/// recognizable.
fn face_columns((smallest, most): (u16, u16), area: Rect) -> u16 {
    let mut best = (0, 0);
    // The width is even, because a half-filled cell would tear the lower edge.
    let narrow = ((area.width + GAP) / PREFERRED_ACROSS).saturating_sub(GAP) & !1;
    for rows in 1..=8_u16 {
        let columns = most.min(((area.height + 1) / rows).saturating_sub(1) * 2).min(narrow);
        let across = (area.width + GAP) / (columns + GAP);
        let used = u32::from(rows.min((area.height + 1) / (columns / 2 + 1)) * across) * u32::from(columns).pow(2);
        // Smaller faces must show a fifth more pixels.
        if columns >= smallest && across >= PREFERRED_ACROSS && used > best.0 + best.0 / 5 {
            best = (used, columns);
        }
    }
    best.1
}

/// Returns the areas of the faces that fit, row by row, for faces of this width in pixels.
#[must_use]
pub fn grid(theme: &Theme, sharp: bool, area: Rect, width: usize) -> Vec<Rect> {
    let columns = face_columns(bounds(theme, sharp, u16::try_from(width).unwrap_or(u16::MAX)), area);
    let rows = columns.div_ceil(2);
    if rows == 0 {
        return Vec::new();
    }
    let (across, down) = ((area.width + GAP) / (columns + GAP), (area.height + 1) / (rows + 1));
    let cell =
        |row: u16, column: u16| Rect::new(area.x + column * (columns + GAP), area.y + row * (rows + 1), columns, rows);
    (0..down).flat_map(|row| (0..across).map(move |column| cell(row, column))).collect()
}

/// Draws as many faces as fit in a grid, and returns their number.
pub fn render(buffer: &mut Buffer, pictures: &mut Pictures, theme: &Theme, area: Rect, faces: &[Face]) -> usize {
    let width = faces.iter().map(|face| face.width).max().unwrap_or(0);
    let cells = grid(theme, pictures.sharp, area, width);
    for (face, cell) in faces.iter().zip(&cells) {
        render_one(buffer, pictures, theme, *cell, face);
    }
    faces.len().min(cells.len())
}

/// Draws a picture as large as possible at the top left, and returns its area.
pub fn render_one(buffer: &mut Buffer, pictures: &mut Pictures, theme: &Theme, area: Rect, face: &Face) -> Rect {
    let (columns, rows) = face.cells(area.width, area.height);
    let area = Rect { width: columns, height: rows, ..area }.intersection(buffer.area);
    if !area.is_empty() && !face.pixels.is_empty() {
        pixels::draw(buffer, theme, area, face);
        pictures.placed.push(PlacedFace { area, face: face.clone() });
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_are_enlarged_by_whole_numbers_where_they_are_drawn_in_cells() {
        let table = [
            ((48, 24, 20, false), 48),
            ((48, 137, 55, false), 96),
            ((48, 137, 40, false), 48),
            ((48, 300, 200, false), 96),
            ((48, 137, 40, true), 96),
            ((300, 137, 40, false), 300),
        ];
        for ((own, columns, rows, sharp), expected) in table {
            assert_eq!(largest(own, columns, rows, sharp), expected, "{own} in {columns}×{rows}, sharp: {sharp}");
        }
    }

    #[test]
    fn faces_shrink_until_enough_fit_and_never_grow() {
        let area = |width, height| Rect::new(0, 0, width, height);
        let sides = [area(200, 24), area(118, 23), area(198, 43), area(118, 9), area(58, 9), area(20, 3)];
        assert_eq!(sides.map(|area| face_columns((12, 48), area)), [48, 22, 42, 18, 12, 0]);
    }

    #[test]
    fn a_picture_keeps_its_proportions() {
        let face = |width, height| Face::gray(width, vec![0; width * height]);
        let table = [
            (face(48, 48), (24, 12), (24, 12)),
            (face(48, 48), (60, 12), (24, 12)),
            (face(48, 48), (10, 12), (10, 5)),
            (face(64, 32), (20, 12), (20, 5)),
            (face(32, 64), (20, 12), (12, 12)),
        ];
        for (face, (columns, rows), expected) in table {
            assert_eq!(face.cells(columns, rows), expected, "{}×{} in {columns}×{rows}", face.width, face.height());
        }
    }

    #[test]
    fn covered_pictures_are_removed() {
        let (area, theme) = (Rect::new(0, 0, 40, 12), Theme::detect(|name| (name == "TERM").then(|| "x256".into())));
        let mut buffer = Buffer::empty(area);
        let mut pictures = Pictures::new(true);
        let faces = [Face::gray(4, vec![9; 16]), Face::gray(4, vec![99; 16])];
        render_one(&mut buffer, &mut pictures, &theme, Rect::new(0, 0, 8, 4), &faces[0]);
        render_one(&mut buffer, &mut pictures, &theme, Rect::new(20, 0, 8, 4), &faces[1]);
        let before = buffer.clone();
        buffer.set_string(7, 3, "x", ratatui::style::Style::new());
        pictures.remove_covered(&before, &buffer);
        assert_eq!(pictures.placed.iter().map(|placed| placed.area.x).collect::<Vec<_>>(), [20]);
    }
}
