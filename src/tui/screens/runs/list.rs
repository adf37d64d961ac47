//! The list of runs. Only visible lines are built, because a home may hold thousands of runs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{RunsState, columns};
use crate::domain::number_text::{clock_time, count, span};
use crate::domain::{RunState, text::printable};
use crate::runs::Summary;
use crate::runs::facts::{Field, Value};
use crate::tui::layout::Layout;
use crate::tui::library::RunView;
use crate::tui::state::State;
use crate::tui::theme::Theme;
use crate::tui::widgets::number_text::{age, decimal, real, thousands};
use crate::tui::widgets::paint::{Pen, fit_name, width};
use crate::tui::widgets::table::{Column, Row, Table, first_line};

use super::status;

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

/// Returns a line of the list. That of a queued run ends with the reason for waiting in place of its metrics.
fn row(state: &State, run: &RunView, columns: &[(Field, Column)], widths: &[u16]) -> Row {
    let queued = run.state(state.now) == Some(RunState::Queued);
    let wait = run.summary.as_ref().ok().filter(|_| queued).and_then(|summary| describe_wait(state, summary));
    let mut row = Row::new();
    for ((field, column), width) in columns.iter().zip(widths) {
        let is_metric = column.right && !matches!(field, Field::Epoch | Field::Setting(_));
        if let (Some(wait), true) = (&wait, is_metric) {
            row.push((wait.clone(), state.theme.dim()));
            return row;
        }
        let (text, style) = cell(state, run, *field);
        row.push((if *field == Field::Name { fit_name(&text, *width, &state.theme) } else { text }, style));
    }
    row
}

/// Returns the text of a run in a column.
fn cell(state: &State, run: &RunView, field: Field) -> (String, Style) {
    let theme = &state.theme;
    let text = |text: String| (text, theme.text());
    match field {
        Field::State => return status::list_label(state, run),
        Field::Name => {
            let name = format!("{}{}{}", mark(theme, &state.runs, run), run.id, damage_mark(run));
            return (name, theme.strong());
        }
        _ => {}
    }
    let (Ok(summary), Some(facts)) = (&run.summary, run.facts(state.now)) else { return text(String::new()) };
    let decimals = if field == Field::ValLoss { 4 } else { 3 };
    match field {
        Field::Strategy => text(summary.recipe.strategy.to_string()),
        Field::Dataset => text(summary.recipe.dataset.to_string()),
        Field::Epoch => text(summary.epoch_text(facts.state())),
        Field::Rate => text(speed(summary)),
        Field::Age => (age(state.now.saturating_sub(summary.recipe.created_at)), theme.dim()),
        Field::Tag => (tags(run), theme.accent()),
        Field::Setting(setting) => text(summary.setting(setting).unwrap_or_else(|| "–".into())),
        _ => match facts.value(field) {
            Value::Number(seconds) if field == Field::Duration => text(span(seconds)),
            Value::Number(number) => text(decimal(number, decimals)),
            _ => text("–".into()),
        },
    }
}

