//! Draws the import form: its lines, the explanation of the focused one, and the preview.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::update::names;
use super::{ImportField, ImportForm, PreviewStatus, preview};
use crate::tui::layout::{Canvas, Layout};
use crate::tui::state::State;
use crate::tui::widgets::paint::{Pen, draw_rule, width, wrap};
use crate::tui::widgets::table::first_line;
use crate::tui::widgets::text_field;

/// Columns of a label; `follow-links` is the longest one.
const LABEL: u16 = 14;

/// Columns of the form on a wide terminal, where the preview is to its right.
const FORM_WIDTH: u16 = 64;

/// The fewest columns of a wide terminal.
const WIDE: u16 = 120;

/// Rows of the explanation, with the rule above it.
const EXPLAINED: u16 = 4;

/// Draws the form.
pub(in crate::tui::screens::data) fn render(state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    let theme = &state.theme;
    draw_rule(canvas.buffer, theme, Rect { height: 1, ..area }, &[("import a dataset", theme.strong())], "");
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let lines = u16::try_from(ImportForm::fields().len()).unwrap_or(u16::MAX);
    let (form, explained, shown) = if area.width >= WIDE {
        let form = Rect { width: FORM_WIDTH, height: lines.min(body.height), ..body };
        let beside = Rect { x: form.right(), width: body.width - FORM_WIDTH, ..body };
        let explained = Rect { height: EXPLAINED + 2, ..beside };
        (form, explained, Rect { y: explained.bottom(), height: beside.height.saturating_sub(EXPLAINED + 2), ..beside })
    } else {
        // The last line gives the preview the room of the options, because it asks whether that is what is wanted.
        let is_last = state.data.form.focus == ImportField::Import;
        let form = Rect { height: if is_last { 3 } else { 9.min(body.height) }, ..body };
        let rows = if is_last { 0 } else { EXPLAINED.min(body.height - form.height) };
        let explained = Rect { y: form.bottom(), height: rows, ..body };
        let y = explained.bottom();
        (form, explained, Rect { y, height: body.bottom().saturating_sub(y), ..body })
    };
    canvas.cursor = draw_lines(state, canvas.buffer, &mut canvas.layout, form);
    explain(state, canvas.buffer, explained);
    draw_preview(state, canvas.buffer, shown);
}

/// Draws the lines, scrolled to the focus; the last one is always visible. Returns the cursor's position.
fn draw_lines(state: &State, buffer: &mut Buffer, layout: &mut Layout, area: Rect) -> Option<Position> {
    let all = ImportForm::fields();
    let (last, fields) = all.split_last()?;
    let focused = all.iter().position(|field| *field == state.data.form.focus).unwrap_or(0);
    let room = area.height.saturating_sub(1).min(u16::try_from(fields.len()).unwrap_or(u16::MAX));
    // On the last line, source and name stay visible.
    let first = if focused + 1 == all.len() { 0 } else { first_line(focused, fields.len(), room.into()) };
    let below = fields.len().saturating_sub(first + usize::from(room));
    let place = |row: u16| Rect { y: area.y + row, height: area.height.min(1), ..area };
    layout.add_lines((0..room).map(|row| (first + usize::from(row), place(row))), focused);
    layout.add_lines(std::iter::once((all.len() - 1, place(room))), focused);
    let mut cursor = None;
    for (row, field) in (0..room).zip(&fields[first..]) {
        let more = match row {
            0 if first > 0 => format!("↑ {first} more"),
            row if row + 1 == room && below > 0 => format!("↓ {below} more"),
            _ => String::new(),
        };
        let at = place(row);
        let columns = at.width.saturating_sub(if more.is_empty() { 0 } else { width(&more) + 2 });
        cursor = draw_line(state, buffer, Rect { width: columns, ..at }, *field).or(cursor);
        if !more.is_empty() {
            Pen::new(buffer, &state.theme, at, 0).flush_right(&format!("{more} "), state.theme.accent());
        }
    }
    draw_line(state, buffer, place(room), *last).or(cursor)
}

