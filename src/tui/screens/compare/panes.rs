//! The layout of the panes.

use ratatui::layout::Rect;

use super::ComparePane::{self, Classes, Curves, Metrics, Settings, Verdicts};
use super::CompareState;

/// The fewest columns and rows with all panes side by side.
const WIDE: (u16, u16) = (110, 28);

/// The fewest rows with the verdicts below the other panes.
const TALL: u16 = 20;

/// The sizes that the panes need, rules included.
pub(super) struct PaneSizes {
    /// Rows of the metrics.
    pub metrics: u16,
    /// Columns of the metrics.
    pub metrics_width: u16,
    /// Rows of the classes.
    pub classes: u16,
    /// Columns of the classes.
    pub classes_width: u16,
    /// Rows of the verdicts on the whole width.
    pub verdicts: u16,
}

/// Cuts `rows` rows off the top of `area` and returns them.
fn take(area: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    let top = Rect { height: rows, ..*area };
    *area = Rect { y: area.y + rows, height: area.height - rows, ..*area };
    top
}

/// Splits an area into a left and a right one, with a column between them.
fn split(area: Rect, left: u16) -> (Rect, Rect) {
    let left = left.min(area.width.saturating_sub(2));
    let right = Rect { x: area.x + left + 1, width: area.width - left - 1, ..area };
    (Rect { width: left, ..area }, right)
}

/// Returns the visible panes with their areas.
pub(super) fn arrange(compare: &CompareState, sizes: &PaneSizes, area: Rect) -> Vec<(ComparePane, Rect)> {
    if compare.zoomed {
        return vec![(compare.pane, area)];
    }
    if area.width >= WIDE.0 && area.height >= WIDE.1 { wide(sizes, area) } else { narrow(compare, sizes, area) }
}

/// Returns all five panes. Curves and verdicts are to the right of the tables if there is room, else below.
fn wide(sizes: &PaneSizes, area: Rect) -> Vec<(ComparePane, Rect)> {
    let mut rest = area;
    if sizes.metrics_width + 50 <= area.width {
        let (mut left, mut right) = split(area, sizes.metrics_width.max(sizes.classes_width.min(area.width / 2)));
        let metrics = take(&mut left, sizes.metrics.clamp(12, area.height * 3 / 5));
        let classes = take(&mut left, sizes.classes);
        // Sentences need about twice the rows on half the columns; the curves take the remaining rows.
        let verdicts = (2 * sizes.verdicts).clamp(4, area.height / 2);
        let curves = take(&mut right, area.height - verdicts);
        return vec![(Metrics, metrics), (Curves, curves), (Classes, classes), (Settings, left), (Verdicts, right)];
    }
    let metrics = take(&mut rest, sizes.metrics.min(area.height * 9 / 20));
    let verdicts = sizes.verdicts.clamp(4, rest.height * 2 / 5);
    let mut middle = take(&mut rest, area.height - metrics.height - verdicts);
    let top = take(&mut middle, sizes.classes.max(9));
    let (curves, classes) = split(
        Rect { height: top.height, ..top },
        area.width.saturating_sub(sizes.classes_width + 1).max(area.width * 2 / 5),
    );
    let mut panes = vec![(Metrics, metrics), (Curves, curves), (Classes, classes)];
    if middle.height >= 3 {
        panes.push((Settings, middle));
        panes.push((Verdicts, rest));
        return panes;
    }
    let (settings, verdicts) = split(Rect { y: middle.y, height: middle.height + rest.height, ..rest }, area.width / 3);
    panes.extend([(Settings, settings), (Verdicts, verdicts)]);
    panes
}

/// Returns the metrics, the pane that had the keyboard focus last, and the verdicts where there is room.
fn narrow(compare: &CompareState, sizes: &PaneSizes, area: Rect) -> Vec<(ComparePane, Rect)> {
    let mut rest = area;
    let middle = compare.middle.unwrap_or(Curves);
    if area.height < TALL {
        let metrics = take(&mut rest, sizes.metrics.min(area.height / 2));
        let below = if compare.pane == Metrics { Verdicts } else { compare.pane };
        return vec![(Metrics, metrics), (below, rest)];
    }
    // The verdicts are limited. Otherwise those of many runs would leave no rows for the curves.
    let verdicts = sizes.verdicts.min(area.height / 4).max(3);
    let metrics = take(&mut rest, sizes.metrics.min((area.height - verdicts) * 11 / 20));
    let height = rest.height - verdicts;
    let between = take(&mut rest, height);
    vec![(Metrics, metrics), (middle, between), (Verdicts, rest)]
}
