//! Operations that burn's fusion runs later.

use burn::tensor::{DType, Shape};
use burn_fusion::stream::{Operation, OperationStreams};
use burn_ir::{CustomOpIr, OperationIr, TensorIr};

use super::super::convolution::{self, BlockOutputs};
use super::super::cudnn::Sizes;
use super::super::reduce::Tensor;
use super::super::{batch_norm, optimizer};
use super::{Fused, Handles, Plain, Runtime};
use crate::model::kernels::{AdamStep, BatchNormSettings, DescentStep, RequiredGradients};

/// An operation on computed tensors.
pub(super) trait Run: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// The operation's name in fusion's graph.
    const NAME: &str;

    /// Returns its outputs in the order of the shapes with which it was registered.
    fn run(&self, inputs: Vec<Tensor>) -> Vec<Tensor>;
}

#[derive(Clone, Debug)]
pub(super) struct Forward {
    pub(super) sizes: Sizes,
    /// Whether the `ReLU`'s output is returned next to the pooled one.
    pub(super) keeps: bool,
}

impl Run for Forward {
    const NAME: &str = "cudnn_convolution";

    fn run(&self, inputs: Vec<Tensor>) -> Vec<Tensor> {
        let mut inputs = inputs.into_iter();
        let (Some(x), Some(weight)) = (inputs.next(), inputs.next()) else {
            unreachable!("registered with an input and a weight")
        };
        let BlockOutputs { y, pooled } = convolution::forward(self.sizes, x, weight, inputs.next());
        match (pooled, self.keeps) {
            (None, _) => vec![y],
            (Some(pooled), false) => vec![pooled],
            (Some(pooled), true) => vec![pooled, y],
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Backward {
    pub(super) sizes: Sizes,
    pub(super) wanted: RequiredGradients,
}

impl Run for Backward {
    const NAME: &str = "cudnn_convolution_backward";

    fn run(&self, inputs: Vec<Tensor>) -> Vec<Tensor> {
        let mut inputs = inputs.into_iter();
        let (Some(grad), Some(x), Some(weight)) = (inputs.next(), inputs.next(), inputs.next()) else {
            unreachable!("registered with a gradient, an input and a weight")
        };
        let made = inputs.next().map(|y| BlockOutputs { y, pooled: inputs.next() });
        let found = convolution::backward(self.sizes, grad, x, weight, made, self.wanted);
        [found.x, found.weight, found.bias].into_iter().flatten().collect()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Normalize(pub(super) BatchNormSettings);

impl Run for Normalize {
    const NAME: &str = "batch_norm";

    fn run(&self, inputs: Vec<Tensor>) -> Vec<Tensor> {
        let Ok([x, scale, shift, mean, variance]) = <[Tensor; 5]>::try_from(inputs) else {
            unreachable!("registered with five inputs")
        };
        let found = batch_norm::forward(self.0, x, scale, shift, [mean, variance]);
        vec![found.y, found.running_mean, found.running_variance, found.mean, found.inverse]
    }
}

#[derive(Clone, Debug)]
pub(super) struct NormalizeBack {
    pub(super) relu: bool,
}

impl Run for NormalizeBack {
    const NAME: &str = "batch_norm_backward";

    fn run(&self, inputs: Vec<Tensor>) -> Vec<Tensor> {
        let Ok([grad, x, scale, shift, mean, inverse]) = <[Tensor; 6]>::try_from(inputs) else {
            unreachable!("registered with six inputs")
        };
        batch_norm::backward(self.relu, grad, batch_norm::BackwardInputs { x, scale, shift, mean, inverse }).to_vec()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Adam(pub(super) AdamStep);

impl Run for Adam {
    const NAME: &str = "adam_step";

    fn run(&self, inputs: Vec<Tensor>) -> Vec<Tensor> {
        let Ok(inputs) = <[Tensor; 4]>::try_from(inputs) else { unreachable!("registered with four inputs") };
        optimizer::apply_adam_step(self.0, inputs).to_vec()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Descent(pub(super) DescentStep);

impl Run for Descent {
    const NAME: &str = "descent_step";

    fn run(&self, inputs: Vec<Tensor>) -> Vec<Tensor> {
        let Ok(inputs) = <[Tensor; 3]>::try_from(inputs) else { unreachable!("registered with three inputs") };
        optimizer::descend(self.0, inputs).to_vec()
    }
}

/// An operation that fusion runs later.
#[derive(Clone, Debug)]
struct DeferredOperation<O> {
    tensors: CustomOpIr,
    operation: O,
}

impl<O: Run> Operation<Runtime> for DeferredOperation<O> {
    fn execute(&self, handles: &mut Handles) {
        let inputs = self.tensors.inputs.iter().map(|input| handles.get_float_tensor::<Plain>(input)).collect();
        let outputs = self.operation.run(inputs);
        for (tensor, output) in self.tensors.outputs.iter().zip(outputs) {
            handles.register_float_tensor::<Plain>(&tensor.id, output);
        }
    }
}

pub(super) fn register<O: Run, const N: usize>(
    operation: O,
    inputs: Vec<Fused>,
    outputs: Vec<(Shape, DType)>,
) -> [Fused; N] {
    let Ok(found) = <[Fused; N]>::try_from(register_all(operation, inputs, outputs)) else {
        unreachable!("an output for each shape")
    };
    found
}

/// Registers an operation with fusion; its outputs have these shapes and types.
pub(super) fn register_all<O: Run>(operation: O, inputs: Vec<Fused>, outputs: Vec<(Shape, DType)>) -> Vec<Fused> {
    let client = inputs[0].client.clone();
    let streams = OperationStreams::with_inputs(&inputs);
    let outputs: Vec<TensorIr> =
        outputs.into_iter().map(|(shape, kind)| TensorIr::uninit(client.create_empty_handle(), shape, kind)).collect();
    let inputs: Vec<TensorIr> = inputs.into_iter().map(Fused::into_ir).collect();
    let tensors = CustomOpIr::new(O::NAME, &inputs, &outputs);
    let deferred = DeferredOperation { tensors: tensors.clone(), operation };
    client.register(streams, OperationIr::Custom(tensors), deferred)
}
