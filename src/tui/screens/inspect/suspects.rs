//! The suspects: training images with the largest loss, which may be wrongly labelled and can be marked.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{PANEL, Pictures, absent_dataset, dataset, marked, panel, shown};
use crate::runs::inspection::ScoredImage;
use crate::tui::layout::Layout;
use crate::tui::library::{DatasetView, RunView};
use crate::tui::messages::inspect::PredictionReport;
use crate::tui::state::State;
use crate::tui::widgets::figures::{count as counted, decimal, thousands};
use crate::tui::widgets::paint::{Pen, rule, tail, wrap};
use crate::tui::widgets::table::{Column, Row, Table};

const COLUMNS: [Column; 6] = [
    Column::left("", 2, 0),
    Column::left("LABEL", 12, 0),
    Column::left("PREDICTED", 12, 0),
    Column::right("SURE", 1),
    Column::right("LOSS", 0),
    Column::left("FILE", 40, 2),
];

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
    rule(buffer, theme, Rect { height: 1, ..area }, &title, &note);
    let visible = usize::from(area.height);
    let from = inspect.pick.saturating_sub(visible);
    let row = |(at, judged): (usize, &ScoredImage)| -> Row {
        // Rows outside of the visible part stay empty.
        if at < from || at > inspect.pick + visible { Vec::new() } else { line(state, run, report, judged) }
    };
    let rows: Vec<Row> = inspect.list.iter().enumerate().map(row).collect();
    let table = Table { columns: &COLUMNS, rows: &rows, selected: Some(inspect.pick), marked: true, gap: 2 };
    let place = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    table.render(buffer, theme, place);
    layout.add_lines(table.visible_lines(place), inspect.pick);
}

fn line(state: &State, run: &RunView, report: &PredictionReport, judged: &ScoredImage) -> Row {
    let theme = &state.theme;
    let name = |class: usize| report.inspection.classes().get(class).cloned().unwrap_or_default();
    let mark = match (marked(state, judged), left_out(run, judged)) {
        (true, _) => theme.glyphs.used,
        (false, true) => "-",
        (false, false) => "",
    };
    let predicted_style = if judged.truth == judged.predicted { theme.dim() } else { theme.bad() };
    let file = shown(state, judged).map_or(String::new(), |shown| tail(&shown.source, 40, theme));
    vec![
        (mark.into(), theme.warning()),
        (name(judged.truth), theme.text()),
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
    dataset(state).map_or(0, |dataset| dataset.marked.len())
}

fn explanation(state: &State, run: &RunView) -> String {
    let own = run.summary.as_ref().map_or(0, |summary| summary.recipe.left_out.len());
    let own = if own > 0 { format!(" - the run itself left {} images out.", thousands(own)) } else { String::new() };
    match (dataset(state), count(state)) {
        (Some(DatasetView { marks_error: Some(error), .. }), _) => error.clone(),
        (None, _) => absent_dataset(state, "nothing can be marked"),
        (_, 0) => format!(
            "A large loss is a hard face or a wrong label: mark wrong labels with Space. The next run can leave them out.{own}"
        ),
        (Some(dataset), marked) => {
            let left_out = state.train.leaves_out_marks_of(&dataset.name, &state.form_choices());
            let then = if left_out {
                "Train (2) leaves them out, a shell with --leave-out marked."
            } else {
                "left out where `left out` on Train (2) is marked, or by --leave-out marked."
            };
            format!("{} of {} marked: {then}{own}", counted(marked, "image", "images"), dataset.name)
        }
    }
}
