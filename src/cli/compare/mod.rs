//! `compare`: several runs side by side, and the published reference's figures; many runs by their settings.

mod by_settings;
mod data;
mod text;

use super::arguments::{Compare, Format};
use super::exit::{CommandError, Exit};
use super::output;
use crate::domain::{RunId, RunState, Split};
use crate::runs::comparison::{Candidate, Comparison, MOST};
use crate::runs::{FollowedRun, RunStore, Summary, inspection};
use crate::supervise;

/// What is printed: the comparison and where each run stands.
#[derive(Debug)]
struct Sheet<'a> {
    comparison: Comparison,
    runs: Vec<(&'a Summary, RunState)>,
}

/// `compare`.
pub(super) fn run(store: &RunStore, compare: &Compare) -> Result<Exit, CommandError> {
    let ids = compare.runs.iter().map(|query| store.find(query)).collect::<Result<Vec<_>, _>>()?;
    if compare.tag.is_some() || (ids.len() > MOST && compare.baseline.is_none()) {
        return by_settings::run(store, ids, compare.tag.as_ref(), compare.format);
    }
    let baseline = compare.baseline.as_ref().map(|query| store.find(query)).transpose()?;
    tell(store, &ids, baseline.as_ref(), compare.format)?;
    Ok(Exit::Done)
}

/// Prints the comparison of these runs, held against the baseline or the first.
pub(super) fn tell(
    store: &RunStore,
    ids: &[RunId],
    baseline: Option<&RunId>,
    format: Format,
) -> Result<(), CommandError> {
    let usage = |error: &dyn std::error::Error| CommandError::Usage(error.to_string());
    let baseline = match baseline {
        // A place that no run has is refused as the baseline.
        Some(id) => ids.iter().position(|run| run == id).unwrap_or(ids.len()),
        None => 0,
    };
    let runs: Vec<FollowedRun> = ids.iter().map(|id| store.summary(id)).collect::<Result<_, _>>()?;
    let answers: Vec<_> = runs
        .iter()
        .map(|run| inspection::load(run.folder(), &run.summary.id, &run.summary.classes, Split::Test, 0))
        .collect();
    let candidates: Vec<Candidate<'_>> = runs
        .iter()
        .zip(&answers)
        .map(|(run, test)| Candidate { run: &run.summary, test: test.as_ref().map_err(Clone::clone) })
        .collect();
    let comparison = Comparison::with_references(&candidates, baseline).map_err(|error| usage(&error))?;
    let now = supervise::now();
    let sheet = Sheet { comparison, runs: runs.iter().map(|run| (&*run.summary, run.state(now))).collect() };
    match format {
        Format { json: true, .. } => output::json(&data::columns(&sheet)),
        Format { csv: true, .. } => output::csv(&data::rows(&sheet)),
        Format { .. } => output::print(&text::render(&sheet)),
    }
}
