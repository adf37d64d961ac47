//! The model of a run: its network resolved for its images, imported weights, and the frozen part on a device.

use super::error::WorkerError;
use crate::data::{ImageShape, Preparation};
use crate::domain::network::{Cut, Resolved};
use crate::domain::preflight::{self, Entry};
use crate::domain::{NetworkName, Preprocessing, Recipe, Transfer};
use crate::model::frozen::FrozenPart;
use crate::model::kernels::KernelBackend;
use crate::model::network::Network;
use crate::model::parameters::{Array, Arrays, MismatchError};
use crate::runs::layout::Home;
use crate::weights::Weights;

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
        let imported = recipe.transfer.as_ref().map(|transfer| read_imported(home, recipe, transfer)).transpose()?;
        let (weights, preprocessing) = imported.map_or_else(Default::default, |(weights, kind)| (weights, Some(kind)));
        let frozen = FrozenPart::new(&resolved, cut, &weights, device)?;
        let frozen = frozen.map(|part| part.computing_in(recipe.precision).in_chunks_of(chunk));
        Ok(Self { resolved, cut, weights, preprocessing, frozen })
    }

    /// How stored images of this shape become the network's inputs.
    pub(super) fn preparation(&self, recipe: &Recipe, image: ImageShape) -> Preparation {
        match (&recipe.transfer, self.preprocessing) {
            (Some(transfer), Some(preprocessing)) => Preparation::for_base(image, transfer.size, preprocessing),
            _ => Preparation::plain(image).cropped(recipe.crop),
        }
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

/// The tensors of a network that imported weights have, by their names there.
#[must_use]
pub(crate) fn imported_arrays(weights: &Weights, network: NetworkName) -> Arrays {
    let tensors = network.architecture().pretrained_tensors();
    let read = |name: String| weights.tensor(&name).map(|(shape, values)| (name, Array { shape, values }));
    tensors.into_iter().filter_map(|tensor| read(tensor.name)).collect()
}
