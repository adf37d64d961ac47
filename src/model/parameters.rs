//! Copies of tensors between the host and a device.

use burn::tensor::{Tensor, TensorData, backend::Backend};

use super::kernels::copy_to_host;
use crate::domain::Array;

impl Array {
    /// Copies a tensor from its device; waits for the device.
    ///
    /// # Panics
    /// Never for float tensors, which convert to f32.
    #[must_use]
    pub fn from_tensor<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Self {
        let data = copy_to_host(tensor).convert::<f32>();
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
