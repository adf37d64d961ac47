//! Grad-CAM (Selvaraju et al. 2017): which positions of an image raise the logit of a class.

use burn::tensor::{Tensor, TensorData, activation};

use super::{Activation, Network, flat};
use crate::domain::network::{Op, Plan, Step};
use crate::model::kernels::TrainBackend;

impl<B: TrainBackend> Network<B> {
    /// Returns how strongly each place of the last convolution speaks for the class of each input, from 0 up: `[n,
    /// height, width]`. `inputs` are `[n, channels, height, width]`, `classes` `[n]`. `None` without a convolution.
    ///
    /// A place's strength is the sum of its channels, each weighted by the mean gradient of the class's logit.
    #[must_use]
    pub fn class_activation(&self, inputs: Tensor<B, 4>, classes: &[usize]) -> Option<Tensor<B::InnerBackend, 3>> {
        let (before, after) = split(&self.plan)?;
        let device = inputs.device();
        let Activation::Maps(maps) = self.run(&before, Activation::Maps(inputs), &mut None) else { return None };
        // Nothing before the maps is differentiated.
        let maps = maps.detach().require_grad();
        let logits = match self.run(&after, Activation::Maps(maps.clone()), &mut None) {
            Activation::Flat(logits) => logits,
            Activation::Maps(maps) => flat(maps),
        };
        let [images, count] = logits.dims();
        let mut chosen = vec![0.0_f32; images * count];
        classes.iter().enumerate().for_each(|(image, class)| chosen[image * count + class] = 1.0);
        let chosen = Tensor::<B, 2>::from_data(TensorData::new(chosen, [images, count]), &device);
        // The inputs do not depend on each other, so that one pass gives the gradients of all.
        let gradients = (logits * chosen).sum().backward();
        let gradient = maps.grad(&gradients)?;
        let weighted = maps.inner() * gradient.mean_dim(3).mean_dim(2);
        Some(activation::relu(weighted.sum_dim(1)).squeeze_dim(1))
    }
}

/// Returns the steps up to the last convolution, its batch norm and its `ReLU`, and the steps after them; `None`
/// without a convolution. Pooling of the convolution is among the latter, because it would lose places.
fn split(plan: &Plan) -> Option<(Vec<Step>, Vec<Step>)> {
    let last = plan.steps.iter().rposition(|step| convolves(plan, step))?;
    let (before, after) = plan.steps.split_at(last + 1);
    let (mut before, mut after) = (before.to_vec(), after.to_vec());
    if let Some(Step::ConvolutionBlock { convolution, relu, pool }) = before.last_mut()
        && *pool
    {
        *pool = false;
        after.insert(0, Step::Layer(*convolution + 1 + usize::from(*relu)));
    }
    let follows = |step: &Step| match step {
        Step::BatchNorm { .. } => true,
        Step::Layer(layer) => plan.layers[*layer].op == Op::Relu,
        Step::ConvolutionBlock { .. } | Step::Residual { .. } => false,
    };
    let more = after.iter().take_while(|step| follows(step)).count();
    before.extend(after.drain(..more));
    Some((before, after))
}

fn convolves(plan: &Plan, step: &Step) -> bool {
    match step {
        Step::ConvolutionBlock { .. } => true,
        Step::BatchNorm { .. } => false,
        Step::Layer(layer) => matches!(plan.layers[*layer].op, Op::Convolution { .. }),
        Step::Residual { body, shortcut } => body.iter().chain(shortcut).any(|step| convolves(plan, step)),
    }
}
