//! The actions of the Compare screen with their keys, its effects and its events.

use std::sync::Arc;

use crossterm::event::KeyCode;

use super::keymap::{Binding, Context, ContextKind, code, on};
use super::{Action, BUG_MESSAGE, ScreenEffect};
use crate::domain::RunId;
use crate::runs::Summary;
use crate::runs::comparison::{NotComparable, Verdict};
use crate::tui::key::Key;
use crate::tui::screen::Screen;

/// The name of the screen in the help and the palette.
pub(super) const DESCRIPTION: &str = "Compare: the marked runs side by side";

/// The comparison of the marked runs.
pub const PANES: Context = Context::of(Screen::Compare, "panes", ContextKind::Panes);

pub(super) const CONTEXTS: &[Context] = &[PANES];

/// A request of the user on the Compare screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompareAction {
    /// Go to the next pane.
    NextPane,
    /// Go to the previous pane.
    PreviousPane,
    /// Show the pane on the whole screen, or together with the others.
    Zoom,
    /// Make the selected run the baseline.
    Baseline,
    /// Unmark the selected run.
    Unmark,
    /// Move the selected run's column to the left.
    MoveLeft,
    /// Move the selected run's column to the right.
    MoveRight,
    /// Show or hide the published scores.
    Reference,
    /// Show runs that differ only in the seed as one column, or separately.
    Fold,
    /// Draw the next metric.
    Curve,
    /// Switch between epochs and elapsed time.
    Axis,
    /// Switch between a logarithmic and a linear scale.
    Log,
    /// Smooth more.
    Smoother,
    /// Smooth less.
    Rougher,
    /// Inspect the selected run against the baseline.
    Inspect,
}

const fn own(
    name: &'static str,
    keys: &'static [Key],
    action: CompareAction,
    hint: &'static str,
    description: &'static str,
) -> Binding {
    on(name, CONTEXTS, keys, Action::Compare(action), hint, description)
}

pub(super) static BINDINGS: &[Binding] = &[
    on(
        "compare.open",
        CONTEXTS,
        &[code(KeyCode::Enter)],
        Action::Open,
        "open",
        "show the selected run on the Runs screen",
    ),
    own(
        "compare.pane",
        &[code(KeyCode::Tab)],
        CompareAction::NextPane,
        "pane",
        "metrics, curves, classes, settings, luck",
    ),
    own("compare.pane_back", &[code(KeyCode::BackTab)], CompareAction::PreviousPane, "", "the previous pane"),
    own(
        "compare.baseline",
        &[Key::char('b')],
        CompareAction::Baseline,
        "baseline",
        "compare the others with the selected run",
    ),
    own(
        "compare.zoom",
        &[Key::char('z')],
        CompareAction::Zoom,
        "zoom",
        "show the pane on the whole screen, or all panes",
    ),
    own("compare.curve", &[Key::char('m')], CompareAction::Curve, "curve", "val loss, val accuracy, train loss"),
    own(
        "compare.inspect",
        &[Key::char('i')],
        CompareAction::Inspect,
        "inspect",
        "what the run gets wrong that the baseline does not",
    ),
    own(
        "compare.fold",
        &[Key::char('f')],
        CompareAction::Fold,
        "fold seeds",
        "show runs that differ only in the seed as one column",
    ),
    own(
        "compare.reference",
        &[Key::char('F')],
        CompareAction::Reference,
        "reference",
        "show or hide the published scores",
    ),
    own("compare.unmark", &[Key::char('u')], CompareAction::Unmark, "unmark", "remove the selected run"),
    on("compare.left", CONTEXTS, &[code(KeyCode::Left), Key::char('h')], Action::Left, "", "the run to the left"),
    on(
        "compare.right",
        CONTEXTS,
        &[code(KeyCode::Right), Key::char('l')],
        Action::Right,
        "next run",
        "the run to the right",
    ),
    own(
        "compare.move_left",
        &[Key::char('<')],
        CompareAction::MoveLeft,
        "",
        "move the run to the left; the first is the baseline",
    ),
    own("compare.move_right", &[Key::char('>')], CompareAction::MoveRight, "", "move the run to the right"),
    own("compare.axis", &[Key::char('x')], CompareAction::Axis, "", "curves over epochs or elapsed time"),
    own("compare.log", &[Key::char('L')], CompareAction::Log, "", "curves on a logarithmic scale or not"),
    own("compare.smoother", &[Key::char('s')], CompareAction::Smoother, "", "smoother curves"),
    own("compare.rougher", &[Key::char('S')], CompareAction::Rougher, "", "curves less smooth"),
    on("compare.back", CONTEXTS, &[code(KeyCode::Esc)], Action::Back, "", "leave the zoomed pane, or back to the runs"),
];

/// A tested run as of its latest event, which identifies its predictions on disk.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TestedRun {
    /// The run.
    pub id: RunId,
    /// The time of its last event, in milliseconds since 1970.
    pub at: Option<u64>,
}

/// A run and the baseline with which it is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunPair {
    /// The baseline.
    pub baseline: TestedRun,
    /// The run.
    pub run: TestedRun,
}

impl RunPair {
    /// Returns the pair of these runs as they are now.
    #[must_use]
    pub fn of(baseline: &Summary, run: &Summary) -> Self {
        let tested = |run: &Summary| TestedRun { id: run.id.clone(), at: run.updated_at };
        Self { baseline: tested(baseline), run: tested(run) }
    }
}

/// A request of the Compare screen to the runtime.
#[derive(Debug, Clone, PartialEq)]
pub enum CompareEffect {
    /// Compare a run with the baseline, image by image; answered by `VerdictComputed`.
    ComputeVerdict {
        /// The baseline, which has been tested.
        baseline: Arc<Summary>,
        /// The run, which has been tested.
        run: Arc<Summary>,
    },
}

impl ScreenEffect for CompareEffect {
    type Event = CompareEvent;

    fn failure(&self) -> Option<CompareEvent> {
        let Self::ComputeVerdict { baseline, run } = self;
        Some(CompareEvent::VerdictComputed(RunPair::of(baseline, run), Err(NotComparable::Fault(BUG_MESSAGE))))
    }
}

/// An event that only the Compare screen receives.
#[derive(Debug, Clone)]
pub enum CompareEvent {
    /// The verdict on a pair of runs, or the reason why there is none.
    VerdictComputed(RunPair, Result<Verdict, NotComparable>),
}
