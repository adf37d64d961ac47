//! Convolutions under autodiff: one node in the graph where the backend has a kernel of its own.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::ops::FloatTensor;

use super::{BatchNormSettings, KernelBackend, Normalized, Pool, Wanted, convolve, plain};

#[derive(Debug)]
struct ConvBlock;

impl<B: KernelBackend> Backward<B, 3> for ConvBlock {
    /// Input, weight and what the forward pass left.
    type State = (FloatTensor<B>, FloatTensor<B>, B::Saved);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (x, weight, saved) = ops.state;
        let wanted = Wanted { x: x_node.is_some(), parameters: weight_node.is_some() || bias_node.is_some() };
        let found = B::conv_block_backward(grad, x, weight, &saved, wanted);

        if let (Some(node), Some(grad)) = (x_node, found.x) {
            grads.register::<B>(node.id, grad);
        }
        if let Some((weight_grad, bias_grad)) = found.parameters {
            if let Some(node) = weight_node {
                grads.register::<B>(node.id, weight_grad);
            }
            if let Some(node) = bias_node {
                grads.register::<B>(node.id, bias_grad);
            }
        }
    }
}

/// A convolution by itself.
#[derive(Debug)]
struct Convolution;

impl<B: KernelBackend> Backward<B, 2> for Convolution {
    /// Input, weight and stride.
    type State = (FloatTensor<B>, FloatTensor<B>, usize);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [x_node, weight_node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (x, weight, stride) = ops.state;
        let wanted = Wanted { x: x_node.is_some(), parameters: weight_node.is_some() };
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
    /// Input, scale and shift, and what the forward pass left.
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

impl<B: KernelBackend, C: CheckpointStrategy> KernelBackend for Autodiff<B, C> {
    type Saved = ();
    type SavedNorm = ();

    fn conv_block(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        pool: Pool,
    ) -> FloatTensor<Self> {
        let nodes = [x.node.clone(), weight.node.clone(), bias.node.clone()];
        match ConvBlock.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                match B::conv_block_tracked(&x.primitive, &weight.primitive, &bias.primitive, pool) {
                    Some((out, saved)) => prep.finish((x.primitive, weight.primitive, saved), out),
                    None => plain::<Self>(x, weight, bias, pool),
                }
            }
            OpsKind::UnTracked(prep) => prep.finish(B::conv_block(x.primitive, weight.primitive, bias.primitive, pool)),
        }
    }

    fn convolution(x: FloatTensor<Self>, weight: FloatTensor<Self>, stride: usize) -> FloatTensor<Self> {
        match Convolution.prepare::<C>([x.node.clone(), weight.node.clone()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => match B::convolution_tracked(&x.primitive, &weight.primitive, stride) {
                Some(out) => prep.finish((x.primitive, weight.primitive, stride), out),
                None => convolve::<Self>(x, weight, stride),
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
    ) -> Option<Normalized<Self>> {
        let [mean, variance] = running.each_ref().map(|tensor| tensor.primitive.clone());
        let found =
            B::batch_norm_tracked(&x.primitive, &scale.primitive, &shift.primitive, &[mean, variance], settings);
        let Normalized { y, running, saved } = found?;
        let nodes = [x.node.clone(), scale.node.clone(), shift.node.clone()];
        let y = match BatchNorm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let parameters = [scale.primitive.clone(), shift.primitive.clone()];
                prep.finish((x.primitive.clone(), parameters, saved), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        Some(Normalized { y, running: running.map(<Self as AutodiffBackend>::from_inner), saved: () })
    }
}
