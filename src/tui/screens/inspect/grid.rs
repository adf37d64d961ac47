//! Many faces at once: the pager on the whole screen, and the next images of a cell where there is room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Pictures, cells, dataset, images, mark, order, shown};
use crate::runs::inspection::ScoredImage;
use crate::tui::layout::Layout;
use crate::tui::messages::inspect::PredictionReport;
use crate::tui::state::State;
use crate::tui::widgets::number_text::{decimal, thousands};
use crate::tui::widgets::paint::{Pen, draw_rule};

/// Cells between faces.
const GAP: u16 = 2;

/// The smallest width of a face, in columns.
const SMALLEST: u16 = 14;

/// The width of faces in columns, and the number of them that fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grid {
    side: u16,
    across: usize,
    down: usize,
}

impl Grid {
    /// Returns the grid of the largest faces of which a handful fits into an area of this size.
    fn of(columns: u16, rows: u16, images: usize) -> Self {
        let wanted = usize::from(columns) * usize::from(rows) / 300;
        let wanted = wanted.clamp(2, 24).min(images.max(1));
        let grid = |side: u16| Self {
            side,
            across: usize::from((columns + GAP) / (side + GAP)),
            // Each face has a caption of one line.
            down: usize::from(rows / (side / 2 + 1)),
        };
        let sides = (SMALLEST..=48).rev().filter(|side| side % 2 == 0).map(grid);
        sides.clone().find(|grid| grid.across * grid.down >= wanted).unwrap_or(grid(SMALLEST))
    }

    fn images(self) -> usize {
        (self.across * self.down).max(1)
    }
}

/// Draws a page of the cell's images on the whole screen.
pub(super) fn draw_pager(
    state: &State,
    report: &PredictionReport,
    buffer: &mut Buffer,
    layout: &mut Layout,
    area: Rect,
    pictures: &mut Pictures,
) {
    let (theme, inspect) = (&state.theme, &state.inspect);
    let classes = report.inspection.classes();
    let title = match (inspect.suspects, classes.get(inspect.cell.0), classes.get(inspect.cell.1)) {
        (true, ..) => "suspects".to_owned(),
        (_, Some(truth), Some(predicted)) => format!("{truth} → {predicted}"),
        _ => String::new(),
    };
    let place = Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 1 };
    let grid = Grid::of(place.width, place.height, inspect.list.len());
    layout.pictures_across = grid.across.max(1);
    let first = inspect.pick / grid.images() * grid.images();
    let last = (first + grid.images()).min(inspect.list.len());
    let here = format!("{}–{} of {}, {}", thousands(first + 1), thousands(last), images(state), order(state));
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &[(&title, theme.accent())], &here);
    tiles(state, report, grid, first, buffer, place, pictures);
}

/// Draws the images after the selected one, where there is room.
pub(super) fn draw_next_images(
    state: &State,
    report: &PredictionReport,
    buffer: &mut Buffer,
    area: Rect,
    pictures: &mut Pictures,
) {
    let inspect = &state.inspect;
    let room = SMALLEST / 2 + 3;
    let first = inspect.pick + 1;
    let none = first >= inspect.list.len() || dataset(state).is_none();
    if area.height < room || area.width < SMALLEST + 2 || none {
        return;
    }
    let place = Rect { x: area.x + 1, y: area.y + 2, width: area.width - 2, height: area.height - 2 };
    draw_rule(
        buffer,
        &state.theme,
        Rect { y: area.y + 1, height: 1, ..area },
        &[("next images", state.theme.dim())],
        "",
    );
    let grid = Grid::of(place.width, place.height, inspect.list.len() - first);
    tiles(state, report, grid, first, buffer, place, pictures);
}

fn tiles(
    state: &State,
    report: &PredictionReport,
    grid: Grid,
    first: usize,
    buffer: &mut Buffer,
    area: Rect,
    pictures: &mut Pictures,
) {
    let (theme, inspect) = (&state.theme, &state.inspect);
    for (at, judged) in inspect.list.iter().enumerate().skip(first).take(grid.images()) {
        let (row, column) = ((at - first) / grid.across.max(1), (at - first) % grid.across.max(1));
        let (row, column) = (u16::try_from(row).unwrap_or(0), u16::try_from(column).unwrap_or(0));
        let x = area.x + column * (grid.side + GAP);
        let y = area.y + row * (grid.side / 2 + 1);
        let tile = Rect::new(x, y, grid.side, grid.side / 2 + 1).intersection(area);
        if let Some(shown) = shown(state, judged) {
            let (across, down) = cells(shown, grid.side, grid.side / 2);
            pictures.push((Rect { width: across, height: down, ..tile }, shown.clone()));
        }
        let line = tile.height.saturating_sub(1);
        let here = at == inspect.pick;
        let style = if here { theme.strong().patch(theme.selected()) } else { theme.text() };
        let mut pen = Pen::new(buffer, theme, tile, line);
        pen.write(if here { theme.glyphs.focus } else { " " }, theme.accent());
        pen.write(&caption(state, report, judged), style);
    }
}

/// Returns the confidence and the predicted class, with a sign before a marked image.
fn caption(state: &State, report: &PredictionReport, judged: &ScoredImage) -> String {
    let predicted = report.inspection.classes().get(judged.predicted).map_or("", String::as_str);
    let mark = if mark(state, judged).is_some() { state.theme.glyphs.used } else { "" };
    let predicted: String = predicted.chars().take(7).collect();
    format!("{mark}{} {predicted}", decimal(judged.confidence.into(), 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_holds_a_handful_of_large_faces() {
        let sizes = [(78, 20), (118, 36), (198, 56), (58, 12)];
        let grids = sizes.map(|(columns, rows)| {
            let grid = Grid::of(columns, rows, 1000);
            (grid.side, grid.across, grid.down)
        });
        assert_eq!(grids, [(18, 4, 2), (22, 5, 3), (26, 7, 4), (22, 2, 1)]);
        assert_eq!(Grid::of(78, 20, 1).side, 38, "one face is drawn as large as it fits");
    }
}
