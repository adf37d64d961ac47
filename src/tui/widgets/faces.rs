//! Pictures: one as large as it fits, or as many side by side as there is room for.
//!
//! What is drawn here are cells, which every terminal shows. Where the terminal draws real pictures, [`Pictures`] tells
//! it which and where, and they take the place of these cells.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::shades;
use crate::tui::theme::Theme;

/// One picture, gray or in colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// Pixels in a row.
    pub width: usize,
    /// Bytes of a pixel: 1 for gray, 3 for red, green and blue.
    pub channels: usize,
    /// Rows from the top, H×W×C. Shared, because every frame hands it on.
    pub pixels: Arc<[u8]>,
}

impl Face {
    /// A picture of this many pixels in a row and bytes in a pixel.
    #[must_use]
    pub fn new(width: usize, channels: usize, pixels: impl Into<Arc<[u8]>>) -> Self {
        Self { width, channels, pixels: pixels.into() }
    }

    /// A gray picture.
    #[must_use]
    pub fn gray(width: usize, pixels: impl Into<Arc<[u8]>>) -> Self {
        Self::new(width, 1, pixels)
    }

    /// Rows of pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.pixels.len() / (self.width * self.channels).max(1)
    }

    /// Red, green and blue of a pixel; black beyond the picture.
    #[must_use]
    pub fn rgb(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width + x) * self.channels;
        match self.pixels.get(at..at + self.channels) {
            Some([gray]) => [*gray; 3],
            Some([red, green, blue]) => [*red, *green, *blue],
            _ => [0; 3],
        }
    }

    /// Columns and rows of cells that it takes when drawn as large as this area allows, a cell being twice as high as
    /// wide.
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

/// A picture and the cells that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The cells.
    pub place: Rect,
    /// The picture.
    pub face: Face,
}

/// The pictures of a frame, gathered while it is drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pictures {
    /// Whether the terminal draws them pixel by pixel, so that few cells are enough for one.
    pub sharp: bool,
    /// Those drawn so far.
    pub placed: Vec<Placed>,
}

impl Pictures {
    /// None yet, for a terminal that draws pixel by pixel or not.
    #[must_use]
    pub fn new(sharp: bool) -> Self {
        Self { sharp, placed: Vec::new() }
    }

    /// Leaves out those of whose cells any is another in `after` than in `before`: something lies over them.
    pub fn uncovered(&mut self, before: &Buffer, after: &Buffer) {
        self.placed.retain(|placed| {
            let place = placed.place.intersection(after.area);
            place.positions().all(|at| before.cell(at) == after.cell(at))
        });
    }
}

/// Pixels between faces.
const GAP: u16 = 2;

/// How many faces one would like to see side by side before they are drawn any larger.
const ABREAST: u16 = 4;

/// The fewest cells across that a face is recognized in, and the most that show more of it: in the terminal's own
/// graphics, in half blocks, and in characters.
fn bounds(theme: &Theme, sharp: bool, own: u16) -> (u16, u16) {
    if sharp {
        (8, 16)
    } else if theme.gray(0).is_some() {
        (12, own)
    } else {
        (16, own)
    }
}

/// Columns that a face takes so that faces use the area well and enough stand side by side; 0 where none is recognized.
fn side((smallest, most): (u16, u16), area: Rect) -> u16 {
    let mut best = (0, 0);
    // Even: half a cell at the lower edge would look torn.
    let narrow = ((area.width + GAP) / ABREAST).saturating_sub(GAP) & !1;
    for rows in 1..=8_u16 {
        let side = most.min(((area.height + 1) / rows).saturating_sub(1) * 2).min(narrow);
        let abreast = (area.width + GAP) / (side + GAP);
        let used = u32::from(rows.min((area.height + 1) / (side / 2 + 1)) * abreast) * u32::from(side).pow(2);
        // Smaller faces have to be worth it.
        if side >= smallest && abreast >= ABREAST && used > best.0 + best.0 / 5 {
            best = (used, side);
        }
    }
    best.1
}

/// The cells of the faces that fit into an area, for faces this many pixels wide, row by row.
#[must_use]
pub fn grid(theme: &Theme, sharp: bool, area: Rect, width: usize) -> Vec<Rect> {
    let side = side(bounds(theme, sharp, u16::try_from(width).unwrap_or(u16::MAX)), area);
    let rows = side.div_ceil(2);
    if rows == 0 {
        return Vec::new();
    }
    let (across, down) = ((area.width + GAP) / (side + GAP), (area.height + 1) / (rows + 1));
    let cell = |row: u16, column: u16| Rect::new(area.x + column * (side + GAP), area.y + row * (rows + 1), side, rows);
    (0..down).flat_map(|row| (0..across).map(move |column| cell(row, column))).collect()
}

/// Draws as many faces as fit, side by side and in rows, and tells how many.
pub fn render(buffer: &mut Buffer, pictures: &mut Pictures, theme: &Theme, area: Rect, faces: &[Face]) -> usize {
    let width = faces.iter().map(|face| face.width).max().unwrap_or(0);
    let places = grid(theme, pictures.sharp, area, width);
    for (face, place) in faces.iter().zip(&places) {
        render_one(buffer, pictures, theme, *place, face);
    }
    faces.len().min(places.len())
}

/// Draws a picture as large as the area allows, at its top left, and tells the cells it takes.
pub fn render_one(buffer: &mut Buffer, pictures: &mut Pictures, theme: &Theme, area: Rect, face: &Face) -> Rect {
    let (columns, rows) = face.cells(area.width, area.height);
    let place = Rect { width: columns, height: rows, ..area }.intersection(buffer.area);
    if !place.is_empty() && !face.pixels.is_empty() {
        shades::draw(buffer, theme, place, face);
        pictures.placed.push(Placed { place, face: face.clone() });
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_are_shrunk_until_a_few_fit_and_never_enlarged() {
        let area = |width, height| Rect::new(0, 0, width, height);
        let sides = [area(200, 24), area(118, 23), area(198, 43), area(118, 9), area(58, 9), area(20, 3)];
        assert_eq!(sides.map(|area| side((12, 48), area)), [48, 22, 42, 18, 12, 0]);
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
    fn what_is_covered_is_no_picture() {
        let (area, theme) = (Rect::new(0, 0, 40, 12), Theme::detect(|name| (name == "TERM").then(|| "x256".into())));
        let mut buffer = Buffer::empty(area);
        let mut pictures = Pictures::new(true);
        let faces = [Face::gray(4, vec![9; 16]), Face::gray(4, vec![99; 16])];
        render_one(&mut buffer, &mut pictures, &theme, Rect::new(0, 0, 8, 4), &faces[0]);
        render_one(&mut buffer, &mut pictures, &theme, Rect::new(20, 0, 8, 4), &faces[1]);
        let before = buffer.clone();
        buffer.set_string(7, 3, "x", ratatui::style::Style::new());
        pictures.uncovered(&before, &buffer);
        assert_eq!(pictures.placed.iter().map(|placed| placed.place.x).collect::<Vec<_>>(), [20]);
    }
}
