//! The marks of a dataset: training images that may be wrongly labelled, the class that each should have, and a face.

use ratatui::layout::Rect;

use super::faces;
use crate::data::marked::Mark;
use crate::domain::Split;
use crate::tui::layout::Canvas;
use crate::tui::library::DatasetView;
use crate::tui::messages::data::SplitFilter;
use crate::tui::messages::{Effect, InspectEffect};
use crate::tui::screens::data::DataView;
use crate::tui::state::State;
use crate::tui::widgets::figures::count;
use crate::tui::widgets::paint::{rule, tail};
use crate::tui::widgets::table::{Column, Row, Table};

const COLUMNS: [Column; 5] = [
    Column::right("IMAGE", 2),
    Column::left("LABEL", 12, 0),
    Column::left("SHOULD BE", 12, 0),
    Column::left("FILE", 40, 1),
    Column::left("FOUND WITH", 16, 3),
];

/// The narrowest area that has room for a face beside the list.
const WITH_FACE: u16 = 76;

/// Shows the marks of the selected dataset, or how images are marked.
pub(super) fn open(state: &mut State) {
    let Some(dataset) = state.data.dataset(&state.library) else { return };
    if dataset.marks.images.is_empty() {
        let words = format!("no image of {} is marked: Space and r mark the suspects on Inspect (5, w)", dataset.name);
        state.notify(words);
        return;
    }
    state.data.view = DataView::Marks;
    select(state, 0);
}

/// Selects a mark, the last one if there are fewer, and its image for the face beside the list.
pub(super) fn select(state: &mut State, at: usize) {
    let data = &mut state.data;
    let Some(dataset) = data.dataset(&state.library) else { return };
    let at = at.min(dataset.marks.images.len().saturating_sub(1));
    let Some(mark) = dataset.marks.images.get(at) else {
        data.view = DataView::Table;
        return;
    };
    let index = mark.index as usize;
    let class = dataset.label(index).unwrap_or(0);
    let before: usize = dataset.classes[..class].iter().map(|(_, counts)| counts.train).sum();
    (data.mark, data.class, data.filter) = (at, class, SplitFilter::Of(Split::Train));
    data.face = index.saturating_sub(before);
}

/// Removes the selected mark. Returns the effect to request.
pub(super) fn unmark(state: &State) -> Option<Effect> {
    let dataset = state.data.dataset(&state.library)?;
    let index = dataset.marks.images.get(state.data.mark)?.index as usize;
    Some(Effect::Inspect(InspectEffect::Mark { dataset: dataset.name.clone(), index, doubt: None }))
}

/// Draws the list, and the face of the selected image where there is room.
pub(super) fn render(state: &State, dataset: &DatasetView, canvas: &mut Canvas<'_>, area: Rect) {
    let theme = &state.theme;
    let wide = area.width >= WITH_FACE;
    let left = Rect { width: if wide { area.width * 5 / 8 } else { area.width }, ..area };
    if wide {
        let right = Rect { x: left.right() + 1, width: area.width - left.width - 1, ..area };
        faces::render(state, dataset, canvas, right);
    }
    let title = [("marked as wrongly labelled", theme.accent())];
    let note = count(dataset.marks.images.len(), "image", "images");
    rule(canvas.buffer, theme, Rect { height: 1, ..left }, &title, &note);
    let class = |index: Option<usize>| index.and_then(|index| dataset.classes.get(index)).map(|(name, _)| name.clone());
    let visible = usize::from(left.height);
    let row = |(at, mark): (usize, &Mark)| -> Row {
        // Rows outside of the visible part stay empty.
        if at.abs_diff(state.data.mark) > visible {
            return Vec::new();
        }
        let should_be = class(mark.class.map(usize::from));
        let run = mark.run.as_ref().map(ToString::to_string).unwrap_or_default();
        vec![
            (mark.index.to_string(), theme.dim()),
            (class(dataset.label(mark.index as usize)).unwrap_or_default(), theme.text()),
            (should_be.unwrap_or_default(), theme.warning()),
            (tail(&mark.source, 40, theme), theme.dim()),
            (run, theme.dim()),
        ]
    };
    let rows: Vec<Row> = dataset.marks.images.iter().enumerate().map(row).collect();
    let table = Table { columns: &COLUMNS, rows: &rows, selected: Some(state.data.mark), marked: true, gap: 2 };
    let place = Rect { y: left.y + 1, height: left.height.saturating_sub(1), ..left };
    table.render(canvas.buffer, theme, place);
    canvas.layout.add_lines(table.visible_lines(place), state.data.mark);
}
