//! The list of runs. Only visible lines are built, because a home may hold thousands of runs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::RunsState;
use crate::domain::figures::clock_time;
use crate::domain::{RunState, text::printable};
use crate::runs::Summary;
use crate::runs::facts::Field;
use crate::tui::layout::Layout;
use crate::tui::library::RunView;
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::widgets::figures::{age, decimal, real, thousands};
use crate::tui::widgets::paint::{Pen, width};
use crate::tui::widgets::table::{Column, Row, Table, first_line};

use super::status;

/// The columns. `VAL LOSS` and `VAL ACC` are of the best epoch, `TEST ACC` and `MACRO F1` of the final test.
const COLUMNS: [Column; 12] = [
    Column::left("STATE", 12, 0),
    Column::left("RUN", 24, 0),
    Column::left("STRATEGY", 10, 5),
    Column::left("DATASET", 14, 8),
    Column::right("EPOCH", 1),
    Column::right("VAL LOSS", 2),
    Column::right("VAL ACC", 6),
    Column::right("TEST ACC", 9),
    Column::right("MACRO F1", 4),
    Column::right("IMAGES/S", 11),
    Column::right("AGE", 7),
    Column::left("TAGS", 24, 10),
];

/// The field by which each column sorts the list.
const FIELDS: [Field; 12] = [
    Field::State,
    Field::Name,
    Field::Strategy,
    Field::Dataset,
    Field::Epoch,
    Field::ValLoss,
    Field::ValAcc,
    Field::TestAcc,
    Field::F1,
    Field::Rate,
    Field::Age,
    Field::Tag,
];

/// The widest texts of the columns, so that no column moves when the list does.
const WIDEST: [&str; 12] = ["✓ early stop", "", "", "", "50/50", "0.0000", "0.000", "0.000", "0.000", "", "59m", ""];

/// The maximum number of runs whose names are measured.
const MEASURED: usize = 2_000;

/// Returns the mark before a name with the position among the marked runs. Compare takes the first one as the baseline.
fn mark(theme: &Theme, runs: &RunsState, run: &RunView) -> String {
    match runs.marked.iter().position(|id| *id == run.id) {
        _ if runs.marked.is_empty() => String::new(),
        Some(place) if place < 9 => format!("{}{} ", theme.glyphs.best, place + 1),
        Some(_) => format!("{}  ", theme.glyphs.best),
        None => "   ".into(),
    }
}

/// Returns the note after the name of a run whose log has damaged lines. The detail lists them.
fn damage_mark(run: &RunView) -> &'static str {
    if run.damage.is_none() { "" } else { " (damaged)" }
}

fn tags(run: &RunView) -> String {
    let tags: Vec<&str> = run.annotations.tags.iter().map(crate::domain::Tag::as_str).collect();
    let note = if run.annotations.note.as_str().is_empty() { "" } else { "+note" };
    tags.into_iter().chain((!note.is_empty()).then_some(note)).collect::<Vec<_>>().join(" ")
}

/// Returns the epoch and the maximum, such as `12/50`. An active run counts its current epoch, an ended run only
/// completed ones.
fn epoch(summary: &Summary, run_state: RunState) -> String {
    let epoch = match summary.progress.filter(|_| run_state.is_active()) {
        Some(progress) => progress.epoch,
        None => summary.epoch(),
    };
    if run_state == RunState::Finished { epoch.to_string() } else { format!("{epoch}/{}", summary.limits.epochs) }
}

fn row(state: &State, run: &RunView) -> Row {
    let theme = &state.theme;
    let (word, style) = status::list_label(state, run);
    let name = format!("{}{}{}", mark(theme, &state.runs, run), run.id, damage_mark(run));
    let mut row: Row = vec![(word, style), (name, theme.strong())];
    let Ok(summary) = &run.summary else {
        row.resize(COLUMNS.len(), (String::new(), theme.text()));
        return row;
    };
    let run_state = run.state(state.now).unwrap_or(RunState::Lost);
    let recipe = &summary.recipe;
    let text = |text: String| (text, theme.text());
    row.extend([text(recipe.strategy.to_string()), text(recipe.dataset.to_string()), text(epoch(summary, run_state))]);
    if let Some(wait) = describe_wait(state, summary).filter(|_| run_state == RunState::Queued) {
        row.push((wait, theme.dim()));
        return row;
    }
    let best = summary.best();
    let scores = summary.test.as_ref().map(|test| test.confusion.scores());
    let figure =
        |value: Option<f64>, decimals| text(value.map_or_else(|| "–".to_owned(), |value| decimal(value, decimals)));
    row.extend([
        figure(best.map(|best| best.val_loss), 4),
        figure(best.map(|best| best.val_accuracy), 3),
        figure(scores.as_ref().map(|scores| scores.accuracy), 3),
        figure(scores.as_ref().map(|scores| scores.f1), 3),
        text(speed(summary)),
        (age(state.now.saturating_sub(recipe.created_at)), theme.dim()),
        (tags(run), theme.accent()),
    ]);
    row
}

