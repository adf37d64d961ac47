//! The actions of the Runs screen with their keys, its effects and its events.

use crossterm::event::KeyCode;

use super::keymap::{Binding, Context, ContextKind, code, on};
use super::{Action, ActionError, BUG_MESSAGE, Completion, ScreenEffect, Target};
use crate::domain::RunId;
use crate::runs::ListView;
use crate::runs::annotations::AnnotationChange;
use crate::runs::queue::QueueMove;
use crate::tui::key::Key;
use crate::tui::screen::Screen;
use crate::tui::widgets::faces::Face;

/// The name of the screen in the help and the palette.
pub(super) const DESCRIPTION: &str = "Runs: watch and stop runs";

/// The list of runs.
pub const LIST: Context = Context::of(Screen::Runs, "list", ContextKind::List);
/// The curves of one run, on the whole screen.
pub const DETAIL: Context = Context::of(Screen::Runs, "detail", ContextKind::Panes);
/// The log of the run on the whole screen.
pub const LOG: Context = Context::of(Screen::Runs, "log", ContextKind::Panes);

/// The predictions of runs for pictures from outside.
pub const PREDICTIONS: Context = Context::of(Screen::Runs, "predictions", ContextKind::List);

pub(super) const CONTEXTS: &[Context] = &[LIST, DETAIL, LOG, PREDICTIONS];
/// Every context with a selected run.
const ON_RUN: &[Context] = &[LIST, DETAIL, LOG];
/// The list, and the curves of one run.
const BOTH: &[Context] = &[LIST, DETAIL];
/// The curves or the log of one run, on the whole screen.
const WHOLE: &[Context] = &[DETAIL, LOG];

/// A request of the user on the Runs screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsAction {
    /// Mark the selected run, or unmark it.
    Mark,
    /// Unmark all runs.
    Unmark,
    /// Mark all runs that the list shows.
    MarkShown,
    /// Type the column by which the list is sorted.
    Sort,
    /// Sort by this column of the list; a second time in the opposite direction.
    SortByColumn(usize),
    /// Type the columns of the list.
    Columns,
    /// Show settings, tags and note of the run.
    Settings,
    /// Reverse the order.
    Reverse,
    /// Type a filter for the list.
    Filter,
    /// Rename the run.
    Rename,
    /// Add and remove tags.
    Tag,
    /// Write a note.
    Note,
    /// Move a waiting run one position forward.
    Earlier,
    /// Move a waiting run one position back.
    Later,
    /// Start a worker for each queued run that has lost its worker.
    RestartQueue,
    /// Delete the run.
    Delete,
    /// Pause the run, or continue it.
    Pause,
    /// Change epochs and patience.
    Limits,
    /// Evaluate the best weights again.
    Evaluate,
    /// Draw the curves smoother.
    Smooth,
    /// Switch between a logarithmic and a linear vertical axis.
    LogScale,
    /// Switch to the next horizontal axis.
    Axis,
    /// Zoom in on the curves.
    ZoomIn,
    /// Zoom out of the curves.
    ZoomOut,
    /// Move the shown part of the curves left.
    PanLeft,
    /// Move the shown part of the curves right.
    PanRight,
    /// Show the whole curves.
    ZoomReset,
    /// Switch between curves and log.
    Pane,
    /// Show the current pane on the whole screen.
    PaneWhole,
    /// Follow the newest line of the log, or stop following.
    Follow,
    /// Type a text to search the log for.
    Search,
    /// Show the next match in the log.
    NextHit,
    /// Show the previous match in the log.
    PreviousHit,
    /// Draw the next metric.
    ToggleCurve,
    /// Stop the selected run.
    Stop,
    /// Resume the selected run.
    Resume,
    /// Copy the selected run's settings to the Train form.
    Repeat,
    /// Type the path of pictures to predict.
    Predict,
    /// Wait for pictures that come into the folder of the predictions.
    WatchFolder,
    /// Type the path of a file to which the run is exported.
    Export,
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

