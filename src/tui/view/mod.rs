//! Draws the whole screen: tabs, the screen in front, overlays and the bottom line. It reads the state and cannot
//! change it.

mod ascii;
mod help;
mod messages;
mod overlay;
mod palette;
mod tour;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Clear, Widget};

use super::layout::{Canvas, Layout};
use super::library::RunView;
use super::messages::{Action, Binding};
use super::remote;
use super::screen::Screen;
use super::screens::entry;
use super::state::{Message, State};
use super::widgets::faces::Pictures;
use super::widgets::number_text::count;
use super::widgets::paint::{Pen, width, wrap};
use crate::domain::text::{is_printable, printable};
use crate::domain::{RunState, Size};

/// Draws a frame. Returns its layout and the position of the terminal's cursor, if it is shown.
///
/// ```text
///  mien  1 Data  2 Train  3 Runs                                     1 running
///  (the screen)
///  Enter zoom  m curve  S stop  r repeat                          ? help  q quit
/// ```
///
/// Adds the pictures of the frame to `pictures`, except those that an overlay covers.
pub(super) fn render(
    state: &State,
    buffer: &mut Buffer,
    area: Rect,
    pictures: &mut Pictures,
) -> (Layout, Option<Position>) {
    let drawn = draw(state, buffer, area, pictures);
    escape_cells(buffer);
    if state.theme.glyphs.ascii {
        ascii::convert_to_ascii(buffer, &state.theme);
    }
    drawn
}

fn draw(state: &State, buffer: &mut Buffer, area: Rect, pictures: &mut Pictures) -> (Layout, Option<Position>) {
    let smallest = entry(state.screen).smallest();
    if area.width < smallest.0 || area.height < smallest.1 {
        draw_too_small(state, smallest, buffer, area);
        return (Layout::default(), None);
    }
    let mut canvas = Canvas { buffer, pictures, layout: Layout::default(), cursor: None };
    let canvas = &mut canvas;
    draw_tabs(state, canvas, Rect { height: 1, ..area });
    let body = Rect { y: area.y + 1, height: area.height - 2, ..area };
    entry(state.screen).draw(state, canvas, body);
    let covered = state.overlay.is_some() || state.shown_message().is_some() || state.tour;
    let over = (!canvas.pictures.placed.is_empty() && covered).then(|| canvas.buffer.clone());
    if state.overlay.is_some() {
        canvas.cursor = None;
    }
    tour::render(state, canvas.buffer, body);
    overlay::render(state, canvas, body);
    // The bottom line is drawn last, because a long message covers lines of the screen.
    draw_bottom_line(state, canvas, Rect { y: area.bottom() - 1, height: 1, ..area });
    if let Some(before) = over {
        canvas.pictures.remove_covered(&before, canvas.buffer);
    }
    (std::mem::take(&mut canvas.layout), canvas.cursor)
}

fn draw_too_small(state: &State, (columns, rows): (u16, u16), buffer: &mut Buffer, area: Rect) {
    let lines = [
        format!("mien needs {columns} columns and {rows} rows,"),
        format!("this terminal has {} and {}.", area.width, area.height),
        "Enlarge it, press 3, or use `mien runs`.".into(),
    ];
    let lines = lines.iter().flat_map(|line| wrap(line, area.width));
    for (row, line) in (0..area.height).zip(lines) {
        Pen::new(buffer, &state.theme, area, row).write(&line, state.theme.text());
    }
}

/// Replaces control characters in all cells, so that no text of a screen can steer the terminal.
fn escape_cells(buffer: &mut Buffer) {
    for cell in buffer.content.iter_mut().filter(|cell| cell.symbol() != " ") {
        if cell.symbol().chars().any(|c| !is_printable(c)) {
            let safe = printable(cell.symbol());
            cell.set_symbol(&safe);
        }
    }
}

fn draw_tabs(state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    let theme = &state.theme;
    let mut pen = Pen::new(canvas.buffer, theme, area, 0);
    pen.write(NAME, theme.accent());
    let link = state.library.link.as_ref().map(|link| remote::words(link, state.now));
    for (number, screen) in (1..).zip(Screen::ALL) {
        let style = if screen == state.screen { theme.strong().patch(theme.selected()) } else { theme.text() };
        let unseen = if screen == Screen::Runs { state.runs.news.unseen() } else { 0 };
        let mark = if unseen > 0 { format!("{} {unseen} ", theme.glyphs.best) } else { String::new() };
        let text = format!(" {number} {} {mark}", screen.title());
        let (x, y) = pen.position();
        pen.write(&text, style);
        canvas.layout.tabs.push((Rect { x, y, width: width(&text), height: 1 }, screen));
    }
    let runs = &state.library.runs;
    let of = |wanted| runs.list.iter().filter(|run| run.state(state.now) == Some(wanted)).count();
    let (queued, paused) = (of(RunState::Queued), of(RunState::Paused));
    let running = runs.active(state.now) - queued - paused;
    let counts: Vec<String> = [(running, "running"), (paused, "paused"), (queued, "queued")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| count(number, word, word))
        .collect();
    if let Some((words, is_wrong)) = link {
        let words = format!("{words} ");
        let counted = if counts.is_empty() { words.clone() } else { format!("{} · {words}", counts.join(", ")) };
        let style = if is_wrong { theme.bad() } else { theme.good() };
        // What is wrong with the line comes before the counts, which may be old.
        let text = if is_wrong || width(&counted) > pen.room() { words } else { counted };
        pen.flush_right(&text, style.patch(theme.strong()));
        return;
    }
    if counts.is_empty() {
        return;
    }
    let counts = format!("{} ", counts.join(", "));
    let fitting = device_load(state).into_iter().find(|load| width(load) + 3 + width(&counts) <= pen.room());
    if let Some(load) = fitting {
        let room = pen.room() - width(&load) - 2 - width(&counts);
        pen.skip(room).write(&load, theme.text());
    }
    pen.flush_right(&counts, theme.good().patch(theme.strong()));
}

