//! A run's network, resolved for its images, with imported weights and the frozen part on a device.

use super::error::WorkerError;
use crate::data::{ImageShape, Preparation};
use crate::domain::network::{Cut, ResolvedNetwork};
use crate::domain::{Arrays, MismatchError, Preprocessing, Recipe, Transfer};
use crate::model::frozen::FrozenPart;
use crate::model::kernels::KernelBackend;
use crate::model::network::Network;
use crate::runs::layout::Home;
use crate::weights;

/// The resolved network of a recipe with its cut, imported weights, preprocessing and frozen part on a device.
pub(super) struct NetworkSetup<B: KernelBackend> {
    pub(super) resolved: ResolvedNetwork,
    pub(super) cut: Cut,
    /// The imported weights; empty where all weights are drawn.
    weights: Arrays,
    /// The preprocessing that the imported weights expect; `None` where images enter as stored.
    pub(super) preprocessing: Option<Preprocessing>,
    /// `None` where no stage is frozen.
    pub(super) frozen: Option<FrozenPart<B>>,
}

impl<B: KernelBackend> NetworkSetup<B> {
    /// Resolves the network of `recipe` for stored images `[height, width, channels]`, and reads its imported weights.
    /// The frozen part processes so many images at once that its widest output has at most `chunk` numbers.
    ///
    /// # Errors
    /// If the images are too small, or the weights are missing, damaged or changed since the run was created.
    pub(super) fn open(
        home: &Home,
        recipe: &Recipe,
        image: [usize; 3],
        classes: usize,
        chunk: usize,
        device: &B::Device,
    ) -> Result<Self, WorkerError> {
        let resolved = recipe.resolve(image, classes)?;
        let cut = resolved.cut(recipe.trained_stages())?;
        let open = |transfer: &Transfer| weights::of_recipe(&home.weights_file(&transfer.weights), recipe, transfer);
        let imported = recipe.transfer.as_ref().map(open).transpose()?;
        let preprocessing = imported.as_ref().map(|imported| imported.manifest().preprocessing);
        let weights = imported.map(|imported| imported.arrays_of(recipe.network_name())).unwrap_or_default();
        let frozen = FrozenPart::new(&resolved, cut, &weights, device)?;
        let frozen = frozen.map(|part| part.computing_in(recipe.precision).in_chunks_of(chunk));
        Ok(Self { resolved, cut, weights, preprocessing, frozen })
    }

    /// Returns the preparation of stored images of this shape for the network.
    pub(super) fn preparation(&self, recipe: &Recipe, image: ImageShape) -> Preparation {
        match (&recipe.transfer, self.preprocessing) {
            (Some(transfer), Some(preprocessing)) => Preparation::for_base(image, transfer.size, preprocessing),
            _ => Preparation::plain(image).cropped(recipe.crop),
        }
    }

    /// Builds the trained part with its initial weights: imported ones, and others drawn from `seed`.
    ///
    /// # Errors
    /// If an imported weight is missing or has another shape; names the first one.
    pub(super) fn trained_part<T: KernelBackend>(
        &self,
        seed: u64,
        device: &T::Device,
    ) -> Result<Network<T>, MismatchError> {
        Network::new(self.resolved.plan(self.cut.trained()), &self.weights, seed, device)
    }

    /// Builds the whole network as one, the frozen part included, with weights as those of the trained part.
    ///
    /// # Errors
    /// If an imported weight is missing or has another shape; names the first one.
    pub(super) fn whole<T: KernelBackend>(&self, seed: u64, device: &T::Device) -> Result<Network<T>, MismatchError> {
        Network::new(self.resolved.plan(0..self.resolved.units.len()), &self.weights, seed, device)
    }
}
