//! The Train screen: what exactly will run.

mod meaning;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::tui::state::{DatasetView, Field, Form, State};
use crate::tui::widgets::paint::{Pen, rule, wrap};

/// Columns of the form where something stands beside it.
const FORM_WIDTH: u16 = 62;

/// Columns from which something stands beside the form.
const WIDE: u16 = 110;

/// The form, then what the focused line is, then what the whole means. Tells where the cursor belongs.
pub(super) fn render(state: &State, buffer: &mut Buffer, area: Rect) -> Option<Position> {
    let datasets: Vec<&DatasetView> = state.data.readable().collect();
    let lines = u16::try_from(Form::fields().len()).unwrap_or(u16::MAX) + 1;
    let (form, beside) = if area.width >= WIDE {
        let form = Rect { width: FORM_WIDTH, y: area.y + 1, height: area.height - 1, ..area };
        (form, Rect { x: form.right(), width: area.width - FORM_WIDTH, ..area })
    } else {
        let form = Rect { height: lines.min(area.height), ..area };
        (form, Rect { y: form.bottom(), height: area.height - form.height, ..area })
    };
    let cursor = fields(state, &datasets, buffer, form);
    let used = explanation(state, &datasets, buffer, beside);
    let below = Rect { y: beside.y + used, height: beside.height.saturating_sub(used), ..beside };
    meaning::render(state, &datasets, buffer, below);
    cursor
}

fn label(field: Field) -> &'static str {
    match field {
        Field::Dataset => "dataset",
        Field::Setting(setting) => setting.name(),
        Field::Name => "run name",
        Field::Launch => "launch",
    }
}

fn fields(state: &State, datasets: &[&DatasetView], buffer: &mut Buffer, area: Rect) -> Option<Position> {
    let theme = &state.theme;
    Pen::new(buffer, theme, area, 0)
        .skip(2)
        .left("strategy", 17, theme.dim())
        .write("cnn", theme.text())
        .skip(1)
        .write("small convolutional network", theme.dim());
    let all = Form::fields();
    // On a very low terminal the lines scroll with the focus.
    let room = usize::from(area.height.saturating_sub(1));
    let here = all.iter().position(|field| *field == state.form.focus).unwrap_or(0);
    let first = crate::tui::widgets::table::first_line(here, all.len(), room);
    let mut cursor = None;
    for (row, field) in (1..area.height).zip(all.into_iter().skip(first)) {
        let at = Rect { y: area.y + row, height: 1, ..area };
        cursor = line(state, datasets, buffer, at, field).or(cursor);
    }
    cursor
}

/// One line of the form; where the cursor belongs if it is here.
fn line(state: &State, datasets: &[&DatasetView], buffer: &mut Buffer, at: Rect, field: Field) -> Option<Position> {
    let (theme, form) = (&state.theme, &state.form);
    let focused = form.focus == field;
    let strong = if focused { theme.accent() } else { theme.text() };
    let mut pen = Pen::new(buffer, theme, at, 0);
    pen.left(if focused { theme.glyphs.focus } else { "" }, 2, theme.accent());
    if field == Field::Launch {
        let what = match form.chosen(datasets) {
            Some(dataset) => format!("cnn on {} as {}", dataset.name, form.name.text()),
            None => "choose a dataset first".into(),
        };
        let button = if form.launching { "[ Launching … ]" } else { "[ Launch ]" };
        let style = if focused { theme.strong().patch(theme.selected()) } else { theme.strong() };
        pen.write(button, style).skip(7).write(&what, theme.dim());
        return None;
    }
    pen.left(label(field), 17, if focused { theme.accent() } else { theme.dim() });
    let [open, close] = theme.glyphs.choice;
    let choice = |value: &str| if focused { format!("{open} {value} {close}") } else { value.to_owned() };
    let mut cursor = None;
    let error = form.error(field, datasets);
    let value_style = if error.is_some() { theme.bad() } else { strong };
    let (text, note) = match field {
        Field::Dataset => (choice(form.dataset.as_ref().map_or("none", |name| name.as_str())), String::new()),
        Field::Setting(setting) => {
            let text = form.value(setting).text();
            let default = Form::default_of(setting);
            let note = if text == default { String::new() } else { format!("changed, default {default}") };
            if setting.choices().is_empty() { (text.to_owned(), note) } else { (choice(text), note) }
        }
        _ => (form.name.text().to_owned(), String::new()),
    };
    let input = match field {
        Field::Setting(setting) if setting.choices().is_empty() => Some(form.value(setting)),
        Field::Name => Some(&form.name),
        _ => None,
    };
    if let Some(input) = input.filter(|_| focused) {
        let (x, y) = pen.position();
        let offset = u16::try_from(input.cursor()).unwrap_or(0);
        cursor = Some(Position { x: (x + offset).min(at.right().saturating_sub(1)), y });
    }
    let columns = if field == Field::Name { pen.room() } else { 20 };
    pen.left(&text, columns, value_style);
    if error.is_some() {
        pen.write("✗ see below", theme.bad());
    } else {
        pen.write(&note, theme.warning());
    }
    cursor
}

/// What the focused line is and accepts, and what is wrong with it. Returns the rows used.
fn explanation(state: &State, datasets: &[&DatasetView], buffer: &mut Buffer, area: Rect) -> u16 {
    const ROWS: u16 = 4;
    let theme = &state.theme;
    let field = state.form.focus;
    let (what, accepted) = match field {
        Field::Dataset => ("the images to train on; Data (1) shows what is in them", String::new()),
        Field::Setting(setting) => {
            let default = Form::default_of(setting);
            (setting.explanation(), format!("accepts {} · default {default}", setting.range()))
        }
        Field::Name => ("the run's name and the name of its folder", "letters, digits, - _ and . ".into()),
        Field::Launch => ("Enter starts a worker of its own: it goes on when the dashboard is closed", String::new()),
    };
    rule(buffer, theme, Rect { height: 1, ..area }, &[(label(field), theme.strong())], "");
    let lines = wrap(what, area.width.saturating_sub(3));
    let count = u16::try_from(lines.len()).unwrap_or(ROWS);
    for (row, text) in (1..).zip(&lines) {
        Pen::new(buffer, theme, area, row).skip(2).write(text, theme.text());
    }
    match state.form.error(field, datasets) {
        Some(error) => Pen::new(buffer, theme, area, count + 1).skip(2).write(&format!("✗ {error}"), theme.bad()),
        None => Pen::new(buffer, theme, area, count + 1).skip(2).write(&accepted, theme.dim()),
    };
    ROWS.min(area.height)
}
