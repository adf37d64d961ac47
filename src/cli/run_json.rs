//! Runs as JSON objects for scripts. Keys are stable: none is ever renamed.
//!
//! Shares are fractions, not percentages. Numbers that are not finite are `null`.

use serde::Serialize;

use super::datasets;
use super::scores::{ClassEntry, FurtherScores, class_entries, test_probabilities};
use crate::domain::network::LayerRow;
use crate::domain::{Confusion, EpochMetrics, Limits, Load, Monitor, NetworkName, Outcome, Recipe, RunState, Tag};
use crate::runs::facts::{Field, Value};
use crate::runs::summary::{Parameters, TestResult};
use crate::runs::{FollowedRun, PlacedJob, ProbabilityMetrics, RunFacts, RunStore, Summary};

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
    relabelled: usize,
    paused: bool,
    device: Option<&'a str>,
    best: Option<Best>,
    created_at: u64,
    updated_at: Option<u64>,
    outcome: Option<&'a Outcome>,
}

/// A run in the list of `runs`, with its tags and its note.
#[derive(Debug, Serialize)]
pub(super) struct ListedRun<'a> {
    /// The home, in a list of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    home: Option<&'a str>,
    #[serde(flatten)]
    entry: RunEntry<'a>,
    #[serde(flatten)]
    further: FurtherFields<'a>,
}

/// A run in full and the layers of its network.
#[derive(Debug, Serialize)]
pub(super) struct WholeRun<'a> {
    #[serde(flatten)]
    detail: RunDetail<'a>,
    #[serde(flatten)]
    further: FurtherFields<'a>,
    network: NetworkName,
    /// Empty if the dataset, on which their shapes depend, is missing or has changed.
    layers: Vec<LayerRow>,
}

/// The metrics and annotations of a run that its log's fold does not hold.
#[derive(Debug, Serialize)]
pub(super) struct FurtherFields<'a> {
    test_accuracy: Option<f64>,
    f1: Option<f64>,
    images_per_second: Option<f64>,
    tags: Vec<&'a str>,
    note: &'a str,
}

/// The best epoch by the monitored metric.
#[derive(Debug, Serialize)]
struct Best {
    epoch: u32,
    val_loss: f64,
    val_accuracy: f64,
}

/// A run as `show` and the commands that follow one print it.
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
    test_views: Option<Views<'a>>,
    train_scores: Option<Test<'a>>,
    /// The warnings of the log.
    warnings: &'a [String],
    /// The failure of the command that ran at the run's last end.
    notice_failure: Option<String>,
    /// The job on a cluster that is, or may become, the run's worker.
    cluster: Option<ClusterJob<'a>>,
    /// The end of the run's last job on a cluster, in the scheduler's words.
    cluster_end: Option<String>,
}

#[derive(Debug, Serialize)]
struct ClusterJob<'a> {
    place: Option<&'a str>,
    cluster: Option<&'a str>,
    job: Option<&'a str>,
    attempt: u32,
    submitted_at: u64,
    /// The scheduler's word, such as `PENDING`; `null` before it was asked.
    state: Option<&'a str>,
    reason: Option<&'a str>,
    node: Option<&'a str>,
}

fn cluster_job(PlacedJob { placement, report }: &PlacedJob) -> ClusterJob<'_> {
    ClusterJob {
        place: placement.place.as_deref(),
        cluster: placement.cluster.as_deref(),
        job: placement.job.as_deref(),
        attempt: placement.attempt,
        submitted_at: placement.at,
        state: report.as_ref().map(|report| report.word.as_str()),
        reason: report.as_ref().map(|report| report.reason.as_str()),
        node: report.as_ref().map(|report| report.node.as_str()),
    }
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
    #[serde(flatten)]
    further: FurtherScores,
    confusion: &'a Confusion,
    per_class: Vec<ClassEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct Views<'a> {
    views: u32,
    #[serde(flatten)]
    test: Test<'a>,
}

