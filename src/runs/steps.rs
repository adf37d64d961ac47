//! The training curve within epochs, in bounded memory: a fold of step events into at most [`CAPACITY`] buckets.
//!
//! A bucket keeps first, smallest, largest and last value of what fell into it, so that no spike is ever lost, however
//! long the run. Buckets lie within one epoch as long as that is possible, and on one side of the newest checkpoints
//! within one, so that a run which goes on from there forgets exactly what lies past it. Knows events; nothing of files
//! or screens.

use serde::{Deserialize, Serialize};

use crate::events::{Event, Record};

/// Most buckets that a run has.
pub const CAPACITY: usize = 4096;

/// Above this many after merging within epochs, buckets of neighbouring epochs merge too.
const CROWDED: usize = CAPACITY / 4 * 3;

/// What the x axis of a curve counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Axis {
    /// Epochs: 2.5 is halfway through the third.
    #[default]
    Epochs,
    /// Optimizer steps since the start of the run.
    Steps,
    /// Seconds of training, without the time between workers.
    Seconds,
}

/// Where in a run a step lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Time in epochs: 2.5 is halfway through the third.
    pub epochs: f64,
    /// Optimizer steps since the start of the run.
    pub step: u64,
    /// Milliseconds of training.
    pub trained: u64,
}

impl Place {
    /// The coordinate on this axis.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // steps and milliseconds are far below 2^52
    pub fn on(&self, axis: Axis) -> f64 {
        match axis {
            Axis::Epochs => self.epochs,
            Axis::Steps => self.step as f64,
            Axis::Seconds => self.trained as f64 / 1_000.0,
        }
    }
}

/// What the finite values of one figure in a bucket amount to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    /// The first.
    pub first: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The last.
    pub last: f64,
    /// How many.
    pub count: u64,
    /// What they add up to.
    pub sum: f64,
}

impl Extent {
    fn of(value: f64) -> Option<Self> {
        let extent = Self { first: value, min: value, max: value, last: value, count: 1, sum: value };
        value.is_finite().then_some(extent)
    }

    /// Their mean.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts are far below 2^52
    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    fn then(self, later: Self) -> Self {
        Self {
            first: self.first,
            min: self.min.min(later.min),
            max: self.max.max(later.max),
            last: later.last,
            count: self.count + later.count,
            sum: self.sum + later.sum,
        }
    }
}

/// Two stretches of a curve as one; what was no number adds nothing.
fn joined(earlier: Option<Extent>, later: Option<Extent>) -> Option<Extent> {
    match (earlier, later) {
        (Some(earlier), Some(later)) => Some(earlier.then(later)),
        (one, other) => one.or(other),
    }
}

/// A stretch of the training curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Where its first point lies.
    pub from: Place,
    /// Where its last point lies.
    pub to: Place,
    /// The epoch of its last point, counted from 1.
    pub epoch: u32,
    /// The step of its last point in that epoch, counted from 1.
    step: u32,
    /// Points in it.
    pub count: u64,
    /// Mean training losses as reported; `None` if none was a number.
    pub loss: Option<Extent>,
    /// Training accuracies likewise.
    pub accuracy: Option<Extent>,
}

impl Bucket {
    fn absorb(&mut self, later: &Self) {
        self.to = later.to;
        self.epoch = later.epoch;
        self.step = later.step;
        self.count += later.count;
        self.loss = joined(self.loss, later.loss);
        self.accuracy = joined(self.accuracy, later.accuracy);
    }
}

/// Which figure of a step is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Figure {
    /// Mean training loss.
    Loss,
    /// Training accuracy.
    Accuracy,
}

/// The training curve of a run so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    buckets: Vec<Bucket>,
    /// Points that a bucket takes before a new one begins.
    per_bucket: u64,
    /// Whether buckets may span epochs: only in runs of more epochs than buckets.
    across: bool,
    /// Epoch and step of the newest checkpoints within an epoch: no bucket spans one. Two, because there are two files.
    cuts: Vec<(u32, u32)>,
    /// Milliseconds of training so far.
    trained: u64,
    /// When the clock was last looked at, while it runs.
    clock: Option<u64>,
}

impl Default for Steps {
    fn default() -> Self {
        Self { buckets: Vec::new(), per_bucket: 1, across: false, cuts: Vec::new(), trained: 0, clock: None }
    }
}