/// The most wanted bindings come first, because the bottom line shows only as many hints as fit.
pub(super) static BINDINGS: &[Binding] = &[
    on(
        "runs.zoom",
        &[LIST],
        &[code(KeyCode::Enter)],
        Action::Open,
        "zoom",
        "show the selected run on the whole screen",
    ),
    on("runs.unfilter", &[LIST], &[code(KeyCode::Esc)], Action::Back, "", "clear the filter and show all runs"),
    on("runs.back", WHOLE, &[code(KeyCode::Esc), code(KeyCode::Enter)], Action::Back, "back", "back to the list"),
    own(
        "runs.pane",
        WHOLE,
        &[code(KeyCode::Tab), code(KeyCode::BackTab)],
        RunsAction::Pane,
        "curves, log",
        "switch between curves and log",
    ),
    own(
        "runs.filter",
        BOTH,
        &[Key::char('/')],
        RunsAction::Filter,
        "filter",
        "filter runs: state:running val_acc>0.6 !cnn",
    ),
    own("runs.search", &[LOG], &[Key::char('/')], RunsAction::Search, "search", "search the log for a text"),
    own("runs.next_hit", &[LOG], &[Key::char('n')], RunsAction::NextHit, "next", "the next match in the log"),
    own("runs.previous_hit", &[LOG], &[Key::char('N')], RunsAction::PreviousHit, "", "the previous match in the log"),
    own("runs.follow", ON_RUN, &[Key::char('f')], RunsAction::Follow, "", "follow the newest line of the log, or hold"),
    own(
        "runs.mark",
        BOTH,
        &[Key::char(' ')],
        RunsAction::Mark,
        "mark",
        "mark the run, to compare it with others, and go down",
    ),
    own("runs.pause", ON_RUN, &[Key::char('p')], RunsAction::Pause, "pause", "pause the run, or continue it"),
    own("runs.stop", ON_RUN, &[Key::char('S')], RunsAction::Stop, "stop", "stop the run after the current batch"),
    own(
        "runs.limits",
        ON_RUN,
        &[Key::char('e')],
        RunsAction::Limits,
        "epochs",
        "change epochs and patience; extend a run",
    ),
    own("runs.resume", ON_RUN, &[Key::char('R')], RunsAction::Resume, "resume", "resume a stopped, lost or failed run"),
    own(
        "runs.repeat",
        ON_RUN,
        &[Key::char('r')],
        RunsAction::Repeat,
        "repeat",
        "copy the run's settings to the Train form",
    ),
    own("runs.sort", &[LIST], &[Key::char('o')], RunsAction::Sort, "sort", "sort the list by a column"),
    own("runs.columns", &[LIST], &[Key::char('C')], RunsAction::Columns, "columns", "choose the columns of the list"),
    own(
        "runs.settings",
        ON_RUN,
        &[Key::char('i')],
        RunsAction::Settings,
        "settings",
        "show settings, tags and note of the run",
    ),
    own(
        "runs.predict",
        &[LIST, DETAIL, PREDICTIONS],
        &[Key::char('P')],
        RunsAction::Predict,
        "predict",
        "predict the faces of a picture or a folder",
    ),
    own(
        "runs.export",
        ON_RUN,
        &[Key::char('X')],
        RunsAction::Export,
        "export",
        "write the network (ONNX, Keras, PyTorch) or a report to a file",
    ),
    on("runs.predictions_back", &[PREDICTIONS], &[code(KeyCode::Esc)], Action::Back, "back", "back to the runs"),
    own(
        "runs.watch_folder",
        &[PREDICTIONS],
        &[Key::char('w')],
        RunsAction::WatchFolder,
        "watch",
        "wait for new pictures in the folder",
    ),
    on(
        "runs.next_face",
        &[PREDICTIONS],
        &[code(KeyCode::Right), Key::char('l')],
        Action::Right,
        "",
        "the next face or picture",
    ),
    on(
        "runs.previous_face",
        &[PREDICTIONS],
        &[code(KeyCode::Left), Key::char('h')],
        Action::Left,
        "",
        "the previous face or picture",
    ),
    own("runs.reverse", &[LIST], &[Key::char('O')], RunsAction::Reverse, "", "reverse the order"),
    own(
        "runs.curve",
        BOTH,
        &[Key::char('m')],
        RunsAction::ToggleCurve,
        "curve",
        "loss, accuracy, learning rate, images/s, gap",
    ),
    own("runs.smooth", BOTH, &[Key::char('s')], RunsAction::Smooth, "smooth", "smooth the curves more, or not at all"),
    own("runs.tag", ON_RUN, &[Key::char('t')], RunsAction::Tag, "tag", "add tags to the run, or remove some"),
    own("runs.note", BOTH, &[Key::char('n')], RunsAction::Note, "", "write a note about the run"),
    own("runs.rename", BOTH, &[Key::char('N')], RunsAction::Rename, "", "rename the run"),
    own("runs.earlier", ON_RUN, &[Key::char('{')], RunsAction::Earlier, "", "move a waiting run forward in the queue"),
    own("runs.later", ON_RUN, &[Key::char('}')], RunsAction::Later, "", "move a waiting run back in the queue"),
    own(
        "runs.restart_queue",
        ON_RUN,
        &[Key::char('Q')],
        RunsAction::RestartQueue,
        "",
        "restart queued runs that lost their workers",
    ),
    own("runs.evaluate", ON_RUN, &[Key::char('E')], RunsAction::Evaluate, "", "test the best weights again"),
    own("runs.delete", ON_RUN, &[Key::char('D')], RunsAction::Delete, "", "delete the run, or the marked ones"),
    own("runs.unmark", BOTH, &[Key::char('u')], RunsAction::Unmark, "", "unmark all runs"),
    own("runs.mark_shown", &[LIST], &[Key::char('A')], RunsAction::MarkShown, "", "mark all runs that the list shows"),
    own("runs.axis", BOTH, &[Key::char('x')], RunsAction::Axis, "", "horizontal axis: epochs, steps, time"),
    own("runs.log_scale", BOTH, &[Key::char('L')], RunsAction::LogScale, "", "logarithmic scale, or linear"),
    own("runs.zoom_in", BOTH, &[Key::char('+'), Key::char('=')], RunsAction::ZoomIn, "", "zoom in on the curves"),
    own("runs.zoom_out", BOTH, &[Key::char('-')], RunsAction::ZoomOut, "", "zoom out of the curves"),
    own("runs.pan_left", BOTH, &[Key::char('[')], RunsAction::PanLeft, "", "move to an earlier part of the curves"),
    own("runs.pan_right", BOTH, &[Key::char(']')], RunsAction::PanRight, "", "move to a later part of the curves"),
    own(
        "runs.zoom_reset",
        BOTH,
        &[Key::char('0')],
        RunsAction::ZoomReset,
        "",
        "show the whole curves, without a cursor",
    ),
    on(
        "runs.cursor_right",
        BOTH,
        &[code(KeyCode::Right), Key::char('l')],
        Action::Right,
        "",
        "move the curve cursor to the right",
    ),
    on(
        "runs.cursor_left",
        BOTH,
        &[code(KeyCode::Left), Key::char('h')],
        Action::Left,
        "",
        "move the curve cursor to the left",
    ),
    own(
        "runs.pane_whole",
        ON_RUN,
        &[Key::char('z')],
        RunsAction::PaneWhole,
        "",
        "enlarge curves or log, or restore them",
    ),
];

