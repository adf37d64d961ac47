//! The Runs screen's messages: its actions and their keys, its effects, its events.

use crossterm::event::KeyCode;

use super::keymap::{Binding, Context, Kind, code, on};
use super::{Action, ActionError, FAULT, ScreenEffect, Target};
use crate::domain::RunId;
use crate::runs::annotations::AnnotationChange;
use crate::runs::queue::QueueMove;
use crate::tui::key::Key;
use crate::tui::screen::Screen;

/// The screen in the help and the palette.
pub(super) const DESCRIPTION: &str = "Runs: watch and stop runs";

/// The list of runs.
pub const LIST: Context = Context::of(Screen::Runs, "list", Kind::List);
/// One run on the whole screen.
pub const DETAIL: Context = Context::of(Screen::Runs, "detail", Kind::Panes);
/// The log of the run on the whole screen.
pub const LOG: Context = Context::of(Screen::Runs, "log", Kind::Panes);

pub(super) const CONTEXTS: &[Context] = &[LIST, DETAIL, LOG];
/// The list, and the curves of one run.
const BOTH: &[Context] = &[LIST, DETAIL];
/// One run on the whole screen.
const WHOLE: &[Context] = &[DETAIL, LOG];

/// A request of the user on the Runs screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsAction {
    /// Mark the selected run, or take the mark off it.
    Mark,
    /// Take the mark off all runs.
    Unmark,
    /// Mark all runs that the list shows.
    MarkShown,
    /// Order the list by the next field.
    Sort,
    /// Turn the order around.
    Reverse,
    /// Type what the list is filtered by.
    Filter,
    /// Give the run another name.
    Rename,
    /// Add tags and take some off.
    Tag,
    /// Write a note.
    Note,
    /// Move a waiting run one place forward.
    Earlier,
    /// Move a waiting run one place back.
    Later,
    /// Start a worker for each run of the queue that has lost its own.
    RestartQueue,
    /// Delete the run.
    Delete,
    /// Let the worker wait, or go on.
    Pause,
    /// Change epochs and patience.
    Limits,
    /// Test the best weights again.
    Evaluate,
    /// Draw the curves smoother.
    Smooth,
    /// Equal distances upwards are equal ratios, or differences.
    LogScale,
    /// The next axis.
    Axis,
    /// Show less of the curves, larger.
    ZoomIn,
    /// Show more of them.
    ZoomOut,
    /// Show what was before.
    PanLeft,
    /// Show what comes after.
    PanRight,
    /// Show all of them.
    ZoomReset,
    /// The other part of the run.
    Pane,
    /// That part on the whole screen.
    PaneWhole,
    /// Follow the newest line of the log, or stop to.
    Follow,
    /// Type what to look for in the log.
    Search,
    /// Its next hit, towards the end.
    NextHit,
    /// Its next hit, towards the beginning.
    PreviousHit,
    /// Show the other curve.
    ToggleCurve,
    /// Ask the selected run to stop.
    Stop,
    /// Resume the selected run.
    Resume,
    /// Take the selected run's settings into the form.
    Repeat,
}

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
pub(super) static BINDINGS: &[Binding] = &[
    on(
        "runs.zoom",
        &[LIST],
        &[code(KeyCode::Enter)],
        Action::Open,
        "zoom",
        "show the selected run on the whole screen",
    ),
    on("runs.unfilter", &[LIST], &[code(KeyCode::Esc)], Action::Back, "", "show all runs again, without the filter"),
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
    own("runs.search", &[LOG], &[Key::char('/')], RunsAction::Search, "search", "look for words in the log"),
    own(
        "runs.next_hit",
        &[LOG],
        &[Key::char('n')],
        RunsAction::NextHit,
        "next",
        "the next hit in the log, towards its end",
    ),
    own(
        "runs.previous_hit",
        &[LOG],
        &[Key::char('N')],
        RunsAction::PreviousHit,
        "",
        "the next hit in the log, towards its top",
    ),
    own(
        "runs.follow",
        CONTEXTS,
        &[Key::char('f')],
        RunsAction::Follow,
        "",
        "follow the newest line of the log, or not",
    ),
    own("runs.mark", BOTH, &[Key::char(' ')], RunsAction::Mark, "mark", "mark the run, to compare it with others"),
    own("runs.pause", CONTEXTS, &[Key::char('p')], RunsAction::Pause, "pause", "let the worker wait, or go on"),
    own(
        "runs.stop",
        CONTEXTS,
        &[Key::char('S')],
        RunsAction::Stop,
        "stop",
        "ask the run to end after the current batch",
    ),
    own(
        "runs.limits",
        CONTEXTS,
        &[Key::char('e')],
        RunsAction::Limits,
        "epochs",
        "change epochs and patience; extend a run",
    ),
    own(
        "runs.resume",
        CONTEXTS,
        &[Key::char('R')],
        RunsAction::Resume,
        "resume",
        "go on with a stopped, lost or failed run",
    ),
    own(
        "runs.repeat",
        CONTEXTS,
        &[Key::char('r')],
        RunsAction::Repeat,
        "repeat",
        "take the run's settings to the Train form",
    ),
    own("runs.sort", &[LIST], &[Key::char('o')], RunsAction::Sort, "order", "order the list by the next column"),
    own("runs.reverse", &[LIST], &[Key::char('O')], RunsAction::Reverse, "", "turn the order around"),
    own(
        "runs.curve",
        BOTH,
        &[Key::char('m')],
        RunsAction::ToggleCurve,
        "curve",
        "loss, accuracy, learning rate, images/s, gap",
    ),
    own("runs.smooth", BOTH, &[Key::char('s')], RunsAction::Smooth, "smooth", "smooth the curves more, or not at all"),
    own("runs.tag", CONTEXTS, &[Key::char('t')], RunsAction::Tag, "tag", "add tags to the run, take some off"),
    own("runs.note", BOTH, &[Key::char('n')], RunsAction::Note, "", "write a note about the run"),
    own("runs.rename", BOTH, &[Key::char('N')], RunsAction::Rename, "", "give the run another name"),
    own(
        "runs.earlier",
        CONTEXTS,
        &[Key::char('{')],
        RunsAction::Earlier,
        "",
        "move a waiting run forward in the queue",
    ),
    own("runs.later", CONTEXTS, &[Key::char('}')], RunsAction::Later, "", "move a waiting run back in the queue"),
    own(
        "runs.restart_queue",
        CONTEXTS,
        &[Key::char('Q')],
        RunsAction::RestartQueue,
        "",
        "bring back queued runs that lost their workers",
    ),
    own("runs.evaluate", CONTEXTS, &[Key::char('E')], RunsAction::Evaluate, "", "test the best weights again"),
    own("runs.delete", CONTEXTS, &[Key::char('D')], RunsAction::Delete, "", "delete the run, or all marked ones"),
    own("runs.unmark", BOTH, &[Key::char('u')], RunsAction::Unmark, "", "take the mark off all runs"),
    own("runs.mark_shown", &[LIST], &[Key::char('A')], RunsAction::MarkShown, "", "mark all runs that the list shows"),
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
    own("runs.pane_whole", CONTEXTS, &[Key::char('z')], RunsAction::PaneWhole, "", "curves or log alone, or as before"),
];