/// Returns what a queued run waits for, in few words for a narrow list.
fn describe_wait(state: &State, summary: &Summary) -> Option<String> {
    let queue = &state.runs.queue;
    let turn = summary.slot_wait.as_ref().map(|wait| match queue.ahead(&summary.id).unwrap_or(wait.ahead) {
        0 => format!("next on {}", wait.device),
        ahead => format!("{ahead} ahead on {}", wait.device),
    });
    let words = summary.waiting_for.as_ref().map(|other| format!("after {other}")).or(turn)?;
    let begins = queue
        .of(&summary.id)
        .begins
        .map_or_else(String::new, |at| format!(", from {}", clock_time(at, state.now, &state.zone)));
    Some(printable(&format!("{words}{begins}")))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to what fits
fn speed(summary: &Summary) -> String {
    let speed = summary.images_per_second.filter(|speed| speed.is_finite());
    speed.map_or_else(|| "–".into(), |speed| thousands(speed.clamp(0.0, 1e12).round() as usize))
}

/// Returns a line that is as wide as any of the list, in the columns whose width depends on the runs.
fn widest(state: &State) -> Row {
    let runs = &state.runs;
    let mut texts: Vec<String> = WIDEST.iter().map(|text| (*text).to_owned()).collect();
    let marks = if runs.marked.is_empty() { 0 } else { 3 };
    let mut longest = [0; 6];
    for run in runs.visible(&state.library).take(MEASURED) {
        let Ok(summary) = &run.summary else { continue };
        let recipe = &summary.recipe;
        // Names contain only characters of one column each.
        let speed = summary.images_per_second.map_or(1, |speed| if speed >= 1e4 { 7 } else { 5 });
        let tags: usize = run.annotations.tags.iter().map(|tag| tag.as_str().len() + 1).sum();
        let note = if run.annotations.note.as_str().is_empty() { 0 } else { 6 };
        let lengths = [
            run.id.as_str().len() + damage_mark(run).len() + marks,
            recipe.strategy.name().len(),
            recipe.dataset.as_str().len(),
            // `300/300` is as wide as the last epoch will be.
            WIDEST[4].len().max(2 * summary.limits.epochs.to_string().len() + 1),
            speed,
            tags + note,
        ];
        for (longest, length) in longest.iter_mut().zip(lengths) {
            *longest = (*longest).max(length);
        }
    }
    for (column, length) in [1, 2, 3, 4, 9, 11].into_iter().zip(longest) {
        texts[column] = "x".repeat(length);
    }
    texts.into_iter().map(|text| (text, Style::new())).collect()
}

/// Returns the widths of the columns; without tags, their column has none.
fn most_widths(state: &State, room: u16, gap: u16) -> Vec<u16> {
    let rows = [widest(state)];
    let no_tags = rows[0][11].0.is_empty();
    let mut columns = COLUMNS;
    if no_tags {
        columns[11].rank = u8::MAX;
    }
    let table = Table { columns: &columns, rows: &rows, selected: None, marked: false, gap };
    let mut widths = table.widths(room);
    if no_tags {
        widths[11] = 0;
    }
    widths
}

/// Returns the number of columns at which no cell of the list is cut.
pub(super) fn wanted(state: &State) -> u16 {
    let widths = most_widths(state, u16::MAX, 1);
    widths.iter().sum::<u16>() + u16::try_from(widths.len()).unwrap_or(0) + 2
}

/// Returns 1 if a line above the list states its filter, order or marks, else 0.
pub(super) fn heading_rows(state: &State) -> u16 {
    let runs = &state.runs;
    u16::from(
        !runs.filter.text.is_empty()
            || runs.sort.is_some()
            || runs.marked.len() > 1
            || runs.news.since().is_some()
            || runs.queue.done_by().is_some(),
    )
}

/// Draws the line of filter and order, the headings, and as many runs as fit.
pub(super) fn render(state: &State, buffer: &mut Buffer, layout: &mut Layout, area: Rect) {
    let heading = heading_rows(state);
    if heading > 0 {
        draw_heading(state, buffer, Rect { height: 1, ..area });
    }
    let area = Rect { y: area.y + heading, height: area.height.saturating_sub(heading), ..area };
    let (runs, theme) = (&state.runs, &state.theme);
    let visible = usize::from(area.height.saturating_sub(1));
    let position = runs.position(&state.library);
    let first = first_line(position, runs.shown.len(), visible);
    let rows: Vec<Row> = runs.visible(&state.library).skip(first).take(visible).map(|run| row(state, run)).collect();
    // Columns are two cells apart if that hides none of them.
    let all = most_widths(state, u16::MAX, 2);
    let shown = u16::try_from(all.iter().filter(|width| **width > 0).count()).unwrap_or(0);
    let gap = if all.iter().sum::<u16>() + 2 * shown <= area.width { 2 } else { 1 };
    let widths = most_widths(state, area.width.saturating_sub(2), gap);
    let selected = (!rows.is_empty()).then(|| position - first);
    let table = Table { columns: &COLUMNS, rows: &rows, selected, marked: true, gap };
    table.draw(buffer, theme, area, &widths, &titles(state));
    layout.add_lines(table.visible_lines(area).map(|(index, place)| (first + index, place)), position);
    draw_direction(state, buffer, area, &widths, gap);
    draw_scroll_marks(theme, buffer, area, first > 0, first + rows.len() < runs.shown.len());
}

/// Draws an arrow after the heading of the sorting column. The arrow is between columns, so that none moves or
/// disappears.
fn draw_direction(state: &State, buffer: &mut Buffer, area: Rect, widths: &[u16], gap: u16) {
    let Some(key) = state.runs.sort else { return };
    let Some(column) = FIELDS.iter().position(|field| *field == key.by).filter(|column| widths[*column] > 0) else {
        return;
    };
    let before = widths[..column].iter().filter(|width| **width > 0).map(|width| width + gap).sum::<u16>();
    let title = if COLUMNS[column].right { widths[column] } else { width(COLUMNS[column].title) };
    let mut pen = Pen::new(buffer, &state.theme, area, 0);
    pen.skip(1 + before + title).write(if key.descending { "▼" } else { "▲" }, state.theme.accent());
}

/// Returns the headings; that of the sorting column is highlighted.
fn titles(state: &State) -> Row {
    let theme = &state.theme;
    let title = |(column, field): (&Column, Field)| match state.runs.sort {
        Some(key) if key.by == field => (column.title.to_owned(), theme.accent()),
        _ => (column.title.to_owned(), theme.dim()),
    };
    COLUMNS.iter().zip(FIELDS).map(title).collect()
}

/// Draws arrows at the right edge where the list continues above its first line or below its last one.
fn draw_scroll_marks(theme: &Theme, buffer: &mut Buffer, area: Rect, above: bool, below: bool) {
    for (row, arrow, there) in [(1, "↑", above), (area.height.saturating_sub(1), "↓", below)] {
        if there && area.width > 0 {
            Pen::new(buffer, theme, area, row).skip(area.width - 1).write(arrow, theme.accent());
        }
    }
}

/// Draws `12 of 1,000 runs · state:running · by val_loss, lowest first · 3 marked`.
fn draw_heading(state: &State, buffer: &mut Buffer, area: Rect) {
    let (runs, theme) = (&state.runs, &state.theme);
    let mut pen = Pen::new(buffer, theme, area, 0);
    let (shown, all) = (runs.shown.len(), state.library.runs.list.len());
    pen.skip(1);
    if let Some(since) = runs.news.since() {
        let time = clock_time(since, state.now, &state.zone);
        pen.write(&format!("since {time}: {} (!)", runs.news.counts()), theme.accent()).write(" · ", theme.dim());
    }
    if runs.filter.text.is_empty() {
        pen.write(&format!("{} runs", thousands(all)), theme.text());
    } else {
        pen.write(&format!("{} of {} runs: ", thousands(shown), thousands(all)), theme.text());
        let room = pen.room().saturating_sub(40).max(12);
        let text = crate::tui::widgets::paint::fit(&printable(&runs.filter.text), room, theme);
        pen.write(&text, theme.accent());
    }
    if let Some(key) = runs.sort {
        let words = match (key.by.is_text(), key.descending) {
            (true, false) => "A first",
            (true, true) => "Z first",
            (false, false) => "lowest first",
            (false, true) => "highest first",
        };
        pen.write(" · by ", theme.dim())
            .write(&key.to_string(), theme.accent())
            .write(&format!(", {words}"), theme.dim());
    }
    if !runs.marked.is_empty() {
        pen.write(&format!(" · {} marked", runs.marked.len()), theme.dim());
    }
    if let Some(at) = runs.queue.done_by() {
        let words = format!(" · all done by {}", clock_time(at, state.now, &state.zone));
        pen.write(&words, theme.text());
    }
    let share = real(shown as u64) / real(all.max(1) as u64);
    if share < 1.0 && pen.room() > width("/ changes it ") {
        pen.flush_right("/ changes it ", theme.dim());
    }
}
