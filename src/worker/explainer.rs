//! Heat maps of a run's best weights: the places of images that speak for a class. Needs no dataset, lock or slot.

use burn::tensor::{Tensor, TensorData};

use super::backend::{DeviceJob, DevicePolicy, on_device};
use super::error::WorkerError;
use super::predictor::Predictor;
use crate::domain::{HeatMap, View};
use crate::model::device::DeviceKind;
use crate::model::kernels::{TrainBackend, copy_to_host};
use crate::runs::layout::RunFolder;

/// Images in one pass, whose maps are in memory together.
const BATCH: usize = 16;

/// Returns the heat map of a class for each picture. Pictures are stored images of the run's dataset, u8 `[H, W, C]`;
/// `classes` has a label for each. Empty if the network has no convolution.
///
/// # Errors
/// If the run has saved no best weights, a file is damaged, or the shape of its images is unknown.
pub fn heat_maps(
    folder: &RunFolder,
    kind: DeviceKind,
    pictures: &[Vec<u8>],
    classes: &[usize],
) -> Result<Vec<HeatMap>, WorkerError> {
    on_device(kind, 0, ExplainJob { folder, pictures, classes })
}

/// The job of explaining pictures, for any device.
struct ExplainJob<'a> {
    folder: &'a RunFolder,
    pictures: &'a [Vec<u8>],
    classes: &'a [usize],
}

impl DeviceJob for ExplainJob<'_> {
    type Output = Result<Vec<HeatMap>, WorkerError>;

    fn run<B: TrainBackend>(self, device: &B::Device, _policy: DevicePolicy) -> Self::Output {
        let predictor = Predictor::<B::InnerBackend>::open(self.folder, device)?;
        let recipe = self.folder.recipe()?;
        let home = self.folder.home().ok_or(WorkerError::NoHome)?;
        let unknown = || WorkerError::NoShape { manifest: home.dataset(&recipe.dataset).join("manifest.json") };
        let preparation = predictor.preparation().ok_or_else(unknown)?;
        // Frozen layers too: the last convolution of a run that trains only a head is among them.
        let network = predictor.whole_network::<B>(device)?;
        let [channels, height, width] = preparation.shape();
        let change = preparation.view_change(View::PLAIN);
        let mut found = Vec::new();
        for (pictures, classes) in self.pictures.chunks(BATCH).zip(self.classes.chunks(BATCH)) {
            let mut inputs = vec![0.0; pictures.len() * channels * height * width];
            let each = inputs.chunks_exact_mut(channels * height * width).zip(pictures);
            each.for_each(|(input, pixels)| preparation.fill(pixels, change, input));
            let inputs = TensorData::new(inputs, [pictures.len(), channels, height, width]);
            let Some(maps) = network.class_activation(Tensor::from_data(inputs, device), classes) else { break };
            let [_, rows, columns] = maps.dims();
            let values = copy_to_host(maps).convert::<f32>();
            // Converted to f32 the line before.
            let values = values.into_vec::<f32>().unwrap_or_else(|error| unreachable!("{error:?}"));
            let crop = recipe.crop as usize;
            found.extend(values.chunks_exact(rows * columns).map(|map| HeatMap::new(columns, rows, map, crop)));
        }
        Ok(found)
    }
}
