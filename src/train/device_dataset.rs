//! Images that stay on the device as bytes, and batches that the device makes of them.
//!
//! The host sends only [`BatchSpec`]: indices of images, and the affine map with which each is sampled. The same map is
//! used by [`Affine::apply`](crate::data::Affine::apply) on the host, so both give the same image up to rounding.

use std::ops::Range;

use burn::tensor::backend::Backend;
use burn::tensor::ops::{GridSampleOptions, GridSamplePaddingMode, InterpolateMode};
use burn::tensor::{DType, Int, Tensor, TensorData};

use crate::data::Source;
use crate::data::augment::{ERASED_GRAY, middle};
use crate::data::images::{BatchSpec, Images, SCALE};
use crate::domain::Split;
use crate::domain::preprocessing::{ChannelOrder, Preprocessing};

/// Bytes of a label on the device.
const LABEL: u64 = 4;

/// The most pixels of a split: they are one tensor, which burn indexes by 31 bits.
const MAX_PIXELS: u64 = i32::MAX as u64;

/// Images of a dataset on a device.
#[derive(Debug, Clone)]
pub struct DeviceDataset<B: Backend> {
    images: Images,
    splits: [Option<DeviceSplit<B>>; 3],
    /// The centres of output pixels from −1 to 1: `[1, h, 1, 1]` and `[1, 1, w, 1]`.
    rows: Tensor<B, 4>,
    columns: Tensor<B, 4>,
    /// The centres of output pixels as fractions of the sides: `[1, 1, h, 1]` and `[1, 1, 1, w]`.
    fractions: [Tensor<B, 4>; 2],
    normalization: Option<Normalization<B>>,
}

/// A split on the device.
#[derive(Debug, Clone)]
struct DeviceSplit<B: Backend> {
    /// u8 `[images, height · width · channels]`.
    pixels: Tensor<B, 2, Int>,
    /// `[images]`.
    labels: Tensor<B, 1, Int>,
}

/// [`Preprocessing`] on the device.
#[derive(Debug, Clone)]
struct Normalization<B: Backend> {
    reversed: bool,
    scale: f32,
    /// `[1, 3, 1, 1]`.
    mean: Tensor<B, 4>,
    deviation: Tensor<B, 4>,
}

/// Returns the bytes of these splits on a device: pixels and labels.
#[must_use]
pub fn bytes_on_device(images: &Images, splits: &[Split]) -> u64 {
    let dataset = images.dataset();
    let image = dataset.image().bytes() as u64 + LABEL;
    splits.iter().map(|split| dataset.len(*split) as u64 * image).sum()
}

impl<B: Backend> DeviceDataset<B> {
    /// Uploads these splits. `None` if they would take more than `bound` bytes, or one of them more than one tensor may
    /// have.
    #[must_use]
    pub fn upload(images: &Images, splits: &[Split], bound: u64, device: &B::Device) -> Option<Self> {
        let dataset = images.dataset();
        let pixels = |split: Split| (dataset.len(split) * dataset.image().bytes()) as u64;
        if bytes_on_device(images, splits) > bound || splits.iter().any(|split| pixels(*split) > MAX_PIXELS) {
            return None;
        }
        let mut held = [None, None, None];
        for split in splits {
            held[*split as usize] = (!dataset.is_empty(*split)).then(|| DeviceSplit::upload(images, *split, device));
        }
        let [_, height, width] = images.shape();
        Some(Self {
            images: images.clone(),
            splits: held,
            rows: middles(height, device).reshape([1, height, 1, 1]),
            columns: middles(width, device).reshape([1, 1, width, 1]),
            fractions: [
                fractions(height, device).reshape([1, 1, height, 1]),
                fractions(width, device).reshape([1, 1, 1, width]),
            ],
            normalization: images.preprocessing().map(|preprocessing| Normalization::new(preprocessing, device)),
        })
    }

    /// Returns the images if this split is on the device.
    #[must_use]
    pub fn images(&self, split: Split) -> Option<&Images> {
        self.splits[split as usize].as_ref().map(|_| &self.images)
    }

    /// Makes a batch: inputs `[images, channels, height, width]` and labels `[images]`.
    ///
    /// # Panics
    /// If the split is not on the device or an index is out of range.
    #[must_use]
    pub fn batch(&self, picks: &BatchSpec) -> (Tensor<B, 4>, Tensor<B, 1, Int>) {
        let held = self.splits[picks.split as usize].as_ref();
        let held = held.unwrap_or_else(|| panic!("the images of {} are not on the device", picks.split));
        let (count, device) = (picks.indices.len(), held.pixels.device());
        let indices = Tensor::from_data(TensorData::new(picks.indices.clone(), [count]), &device);
        let image = self.images.dataset().image();
        let [height, width, channels] = [image.height, image.width, image.channels].map(|side| side as usize);
        let pixels = held.pixels.clone().select(0, indices.clone()).reshape([count, height, width, channels]);
        let pictures = pixels.float().permute([0, 3, 1, 2]);
        let pictures = match &self.normalization {
            Some(Normalization { reversed: true, .. }) if channels == 3 => pictures.flip([1]),
            _ => pictures,
        };
        let drawn = match &picks.theta {
            Some(theta) => {
                self.sample(pictures, &Tensor::from_data(TensorData::new(theta.clone(), [count, 2, 3]), &device))
            }
            None => pictures,
        };
        let inputs = self.paint(drawn.mul_scalar(SCALE), picks, &device);
        let inputs = match &self.normalization {
            // Broadcasting makes three channels of one.
            Some(Normalization { scale, mean, deviation, .. }) => {
                inputs.mul_scalar(*scale).sub(mean.clone()).div(deviation.clone())
            }
            None => inputs,
        };
        (inputs, held.labels.clone().select(0, indices))
    }

