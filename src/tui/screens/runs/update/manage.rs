//! Renaming, tagging, annotating and deleting runs.

use super::super::RunsPurpose;
use super::{ask, confirm, targets};
use crate::domain::{RunId, Size};
use crate::tui::messages::{Effect, RunsEffect};
use crate::tui::state::{Overlay, State};

pub(super) fn rename(state: &mut State) {
    let Some(run) = targets::one(state) else { return };
    if run.is_active(state.now) {
        return state.fail(&format!("{} is active: rename it when it has ended", run.id));
    }
    let explanation = "letters, digits, - _ and .; runs that started from it still find it by its former name";
    let (title, id) = (format!("new name for {}", run.id), run.id.clone());
    ask(state, RunsPurpose::Rename(run.id), title, explanation.into(), id.as_str());
}

pub(super) fn renamed(state: &mut State, from: &RunId, result: Result<RunId, String>) {
    match result {
        Ok(to) => {
            let runs = &mut state.runs;
            for id in runs.marked.iter_mut().chain(runs.selected.as_mut()).filter(|id| *id == from) {
                *id = to.clone();
            }
            // The list shows the new name before it is read again.
            for run in state.library.runs.list.iter_mut().filter(|run| run.id == *from) {
                run.id = to.clone();
            }
            state.notify(format!("{from} is now {to}"));
        }
        Err(error) => state.fail(&format!("{from} keeps its name: {error}")),
    }
}

pub(super) fn tag(state: &mut State) {
    let targets = state.runs.targets(&state.library);
    if targets.is_empty() {
        return state.fail("no run is selected");
    }
    let title = format!("tags of {}", targets::name(&targets));
    let mut tags: Vec<String> = targets
        .iter()
        .filter_map(|id| state.library.runs.find(id))
        .flat_map(|run| run.annotations.tags.iter().map(ToString::to_string))
        .collect();
    tags.sort();
    tags.dedup();
    let have = if tags.is_empty() { "none yet".into() } else { tags.join(" ") };
    let explanation = format!("+word adds a tag, -word removes one, spaces separate several; now: {have}");
    ask(state, RunsPurpose::Tag(targets), title, explanation, "");
}

pub(super) fn note(state: &mut State) {
    let runs = targets::all(state);
    let Some(first) = runs.first() else { return };
    let ids: Vec<RunId> = runs.iter().map(|run| run.id.clone()).collect();
    let title = format!("note about {}", targets::name(&ids));
    let same = runs.iter().all(|run| run.annotations.note == first.annotations.note);
    let text = if same { first.annotations.note.as_str() } else { "" };
    let explanation = if same {
        "one paragraph, which filters search too; empty for none"
    } else {
        "their notes differ: one paragraph replaces them, an empty line keeps them"
    };
    ask(state, RunsPurpose::Note(ids), title, explanation.into(), text);
}

/// Asks for the path to which the run of the cursor is exported.
pub(super) fn ask_export(state: &mut State) {
    let Some(run) = targets::one(state) else { return };
    let id = run.id;
    // A home elsewhere is shown by a mirror, which has no weights.
    if !run.has_best_weights && state.library.link.is_none() {
        return state.fail(&format!("{id} has no best weights yet: a run saves them after its first epoch"));
    }
    let explanation = "the ending names the kind: .onnx, .keras, .weights.h5, .safetensors, a folder for PyTorch, .html or \
                       .md for a report; Tab completes";
    ask(state, RunsPurpose::Export(id.clone()), format!("export {id} to"), explanation.into(), &format!("{id}.onnx"));
    if let Some(Overlay::Prompt(prompt)) = &mut state.overlay {
        prompt.input.select();
    }
}

/// Measures the runs to delete; the answer opens the question.
pub(super) fn delete(state: &mut State) -> Vec<Effect> {
    let now = state.now;
    let targets = state.runs.targets(&state.library);
    if targets.is_empty() {
        state.fail("no run is selected");
        return Vec::new();
    }
    for id in &targets {
        if let Some(words) = refusal(state, id, now) {
            state.fail(&words);
            return Vec::new();
        }
    }
    vec![Effect::Runs(RunsEffect::Measure(targets))]
}

/// Returns the reason why a run must not be deleted now, if there is one.
fn refusal(state: &State, id: &RunId, now: u64) -> Option<String> {
    let run = state.library.runs.find(id)?;
    if run.is_active(now) || run.alive {
        return Some(format!("{id} is active: stop it first with S"));
    }
    let waits = |other: &&crate::tui::library::RunView| {
        let Ok(summary) = &other.summary else { return false };
        let fine_tuning = summary.recipe.transfer.as_ref().and_then(|transfer| transfer.fine_tuning.as_ref());
        let begun = !summary.epochs.is_empty();
        other.is_active(now)
            && !begun
            && (summary.waiting_for.as_ref() == Some(id) || fine_tuning.is_some_and(|tuning| tuning.from == *id))
    };
    let other = state.library.runs.list.iter().find(waits)?;
    Some(format!("{} is about to start from {id}: wait until it trains, or stop it first", other.id))
}

/// Asks whether to delete runs of these sizes.
pub(super) fn measured(state: &mut State, sizes: &[(RunId, u64)]) {
    if state.overlay.is_some() || sizes.is_empty() {
        return;
    }
    let total = Size(sizes.iter().map(|(_, bytes)| bytes).sum::<u64>());
    let one = |id: &RunId| {
        let run = state.library.runs.find(id)?;
        let summary = run.summary.as_ref().ok()?;
        let best = summary.best().map(|best| format!(", best val loss {:.4}", best.val_loss)).unwrap_or_default();
        Some(format!("{} on {}, {} epochs{best}", summary.recipe.strategy, summary.recipe.dataset, summary.epoch()))
    };
    let mut lines = match sizes {
        [(id, _)] => vec![
            format!("Delete {id} permanently?"),
            one(id).unwrap_or_else(|| "it cannot be read".into()),
            format!("Its settings, log, weights and predictions are lost: {total}."),
        ],
        several => vec![
            format!("Delete the {} marked runs permanently?", several.len()),
            several.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", "),
            format!("Their settings, logs, weights and predictions are lost: {total}."),
        ],
    };
    let ids: Vec<RunId> = sizes.iter().map(|(id, _)| id.clone()).collect();
    lines.extend(state.runs.remark_on_marks(&ids, &state.library));
    confirm(state, "delete", lines, "yes, delete", vec![Effect::Runs(RunsEffect::Delete(ids))]);
}

pub(super) fn deleted(state: &mut State, gone: &[RunId], error: Option<String>) {
    let index = state.runs.position(&state.library);
    state.library.runs.list.retain(|run| !gone.contains(&run.id));
    state.runs.marked.retain(|id| !gone.contains(id));
    state.runs.arrange(&state.library, state.now);
    if state.runs.selected.as_ref().is_some_and(|id| gone.contains(id)) {
        state.runs.select(index.min(state.runs.shown.len().saturating_sub(1)), &state.library);
        state.runs.whole = false;
    }
    match (gone, error) {
        (_, Some(error)) => state.fail(&error),
        ([one], None) => state.notify(format!("{one} is deleted")),
        (several, None) => state.notify(format!("{} runs are deleted", several.len())),
    }
}
