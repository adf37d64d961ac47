//! The actions of the Train screen with their keys, its effects and its events.

use crossterm::event::KeyCode;

use super::keymap::{Binding, Context, ContextKind, code, on};
use super::{Action, ActionError, BUG_MESSAGE, ScreenEffect, Target};
use crate::domain::{Place, Recipe, RunId};
use crate::tui::key::Key;
use crate::tui::screen::Screen;

/// The name of the screen in the help and the palette.
pub(super) const DESCRIPTION: &str = "Train: launch a run";

/// A choice of the form, or the launch line.
pub const CHOICE: Context = Context::of(Screen::Train, "choice", ContextKind::Form);
/// A number of the form.
pub const NUMBER: Context = Context::of(Screen::Train, "number", ContextKind::Text);
/// The name of the run.
pub const NAME: Context = Context::of(Screen::Train, "name", ContextKind::Text);

pub(super) const CONTEXTS: &[Context] = &[CHOICE, NUMBER, NAME];
const FIELDS: &[Context] = &[NUMBER, NAME];

/// A request of the user on the Train screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainAction {
    /// Go to the next field; on the launch line, launch the runs of the form.
    Launch,
    /// Bring the form back as it was before the last preset, repeat or reset of a field.
    Undo,
    /// Select the next choice of the field.
    Cycle,
    /// Give the setting one more value: each value makes runs of its own.
    AddValue,
    /// Remove the last value of the setting.
    RemoveValue,
    /// Reset the field to its default.
    Reset,
    /// Fill the form with the next preset.
    Preset,
    /// Ask for a part of a field's name, and go to that field.
    FindField,
}

const fn of(action: TrainAction) -> Action {
    Action::Train(action)
}

pub(super) static BINDINGS: &[Binding] = &[
    on(
        "train.launch",
        CONTEXTS,
        &[code(KeyCode::Enter)],
        of(TrainAction::Launch),
        "launch",
        "to the next field; on the launch line, launch the run",
    ),
    on(
        "train.change",
        &[CHOICE],
        &[code(KeyCode::Right), Key::char('l'), Key::char(' ')],
        of(TrainAction::Cycle),
        "change",
        "the next choice",
    ),
    on("train.previous", &[CHOICE], &[code(KeyCode::Left), Key::char('h')], Action::Left, "", "the previous choice"),
    on(
        "train.default",
        CONTEXTS,
        &[Key::ctrl('d')],
        of(TrainAction::Reset),
        "default",
        "reset the field to its default",
    ),
    on(
        "train.preset",
        CONTEXTS,
        &[Key::ctrl('p')],
        of(TrainAction::Preset),
        "preset",
        "the next preset: default, reference, quick",
    ),
    on(
        "train.undo",
        CONTEXTS,
        &[Key::ctrl('r')],
        of(TrainAction::Undo),
        "undo",
        "bring the form back as it was before a preset, repeat or reset",
    ),
    on("train.find", &[CHOICE], &[Key::char('/')], of(TrainAction::FindField), "", "go to a field by its name"),
    on("train.leave", FIELDS, &[code(KeyCode::Esc)], Action::Back, "leave", "leave the field"),
    on("train.back", &[CHOICE], &[code(KeyCode::Esc)], Action::Back, "back", "back to the previous screen"),
    on("train.field_up", FIELDS, &[code(KeyCode::Up), code(KeyCode::BackTab)], Action::Up, "", "the field above"),
    on("train.field_down", FIELDS, &[code(KeyCode::Down), code(KeyCode::Tab)], Action::Down, "", "the field below"),
    on(
        "train.add_value",
        &[CHOICE],
        &[Key::char('+')],
        of(TrainAction::AddValue),
        "and another",
        "give the setting one more value: a run for each; in a number: 1,2 or 1..5",
    ),
    on(
        "train.remove_value",
        &[CHOICE],
        &[Key::char('-')],
        of(TrainAction::RemoveValue),
        "",
        "remove the last value of the setting",
    ),
    on("train.above", &[CHOICE], &[code(KeyCode::BackTab)], Action::Up, "", "the field above"),
    on("train.below", &[CHOICE], &[code(KeyCode::Tab)], Action::Down, "", "the field below"),
    on("train.help", CONTEXTS, &[code(KeyCode::F(1))], Action::Help, "help", "show the keys, also while typing"),
];

/// A request of the Train screen to the runtime.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainEffect {
    /// Suggest a free name; answered by `NameSuggested`.
    SuggestName,
    /// Create a run and start its worker; answered by `LaunchFinished`.
    Launch {
        /// The requested name.
        id: RunId,
        /// The settings of the run.
        recipe: Box<Recipe>,
        /// The place of a cluster; `None` for this machine.
        on: Option<Box<Place>>,
    },
    /// Create four runs that wait for one another and start their workers; answered by `LaunchAllFinished`.
    LaunchAll {
        /// The requested names.
        ids: [RunId; 4],
        /// The settings of the runs.
        recipes: Box<[Recipe; 4]>,
        /// The place of a cluster; `None` for this machine.
        on: Option<Box<Place>>,
    },
    /// Create the runs of a sweep with one tag and start their workers; answered by `LaunchSweepFinished`.
    LaunchSweep {
        /// The name from which the tag is made.
        stem: RunId,
        /// The requested names, and the settings of the runs.
        runs: Vec<(RunId, Recipe)>,
        /// The place of a cluster; `None` for this machine.
        on: Option<Box<Place>>,
    },
}

impl ScreenEffect for TrainEffect {
    type Event = TrainEvent;

    fn targets(&self) -> Vec<Target> {
        match self {
            Self::SuggestName => Vec::new(),
            Self::Launch { id, .. } => vec![Target::Run(id.clone())],
            Self::LaunchAll { ids, .. } => ids.iter().cloned().map(Target::Run).collect(),
            Self::LaunchSweep { runs, .. } => runs.iter().map(|(id, _)| Target::Run(id.clone())).collect(),
        }
    }

    fn failure(&self) -> Option<TrainEvent> {
        match self {
            Self::SuggestName => None,
            Self::Launch { .. } => Some(TrainEvent::LaunchFinished(Err(ActionError::Fault(BUG_MESSAGE)))),
            Self::LaunchAll { .. } => Some(TrainEvent::LaunchAllFinished(Err(ActionError::Fault(BUG_MESSAGE)))),
            Self::LaunchSweep { .. } => Some(TrainEvent::LaunchSweepFinished(Err(ActionError::Fault(BUG_MESSAGE)))),
        }
    }
}

/// An event that only the Train screen receives.
#[derive(Debug, Clone)]
pub enum TrainEvent {
    /// A free name for the next run.
    NameSuggested(RunId),
    /// A run was launched under this name, or the reason why not.
    LaunchFinished(Result<RunId, ActionError>),
    /// Four runs were launched under these names, or the reason why not all were.
    LaunchAllFinished(Result<[RunId; 4], ActionError>),
    /// The runs of a sweep were launched under these names, or the reason why not all were.
    LaunchSweepFinished(Result<Vec<RunId>, ActionError>),
}
