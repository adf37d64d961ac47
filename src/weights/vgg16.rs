//! The convolutions of VGG16 as importers expect them, and their values.

use std::sync::LazyLock;

use crate::domain::NetworkName;
use crate::domain::network::TensorSpec;

/// A convolution of a base: name, channels in and channels out. Every kernel is 3×3.
pub(super) type Layer = (&'static str, usize, usize);

/// The tensors of imported VGG16 weights.
static TENSORS: LazyLock<Vec<TensorSpec>> = LazyLock::new(|| NetworkName::VGG16.architecture().pretrained_tensors());

/// The convolutions of VGG16 in order: name, channels in, channels out.
pub static VGG16: LazyLock<Vec<(&'static str, usize, usize)>> = LazyLock::new(|| {
    let convolution = |tensor: &'static TensorSpec| {
        let [outputs, inputs, ..] = tensor.shape[..] else { return None };
        Some((tensor.name.strip_suffix(".weight")?, inputs, outputs))
    };
    TENSORS.iter().filter_map(convolution).collect()
});

/// Width and height of every kernel.
pub(super) const SIDE: usize = 3;

/// The values of one convolution in the store's layout.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Convolution {
    /// The layer.
    pub(super) layer: Layer,
    /// The kernel, `[out, in, 3, 3]`, row-major.
    pub(super) kernel: Vec<f32>,
    /// The bias, `[out]`.
    pub(super) bias: Vec<f32>,
}

impl Convolution {
    /// Returns the two tensors: name in the store, shape, values.
    pub(super) fn tensors(&self) -> [(String, Vec<usize>, &[f32]); 2] {
        let (name, input, output) = self.layer;
        [
            (format!("{name}.weight"), vec![output, input, SIDE, SIDE], self.kernel.as_slice()),
            (format!("{name}.bias"), vec![output], self.bias.as_slice()),
        ]
    }
}
