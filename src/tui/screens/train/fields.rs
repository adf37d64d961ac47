//! The lines of the form.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::label;
use super::meaning::base_words;
use crate::domain::StrategyChoice;
use crate::supervise::strategy_run_names;
use crate::tui::state::{Field, Form, Ground, Input, State, Without};
use crate::tui::widgets::figures::thousands;
use crate::tui::widgets::paint::{Pen, width};
use crate::tui::widgets::table::first_line;

/// Columns of a line's name; `base-learning-rate` is the longest.
const LABEL: u16 = 19;

/// Columns of a value, so that what stands behind it lines up.
const VALUE: u16 = 18;

/// Draws the lines, scrolled with the focus where they do not fit; the launch line stays in sight. Tells where the
/// cursor belongs.
pub(super) fn render(state: &State, buffer: &mut Buffer, area: Rect) -> Option<Position> {
    let all = state.form.fields();
    let (launch, fields) = all.split_last()?;
    let room = area.height.saturating_sub(1).min(u16::try_from(fields.len()).unwrap_or(u16::MAX));
    let here = fields.iter().position(|field| *field == state.form.focus).unwrap_or(fields.len() - 1);
    let first = first_line(here, fields.len(), room.into());
    let below = fields.len().saturating_sub(first + usize::from(room));
    let mut cursor = None;
    for (row, field) in (0..room).zip(&fields[first..]) {
        let at = Rect { y: area.y + row, height: 1, ..area };
        let more = match row {
            0 if first > 0 => format!("↑ {first} more"),
            row if row + 1 == room && below > 0 => format!("↓ {below} more"),
            _ => String::new(),
        };
        let place = Rect { width: at.width.saturating_sub(if more.is_empty() { 0 } else { width(&more) + 2 }), ..at };
        cursor = line(state, buffer, place, *field).or(cursor);
        if !more.is_empty() {
            Pen::new(buffer, &state.theme, at, 0).flush_right(&format!("{more} "), state.theme.accent());
        }
    }
    line(state, buffer, Rect { y: area.y + room, height: area.height.min(1), ..area }, *launch).or(cursor)
}

/// One line of the form; where the cursor belongs if it is here.
fn line(state: &State, buffer: &mut Buffer, at: Rect, field: Field) -> Option<Position> {
    let (theme, form, ground) = (&state.theme, &state.form, &state.ground());
    let focused = form.focus == field;
    let mut pen = Pen::new(buffer, theme, at, 0);
    pen.left(if focused { theme.glyphs.focus } else { "" }, 2, theme.accent());
    match field {
        Field::Launch => launch(state, &mut pen),
        Field::Strategy => {
            pen.left(label(field), LABEL, if focused { theme.accent() } else { theme.dim() });
            strategies(state, &mut pen);
        }
        _ => {
            pen.left(label(field), LABEL, if focused { theme.accent() } else { theme.dim() });
            let error = form.error(field, ground);
            let style = match (&error, focused) {
                (Some(_), _) => theme.bad(),
                (None, true) => theme.accent(),
                (None, false) => theme.text(),
            };
            let start = pen.position();
            let (input, note) = value(state, field);
            show(state, &mut pen, field, input.text(), style);
            if error.is_some() {
                pen.write("✗ see below", theme.bad());
            } else {
                let changed = matches!(field, Field::Setting(_));
                pen.write(&note, if changed { theme.warning() } else { theme.dim() });
            }
            if focused && field.takes_text() {
                let offset = u16::try_from(input.cursor()).unwrap_or(0);
                let x = (start.0 + offset).min(at.right().saturating_sub(1));
                return Some(Position { x, y: start.1 });
            }
        }
    }
    None
}

/// Writes a value and leaves the pen where what is to be said of it goes.
fn show(state: &State, pen: &mut Pen<'_>, field: Field, text: &str, style: Style) {
    let [open, close] = state.theme.glyphs.choice;
    if field == Field::Name {
        let columns = pen.room();
        pen.left(text, columns, style);
    } else if text.is_empty() && !field.takes_text() {
        pen.left("none", VALUE, style);
    } else if text.is_empty() && state.form.focus != field {
        pen.write("each strategy's own", state.theme.dim());
    } else {
        let chosen = state.form.focus == field && !field.takes_text();
        let text = if chosen { format!("{open} {text} {close}") } else { text.to_owned() };
        let columns = width(&text);
        pen.write(&text, style).skip(VALUE.saturating_sub(columns).max(2));
    }
}

