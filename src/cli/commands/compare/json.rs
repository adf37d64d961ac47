//! The comparison as JSON and as rows of comma-separated values, for scripts. Keys are stable: none is ever renamed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::sheet::ComparisonView;
use crate::domain::reference::{ReferenceScores, reference};
use crate::domain::{DataFold, RunId, RunState, Strategy};
use crate::runs::Ensemble;
use crate::runs::comparison::{MeanVerdict, Metric, RunVerdict, SeedGroup, SeedVerdict, Significance, Verdict};
use crate::runs::statistics::{Interval, MeanDifference, Spread};

/// The column of a run.
#[derive(Debug, Serialize)]
pub(super) struct Column<'a> {
    id: &'a RunId,
    strategy: Strategy,
    state: RunState,
    best_epoch: u32,
    epochs: u32,
    test: Option<ReferenceScores>,
    reference: Option<ReferenceScores>,
    /// By key; `null` where the run has none.
    metrics: BTreeMap<&'static str, Option<f64>>,
    /// Keys of the metrics in which this run is the best.
    best: Vec<&'static str>,
    /// The settings in which the runs differ.
    settings: BTreeMap<&'a str, Option<&'a str>>,
    per_class: Vec<PerClass<'a>>,
    /// `null` for the baseline itself.
    against: Option<BaselineComparisonJson<'a>>,
    /// The runs that differ only in the seed or the fold, this one included.
    seeds: Option<Seeds<'a>>,
}

/// The column of a run, or the mean as the last column.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Entry<'a> {
    Run(Box<Column<'a>>),
    Ensemble(EnsembleJson<'a>),
}

/// The mean of the runs' predictions for the test images.
#[derive(Debug, Serialize)]
#[allow(clippy::struct_field_names)] // the key
pub(super) struct EnsembleJson<'a> {
    mean_of: &'a [RunId],
    /// By key; only metrics that a mean has.
    metrics: BTreeMap<&'static str, f64>,
    per_class: Vec<ClassMean<'a>>,
}

#[derive(Debug, Serialize)]
struct ClassMean<'a> {
    name: &'a str,
    f1: f64,
    support: u64,
}

#[derive(Debug, Serialize)]
struct PerClass<'a> {
    name: &'a str,
    f1: Option<f64>,
    support: u64,
    best: bool,
}

/// The run compared with the baseline: metrics, or the reason why there are none.
#[derive(Debug, Serialize)]
struct BaselineComparisonJson<'a> {
    baseline: &'a RunId,
    reason: Option<String>,
    images: Option<u64>,
    gained: Option<u64>,
    lost: Option<u64>,
    p: Option<f64>,
    /// Adjusted for the number of comparisons, as `f1_p_adjusted` is.
    p_adjusted: Option<f64>,
    accuracy: Option<f64>,
    f1: Option<f64>,
    f1_interval: Option<Interval>,
    f1_p: Option<f64>,
    f1_p_adjusted: Option<f64>,
    per_class: Vec<ClassChange<'a>>,
    sentences: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ClassChange<'a> {
    name: &'a str,
    f1: f64,
}

#[derive(Debug, Serialize)]
#[allow(clippy::struct_field_names)] // the key
struct Seeds<'a> {
    runs: Vec<&'a RunId>,
    seeds: &'a [u64],
    /// Left out where the runs are on the dataset's own splits.
    #[serde(skip_serializing_if = "Option::is_none")]
    folds: Option<&'a [DataFold]>,
    metrics: BTreeMap<&'static str, Spread>,
    /// The means of this group minus those of the baseline's group; left out where they are not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<MeansAgainstBaseline<'a>>,
}

/// Runs that differ only in their seed or fold, compared with those of the baseline.
#[derive(Debug, Serialize)]
pub(super) struct MeansAgainstBaseline<'a> {
    /// The baseline's runs.
    runs: Vec<&'a RunId>,
    metrics: BTreeMap<&'static str, MeanJson>,
    sentences: Vec<String>,
}

impl<'a> MeansAgainstBaseline<'a> {
    /// Returns the verdict against these runs of the baseline.
    pub(super) fn new(runs: Vec<&'a RunId>, verdict: &SeedVerdict) -> Self {
        let metrics = verdict.means.iter().map(mean_difference).collect();
        Self { runs, metrics, sentences: verdict.sentences() }
    }
}

/// The difference of two means.
#[derive(Debug, Serialize)]
struct MeanJson {
    #[serde(flatten)]
    found: MeanDifference,
    /// Adjusted for the number of groups that are compared with the baseline's.
    p_adjusted: f64,
}

