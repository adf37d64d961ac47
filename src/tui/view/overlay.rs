//! Draws overlays: help, palette, messages, questions, prompts and reports.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Block, Clear, Widget};

use super::{help, messages, palette};
use crate::tui::layout::Canvas;
use crate::tui::state::{Confirm, Input, Overlay, Prompt, Report, State};
use crate::tui::widgets::paint::{Pen, wrap};
use crate::tui::widgets::text_field;

/// Draws the overlay, if there is one.
pub(super) fn render(state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    match &state.overlay {
        None => {}
        Some(Overlay::Help(help)) => help::render(state, help, canvas, area),
        Some(Overlay::Palette(palette)) => {
            canvas.cursor = Some(palette::render(state, palette, canvas.buffer, area));
        }
        Some(Overlay::Messages(line)) => messages::render(state, *line, canvas, area),
        Some(Overlay::Confirm(confirm)) => draw_question(state, confirm, canvas.buffer, area),
        Some(Overlay::Prompt(prompt)) => canvas.cursor = Some(draw_prompt(state, prompt, canvas.buffer, area)),
        Some(Overlay::Report(report)) => draw_report(state, report, canvas, area),
    }
}

fn draw_question(state: &State, confirm: &Confirm, buffer: &mut Buffer, area: Rect) {
    const WIDTH: u16 = 66;
    let theme = &state.theme;
    let room = WIDTH.min(area.width) - 4;
    let lines: Vec<String> = confirm.lines.iter().flat_map(|line| wrap(line, room)).collect();
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4);
    let inside = draw_frame(state, buffer, area, (WIDTH, rows), &format!(" {} ", confirm.title));
    for (row, line) in (0..).zip(&lines) {
        let style = if row == 0 { theme.strong() } else { theme.text() };
        Pen::new(buffer, theme, inside, row).skip(1).write(line, style);
    }
    let last = inside.height.saturating_sub(1);
    let (yes, no) = (state.keymap.key("confirm.yes"), state.keymap.key("confirm.no"));
    Pen::new(buffer, theme, inside, last)
        .skip(1)
        .write(&yes, theme.accent())
        .write(&format!(" {}      ", confirm.yes), theme.text())
        .write(&no, theme.accent())
        .write(" no", theme.text());
}

/// Draws a prompt. Returns the position of the cursor.
///
/// ```text
/// ╭ filter ─────────────────────────────────────────╮
/// │ state:running val_acc>0.6                       │
/// │ what is accepted, or what is wrong              │
/// ╰─────────────────────────────────────────────────╯
/// ```
fn draw_prompt(state: &State, prompt: &Prompt, buffer: &mut Buffer, area: Rect) -> Position {
    let theme = &state.theme;
    let columns = area.width.saturating_sub(4).min(96);
    let (hint, style) = match &prompt.error {
        Some(error) => (error.as_str(), theme.bad()),
        None => (prompt.explanation.as_str(), theme.dim()),
    };
    let lines = wrap(hint, columns.saturating_sub(4));
    let explained = wrap(&prompt.explanation, columns.saturating_sub(4)).len();
    let rows = u16::try_from(lines.len().max(explained)).unwrap_or(u16::MAX).saturating_add(3);
    let low =
        Rect { y: area.bottom().saturating_sub(rows + 2).max(area.y), height: (rows + 2).min(area.height), ..area };
    // A screen that changes while the text is typed stays visible above the prompt.
    let area = if prompt.live { low } else { area };
    let inside = draw_frame(state, buffer, area, (columns, rows), &format!(" {} ", prompt.title));
    for (row, line) in (1..).zip(&lines) {
        Pen::new(buffer, theme, inside, row).skip(1).write(line, style);
    }
    draw_input(state, &prompt.input, buffer, inside)
}

/// Draws a text field on the first line of the area, and returns the cursor's position.
pub(super) fn draw_input(state: &State, input: &Input, buffer: &mut Buffer, inside: Rect) -> Position {
    // A free column on each side.
    let place = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), height: 1, ..inside };
    let strong = state.theme.strong();
    let style = if input.is_selected() { strong.patch(state.theme.selected()) } else { strong };
    text_field::render(buffer, &state.theme, place, input.text(), input.cursor(), style)
}

/// Returns the width and the wrapped lines of a report.
fn report_lines(state: &State, report: &Report) -> (u16, Vec<String>) {
    let columns = state.columns.saturating_sub(4).clamp(20, 100);
    // The continuation of a wrapped line keeps its indentation.
    let wrapped = |line: &String| {
        let indent = line.len() - line.trim_start().len();
        let lines = wrap(line, columns.saturating_sub(4 + u16::try_from(indent).unwrap_or(0)));
        lines.into_iter().map(move |line| format!("{}{line}", " ".repeat(indent))).collect::<Vec<_>>()
    };
    (columns, report.lines.iter().flat_map(wrapped).collect())
}

/// Returns the number of lines of a report that fit on the screen.
fn report_rows(state: &State) -> usize {
    // Tabs, bottom line, two lines of border, and a free line above and below.
    usize::from(state.rows.saturating_sub(6)).max(1)
}

fn draw_report(state: &State, report: &Report, canvas: &mut Canvas<'_>, area: Rect) {
    let buffer = &mut *canvas.buffer;
    let theme = &state.theme;
    let (columns, lines) = report_lines(state, report);
    let rows = lines.len().min(report_rows(state));
    let height = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2);
    let inside = draw_frame(state, buffer, area, (columns, height), &format!(" {} ", report.title));
    let visible = usize::from(inside.height);
    canvas.layout.last_page = lines.len().saturating_sub(visible);
    let first = report.first.min(canvas.layout.last_page);
    for (row, (index, line)) in (0..).zip(lines.iter().enumerate().skip(first).take(visible)) {
        let style = if index == 0 { theme.strong() } else { theme.text() };
        Pen::new(buffer, theme, inside, row).skip(1).write(line, style);
    }
    let below = lines.len().saturating_sub(first + visible);
    if below > 0 {
        let edge = Rect { y: inside.bottom(), height: 1, ..inside };
        Pen::new(buffer, theme, edge, 0).flush_right(&format!(" {below} more: ↓ "), theme.accent());
    }
}

/// Clears the middle of the area and draws a border around it. Returns the area inside the border.
pub(super) fn draw_frame(state: &State, buffer: &mut Buffer, area: Rect, size: (u16, u16), title: &str) -> Rect {
    let frame = area.centered(
        ratatui::layout::Constraint::Length(size.0.min(area.width)),
        ratatui::layout::Constraint::Length(size.1.min(area.height)),
    );
    Clear.render(frame, buffer);
    let block = Block::bordered().border_type(state.theme.border()).border_style(state.theme.accent()).title(title);
    let inside = block.inner(frame);
    block.render(frame, buffer);
    inside
}