/// Draws a line of the form. Returns the cursor's position if it is in this line.
fn draw_line(state: &State, buffer: &mut Buffer, at: Rect, field: ImportField) -> Option<Position> {
    let (theme, form) = (&state.theme, &state.data.form);
    let focused = form.focus == field;
    let mut pen = Pen::new(buffer, theme, at, 0);
    pen.left(if focused { theme.glyphs.focus } else { "" }, 2, theme.accent());
    if field == ImportField::Import {
        draw_import(state, &mut pen);
        return None;
    }
    pen.left(field.label(), LABEL, if focused { theme.accent() } else { theme.dim() });
    let input = form.input(field)?;
    // An empty source is no mistake yet.
    let error = form.error(field, &names(state)).filter(|_| !input.text().is_empty());
    let style = match (&error, focused) {
        (Some(_), _) => theme.bad(),
        (None, true) => theme.accent(),
        (None, false) => theme.text(),
    };
    let note = if error.is_some() { "✗ invalid" } else { "" };
    let room = pen.room().saturating_sub(width(note) + u16::from(!note.is_empty()) * 2);
    let (x, y) = pen.position();
    if !field.takes_text() {
        let [open, close] = theme.glyphs.choice;
        let text = if input.text().is_empty() { "no" } else { input.text() };
        let text = if focused { format!("{open} {text} {close}") } else { text.to_owned() };
        pen.write(&text, style).skip(2);
    } else if input.text().is_empty() && !focused {
        pen.write(if field.option().is_some() { "default" } else { "" }, theme.dim());
        return None;
    } else {
        let place = Rect { x, y, width: room.max(1), height: 1 };
        let is_secret = field.option().is_some_and(|option| option.is_secret);
        let text = if is_secret { "*".repeat(input.text().chars().count()) } else { input.text().to_owned() };
        let cursor = text_field::render(buffer, theme, place, &text, input.cursor(), style);
        Pen::new(buffer, theme, at, 0).flush_right(note, theme.bad());
        return focused.then_some(cursor);
    }
    pen.write(note, theme.bad());
    None
}

/// Draws the last line: what Enter does there.
fn draw_import(state: &State, pen: &mut Pen<'_>) {
    let (theme, form) = (&state.theme, &state.data.form);
    let style = if form.focus == ImportField::Import { theme.strong().patch(theme.selected()) } else { theme.strong() };
    pen.write("[ Import ]", style).skip(4);
    let (words, style) = match form.order(&names(state)) {
        Err((field, _)) => (format!("not yet: see {}", field.label()), theme.dim()),
        Ok(order) if order.is_address() => (format!("download and import as {}", order.name), theme.text()),
        Ok(order) => match form.preview_of(&order) {
            Some(PreviewStatus::Ready(_)) => (format!("as {}", order.name), theme.text()),
            Some(PreviewStatus::Reading) => ("reading the source …".into(), theme.dim()),
            Some(PreviewStatus::Failed(_)) => ("not possible: see the preview".into(), theme.bad()),
            None => ("Enter shows what would be imported".into(), theme.text()),
        },
    };
    pen.write(&words, style);
}

/// Draws the explanation of the focused line, or its error.
fn explain(state: &State, buffer: &mut Buffer, area: Rect) {
    if area.height < 2 {
        return;
    }
    let (theme, form) = (&state.theme, &state.data.form);
    let field = form.focus;
    let words = match field {
        ImportField::Source => {
            "A folder, an archive, a CSV table, or the https address of one. Folders and archives hold train/CLASS and \
             test/CLASS, or CLASS alone. Paths may be dropped here."
        }
        ImportField::Name => "Letters, digits, - and _. Commands and runs use this name.",
        ImportField::Option(_) => field.option().map_or("", |option| option.explanation),
        ImportField::Import => {
            "Enter imports what the preview shows; the import continues after the dashboard is closed."
        }
    };
    let typed = form.input(field).is_some_and(|input| !input.text().is_empty());
    let error = form.error(field, &names(state)).filter(|_| typed);
    let value = field.option().and_then(|option| option.value).unwrap_or("");
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &[(field.label(), theme.strong())], value);
    let columns = area.width.saturating_sub(3);
    let (words, style) = match &error {
        Some(error) => (format!("✗ {error}"), theme.bad()),
        None => (words.to_owned(), theme.text()),
    };
    for (row, line) in (1..area.height).zip(wrap(&words, columns)) {
        Pen::new(buffer, theme, area, row).skip(2).write(&line, style);
    }
}

/// Draws as much of the preview as fits.
fn draw_preview(state: &State, buffer: &mut Buffer, area: Rect) {
    if area.height < 2 {
        return;
    }
    let theme = &state.theme;
    let lines = preview::lines(state, area.width.saturating_sub(3));
    let room = usize::from(area.height - 1);
    let hidden = lines.len().saturating_sub(room);
    let note = match hidden {
        0 => String::new(),
        _ if state.data.form.focus == ImportField::Import => {
            format!("{hidden} more lines: mien data import --dry-run")
        }
        _ => format!("{hidden} more lines on the last line (PgDn)"),
    };
    draw_rule(buffer, theme, Rect { height: 1, ..area }, &[("what would be imported", theme.strong())], &note);
    for (row, (line, style)) in (1..area.height).zip(&lines) {
        Pen::new(buffer, theme, area, row).skip(2).write(line, *style);
    }
}