/// What stands in a line, and what there is to say of it.
fn value(state: &State, field: Field) -> (Input, String) {
    let (form, ground) = (&state.form, &state.ground());
    match field {
        Field::Dataset => (named(form.dataset.as_ref()), String::new()),
        Field::Weights => {
            let name = form.weights(ground);
            let base = name.and_then(|name| ground.base(name));
            (named(name), base.map(base_words).unwrap_or_default())
        }
        Field::From => {
            let run = form.start(ground);
            let name = form.from.as_ref().or(run.map(|run| &run.id));
            (named(name), run.map(|run| start_words(ground, run)).unwrap_or_default())
        }
        Field::Without => without(form, ground),
        Field::Setting(setting) => {
            let value = form.value(setting, ground);
            let default = form.default_of(setting, ground);
            let repeats = form
                .repeated
                .as_ref()
                .filter(|(_, recipe)| form.strategy_choice == StrategyChoice::One(recipe.strategy));
            let note = match (default, repeats) {
                // What stands out is what differs from the run, not what that run changed.
                (_, Some(_)) => match form.differs(setting, ground) {
                    Some((id, theirs)) => format!("changed, {id} has {theirs}"),
                    None => String::new(),
                },
                (default, None) => match default {
                    Some(default) if value.text() != default => format!("changed, default {default}"),
                    None if !value.text().is_empty() => "changed, default each its own".into(),
                    _ => String::new(),
                },
            };
            (value, note)
        }
        Field::Name => (form.name.clone(), String::new()),
        Field::Strategy | Field::Launch => (Input::default(), String::new()),
    }
}

/// What is left out, and by whose judgement.
fn without(form: &Form, ground: &Ground<'_>) -> (Input, String) {
    let left_out = form.left_out(ground);
    let text = match form.without(ground) {
        Without::Nothing => String::new(),
        Without::Marked => format!("marked ({})", thousands(left_out.len())),
        Without::Earlier { .. } => format!("as before ({})", thousands(left_out.len())),
    };
    let found: Vec<String> = left_out.found_with.iter().map(ToString::to_string).collect();
    let note = match (text.is_empty(), form.withouts(ground).len()) {
        (true, 0 | 1) => "nothing is marked".into(),
        (true, _) => "there are marked images".into(),
        (false, _) if found.is_empty() => String::new(),
        (false, _) => format!("found with {}", found.join(", ")),
    };
    (Input::new(text), note)
}

fn named<T: ToString>(name: Option<&T>) -> Input {
    Input::new(name.map(ToString::to_string).unwrap_or_default())
}

/// What the run is that fine-tuning starts from.
fn start_words(ground: &Ground<'_>, run: &crate::tui::state::RunView) -> String {
    let Ok(summary) = &run.summary else { return String::new() };
    let what = format!("{} on {}", summary.recipe.strategy, summary.recipe.dataset);
    if ground.is_active(run) { format!("{what}, still at work") } else { what }
}

/// The strategies side by side, the chosen one marked.
fn strategies(state: &State, pen: &mut Pen<'_>) {
    let (theme, form) = (&state.theme, &state.form);
    // All four with two cells between them take 42: closer together before the last one is cut.
    let gap = if pen.room() < 42 { 1 } else { 2 };
    for strategy_choice in StrategyChoice::EACH {
        let chosen = strategy_choice == form.strategy_choice;
        let style = match (chosen, form.focus == Field::Strategy) {
            (true, true) => theme.accent(),
            (true, false) => theme.strong(),
            (false, _) => theme.dim(),
        };
        let [mark, empty] = theme.glyphs.radio;
        pen.write(&format!("{} {}", if chosen { mark } else { empty }, strategy_choice.name()), style).skip(gap);
    }
}

fn launch(state: &State, pen: &mut Pen<'_>) {
    let (theme, form, ground) = (&state.theme, &state.form, &state.ground());
    let button = if form.launching { "[ Launching … ]" } else { "[ Launch ]" };
    let focused = form.focus == Field::Launch;
    let style = if focused { theme.strong().patch(theme.selected()) } else { theme.strong() };
    pen.write(button, style).skip((LABEL + 2).saturating_sub(2 + width(button)).max(1));
    let (what, style) = match form.first_error(ground) {
        Some((field, _)) => (format!("not yet: {}", missing(form, field)), theme.bad()),
        None => (ordered(form, ground) + in_turn(state.active()), theme.dim()),
    };
    pen.write(&what, style);
}

/// What a launch now would come to: one run a device at a time.
fn in_turn(active: usize) -> &'static str {
    if active == 0 { "" } else { ", in its turn" }
}

fn missing(form: &Form, field: Field) -> String {
    if form.focus == field { "see below".into() } else { format!("look at {}", label(field)) }
}

fn ordered(form: &Form, ground: &Ground<'_>) -> String {
    let on = form.dataset(ground).map(|dataset| dataset.name.to_string()).unwrap_or_default();
    match (form.strategy_choice, crate::domain::RunId::of_new_run(form.name.text())) {
        (StrategyChoice::All, Ok(stem)) => {
            let [first, ..] = strategy_run_names(&stem);
            format!("four on {on}: {first}, …")
        }
        (strategy_choice, _) => format!("{} on {on} as {}", strategy_choice.name(), form.name.text()),
    }
}
