//! Convolutions by cuDNN, batch norm and optimizer steps as custom operations of burn's fusion.

mod operations;

use std::sync::{Mutex, PoisonError};

use burn::backend::Cuda;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{DType, Shape, TensorMetadata};
use burn_cubecl::CubeBackend;
use burn_cubecl::fusion::FusionCubeRuntime;
use burn_fusion::{FusionRuntime, FusionTensor};
use burn_ir::HandleContainer;
use cubecl::cuda::CudaRuntime;

use super::convolution;
use super::cudnn::{After, Kind, Sizes};
use crate::model::device;
use crate::model::kernels::{
    AdamStep, BatchNormOutput, BatchNormSettings, BlockSettings, ConvBlockGradients, DescentStep, KernelBackend, Pool,
    RequiredGradients, reference, reference_block, reference_convolution,
};

use operations::{Adam, Backward, Descent, Forward, Normalize, NormalizeBack, register, register_all};

/// The backend of operations that fusion does not fuse.
type Plain = CubeBackend<CudaRuntime, f32, i32, u8>;
type Runtime = FusionCubeRuntime<CudaRuntime>;
type Handles = HandleContainer<<Runtime as FusionRuntime>::FusionHandle>;
type Fused = FusionTensor<Runtime>;

/// The results that a forward pass by cuDNN saves for its backward pass.
#[derive(Clone, Debug)]
pub struct Saved {
    sizes: Sizes,
    y: Fused,
    pooled: Option<Fused>,
}

/// The results that batch norm's forward pass saves for its backward pass.
#[derive(Clone, Debug)]
pub struct SavedNorm {
    /// The mean of the batch, `[channels]`.
    mean: Fused,
    /// The inverse of the batch's standard deviation, `[channels]`.
    inverse: Fused,
    relu: bool,
}

impl KernelBackend for Cuda {
    type Saved = Saved;
    type SavedNorm = SavedNorm;

    fn conv_block(x: Fused, weight: Fused, bias: Option<Fused>, settings: BlockSettings) -> Fused {
        match cudnn_block(&x, &weight, bias.as_ref(), settings) {
            Some((sizes, bias)) => {
                let inputs = vec![x, weight, bias.clone()];
                let [out] = register(Forward { sizes, keeps: false }, inputs, outputs(sizes, false));
                out
            }
            None => reference_block::<Self>(x, weight, bias, settings),
        }
    }

    fn conv_block_tracked(
        x: &Fused,
        weight: &Fused,
        bias: Option<&Fused>,
        settings: BlockSettings,
    ) -> Option<(Fused, Saved)> {
        let (sizes, bias) = cudnn_block(x, weight, bias, settings)?;
        let inputs = [x, weight, bias].map(Clone::clone).to_vec();
        let (out, y) = if sizes.has_pooling() {
            let [out, y] = register(Forward { sizes, keeps: true }, inputs, outputs(sizes, true));
            (out, y)
        } else {
            let [out] = register(Forward { sizes, keeps: false }, inputs, outputs(sizes, false));
            (out.clone(), out)
        };
        let pooled = sizes.has_pooling().then(|| out.clone());
        Some((out, Saved { sizes, y, pooled }))
    }

    fn conv_block_backward(
        grad: FloatTensor<Self>,
        x: Fused,
        weight: Fused,
        saved: &Saved,
        wanted: RequiredGradients,
    ) -> ConvBlockGradients<Self> {
        let mut inputs = vec![grad, x, weight, saved.y.clone()];
        inputs.extend(saved.pooled.clone());
        let (x, mut parameters) = backward(saved.sizes, inputs, wanted);
        ConvBlockGradients { x, parameters: parameters.next().zip(parameters.next()) }
    }

    fn convolution(x: Fused, weight: Fused, stride: usize) -> Fused {
        match Self::convolution_tracked(&x, &weight, stride) {
            Some(out) => out,
            None => reference_convolution::<Self>(x, weight, stride),
        }
    }

