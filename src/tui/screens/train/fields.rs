//! The lines of the form.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::consequences::describe_base;
use super::{CorrectionChoice, Field, Form, FormChoices};
use crate::domain::place::THIS_MACHINE;
use crate::domain::{Corrections, StrategyChoice};
use crate::supervise::strategy_run_names;
use crate::tui::layout::Layout;
use crate::tui::state::{Input, State};
use crate::tui::widgets::number_text::thousands;
use crate::tui::widgets::paint::{Pen, width};
use crate::tui::widgets::table::first_line;

/// Columns of a label; `base-learning-rate` is the longest one.
const LABEL: u16 = 19;

/// Columns of a value, so that the notes after values are aligned.
const VALUE: u16 = 18;

/// Draws the lines, scrolled to the focus where they do not fit; the launch line is always visible. Returns the
/// cursor's position.
pub(super) fn render(state: &State, buffer: &mut Buffer, layout: &mut Layout, area: Rect) -> Option<Position> {
    let all = state.train.fields();
    let (launch, fields) = all.split_last()?;
    let room = area.height.saturating_sub(1).min(u16::try_from(fields.len()).unwrap_or(u16::MAX));
    let here = fields.iter().position(|field| *field == state.train.focus).unwrap_or(fields.len() - 1);
    let first = first_line(here, fields.len(), room.into());
    let below = fields.len().saturating_sub(first + usize::from(room));
    let place = |row: u16| Rect { y: area.y + row, height: area.height.min(1), ..area };
    let focused = all.iter().position(|field| *field == state.train.focus).unwrap_or(0);
    layout.add_lines((0..room).map(|row| (first + usize::from(row), place(row))), focused);
    layout.add_lines(std::iter::once((all.len() - 1, place(room))), focused);
    let mut cursor = None;
    for (row, field) in (0..room).zip(&fields[first..]) {
        let at = place(row);
        let more = match row {
            0 if first > 0 => format!("↑ {first} more"),
            row if row + 1 == room && below > 0 => format!("↓ {below} more"),
            _ => String::new(),
        };
        let place = Rect { width: at.width.saturating_sub(if more.is_empty() { 0 } else { width(&more) + 2 }), ..at };
        cursor = draw_field(state, buffer, place, *field).or(cursor);
        if !more.is_empty() {
            Pen::new(buffer, &state.theme, at, 0).flush_right(&format!("{more} "), state.theme.accent());
        }
    }
    draw_field(state, buffer, place(room), *launch).or(cursor)
}

