//! Deleting a dataset: refused while a run needs it, and confirmed by a question that lists the consequences.

use crate::domain::{DatasetName, RunState, Size};
use crate::tui::library::RunView;
use crate::tui::messages::{DataEffect, Effect};
use crate::tui::screen::Screen;
use crate::tui::state::{Confirm, Overlay, State};
use crate::tui::widgets::number_text::{count, thousands};

/// Returns the runs on a dataset, and the active ones among them.
fn users(state: &State, name: &DatasetName) -> (Vec<String>, Vec<String>) {
    let of = |run: &&RunView| run.summary.as_ref().is_ok_and(|summary| summary.recipe.dataset == *name);
    let runs: Vec<_> = state.library.runs.list.iter().filter(of).collect();
    let active = runs.iter().filter(|run| run.state(state.now).is_some_and(RunState::is_active));
    let active = active.map(|run| run.id.to_string()).collect();
    (runs.iter().map(|run| run.id.to_string()).collect(), active)
}

/// Requests the size of the selected dataset for the question; refuses while a run needs the dataset.
pub(super) fn ask(state: &mut State) -> Vec<Effect> {
    let Some(name) = state.library.datasets.list.get(state.data.selected).map(|entry| entry.name.clone()) else {
        return Vec::new();
    };
    let (_, active) = users(state, &name);
    if !active.is_empty() {
        state.fail(&format!("{name} is in use by {}: stop the training first", active.join(", ")));
        return Vec::new();
    }
    vec![Effect::Data(DataEffect::Measure(name))]
}

/// Asks whether to delete a dataset of this size.
pub(super) fn measured(state: &mut State, name: DatasetName, bytes: u64) {
    const NAMED: usize = 6;
    let (users, active) = users(state, &name);
    if state.screen != Screen::Data || state.overlay.is_some() || !active.is_empty() {
        return;
    }
    let images = state.library.datasets.find(&name).map(|dataset| dataset.counts().total());
    let images = images.map_or_else(String::new, |images| format!("{} images, ", thousands(images)));
    let mut lines = vec![
        format!("Delete the dataset {name}?"),
        format!("{images}{} on disk, with its cached features. Only another import brings it back.", Size(bytes)),
    ];
    let marks = state.library.datasets.find(&name).map_or(0, |dataset| dataset.marks.images.len());
    if marks > 0 {
        let marks = count(marks, "mark of a wrong label is", "marks of wrong labels are");
        lines.push(format!("{marks} deleted, too: `mien data marked {name} --csv` prints them to keep."));
    }
    if users.is_empty() {
        lines.push("No run here was trained on it.".into());
    } else {
        let named = users.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = users.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!(
            "Trained on it: {named}{more}. They keep results and predictions, but cannot be resumed or tested, and their images are not shown."
        ));
    }
    let effects = vec![Effect::Data(DataEffect::Delete(name))];
    state.overlay = Some(Overlay::Confirm(Confirm { title: "delete", lines, yes: "yes, delete it", effects }));
}