    fn convolution_tracked(x: &Fused, weight: &Fused, stride: usize) -> Option<Fused> {
        let sizes = cudnn_sizes(x, weight, stride, After::Nothing)?;
        let inputs = [x, weight].map(Clone::clone).to_vec();
        let [out] = register(Forward { sizes, keeps: false }, inputs, outputs(sizes, false));
        Some(out)
    }

    fn convolution_backward(
        grad: Fused,
        x: Fused,
        weight: Fused,
        stride: usize,
        wanted: RequiredGradients,
    ) -> (Option<Fused>, Option<Fused>) {
        let Some(sizes) = cudnn_sizes(&x, &weight, stride, After::Nothing) else {
            unreachable!("its forward pass was run by cuDNN")
        };
        let (x, mut parameters) = backward(sizes, vec![grad, x, weight], wanted);
        (x, parameters.next())
    }

    fn batch_norm_tracked(
        x: &Fused,
        scale: &Fused,
        shift: &Fused,
        running: &[Fused; 2],
        settings: BatchNormSettings,
    ) -> Option<BatchNormOutput<Self>> {
        let shape @ [n, channels, h, w] = x.shape().dims::<4>();
        let numbers = n * channels * h * w;
        let kinds = [x, scale, shift, &running[0], &running[1]].map(TensorMetadata::dtype);
        let known = matches!(kinds[0], DType::F32 | DType::BF16) && kinds[1..].iter().all(|kind| *kind == DType::F32);
        if reference::is_active() || !known || numbers == 0 || numbers > MOST_NUMBERS {
            return None;
        }
        let inputs = [x, scale, shift, &running[0], &running[1]].map(Clone::clone).to_vec();
        let vector = || (Shape::from([channels]), DType::F32);
        let outputs = vec![(Shape::from(shape), x.dtype()), vector(), vector(), vector(), vector()];
        let [y, mean, variance, batch_mean, inverse] = register(Normalize(settings), inputs, outputs);
        let saved = SavedNorm { mean: batch_mean, inverse, relu: settings.relu };
        Some(BatchNormOutput { y, running: [mean, variance], saved })
    }

    fn adam_step(parameter: &Fused, gradient: &Fused, moments: [&Fused; 2], step: AdamStep) -> Option<[Fused; 3]> {
        let [first, second] = moments;
        let inputs = [parameter, gradient, first, second];
        let outputs = vec![(parameter.shape(), DType::F32); 3];
        can_step(&inputs).then(|| register(Adam(step), inputs.map(Clone::clone).to_vec(), outputs))
    }

    fn descent_step(parameter: &Fused, gradient: &Fused, velocity: &Fused, step: DescentStep) -> Option<[Fused; 2]> {
        let inputs = [parameter, gradient, velocity];
        let outputs = vec![(parameter.shape(), DType::F32); 2];
        can_step(&inputs).then(|| register(Descent(step), inputs.map(Clone::clone).to_vec(), outputs))
    }

    fn batch_norm_backward(grad: Fused, x: Fused, [scale, shift]: [Fused; 2], saved: &SavedNorm) -> [Fused; 3] {
        let (shape, kind) = (x.shape(), x.dtype());
        let vector = || (scale.shape(), DType::F32);
        let outputs = vec![(shape, kind), vector(), vector()];
        let SavedNorm { mean, inverse, relu } = saved.clone();
        register(NormalizeBack { relu }, vec![grad, x, scale, shift, mean, inverse], outputs)
    }
}

/// Returns whether a kernel supports a step of this parameter, its gradient and its moments.
fn can_step(inputs: &[&Fused]) -> bool {
    let shape = inputs[0].shape();
    let fits = |tensor: &&Fused| tensor.dtype() == DType::F32 && tensor.shape() == shape;
    let numbers = shape.num_elements();
    !reference::is_active() && inputs.iter().all(fits) && numbers > 0 && numbers <= MOST_NUMBERS
}

