//! The Train screen: what exactly will run, and what it will cost.

mod backend;
mod before;
mod cost;
mod explanation;
mod fields;
mod meaning;
mod network;
mod state;
mod update;

use ratatui::layout::Rect;

use crate::domain::{Strategy, StrategyChoice};
use crate::tui::layout::Canvas;
use crate::tui::messages::{Action, Effect, TrainAction};
use crate::tui::screens::ScreenEntry;
use crate::tui::state::State;
pub(super) use backend::run_effect;
pub use state::{Field, Form, FormChoices, Order, Without};
pub use update::on_event;

/// Columns of the form where something stands beside it.
const FORM_WIDTH: u16 = 64;

/// Columns from which something stands beside the form.
const WIDE: u16 = 120;

/// The fewest lines of the form on a low terminal.
const FEWEST: u16 = 8;

impl State {
    /// What the form chooses from.
    #[must_use]
    pub fn form_choices(&self) -> FormChoices<'_> {
        FormChoices { library: &self.library, now: self.now }
    }

    /// The form, to be changed, and what it chooses from.
    pub fn form_and_choices(&mut self) -> (&mut Form, FormChoices<'_>) {
        (&mut self.train, FormChoices { library: &self.library, now: self.now })
    }
}

/// The entry of the screen.
pub(super) struct Train;

impl ScreenEntry for Train {
    fn draw(&self, state: &State, canvas: &mut Canvas<'_>, area: Rect) {
        draw(state, canvas, area);
    }

    fn apply(&self, state: &mut State, action: Action) -> Vec<Effect> {
        update::apply(state, action)
    }

    fn applies(&self, state: &State, action: Action) -> bool {
        applies(state, action)
    }

    fn paste(&self, state: &mut State, text: &str) -> bool {
        update::paste(state, text)
    }

    fn selection(&self, state: &State) -> Option<(String, String)> {
        // The name that the next run would have.
        let name = state.train.name.text();
        (!name.is_empty()).then(|| ("the run's name".into(), name.to_owned()))
    }
}

/// The form, what the focused line is, and what the whole means.
fn draw(state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    let buffer = &mut *canvas.buffer;
    let lines = u16::try_from(state.train.fields().len()).unwrap_or(u16::MAX);
    let (form, beside, explained) = if area.width >= WIDE {
        let form = Rect { width: FORM_WIDTH, y: area.y + 1, height: area.height - 1, ..area };
        (form, Rect { x: form.right(), width: area.width - FORM_WIDTH, ..area }, explanation::ROOMY)
    } else {
        // What it means must not be pushed off the screen by settings that nobody looks at: those scroll.
        let room = area.height.saturating_sub(explanation::TIGHT + meaning_rows(state.train.strategy_choice));
        let form = Rect { height: lines.min(room.max(FEWEST)).min(area.height), ..area };
        (form, Rect { y: form.bottom(), height: area.height - form.height, ..area }, explanation::TIGHT)
    };
    canvas.cursor = fields::render(state, buffer, form);
    if area.width >= WIDE {
        let under = lines.saturating_add(1).min(form.height);
        let free = Rect { y: form.y + under, width: form.width - 1, height: form.height - under, ..form };
        before::render(state, buffer, free);
    }
    let explained = explained.min(beside.height);
    explanation::render(state, buffer, Rect { height: explained, ..beside });
    let below = Rect { y: beside.y + explained, height: beside.height - explained, ..beside };
    meaning::render(state, buffer, below);
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

/// Whether an action would do anything now.
fn applies(state: &State, action: Action) -> bool {
    let focus = state.train.focus;
    match action {
        Action::Train(TrainAction::Reset) => {
            matches!(focus, Field::Setting(_) | Field::Weights | Field::From | Field::Without)
        }
        Action::Train(TrainAction::Cycle) => focus != Field::Launch,
        _ => true,
    }
}
