//! The choice of the compared runs: the marked runs that are shown, those that are not, and a suggestion.

use crate::domain::{Recipe, RunId, RunState};
use crate::runs::comparison::MAX_RUNS;
use crate::tui::library::RunView;
use crate::tui::state::State;

/// Returns the marked runs that can be read, at most [`MAX_RUNS`].
pub(in crate::tui) fn compared(state: &State) -> Vec<&RunView> {
    let marked = state.runs.marked.iter().filter_map(|id| state.library.runs.find(id));
    marked.filter(|run| run.summary.is_ok()).take(MAX_RUNS).collect()
}

/// Returns the marked runs that are not shown, each with the reason.
pub(in crate::tui) fn left_out(state: &State) -> Vec<(&RunId, String)> {
    let shown = compared(state);
    let reason = |run: &RunView| match &run.summary {
        Err(reason) => reason.clone(),
        Ok(_) => format!("at most {MAX_RUNS} runs are compared at once"),
    };
    let marked = state.runs.marked.iter().filter_map(|id| state.library.runs.find(id));
    let hidden = marked.filter(|run| shown.iter().all(|other| other.id != run.id));
    hidden.map(|run| (&run.id, reason(run))).collect()
}

/// Returns the runs to mark for a comparison while fewer than two are marked. They are the newest finished ones on the
/// dataset of a marked run, or on a dataset with two such runs. Runs on several datasets are suggested only where no
/// two are on the same one.
pub(in crate::tui) fn suggested(state: &State) -> Vec<RunId> {
    let finished = |run: &&RunView| {
        let tested = run.summary.as_ref().is_ok_and(|summary| summary.test.is_some());
        tested && run.state(state.now) == Some(RunState::Finished) && !state.runs.marked.contains(&run.id)
    };
    let recipe = |run: &RunView| run.summary.as_ref().ok().map(|summary| summary.recipe.clone());
    let mut found: Vec<(&RunId, Recipe)> =
        state.library.runs.list.iter().filter(finished).filter_map(|run| Some((&run.id, recipe(run)?))).collect();
    found.sort_by_key(|(_, recipe)| std::cmp::Reverse(recipe.created_at));
    let marked = compared(state);
    let paired = |at: usize| found[at + 1..].iter().any(|(_, other)| other.fingerprint == found[at].1.fingerprint);
    let dataset = match marked.first() {
        Some(run) => recipe(run).map(|recipe| recipe.fingerprint),
        None => (0..found.len()).find(|at| paired(*at)).map(|at| found[at].1.fingerprint.clone()),
    };
    found.sort_by_key(|(_, recipe)| dataset.as_ref().is_some_and(|dataset| recipe.fingerprint != *dataset));
    found.into_iter().take(2_usize.saturating_sub(marked.len())).map(|(id, _)| id.clone()).collect()
}
