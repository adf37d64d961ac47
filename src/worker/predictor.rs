//! A run's best weights as a function from images to probabilities. Needs no dataset, event log, lock or slot.

use burn::tensor::{Tensor, TensorData};

use crate::domain::network::FORWARD_CHUNK;
use crate::domain::{Precision, Preprocessing};
use crate::model::in_precision;
use crate::model::kernels::{KernelBackend, read};
use crate::model::network::Network;
use crate::runs::layout::RunFolder;
use crate::train::average;
use crate::train::checkpoint::{Checkpoint, Identity};
use crate::train::evaluate::{BATCH_SIZE, softmax};

use super::error::WorkerError;
use super::model::Model;

/// The best weights of a run on a device.
pub struct Predictor<B: KernelBackend> {
    model: Model<B>,
    network: Network<B>,
    identity: Identity,
    /// The precision of the trained part.
    precision: Precision,
    epoch: u32,
    device: B::Device,
}

impl<B: KernelBackend> Predictor<B> {
    /// Reads the best weights of a run and its imported weights.
    ///
    /// # Errors
    /// If the run has saved no best weights, a file is damaged, or the imported weights have changed since.
    pub fn open(folder: &RunFolder, device: &B::Device) -> Result<Self, WorkerError> {
        let home = folder.home().ok_or(WorkerError::NoHome)?;
        let recipe = folder.recipe()?;
        let best = Checkpoint::read(&folder.best_checkpoint())?;
        let identity = best.state.identity;
        // Networks on stored images take their shape; networks on prepared images take the recipe's size.
        let model = Model::open(&home, &recipe, identity.image, identity.classes.len(), FORWARD_CHUNK, device)?;
        let arrays = average::evaluated_arrays(best.arrays);
        let network = model.trained_part(recipe.seed, device).and_then(|network| network.load_arrays(&arrays))?;
        let (precision, epoch) = (recipe.trained_precision(), best.state.epoch);
        Ok(Self { model, network, identity, precision, epoch, device: device.clone() })
    }

    /// Returns the class names in the order of probabilities.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.identity.classes
    }

    /// Returns the shape of an image: `[channels, height, width]`.
    #[must_use]
    pub fn input(&self) -> [usize; 3] {
        self.model.resolved.input
    }

    /// Returns the preprocessing that the imported weights expect; `None` where pixels of 0–1 enter unchanged.
    #[must_use]
    pub fn preprocessing(&self) -> Option<Preprocessing> {
        self.model.preprocessing
    }

    /// Returns the epoch of the best weights, counted from 1.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Returns the probability of each class, row-major `[images, classes]`, for prepared images `[images, channels,
    /// height, width]`.
    ///
    /// # Panics
    /// If `images` is not a whole number of images.
    #[must_use]
    pub fn probabilities(&self, images: &[f32]) -> Vec<f32> {
        let [channels, height, width] = self.input();
        let size = channels * height * width;
        assert!(images.len().is_multiple_of(size), "{} numbers are no images of {size}", images.len());
        let batch = |images: &[f32]| {
            let shape = [images.len() / size, channels, height, width];
            let images = Tensor::<B, 4>::from_data(TensorData::new(images.to_vec(), shape), &self.device);
            let inputs = match &self.model.frozen {
                Some(frozen) => frozen.forward(images),
                None => images,
            };
            let logits = read(self.network.logits(in_precision(inputs, self.precision))).convert::<f32>();
            // Converted to f32 the line before.
            logits.into_vec::<f32>().unwrap_or_else(|error| unreachable!("{error:?}"))
        };
        let logits = images.chunks(size * BATCH_SIZE).flat_map(batch).collect::<Vec<f32>>();
        logits.chunks_exact(self.classes().len()).flat_map(softmax).collect()
    }
}
