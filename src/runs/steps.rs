//! The training curve within epochs, in bounded memory: a fold of step events into at most [`CAPACITY`] buckets.
//!
//! A bucket has the first, smallest, largest and last value of its points, so that every spike survives in a run of any
//! length. While possible, a bucket spans neither two epochs nor one of the newest checkpoints. A run that resumes from
//! there thus drops exactly the void steps. Depends on events, not on files or screens.

use serde::{Deserialize, Serialize};

use crate::events::{Event, Record};

/// The most buckets of a run.
pub const CAPACITY: usize = 4096;

/// The number of buckets after merging within epochs above which buckets of adjacent epochs merge too.
const CROWDED: usize = CAPACITY / 4 * 3;

/// The unit of a curve's x axis.
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

/// The position of a step in a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePosition {
    /// Time in epochs: 2.5 is halfway through the third.
    pub epochs: f64,
    /// Optimizer steps since the start of the run.
    pub step: u64,
    /// Milliseconds of training.
    pub trained: u64,
}

impl CurvePosition {
    /// Returns the coordinate on this axis.
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

/// The aggregate of one metric's finite values in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    /// The first value.
    pub first: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// The last value.
    pub last: f64,
    /// The number of values.
    pub count: u64,
    /// The sum of the values.
    pub sum: f64,
}

impl Extent {
    fn of(value: f64) -> Option<Self> {
        let extent = Self { first: value, min: value, max: value, last: value, count: 1, sum: value };
        value.is_finite().then_some(extent)
    }

    /// Returns the mean of the values.
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

/// Merges two aggregates; a missing one adds nothing.
fn joined(earlier: Option<Extent>, later: Option<Extent>) -> Option<Extent> {
    match (earlier, later) {
        (Some(earlier), Some(later)) => Some(earlier.then(later)),
        (one, other) => one.or(other),
    }
}

/// A section of the training curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// The position of its first point.
    pub from: CurvePosition,
    /// The position of its last point.
    pub to: CurvePosition,
    /// The epoch of its last point, counted from 1.
    pub epoch: u32,
    /// The step of its last point in that epoch, counted from 1.
    step: u32,
    /// The number of points.
    pub count: u64,
    /// Mean training losses as logged; `None` if all were NaN or infinite.
    pub loss: Option<Extent>,
    /// Training accuracies as logged; `None` if all were NaN or infinite.
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

/// The metric of a step that is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepMetric {
    /// Mean training loss.
    Loss,
    /// Training accuracy.
    Accuracy,
}

/// The training curve of a run so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    buckets: Vec<Bucket>,
    /// The number of points after which a new bucket begins.
    per_bucket: u64,
    /// Whether buckets may span epochs: only in runs with more epochs than buckets.
    across: bool,
    /// Epoch and step of the newest checkpoints within an epoch; no bucket spans one. Two, because there are two files.
    cuts: Vec<(u32, u32)>,
    /// Milliseconds of training so far.
    trained: u64,
    /// The time of the last event while the training clock runs.
    clock: Option<u64>,
}

impl Default for Steps {
    fn default() -> Self {
        Self { buckets: Vec::new(), per_bucket: 1, across: false, cuts: Vec::new(), trained: 0, clock: None }
    }
}

impl Steps {
    /// Returns the buckets in the order of time; at most [`CAPACITY`].
    #[must_use]
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// Returns whether there is no point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Returns the points of a metric in the order of time: each bucket's first, smallest, largest and last value. A
    /// plot of the extremes per column shows every spike of the run.
    pub fn points(&self, axis: Axis, metric: StepMetric) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.buckets.iter().flat_map(move |bucket| {
            let extent = match metric {
                StepMetric::Loss => bucket.loss,
                StepMetric::Accuracy => bucket.accuracy,
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

    /// Applies one event.
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
                let position = CurvePosition {
                    epochs: f64::from(before) + f64::from(*step) / f64::from((*steps).max(1)),
                    step: u64::from(before) * u64::from(*steps) + u64::from(*step),
                    trained: self.trained,
                };
                self.push(&Bucket {
                    from: position,
                    to: position,
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

    /// Stops the training clock until the next epoch or step begins, for events between which nothing is trained.
    pub fn interrupt(&mut self) {
        self.clock = None;
    }

    fn advance(&mut self, at: u64) {
        let passed = self.clock.map_or(0, |before| at.saturating_sub(before));
        self.trained = self.trained.saturating_add(passed);
        self.clock = Some(at);
    }

    fn push(&mut self, point: &Bucket) {
        let (capacity, across) = (self.per_bucket, self.across);
        match self.buckets.last_mut() {
            Some(last)
                if last.count < capacity
                    && (across || last.epoch == point.epoch)
                    && !is_cut(&self.cuts, last, point) =>
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

    /// Merges adjacent buckets up to the capacity of a bucket.
    fn merge(&mut self) {
        let (capacity, across, cuts) = (self.per_bucket, self.across, &self.cuts);
        self.buckets.dedup_by(|later, earlier| {
            let fits = earlier.count + later.count <= capacity
                && (across || earlier.epoch == later.epoch)
                && !is_cut(cuts, earlier, later);
            if fits {
                earlier.absorb(later);
            }
            fits
        });
    }

    /// Records a checkpoint after `step` of the epoch after `epoch`: from here on no bucket spans it.
    fn cut(&mut self, epoch: u32, step: u32) {
        let position = (epoch.saturating_add(1), step);
        if step > 0 && !self.cuts.contains(&position) {
            self.cuts.push(position);
            self.cuts.drain(..self.cuts.len().saturating_sub(2));
        }
    }

    /// Drops the points after an epoch and a step of the next one. A bucket that spans this position is dropped
    /// entirely, because its void steps cannot be separated. Only runs of thousands of epochs have such a bucket at the
    /// end of an epoch. Within an epoch, only runs that lost their two newest checkpoints have one.
    fn forget_after(&mut self, epoch: u32, step: u32) {
        let position = (epoch.saturating_add(1), step);
        let remaining = self.buckets.iter().take_while(|bucket| (bucket.epoch, bucket.step) <= position).count();
        self.buckets.truncate(remaining);
        self.cuts.retain(|cut| *cut <= position);
        self.trained = self.buckets.last().map_or(0, |bucket| bucket.to.trained);
    }
}

/// Returns whether a checkpoint separates two adjacent buckets.
fn is_cut(cuts: &[(u32, u32)], earlier: &Bucket, later: &Bucket) -> bool {
    cuts.iter().any(|cut| (earlier.epoch, earlier.step) <= *cut && *cut < (later.epoch, later.step))
}

#[cfg(test)]
mod tests;
