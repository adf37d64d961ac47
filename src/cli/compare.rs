//! `compare`: the test metrics of several runs side by side, and the published reference's.

use serde::Serialize;

use super::arguments::Output;
use super::exit::{CommandError, Exit};
use super::output;
use super::table::{Side, Table, figure};
use crate::domain::reference::{ReferenceScores, reference};
use crate::domain::{RunId, Strategy};
use crate::runs::{RunStore, Summary};
use crate::supervise;

/// How to read a figure from scores.
type Figure = fn(&ReferenceScores) -> f64;

/// The rows of the table.
const ROWS: [(&str, Figure); 4] = [
    ("accuracy", |scores| scores.accuracy),
    ("macro precision", |scores| scores.precision),
    ("macro recall", |scores| scores.recall),
    ("macro F1", |scores| scores.f1),
];

/// A run's column. Keys are a promise: add, never rename.
#[derive(Debug, Serialize)]
struct Column {
    id: RunId,
    strategy: Strategy,
    state: crate::domain::RunState,
    best_epoch: u32,
    epochs: u32,
    test: Option<ReferenceScores>,
    reference: Option<ReferenceScores>,
}

/// `compare`.
pub(super) fn run(store: &RunStore, queries: &[String], output: Output) -> Result<Exit, CommandError> {
    let ids = queries.iter().map(|query| store.find(query)).collect::<Result<Vec<_>, _>>()?;
    tell(store, &ids, output)?;
    Ok(Exit::Done)
}

/// Prints the comparison of these runs.
pub(super) fn tell(store: &RunStore, ids: &[RunId], Output { json }: Output) -> Result<(), CommandError> {
    let now = supervise::now();
    let columns: Vec<Column> = ids
        .iter()
        .map(|id| {
            let run = store.summary(id)?;
            Ok::<_, CommandError>(column(&run.summary, run.state(now)))
        })
        .collect::<Result<_, _>>()?;
    if json { output::json(&columns) } else { output::print(&table(&columns)) }
}

fn column(run: &Summary, state: crate::domain::RunState) -> Column {
    let scores = run.test.as_ref().map(|test| test.confusion.scores());
    Column {
        id: run.id.clone(),
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
        reference: run.images.and_then(|images| reference(run.recipe.strategy, images, run.classes.len())),
    }
}

fn table(columns: &[Column]) -> String {
    // The reference has one column a strategy, however many runs there are of it.
    let mut references: Vec<(Strategy, ReferenceScores)> = Vec::new();
    for column in columns {
        if let Some(scores) = column.reference.filter(|_| references.iter().all(|(known, _)| *known != column.strategy))
        {
            references.push((column.strategy, scores));
        }
    }
    let names: Vec<String> = columns
        .iter()
        .map(|column| column.id.to_string())
        .chain(references.iter().map(|(strategy, _)| format!("reference {strategy}")))
        .collect();
    let headings: Vec<(&str, Side)> =
        std::iter::once(("TEST", Side::Left)).chain(names.iter().map(|name| (name.as_str(), Side::Right))).collect();
    let mut table = Table::of(&headings);
    for (name, value) in ROWS {
        let runs: Vec<Option<f64>> = columns.iter().map(|column| column.test.as_ref().map(value)).collect();
        let best = runs.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        let mark = |of_run: &Option<f64>| {
            // Of one run there is no best.
            let is_best = columns.len() > 1 && of_run.is_some_and(|own| own >= best);
            format!("{}{}", if is_best { "▲ " } else { "" }, figure(*of_run))
        };
        let cells = std::iter::once(name.to_owned())
            .chain(runs.iter().map(mark))
            .chain(references.iter().map(|(_, scores)| figure(Some(value(scores)))));
        table.row(&cells.collect::<Vec<_>>());
    }
    let about = |heading: &str, text: fn(&Column) -> String| {
        let cells = std::iter::once(heading.to_owned()).chain(columns.iter().map(text));
        cells.chain(references.iter().map(|_| String::new())).collect::<Vec<_>>()
    };
    table.row(&about("strategy", |column| column.strategy.to_string()));
    table.row(&about("best epoch", |column| format!("{} of {}", column.best_epoch, column.epochs)));
    table.row(&about("state", |column| column.state.to_string()));
    table.render()
}
