//! A run's best weights as a function from images to probabilities: without a dataset, a journal, a lock or a turn.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use crate::data::{ImageShape, Manifest, Preparation};
use crate::domain::network::FORWARD_CHUNK;
use crate::domain::{Precision, Preprocessing, Recipe, Views, mean_probabilities};
use crate::model::device::DeviceKind;
use crate::model::in_precision;
use crate::model::kernels::{KernelBackend, TrainBackend, read};
use crate::model::network::Network;
use crate::runs::layout::{Home, RunFolder};
use crate::train::average;
use crate::train::checkpoint::{Checkpoint, Identity};
use crate::train::evaluate::{BATCH_SIZE, softmax};

use super::backend::{DeviceJob, Habits, on_device};
use super::error::WorkerError;
use super::model::Model;

/// The best weights of a run on whatever device.
pub trait Predict {
    /// Class names, in the order of probabilities.
    fn classes(&self) -> &[String];

    /// The shape that pictures have to be brought to: that of the run's dataset.
    fn image(&self) -> ImageShape;

    /// The probability of each class, row-major `[pictures, classes]`, as the mean of the views of each picture. Pixels
    /// are those of stored images, u8 H×W×C.
    fn predict(&self, pictures: &[Vec<u8>], views: Views) -> Vec<f32>;
}

/// Reads the best weights of a run onto a device, to predict with them.
///
/// # Errors
/// As [`Predictor::open`], and where the shape of the images that the run has seen is told by its dataset alone, and
/// that is gone.
pub fn open(folder: &RunFolder, kind: DeviceKind) -> Result<Box<dyn Predict>, WorkerError> {
    on_device(kind, 0, Opening { folder, even: kind.tunes_by_shape() })
}

/// Opening a predictor, for any device.
struct Opening<'a> {
    folder: &'a RunFolder,
    even: bool,
}

impl DeviceJob for Opening<'_> {
    type Output = Result<Box<dyn Predict>, WorkerError>;

    fn run<B: TrainBackend>(self, device: &B::Device, _habits: Habits) -> Self::Output {
        let predictor = Predictor::<B::InnerBackend> { even: self.even, ..Predictor::open(self.folder, device)? };
        let recipe = self.folder.recipe()?;
        let home = self.folder.home().ok_or(WorkerError::NoHome)?;
        let unknown = || WorkerError::NoShape { manifest: home.dataset(&recipe.dataset).join("manifest.json") };
        let preparation = predictor.preparation.ok_or_else(unknown)?;
        Ok(Box::new(Prepared { predictor, preparation }))
    }
}

/// A predictor that knows how pictures are prepared.
struct Prepared<B: KernelBackend> {
    predictor: Predictor<B>,
    preparation: Preparation,
}

impl<B: KernelBackend> Predict for Prepared<B> {
    fn classes(&self) -> &[String] {
        self.predictor.classes()
    }

    fn image(&self) -> ImageShape {
        self.preparation.image()
    }

