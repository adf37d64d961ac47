//! Statistics of the difference between two runs: tests on the same images, and means over seeds.
//!
//! Uses only numbers, no runs or files.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The number of bootstrap resamples for an interval.
pub const RESAMPLES: u32 = 2_000;

/// The seed of the resamples: the same predictions always give the same interval.
const SEED: u64 = 42;

/// The probability below which a difference is significant.
pub const SIGNIFICANCE: f64 = 0.05;

/// Returns the p-value of McNemar's exact test (McNemar 1947; two-sided binomial with probability ½). `gained` and
/// `lost` count the images that only one of two runs predicts correctly. Returns 1 if both are 0.
#[must_use]
#[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
pub fn mcnemar(gained: u64, lost: u64) -> f64 {
    let (fewer, more) = (gained.min(lost), gained.max(lost));
    if fewer == more {
        return 1.0;
    }
    let (k, rest, n) = (fewer as f64, more as f64, (fewer + more) as f64);
    // In logarithms, because 2⁻ⁿ is below the smallest float from n = 1075 on.
    let choices: f64 = (1..=fewer).map(|i| ((rest + i as f64) / i as f64).ln()).sum();
    let largest = choices - n * std::f64::consts::LN_2;
    // The binomial's tail from its largest term down, in units of that term.
    let (mut term, mut tail) = (1.0, 1.0);
    let mut i = k;
    while i > 0.0 && term > tail * f64::EPSILON / 4.0 {
        term *= i / (n - i + 1.0);
        tail += term;
        i -= 1.0;
    }
    (2.0 * (largest + f64::ln(tail)).exp()).min(1.0)
}

/// Returns p-values adjusted for their number, in the given order (Holm 1979). The probability that chance brings any
/// of them below a level is at most that level.
#[must_use]
#[allow(clippy::cast_precision_loss)] // a handful of tests
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let (mut adjusted, mut largest) = (vec![0.0; p_values.len()], 0.0_f64);
    for (rank, at) in order.into_iter().enumerate() {
        largest = largest.max(p_values[at] * (p_values.len() - rank) as f64).min(1.0);
        adjusted[at] = largest;
    }
    adjusted
}

/// A bootstrap of a difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// The 95 % percentile interval.
    pub interval: Interval,
    /// The two-sided p-value: twice the share of resamples on the rarer side of 0, each counted with one more resample
    /// (Davison & Hinkley 1997).
    pub p: f64,
}

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Returns whether 0 is outside the interval, which makes the difference significant.
    #[must_use]
    pub fn excludes_zero(self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// Mean and deviation of one metric over several runs.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Spread {
    /// The arithmetic mean.
    pub mean: f64,
    /// The sample standard deviation (n − 1); `None` for one value.
    pub deviation: Option<f64>,
    /// The number of values.
    pub count: usize,
}

impl Spread {
    /// Returns mean and deviation of these values; `None` if there are none or one is NaN or infinite.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a handful of runs
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (count > 1).then(|| (squares / (count - 1) as f64).sqrt());
        Some(Self { mean, deviation, count })
    }
}

/// The difference of two means.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct MeanDifference {
    /// The second mean minus the first.
    pub difference: f64,
    /// Its 95 % interval.
    pub interval: Interval,
    /// The two-sided p-value.
    pub p: f64,
}

/// Returns the difference of two means by Welch's t-test (Welch 1947), which lets the variances differ. `None` if
/// either has fewer than two values, or no value differs from its mean by more than rounding.
#[must_use]
#[allow(clippy::cast_precision_loss)] // a handful of runs
pub fn welch(first: Spread, second: Spread) -> Option<MeanDifference> {
    let error = |spread: Spread| Some((spread.deviation?.powi(2) / spread.count as f64, (spread.count - 1) as f64));
    let ((first_error, first_freedom), (second_error, second_freedom)) = (error(first)?, error(second)?);
    let squared = first_error + second_error;
    // The mean of three equal values may be off by rounding, and any difference would seem certain.
    let rounding = 8.0 * f64::EPSILON * first.mean.abs().max(second.mean.abs());
    if squared.sqrt() <= rounding {
        return None;
    }
    let freedom = squared.powi(2) / (first_error.powi(2) / first_freedom + second_error.powi(2) / second_freedom);
    student(second.mean - first.mean, squared.sqrt(), freedom)
}

