//! The charts of a report: curves of each run, and of all runs together.

use super::chart::{Bar, Chart, Line};
use super::{Report, RunPart};
use crate::domain::EpochMetrics;
use crate::domain::text::printable;
use crate::runs::probabilities::{Reliability, curve};
use crate::runs::{Inspection, ProbabilityMetrics, Summary};

/// The most classes whose curves a chart of precision by recall shows.
const CLASSES: usize = 12;

/// Returns every chart with a file name without ending.
pub(super) fn all(report: &Report) -> Vec<(String, Chart)> {
    let mut found = Vec::new();
    for part in &report.runs {
        found.push((format!("{}-loss", part.run.id), loss(&part.run)));
        found.push((format!("{}-accuracy", part.run.id), accuracy(&part.run)));
        if let Some([calibration, curves]) = probabilities(part) {
            found.push((format!("{}-calibration", part.run.id), calibration));
            found.push((format!("{}-precision-recall", part.run.id), curves));
        }
    }
    if report.runs.len() > 1 {
        found.push(("validation-loss".into(), validation(&report.runs, "validation loss", |epoch| epoch.val_loss)));
        let accuracy = validation(&report.runs, "validation accuracy", |epoch| epoch.val_accuracy);
        found.push(("validation-accuracy".into(), accuracy));
    }
    found
}

/// Returns the losses of a run by epoch, with a dot at its best epoch.
pub(super) fn loss(run: &Summary) -> Chart {
    let title = format!("Loss of {}", run.id);
    by_epoch(run, title, "loss", [("training", |epoch| epoch.train_loss), ("validation", |epoch| epoch.val_loss)])
}

/// Returns the accuracies of a run by epoch, with a dot at its best epoch.
pub(super) fn accuracy(run: &Summary) -> Chart {
    let title = format!("Accuracy of {}", run.id);
    let lines: [(&str, EpochMetric); 2] =
        [("training", |epoch| epoch.train_accuracy), ("validation", |epoch| epoch.val_accuracy)];
    by_epoch(run, title, "accuracy", lines)
}

/// Returns a chart of one validation metric by epoch, with a line for each run. `name` is the metric's.
pub(super) fn validation(runs: &[RunPart], name: &str, value: EpochMetric) -> Chart {
    let line = |part: &RunPart| line(&part.run, part.run.id.as_str(), value);
    let title = format!("{}{} of all runs", name[..1].to_uppercase(), &name[1..]);
    Chart { title, x: "epoch".into(), y: name.into(), lines: runs.iter().map(line).collect(), ..Chart::default() }
}

type EpochMetric = fn(&EpochMetrics) -> f64;

fn by_epoch(run: &Summary, title: String, y: &str, lines: [(&str, EpochMetric); 2]) -> Chart {
    let mut lines: Vec<Line> = lines.into_iter().map(|(name, value)| line(run, name, value)).collect();
    // The best epoch is one of validation.
    lines[0].mark = None;
    Chart { title, x: "epoch".into(), y: y.into(), lines, ..Chart::default() }
}

/// Returns the calibration of a run's probabilities, and its precision by recall; `None` without predictions.
pub(super) fn probabilities(part: &RunPart) -> Option<[Chart; 2]> {
    let (test, metrics) = (part.test.as_ref().ok()?, part.probabilities.as_ref()?);
    let reliability = metrics.reliability.as_ref()?;
    Some([calibration(&part.run, metrics, reliability), precision_recall(&part.run, test, metrics)])
}

/// Returns a reliability diagram: a bar of accuracy for each bin of confidence.
#[allow(clippy::cast_precision_loss)] // counts of images are far below 2^52
fn calibration(run: &Summary, metrics: &ProbabilityMetrics, reliability: &Reliability) -> Chart {
    let line = |name: String, reliability: &Reliability| {
        let filled = reliability.bins.iter().filter(|bin| bin.images > 0);
        Line { name, points: filled.map(|bin| (bin.confidence, bin.accuracy)).collect(), mark: None }
    };
    let images: usize = reliability.bins.iter().map(|bin| bin.images).sum();
    let filled = reliability.bins.iter().filter(|bin| bin.images > 0);
    let bars = filled.map(|bin| Bar {
        from: bin.low,
        to: bin.high,
        value: bin.accuracy,
        images: bin.images as f64 / images.max(1) as f64,
    });
    let scaled = metrics.scaled.as_ref().ok();
    let scaled = scaled.map(|(temperature, scaled)| line(format!("temperature {:.2}", temperature.value), scaled));
    let perfect = Line { name: "perfect calibration".into(), points: vec![(0.0, 0.0), (1.0, 1.0)], mark: None };
    Chart {
        title: format!("Calibration of {}: {}", run.id, reliability.text()),
        x: "probability of the predicted class".into(),
        y: "accuracy".into(),
        bars: bars.collect(),
        lines: [Some(line("test images".into(), reliability)), scaled, Some(perfect)].into_iter().flatten().collect(),
        x_limits: Some((0.0, 1.0)),
        limits: Some((0.0, 1.0)),
    }
}

/// Returns precision by recall of each class; of many classes, of those with the lowest average precision.
fn precision_recall(run: &Summary, test: &Inspection, metrics: &ProbabilityMetrics) -> Chart {
    let averages = metrics.average_precision.per_class.iter().enumerate();
    let mut present: Vec<(usize, f64)> = averages.filter_map(|(class, average)| Some((class, (*average)?))).collect();
    let all = present.len();
    if all > CLASSES {
        present.sort_by(|one, other| one.1.total_cmp(&other.1));
        present.truncate(CLASSES);
    }
    let line = |(class, average): (usize, f64)| {
        let name = run.classes.get(class).map_or_else(|| class.to_string(), |name| printable(name));
        let points = curve(test, class)?.thinned().iter().map(|point| (point.recall, point.precision)).collect();
        Some(Line { name: format!("{name} {average:.3}"), points, mark: None })
    };
    let which = if all > CLASSES { format!(", the {CLASSES} lowest of {all} classes") } else { String::new() };
    Chart {
        title: format!("Precision by recall of {}{which}", run.id),
        x: "recall".into(),
        y: "precision".into(),
        lines: present.into_iter().filter_map(line).collect(),
        x_limits: Some((0.0, 1.0)),
        limits: Some((0.0, 1.0)),
        ..Chart::default()
    }
}

fn line(run: &Summary, name: &str, value: EpochMetric) -> Line {
    let point = |epoch: &EpochMetrics| (f64::from(epoch.epoch), value(epoch));
    let points = run.epochs.iter().map(point).filter(|point| point.1.is_finite()).collect();
    Line { name: name.into(), points, mark: run.best().map(point).filter(|point| point.1.is_finite()) }
}
