//! The imported weights of a recipe.

use std::path::Path;

use super::error::WeightsError;
use super::store::Weights;
use crate::domain::preflight::{self, Entry, Problem};
use crate::domain::{Array, Arrays, NetworkName, Recipe, Transfer};

/// The errors of a run's imported weights.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// The weights are missing, or others than at the creation of the run.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The weights cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// Opens the weights in `file`, if they are those of the recipe.
///
/// # Errors
/// If they are missing, damaged or others.
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
    /// Returns the pretrained tensors of `network` that the weights contain, by name.
    #[must_use]
    pub fn arrays_of(&self, network: NetworkName) -> Arrays {
        let tensors = network.architecture().pretrained_tensors();
        let read = |name: String| self.tensor(&name).map(|(shape, values)| (name, Array { shape, values }));
        tensors.into_iter().filter_map(|tensor| read(tensor.name)).collect()
    }
}
