//! The initial weights of fine-tuning, from another run.

use super::RunInputs;
use crate::domain::preflight::{self, Entry, Problem, StartFacts};
use crate::domain::{FineTuning, Transfer};
use crate::train::checkpoint::Checkpoint;
use crate::train::{average, optimizer};
use crate::worker::error::WorkerError;

/// Reads the copied initial weights; `None` where the run does not fine-tune or has no copy yet.
pub(super) fn initial_weights(run_inputs: &RunInputs) -> Result<Option<Checkpoint>, WorkerError> {
    let path = run_inputs.folder.start_checkpoint();
    let fine_tunes = run_inputs.recipe.transfer.as_ref().is_some_and(|transfer| transfer.fine_tuning.is_some());
    if !fine_tunes || !path.exists() {
        return Ok(None);
    }
    Ok(Some(Checkpoint::read(&path)?))
}

/// Copies the best weights of the run from which fine-tuning starts, unless the copy exists.
///
/// # Errors
/// If that run has no best weights, or they do not belong to this recipe.
pub(in super::super) fn copy_initial_weights(run_inputs: &RunInputs, transfer: &Transfer) -> Result<(), WorkerError> {
    let Some(FineTuning { from, .. }) = &transfer.fine_tuning else { return Ok(()) };
    let copy = run_inputs.folder.start_checkpoint();
    if copy.exists() {
        return Ok(());
    }
    let run = run_inputs.home.run(from);
    let source = run.best_checkpoint();
    if !source.exists() {
        let missing = if run.path().exists() { Problem::StartUnsaved } else { Problem::NoStart };
        return Err(missing(from.clone()).into());
    }
    let mut start = Checkpoint::read(&source)?;
    start.arrays = average::evaluated_arrays(start.arrays);
    start.arrays.retain(|name, _| !optimizer::is_state(name));
    let (identity, recipe) = (&start.state.identity, &run_inputs.recipe);
    // Taken from the checkpoint itself, because the other run's recipe may have been edited.
    let facts = StartFacts {
        fingerprint: identity.fingerprint.clone(),
        base: identity.base.clone(),
        trained: recipe.frozen_stage_of(&start.arrays.keys().map(String::as_str)),
        saves: true,
    };
    if let Some(problem) = preflight::check_start(recipe, from, Entry::Found(facts)).into_iter().next() {
        return Err(problem.into());
    }
    start.write(&copy).map_err(|source| WorkerError::File { doing: "write", path: copy, source })
}
