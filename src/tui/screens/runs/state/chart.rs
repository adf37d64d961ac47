//! The view of a run's curves: metric, smoothing, axes, and visible part.

use crate::domain::RunState;
use crate::runs::steps::Axis;
use crate::runs::{Steps, Summary};
use crate::tui::library::RunView;
use crate::tui::widgets::curve::{Unit, Window};
use crate::tui::widgets::number_text::real;
use crate::tui::widgets::scale;

/// The metric that the curves show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Curves {
    /// Cross-entropy.
    #[default]
    Loss,
    /// The share of images predicted correctly.
    Accuracy,
    /// The optimizer's step size.
    LearningRate,
    /// Training images per second.
    Speed,
    /// Validation loss minus training loss, a measure of overfitting.
    Gap,
}

impl Curves {
    /// All metrics, in the order of the key that switches them.
    pub const ALL: [Self; 5] = [Self::Loss, Self::Accuracy, Self::LearningRate, Self::Speed, Self::Gap];

    /// Returns the name on the screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
            Self::LearningRate => "learning rate",
            Self::Speed => "images/s",
            Self::Gap => "gap",
        }
    }

    /// Returns the next metric.
    #[must_use]
    pub fn next(self) -> Self {
        let here = Self::ALL.iter().position(|curves| *curves == self).unwrap_or(0);
        Self::ALL[(here + 1) % Self::ALL.len()]
    }
}

/// The weights of the preceding value through which `s` cycles.
const SMOOTHING: [f64; 5] = [0.0, 0.6, 0.8, 0.9, 0.97];

/// The steps of zoom, pan and cursor, as shares of the visible part.
const ZOOM: f64 = 0.5;
const PAN: f64 = 0.25;
const CURSOR: f64 = 1.0 / 64.0;

/// The view of the curves.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Chart {
    /// The metric.
    pub curves: Curves,
    /// The index in [`SMOOTHING`].
    smoothing: usize,
    /// Whether the vertical axis is logarithmic.
    pub log: bool,
    /// The unit of the horizontal axis.
    pub axis: Axis,
    /// The visible part of the axis; `None` for all of it.
    pub window: Option<Window>,
    /// The position at which values are read.
    pub cursor: Option<f64>,
}

impl Chart {
    /// Returns the weight of the preceding value; 0 for raw curves.
    #[must_use]
    pub fn smoothing(&self) -> f64 {
        SMOOTHING.get(self.smoothing).copied().unwrap_or(0.0)
    }

    /// Smooths more; after the strongest smoothing not at all.
    pub fn smooth_more(&mut self) {
        self.smoothing = (self.smoothing + 1) % SMOOTHING.len();
    }

    /// Switches to the next axis and shows all of it.
    pub fn next_axis(&mut self) {
        self.axis = match self.axis {
            Axis::Epochs => Axis::Steps,
            Axis::Steps => Axis::Seconds,
            Axis::Seconds => Axis::Epochs,
        };
        self.reset();
    }

    /// Shows the whole axis, without a cursor.
    pub fn reset(&mut self) {
        self.window = None;
        self.cursor = None;
    }

    /// Returns the unit of the axis for drawing.
    #[must_use]
    pub fn unit(&self) -> Unit {
        match self.axis {
            Axis::Epochs => Unit::Epochs,
            Axis::Steps => Unit::Steps,
            Axis::Seconds => Unit::Time,
        }
    }

    /// Returns the visible part of the axis.
    #[must_use]
    pub fn visible(&self, whole: Window) -> Window {
        self.window.map_or(whole, |window| window.within(whole))
    }

    fn set_window(&mut self, window: Window, whole: Window) {
        self.window = (window.span() < whole.span()).then_some(window);
    }

    /// Zooms in or out around the cursor, or around `here` if the cursor is not visible.
    pub fn zoom(&mut self, whole: Window, here: f64, closer: bool) {
        let shown = self.visible(whole);
        let about = self.cursor.filter(|x| shown.contains(*x)).unwrap_or(here);
        self.set_window(shown.zoomed(whole, if closer { ZOOM } else { 1.0 / ZOOM }, about), whole);
    }

