//! Tensors on the host, by name: the content of a checkpoint or a weights file.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData, backend::Backend};

use super::kernels::read;

/// A tensor on the host, f32, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub values: Vec<f32>,
}

/// Arrays by name, such as `block1.weight`.
pub type Arrays = BTreeMap<String, Array>;

/// Why arrays do not fit a network.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MismatchError {
    /// The network has a tensor that the arrays lack.
    #[error("there is no {0}")]
    Missing(String),
    /// The arrays have a tensor that the network lacks.
    #[error("there is a {0}, which this network does not have")]
    Foreign(String),
    /// The shapes differ.
    #[error("{name} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// The network's shape.
        expected: Vec<usize>,
        /// The array's shape.
        found: Vec<usize>,
    },
}

impl Array {
    /// Copies a tensor from its device. Waits for the device.
    ///
    /// # Panics
    /// Never for float tensors, which convert to f32.
    #[must_use]
    pub fn from_tensor<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Self {
        let data = read(tensor).convert::<f32>();
        let shape = data.shape.to_vec();
        // Converted to f32 the line before.
        let values = data.into_vec().unwrap_or_else(|error| unreachable!("{error:?}"));
        Self { shape, values }
    }

    /// Copies to a device.
    #[must_use]
    pub fn to_tensor<B: Backend, const D: usize>(&self, device: &B::Device) -> Tensor<B, D> {
        Tensor::from_data(TensorData::new(self.values.clone(), self.shape.clone()), device)
    }
}
