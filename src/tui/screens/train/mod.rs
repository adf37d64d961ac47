//! The Train screen: the form with the settings of a new run, their meaning and their cost.

mod backend;
mod consequences;
mod cost;
mod earlier_runs;
mod explanation;
mod fields;
mod network;
mod state;
mod update;

use ratatui::layout::Rect;

use crate::domain::{Strategy, StrategyChoice};
use crate::tui::layout::Canvas;
use crate::tui::messages::{Action, Binding, Effect, TrainAction};
use crate::tui::screens::ScreenEntry;
use crate::tui::state::State;
pub(super) use backend::run_effect;
use state::NOTHING_TO_TRAIN_ON;
pub use state::{CorrectionChoice, Field, Form, FormChoices, LaunchPlan};
pub use update::on_event;

/// Columns of the form on a terminal of [`WIDE`] columns, where the explanation is to its right.
const FORM_WIDTH: u16 = 64;

/// The most columns of the form, enough for the longest notes.
const LARGEST_FORM: u16 = 96;

/// The fewest columns of a wide terminal.
const WIDE: u16 = 120;

/// The fewest lines of the form on a low terminal.
const FEWEST: u16 = 8;

impl State {
    /// Returns the choices of the form.
    #[must_use]
    pub fn form_choices(&self) -> FormChoices<'_> {
        FormChoices { library: &self.library, now: self.now }
    }

    /// Returns the form, to be changed, and its choices.
    pub fn form_and_choices(&mut self) -> (&mut Form, FormChoices<'_>) {
        (&mut self.train, FormChoices { library: &self.library, now: self.now })
    }
}

/// The Train screen's entry in the table of screens.
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

    fn on_show(&self, state: &mut State) -> Vec<Effect> {
        update::on_show(state)
    }

    fn on_drawn(&self, state: &mut State) -> Vec<Effect> {
        update::measure_features(state)
    }

    fn hint(&self, state: &State, binding: &Binding) -> &'static str {
        let focus = state.train.focus;
        match binding.action {
            Action::Train(TrainAction::Launch) if focus != Field::Launch => "next",
            Action::Back if focus.takes_text() => "to launch",
            Action::Last if focus != Field::Launch => "to launch",
            // Where letters are commands, another key has this hint.
            Action::Help if !focus.takes_text() && binding.name == "train.help" => "",
            _ => binding.hint,
        }
    }

    fn paste(&self, state: &mut State, text: &str) -> bool {
        update::paste(state, text)
    }

    fn check_line(&self, state: &mut State, line: &str) -> Result<(), String> {
        state.train.find_field(line)
    }

    fn accept_line(&self, state: &mut State, line: &str) -> Result<Vec<Effect>, String> {
        state.train.find_field(line)?;
        state.train.found_from = None;
        Ok(Vec::new())
    }

    fn cancel_line(&self, state: &mut State) {
        if let Some(focus) = state.train.found_from.take() {
            state.train.focus = focus;
        }
    }

    fn selection(&self, state: &State) -> Option<(String, String)> {
        let name = state.train.name.text();
        (!name.is_empty()).then(|| ("the run's name".into(), name.to_owned()))
    }
}

/// Draws the form, the explanation of the focused line, and the consequences of the settings.
fn draw(state: &State, canvas: &mut Canvas<'_>, area: Rect) {
    let buffer = &mut *canvas.buffer;
    let lines = u16::try_from(state.train.fields().len()).unwrap_or(u16::MAX);
    let (form, beside, explained) = if area.width >= WIDE {
        let width = (FORM_WIDTH + (area.width - WIDE) / 2).min(LARGEST_FORM);
        let form = Rect { width, y: area.y + 1, height: area.height - 1, ..area };
        (form, Rect { x: form.right(), width: area.width - width, ..area }, explanation::ROOMY)
    } else {
        // The settings scroll. Otherwise they would push the consequences off a low terminal.
        let room = area.height.saturating_sub(explanation::TIGHT + consequence_rows(state.train.strategy_choice));
        let form = Rect { height: lines.min(room.max(FEWEST)).min(area.height), ..area };
        (form, Rect { y: form.bottom(), height: area.height - form.height, ..area }, explanation::TIGHT)
    };
    canvas.cursor = fields::render(state, buffer, &mut canvas.layout, form);
    if area.width >= WIDE {
        let under = lines.saturating_add(1).min(form.height);
        let free = Rect { y: form.y + under, width: form.width - 1, height: form.height - under, ..form };
        earlier_runs::render(state, buffer, free);
    }
    let explained = explained.min(beside.height);
    explanation::render(state, buffer, Rect { height: explained, ..beside });
    let below = Rect { y: beside.y + explained, height: beside.height - explained, ..beside };
    consequences::render(state, buffer, below);
}

/// Returns the rows reserved for the consequences on a low terminal. Only the strategy decides their number, because
/// the form must not grow and shrink while the user types.
fn consequence_rows(strategy_choice: StrategyChoice) -> u16 {
    match strategy_choice {
        StrategyChoice::One(Strategy::Cnn | Strategy::Deep) => 5,
        StrategyChoice::One(Strategy::Features) => 8,
        StrategyChoice::One(Strategy::Finetune) | StrategyChoice::All => 9,
    }
}

/// Returns whether an action would have an effect now.
fn applies(state: &State, action: Action) -> bool {
    let focus = state.train.focus;
    match action {
        Action::Train(TrainAction::Reset) => {
            matches!(
                focus,
                Field::Setting(_) | Field::Weights | Field::From | Field::Corrections | Field::Folds | Field::Place
            )
        }
        Action::Train(TrainAction::AddValue) => !state.train.further_choices(&state.form_choices()).is_empty(),
        Action::Train(TrainAction::RemoveValue) => {
            matches!(focus, Field::Setting(setting) if state.train.is_varied(setting, &state.form_choices()))
        }
        Action::Train(TrainAction::Cycle) => focus != Field::Launch,
        Action::Train(TrainAction::Undo) => state.train.can_undo(),
        _ => true,
    }
}
