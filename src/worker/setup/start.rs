//! The weights of the run that fine-tuning starts from.

use super::Ground;
use crate::domain::{FineTuning, Transfer};
use crate::train::checkpoint::Checkpoint;
use crate::train::optimizer;

/// The weights that fine-tuning starts from, once they are copied.
pub(super) fn start_of(ground: &Ground) -> Result<Option<Checkpoint>, String> {
    let path = ground.folder.start_checkpoint();
    let fine_tunes = ground.recipe.transfer.as_ref().is_some_and(|transfer| transfer.fine_tuning.is_some());
    if !fine_tunes || !path.exists() {
        return Ok(None);
    }
    Checkpoint::read(&path).map(Some).map_err(|error| error.to_string())
}

/// Copies the best weights of the run that fine-tuning goes on from, unless that is done already.
///
/// # Errors
/// When that run has none, or they do not belong to this recipe; in words.
pub(in super::super) fn take_start(ground: &Ground, transfer: &Transfer) -> Result<(), String> {
    let Some(FineTuning { from, .. }) = &transfer.fine_tuning else { return Ok(()) };
    let place = ground.folder.start_checkpoint();
    if place.exists() {
        return Ok(());
    }
    let source = ground.home.run(from).best_checkpoint();
    if !source.exists() {
        return Err(format!(
            "{from}, from which this run was to start, has saved no weights: there is no {}",
            source.display()
        ));
    }
    let mut start = Checkpoint::read(&source).map_err(|error| error.to_string())?;
    let mine = (&ground.recipe.fingerprint, Some(&transfer.base));
    if (&start.state.identity.fingerprint, start.state.identity.base.as_ref()) != mine {
        return Err(format!(
            "{from} was trained on another dataset or another base than this run: start from another run"
        ));
    }
    start.arrays.retain(|name, _| !optimizer::is_state(name));
    if let Some(stage) = ground.recipe.frozen_stage_of(&start.arrays.keys().map(String::as_str)) {
        return Err(format!("{from} has trained {stage}, which would be frozen here: use --unfreeze {stage}"));
    }
    start.write(&place).map_err(|error| format!("cannot write {}: {error}", place.display()))
}