impl Steps {
    /// The stretches in the order of time; at most [`CAPACITY`].
    #[must_use]
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// Whether there is nothing to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Points to draw a figure from, in the order of time: of each bucket its first, smallest, largest and last value.
    /// Whoever keeps smallest and largest value per column shows every spike of the run.
    pub fn points(&self, axis: Axis, figure: Figure) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.buckets.iter().flat_map(move |bucket| {
            let extent = match figure {
                Figure::Loss => bucket.loss,
                Figure::Accuracy => bucket.accuracy,
            };
            let (from, to) = (bucket.from.on(axis), bucket.to.on(axis));
            let middle = from.midpoint(to);
            let corners = extent.map(|extent| match extent.count {
                1 => [Some((to, extent.last)), None, None, None],
                2 => [Some((from, extent.first)), Some((to, extent.last)), None, None],
                _ => [
                    Some((from, extent.first)),
                    Some((middle, extent.min)),
                    Some((middle, extent.max)),
                    Some((to, extent.last)),
                ],
            });
            corners.into_iter().flatten().flatten()
        })
    }

    /// Takes one event in.
    pub fn apply(&mut self, record: &Record) {
        match &record.event {
            Event::WorkerStarted { resumed_from, resumed_step, .. } => {
                self.clock = None;
                self.forget_after(*resumed_from, *resumed_step);
                self.cut(*resumed_from, *resumed_step);
            }
            Event::CheckpointSaved { epoch, step, .. } => self.cut(*epoch, *step),
            Event::EpochStarted { .. } | Event::EpochFinished { .. } => self.advance(record.at),
            Event::Step { epoch, step, steps, loss, accuracy, .. } => {
                self.advance(record.at);
                let before = epoch.saturating_sub(1);
                let place = Place {
                    epochs: f64::from(before) + f64::from(*step) / f64::from((*steps).max(1)),
                    step: u64::from(before) * u64::from(*steps) + u64::from(*step),
                    trained: self.trained,
                };
                self.push(&Bucket {
                    from: place,
                    to: place,
                    epoch: *epoch,
                    step: *step,
                    count: 1,
                    loss: Extent::of(*loss),
                    accuracy: Extent::of(*accuracy),
                });
            }
            Event::EvaluationStarted { .. } | Event::Ended { .. } => self.clock = None,
            _ => {}
        }
    }

    /// Stops the clock of training until the next epoch or step begins: for events between which nothing is trained.
    pub fn interrupt(&mut self) {
        self.clock = None;
    }

    fn advance(&mut self, at: u64) {
        let passed = self.clock.map_or(0, |before| at.saturating_sub(before));
        self.trained = self.trained.saturating_add(passed);
        self.clock = Some(at);
    }

    fn push(&mut self, point: &Bucket) {
        let (room, across) = (self.per_bucket, self.across);
        match self.buckets.last_mut() {
            Some(last)
                if last.count < room && (across || last.epoch == point.epoch) && !is_cut(&self.cuts, last, point) =>
            {
                last.absorb(point);
            }
            _ => self.buckets.push(*point),
        }
        if self.buckets.len() > CAPACITY {
            self.per_bucket *= 2;
            self.merge();
            if self.buckets.len() > CROWDED {
                self.across = true;
                self.merge();
            }
        }
    }

    /// Merges neighbours as far as a bucket's room allows.
    fn merge(&mut self) {
        let (room, across, cuts) = (self.per_bucket, self.across, &self.cuts);
        self.buckets.dedup_by(|later, earlier| {
            let fits = earlier.count + later.count <= room
                && (across || earlier.epoch == later.epoch)
                && !is_cut(cuts, earlier, later);
            if fits {
                earlier.absorb(later);
            }
            fits
        });
    }

    /// From here on no bucket spans this place within the epoch after `epoch`.
    fn cut(&mut self, epoch: u32, step: u32) {
        let place = (epoch.saturating_add(1), step);
        if step > 0 && !self.cuts.contains(&place) {
            self.cuts.push(place);
            self.cuts.drain(..self.cuts.len().saturating_sub(2));
        }
    }

    /// Forgets what lies past an epoch and a step of the one after it. A bucket that spans this place goes as a whole:
    /// what it holds of void steps cannot be told apart. Only runs of thousands of epochs have one at the end of an
    /// epoch, and only those whose two newest checkpoints are gone have one within.
    fn forget_after(&mut self, epoch: u32, step: u32) {
        let place = (epoch.saturating_add(1), step);
        let kept = self.buckets.iter().take_while(|bucket| (bucket.epoch, bucket.step) <= place).count();
        self.buckets.truncate(kept);
        self.cuts.retain(|cut| *cut <= place);
        self.trained = self.buckets.last().map_or(0, |bucket| bucket.to.trained);
    }
}

/// Whether a checkpoint lies between two neighbours.
fn is_cut(cuts: &[(u32, u32)], earlier: &Bucket, later: &Bucket) -> bool {
    cuts.iter().any(|cut| (earlier.epoch, earlier.step) <= *cut && *cut < (later.epoch, later.step))
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod steps_tests;