/// Returns the wanted gradients of the input and of the parameters.
fn backward(
    sizes: Sizes,
    inputs: Vec<Fused>,
    wanted: RequiredGradients,
) -> (Option<Fused>, impl Iterator<Item = Fused>) {
    let Sizes { n, c_in, c_out, h, w, kernel, after, .. } = sizes;
    let mut shapes = Vec::new();
    if wanted.x {
        shapes.push(Shape::from([n, c_in, h, w]));
    }
    if wanted.parameters {
        shapes.push(Shape::from([c_out, c_in, kernel, kernel]));
        shapes.extend((after != After::Nothing).then(|| Shape::from([c_out])));
    }
    let outputs = shapes.into_iter().map(|shape| (shape, sizes.kind.into())).collect();
    let mut found = register_all(Backward { sizes, wanted }, inputs, outputs).into_iter();
    let x = if wanted.x { found.next() } else { None };
    (x, found)
}

/// The most numbers in a tensor for cuDNN and for the kernels of this module.
const MOST_NUMBERS: usize = i32::MAX as usize;

/// Returns the sizes and the bias of a block that cuDNN runs, which has bias and `ReLU`; `None` where its steps run one
/// by one.
fn cudnn_block<'a>(
    x: &Fused,
    weight: &Fused,
    bias: Option<&'a Fused>,
    settings: BlockSettings,
) -> Option<(Sizes, &'a Fused)> {
    let bias = bias.filter(|bias| settings.relu && bias.dtype() == x.dtype())?;
    let after = match settings.pool {
        Pool::None => After::Relu,
        Pool::Max2 => After::ReluPool,
    };
    Some((cudnn_sizes(x, weight, 1, after)?, bias))
}

/// Returns the sizes of a convolution that cuDNN runs; `None` where burn's operation runs it.
fn cudnn_sizes(x: &Fused, weight: &Fused, stride: usize, after: After) -> Option<Sizes> {
    if reference::is_active() || !device::convolves_by_cudnn() {
        return None;
    }
    let kind = match x.dtype() {
        DType::F32 => Kind::F32,
        DType::BF16 => Kind::Bf16,
        _ => return None,
    };
    if weight.dtype() != x.dtype() {
        return None;
    }
    let ([n, c_in, h, w], [c_out, _, kernel, _]) = (x.shape().dims::<4>(), weight.shape().dims::<4>());
    if [n, c_in, c_out, h, w].contains(&0) || n * h * w * c_in.max(c_out) > MOST_NUMBERS {
        return None;
    }
    let sizes = Sizes { n, c_in, c_out, h, w, kernel, stride, kind, after };
    match convolution::ready(x.client.device().index, sizes) {
        Ok(()) => Some(sizes),
        Err(error) if device::cudnn_is_required() => panic!("cuDNN's part of a step failed: {error}"),
        Err(error) => {
            let mut refusal = REFUSAL.lock().unwrap_or_else(PoisonError::into_inner);
            if *refusal == Refusal::None {
                *refusal = Refusal::Unreported(error.to_string());
            }
            None
        }
    }
}

/// The first block that cuDNN refused.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    None,
    Unreported(String),
    Reported,
}

static REFUSAL: Mutex<Refusal> = Mutex::new(Refusal::None);

/// Returns once why burn's kernels run blocks in a process with cuDNN.
pub(crate) fn take_refusal() -> Option<String> {
    let mut refusal = REFUSAL.lock().unwrap_or_else(PoisonError::into_inner);
    let Refusal::Unreported(error) = &*refusal else { return None };
    let message = format!("burn's kernels convolve some blocks, much more slowly: {error}");
    *refusal = Refusal::Reported;
    Some(message)
}

/// Returns the shapes and types of a forward pass's outputs: of the last layer and, if `keeps`, of the input of
/// pooling.
fn outputs(sizes: Sizes, keeps: bool) -> Vec<(Shape, DType)> {
    let (Sizes { n, c_out, .. }, [rows, columns]) = (sizes, sizes.output());
    let y = Shape::from([n, c_out, rows, columns]);
    let half = Shape::from([n, c_out, rows / 2, columns / 2]);
    let shapes = match (sizes.has_pooling(), keeps) {
        (false, _) => vec![y],
        (true, false) => vec![half],
        (true, true) => vec![half, y],
    };
    shapes.into_iter().map(|shape| (shape, sizes.kind.into())).collect()
}

impl From<Kind> for DType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::F32 => Self::F32,
            Kind::Bf16 => Self::BF16,
        }
    }
}