/// Returns a column for each run, and one for the mean if there is one.
pub(super) fn columns<'a>(sheet: &'a ComparisonView<'_>) -> Vec<Entry<'a>> {
    let runs = (0..sheet.runs.len()).map(|at| Entry::Run(Box::new(column(sheet, at))));
    runs.chain(sheet.average.iter().map(|average| Entry::Ensemble(mean(average)))).collect()
}

fn mean(average: &Ensemble) -> EnsembleJson<'_> {
    let metrics = Metric::ALL.iter().filter_map(|metric| Some((metric.key(), average.metric(*metric)?)));
    let classes = average.mean.classes().iter().zip(&average.scores().per_class);
    EnsembleJson {
        mean_of: &average.runs,
        metrics: metrics.collect(),
        per_class: classes.map(|(name, class)| ClassMean { name, f1: class.f1, support: class.support }).collect(),
    }
}

fn column<'a>(sheet: &'a ComparisonView<'_>, at: usize) -> Column<'a> {
    let comparison = &sheet.comparison;
    let (run, state) = sheet.runs[at];
    let scores = run.test.as_ref().map(|test| test.confusion.scores());
    let value = |setting: &'a crate::runs::comparison::Setting| setting.values[at].as_deref();
    let verdict = comparison.verdicts.iter().find(|verdict| verdict.run == at);
    let group = comparison.groups.iter().enumerate().find(|(_, group)| group.runs.contains(&at));
    let ids = |group: &SeedGroup| group.runs.iter().map(|at| &comparison.runs[*at]).collect();
    let of_means =
        |verdict: &SeedVerdict| MeansAgainstBaseline::new(ids(&comparison.groups[verdict.baseline]), verdict);
    Column {
        id: &run.id,
        strategy: run.recipe.strategy,
        state,
        best_epoch: run.early_stopping.best_epoch,
        epochs: run.epoch(),
        test: scores.map(|scores| ReferenceScores {
            accuracy: scores.accuracy,
            precision: scores.precision,
            recall: scores.recall,
            f1: scores.f1,
        }),
        reference: run.images.and_then(|images| reference(&run.recipe, images, run.classes.len())),
        metrics: comparison.metrics.iter().map(|row| (row.metric.key(), row.values[at])).collect(),
        best: comparison.metrics.iter().filter(|row| row.best[at]).map(|row| row.metric.key()).collect(),
        settings: comparison.settings.iter().map(|setting| (setting.name.as_str(), value(setting))).collect(),
        per_class: comparison
            .classes
            .iter()
            .map(|class| PerClass { name: &class.name, f1: class.f1[at], support: class.support, best: class.best[at] })
            .collect(),
        against: verdict.map(|verdict| against(&comparison.runs[comparison.baseline], verdict)),
        seeds: group.map(|(position, group)| Seeds {
            runs: ids(group),
            seeds: &group.seeds,
            folds: group.folds.as_deref(),
            metrics: group.metrics.iter().map(|(metric, spread)| (metric.key(), *spread)).collect(),
            against: comparison.seed_verdicts.iter().find(|verdict| verdict.group == position).map(of_means),
        }),
    }
}

fn mean_difference(mean: &MeanVerdict) -> (&'static str, MeanJson) {
    (mean.metric.key(), MeanJson { found: mean.found, p_adjusted: mean.p_adjusted })
}

fn against<'a>(baseline: &'a RunId, against: &'a RunVerdict) -> BaselineComparisonJson<'a> {
    let verdict = &against.verdict;
    let known = verdict.as_ref().ok().map(|(verdict, _)| verdict);
    let significance = verdict.as_ref().ok().map(|(_, significance)| significance);
    let changes = known.into_iter().flat_map(|verdict| &verdict.classes);
    BaselineComparisonJson {
        baseline,
        reason: verdict.as_ref().err().map(ToString::to_string),
        images: known.map(|verdict| verdict.images),
        gained: known.map(|verdict| verdict.gained),
        lost: known.map(|verdict| verdict.lost),
        p: known.map(|verdict| verdict.p),
        p_adjusted: significance.map(|significance| significance.accuracy),
        accuracy: known.map(|verdict| verdict.accuracy),
        f1: known.map(|verdict| verdict.f1),
        f1_interval: known.map(|verdict| verdict.f1_interval),
        f1_p: known.map(|verdict| verdict.f1_p),
        f1_p_adjusted: significance.map(|significance| significance.f1),
        per_class: changes.map(|change| ClassChange { name: &change.name, f1: change.f1 }).collect(),
        sentences: against.sentences().map_or_else(|_| Vec::new(), Vec::from),
    }
}

