//! `compare`: several runs side by side, and the published reference's figures; many runs by their settings.

mod by_settings;
mod data;
mod text;

use super::arguments::{Compare, Format};
use super::exit::{CommandError, Exit};
use super::output;
use crate::domain::{RunId, RunState, Split};
use crate::runs::comparison::{Candidate, Comparison, MAX_RUNS};
use crate::runs::inspection::{self, InspectionError};
use crate::runs::{Ensemble, FollowedRun, Inspection, RunStore, Summary};
use crate::supervise;

/// What runs say of their test images, or why that is not known.
type Tests = Vec<Result<Inspection, InspectionError>>;

/// What is printed: the comparison and where each run stands.
#[derive(Debug)]
struct Sheet<'a> {
    comparison: Comparison,
    /// The mean of the runs, where it is asked for.
    average: Option<Ensemble>,
    runs: Vec<(&'a Summary, RunState)>,
}

/// `compare`.
pub(super) fn run(store: &RunStore, compare: &Compare) -> Result<Exit, CommandError> {
    let ids = compare.runs.iter().map(|query| store.find(query)).collect::<Result<Vec<_>, _>>()?;
    if compare.average && ids.len() > MAX_RUNS {
        let words =
            format!("--average is for at most {MAX_RUNS} runs here: `mien evaluate --average RUN…` takes any number");
        return Err(CommandError::Usage(words));
    }
    if compare.tag.is_some() || (ids.len() > MAX_RUNS && compare.baseline.is_none()) {
        return by_settings::run(store, ids, compare.tag.as_ref(), compare.format);
    }
    let baseline = compare.baseline.as_ref().map(|query| store.find(query)).transpose()?;
    side_by_side(store, &ids, baseline.as_ref(), compare.average, compare.format)?;
    Ok(Exit::Done)
}

/// Prints the comparison of these runs, held against the first.
pub(super) fn tell(store: &RunStore, ids: &[RunId], format: Format) -> Result<(), CommandError> {
    side_by_side(store, ids, None, false, format)
}

/// What each of these runs says of its test images.
pub(super) fn tests(runs: &[FollowedRun]) -> Tests {
    let load =
        |run: &FollowedRun| inspection::load(run.folder(), &run.summary.id, &run.summary.classes, Split::Test, 0);
    runs.iter().map(load).collect()
}

/// These runs with what they say.
pub(super) fn candidates<'a>(runs: &'a [FollowedRun], tests: &'a Tests) -> Vec<Candidate<'a>> {
    let candidate = |(run, test): (&'a FollowedRun, &'a Result<Inspection, InspectionError>)| Candidate {
        run: &run.summary,
        test: test.as_ref().map_err(Clone::clone),
    };
    runs.iter().zip(tests).map(candidate).collect()
}

fn side_by_side(
    store: &RunStore,
    ids: &[RunId],
    baseline: Option<&RunId>,
    average: bool,
    format: Format,
) -> Result<(), CommandError> {
    let usage = |error: &dyn std::error::Error| CommandError::Usage(error.to_string());
    let baseline = match baseline {
        // A place that no run has is refused as the baseline.
        Some(id) => ids.iter().position(|run| run == id).unwrap_or(ids.len()),
        None => 0,
    };
    let runs: Vec<FollowedRun> = ids.iter().map(|id| store.summary(id)).collect::<Result<_, _>>()?;
    let tests = tests(&runs);
    let candidates = candidates(&runs, &tests);
    let comparison = Comparison::with_references(&candidates, baseline).map_err(|error| usage(&error))?;
    let average = if average { Some(Ensemble::of(&candidates)?) } else { None };
    let now = supervise::now();
    let sheet = Sheet { comparison, average, runs: runs.iter().map(|run| (&*run.summary, run.state(now))).collect() };
    match format {
        Format { json: true, .. } => output::json(&data::columns(&sheet)),
        Format { csv: true, .. } => output::csv(&data::rows(&sheet)),
        Format { .. } => output::print(&text::render(&sheet)),
    }
}
