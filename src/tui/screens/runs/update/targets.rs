//! The runs on which a key acts: the marked runs if the line of the cursor is marked, else the run of the cursor. A key
//! that takes one run acts on that of the cursor.

use super::super::RunsState;
use crate::domain::RunId;
use crate::domain::number_text::count;
use crate::tui::library::{Library, RunView};
use crate::tui::state::State;

impl RunsState {
    /// Returns the runs on which a key acts.
    #[must_use]
    pub fn targets(&self, library: &Library) -> Vec<RunId> {
        match self.current(library) {
            Some(run) if !self.whole && self.marked.contains(&run.id) => self.marked.clone(),
            Some(run) => vec![run.id.clone()],
            None => Vec::new(),
        }
    }

    /// Returns a remark on marked runs that are not among these. The cursor is beside the marks, or their state does
    /// not allow what a question is about.
    #[must_use]
    pub fn remark_on_marks(&self, chosen: &[RunId], library: &Library) -> Option<String> {
        let others = self.marked.iter().filter(|id| !chosen.contains(id)).count();
        let is_cursor_marked = self.current(library).is_some_and(|run| self.marked.contains(&run.id));
        match others {
            0 => None,
            others if is_cursor_marked && !self.whole => {
                Some(format!("It does not apply to the {}.", count(others, "other marked run", "other marked runs")))
            }
            others => Some(format!("The cursor's run only, not the {}.", count(others, "marked run", "marked runs"))),
        }
    }
}

/// Returns the names of runs for a title or a sentence: `calm-heron`, or `3 marked runs`.
pub(super) fn name(targets: &[RunId]) -> String {
    match targets {
        [one] => one.to_string(),
        several => format!("{} marked runs", several.len()),
    }
}

/// Returns the runs on which a key acts, or shows the reason why there is none.
pub(super) fn all(state: &mut State) -> Vec<RunView> {
    let targets = state.runs.targets(&state.library);
    if targets.is_empty() {
        state.fail("no run is selected");
    }
    targets.iter().filter_map(|id| state.library.runs.find(id)).cloned().collect()
}

/// Returns the run of the cursor, for keys that take one run, or shows an error if there is none. Marks are left out of
/// account: the dialogs of these keys name the run.
pub(super) fn one(state: &mut State) -> Option<RunView> {
    let run = state.runs.current(&state.library).cloned();
    if run.is_none() {
        state.fail("no run is selected");
    }
    run
}
