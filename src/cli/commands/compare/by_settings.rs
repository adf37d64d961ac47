//! Many runs as a table: a row for each combination of the settings that differ.

use std::collections::BTreeMap;

use serde::Serialize;

use super::json::MeansAgainstBaseline;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::options::Format;
use crate::cli::table::{Side, Table};
use crate::cli::{output, run_list};
use crate::domain::text::printable;
use crate::domain::{RunId, Tag};
use crate::runs::comparison::{BySettings, ComparisonError, Metric, SeedVerdict, SettingsRow, setting_label};
use crate::runs::statistics::Spread;
use crate::runs::{FollowedRun, RunStore};

/// The metrics of the text table; all of them would not fit a terminal.
const PRINTED: [Metric; 6] =
    [Metric::Accuracy, Metric::F1, Metric::TestLoss, Metric::ValLoss, Metric::BestEpoch, Metric::TotalSeconds];

/// A row for scripts. Keys are stable: none is ever renamed.
#[derive(Debug, Serialize)]
struct Row<'a> {
    runs: Vec<&'a RunId>,
    seeds: Vec<u64>,
    /// Empty on the datasets' own splits.
    folds: Vec<String>,
    tested: usize,
    settings: BTreeMap<&'a str, Option<&'a str>>,
    /// By key; `null` where the tested runs have none.
    metrics: BTreeMap<&'static str, Option<Spread>>,
    /// Keys of the metrics in which this row is the best.
    best: Vec<&'static str>,
    /// The means of this row minus those of the first one; left out where they are not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<MeansAgainstBaseline<'a>>,
}

/// Prints a table of these runs and those with the tag.
pub(super) fn print_by_settings(
    store: &RunStore,
    mut ids: Vec<RunId>,
    tag: Option<&Tag>,
    format: Format,
) -> Result<Exit, CommandError> {
    if let Some(twice) = (0..ids.len()).find(|at| ids[..*at].contains(&ids[*at])) {
        return Err(ComparisonError::Twice(ids[twice].clone()).into());
    }
    let (named, mut exit) = (ids.len(), Exit::Done);
    if let Some(tag) = tag {
        exit = add_tagged(store, tag, &mut ids)?;
    }
    let mut runs: Vec<FollowedRun> = Vec::new();
    for (at, read) in store.summaries(&ids).into_iter().enumerate() {
        match read {
            Ok(run) => runs.push(run),
            Err(error) if at < named => return Err(error.into()),
            // Otherwise a damaged run with the tag would hide all others.
            Err(error) => {
                output::print_error(&format!("{}: {error}", ids[at]));
                exit = Exit::Failed;
            }
        }
    }
    if tag.is_some() {
        // In the order of their launch.
        runs.sort_by(|one, other| {
            let key = |run: &FollowedRun| (run.summary.recipe.created_at, run.summary.id.clone());
            key(one).cmp(&key(other))
        });
    }
    let table = BySettings::of(&runs.iter().map(|run| &*run.summary).collect::<Vec<_>>());
    let objects = || (0..table.rows.len()).map(|row| object(&table, &runs, row)).collect::<Vec<_>>();
    format.print(objects, || lines(&table, &runs), || text(&table, &runs))?;
    Ok(exit)
}

/// Adds the ids of the runs with the tag, and prints an error for each run whose tags cannot be read.
fn add_tagged(store: &RunStore, tag: &Tag, ids: &mut Vec<RunId>) -> Result<Exit, CommandError> {
    let mut exit = Exit::Done;
    let before = ids.len();
    for id in run_list::ids(store)? {
        match store.folder(&id).annotations() {
            Ok(about) if about.tags.contains(tag) && !ids.contains(&id) => ids.push(id),
            Ok(_) => {}
            Err(error) => {
                output::print_error(&format!("{id}: {error}"));
                exit = Exit::Failed;
            }
        }
    }
    if ids.len() == before {
        let advice = format!("`mien runs` lists the runs, `mien tag RUN +{tag}` adds it to one");
        let other = if before > 0 { "other " } else { "" };
        return Err(CommandError::Failure(format!("no {other}run has the tag '{tag}': {advice}")));
    }
    Ok(exit)
}

fn ids<'a>(row: &SettingsRow, runs: &'a [FollowedRun]) -> Vec<&'a RunId> {
    row.runs.iter().map(|run| &runs[*run].summary.id).collect()
}

fn folds(row: &SettingsRow, runs: &[FollowedRun]) -> Vec<String> {
    row.runs.iter().filter_map(|run| Some(runs[*run].summary.recipe.fold?.to_string())).collect()
}

fn seeds(row: &SettingsRow, runs: &[FollowedRun]) -> Vec<u64> {
    row.runs.iter().map(|run| runs[*run].summary.recipe.seed).collect()
}

