//! A run's best weights as a function from images to probabilities. Needs no dataset, event log, lock or slot.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use crate::checkpoint::{self, Checkpoint, Identity};
use crate::data::import::Fit;
use crate::data::{ImageShape, Manifest, Preparation};
use crate::domain::network::FORWARD_CHUNK;
use crate::domain::{Precision, Preprocessing, Recipe, Views, mean_probabilities};
use crate::model::device::DeviceKind;
use crate::model::in_precision;
use crate::model::kernels::{KeptTransforms, KernelBackend, TrainBackend, copy_to_host};
use crate::model::network::Network;
use crate::runs::layout::{Home, RunFolder};
use crate::train::evaluate::{BATCH_SIZE, softmax};

use super::backend::{DeviceJob, DevicePolicy, on_device};
use super::error::WorkerError;
use super::network_setup::NetworkSetup;

/// The best weights of a run on any device.
pub trait Predict {
    /// Returns the class names in the order of probabilities.
    fn classes(&self) -> &[String];

    /// Returns the shape of the stored images of the run's dataset.
    fn image(&self) -> ImageShape;

    /// Returns the way in which pictures of another shape come to that shape, as at the import of the dataset.
    fn fit(&self) -> Fit;

    /// Returns the probability of each class, row-major `[pictures, classes]`, as the mean of the views of a picture.
    /// Pictures are stored images, u8 `[H, W, C]`.
    fn predict(&self, pictures: &[Vec<u8>], views: Views) -> Vec<f32>;
}

/// Reads the best weights of a run onto a device, to predict with them.
///
/// # Errors
/// As [`Predictor::open`], and if the shape of the run's images is unknown because its dataset is gone.
pub fn open(folder: &RunFolder, kind: DeviceKind) -> Result<Box<dyn Predict>, WorkerError> {
    on_device(kind, 0, OpenJob { folder, pad_last_batch: kind.tunes_by_shape() })
}

/// The job of opening a predictor, for any device.
struct OpenJob<'a> {
    folder: &'a RunFolder,
    pad_last_batch: bool,
}

impl DeviceJob for OpenJob<'_> {
    type Output = Result<Box<dyn Predict>, WorkerError>;

    fn run<B: TrainBackend>(self, device: &B::Device, _policy: DevicePolicy) -> Self::Output {
        let predictor = Predictor::<B::InnerBackend> {
            pad_last_batch: self.pad_last_batch,
            ..Predictor::open(self.folder, device)?
        };
        let recipe = self.folder.recipe()?;
        let home = self.folder.home().ok_or(WorkerError::NoHome)?;
        let unknown = || WorkerError::NoShape { manifest: home.dataset(&recipe.dataset).join("manifest.json") };
        let preparation = predictor.preparation.ok_or_else(unknown)?;
        // Tensors of other types are cast in each pass, and a cast has other memory each time.
        let kept = (predictor.precision == Precision::F32).then(KeptTransforms::default);
        Ok(Box::new(PreparedPredictor { predictor, preparation, kept }))
    }
}

/// A predictor with the preparation of its pictures.
struct PreparedPredictor<B: KernelBackend> {
    predictor: Predictor<B>,
    preparation: Preparation,
    kept: Option<KeptTransforms>,
}

impl<B: KernelBackend> Predict for PreparedPredictor<B> {
    fn classes(&self) -> &[String] {
        self.predictor.classes()
    }

    fn image(&self) -> ImageShape {
        self.preparation.image()
    }

    fn fit(&self) -> Fit {
        self.predictor.fit
    }

