//! The convolutions of VGG16 as importers expect them, and a base made of them.

use std::sync::LazyLock;

use crate::domain::NetworkName;
use crate::domain::network::TensorSpec;

/// A convolution of a base: its name here, channels in and channels out. Every kernel is 3×3.
pub(super) type Layer = (&'static str, usize, usize);

/// The tensors that imported weights of VGG16 have.
static TENSORS: LazyLock<Vec<TensorSpec>> = LazyLock::new(|| NetworkName::VGG16.architecture().pretrained_tensors());

/// The convolutional base of VGG16: name, channels in, channels out of each layer, in order.
pub static VGG16: LazyLock<Vec<(&'static str, usize, usize)>> = LazyLock::new(|| {
    let convolution = |tensor: &'static TensorSpec| {
        let [outputs, inputs, ..] = tensor.shape[..] else { return None };
        Some((tensor.name.strip_suffix(".weight")?, inputs, outputs))
    };
    TENSORS.iter().filter_map(convolution).collect()
});

/// Width and height of every kernel.
pub(super) const SIDE: usize = 3;

/// The values of one convolution, as the store keeps them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Convolution {
    /// Which layer it is.
    pub(super) layer: Layer,
    /// Out×in×3×3, row-major.
    pub(super) kernel: Vec<f32>,
    /// One for each channel out.
    pub(super) bias: Vec<f32>,
}

impl Convolution {
    /// Its tensors: name in the store, shape, values.
    pub(super) fn tensors(&self) -> [(String, Vec<usize>, &[f32]); 2] {
        let (name, input, output) = self.layer;
        [
            (format!("{name}.weight"), vec![output, input, SIDE, SIDE], self.kernel.as_slice()),
            (format!("{name}.bias"), vec![output], self.bias.as_slice()),
        ]
    }
}
