//! A run's network, resolved for its images, with imported weights and the frozen part on a device.

use super::error::WorkerError;
use crate::domain::network::{Cut, Resolved};
use crate::domain::preflight::{self, Entry};
use crate::domain::{NetworkName, Preprocessing, Recipe, Transfer};
use crate::model::frozen::FrozenPart;
use crate::model::kernels::KernelBackend;
use crate::model::network::Network;
use crate::model::parameters::{Array, Arrays, MismatchError};
use crate::runs::layout::Home;
use crate::weights::Weights;

/// A network for images of one shape, with its frozen part on a device.
pub(super) struct Model<B: KernelBackend> {
    pub(super) resolved: Resolved,
    pub(super) cut: Cut,
    /// The imported weights; empty where all weights are drawn.
    weights: Arrays,
    /// The preprocessing that the imported weights expect; `None` where images enter as stored.
    pub(super) preprocessing: Option<Preprocessing>,
    /// `None` where no stage is frozen.
    pub(super) frozen: Option<FrozenPart<B>>,
}

impl<B: KernelBackend> Model<B> {
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
        let imported = recipe.transfer.as_ref().map(|transfer| read_imported(home, recipe, transfer)).transpose()?;
        let (weights, preprocessing) = imported.map_or_else(Default::default, |(weights, kind)| (weights, Some(kind)));
        let frozen = FrozenPart::new(&resolved, cut, &weights, device)?;
        let frozen = frozen.map(|part| part.computing_in(recipe.precision).in_chunks_of(chunk));
        Ok(Self { resolved, cut, weights, preprocessing, frozen })
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
}

fn read_imported(home: &Home, recipe: &Recipe, transfer: &Transfer) -> Result<(Arrays, Preprocessing), WorkerError> {
    let file = home.weights_file(&transfer.weights);
    let refuse = |found| preflight::check_weights(recipe, transfer, found).map_or(Ok(()), Err);
    if !file.exists() {
        refuse(Entry::Missing)?;
    }
    let weights = Weights::open(&file)?;
    let manifest = weights.manifest();
    refuse(Entry::Found(manifest.identity()))?;
    Ok((imported_arrays(&weights, recipe.network_name()), manifest.preprocessing))
}

/// Returns the tensors of `network` that the imported weights contain, by name.
#[must_use]
pub(crate) fn imported_arrays(weights: &Weights, network: NetworkName) -> Arrays {
    let tensors = network.architecture().pretrained_tensors();
    let read = |name: String| weights.tensor(&name).map(|(shape, values)| (name, Array { shape, values }));
    tensors.into_iter().filter_map(|tensor| read(tensor.name)).collect()
}
