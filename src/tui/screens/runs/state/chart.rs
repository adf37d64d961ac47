//! How a run's curves are shown: which of them, how smooth, on which axes, and which part.

use crate::domain::RunState;
use crate::runs::steps::Axis;
use crate::runs::{Steps, Summary};
use crate::tui::library::RunView;
use crate::tui::widgets::curve::{Unit, Window};
use crate::tui::widgets::figures::real;
use crate::tui::widgets::scale;

/// Which figures are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Curves {
    /// Cross-entropy.
    #[default]
    Loss,
    /// Share of images predicted right.
    Accuracy,
    /// The optimizer's step size.
    LearningRate,
    /// Training images per second.
    Speed,
    /// Validation loss less training loss: how far the network fits what it was shown better than the rest.
    Gap,
}

impl Curves {
    /// All of them, in turn.
    pub const ALL: [Self; 5] = [Self::Loss, Self::Accuracy, Self::LearningRate, Self::Speed, Self::Gap];

    /// In words.
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

    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        let here = Self::ALL.iter().position(|curves| *curves == self).unwrap_or(0);
        Self::ALL[(here + 1) % Self::ALL.len()]
    }
}

/// Weights of what was before that `s` goes through.
const SMOOTHING: [f64; 5] = [0.0, 0.6, 0.8, 0.9, 0.97];

/// A step of zooming, of moving and of the cursor, as shares of what is shown.
const ZOOM: f64 = 0.5;
const PAN: f64 = 0.25;
const CURSOR: f64 = 1.0 / 64.0;

/// How curves are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Chart {
    /// Which figures.
    pub curves: Curves,
    /// The place in the row of smoothings.
    smoothing: usize,
    /// Whether upwards equal distances are equal ratios.
    pub log: bool,
    /// What the axis below counts.
    pub axis: Axis,
    /// The part of the axis that is shown; `None` for all of it.
    pub window: Option<Window>,
    /// Where values are read off.
    pub cursor: Option<f64>,
}

impl Chart {
    /// The weight of what was before, 0 for curves as they are.
    #[must_use]
    pub fn smoothing(&self) -> f64 {
        SMOOTHING.get(self.smoothing).copied().unwrap_or(0.0)
    }

    /// More smoothing, and after the most none.
    pub fn smooth(&mut self) {
        self.smoothing = (self.smoothing + 1) % SMOOTHING.len();
    }

    /// The next axis, all of it.
    pub fn turn_axis(&mut self) {
        self.axis = match self.axis {
            Axis::Epochs => Axis::Steps,
            Axis::Steps => Axis::Seconds,
            Axis::Seconds => Axis::Epochs,
        };
        self.reset();
    }

    /// All of the axis, and no cursor.
    pub fn reset(&mut self) {
        self.window = None;
        self.cursor = None;
    }

    /// What the axis counts, for drawing.
    #[must_use]
    pub fn unit(&self) -> Unit {
        match self.axis {
            Axis::Epochs => Unit::Epochs,
            Axis::Steps => Unit::Steps,
            Axis::Seconds => Unit::Time,
        }
    }

    /// The part of an axis that is shown.
    #[must_use]
    pub fn shown(&self, whole: Window) -> Window {
        self.window.map_or(whole, |window| window.within(whole))
    }

    fn put(&mut self, window: Window, whole: Window) {
        self.window = (window.span() < whole.span()).then_some(window);
    }

    /// Shows less or more, around the cursor, else around `here`.
    pub fn zoom(&mut self, whole: Window, here: f64, closer: bool) {
        let shown = self.shown(whole);
        let about = self.cursor.filter(|x| shown.contains(*x)).unwrap_or(here);
        self.put(shown.zoomed(whole, if closer { ZOOM } else { 1.0 / ZOOM }, about), whole);
    }

    /// Shows what is before or behind.
    pub fn pan(&mut self, whole: Window, forward: bool) {
        let window = self.shown(whole).panned(whole, if forward { PAN } else { -PAN });
        self.put(window, whole);
    }

    /// Moves the cursor, from the middle where there is none; what is shown moves with it.
    pub fn step(&mut self, whole: Window, forward: bool) {
        let shown = self.shown(whole);
        let by = shown.span() * if forward { CURSOR } else { -CURSOR };
        let before = self.cursor.filter(|x| shown.contains(*x));
        let cursor = before.map_or(shown.from.midpoint(shown.to), |x| (x + by).clamp(whole.from, whole.to));
        if !shown.contains(cursor) {
            self.pan(whole, forward);
        }
        self.cursor = Some(cursor);
    }
}

/// Where the epochs of a run lie on an axis.
#[derive(Debug, Clone, Copy)]
pub struct EpochPositions<'a> {
    axis: Axis,
    summary: &'a Summary,
    steps: Option<&'a Steps>,
}

impl<'a> EpochPositions<'a> {
    /// Of a run that can be read.
    #[must_use]
    pub fn of(run: &'a RunView, axis: Axis) -> Option<Self> {
        Some(Self { axis, summary: run.summary.as_ref().ok()?, steps: run.curves.as_deref() })
    }

    /// Optimizer steps in an epoch.
    fn steps_an_epoch(&self) -> f64 {
        let told = self.summary.progress.map(|progress| f64::from(progress.steps));
        let batch = f64::from(self.summary.recipe.batch_size.max(1));
        told.unwrap_or_else(|| self.summary.images.map_or(1.0, |images| (real(images.train as u64) / batch).ceil()))
    }

    /// Where an epoch ends.
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
                    let until = self.summary.history.iter().take_while(|metrics| metrics.epoch <= epoch);
                    until.map(|metrics| metrics.seconds).sum()
                })
            }
        }
    }

    /// How far the run is.
    #[must_use]
    pub fn reached(&self) -> f64 {
        let latest = self.steps.and_then(|steps| steps.buckets().last()).map(|bucket| bucket.to.on(self.axis));
        latest.unwrap_or(0.0).max(self.end_of(self.summary.epoch()))
    }

    /// The whole axis: to what is reached, with room to grow while the run goes on.
    #[must_use]
    pub fn whole(&self, stands: RunState) -> Window {
        let summary = self.summary;
        let epoch = summary.progress.map_or(summary.epoch(), |progress| progress.epoch);
        let last = if stands.is_active() { scale::epoch_axis_end(epoch, summary.limits.epochs) } else { epoch.max(1) };
        match self.axis {
            Axis::Epochs | Axis::Steps => Window::until(self.end_of(last)),
            Axis::Seconds if stands.is_active() => {
                // In large steps: an axis that moves with every second cannot be read.
                let reached = self.reached().max(1.0);
                let step = scale::tick_step(reached, 4);
                Window::until((reached / step).ceil() * step)
            }
            Axis::Seconds => Window::until(self.reached()),
        }
    }
}
