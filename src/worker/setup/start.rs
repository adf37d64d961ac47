//! The weights of the run that fine-tuning starts from.

use super::Ground;
use crate::checkpoint::{self, Checkpoint};
use crate::domain::preflight::{self, Entry, Problem, StartFacts};
use crate::domain::{FineTuning, Transfer};
use crate::train::optimizer;
use crate::worker::error::WorkerError;

/// The weights that fine-tuning starts from, once they are copied.
pub(super) fn start_of(ground: &Ground) -> Result<Option<Checkpoint>, WorkerError> {
    let path = ground.folder.start_checkpoint();
    let fine_tunes = ground.recipe.transfer.as_ref().is_some_and(|transfer| transfer.fine_tuning.is_some());
    if !fine_tunes || !path.exists() {
        return Ok(None);
    }
    Ok(Some(Checkpoint::read(&path)?))
}

/// Copies the best weights of the run that fine-tuning goes on from, unless that is done already.
///
/// # Errors
/// When that run has none, or they do not belong to this recipe.
pub(in super::super) fn take_start(ground: &Ground, transfer: &Transfer) -> Result<(), WorkerError> {
    let Some(FineTuning { from, .. }) = &transfer.fine_tuning else { return Ok(()) };
    let place = ground.folder.start_checkpoint();
    if place.exists() {
        return Ok(());
    }
    let run = ground.home.run(from);
    let source = run.best_checkpoint();
    if !source.exists() {
        let missing = if run.path().exists() { Problem::StartUnsaved } else { Problem::NoStart };
        return Err(missing(from.clone()).into());
    }
    let mut start = Checkpoint::read(&source)?;
    start.arrays = checkpoint::evaluated(start.arrays);
    start.arrays.retain(|name, _| !optimizer::is_state(name));
    let (identity, recipe) = (&start.state.identity, &ground.recipe);
    // By what the checkpoint holds, whatever the run's recipe says of it.
    let facts = StartFacts {
        fingerprint: identity.fingerprint.clone(),
        base: identity.base.clone(),
        trained: recipe.frozen_stage_of(&start.arrays.keys().map(String::as_str)),
        saves: true,
    };
    if let Some(problem) = preflight::check_start(recipe, from, Entry::Found(facts)).into_iter().next() {
        return Err(problem.into());
    }
    start.write(&place).map_err(|source| WorkerError::File { doing: "write", path: place, source })
}
