//! Draws initial values on the host, so that they are the same on every device.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::domain::network::{TensorKind, TensorSpec};

/// Returns the initial values of a tensor in row-major order, as many as its shape has. Weights follow Glorot & Bengio
/// 2010, Keras's default for convolutions and dense layers: U(−a, a) with a = √(6 / (`fan_in` + `fan_out`)). Other
/// kinds of tensors draw nothing from `rng`.
pub(super) fn initial_values(tensor: &TensorSpec, rng: &mut ChaCha8Rng) -> Vec<f32> {
    match tensor.kind {
        TensorKind::Weight { fan_in, fan_out } => {
            #[allow(clippy::cast_precision_loss)] // layer widths are small
            let bound = (6.0 / (fan_in + fan_out) as f32).sqrt();
            (0..tensor.len()).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect()
        }
        TensorKind::Bias | TensorKind::RunningMean => vec![0.0; tensor.len()],
        TensorKind::Scale | TensorKind::RunningVariance => vec![1.0; tensor.len()],
    }
}
