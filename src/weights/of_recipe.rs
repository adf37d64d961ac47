//! The weights that a run is built on.

use std::path::Path;

use super::error::WeightsError;
use super::store::Weights;
use crate::domain::preflight::{self, Entry, Problem};
use crate::domain::{Array, Arrays, NetworkName, Recipe, Transfer};

/// Why a run cannot have its imported weights.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// They are missing, or others than when the run was created.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// They cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// The weights in `file`, if they are those that the recipe was written for.
///
/// # Errors
/// When they are missing, damaged or others.
pub fn of_recipe(file: &Path, recipe: &Recipe, transfer: &Transfer) -> Result<Weights, BaseError> {
    let refuse = |found| preflight::check_weights(recipe, transfer, found).map_or(Ok(()), Err);
    if !file.exists() {
        refuse(Entry::Missing)?;
    }
    let weights = Weights::open(file)?;
    refuse(Entry::Found(weights.manifest().identity()))?;
    Ok(weights)
}

impl Weights {
    /// The tensors that this network takes of them, by their names here.
    #[must_use]
    pub fn arrays_of(&self, network: NetworkName) -> Arrays {
        let tensors = network.architecture().pretrained_tensors();
        let read = |name: String| self.tensor(&name).map(|(shape, values)| (name, Array { shape, values }));
        tensors.into_iter().filter_map(|tensor| read(tensor.name)).collect()
    }
}