    /// Moves the visible part forward or back.
    pub fn pan(&mut self, whole: Window, forward: bool) {
        let window = self.visible(whole).panned(whole, if forward { PAN } else { -PAN });
        self.set_window(window, whole);
    }

    /// Moves the cursor, which starts in the middle. The visible part follows it.
    pub fn move_cursor(&mut self, whole: Window, forward: bool) {
        let shown = self.visible(whole);
        let by = shown.span() * if forward { CURSOR } else { -CURSOR };
        let before = self.cursor.filter(|x| shown.contains(*x));
        let cursor = before.map_or(shown.from.midpoint(shown.to), |x| (x + by).clamp(whole.from, whole.to));
        if !shown.contains(cursor) {
            self.pan(whole, forward);
        }
        self.cursor = Some(cursor);
    }
}

/// The positions of a run's epochs on an axis.
#[derive(Debug, Clone, Copy)]
pub struct EpochPositions<'a> {
    axis: Axis,
    summary: &'a Summary,
    steps: Option<&'a Steps>,
}

impl<'a> EpochPositions<'a> {
    /// Returns the positions of a run; `None` if it cannot be read.
    #[must_use]
    pub fn of(run: &'a RunView, axis: Axis) -> Option<Self> {
        Some(Self { axis, summary: run.summary.as_ref().ok()?, steps: run.curves.as_deref() })
    }

    /// Returns the number of optimizer steps in an epoch.
    fn steps_an_epoch(&self) -> f64 {
        let logged = self.summary.progress.map(|progress| f64::from(progress.steps));
        let batch = f64::from(self.summary.recipe.batch_size.max(1));
        logged.unwrap_or_else(|| self.summary.images.map_or(1.0, |images| (real(images.train as u64) / batch).ceil()))
    }

    /// Returns the position of an epoch's end.
    #[must_use]
    pub fn end_of(&self, epoch: u32) -> f64 {
        match self.axis {
            Axis::Epochs => f64::from(epoch),
            Axis::Steps => f64::from(epoch) * self.steps_an_epoch(),
            Axis::Seconds => {
                let buckets = self.steps.map(Steps::buckets).unwrap_or_default();
                let within = buckets.partition_point(|bucket| bucket.epoch <= epoch);
                let measured = within.checked_sub(1).map(|last| buckets[last].to.on(Axis::Seconds));
                measured.unwrap_or_else(|| {
                    let until = self.summary.epochs.iter().take_while(|metrics| metrics.epoch <= epoch);
                    until.map(|metrics| metrics.seconds).sum()
                })
            }
        }
    }

    /// Returns the position of the latest data.
    #[must_use]
    pub fn reached(&self) -> f64 {
        let latest = self.steps.and_then(|steps| steps.buckets().last()).map(|bucket| bucket.to.on(self.axis));
        latest.unwrap_or(0.0).max(self.end_of(self.summary.epoch()))
    }

    /// Returns the whole axis: to the latest data, with room to grow while the run is active.
    #[must_use]
    pub fn whole(&self, run_state: RunState) -> Window {
        let summary = self.summary;
        let epoch = summary.progress.map_or(summary.epoch(), |progress| progress.epoch);
        let last =
            if run_state.is_active() { scale::epoch_axis_end(epoch, summary.limits.epochs) } else { epoch.max(1) };
        match self.axis {
            Axis::Epochs | Axis::Steps => Window::until(self.end_of(last)),
            Axis::Seconds if run_state.is_active() => {
                // The end grows in large steps, because an axis that moves every second is not readable.
                let reached = self.reached().max(1.0);
                let step = scale::tick_step(reached, 4);
                Window::until((reached / step).ceil() * step)
            }
            Axis::Seconds => Window::until(self.reached()),
        }
    }
}
