//! Tensors on the host by name: the content of a checkpoint or a weights file.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData, backend::Backend};

use super::kernels::read;

/// A tensor of f32 on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// The values, row-major.
    pub values: Vec<f32>,
}

/// Arrays by name, such as `block1.weight`.
pub type Arrays = BTreeMap<String, Array>;

/// The mismatches of arrays and a network.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MismatchError {
    /// The arrays lack a tensor of the network.
    #[error("there is no {0}")]
    Missing(String),
    /// The arrays contain a tensor that the network lacks.
    #[error("there is a {0}, which this network does not have")]
    Foreign(String),
    /// An array has another shape than the network's tensor.
    #[error("{name} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The name of the tensor.
        name: String,
        /// The network's shape.
        expected: Vec<usize>,
        /// The array's shape.
        found: Vec<usize>,
    },
}

impl Array {
    /// Copies a tensor from its device; waits for the device.
    ///
    /// # Panics
    /// Never for float tensors, which convert to f32.
    #[must_use]
    pub fn from_tensor<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Self {
        let data = read(tensor).convert::<f32>();
        let shape = data.shape.to_vec();
        // Converted to f32 above.
        let values = data.into_vec().unwrap_or_else(|error| unreachable!("{error:?}"));
        Self { shape, values }
    }

    /// Copies the array to a device.
    #[must_use]
    pub fn to_tensor<B: Backend, const D: usize>(&self, device: &B::Device) -> Tensor<B, D> {
        Tensor::from_data(TensorData::new(self.values.clone(), self.shape.clone()), device)
    }
}