    fn predict(&self, pictures: &[Vec<u8>], views: Views) -> Vec<f32> {
        let size = self.preparation.shape().iter().product::<usize>();
        let of_batch = |pictures: &[Vec<u8>]| {
            let of_view = |view| {
                let change = self.preparation.seen(view);
                let mut inputs = vec![0.0; pictures.len() * size];
                let each = inputs.par_chunks_exact_mut(size).zip(pictures);
                each.for_each(|(input, pixels)| self.preparation.fill(pixels, change, input));
                self.predictor.probabilities(&inputs)
            };
            let of_views: Vec<Vec<f32>> = views.each().into_iter().map(of_view).collect();
            mean_probabilities(&of_views.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        pictures.chunks(BATCH_SIZE).flat_map(of_batch).collect()
    }
}

/// The best weights of a run on a device.
pub struct Predictor<B: KernelBackend> {
    model: Model<B>,
    network: Network<B>,
    identity: Identity,
    /// What the trained part computes in.
    precision: Precision,
    epoch: u32,
    /// `None` where nothing tells the shape of the images that the run has seen.
    preparation: Option<Preparation>,
    /// Whether batches are filled up to one size: a device that tunes by shape would tune for each.
    even: bool,
    device: B::Device,
}

impl<B: KernelBackend> Predictor<B> {
    /// Reads the best weights of a run, and its imported weights.
    ///
    /// # Errors
    /// When the run has saved none, a file is damaged, or the imported weights are others than then.
    pub fn open(folder: &RunFolder, device: &B::Device) -> Result<Self, WorkerError> {
        let home = folder.home().ok_or(WorkerError::NoHome)?;
        let recipe = folder.recipe()?;
        let best = Checkpoint::read(&folder.best_checkpoint())?;
        let identity = best.state.identity;
        // For stored images the network's input is their shape; for prepared ones the recipe has it.
        let model = Model::open(&home, &recipe, identity.image, identity.classes.len(), FORWARD_CHUNK, device)?;
        let arrays = average::evaluated(best.arrays);
        let network = model.trained_part(recipe.seed, device).and_then(|network| network.load_arrays(&arrays))?;
        let (precision, epoch) = (recipe.trained_precision(), best.state.epoch);
        let preparation = seen(&home, &recipe, &identity).map(|image| model.preparation(&recipe, image));
        Ok(Self { model, network, identity, precision, epoch, preparation, even: false, device: device.clone() })
    }

    /// Class names, in the order of probabilities.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.identity.classes
    }

    /// Channels, height and width of an image.
    #[must_use]
    pub fn input(&self) -> [usize; 3] {
        self.model.resolved.input
    }

    /// What the imported weights expect of images; `None` where pixels of 0–1 enter as they are.
    #[must_use]
    pub fn preprocessing(&self) -> Option<Preprocessing> {
        self.model.preprocessing
    }

    /// The epoch of the weights.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The probability of each class, row-major `[images, classes]`, for prepared images `[images, channels, height,
    /// width]`.
    ///
    /// # Panics
    /// If the numbers are no whole number of images.
    #[must_use]
    pub fn probabilities(&self, images: &[f32]) -> Vec<f32> {
        let [channels, height, width] = self.input();
        let size = channels * height * width;
        assert!(images.len().is_multiple_of(size), "{} numbers are no images of {size}", images.len());
        let batch = |images: &[f32]| {
            let count = images.len() / size;
            let mut images = images.to_vec();
            let filled = if self.even { BATCH_SIZE } else { count };
            images.resize(filled * size, 0.0);
            let shape = [filled, channels, height, width];
            let images = Tensor::<B, 4>::from_data(TensorData::new(images, shape), &self.device);
            let inputs = match &self.model.frozen {
                Some(frozen) => frozen.forward(images),
                None => images,
            };
            let logits = self.network.logits(in_precision(inputs, self.precision)).narrow(0, 0, count);
            let logits = read(logits).convert::<f32>();
            // Converted to f32 the line before.
            logits.into_vec::<f32>().unwrap_or_else(|error| unreachable!("{error:?}"))
        };
        let logits = images.chunks(size * BATCH_SIZE).flat_map(batch).collect::<Vec<f32>>();
        logits.chunks_exact(self.classes().len()).flat_map(softmax).collect()
    }
}

/// The shape of the images that a run has seen: its dataset's, or the network's input where that is the same.
fn seen(home: &Home, recipe: &Recipe, identity: &Identity) -> Option<ImageShape> {
    let manifest = Manifest::read(&home.dataset(&recipe.dataset)).ok();
    let same = manifest.filter(|manifest| manifest.fingerprint == identity.fingerprint).map(|manifest| manifest.image);
    let as_stored = || {
        let [height, width, channels] = identity.image.map(|side| u32::try_from(side).ok());
        let whole = recipe.transfer.is_none() && recipe.crop == 0;
        Some(ImageShape { width: width?, height: height?, channels: channels? }).filter(|_| whole)
    };
    same.or_else(as_stored)
}