/// The number of a prediction, by which late answers to an earlier one are recognized.
pub type PredictionNumber = u64;

/// The pictures to predict, and the runs that predict them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredictionSpec {
    /// The number of the prediction.
    pub number: PredictionNumber,
    /// The runs; of several the mean is shown too.
    pub runs: Vec<RunId>,
    /// The typed paths, patterns and addresses.
    pub sources: String,
    /// Whether to wait for new pictures in the folder afterwards.
    pub watch: bool,
}

/// The predictions since the last news, and the end.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionProgress {
    /// The new faces and pictures.
    pub pictures: Vec<PredictedPicture>,
    /// The end, or the reason why the prediction failed; `None` while it is running.
    pub end: Option<Result<(), String>>,
}

/// A face, or a picture without one. All texts are safe to print.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedPicture {
    /// The path or address of the picture.
    pub source: String,
    /// The face, or the reason why there is no prediction.
    pub face: Result<PredictedFace, String>,
}

/// A face with its probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedFace {
    /// Left and upper edge, width and height in pixels; `None` if the whole picture was used.
    pub area: Option<[u32; 4]>,
    /// The probability of each class, the most probable first; of several runs the mean.
    pub classes: Vec<(String, f32)>,
    /// The probabilities by each of several runs, in the order of `classes`.
    pub by_run: Vec<(String, Vec<f32>)>,
    /// The pixels as the first run sees them.
    pub picture: Option<Face>,
}