/// Returns the difference of two means over folds by the corrected paired t-test (Nadeau & Bengio 2003). `pairs` has
/// the values of both settings for each fold, `test_ratio` the test images of a fold per image that it does not test.
/// `None` if there are fewer than two pairs, or no difference differs from the mean by more than rounding.
#[must_use]
#[allow(clippy::cast_precision_loss)] // a handful of folds
pub fn corrected_paired(pairs: &[[f64; 2]], test_ratio: f64) -> Option<MeanDifference> {
    let differences: Vec<f64> = pairs.iter().map(|[first, second]| second - first).collect();
    let Spread { mean, deviation, count } = Spread::of(&differences)?;
    let largest = pairs.iter().flatten().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let deviation = deviation.filter(|deviation| *deviation > 8.0 * f64::EPSILON * largest)?;
    // Folds share training images, so that the variance of their mean is larger than that of independent values.
    student(mean, deviation * (1.0 / count as f64 + test_ratio).sqrt(), (count - 1) as f64)
}

/// Returns a difference with the interval and the p-value of Student's distribution. `error` is its standard error.
fn student(difference: f64, error: f64, freedom: f64) -> Option<MeanDifference> {
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let reach = distribution.inverse_cdf(0.975) * error;
    Some(MeanDifference {
        difference,
        interval: Interval { low: difference - reach, high: difference + reach },
        p: (2.0 * distribution.sf((difference / error).abs())).min(1.0),
    })
}

/// The truth, the first run's prediction and the second run's prediction.
type Cell = (usize, usize, usize);

/// Two runs' predictions for the same images, counted by truth and both predictions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    classes: usize,
    /// Only non-empty cells, in order: the intervals depend on nothing else.
    cells: BTreeMap<Cell, u32>,
}

impl Pairs {
    /// Returns counts without images, over this many classes.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self { classes, cells: BTreeMap::new() }
    }

    /// Counts one image.
    ///
    /// # Panics
    /// If a label is not below the number of classes.
    pub fn add(&mut self, truth: usize, first: usize, second: usize) {
        assert!([truth, first, second].iter().all(|label| *label < self.classes), "labels of {} classes", self.classes);
        *self.cells.entry((truth, first, second)).or_default() += 1;
    }

    /// Returns the number of images.
    #[must_use]
    pub fn images(&self) -> u64 {
        self.cells.values().map(|count| u64::from(*count)).sum()
    }

    /// Returns the images that only the second run predicts correctly, and those that only the first one does.
    #[must_use]
    pub fn gained_and_lost(&self) -> (u64, u64) {
        let only = |right: fn(Cell) -> bool| {
            self.cells.iter().filter(|(cell, _)| right(**cell)).map(|(_, count)| u64::from(*count)).sum()
        };
        let gained = only(|(truth, first, second)| first != truth && second == truth);
        (gained, only(|(truth, first, second)| first == truth && second != truth))
    }

    /// Returns each class's F1 of the second run minus that of the first, `[classes]`.
    #[must_use]
    pub fn f1_differences(&self) -> Vec<f64> {
        differences(self.classes, self.cells.iter().map(|(cell, count)| (*cell, *count)))
    }

    /// Returns the macro F1 of the second run minus that of the first.
    #[must_use]
    pub fn f1_difference(&self) -> f64 {
        mean(&self.f1_differences())
    }

    /// Returns the percentile bootstrap of [`Self::f1_difference`] (Efron & Tibshirani 1993). Draws as many images as
    /// there are with replacement, with both runs' predictions, [`RESAMPLES`] times.
    #[must_use]
    pub fn bootstrap_f1(&self) -> Bootstrap {
        self.bootstrap_f1_with(RESAMPLES, SEED)
    }

    /// Returns the bootstrap with another number of resamples and another seed.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // thousands of resamples
    pub fn bootstrap_f1_with(&self, resamples: u32, seed: u64) -> Bootstrap {
        let cells: Vec<Cell> = self.cells.keys().copied().collect();
        // The cell of each image, so that drawing an image draws a cell with its weight.
        let cell_of: Vec<u32> = (0_u32..)
            .zip(self.cells.values())
            .flat_map(|(cell, count)| std::iter::repeat_n(cell, *count as usize))
            .collect();
        if cell_of.is_empty() || resamples == 0 {
            return Bootstrap { interval: Interval { low: 0.0, high: 0.0 }, p: 1.0 };
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut drawn = vec![0_u32; cells.len()];
        let mut found: Vec<f64> = (0..resamples)
            .map(|_| {
                drawn.fill(0);
                draw(&mut random, &cell_of, &mut drawn);
                mean(&differences(self.classes, cells.iter().copied().zip(drawn.iter().copied())))
            })
            .collect();
        found.sort_by(f64::total_cmp);
        let (below, above) =
            (found.partition_point(|value| *value <= 0.0), found.partition_point(|value| *value < 0.0));
        let rarer = below.min(found.len() - above);
        let p = (2.0 * (rarer + 1) as f64 / (found.len() + 1) as f64).min(1.0);
        Bootstrap { interval: Interval { low: quantile(&found, 0.025), high: quantile(&found, 0.975) }, p }
    }
}

