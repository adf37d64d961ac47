//! Tests of best weights that the user requested on a screen: the check before them, and the report of their end.

use crate::domain::RunId;
use crate::domain::preflight::{self, Library};
use crate::domain::text::printable;
use crate::tui::library::RunView;
use crate::tui::messages::{Effect, RunsEffect};
use crate::tui::state::State;

/// A requested test whose end was not reported yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedTest {
    /// The run.
    pub id: RunId,
    /// The time of the run's latest event before the request, in milliseconds since 1970.
    before: Option<u64>,
}

/// Returns why a worker of this run would fail at once. A home elsewhere checks its runs itself.
pub(super) fn refusal(state: &State, run: &RunView) -> Option<String> {
    let recipe = &run.summary.as_ref().ok()?.recipe;
    if state.library.link.is_some() || !state.library.datasets.loaded {
        return None;
    }
    let dataset = Library::dataset(&state.form_choices(), &recipe.dataset);
    let problem = preflight::check_dataset(recipe, dataset).into_iter().next()?;
    Some(format!("{}: {problem}", run.id))
}

/// Requests tests of the best weights of these runs. Shows why one of them cannot be tested.
pub(super) fn request(state: &mut State, runs: Vec<RunView>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for run in runs {
        if let Some(words) = refusal(state, &run) {
            state.fail(&words);
            continue;
        }
        let before = run.summary.as_ref().ok().and_then(|summary| summary.updated_at);
        state.runs.tests.retain(|test| test.id != run.id);
        state.runs.tests.push(RequestedTest { id: run.id.clone(), before });
        effects.push(Effect::Runs(RunsEffect::Evaluate(run.id)));
    }
    effects
}

/// Takes the answer to a request.
pub(super) fn on_requested(state: &mut State, id: &RunId, result: Result<(), String>) {
    match result {
        Ok(()) => state.notify(format!("{id} is being tested again")),
        Err(error) => {
            state.runs.tests.retain(|test| test.id != *id);
            state.fail(&error);
        }
    }
}

/// Reports the requested tests that have ended since the runs were last read.
pub(super) fn report(state: &mut State) {
    let (mut open, mut ended) = (Vec::new(), Vec::new());
    for test in std::mem::take(&mut state.runs.tests) {
        let Some(run) = state.library.runs.find(&test.id) else { continue };
        match &run.summary {
            Ok(summary) if !run.is_active(state.now) && summary.updated_at != test.before => {
                ended.push((test.id, summary.clone()));
            }
            _ => open.push(test),
        }
    }
    state.runs.tests = open;
    for (id, summary) in ended {
        match (&summary.evaluation_error, &summary.test) {
            (Some(error), _) => state.fail(&format!("{id} was not tested: {error}")),
            (None, Some(test)) => {
                let scores = test.confusion.scores();
                let (accuracy, f1) = (scores.accuracy, scores.f1);
                state.notify(printable(&format!("{id} was tested: accuracy {accuracy:.4}, macro F1 {f1:.4}")));
            }
            (None, None) => {}
        }
    }
}
