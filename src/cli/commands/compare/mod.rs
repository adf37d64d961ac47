//! `compare`: prints several runs side by side with the published reference, or many runs by their settings.

mod by_settings;
mod json;
mod sheet;
mod text;

use clap::Args;

use crate::cli::exit::{CommandError, Exit};
use crate::cli::invocation::Invocation;
use crate::cli::options::Format;
use crate::cli::predictions::{candidates, read_test_predictions};
use crate::domain::{RunId, Tag};
use crate::homes::protocol::RunFile;
use crate::runs::comparison::{Comparison, MAX_RUNS};
use crate::runs::{Ensemble, FollowedRun, RunStore};
use crate::supervise;
use sheet::ComparisonView;

/// Compare runs: metrics, settings that differ, F1 of each class, and whether a difference could be chance
///
/// Up to six runs are shown side by side, with the published reference where there is one. Every run is compared with
/// the baseline on the same test images: accuracy by McNemar's exact test, macro F1 by a paired bootstrap.
/// Runs that differ only in the seed or the fold are folded into mean and deviation. Their means are compared with
/// those of the baseline's settings: seeds by Welch's t-test, folds by the corrected paired t-test.
///
/// More runs, and the runs of a tag, are shown as a table with a row for each combination of the settings that differ.
/// It has means and deviations over seeds and folds, marks the best, and compares the means with those of the first
/// row.
#[derive(Debug, Args)]
pub(in crate::cli) struct Compare {
    /// Ids, beginnings of ids, or `latest`
    #[arg(required_unless_present = "tag", value_name = "RUN")]
    runs: Vec<String>,
    /// All runs with this tag, such as that of a sweep
    #[arg(long, conflicts_with = "baseline")]
    tag: Option<Tag>,
    /// The run with which the others are compared, also one that is not named otherwise [default: the first]
    #[arg(long, value_name = "RUN")]
    baseline: Option<String>,
    /// Also show the mean of the runs' predictions for the test images, as `evaluate --average` does
    #[arg(long, conflicts_with = "tag")]
    average: bool,
    #[command(flatten)]
    format: Format,
}

impl Compare {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let mut ids = self.runs.iter().map(|query| store.find(query)).collect::<Result<Vec<_>, _>>()?;
        if self.average && ids.len() > MAX_RUNS {
            return Err(CommandError::Usage(format!(
                "--average takes at most {MAX_RUNS} runs here, not {}: `mien evaluate --average RUN…` takes any number",
                ids.len()
            )));
        }
        if self.tag.is_some() || (ids.len() > MAX_RUNS && self.baseline.is_none()) {
            return by_settings::print_by_settings(&store, ids, self.tag.as_ref(), self.format);
        }
        let baseline = self.baseline.as_ref().map(|query| store.find(query)).transpose()?;
        let baseline = baseline.map_or(0, |baseline| {
            ids.iter().position(|run| *run == baseline).unwrap_or_else(|| {
                ids.insert(0, baseline);
                0
            })
        });
        ids.iter().for_each(|id| invocation.fetch(id, RunFile::Test));
        print_side_by_side(&store, &ids, baseline, self.average, self.format)?;
        Ok(Exit::Done)
    }
}

/// Prints the comparison of these runs with the run at index `baseline`.
pub(super) fn print_side_by_side(
    store: &RunStore,
    ids: &[RunId],
    baseline: usize,
    average: bool,
    format: Format,
) -> Result<(), CommandError> {
    let runs: Vec<FollowedRun> = ids.iter().map(|id| store.summary(id)).collect::<Result<_, _>>()?;
    let predictions = read_test_predictions(&runs);
    let candidates = candidates(&runs, &predictions);
    let comparison = Comparison::with_references(&candidates, baseline)?;
    let average = if average { Some(Ensemble::of(&candidates)?) } else { None };
    let now = supervise::now();
    let sheet =
        ComparisonView { comparison, average, runs: runs.iter().map(|run| (&*run.summary, run.state(now))).collect() };
    format.print(|| json::columns(&sheet), || json::rows(&sheet), || text::render(&sheet))
}
