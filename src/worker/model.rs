//! The model of a run: its network resolved for its images, imported weights, and the frozen part on a device.

use super::error::WorkerError;
use crate::domain::network::{Cut, Resolved};
use crate::domain::{Arrays, MismatchError, Preprocessing, Recipe, Transfer};
use crate::model::frozen::FrozenPart;
use crate::model::kernels::KernelBackend;
use crate::model::network::Network;
use crate::runs::layout::Home;
use crate::weights;

/// A run's network on images of one shape, with what stays frozen on a device.
pub(super) struct Model<B: KernelBackend> {
    pub(super) resolved: Resolved,
    pub(super) cut: Cut,
    /// The imported weights; empty where all weights are drawn.
    weights: Arrays,
    /// What the imported weights expect of images; `None` where images enter as they are stored.
    pub(super) preprocessing: Option<Preprocessing>,
    /// `None` where nothing is frozen.
    pub(super) frozen: Option<FrozenPart<B>>,
}

impl<B: KernelBackend> Model<B> {
    /// Resolves the network of `recipe` for stored images of this height, width and number of channels, and reads its
    /// imported weights. The frozen part takes so many images at once that its widest output has at most `chunk`
    /// numbers.
    ///
    /// # Errors
    /// When the images are too small, or the weights are missing, damaged or others than when the run was created.
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

    /// The trained part with the weights that training begins with: imported ones, others drawn from `seed`.
    ///
    /// # Errors
    /// When an imported weight is missing or has another shape; names the first one.
    pub(super) fn trained_part<T: KernelBackend>(
        &self,
        seed: u64,
        device: &T::Device,
    ) -> Result<Network<T>, MismatchError> {
        Network::new(self.resolved.plan(self.cut.trained()), &self.weights, seed, device)
    }
}
