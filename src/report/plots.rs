//! The charts of a report: curves of each run, and of all runs together.

use super::chart::{Chart, Line};
use super::{Report, RunPart};
use crate::domain::EpochMetrics;
use crate::runs::Summary;

/// Returns every chart with a file name without ending.
pub(super) fn all(report: &Report) -> Vec<(String, Chart)> {
    let mut found = Vec::new();
    for part in &report.runs {
        found.push((format!("{}-loss", part.run.id), loss(&part.run)));
        found.push((format!("{}-accuracy", part.run.id), accuracy(&part.run)));
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
    Chart { title, x: "epoch".into(), y: name.into(), lines: runs.iter().map(line).collect(), limits: None }
}

type EpochMetric = fn(&EpochMetrics) -> f64;

fn by_epoch(run: &Summary, title: String, y: &str, lines: [(&str, EpochMetric); 2]) -> Chart {
    let mut lines: Vec<Line> = lines.into_iter().map(|(name, value)| line(run, name, value)).collect();
    // The best epoch is one of validation.
    lines[0].mark = None;
    Chart { title, x: "epoch".into(), y: y.into(), lines, limits: None }
}

fn line(run: &Summary, name: &str, value: EpochMetric) -> Line {
    let point = |epoch: &EpochMetrics| (f64::from(epoch.epoch), value(epoch));
    let points = run.epochs.iter().map(point).filter(|point| point.1.is_finite()).collect();
    Line { name: name.into(), points, mark: run.best().map(point).filter(|point| point.1.is_finite()) }
}
