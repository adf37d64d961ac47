//! The suspects: training images with the largest loss, which may be wrongly labelled and can be marked.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{PANEL, Pictures, absent_dataset, dataset, mark, mark_class, panel, shown};
use crate::runs::inspection::ScoredImage;
use crate::tui::layout::Layout;
use crate::tui::library::{DatasetView, RunView};
use crate::tui::messages::inspect::PredictionReport;
use crate::tui::state::State;
use crate::tui::widgets::number_text::{count as counted, decimal, thousands};
use crate::tui::widgets::paint::{Pen, draw_rule, tail, wrap};
use crate::tui::widgets::table::{Column, Row, Table};

/// Returns the columns. A column without a heading and without content is not drawn.
fn columns(relabels: bool) -> [Column; 7] {
    [
        Column::left("", 2, 0),
        Column::left("LABEL", 12, 0),
        Column::left(if relabels { "SHOULD BE" } else { "" }, 12, 0),
        Column::left("PREDICTED", 12, 0),
        Column::right("SURE", 1),
        Column::right("LOSS", 0),
        Column::left("FILE", 40, 2),
    ]
}

/// Draws the list at the left and the selected image at the right.
pub(super) fn render(
    state: &State,
    run: &RunView,
    report: &PredictionReport,
    buffer: &mut Buffer,
    layout: &mut Layout,
    area: Rect,
    pictures: &mut Pictures,
) {
    let wide = area.width >= 76;
    let left = Rect { width: if wide { (area.width * 5 / 8).min(area.width - PANEL - 1) } else { area.width }, ..area };
    if wide {
        let right = Rect { x: left.right() + 1, width: area.width - left.width - 1, ..area };
        panel::render(state, report, buffer, right, pictures);
    }
    let words = wrap(&explanation(state, run), left.width.saturating_sub(2));
    let rows = u16::try_from(words.len()).unwrap_or(u16::MAX).min(left.height / 3);
    list(state, run, report, buffer, layout, Rect { height: left.height - rows - 1, ..left });
    let below = Rect { y: left.bottom() - rows, height: rows, ..left };
    for (row, line) in (0..).zip(&words) {
        Pen::new(buffer, &state.theme, below, row).skip(1).write(line, state.theme.text());
    }
}

fn list(state: &State, run: &RunView, report: &PredictionReport, buffer: &mut Buffer, layout: &mut Layout, area: Rect) {
    let (theme, inspect) = (&state.theme, &state.inspect);
    let note = format!("{} marked", thousands(count(state)));
    let title = [("largest loss in training", theme.accent())];
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &title, &note);
    let visible = usize::from(area.height);
    let from = inspect.pick.saturating_sub(visible);
    let row = |(at, judged): (usize, &ScoredImage)| -> Row {
        // Rows outside of the visible part stay empty.
        if at < from || at > inspect.pick + visible { Vec::new() } else { line(state, run, report, judged) }
    };
    let rows: Vec<Row> = inspect.list.iter().enumerate().map(row).collect();
    let relabels = dataset(state).is_some_and(|dataset| dataset.marks.images.iter().any(|mark| mark.class.is_some()));
    let columns = columns(relabels);
    let table = Table { columns: &columns, rows: &rows, selected: Some(inspect.pick), marked: true, gap: 2 };
    let place = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    table.render(buffer, theme, place);
    layout.add_lines(table.visible_lines(place), inspect.pick);
}

fn line(state: &State, run: &RunView, report: &PredictionReport, judged: &ScoredImage) -> Row {
    let theme = &state.theme;
    let name = |class: usize| report.inspection.classes().get(class).cloned().unwrap_or_default();
    let mark = mark(state, judged);
    let sign = match (mark, left_out(run, judged)) {
        (Some(_), _) => theme.glyphs.used,
        (None, true) => "-",
        (None, false) => "",
    };
    let should_be = mark.and_then(|mark| mark_class(state, mark)).unwrap_or_default().to_owned();
    let predicted_style = if judged.truth == judged.predicted { theme.dim() } else { theme.bad() };
    let file = shown(state, judged).map_or(String::new(), |shown| tail(&shown.source, 40, theme));
    vec![
        (sign.into(), theme.warning()),
        (name(judged.truth), theme.text()),
        (should_be, theme.warning()),
        (name(judged.predicted), predicted_style),
        (decimal(judged.confidence.into(), 2), theme.text()),
        (decimal(judged.loss, 2), theme.strong()),
        (file, theme.dim()),
    ]
}

/// Returns whether the run itself left the image out.
fn left_out(run: &RunView, judged: &ScoredImage) -> bool {
    let left_out = run.summary.as_ref().map(|summary| &summary.recipe.left_out);
    left_out.is_ok_and(|left_out| u32::try_from(judged.index).is_ok_and(|index| left_out.contains(index)))
}

/// Returns the number of marked images of the dataset.
fn count(state: &State) -> usize {
    dataset(state).map_or(0, |dataset| dataset.marks.images.len())
}

fn explanation(state: &State, run: &RunView) -> String {
    let own = run.summary.as_ref().map(|summary| summary.recipe.corrections()).unwrap_or_default();
    let own = if own.is_empty() {
        String::new()
    } else {
        format!(" - the run itself corrected {}.", images(own.left_out.len(), own.relabelled.len()))
    };
    match (dataset(state), count(state)) {
        (Some(DatasetView { marks_error: Some(error), .. }), _) => error.clone(),
        (None, _) => absent_dataset(state, "nothing can be marked"),
        (_, 0) => format!(
            "A large loss is a hard face or a wrong label. Space marks one to leave out, r gives it another class for \
             the next run.{own}"
        ),
        (Some(dataset), _) => {
            let marked = dataset.marks.corrections();
            let corrects = state.train.corrects_marks_of(&dataset.name, &state.form_choices());
            let then = if corrects { "The next run from Train (2) corrects them" } else { "Choose them on Train (2)" };
            let marked = images(marked.left_out.len(), marked.relabelled.len());
            let options = "--leave-out marked --relabel marked";
            format!("{marked} in {}. {then}; in a shell: {options}.{own}", dataset.name)
        }
    }
}

/// Returns `2 images to leave out and 3 to relabel`, without the part of which there are none.
fn images(left_out: usize, relabelled: usize) -> String {
    let left = format!("{} to leave out", counted(left_out, "image", "images"));
    match (left_out, relabelled) {
        (_, 0) => left,
        (0, _) => format!("{} to relabel", counted(relabelled, "image", "images")),
        (_, _) => format!("{left} and {} to relabel", thousands(relabelled)),
    }
}