fn text(table: &BySettings, runs: &[FollowedRun]) -> String {
    let shown: Vec<(usize, Metric)> =
        table.metrics.iter().copied().enumerate().filter(|(_, metric)| PRINTED.contains(metric)).collect();
    let settings: Vec<String> =
        table.settings.iter().map(|name| printable(setting_label(name)).to_uppercase()).collect();
    let metrics: Vec<String> = shown.iter().map(|(_, metric)| metric.name().to_uppercase()).collect();
    let headings = settings.iter().map(|name| (name.as_str(), Side::Left)).chain([("TESTED", Side::Left)]);
    let headings = headings.chain(metrics.iter().map(|name| (name.as_str(), Side::Right)));
    let mut printed = Table::of(&headings.chain([("RUNS", Side::Left)]).collect::<Vec<_>>());
    for row in &table.rows {
        let values = row.settings.iter().map(|value| value.clone().unwrap_or_else(|| "–".into()));
        let tested = format!("{} of {}", row.tested, row.runs.len());
        let cells = shown.iter().map(|(at, metric)| cell(*metric, row.cells[*at], row.best[*at]));
        printed.row(&values.chain([tested]).chain(cells).chain([ids_text(row, runs)]).collect::<Vec<_>>());
    }
    let verdict = |verdict: &SeedVerdict| {
        let [mine, theirs] = [verdict.group, verdict.baseline].map(|row| ids_text(&table.rows[row], runs));
        let sentences: Vec<String> = verdict.sentences().iter().map(|sentence| format!("  {sentence}\n")).collect();
        format!("{mine} against {theirs}, by their means\n{}", sentences.concat())
    };
    let notes: String = table.notes.iter().map(|note| printable(note) + "\n").collect();
    let mut parts = vec![printed.render()];
    parts.extend(table.verdicts.iter().map(verdict));
    parts.extend(Some(notes).filter(|notes| !notes.is_empty()));
    parts.join("\n")
}

/// Returns a mean with its deviation, which a single run does not have.
fn cell(metric: Metric, spread: Option<Spread>, best: bool) -> String {
    let Some(Spread { mean, deviation, .. }) = spread else { return "–".into() };
    let deviation =
        deviation.map_or_else(String::new, |deviation| format!(" ± {}", metric.deviation_text(mean, deviation)));
    format!("{}{}{deviation}", if best { "▲ " } else { "" }, metric.spread_text(mean))
}

/// Returns the ids of the row's runs; of more than two, the first and the last.
fn ids_text(row: &SettingsRow, runs: &[FollowedRun]) -> String {
    match ids(row, runs)[..] {
        [] => String::new(),
        [one] => one.to_string(),
        [one, other] => format!("{one}, {other}"),
        [first, .., last] => format!("{first} … {last}"),
    }
}

fn object<'a>(table: &'a BySettings, runs: &'a [FollowedRun], at: usize) -> Row<'a> {
    let row = &table.rows[at];
    let verdict = table.verdicts.iter().find(|verdict| verdict.group == at);
    let best = table.metrics.iter().zip(&row.best).filter(|(_, best)| **best);
    Row {
        runs: ids(row, runs),
        seeds: seeds(row, runs),
        folds: folds(row, runs),
        tested: row.tested,
        settings: table.settings.iter().map(String::as_str).zip(row.settings.iter().map(Option::as_deref)).collect(),
        metrics: table.metrics.iter().map(|metric| metric.key()).zip(row.cells.iter().copied()).collect(),
        best: best.map(|(metric, _)| metric.key()).collect(),
        against: verdict.map(|verdict| MeansAgainstBaseline::new(ids(&table.rows[verdict.baseline], runs), verdict)),
    }
}

/// Returns a line for each row, under the names of settings and of each metric's mean and deviation. Missing values are
/// empty cells.
fn lines(table: &BySettings, runs: &[FollowedRun]) -> Vec<Vec<String>> {
    let words = |items: Vec<String>| items.join(" ");
    let metrics =
        table.metrics.iter().flat_map(|metric| ["mean", "deviation"].map(|of| format!("{}_{of}", metric.key())));
    let about = ["runs", "seeds", "tested"].map(str::to_owned);
    let mut lines = vec![table.settings.iter().cloned().chain(about).chain(metrics).collect::<Vec<_>>()];
    for row in &table.rows {
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let spread = |cell: &Option<Spread>| {
            [number(cell.map(|spread| spread.mean)), number(cell.and_then(|spread| spread.deviation))]
        };
        let settings = row.settings.iter().map(|value| value.clone().unwrap_or_default());
        let about = [
            words(ids(row, runs).iter().map(ToString::to_string).collect()),
            words(seeds(row, runs).iter().map(ToString::to_string).collect()),
            row.tested.to_string(),
        ];
        lines.push(settings.chain(about).chain(row.cells.iter().flat_map(spread)).collect());
    }
    lines
}
