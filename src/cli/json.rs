//! The JSON objects that scripts rely on. Keys are a promise: add, never rename.
//!
//! Fractions, not percentages; figures that are no numbers are `null`.

use serde::Serialize;

use crate::domain::{Confusion, EpochMetrics, Limits, Load, Monitor, Outcome, Recipe, RunState};
use crate::runs::Summary;
use crate::runs::summary::{Parameters, TestResult};

/// A run in the list of `runs`.
#[derive(Debug, Serialize)]
pub(super) struct RunEntry<'a> {
    id: &'a str,
    strategy: String,
    dataset: &'a str,
    state: RunState,
    epoch: u32,
    epochs: u32,
    limits: Limits,
    left_out: usize,
    paused: bool,
    device: Option<&'a str>,
    best: Option<Best>,
    created_at: u64,
    updated_at: Option<u64>,
    outcome: Option<&'a Outcome>,
}

/// The best epoch by the monitored figure.
#[derive(Debug, Serialize)]
struct Best {
    epoch: u32,
    val_loss: f64,
    val_accuracy: f64,
}

/// A run as `show` and the commands that watch tell it.
#[derive(Debug, Serialize)]
pub(super) struct RunDetail<'a> {
    #[serde(flatten)]
    entry: RunEntry<'a>,
    recipe: &'a Recipe,
    parameters: Option<Parameters>,
    history: &'a [EpochMetrics],
    early_stopping: EarlyStopping,
    load: Option<&'a Load>,
    test: Option<Test<'a>>,
    train_scores: Option<Test<'a>>,
    warnings: &'a [String],
}

#[derive(Debug, Serialize)]
struct EarlyStopping {
    monitor: Monitor,
    patience: u32,
    best_epoch: u32,
    best_value: f64,
    waited: u32,
}

#[derive(Debug, Serialize)]
struct Test<'a> {
    epoch: u32,
    loss: f64,
    accuracy: f64,
    precision: f64,
    recall: f64,
    f1: f64,
    confusion: &'a Confusion,
    per_class: Vec<PerClass>,
}

#[derive(Debug, Serialize)]
struct PerClass {
    name: String,
    precision: f64,
    recall: f64,
    f1: f64,
    support: u64,
}

/// The entry of a run in this state.
pub(super) fn entry(run: &Summary, state: RunState) -> RunEntry<'_> {
    let best =
        |epoch: &EpochMetrics| Best { epoch: epoch.epoch, val_loss: epoch.val_loss, val_accuracy: epoch.val_accuracy };
    RunEntry {
        id: run.id.as_str(),
        strategy: run.recipe.strategy.to_string(),
        dataset: run.recipe.dataset.as_str(),
        state,
        epoch: run.epoch(),
        epochs: run.limits.epochs,
        limits: run.limits,
        left_out: run.recipe.left_out.len(),
        paused: run.paused,
        device: run.device.as_ref().map(|device| device.name.as_str()),
        best: run.best().map(best),
        created_at: run.recipe.created_at,
        updated_at: run.updated_at,
        outcome: run.outcome.as_ref(),
    }
}

/// All of a run in this state.
pub(super) fn detail(run: &Summary, state: RunState) -> RunDetail<'_> {
    let rule = run.recipe.early_stopping;
    let status = run.early_stopping;
    RunDetail {
        entry: entry(run, state),
        recipe: &run.recipe,
        parameters: run.parameters,
        history: &run.history,
        early_stopping: EarlyStopping {
            monitor: rule.monitor,
            patience: run.limits.patience,
            best_epoch: status.best_epoch,
            best_value: status.best_value,
            waited: status.waited,
        },
        load: run.load.as_ref(),
        test: run.test.as_ref().map(|result| test(result, &run.classes)),
        train_scores: run.train_scores.as_ref().map(|result| test(result, &run.classes)),
        warnings: &run.warnings,
    }
}

fn test<'a>(result: &'a TestResult, classes: &[String]) -> Test<'a> {
    let scores = result.confusion.scores();
    let per_class = scores.per_class.iter().enumerate().map(|(label, class)| PerClass {
        name: class_name(classes, label),
        precision: class.precision,
        recall: class.recall,
        f1: class.f1,
        support: class.support,
    });
    Test {
        epoch: result.epoch,
        loss: result.loss,
        accuracy: scores.accuracy,
        precision: scores.precision,
        recall: scores.recall,
        f1: scores.f1,
        confusion: &result.confusion,
        per_class: per_class.collect(),
    }
}

/// The name of a label, which a damaged log may not tell.
pub(super) fn class_name(classes: &[String], label: usize) -> String {
    classes.get(label).cloned().unwrap_or_else(|| format!("class {label}"))
}