/// Returns the entry of a run in the list of `runs`.
pub(super) fn listed(run: &RunFacts) -> ListedRun<'_> {
    ListedRun { home: run.home(), entry: entry(run.summary(), run.state()), further: further(run) }
}

/// Returns a run in full.
pub(super) fn whole_run<'a>(store: &RunStore, run: &'a FollowedRun, facts: &'a RunFacts) -> WholeRun<'a> {
    WholeRun {
        detail: detail(run, facts.state()),
        further: further(facts),
        network: run.summary.recipe.network_name(),
        layers: layers(store, &run.summary),
    }
}

/// Returns the layers of a run's network on its dataset; none if that is missing or has changed.
pub(super) fn layers(store: &RunStore, run: &Summary) -> Vec<LayerRow> {
    let recipe = &run.recipe;
    let dataset = datasets::find(store.home(), &recipe.dataset).ok();
    let Some(dataset) = dataset.filter(|dataset| dataset.fingerprint == recipe.fingerprint) else { return Vec::new() };
    let image = [dataset.image.height, dataset.image.width, dataset.image.channels].map(|side| side as usize);
    let network = recipe.resolve(image, dataset.classes.len());
    let table = network.and_then(|network| Ok(network.table(network.cut(recipe.trained_stages())?)));
    table.unwrap_or_default()
}

/// Returns the metrics and annotations of a run.
pub(super) fn further(run: &RunFacts) -> FurtherFields<'_> {
    let number = |field| match run.value(field) {
        Value::Number(number) => Some(number),
        _ => None,
    };
    FurtherFields {
        test_accuracy: number(Field::TestAcc),
        f1: number(Field::F1),
        images_per_second: number(Field::Rate),
        tags: run.annotations().tags.iter().map(Tag::as_str).collect(),
        note: run.annotations().note.as_str(),
    }
}

/// Returns the entry of a run in this state.
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
        relabelled: run.recipe.relabelled.len(),
        paused: run.paused,
        device: run.device.as_ref().map(|device| device.name.as_str()),
        best: run.best().map(best),
        created_at: run.recipe.created_at,
        updated_at: run.updated_at,
        outcome: run.outcome.as_ref(),
    }
}

/// Returns a whole run in this state.
pub(super) fn detail(followed: &FollowedRun, state: RunState) -> RunDetail<'_> {
    let run = &followed.summary;
    let rule = run.recipe.early_stopping;
    let status = run.early_stopping;
    RunDetail {
        entry: entry(run, state),
        recipe: &run.recipe,
        parameters: run.parameters,
        history: &run.epochs,
        early_stopping: EarlyStopping {
            monitor: rule.monitor,
            patience: run.limits.patience,
            best_epoch: status.best_epoch,
            best_value: status.best_value,
            waited: status.waited,
        },
        load: run.load.as_ref(),
        test: run.test.as_ref().map(|result| test(result, &run.classes, test_probabilities(followed).as_ref())),
        test_views: run
            .test_views
            .as_ref()
            .map(|(views, result)| Views { views: *views, test: test(result, &run.classes, None) }),
        train_scores: run.train_scores.as_ref().map(|result| test(result, &run.classes, None)),
        warnings: &run.warnings,
        notice_failure: followed.folder().notice_failure(),
        cluster: followed.job.as_ref().map(cluster_job),
        cluster_end: followed.folder().job_end(),
    }
}

fn test<'a>(result: &'a TestResult, classes: &'a [String], probabilities: Option<&ProbabilityMetrics>) -> Test<'a> {
    let scores = result.confusion.scores();
    Test {
        epoch: result.epoch,
        loss: result.loss,
        accuracy: scores.accuracy,
        precision: scores.precision,
        recall: scores.recall,
        f1: scores.f1,
        further: FurtherScores::of(&scores, probabilities),
        confusion: &result.confusion,
        per_class: class_entries(classes, &scores, probabilities),
    }
}
