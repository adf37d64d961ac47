//! Convolutions and batch norm under autodiff: one node of the graph where the backend has a kernel.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::ops::FloatTensor;

use super::{
    BatchNormOutput, BatchNormSettings, BlockSettings, KernelBackend, RequiredGradients, reference_block,
    reference_convolution,
};

/// A convolution block, whose parents are input, weight and, with three parents, bias.
#[derive(Debug)]
struct ConvBlock;

impl<B: KernelBackend, const N: usize> Backward<B, N> for ConvBlock {
    type State = BlockState<B>;

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (x, weight, saved) = ops.state;
        let (of_x, of_parameters) = ops.parents.split_at(1);
        let wanted = RequiredGradients {
            x: of_x[0].is_some(),
            parameters: of_parameters.iter().any(Option::is_some),
            bias: N == 3,
        };
        let found = B::conv_block_backward(grad, x, weight, &saved, wanted);
        let (weight_grad, bias_grad) = found.parameters.unzip();
        for (node, grad) in ops.parents.into_iter().zip([found.x, weight_grad, bias_grad]) {
            if let (Some(node), Some(grad)) = (node, grad) {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

/// A convolution without bias and activation.
#[derive(Debug)]
struct Convolution;

impl<B: KernelBackend> Backward<B, 2> for Convolution {
    /// Input, weight and stride.
    type State = (FloatTensor<B>, FloatTensor<B>, usize);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [x_node, weight_node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (x, weight, stride) = ops.state;
        let wanted = RequiredGradients { x: x_node.is_some(), parameters: weight_node.is_some(), bias: false };
        let (x_grad, weight_grad) = B::convolution_backward(grad, x, weight, stride, wanted);
        for (node, grad) in [(x_node, x_grad), (weight_node, weight_grad)] {
            if let (Some(node), Some(grad)) = (node, grad) {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

/// Batch norm of a training step.
#[derive(Debug)]
struct BatchNorm;

impl<B: KernelBackend> Backward<B, 3> for BatchNorm {
    /// Input, scale and shift, and the saved results of the forward pass.
    type State = (FloatTensor<B>, [FloatTensor<B>; 2], B::SavedNorm);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (x, parameters, saved) = ops.state;
        let found = B::batch_norm_backward(grad, x, parameters, &saved);
        for (node, grad) in ops.parents.into_iter().zip(found) {
            if let Some(node) = node {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

/// Input, weight, and the saved results of a block's forward pass.
type BlockState<B> = (FloatTensor<B>, FloatTensor<B>, <B as KernelBackend>::Saved);

/// Computes a block with as many parents as `prep` has.
fn finish_block<B: KernelBackend, C: CheckpointStrategy, const N: usize>(
    prep: OpsKind<ConvBlock, B, BlockState<B>, C, N>,
    x: FloatTensor<Autodiff<B, C>>,
    weight: FloatTensor<Autodiff<B, C>>,
    bias: Option<FloatTensor<Autodiff<B, C>>>,
    settings: BlockSettings,
) -> FloatTensor<Autodiff<B, C>> {
    let of_bias = bias.as_ref().map(|bias| &bias.primitive);
    match prep {
        OpsKind::Tracked(prep) => match B::conv_block_tracked(&x.primitive, &weight.primitive, of_bias, settings) {
            Some((out, saved)) => prep.finish((x.primitive, weight.primitive, saved), out),
            None => reference_block::<Autodiff<B, C>>(x, weight, bias, settings),
        },
        OpsKind::UnTracked(prep) => {
            let bias = bias.map(|bias| bias.primitive);
            prep.finish(B::conv_block(x.primitive, weight.primitive, bias, settings))
        }
    }
}

impl<B: KernelBackend, C: CheckpointStrategy> KernelBackend for Autodiff<B, C> {
    type Saved = ();
    type SavedNorm = ();

    fn conv_block(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
        settings: BlockSettings,
    ) -> FloatTensor<Self> {
        let [x_node, weight_node] = [x.node.clone(), weight.node.clone()];
        if let Some(bias_node) = bias.as_ref().map(|bias| bias.node.clone()) {
            let prep = ConvBlock.prepare::<C>([x_node, weight_node, bias_node]).compute_bound().stateful();
            return finish_block(prep, x, weight, bias, settings);
        }
        let prep = ConvBlock.prepare::<C>([x_node, weight_node]).compute_bound().stateful();
        finish_block(prep, x, weight, bias, settings)
    }

    fn convolution(x: FloatTensor<Self>, weight: FloatTensor<Self>, stride: usize) -> FloatTensor<Self> {
        match Convolution.prepare::<C>([x.node.clone(), weight.node.clone()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => match B::convolution_tracked(&x.primitive, &weight.primitive, stride) {
                Some(out) => prep.finish((x.primitive, weight.primitive, stride), out),
                None => reference_convolution::<Self>(x, weight, stride),
            },
            OpsKind::UnTracked(prep) => prep.finish(B::convolution(x.primitive, weight.primitive, stride)),
        }
    }

    fn batch_norm_tracked(
        x: &FloatTensor<Self>,
        scale: &FloatTensor<Self>,
        shift: &FloatTensor<Self>,
        running: &[FloatTensor<Self>; 2],
        settings: BatchNormSettings,
    ) -> Option<BatchNormOutput<Self>> {
        let [mean, variance] = running.each_ref().map(|tensor| tensor.primitive.clone());
        let found =
            B::batch_norm_tracked(&x.primitive, &scale.primitive, &shift.primitive, &[mean, variance], settings);
        let BatchNormOutput { y, running, saved } = found?;
        let nodes = [x.node.clone(), scale.node.clone(), shift.node.clone()];
        let y = match BatchNorm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let parameters = [scale.primitive.clone(), shift.primitive.clone()];
                prep.finish((x.primitive.clone(), parameters, saved), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        Some(BatchNormOutput { y, running: running.map(<Self as AutodiffBackend>::from_inner), saved: () })
    }
}