/// A request of the Runs screen to the runtime.
#[derive(Debug, Clone, PartialEq)]
pub enum RunsEffect {
    /// Pause a run; answered by `Requested`.
    Pause(RunId),
    /// Kill a run's worker, which does not answer; answered by `Done`.
    Kill(RunId),
    /// Continue a paused run; answered by `Requested`.
    Continue(RunId),
    /// Change the limits of an active run; answered by `Requested`.
    Limits {
        /// The run.
        id: RunId,
        /// The maximum number of epochs.
        epochs: u32,
        /// The maximum number of epochs in a row without improvement.
        patience: u32,
    },
    /// Start a worker that resumes a run with other limits; answered by `Done`.
    Extend {
        /// The run.
        id: RunId,
        /// The maximum number of epochs.
        epochs: u32,
        /// The maximum number of epochs in a row without improvement.
        patience: u32,
    },
    /// Start a worker that evaluates a run's best weights again; answered by `Done`.
    Evaluate(RunId),
    /// Move a waiting run in the queue; answered by `Done`.
    Move(RunId, QueueMove),
    /// Start a worker for each queued run that has lost its worker; answered by `Done`.
    RestartQueue,
    /// Count the queued runs that have lost their workers; answered by `QueueLost`.
    CheckQueue,
    /// Rename a run; answered by `Renamed`.
    Rename {
        /// The current name.
        from: RunId,
        /// The new name.
        to: RunId,
    },
    /// Change the annotations of runs; answered by `Done`.
    Annotate(Vec<(RunId, Vec<AnnotationChange>)>),
    /// Read the columns and the order of the list; answered by `ListViewRead`.
    ReadListView,
    /// Keep the columns and the order of the list; answered by `LookRecorded`.
    RecordListView(ListView),
    /// Read the time of the last look; answered by `LastLook`.
    ReadLastLook,
    /// Remember that somebody looked at this time, in milliseconds since 1970; answered by `LookRecorded`.
    RecordLook(u64),
    /// Measure the folders of runs; answered by `Measured`.
    Measure(Vec<RunId>),
    /// Delete runs; answered by `Deleted`.
    Delete(Vec<RunId>),
    /// Complete the sources of a prediction; answered by `SourcesCompleted`.
    CompleteSources(String),
    /// Start predicting; answered by `Predicted`. An earlier prediction ends.
    Predict(PredictionSpec),
    /// Wait for the next predictions; answered by `Predicted`.
    PollPredictions(PredictionNumber),
    /// End a prediction; answered by `PredictionEnded`.
    EndPrediction(PredictionNumber),
    /// Export a run to this path; answered by `Done`.
    Export(RunId, String),
    /// Start a worker for each run that resumes it, in this order; answered by `ResumeFinished`.
    Resume(Vec<RunId>),
    /// Stop runs; answered by `StopFinished`.
    Stop(Vec<RunId>),
}

