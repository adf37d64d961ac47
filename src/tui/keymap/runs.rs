//! The keys of the Runs screen.

use crossterm::event::KeyCode;

use super::Context::{RunDetail, Runs};
use super::{Binding, Context, code, on};
use crate::tui::action::{Action, RunsAction};
use crate::tui::event::Key;

const BOTH: &[Context] = &[Runs, RunDetail];

pub(super) static TABLE: &[Binding] = &[
    on(
        "runs.zoom",
        &[Runs],
        &[code(KeyCode::Enter)],
        Action::Open,
        "zoom",
        "show the selected run on the whole screen",
    ),
    on(
        "runs.back",
        &[RunDetail],
        &[code(KeyCode::Esc), code(KeyCode::Enter)],
        Action::Back,
        "back",
        "back to the list",
    ),
    on(
        "runs.mark",
        BOTH,
        &[Key::char(' ')],
        Action::Runs(RunsAction::Mark),
        "mark",
        "mark the run, to compare it with others",
    ),
    on("runs.unmark", BOTH, &[Key::char('u')], Action::Runs(RunsAction::Unmark), "", "take the mark off all runs"),
    on("runs.curve", BOTH, &[Key::char('m')], Action::ToggleCurve, "curve", "show the other curve"),
    on("runs.stop", BOTH, &[Key::char('S')], Action::Stop, "stop", "ask the run to end after the current batch"),
    on("runs.resume", BOTH, &[Key::char('R')], Action::Resume, "resume", "go on with a stopped, lost or failed run"),
    on("runs.repeat", BOTH, &[Key::char('r')], Action::Repeat, "repeat", "take the run's settings to the Train form"),
];