/// Draws as many images as there are, with replacement, and counts their cells.
#[allow(clippy::cast_possible_truncation)] // the product's upper half is below the number of images
fn draw(random: &mut ChaCha8Rng, cell_of: &[u32], drawn: &mut [u32]) {
    let images = cell_of.len() as u64;
    let mut left = cell_of.len();
    while left > 0 {
        let bits = random.next_u64();
        // Each half draws an image; the bias of images / 2³² is negligible.
        for half in [bits & 0xffff_ffff, bits >> 32].into_iter().take(left) {
            drawn[cell_of[((half * images) >> 32) as usize] as usize] += 1;
        }
        left = left.saturating_sub(2);
    }
}

/// Returns each class's F1 of the second run minus that of the first, `[classes]`. An F1 without images is 0, as in
/// scikit-learn.
fn differences(classes: usize, cells: impl Iterator<Item = (Cell, u32)>) -> Vec<f64> {
    // By class: correct and predicted of the first run, correct and predicted of the second, and the support.
    let mut tally = vec![[0_u32; 5]; classes];
    for ((truth, first, second), count) in cells {
        tally[first][1] += count;
        tally[second][3] += count;
        tally[truth][4] += count;
        tally[truth][0] += if first == truth { count } else { 0 };
        tally[truth][2] += if second == truth { count } else { 0 };
    }
    let f1 = |right: u32, whole: u32| if whole == 0 { 0.0 } else { 2.0 * f64::from(right) / f64::from(whole) };
    let change = |[right, answered, right_second, answered_second, support]: &[u32; 5]| {
        f1(*right_second, answered_second + support) - f1(*right, answered + support)
    };
    tally.iter().map(change).collect()
}

#[allow(clippy::cast_precision_loss)] // few classes
fn mean(values: &[f64]) -> f64 {
    // Not `sum`, which is −0 without values.
    values.iter().fold(0.0, |sum, value| sum + value) / values.len().max(1) as f64
}

/// Returns a quantile of sorted values, interpolated linearly as in NumPy's `percentile`.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few thousand values
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = share * (sorted.len() - 1) as f64;
    let (below, part) = (rank.floor() as usize, rank.fract());
    let above = sorted[(below + 1).min(sorted.len() - 1)];
    sorted[below] + part * (above - sorted[below])
}

#[cfg(test)]
mod tests;
