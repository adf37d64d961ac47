//! The marks of a dataset: training images that may be wrongly labelled, the class that each should have, and a face.

use ratatui::layout::Rect;

use super::faces;
use crate::data::marked::{Doubt, Mark};
use crate::domain::Split;
use crate::tui::layout::Canvas;
use crate::tui::library::DatasetView;
use crate::tui::messages::data::SplitFilter;
use crate::tui::messages::{Effect, InspectEffect};
use crate::tui::screens::data::{DataState, DataView};
use crate::tui::state::State;
use crate::tui::widgets::number_text::count;
use crate::tui::widgets::paint::{draw_rule, tail};
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
    state.data.removed_marks.clear();
    select(state, 0);
}

/// Returns the marks, and as `true` those that were removed since the list was opened, by ascending index. A removed
/// mark keeps its line, on which the same key brings it back.
pub(super) fn listed<'a>(data: &'a DataState, dataset: &'a DatasetView) -> Vec<(&'a Mark, bool)> {
    let removed = data.removed_marks.iter().filter(|mark| dataset.marks.get(mark.index).is_none());
    let mut all: Vec<(&Mark, bool)> = dataset.marks.images.iter().map(|mark| (mark, false)).collect();
    all.extend(removed.map(|mark| (mark, true)));
    all.sort_by_key(|(mark, _)| mark.index);
    all
}

/// Selects a mark, the last one if there are fewer, and its image for the face beside the list.
pub(super) fn select(state: &mut State, at: usize) {
    let data = &mut state.data;
    let Some(dataset) = data.dataset(&state.library) else { return };
    let listed = listed(data, dataset);
    let at = at.min(listed.len().saturating_sub(1));
    let Some(index) = listed.get(at).map(|(mark, _)| mark.index as usize) else {
        data.view = DataView::Table;
        return;
    };
    let class = dataset.label(index).unwrap_or(0);
    let before: usize = dataset.classes[..class].iter().map(|(_, counts)| counts.train).sum();
    (data.mark, data.class, data.filter) = (at, class, SplitFilter::Of(Split::Train));
    data.face = index.saturating_sub(before);
}

/// Removes the selected mark, or brings it back. Returns the effect to request.
pub(super) fn toggle(state: &mut State) -> Option<Effect> {
    let dataset = state.data.dataset(&state.library)?;
    let (mark, removed) = listed(&state.data, dataset).get(state.data.mark).map(|(mark, is)| ((*mark).clone(), *is))?;
    let (name, index) = (dataset.name.clone(), mark.index as usize);
    let doubt = removed.then(|| Doubt { class: mark.class, run: mark.run.clone() });
    if !removed {
        // A line stays until the list is closed, so that the cursor never moves to another mark.
        state.data.removed_marks.retain(|known| known.index != mark.index);
        state.data.removed_marks.push(mark);
    }
    Some(Effect::Inspect(InspectEffect::Mark { dataset: name, index, doubt }))
}

/// Gives the selected mark the next class of the dataset, after the last one none. Returns the effect to request.
pub(super) fn relabel(state: &State) -> Option<Effect> {
    let dataset = state.data.dataset(&state.library)?;
    let (mark, _) = *listed(&state.data, dataset).get(state.data.mark)?;
    let label = dataset.label(mark.index as usize);
    let classes: Vec<u16> = (0..).take(dataset.classes.len()).filter(|class| label != Some((*class).into())).collect();
    let next = match mark.class {
        None => classes.first(),
        Some(class) => classes.iter().find(|next| **next > class),
    };
    let doubt = Some(Doubt { class: next.copied(), run: mark.run.clone() });
    Some(Effect::Inspect(InspectEffect::Mark { dataset: dataset.name.clone(), index: mark.index as usize, doubt }))
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
    draw_rule(canvas.buffer, theme, Rect { height: 1, ..left }, &title, &note);
    let class = |index: Option<usize>| index.and_then(|index| dataset.classes.get(index)).map(|(name, _)| name.clone());
    let visible = usize::from(left.height);
    let row = |(at, (mark, removed)): (usize, &(&Mark, bool))| -> Row {
        // Rows outside of the visible part stay empty.
        if at.abs_diff(state.data.mark) > visible {
            return Vec::new();
        }
        let should_be = match removed {
            true => ("unmarked".into(), theme.dim()),
            false => (class(mark.class.map(usize::from)).unwrap_or_default(), theme.warning()),
        };
        let run = mark.run.as_ref().map(ToString::to_string).unwrap_or_default();
        vec![
            (mark.index.to_string(), theme.dim()),
            (class(dataset.label(mark.index as usize)).unwrap_or_default(), theme.text()),
            should_be,
            (tail(&mark.source, 40, theme), theme.dim()),
            (run, theme.dim()),
        ]
    };
    let rows: Vec<Row> = listed(&state.data, dataset).iter().enumerate().map(row).collect();
    let table = Table { columns: &COLUMNS, rows: &rows, selected: Some(state.data.mark), marked: true, gap: 2 };
    let place = Rect { y: left.y + 1, height: left.height.saturating_sub(1), ..left };
    table.render(canvas.buffer, theme, place);
    canvas.layout.add_lines(table.visible_lines(place), state.data.mark);
}