/// Returns what a queued run waits for, in few words for a narrow list.
fn describe_wait(state: &State, summary: &Summary) -> Option<String> {
    let queue = &state.runs.queue;
    let slot = summary.slot_wait.as_ref().map(|wait| match queue.ahead(&summary.id).unwrap_or(wait.ahead) {
        0 => format!("next on {}", wait.device),
        ahead => format!("{ahead} ahead on {}", wait.device),
    });
    let words = summary.waiting_for.as_ref().map(|other| format!("after {other}")).or(slot)?;
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

/// Returns the width of the widest text of a column, so that no column moves when the list does.
fn widest(state: &State, field: Field) -> usize {
    let runs = &state.runs;
    let longest =
        |length: &dyn Fn(&RunView) -> usize| runs.visible(&state.library).take(MEASURED).map(length).max().unwrap_or(0);
    // Names contain only characters of one column each.
    let of = |length: fn(&Summary) -> usize| {
        longest(&|run: &RunView| run.summary.as_ref().map_or(0, |summary| length(summary)))
    };
    match field {
        Field::State => 12,
        Field::Name => {
            let marks = if runs.marked.is_empty() { 0 } else { 3 };
            longest(&|run: &RunView| run.id.as_str().len() + damage_mark(run).len() + marks)
        }
        Field::Strategy => of(|summary| summary.recipe.strategy.name().len()),
        Field::Dataset => of(|summary| summary.recipe.dataset.as_str().len()),
        // `300/300` is as wide as the last epoch will be.
        Field::Epoch => of(|summary| 2 * summary.last_epoch().to_string().len() + 1).max(5),
        Field::Rate => of(|summary| summary.images_per_second.map_or(1, |speed| if speed >= 1e4 { 7 } else { 5 })),
        Field::Tag => longest(&|run: &RunView| tags(run).len()),
        Field::Duration => of(|summary| span(summary.trained_seconds()).len()),
        Field::Age => 3,
        Field::Setting(setting) => longest(&|run: &RunView| {
            let value = run.summary.as_ref().ok().and_then(|summary| summary.setting(setting));
            value.map_or(1, |text| text.len())
        }),
        _ => 6,
    }
}

/// The widest names of runs that are tried, so that a long one does not omit a column.
const NAME_WIDTHS: [u16; 3] = [24, 18, 13];

/// Returns the widths of the columns; without tags, their column has none.
fn most_widths(state: &State, shown: &[(Field, Column)], room: u16, gap: u16) -> Vec<u16> {
    let texts: Vec<usize> = shown.iter().map(|(field, _)| widest(state, *field)).collect();
    let row: Row = texts.iter().map(|width| ("x".repeat(*width), Style::new())).collect();
    let is_empty = |index: usize| shown[index].0 == Field::Tag && texts[index] == 0;
    let with_names = |most: u16| {
        let mut columns: Vec<Column> = shown.iter().map(|(_, column)| *column).collect();
        for (index, (field, _)) in shown.iter().enumerate() {
            match field {
                Field::Name => columns[index].max_width = most,
                _ if is_empty(index) => columns[index].rank = u8::MAX,
                _ => {}
            }
        }
        let rows = [row.clone()];
        let table = Table { columns: &columns, rows: &rows, selected: None, marked: false, gap };
        let mut widths = table.widths(room);
        (0..shown.len()).filter(|index| is_empty(*index)).for_each(|index| widths[index] = 0);
        widths
    };
    let count = |widths: &[u16]| {
        let decides = |(index, width): &(usize, &u16)| **width > 0 && shown[*index].1.rank <= columns::DECIDING;
        widths.iter().enumerate().filter(decides).count()
    };
    let widths = NAME_WIDTHS.map(with_names);
    // The widest names that omit none of the deciding columns.
    let most = widths.iter().map(|widths| count(widths)).max().unwrap_or(0);
    widths.into_iter().find(|widths| count(widths) == most).unwrap_or_default()
}

/// Returns the number of columns at which no cell of the list is cut.
pub(super) fn wanted(state: &State) -> u16 {
    let widths = most_widths(state, &columns::shown(&state.runs), u16::MAX, 1);
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
    let columns = columns::shown(runs);
    // Columns are two cells apart if that hides none of them.
    let all = most_widths(state, &columns, u16::MAX, 2);
    let shown = u16::try_from(all.iter().filter(|width| **width > 0).count()).unwrap_or(0);
    let gap = if all.iter().sum::<u16>() + 2 * shown <= area.width { 2 } else { 1 };
    let widths = most_widths(state, &columns, area.width.saturating_sub(2), gap);
    let lines = runs.visible(&state.library).skip(first).take(visible);
    let rows: Vec<Row> = lines.map(|run| row(state, run, &columns, &widths)).collect();
    let selected = (!rows.is_empty()).then(|| position - first);
    let heads: Vec<Column> = columns.iter().map(|(_, column)| *column).collect();
    let table = Table { columns: &heads, rows: &rows, selected, marked: true, gap };
    table.draw(buffer, theme, area, &widths, &titles(state, &columns));
    layout.headings.extend(headings(area, &widths, gap));
    layout.add_lines(table.visible_lines(area).map(|(index, place)| (first + index, place)), position);
    draw_direction(state, &columns, buffer, area, &widths, gap);
    draw_scroll_marks(theme, buffer, area, first > 0, first + rows.len() < runs.shown.len());
}

/// Returns the area of each shown heading with the index of its column.
fn headings(area: Rect, widths: &[u16], gap: u16) -> Vec<(Rect, usize)> {
    let mut x = area.x + 1;
    let mut found = Vec::new();
    for (index, width) in widths.iter().enumerate().filter(|(_, width)| **width > 0) {
        found.push((Rect { x, y: area.y, width: *width, height: 1 }.intersection(area), index));
        x += width + gap;
    }
    found
}

/// Draws an arrow after the heading of the sorting column. The arrow is between columns, so that none moves or
/// disappears.
fn draw_direction(
    state: &State,
    columns: &[(Field, Column)],
    buffer: &mut Buffer,
    area: Rect,
    widths: &[u16],
    gap: u16,
) {
    let Some(key) = state.runs.sort else { return };
    let index = columns.iter().position(|(field, _)| *field == key.by);
    let Some(column) = index.filter(|column| widths[*column] > 0) else {
        return;
    };
    let before = widths[..column].iter().filter(|width| **width > 0).map(|width| width + gap).sum::<u16>();
    let title = if columns[column].1.right { widths[column] } else { width(columns[column].1.title) };
    let mut pen = Pen::new(buffer, &state.theme, area, 0);
    pen.skip(1 + before + title).write(if key.descending { "▼" } else { "▲" }, state.theme.accent());
}

/// Returns the headings; that of the sorting column is highlighted.
fn titles(state: &State, columns: &[(Field, Column)]) -> Row {
    let theme = &state.theme;
    let title = |(field, column): &(Field, Column)| match state.runs.sort {
        Some(key) if key.by == *field => (column.title.to_owned(), theme.accent()),
        _ => (column.title.to_owned(), theme.dim()),
    };
    columns.iter().map(title).collect()
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
        pen.write(&count(all, "run", "runs"), theme.text());
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