/// Draws a line of the form. Returns the cursor's position if it is in this line.
fn draw_field(state: &State, buffer: &mut Buffer, at: Rect, field: Field) -> Option<Position> {
    let (theme, form, choices) = (&state.theme, &state.train, &state.form_choices());
    let focused = form.focus == field;
    let mut pen = Pen::new(buffer, theme, at, 0);
    pen.left(if focused { theme.glyphs.focus } else { "" }, 2, theme.accent());
    match field {
        Field::Launch => draw_launch(state, &mut pen),
        Field::Strategy => {
            pen.left(field.label(), LABEL, if focused { theme.accent() } else { theme.dim() });
            draw_strategies(state, &mut pen);
        }
        _ => {
            pen.left(field.label(), LABEL, if focused { theme.accent() } else { theme.dim() });
            let error = form.error(field, choices);
            let style = match (&error, focused) {
                (Some(_), _) => theme.bad(),
                (None, true) => theme.accent(),
                (None, false) => theme.text(),
            };
            let start = pen.position();
            let (input, note) = value(state, field);
            let chosen = if focused && form.is_selected() { style.patch(theme.selected()) } else { style };
            draw_value(state, &mut pen, field, input.text(), chosen);
            if error.is_some() {
                pen.write("✗ invalid", theme.bad());
            } else {
                let changed = match field {
                    Field::Setting(_) => true,
                    Field::Corrections => form.changes_corrections(choices),
                    _ => false,
                };
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

/// Writes a value and moves the pen to the column of the note.
fn draw_value(state: &State, pen: &mut Pen<'_>, field: Field, text: &str, style: Style) {
    let [open, close] = state.theme.glyphs.choice;
    if field == Field::Name {
        let columns = pen.room();
        pen.left(text, columns, style);
    } else if text.is_empty()
        && matches!(field, Field::Setting(_))
        && !(field.takes_text() && state.train.focus == field)
    {
        // Not `none`, which is a value of some settings.
        pen.write("each strategy's own", if state.train.focus == field { style } else { state.theme.dim() }).skip(2);
    } else if text.is_empty() && !field.takes_text() {
        pen.left("none", VALUE, style);
    } else {
        let chosen = state.train.focus == field && !field.takes_text();
        let is_list = matches!(field, Field::Setting(_)) && !field.takes_text();
        let text = match text.rsplit_once(',').filter(|_| is_list) {
            // Only the last value is chosen with the arrows.
            Some((earlier, last)) if chosen => format!("{earlier},{open} {last} {close}"),
            _ if chosen => format!("{open} {text} {close}"),
            _ => text.to_owned(),
        };
        let columns = width(&text);
        pen.write(&text, style).skip(VALUE.saturating_sub(columns).max(2));
    }
}

/// Returns the value of a line and the note after it.
fn value(state: &State, field: Field) -> (Input, String) {
    let (form, choices) = (&state.train, &state.form_choices());
    match field {
        Field::Dataset => (named(form.dataset.as_ref()), String::new()),
        Field::Weights => {
            let name = form.weights(choices);
            let base = name.and_then(|name| choices.base(name));
            (named(name), base.map(describe_base).unwrap_or_default())
        }
        Field::From => {
            let run = form.start(choices);
            let name = form.from.as_ref().or(run.map(|run| &run.id));
            (named(name), run.map(|run| describe_start(choices, run)).unwrap_or_default())
        }
        Field::Corrections => describe_corrections(form, choices),
        Field::Setting(setting) => {
            let value = form.value(setting, choices);
            let default = form.default_of(setting, choices);
            let repeats = form
                .repeated
                .as_ref()
                .filter(|(_, recipe)| form.strategy_choice == StrategyChoice::One(recipe.strategy));
            let several = form.values(setting, choices).map_or(0, |values| values.len());
            let note = match (default, repeats) {
                _ if several > 1 => format!("{several} values"),
                // A repeated form highlights its differences from that run, not that run's differences from the
                // defaults.
                (_, Some(_)) => match form.difference_from_repeated(setting, choices) {
                    Some((id, theirs)) => format!("changed, {id} has {theirs}"),
                    None => String::new(),
                },
                (default, None) => match default {
                    Some(default) if value.text() != default => format!("changed, default {default}"),
                    None if !value.text().is_empty() => "changed, defaults differ".into(),
                    _ => String::new(),
                },
            };
            (value, note)
        }
        Field::Folds => {
            let note = if form.folds.is_some() { "cross-validation" } else { "the dataset's own splits" };
            (Input::new(form.folds.map_or_else(|| "off".into(), |folds| folds.to_string())), note.into())
        }
        Field::Place => match form.place() {
            Some(place) => (Input::new(place.name.as_str()), place.to_string()),
            None => (Input::new(THIS_MACHINE), "this machine".into()),
        },
        Field::Name => (form.name.clone(), String::new()),
        Field::Strategy | Field::Launch => (Input::default(), String::new()),
    }
}

/// Returns the choice of corrections with the numbers of images, and the runs with which they were found.
fn describe_corrections(form: &Form, choices: &FormChoices<'_>) -> (Input, String) {
    let corrections = form.corrections(choices);
    let counts = count_corrections(&corrections);
    let text = match form.correction_choice(choices) {
        CorrectionChoice::Nothing => String::new(),
        CorrectionChoice::Marked => format!("marked ({counts})"),
        CorrectionChoice::Found(kind) => format!("{} ({counts})", kind.name()),
        CorrectionChoice::Earlier { .. } => format!("as before ({counts})"),
    };
    let found: Vec<String> = corrections.found_with().into_iter().map(ToString::to_string).collect();
    let known = form.correction_choices(choices);
    let changed = if form.changes_corrections(choices) { "changed" } else { "" };
    let note = match text.is_empty() {
        true if !changed.is_empty() => changed.into(),
        true if known.contains(&CorrectionChoice::Marked) => "there are marked images".into(),
        true if known.len() > 1 => "the check found some: ← →".into(),
        true => "nothing is marked".into(),
        false if found.is_empty() => changed.into(),
        false => {
            let found = format!("found with {}", found.join(", "));
            if changed.is_empty() { found } else { format!("{changed}, {found}") }
        }
    };
    (Input::new(text), note)
}

/// Returns `2 left out, 3 relabelled`, without the part of which there are none.
fn count_corrections(corrections: &Corrections) -> String {
    let parts = [(corrections.left_out.len(), "left out"), (corrections.relabelled.len(), "relabelled")];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, words)| format!("{} {words}", thousands(count))).collect();
    parts.join(", ")
}

fn named<T: ToString>(name: Option<&T>) -> Input {
    Input::new(name.map(ToString::to_string).unwrap_or_default())
}

/// Returns the strategy and the dataset of the run from which fine-tuning starts.
fn describe_start(choices: &FormChoices<'_>, run: &crate::tui::library::RunView) -> String {
    let Ok(summary) = &run.summary else { return String::new() };
    let what = format!("{} on {}", summary.recipe.strategy, summary.recipe.dataset);
    if choices.is_active(run) { format!("{what}, still active") } else { what }
}

/// Draws the strategies side by side, the chosen one marked.
fn draw_strategies(state: &State, pen: &mut Pen<'_>) {
    let (theme, form) = (&state.theme, &state.train);
    // With two cells between them they need 42 columns. Otherwise the last one would be cut.
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

fn draw_launch(state: &State, pen: &mut Pen<'_>) {
    let (theme, form, choices) = (&state.theme, &state.train, &state.form_choices());
    let button = if form.launching { "[ Launching … ]" } else { "[ Launch ]" };
    let focused = form.focus == Field::Launch;
    let style = if focused { theme.strong().patch(theme.selected()) } else { theme.strong() };
    pen.write(button, style).skip((LABEL + 2).saturating_sub(2 + width(button)).max(1));
    let (what, style) = if let Some((field, _)) = form.first_error(choices) {
        (format!("not yet: see {}", field.label()), theme.bad())
    } else {
        let corrections = form.corrections(choices);
        let corrections = match corrections.left_out.len() + corrections.relabelled.len() {
            0 => String::new(),
            images => format!(", {} corrected", thousands(images)),
        };
        (describe_launch(form, choices) + &corrections + &when(state), theme.dim())
    };
    pen.write(&what, style);
}

/// Returns the place of the runs, or a note that they may wait for others on this machine.
fn when(state: &State) -> String {
    match state.train.place() {
        Some(place) => format!(", on {}", place.name),
        None if state.library.runs.active(state.now) == 0 => String::new(),
        None => ", in turn".into(),
    }
}

fn describe_launch(form: &Form, choices: &FormChoices<'_>) -> String {
    let on = form.dataset(choices).map(|dataset| dataset.name.to_string()).unwrap_or_default();
    match (form.strategy_choice, crate::domain::RunId::of_new_run(form.name.text())) {
        (StrategyChoice::All, Ok(stem)) => {
            let [first, ..] = strategy_run_names(&stem);
            format!("four runs on {on}: {first}, …")
        }
        (strategy_choice, Ok(stem)) if form.run_names(&stem, choices).len() > 1 => {
            let names = form.run_names(&stem, choices);
            format!("{} runs of {} on {on}: {}, …", names.len(), strategy_choice.name(), names[0])
        }
        (strategy_choice, _) => format!("{} on {on} as {}", strategy_choice.name(), form.name.text()),
    }
}
