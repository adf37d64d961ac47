//! What the loop asks of a network.

use burn::module::{Module, ParamId};
use burn::tensor::{Tensor, backend::Backend};

use crate::model::cnn::Cnn;
use crate::model::kernels::ConvBlockBackend;
use crate::model::vgg16::{StepKey, TransferNetwork};

/// A network that maps its inputs to one logit a class.
pub trait Classifier<B: Backend>: Module<B> {
    /// Logits `[inputs, classes]` for `[inputs, channels, height, width]`.
    fn logits(&self, inputs: Tensor<B, 4>) -> Tensor<B, 2>;

    /// The same in a training step, where some networks draw random numbers.
    fn training_logits(&self, inputs: Tensor<B, 4>, _key: StepKey) -> Tensor<B, 2> {
        self.logits(inputs)
    }

    /// The parameters of a pretrained base, which have a learning rate of their own.
    fn base_parameters(&self) -> Vec<ParamId> {
        Vec::new()
    }
}

impl<B: ConvBlockBackend> Classifier<B> for Cnn<B> {
    fn logits(&self, inputs: Tensor<B, 4>) -> Tensor<B, 2> {
        self.forward(inputs)
    }
}

impl<B: ConvBlockBackend> Classifier<B> for TransferNetwork<B> {
    fn logits(&self, inputs: Tensor<B, 4>) -> Tensor<B, 2> {
        self.forward(inputs, None)
    }

    fn training_logits(&self, inputs: Tensor<B, 4>, key: StepKey) -> Tensor<B, 2> {
        self.forward(inputs, Some(key))
    }

    fn base_parameters(&self) -> Vec<ParamId> {
        Self::base_parameters(self)
    }
}
