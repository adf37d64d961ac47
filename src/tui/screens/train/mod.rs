//! The Train screen: what exactly will run, and what it will cost.

mod before;
mod cost;
mod explanation;
mod fields;
mod meaning;
mod network;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::domain::{Strategy, StrategyChoice};
use crate::tui::state::{Field, State};

/// Columns of the form where something stands beside it.
const FORM_WIDTH: u16 = 64;

/// Columns from which something stands beside the form.
const WIDE: u16 = 120;

/// The fewest lines of the form on a low terminal.
const FEWEST: u16 = 8;

/// The form, what the focused line is, and what the whole means. Tells where the cursor belongs.
pub(super) fn render(state: &State, buffer: &mut Buffer, area: Rect) -> Option<Position> {
    let lines = u16::try_from(state.form.fields().len()).unwrap_or(u16::MAX);
    let (form, beside, explained) = if area.width >= WIDE {
        let form = Rect { width: FORM_WIDTH, y: area.y + 1, height: area.height - 1, ..area };
        (form, Rect { x: form.right(), width: area.width - FORM_WIDTH, ..area }, explanation::ROOMY)
    } else {
        // What it means must not be pushed off the screen by settings that nobody looks at: those scroll.
        let room = area.height.saturating_sub(explanation::TIGHT + meaning_rows(state.form.strategy_choice));
        let form = Rect { height: lines.min(room.max(FEWEST)).min(area.height), ..area };
        (form, Rect { y: form.bottom(), height: area.height - form.height, ..area }, explanation::TIGHT)
    };
    let cursor = fields::render(state, buffer, form);
    if area.width >= WIDE {
        let under = lines.saturating_add(1).min(form.height);
        let free = Rect { y: form.y + under, width: form.width - 1, height: form.height - under, ..form };
        before::render(state, buffer, free);
    }
    let explained = explained.min(beside.height);
    explanation::render(state, buffer, Rect { height: explained, ..beside });
    let below = Rect { y: beside.y + explained, height: beside.height - explained, ..beside };
    meaning::render(state, buffer, below);
    cursor
}

/// Rows kept for what the form means where room is scarce. One number for a strategy: the form must not grow and shrink
/// with what is typed.
fn meaning_rows(strategy_choice: StrategyChoice) -> u16 {
    match strategy_choice {
        StrategyChoice::One(Strategy::Cnn | Strategy::Deep) => 5,
        StrategyChoice::One(Strategy::Features) => 8,
        StrategyChoice::One(Strategy::Finetune) | StrategyChoice::All => 9,
    }
}

fn label(field: Field) -> &'static str {
    match field {
        Field::Strategy => "strategy",
        Field::Dataset => "dataset",
        Field::From => "from",
        Field::Without => "left out",
        Field::Weights => "weights",
        Field::Setting(setting) => setting.name(),
        Field::Name => "run name",
        Field::Launch => "launch",
    }
}