/// What the Runs screen asks the runtime to do.
#[derive(Debug, Clone, PartialEq)]
pub enum RunsEffect {
    /// Ask a run's worker to wait; answered by `Requested`.
    Pause(RunId),
    /// Kill a run's worker, which does not answer; answered by `Done`.
    Kill(RunId),
    /// Let a run's worker go on; answered by `Requested`.
    Continue(RunId),
    /// Put other limits in force for a run at work; answered by `Requested`.
    Limits {
        /// The run.
        id: RunId,
        /// Most epochs.
        epochs: u32,
        /// Most epochs in a row without improvement.
        patience: u32,
    },
    /// Start a worker that goes on with a run under other limits; answered by `Done`.
    Extend {
        /// The run.
        id: RunId,
        /// Most epochs.
        epochs: u32,
        /// Most epochs in a row without improvement.
        patience: u32,
    },
    /// Start a worker that tests a run's best weights again; answered by `Done`.
    Evaluate(RunId),
    /// Move a waiting run in the queue; answered by `Done`.
    Move(RunId, QueueMove),
    /// Start a worker for each run of the queue that has lost its own; answered by `Done`.
    RestartQueue,
    /// Count the runs of the queue that have lost their workers; answered by `QueueLost`.
    CheckQueue,
    /// Give a run another name; answered by `Renamed`.
    Rename {
        /// Its name so far.
        from: RunId,
        /// Its name from now on.
        to: RunId,
    },
    /// Change what is said about a run; answered by `Done`.
    Describe(RunId, Vec<AnnotationChange>),
    /// Measure the folders of runs; answered by `Weighed`.
    Weigh(Vec<RunId>),
    /// Delete runs; answered by `Deleted`.
    Delete(Vec<RunId>),
    /// Start a worker that resumes a run; answered by `ResumeFinished`.
    Resume(RunId),
    /// Ask a run's worker to stop; answered by `StopFinished`.
    Stop(RunId),
}

impl ScreenEffect for RunsEffect {
    type Event = RunsEvent;

    fn targets(&self) -> Vec<Target> {
        let run = |id: &RunId| Target::Run(id.clone());
        match self {
            Self::Resume(id)
            | Self::Stop(id)
            | Self::Pause(id)
            | Self::Kill(id)
            | Self::Continue(id)
            | Self::Limits { id, .. }
            | Self::Extend { id, .. }
            | Self::Evaluate(id)
            | Self::Describe(id, _) => vec![run(id)],
            Self::Move(id, _) => vec![run(id), Target::Queue],
            Self::RestartQueue => vec![Target::Queue],
            Self::Rename { from, to } => vec![run(from), run(to)],
            Self::Delete(ids) => ids.iter().map(run).collect(),
            Self::CheckQueue | Self::Weigh(_) => Vec::new(),
        }
    }

    fn failure(&self) -> Option<RunsEvent> {
        let fault = Err(ActionError::Fault(FAULT));
        match self {
            Self::Resume(id) => Some(RunsEvent::ResumeFinished(id.clone(), fault)),
            Self::Stop(id) => Some(RunsEvent::StopFinished(id.clone(), fault)),
            _ => None,
        }
    }
}

/// What happened that only the Runs screen shows.
#[derive(Debug, Clone)]
pub enum RunsEvent {
    /// Something was done, as the words tell; or why it was not.
    Done(Result<String, String>),
    /// A request reached a run's folder, or why it did not: then nobody will answer it.
    Requested(RunId, Result<(), String>),
    /// So many runs of the queue have lost their workers.
    QueueLost(usize),
    /// A run has another name, or why not.
    Renamed {
        /// The name so far.
        from: RunId,
        /// The name now, or why it is still the old one.
        result: Result<RunId, String>,
    },
    /// What the folders of runs take on disk, in bytes.
    Weighed(Vec<(RunId, u64)>),
    /// These runs are gone, and why the next one is not.
    Deleted(Vec<RunId>, Option<String>),
    /// A run is resumed, or not.
    ResumeFinished(RunId, Result<(), ActionError>),
    /// A run was asked to stop, or could not be.
    StopFinished(RunId, Result<(), ActionError>),
}
