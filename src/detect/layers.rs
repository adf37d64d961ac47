//! The layers of the detector. Threads compute bands of rows; the result does not depend on the bands.

use std::ops::Range;

use image::RgbImage;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::vectors::{Kernel, depthwise, pointwise};

/// Rows of a band. The pointwise part of two rows at its border is computed twice, so short bands would cost time.
const BAND_ROWS: usize = 16;

/// Weights of one output of the first layer: 3×3 pixels of three colours.
const STEM_TAPS: usize = 27;

/// A feature map, `[height, width, channels]`.
#[derive(Debug, Clone)]
pub(super) struct Map {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: usize,
    pub(super) values: Vec<f32>,
}

impl Map {
    fn zeros(width: usize, height: usize, channels: usize) -> Self {
        Self { width, height, channels, values: vec![0.0; width * height * channels] }
    }

    /// The number of values in a row.
    fn row(&self) -> usize {
        self.width * self.channels
    }
}

/// The activation of a unit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Activation {
    Relu,
    None,
}

impl Activation {
    /// The lowest value that is written.
    fn floor(self) -> f32 {
        match self {
            Self::Relu => 0.0,
            Self::None => f32::NEG_INFINITY,
        }
    }
}

/// A pointwise convolution, then a depthwise 3×3 one with zero padding.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) point: Kernel,
    pub(super) depth: Kernel,
    pub(super) activation: Activation,
}

impl Unit {
    /// Returns a map of the same width and height.
    pub(super) fn forward(&self, input: &Map) -> Map {
        let mut out = Map::zeros(input.width, input.height, self.depth.bias.len());
        let row = out.row();
        out.values.par_chunks_mut(BAND_ROWS * row).enumerate().for_each(|(band, out)| {
            let first = band * BAND_ROWS;
            Arch::new().dispatch(UnitBand { unit: self, input, rows: first..first + out.len() / row, out });
        });
        out
    }
}

/// The computation of some rows of a unit's output.
struct UnitBand<'a> {
    unit: &'a Unit,
    input: &'a Map,
    rows: Range<usize>,
    out: &'a mut [f32],
}

impl WithSimd for UnitBand<'_> {
    type Output = ();

    #[allow(clippy::inline_always, reason = "as everywhere under pulp's dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { unit, input, rows, out } = self;
        let channels = unit.depth.bias.len();
        let padded = (input.width + 2) * channels;
        // The pointwise output of three rows; row y has index (y + 1) mod 3.
        let mut ring = [vec![0.0; padded], vec![0.0; padded], vec![0.0; padded]];
        let floor = unit.activation.floor();
        let mut outs = out.chunks_exact_mut(input.width * channels);
        // Counted from 1, so that the row above the first one has an index.
        for next in rows.start..=rows.end + 1 {
            let slot = &mut ring[next % 3][channels..padded - channels];
            match next.checked_sub(1).filter(|row| *row < input.height) {
                Some(row) => {
                    let input = &input.values[row * input.row()..][..input.row()];
                    pointwise(simd, input, &unit.point, f32::NEG_INFINITY, slot);
                }
                None => slot.fill(0.0),
            }
            if next >= rows.start + 2
                && let Some(out) = outs.next()
            {
                let three = [next - 2, next - 1, next].map(|row| ring[row % 3].as_slice());
                depthwise(simd, three, &unit.depth, floor, out);
            }
        }
    }
}

/// Computes the first layer: a 3×3 convolution with stride 2 and `ReLU`. The picture is padded with black at the right
/// and below to a multiple of `multiple`.
pub(super) fn stem(picture: &RgbImage, kernel: &Kernel, multiple: usize) -> Map {
    let [width, height] = [picture.width(), picture.height()].map(|side| (side as usize).next_multiple_of(multiple));
    let mut out = Map::zeros(width / 2, height / 2, kernel.bias.len());
    let row = out.row();
    out.values.par_chunks_mut(BAND_ROWS * row).enumerate().for_each(|(band, out)| {
        Arch::new().dispatch(StemBand { picture, kernel, first: band * BAND_ROWS, width, out });
    });
    out
}

/// The computation of the rows of the first layer's output from `first` on.
struct StemBand<'a> {
    picture: &'a RgbImage,
    kernel: &'a Kernel,
    first: usize,
    /// The width of the padded picture.
    width: usize,
    out: &'a mut [f32],
}

impl WithSimd for StemBand<'_> {
    type Output = ();

    #[allow(clippy::inline_always, reason = "as everywhere under pulp's dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let columns = self.width / 2;
        // One black pixel before the first one, and the padding after the last one.
        let mut row = vec![0.0; 3 * (self.width + 2)];
        let mut patches = vec![0.0; columns * STEM_TAPS];
        for (at, out) in self.out.chunks_exact_mut(columns * self.kernel.bias.len()).enumerate() {
            for tap in 0..3 {
                fill(&mut row, self.picture, (2 * (self.first + at) + tap).checked_sub(1));
                for (column, patch) in patches.chunks_exact_mut(STEM_TAPS).enumerate() {
                    patch[9 * tap..][..9].copy_from_slice(&row[6 * column..][..9]);
                }
            }
            pointwise(simd, &patches, self.kernel, 0.0, out);
        }
    }
}

/// Writes row `y` of the picture (blue, green, red; 0 to 255) after the first pixel of `row`; black outside of it.
fn fill(row: &mut [f32], picture: &RgbImage, y: Option<usize>) {
    row.fill(0.0);
    let Some(y) = y.filter(|y| *y < picture.height() as usize) else { return };
    let length = 3 * picture.width() as usize;
    let pixels = &picture.as_raw()[y * length..][..length];
    for (to, from) in row[3..].as_chunks_mut::<3>().0.iter_mut().zip(pixels.as_chunks::<3>().0) {
        let [red, green, blue] = from.map(f32::from);
        *to = [blue, green, red];
    }
}

/// Returns the maximum of each 2×2 pixels.
pub(super) fn pool(input: &Map) -> Map {
    let mut out = Map::zeros(input.width / 2, input.height / 2, input.channels);
    let (row, channels) = (out.row(), input.channels);
    out.values.par_chunks_mut(row).enumerate().for_each(|(y, out)| {
        let rows = &input.values[2 * y * input.row()..][..2 * input.row()];
        let (upper, lower) = rows.split_at(input.row());
        let pairs = upper.chunks_exact(2 * channels).zip(lower.chunks_exact(2 * channels));
        for ((upper, lower), out) in pairs.zip(out.chunks_exact_mut(channels)) {
            for (channel, out) in out.iter_mut().enumerate() {
                let larger = |a: f32, b: f32| if a > b { a } else { b };
                let pair = |row: &[f32]| larger(row[channel], row[channels + channel]);
                *out = larger(pair(upper), pair(lower));
            }
        }
    });
    out
}

/// Adds a map of half the size, each pixel to 2×2 pixels.
pub(super) fn add_enlarged(map: &mut Map, small: &Map) {
    let (row, channels) = (map.row(), map.channels);
    map.values.par_chunks_mut(row).enumerate().for_each(|(y, values)| {
        let small = &small.values[y / 2 * small.row()..][..small.row()];
        for (pair, small) in values.chunks_exact_mut(2 * channels).zip(small.chunks_exact(channels)) {
            for pixel in pair.chunks_exact_mut(channels) {
                pixel.iter_mut().zip(small).for_each(|(value, add)| *value += add);
            }
        }
    });
}
