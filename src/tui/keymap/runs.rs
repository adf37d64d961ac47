//! The keys of the Runs screen.

use crossterm::event::KeyCode;

use super::Context::{RunDetail, RunLog, Runs};
use super::{Binding, Context, code, on};
use crate::tui::action::{Action, RunsAction};
use crate::tui::event::Key;

/// The list, and the curves of one run.
const BOTH: &[Context] = &[Runs, RunDetail];
/// One run on the whole screen.
const WHOLE: &[Context] = &[RunDetail, RunLog];
const ALL: &[Context] = &[Runs, RunDetail, RunLog];
const LIST: &[Context] = &[Runs];
const LOG: &[Context] = &[RunLog];

const fn own(
    name: &'static str,
    contexts: &'static [Context],
    keys: &'static [Key],
    action: RunsAction,
    hint: &'static str,
    description: &'static str,
) -> Binding {
    on(name, contexts, keys, Action::Runs(action), hint, description)
}

/// What is wanted most stands first: hints are as many as fit.
pub(super) static TABLE: &[Binding] = &[
    on("runs.zoom", LIST, &[code(KeyCode::Enter)], Action::Open, "zoom", "show the selected run on the whole screen"),
    on("runs.unfilter", LIST, &[code(KeyCode::Esc)], Action::Back, "", "show all runs again, without the filter"),
    on("runs.back", WHOLE, &[code(KeyCode::Esc), code(KeyCode::Enter)], Action::Back, "back", "back to the list"),
    own(
        "runs.pane",
        WHOLE,
        &[code(KeyCode::Tab), code(KeyCode::BackTab)],
        RunsAction::Pane,
        "curves, log",
        "to the run's log, or back to its curves",
    ),
    own(
        "runs.filter",
        BOTH,
        &[Key::char('/')],
        RunsAction::Filter,
        "filter",
        "show some: state:running val_acc>0.6 !cnn",
    ),
    own("runs.search", LOG, &[Key::char('/')], RunsAction::Search, "search", "look for words in the log"),
    own(
        "runs.next_hit",
        LOG,
        &[Key::char('n')],
        RunsAction::NextHit,
        "next",
        "the next hit in the log, towards its end",
    ),
    own(
        "runs.previous_hit",
        LOG,
        &[Key::char('N')],
        RunsAction::PreviousHit,
        "",
        "the next hit in the log, towards its top",
    ),
    own("runs.follow", ALL, &[Key::char('f')], RunsAction::Follow, "", "follow the newest line of the log, or not"),
    own("runs.mark", BOTH, &[Key::char(' ')], RunsAction::Mark, "mark", "mark the run, to compare it with others"),
    own("runs.pause", ALL, &[Key::char('p')], RunsAction::Pause, "pause", "let the worker wait, or go on"),
    on("runs.stop", ALL, &[Key::char('S')], Action::Stop, "stop", "ask the run to end after the current batch"),
    own(
        "runs.limits",
        ALL,
        &[Key::char('e')],
        RunsAction::Limits,
        "epochs",
        "change epochs and patience; extend a run",
    ),
    on("runs.resume", ALL, &[Key::char('R')], Action::Resume, "resume", "go on with a stopped, lost or failed run"),
    on("runs.repeat", ALL, &[Key::char('r')], Action::Repeat, "repeat", "take the run's settings to the Train form"),
    own("runs.sort", LIST, &[Key::char('o')], RunsAction::Sort, "order", "order the list by the next column"),
    own("runs.reverse", LIST, &[Key::char('O')], RunsAction::Reverse, "", "turn the order around"),
    on(
        "runs.curve",
        BOTH,
        &[Key::char('m')],
        Action::ToggleCurve,
        "curve",
        "loss, accuracy, learning rate, images/s, gap",
    ),
    own("runs.smooth", BOTH, &[Key::char('s')], RunsAction::Smooth, "smooth", "smooth the curves more, or not at all"),
    own("runs.tag", ALL, &[Key::char('t')], RunsAction::Tag, "tag", "add tags to the run, take some off"),
    own("runs.note", BOTH, &[Key::char('n')], RunsAction::Note, "", "write a note about the run"),
    own("runs.rename", BOTH, &[Key::char('N')], RunsAction::Rename, "", "give the run another name"),
    own("runs.earlier", ALL, &[Key::char('{')], RunsAction::Earlier, "", "move a waiting run forward in the queue"),
    own("runs.later", ALL, &[Key::char('}')], RunsAction::Later, "", "move a waiting run back in the queue"),
    own(
        "runs.restart_queue",
        ALL,
        &[Key::char('Q')],
        RunsAction::RestartQueue,
        "",
        "bring back queued runs that lost their workers",
    ),
    own("runs.evaluate", ALL, &[Key::char('E')], RunsAction::Evaluate, "", "test the best weights again"),
    own("runs.delete", ALL, &[Key::char('D')], RunsAction::Delete, "", "delete the run, or all marked ones"),
    own("runs.unmark", BOTH, &[Key::char('u')], RunsAction::Unmark, "", "take the mark off all runs"),
    own("runs.mark_shown", LIST, &[Key::char('A')], RunsAction::MarkShown, "", "mark all runs that the list shows"),
    own("runs.axis", BOTH, &[Key::char('x')], RunsAction::Axis, "", "the axis below: epochs, steps, time"),
    own("runs.log_scale", BOTH, &[Key::char('L')], RunsAction::LogScale, "", "logarithmic scale, or linear"),
    own("runs.zoom_in", BOTH, &[Key::char('+'), Key::char('=')], RunsAction::ZoomIn, "", "look closer at the curves"),
    own("runs.zoom_out", BOTH, &[Key::char('-')], RunsAction::ZoomOut, "", "show more of the curves"),
    own("runs.pan_left", BOTH, &[Key::char('[')], RunsAction::PanLeft, "", "show what was before"),
    own("runs.pan_right", BOTH, &[Key::char(']')], RunsAction::PanRight, "", "show what comes after"),
    own("runs.zoom_reset", BOTH, &[Key::char('0')], RunsAction::ZoomReset, "", "show all of the curves, and no cursor"),
    on(
        "runs.cursor_right",
        BOTH,
        &[code(KeyCode::Right), Key::char('l')],
        Action::Right,
        "",
        "read values off the curves, to the right",
    ),
    on(
        "runs.cursor_left",
        BOTH,
        &[code(KeyCode::Left), Key::char('h')],
        Action::Left,
        "",
        "read values off the curves, to the left",
    ),
    own("runs.pane_whole", ALL, &[Key::char('z')], RunsAction::PaneWhole, "", "curves or log alone, or as before"),
];