/// Returns the load of the selected run's worker if it is active, else of the first active one: in a long and a short
/// form. On the CPU it is the worker's share of one core, not that of the machine.
fn device_load(state: &State) -> Vec<String> {
    let texts = |run: &RunView| {
        let at_work = run.is_active(state.now) && run.state(state.now) != Some(RunState::Paused);
        let summary = run.summary.as_ref().ok().filter(|_| at_work)?;
        let load = summary.load.as_ref()?;
        let (short, memory) = match &load.gpu {
            Some(gpu) => {
                let name = summary.device.as_ref().map_or_else(|| "gpu".into(), |device| printable(&device.name));
                (format!("{name} {}%", gpu.utilization), gpu.memory_used)
            }
            None => (format!("worker {:.0}% of a core", load.cpu), load.memory),
        };
        Some(vec![format!("{short} · {}", Size(memory)), short])
    };
    state.runs.current(&state.library).into_iter().chain(&state.library.runs.list).find_map(texts).unwrap_or_default()
}

/// The text at the left end of the tabs.
const NAME: &str = " mien ";

/// A hint of the bottom line: the key, the hint and the action of a click.
type Hint = (String, &'static str, Action);

fn draw_bottom_line(state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    let theme = &state.theme;
    if let Some(message) = state.shown_message() {
        return show_message(state, message, canvas.buffer, area);
    }
    let (ends, others): (Vec<Hint>, Vec<Hint>) =
        hints(state).into_iter().partition(|(_, hint, _)| ["help", "quit"].contains(hint));
    let columns = |(key, hint, _): &Hint| width(key) + width(hint) + 3;
    let end: u16 = ends.iter().map(columns).sum();
    let mut pen = Pen::new(canvas.buffer, theme, area, 0);
    let targets = &mut canvas.layout.targets;
    let mut write = |pen: &mut Pen<'_>, (key, hint, action): &Hint| {
        let (x, y) = pen.position();
        targets.push((Rect { x, y, width: width(key) + width(hint) + 1, height: 1 }, *action));
        pen.write(key, theme.accent()).write(" ", theme.text()).write(hint, theme.dim()).skip(2);
    };
    pen.skip(1);
    for hint in &others {
        if pen.room() < end + columns(hint) {
            break;
        }
        write(&mut pen, hint);
    }
    let room = pen.room();
    pen.skip(room.saturating_sub(end));
    ends.iter().for_each(|hint| write(&mut pen, hint));
}

/// Returns the hints of the keys that have an effect now, in the order of the tables.
fn hints(state: &State) -> Vec<Hint> {
    let of = |binding: &'static Binding| {
        let (screen, over) = (entry(state.screen), state.overlay.is_some());
        // The keys of an overlay are not those of the screen below it.
        let hint = if over { binding.hint } else { screen.hint(state, binding) };
        let key = state.theme.key(*state.keymap.keys(binding).first()?);
        let applies = !hint.is_empty() && (over || screen.applies(state, binding.action));
        applies.then_some((key, hint, binding.action))
    };
    state.keymap.of(state.context()).filter_map(of).collect()
}

/// Writes a message on the bottom line; a long one also covers up to three lines above it.
fn show_message(state: &State, message: &Message, buffer: &mut Buffer, area: Rect) {
    let theme = &state.theme;
    let error = message.error;
    let style = if error { theme.bad().patch(theme.strong()) } else { theme.strong() };
    let lines = wrap(&message.text, area.width - 4);
    let rows = u16::try_from(lines.len()).unwrap_or(1).min(4);
    let area = Rect { y: area.y + 1 - rows, height: rows, ..area };
    Clear.render(area, buffer);
    for (row, line) in (0..rows).zip(&lines) {
        let sign = if error && row == 0 { theme.glyphs.states[5] } else { "" };
        Pen::new(buffer, theme, area, row).skip(1).left(sign, if error { 2 } else { 0 }, style).write(line, style);
    }
}
