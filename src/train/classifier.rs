//! What the loop asks of a network.

use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend};

use crate::model::cnn::Cnn;
use crate::model::kernels::ConvBlockBackend;

/// A network that maps images to one logit a class.
pub trait Classifier<B: Backend>: Module<B> {
    /// Logits `[images, classes]` for pixels `[images, channels, height, width]` of 0–1.
    fn logits(&self, images: Tensor<B, 4>) -> Tensor<B, 2>;
}

impl<B: ConvBlockBackend> Classifier<B> for Cnn<B> {
    fn logits(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.forward(images)
    }
}
