//! `evaluate --average`: the mean of what several runs say of the test images.

use serde::Serialize;

use super::arguments::Output;
use super::exit::{CommandError, Exit};
use super::table::{Side, Table, figure, thousands};
use super::{compare, inspect, output};
use crate::domain::{ClassScores, Confusion, RunId};
use crate::runs::{Ensemble, FollowedRun, Inspection, RunStore};

/// The mean and its members, for scripts. Keys are a promise: add, never rename.
#[derive(Debug, Serialize)]
struct Average<'a> {
    runs: Vec<Figures<'a>>,
    dataset: &'a str,
    images: usize,
    accuracy: f64,
    precision: f64,
    recall: f64,
    f1: f64,
    loss: Option<f64>,
    confusion: Confusion,
    per_class: Vec<PerClass<'a>>,
}

/// What one of the runs amounts to alone.
#[derive(Debug, Serialize)]
struct Figures<'a> {
    id: &'a RunId,
    accuracy: f64,
    f1: f64,
    loss: Option<f64>,
}

/// A class's name and figures.
#[derive(Debug, Serialize)]
pub(super) struct PerClass<'a> {
    pub(super) name: &'a str,
    #[serde(flatten)]
    pub(super) scores: &'a ClassScores,
}

/// `evaluate --average`.
pub(super) fn run(store: &RunStore, queries: &[String], Output { json }: Output) -> Result<Exit, CommandError> {
    let ids = queries.iter().map(|query| store.find(query)).collect::<Result<Vec<_>, _>>()?;
    let runs: Vec<FollowedRun> = ids.iter().map(|id| store.summary(id)).collect::<Result<_, _>>()?;
    let tests = compare::tests(&runs);
    let ensemble = Ensemble::of(&compare::candidates(&runs, &tests))?;
    let members: Vec<Figures<'_>> =
        ids.iter().zip(tests.iter().flatten()).map(|(id, test)| figures(id, test)).collect();
    let dataset = runs[0].summary.recipe.dataset.as_str();
    if json {
        output::json(&object(&ensemble, members, dataset))?;
    } else {
        output::print(&text(&ensemble, &members, dataset))?;
    }
    Ok(Exit::Done)
}

fn figures<'a>(id: &'a RunId, test: &Inspection) -> Figures<'a> {
    let scores = test.scores();
    Figures { id, accuracy: scores.accuracy, f1: scores.f1, loss: test.mean_loss() }
}

fn object<'a>(ensemble: &'a Ensemble, runs: Vec<Figures<'a>>, dataset: &'a str) -> Average<'a> {
    let (mean, scores) = (&ensemble.mean, ensemble.scores());
    let per_class = mean.classes().iter().zip(&scores.per_class).map(|(name, scores)| PerClass { name, scores });
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
        per_class: per_class.collect(),
    }
}

fn text(ensemble: &Ensemble, members: &[Figures<'_>], dataset: &str) -> String {
    let mut table =
        Table::new([("RUN", Side::Left), ("ACCURACY", Side::Right), ("MACRO F1", Side::Right), ("LOSS", Side::Right)]);
    let scores = ensemble.scores();
    let mut row = |name: String, figures: [Option<f64>; 3]| {
        let [accuracy, f1, loss] = figures.map(figure);
        table.row(&[name, accuracy, f1, loss]);
    };
    for member in members {
        row(member.id.to_string(), [Some(member.accuracy), Some(member.f1), member.loss]);
    }
    row(ensemble.name(), [Some(scores.accuracy), Some(scores.f1), ensemble.mean.mean_loss()]);
    let head = format!("{} test images of {dataset}, mean of the probabilities\n", thousands(ensemble.mean.images()));
    [head, table.render(), inspect::class_table(ensemble.mean.classes(), scores)].join("\n")
}