    /// Returns images `[n, c, h, w]` of 0–1 with the tones and erased rectangles of `picks`, as
    /// [`Change::paint`](crate::data::Change::paint) computes them.
    fn paint(&self, pictures: Tensor<B, 4>, picks: &BatchSpec, device: &B::Device) -> Tensor<B, 4> {
        let shape = pictures.dims();
        let [count, channels, height, width] = shape;
        // Sends all columns in one transfer.
        let table = |values: &[f32], columns: usize| {
            Tensor::<B, 2>::from_data(TensorData::new(values.to_vec(), [count, columns]), device)
        };
        let column = |of: &Tensor<B, 2>, at: usize| of.clone().narrow(1, at, 1).reshape([count, 1, 1, 1]);
        let toned = match &picks.tones {
            Some(tones) => {
                let tones = table(tones, 2);
                let bright = pictures.mul(column(&tones, 0));
                let mean = bright.clone().reshape([count, channels * height * width]).mean_dim(1);
                let mean = mean.reshape([count, 1, 1, 1]);
                (bright - mean.clone()).mul(column(&tones, 1)).add(mean).clamp(0.0, 1.0)
            }
            None => pictures,
        };
        let Some(edges) = &picks.erased else { return toned };
        let edges = table(edges, 4);
        let inside = |axis: usize| {
            let middles = self.fractions[axis].clone();
            let [_, _, rows, columns] = middles.dims();
            let middles = middles.expand([count, 1, rows, columns]);
            let [from, to] = [axis, axis + 2].map(|at| column(&edges, at).expand([count, 1, rows, columns]));
            middles.clone().greater_equal(from).bool_and(middles.lower(to))
        };
        let mask = inside(0).expand([count, 1, height, width]).bool_and(inside(1).expand([count, 1, height, width]));
        toned.mask_fill(mask.expand(shape), ERASED_GRAY)
    }

    /// Samples images `[n, c, h, w]` by the maps `[n, 2, 3]`: bilinearly, with the nearest pixel outside the border.
    ///
    /// Positions are computed by sums of products and not by a matrix product, which a GPU may round to ten bits.
    fn sample(&self, pictures: Tensor<B, 4>, theta: &Tensor<B, 3>) -> Tensor<B, 4> {
        let count = theta.dims()[0];
        // The terms of x and y that depend on the column, on the row, and on neither.
        let part = |at: Range<usize>| theta.clone().slice([0..count, 0..2, at]).reshape([count, 1, 1, 2]);
        let across = self.columns.clone().mul(part(0..1));
        let down = self.rows.clone().mul(part(1..2));
        let border = GridSampleOptions::new(InterpolateMode::Bilinear).with_padding_mode(GridSamplePaddingMode::Border);
        pictures.grid_sample_2d(across.add(down).add(part(2..3)), border.with_align_corners(false))
    }
}

impl<B: Backend> DeviceSplit<B> {
    fn upload(images: &Images, split: Split, device: &B::Device) -> Self {
        let dataset = images.dataset();
        let (count, row) = (dataset.len(split), dataset.image().bytes());
        let mut pixels = Vec::with_capacity(count * row);
        (0..count).for_each(|index| pixels.extend_from_slice(dataset.pixels(split, index)));
        // Labels are u16.
        #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
        let labels: Vec<i32> = (0..count).map(|index| dataset.label(split, index) as i32).collect();
        Self {
            pixels: Tensor::from_data(TensorData::new(pixels, [count, row]), (device, DType::U8)),
            labels: Tensor::from_data(TensorData::new(labels, [count]), device),
        }
    }
}

impl<B: Backend> Normalization<B> {
    fn new(preprocessing: &Preprocessing, device: &B::Device) -> Self {
        let channels = |values: [f32; 3]| Tensor::<B, 1>::from_data(values, device).reshape([1, 3, 1, 1]);
        Self {
            reversed: preprocessing.order == ChannelOrder::Bgr,
            scale: preprocessing.scale,
            mean: channels(preprocessing.mean),
            deviation: channels(preprocessing.deviation),
        }
    }
}

/// Returns the centres of `side` pixels as fractions of the side, `[side]`.
fn fractions<B: Backend>(side: usize, device: &B::Device) -> Tensor<B, 1> {
    Tensor::from_data(TensorData::new((0..side).map(|at| middle(at, side)).collect::<Vec<f32>>(), [side]), device)
}

/// Returns the centres of `side` pixels from −1 to 1, `[side]`.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // sides are small
fn middles<B: Backend>(side: usize, device: &B::Device) -> Tensor<B, 1> {
    let middle = |at: usize| ((2 * at + 1) as f64 / side as f64 - 1.0) as f32;
    Tensor::from_data(TensorData::new((0..side).map(middle).collect::<Vec<f32>>(), [side]), device)
}

#[cfg(test)]
mod tests;