    fn predict(&self, pictures: &[Vec<u8>], views: Views) -> Vec<f32> {
        let size = self.preparation.shape().iter().product::<usize>();
        let of_batch = |pictures: &[Vec<u8>]| {
            let of_view = |view| {
                let change = self.preparation.view_change(view);
                let mut inputs = vec![0.0; pictures.len() * size];
                let each = inputs.par_chunks_exact_mut(size).zip(pictures);
                each.for_each(|(input, pixels)| self.preparation.fill(pixels, change, input));
                self.predictor.probabilities(&inputs)
            };
            let of_views: Vec<Vec<f32>> = views.each().into_iter().map(of_view).collect();
            mean_probabilities(&of_views.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        let predict = || pictures.chunks(BATCH_SIZE).flat_map(of_batch).collect();
        match &self.kept {
            Some(kept) => kept.during(predict),
            None => predict(),
        }
    }
}

/// The best weights of a run on a device.
pub struct Predictor<B: KernelBackend> {
    model: NetworkSetup<B>,
    network: Network<B>,
    identity: Identity,
    /// The precision of the trained part.
    precision: Precision,
    epoch: u32,
    /// `None` if the shape of the run's images is unknown.
    preparation: Option<Preparation>,
    /// The way in which the dataset's pictures were fitted; squash if the dataset is gone.
    fit: Fit,
    /// Whether a smaller last batch is padded. Otherwise a device that tunes by shape would tune once more.
    pad_last_batch: bool,
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
        if !folder.has_best_weights() {
            return Err(WorkerError::NoBestWeights(folder.path().to_owned()));
        }
        let best = Checkpoint::read(&folder.best_checkpoint())?;
        let identity = best.state.identity;
        // Networks on stored images take their shape; networks on prepared images take the recipe's size.
        let model = NetworkSetup::open(&home, &recipe, identity.image, identity.classes.len(), FORWARD_CHUNK, device)?;
        let arrays = checkpoint::evaluated_arrays(best.arrays);
        let network = model.trained_part(recipe.seed, device).and_then(|network| network.load_arrays(&arrays))?;
        let (precision, epoch) = (recipe.trained_precision(), best.state.epoch);
        let manifest = same_dataset(&home, &recipe, &identity);
        let preparation =
            stored_shape(manifest.as_ref(), &recipe, &identity).map(|image| model.preparation(&recipe, image));
        let fit = manifest.map_or(Fit::Squash, |manifest| manifest.fit);
        Ok(Self {
            model,
            network,
            identity,
            precision,
            epoch,
            preparation,
            fit,
            pad_last_batch: false,
            device: device.clone(),
        })
    }

    /// Returns the preparation of stored images; `None` if their shape is unknown.
    pub(super) fn preparation(&self) -> Option<Preparation> {
        self.preparation
    }

    /// Returns the whole network on a backend, the frozen part included, with the best weights.
    ///
    /// # Errors
    /// If an imported weight is missing or has another shape; names the first one.
    pub(super) fn whole_network<T: KernelBackend>(&self, device: &T::Device) -> Result<Network<T>, WorkerError> {
        Ok(self.model.whole::<T>(0, device)?.overlay(&self.network.to_arrays())?)
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
            let count = images.len() / size;
            let mut images = images.to_vec();
            let padded = if self.pad_last_batch { BATCH_SIZE } else { count };
            images.resize(padded * size, 0.0);
            let shape = [padded, channels, height, width];
            let images = Tensor::<B, 4>::from_data(TensorData::new(images, shape), &self.device);
            let inputs = match &self.model.frozen {
                Some(frozen) => frozen.forward(images),
                None => images,
            };
            let logits = self.network.logits(in_precision(inputs, self.precision)).narrow(0, 0, count);
            let logits = copy_to_host(logits).convert::<f32>();
            // Converted to f32 the line before.
            logits.into_vec::<f32>().unwrap_or_else(|error| unreachable!("{error:?}"))
        };
        let logits = images.chunks(size * BATCH_SIZE).flat_map(batch).collect::<Vec<f32>>();
        logits.chunks_exact(self.classes().len()).flat_map(softmax).collect()
    }
}

/// Returns the shape of the images of a run's dataset. Without the dataset it is the network's input, if images enter
/// the network in their stored size.
fn stored_shape(dataset: Option<&Manifest>, recipe: &Recipe, identity: &Identity) -> Option<ImageShape> {
    let as_stored = || {
        let [height, width, channels] = identity.image.map(|side| u32::try_from(side).ok());
        let whole = recipe.transfer.is_none() && recipe.crop == 0;
        Some(ImageShape { width: width?, height: height?, channels: channels? }).filter(|_| whole)
    };
    dataset.map(|manifest| manifest.image).or_else(as_stored)
}

/// Returns the manifest of a run's dataset; `None` if it was deleted or has another fingerprint.
fn same_dataset(home: &Home, recipe: &Recipe, identity: &Identity) -> Option<Manifest> {
    let manifest = Manifest::read(&home.dataset(&recipe.dataset)).ok()?;
    (manifest.fingerprint == identity.fingerprint).then_some(manifest)
}
