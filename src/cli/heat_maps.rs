//! Heat maps of dataset images by a run's best weights, for commands.

use super::exit::CommandError;
use crate::domain::{HeatMap, RunId};
use crate::runs::RunStore;

/// Returns the heat map of a class for each picture, u8 `[H, W, C]` as stored; empty if the network has no convolution.
#[cfg(feature = "trainer")]
pub(super) fn heat_maps(
    store: &RunStore,
    id: &RunId,
    pictures: &[Vec<u8>],
    classes: &[usize],
) -> Result<Vec<HeatMap>, CommandError> {
    use crate::model::device::DeviceKind;
    use crate::worker::explainer;

    // The start of a GPU takes longer than the maps of a few pictures on the CPU.
    let maps = explainer::heat_maps(&store.folder(id), DeviceKind::Cpu, pictures, classes);
    maps.map_err(|error| CommandError::Failure(format!("{id}: {error}")))
}

/// Returns the reason why a build without the trainer has no heat maps.
#[cfg(not(feature = "trainer"))]
pub(super) fn heat_maps(
    _store: &RunStore,
    id: &RunId,
    _pictures: &[Vec<u8>],
    _classes: &[usize],
) -> Result<Vec<HeatMap>, CommandError> {
    Err(CommandError::Failure(format!("{id} has no heat maps here: this build of mien has no trainer")))
}