impl ScreenEffect for RunsEffect {
    type Event = RunsEvent;

    fn targets(&self) -> Vec<Target> {
        let run = |id: &RunId| Target::Run(id.clone());
        match self {
            Self::Pause(id)
            | Self::Kill(id)
            | Self::Continue(id)
            | Self::Limits { id, .. }
            | Self::Extend { id, .. }
            | Self::Evaluate(id) => vec![run(id)],
            Self::Annotate(changes) => changes.iter().map(|(id, _)| run(id)).collect(),
            Self::Move(id, _) => vec![run(id), Target::Queue],
            Self::RestartQueue => vec![Target::Queue],
            Self::RecordLook(_) | Self::RecordListView(_) => vec![Target::LastLook],
            Self::Rename { from, to } => vec![run(from), run(to)],
            // Resumed runs take their places in the queue in the order of the requests.
            Self::Resume(ids) => ids.iter().map(run).chain([Target::Queue]).collect(),
            Self::Stop(ids) | Self::Delete(ids) => ids.iter().map(run).collect(),
            Self::CheckQueue
            | Self::ReadLastLook
            | Self::ReadListView
            | Self::Export(..)
            | Self::Measure(_)
            | Self::CompleteSources(_)
            | Self::Predict(_)
            | Self::PollPredictions(_)
            | Self::EndPrediction(_) => Vec::new(),
        }
    }

    fn failure(&self) -> Option<RunsEvent> {
        let failed = |id: &RunId| (id.clone(), Err(ActionError::Fault(BUG_MESSAGE)));
        match self {
            Self::Resume(ids) => Some(RunsEvent::ResumeFinished(ids.iter().map(failed).collect())),
            Self::Stop(ids) => Some(RunsEvent::StopFinished(ids.iter().map(failed).collect())),
            Self::Predict(PredictionSpec { number, .. }) | Self::PollPredictions(number) => {
                let update = PredictionProgress { pictures: Vec::new(), end: Some(Err(BUG_MESSAGE.into())) };
                Some(RunsEvent::Predicted(*number, update))
            }
            _ => None,
        }
    }
}

/// An event that only the Runs screen receives.
#[derive(Debug, Clone)]
pub enum RunsEvent {
    /// The message of a completed effect, or the reason why it failed.
    Done(Result<String, String>),
    /// A worker that tests a run again was started, or the reason why not.
    TestRequested(RunId, Result<(), String>),
    /// A request was written to a run's folder, or the reason why not. An unwritten request is never answered.
    Requested(RunId, Result<(), String>),
    /// The time of the last look, in milliseconds since 1970; `None` before the first one, and in a home that keeps
    /// none.
    LastLook(Option<u64>),
    /// The columns and the order of the list that were kept.
    ListViewRead(ListView),
    /// The time of the look or the list was written, or could not be.
    ListStateRecorded,
    /// The number of queued runs that have lost their workers.
    LostRunsCounted(usize),
    /// A run was renamed, or the reason why not.
    Renamed {
        /// The former name.
        from: RunId,
        /// The new name, or the reason why the run was not renamed.
        result: Result<RunId, String>,
    },
    /// The completion of a line of sources.
    SourcesCompleted(Completion),
    /// The news of a prediction.
    Predicted(PredictionNumber, PredictionProgress),
    /// A prediction was ended.
    PredictionEnded,
    /// The sizes of run folders, in bytes.
    Measured(Vec<(RunId, u64)>),
    /// The deleted runs, and the reason why the next one was not deleted.
    Deleted(Vec<RunId>, Option<String>),
    /// Each run was resumed, or the reason why not.
    ResumeFinished(Vec<(RunId, Result<(), ActionError>)>),
    /// The request to stop each run was written, or the reason why not.
    StopFinished(Vec<(RunId, Result<(), ActionError>)>),
}
