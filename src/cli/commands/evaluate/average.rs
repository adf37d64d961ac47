//! `evaluate --average`: the metrics of the mean of several runs' predictions.

use serde::Serialize;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::options::Output;
use crate::cli::predictions::{candidates, read_test_predictions};
use crate::cli::scores::{ClassEntry, class_entries, class_table};
use crate::cli::table::{Side, Table, metric_text, thousands};
use crate::domain::{Confusion, RunId};
use crate::runs::{Ensemble, FollowedRun, Inspection, RunStore};

/// The mean and its members, for scripts. Keys are stable: none is ever renamed.
#[derive(Debug, Serialize)]
struct Average<'a> {
    runs: &'a [RunMetrics<'a>],
    dataset: &'a str,
    images: usize,
    accuracy: f64,
    precision: f64,
    recall: f64,
    f1: f64,
    loss: Option<f64>,
    confusion: Confusion,
    per_class: Vec<ClassEntry<'a>>,
}

/// The metrics of one run.
#[derive(Debug, Serialize)]
struct RunMetrics<'a> {
    id: &'a RunId,
    accuracy: f64,
    f1: f64,
    loss: Option<f64>,
}

/// Prints the metrics of the mean and of each run.
pub(super) fn print_average(store: &RunStore, queries: &[String], output: Output) -> Result<Exit, CommandError> {
    let ids = queries.iter().map(|query| store.find(query)).collect::<Result<Vec<_>, _>>()?;
    let runs: Vec<FollowedRun> = ids.iter().map(|id| store.summary(id)).collect::<Result<_, _>>()?;
    let tests = read_test_predictions(&runs);
    let ensemble = Ensemble::of(&candidates(&runs, &tests))?;
    let members: Vec<RunMetrics<'_>> =
        ids.iter().zip(tests.iter().flatten()).map(|(id, test)| run_metrics(id, test)).collect();
    let dataset = runs[0].summary.recipe.dataset.as_str();
    output.print(&object(&ensemble, &members, dataset), || text(&ensemble, &members, dataset))?;
    Ok(Exit::Done)
}

fn run_metrics<'a>(id: &'a RunId, test: &Inspection) -> RunMetrics<'a> {
    let scores = test.scores();
    RunMetrics { id, accuracy: scores.accuracy, f1: scores.f1, loss: test.mean_loss() }
}

fn object<'a>(ensemble: &'a Ensemble, runs: &'a [RunMetrics<'a>], dataset: &'a str) -> Average<'a> {
    let (mean, scores) = (&ensemble.mean, ensemble.scores());
    Average {
        runs,
        dataset,
        images: mean.images(),
        accuracy: scores.accuracy,
        precision: scores.precision,
        recall: scores.recall,
        f1: scores.f1,
        loss: mean.mean_loss(),
        confusion: mean.confusion(),
        per_class: class_entries(mean.classes(), scores, None),
    }
}

fn text(ensemble: &Ensemble, members: &[RunMetrics<'_>], dataset: &str) -> String {
    let mut table =
        Table::new([("RUN", Side::Left), ("ACCURACY", Side::Right), ("MACRO F1", Side::Right), ("LOSS", Side::Right)]);
    let scores = ensemble.scores();
    let mut row = |name: String, metrics: [Option<f64>; 3]| {
        let [accuracy, f1, loss] = metrics.map(metric_text);
        table.row(&[name, accuracy, f1, loss]);
    };
    for member in members {
        row(member.id.to_string(), [Some(member.accuracy), Some(member.f1), member.loss]);
    }
    row(ensemble.heading(), [Some(scores.accuracy), Some(scores.f1), ensemble.mean.mean_loss()]);
    let head = format!(
        "{} test images of {dataset}, and the mean of the probabilities as an ensemble\n",
        thousands(ensemble.mean.images())
    );
    [head, table.render(), class_table("CLASS", ensemble.mean.classes(), scores, None)].join("\n")
}