/// A number of a verdict with its name.
type VerdictValue = (&'static str, fn(&Verdict, &Significance) -> String);

const VERDICT_VALUES: [VerdictValue; 11] = [
    ("images", |verdict, _| verdict.images.to_string()),
    ("gained", |verdict, _| verdict.gained.to_string()),
    ("lost", |verdict, _| verdict.lost.to_string()),
    ("p", |verdict, _| p_text(verdict.p)),
    ("accuracy", |verdict, _| verdict.accuracy.to_string()),
    ("f1", |verdict, _| verdict.f1.to_string()),
    ("f1_low", |verdict, _| verdict.f1_interval.low.to_string()),
    ("f1_high", |verdict, _| verdict.f1_interval.high.to_string()),
    ("p_adjusted", |_, significance| p_text(significance.accuracy)),
    ("f1_p", |verdict, _| p_text(verdict.f1_p)),
    ("f1_p_adjusted", |_, significance| p_text(significance.f1)),
];

/// Formats a p-value. A small one would be printed with a hundred zeros otherwise.
fn p_text(p: f64) -> String {
    if p < 1e-4 { format!("{p:e}") } else { p.to_string() }
}

/// Returns a row for each metric: its part, its name, and a value for each run, each reference and the mean. Missing
/// values are empty cells.
pub(super) fn rows(sheet: &ComparisonView<'_>) -> Vec<Vec<String>> {
    let comparison = &sheet.comparison;
    let (runs, references) = (comparison.runs.len(), comparison.references.len());
    let number = |value: &Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let line = |part: &str, name: &str, mut cells: Vec<String>| {
        cells.resize(runs + references + sheet.average.iter().len(), String::new());
        [vec![part.to_owned(), name.to_owned()], cells].concat()
    };
    let names = comparison.runs.iter().map(ToString::to_string);
    let theirs = comparison.references.iter().map(|reference| format!("reference {}", reference.strategy));
    let average = sheet.average.as_ref();
    let mut rows = vec![line("part", "name", names.chain(theirs).chain(average.map(Ensemble::name)).collect())];
    for row in &comparison.metrics {
        let mean = average.map(|average| average.metric(row.metric));
        let cells = row.values.iter().chain(&row.references).chain(&mean).map(number).collect();
        rows.push(line("metric", row.metric.key(), cells));
    }
    for setting in &comparison.settings {
        let cells = setting.values.iter().map(|value| value.clone().unwrap_or_default()).collect();
        rows.push(line("setting", &setting.name, cells));
    }
    for class in &comparison.classes {
        let mut cells: Vec<String> = class.f1.iter().map(number).collect();
        if let Some(average) = average {
            cells.resize(runs + references, String::new());
            cells.push(average.scores().per_class[class.label].f1.to_string());
        }
        rows.push(line("class_f1", &class.name, cells));
    }
    for (name, value) in VERDICT_VALUES {
        let known = |at: usize| comparison.verdicts.iter().find(|against| against.run == at)?.verdict.as_ref().ok();
        let cells =
            (0..runs).map(|at| known(at).map(|(verdict, among)| value(verdict, among)).unwrap_or_default()).collect();
        rows.push(line("against_baseline", name, cells));
    }
    rows.extend(
        Metric::ALL
            .into_iter()
            .flat_map(|metric| spread_rows(sheet, metric))
            .map(|(name, cells)| line("seeds", &name, cells)),
    );
    rows
}

/// Returns rows with mean and deviation of a metric over the seeds of each run's group; none if no run is in a group.
fn spread_rows(sheet: &ComparisonView<'_>, metric: Metric) -> Vec<(String, Vec<String>)> {
    let comparison = &sheet.comparison;
    let spread = |at: usize| {
        let group = comparison.groups.iter().find(|group| group.runs.contains(&at))?;
        group.metrics.iter().find(|(known, _)| *known == metric).map(|(_, spread)| *spread)
    };
    let spreads: Vec<Option<Spread>> = (0..comparison.runs.len()).map(spread).collect();
    if spreads.iter().all(Option::is_none) {
        return Vec::new();
    }
    let cells = |value: fn(Spread) -> Option<f64>| -> Vec<String> {
        spreads.iter().map(|spread| spread.and_then(value).map(|value| value.to_string()).unwrap_or_default()).collect()
    };
    let key = metric.key();
    vec![
        (format!("{key}_mean"), cells(|spread| Some(spread.mean))),
        (format!("{key}_deviation"), cells(|spread| spread.deviation)),
    ]
}
