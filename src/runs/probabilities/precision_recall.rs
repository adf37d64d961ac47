//! Precision by recall of each class against all others, and average precision, as in scikit-learn.

use crate::domain::number_text::count;
use crate::runs::Inspection;

/// The most points that a curve is thinned to.
pub const POINTS: usize = 101;

/// A point of a curve: the images whose probability of the class is at least the threshold are predicted as it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct RecallPoint {
    /// The lowest probability of the class.
    pub threshold: f32,
    /// The share of the class's images that are predicted as it.
    pub recall: f64,
    /// The share of the images predicted as the class that belong to it.
    pub precision: f64,
}

/// The curve of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct PrecisionRecall {
    /// Every point, from the highest threshold to the lowest, so that recall never falls.
    pub points: Vec<RecallPoint>,
}

/// The average precision of each class.
#[derive(Debug, Clone, PartialEq)]
pub struct AveragePrecision {
    /// By class, in class order; `None` for a class without images.
    pub per_class: Vec<Option<f64>>,
    /// The mean over the classes with images; `None` if there is none.
    pub mean: Option<f64>,
}

/// Returns the curve of a class against all others; `None` for a class without images.
#[must_use]
#[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
pub fn curve(predictions: &Inspection, class: usize) -> Option<PrecisionRecall> {
    let positives = predictions.truth().iter().filter(|truth| usize::from(**truth) == class).count();
    if positives == 0 {
        return None;
    }
    let images = predictions.truth().iter().enumerate();
    let probability = |image: usize| predictions.probabilities(image).and_then(|row| row.get(class)).copied();
    let mut ranked: Vec<(f32, bool)> =
        images.map(|(image, truth)| (probability(image).unwrap_or(0.0), usize::from(*truth) == class)).collect();
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
    let (mut right, mut points) = (0, Vec::new());
    for (rank, (threshold, positive)) in ranked.iter().enumerate() {
        right += usize::from(*positive);
        // Images of one probability are predicted together, and make one point.
        if ranked.get(rank + 1).is_none_or(|(next, _)| next < threshold) {
            let (recall, precision) = (right as f64 / positives as f64, right as f64 / (rank + 1) as f64);
            points.push(RecallPoint { threshold: *threshold, recall, precision });
        }
    }
    Some(PrecisionRecall { points })
}

impl PrecisionRecall {
    /// Returns the average precision: the sum of precisions, each weighted by its increase of recall.
    #[must_use]
    pub fn average(&self) -> f64 {
        let mut before = 0.0;
        let area = |point: &RecallPoint| {
            let gained = point.recall - before;
            before = point.recall;
            gained * point.precision
        };
        self.points.iter().map(area).sum()
    }

    /// Returns at most [`POINTS`] points: the first one that reaches each hundredth of recall.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a hundred points
    pub fn thinned(&self) -> Vec<RecallPoint> {
        let reaching = |level: usize| {
            let level = level as f64 / (POINTS - 1) as f64;
            self.points.partition_point(|point| point.recall < level - 1e-12)
        };
        let mut found: Vec<usize> = (0..POINTS).map(reaching).collect();
        found.dedup();
        found.into_iter().filter_map(|at| self.points.get(at).copied()).collect()
    }
}

impl AveragePrecision {
    /// Returns the average precision of each class of these predictions.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // counts of classes
    pub fn of(predictions: &Inspection) -> Self {
        let classes = 0..predictions.classes().len();
        let per_class: Vec<Option<f64>> =
            classes.map(|class| curve(predictions, class).map(|curve| curve.average())).collect();
        let present: Vec<f64> = per_class.iter().copied().flatten().collect();
        let mean = (!present.is_empty()).then(|| present.iter().sum::<f64>() / present.len() as f64);
        Self { per_class, mean }
    }

    /// Returns the number of classes with images, over which the mean runs.
    #[must_use]
    pub fn present(&self) -> usize {
        self.per_class.iter().flatten().count()
    }

    /// Returns the mean as text; `None` without images.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let present = self.present();
        let classes = count(present, "class", "classes");
        let absent = self.per_class.len() - present;
        let absent = if absent > 0 { format!(" with images, {absent} without") } else { String::new() };
        self.mean.map(|mean| format!("mean average precision {mean:.4}, over {classes}{absent}"))
    }
}
