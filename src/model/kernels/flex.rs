//! The kernels of the CPU backend: converts burn-flex's tensors to plain slices and back.

use std::ops::Deref;

use burn::tensor::ops::{FloatTensor, FloatTensorOps};
use burn::tensor::{DType, FloatDType, TensorData, TensorMetadata};
use burn_flex::{Flex, FlexTensor};

use super::batch_norm::{self, Saved};
use super::geometry::{BlockSettings, Geometry, Pool, PoolArgmax};
use super::scratch::{Scratch, recycle, recycled};
use super::{
    BatchNormOutput, BatchNormSettings, ConvBlockGradients, KernelBackend, RequiredGradients, fused, pixels, reference,
    reference_block, transforms, winograd,
};

impl KernelBackend for Flex {
    type Saved = PoolArgmax;
    type SavedNorm = Saved;

    fn conv_block(x: FlexTensor, weight: FlexTensor, bias: Option<FlexTensor>, settings: BlockSettings) -> FlexTensor {
        let kind = kind_of([&x, &weight].into_iter().chain(&bias));
        match kind {
            Some(DType::BF16) => to_bf16(Self::conv_block(to_f32(x), to_f32(weight), bias.map(to_f32), settings)),
            Some(DType::F32) if !reference::is_active() => run_forward(&x, &weight, bias.as_ref(), settings, None),
            _ => reference_block::<Self>(x, weight, bias, settings),
        }
    }

    fn conv_block_tracked(
        x: &FlexTensor,
        weight: &FlexTensor,
        bias: Option<&FlexTensor>,
        settings: BlockSettings,
    ) -> Option<(FlexTensor, PoolArgmax)> {
        if reference::is_active() {
            return None;
        }
        match kind_of([x, weight].into_iter().chain(bias))? {
            DType::BF16 => {
                let [x, weight] = [x, weight].map(|tensor| to_f32(tensor.clone()));
                let bias = bias.map(|bias| to_f32(bias.clone()));
                let (out, argmax) = Self::conv_block_tracked(&x, &weight, bias.as_ref(), settings)?;
                Some((to_bf16(out), argmax))
            }
            DType::F32 => {
                let geometry = geometry(x, weight, settings);
                let mut codes = vec![0; if geometry.is_plain_convolution() { 0 } else { geometry.out_len() }];
                let wanted = (!geometry.is_plain_convolution()).then_some(&mut codes[..]);
                let out = run_forward(x, weight, bias, settings, wanted);
                Some((out, PoolArgmax::new(codes, settings)))
            }
            _ => None,
        }
    }

    fn conv_block_backward(
        grad: FloatTensor<Self>,
        x: FlexTensor,
        weight: FlexTensor,
        argmax: &PoolArgmax,
        wanted: RequiredGradients,
    ) -> ConvBlockGradients<Self> {
        if x.dtype() == DType::BF16 {
            let found = Self::conv_block_backward(to_f32(grad), to_f32(x), to_f32(weight), argmax, wanted);
            let parameters = found.parameters.map(|(weight, bias)| (to_bf16(weight), to_bf16(bias)));
            return ConvBlockGradients { x: found.x.map(to_bf16), parameters };
        }
        let geometry = geometry(&x, &weight, argmax.settings());
        let (grad, x, weight) = (Pixels::of(grad), Pixels::of(x), weight.to_contiguous());
        let found = match ConvAlgorithm::of(&geometry) {
            ConvAlgorithm::Winograd => winograd::backward(&geometry, &grad, &x, f32s(&weight), argmax.codes(), wanted),
            ConvAlgorithm::Direct | ConvAlgorithm::Mixed if geometry.is_plain_convolution() => {
                fused::backward(&geometry, &grad, &x, f32s(&weight), &vec![0; geometry.out_len()], wanted)
            }
            ConvAlgorithm::Direct | ConvAlgorithm::Mixed => {
                fused::backward(&geometry, &grad, &x, f32s(&weight), argmax.codes(), wanted)
            }
        };
        grad.recycle();
        x.recycle();
        let Geometry { n, c_in, c_out, h, w, .. } = geometry;
        ConvBlockGradients {
            x: found.x.map(|x| by_pixels(x, [n, c_in, h, w])),
            parameters: found.parameters.map(|(weight, bias)| (tensor(weight, [c_out, c_in, 3, 3]), channels(bias))),
        }
    }

    fn batch_norm_tracked(
        x: &FlexTensor,
        scale: &FlexTensor,
        shift: &FlexTensor,
        running: &[FlexTensor; 2],
        settings: BatchNormSettings,
    ) -> Option<BatchNormOutput<Self>> {
        let vectors = [scale, shift, &running[0], &running[1]];
        if reference::is_active() || kind_of(vectors.into_iter()) != Some(DType::F32) || x.shape().num_elements() == 0 {
            return None;
        }
        match x.dtype() {
            DType::BF16 => {
                let found = Self::batch_norm_tracked(&to_f32(x.clone()), scale, shift, running, settings)?;
                Some(BatchNormOutput { y: to_bf16(found.y), ..found })
            }
            DType::F32 => {
                let parameters = [scale, shift].map(vector);
                let pixels = Pixels::of(x.clone());
                let found = batch_norm::forward(&pixels, &parameters, running.each_ref().map(vector), settings);
                let y = by_pixels(found.y, x.shape().dims());
                Some(BatchNormOutput { y, running: found.running.map(channels), saved: found.saved })
            }
            _ => None,
        }
    }

    fn batch_norm_backward(
        grad: FlexTensor,
        x: FlexTensor,
        parameters: [FlexTensor; 2],
        saved: &Saved,
    ) -> [FlexTensor; 3] {
        if x.dtype() == DType::BF16 {
            let [x, scale, shift] = Self::batch_norm_backward(to_f32(grad), to_f32(x), parameters, saved);
            return [to_bf16(x), scale, shift];
        }
        let shape = x.shape().dims();
        let parameters = parameters.each_ref().map(vector);
        let x = Pixels::of(x);
        let found = batch_norm::backward(Pixels::of(grad).into_numbers(), &x, &parameters, saved);
        x.recycle();
        [by_pixels(found.x, shape), channels(found.scale), channels(found.shift)]
    }

    fn batch_norm_fixed(
        x: &FlexTensor,
        parameters: &[FlexTensor; 2],
        running: &[FlexTensor; 2],
        settings: BatchNormSettings,
    ) -> Option<FlexTensor> {
        let vectors = parameters.iter().chain(running);
        if reference::is_active() || kind_of(vectors.into_iter()) != Some(DType::F32) || x.dtype() != DType::F32 {
            return None;
        }
        let [parameters, [mean, variance]] = [parameters, running].map(|pair| pair.each_ref().map(vector));
        let y = batch_norm::fixed(&Pixels::of(x.clone()), &parameters, &mean, &variance, settings);
        Some(by_pixels(y, x.shape().dims()))
    }
}

/// Returns the numbers of a vector of f32.
fn vector(tensor: &FlexTensor) -> Vec<f32> {
    f32s(&tensor.to_contiguous()).to_vec()
}

/// Returns a tensor `[channels]`.
fn channels(numbers: Vec<f32>) -> FlexTensor {
    let shape = [numbers.len()];
    FlexTensor::from_data(TensorData::new(numbers, shape))
}

/// Casts to f32, in which the kernels compute. Inputs in bf16 give results rounded to bf16, as on tensor cores.
fn to_f32(tensor: FlexTensor) -> FlexTensor {
    Flex::float_cast(tensor, FloatDType::F32)
}

fn to_bf16(tensor: FlexTensor) -> FlexTensor {
    Flex::float_cast(tensor, FloatDType::BF16)
}

fn run_forward(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: Option<&FlexTensor>,
    settings: BlockSettings,
    codes: Option<&mut [u8]>,
) -> FlexTensor {
    let geometry = geometry(x, weight, settings);
    let (weight, bias) = (weight.to_contiguous(), bias.map(FlexTensor::to_contiguous));
    let bias = bias.as_ref().map(f32s);
    let Geometry { n, c_out, h, w, .. } = geometry;
    if codes.is_none() && winograd::suits_first_layer(&geometry) {
        let out = winograd::first_layer_conv(&geometry, f32s(&x.to_contiguous()), f32s(&weight), bias);
        return by_pixels(out, [n, c_out, h, w]);
    }
    let (algorithm, (h, w)) = (ConvAlgorithm::of(&geometry), geometry.out_size());
    let x = Pixels::of(x.clone());
    let out = match algorithm {
        ConvAlgorithm::Direct => fused::forward(&geometry, &x, f32s(&weight), bias, codes),
        ConvAlgorithm::Mixed | ConvAlgorithm::Winograd => {
            winograd::forward(&geometry, &x, &transforms::of(&geometry, &weight), bias, codes)
        }
    };
    if algorithm == ConvAlgorithm::Mixed && geometry.relu {
        // In the networks of the catalog a dense layer follows, which reads channel by channel.
        return tensor(pixels::by_channel(&out, c_out, h * w), [n, c_out, h, w]);
    }
    by_pixels(out, [n, c_out, h, w])
}

/// The algorithm for a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ConvAlgorithm {
    /// `fused` in both passes.
    Direct,
    /// `winograd` in the forward pass, `fused` in the backward pass. Of the gradients behind pooling only one in four
    /// is not zero; Winograd's transforms would spread them.
    Mixed,
    /// `winograd` in both passes.
    Winograd,
}

impl ConvAlgorithm {
    fn of(geometry: &Geometry) -> Self {
        if winograd::suits(geometry) {
            Self::Winograd
        } else if winograd::suits_forward(geometry) && geometry.pool == Pool::Max2 {
            Self::Mixed
        } else {
            Self::Direct
        }
    }
}

/// The numbers of images `[n, h, w, c]`, the layout of all kernels. Tensors of this layout are permuted views, so that
/// consecutive blocks pass images on without a copy.
enum Pixels {
    /// The tensor had this layout.
    Borrowed(FlexTensor),
    Transposed(Scratch),
}

impl Pixels {
    /// Converts from `[n, c, h, w]`.
    fn of(x: FlexTensor) -> Self {
        let [_, channels, h, w] = x.shape().dims();
        let view = x.permute(&[0, 2, 3, 1]);
        if view.is_contiguous() {
            // Dropped, so that the view is the only owner.
            drop(x);
            return Self::Borrowed(view);
        }
        let x = x.to_contiguous();
        if channels == 1 {
            return Self::Borrowed(x);
        }
        Self::Transposed(pixels::by_pixel(f32s(&x), channels, h * w))
    }

    /// Returns the numbers as an owned vector.
    fn into_numbers(self) -> Vec<f32> {
        match self {
            Self::Borrowed(tensor) => take_numbers(tensor).unwrap_or_else(|tensor| f32s(&tensor).to_vec()),
            Self::Transposed(numbers) => {
                let mut own = recycled(numbers.len());
                own.copy_from_slice(&numbers);
                own
            }
        }
    }

    /// Returns the memory to the pool for tensors, if nothing else uses it.
    fn recycle(self) {
        if let Self::Borrowed(tensor) = self
            && let Ok(numbers) = take_numbers(tensor)
        {
            recycle(numbers);
        }
    }
}

/// Returns the numbers of a contiguous tensor without a copy, if nothing else uses them.
fn take_numbers(tensor: FlexTensor) -> Result<Vec<f32>, FlexTensor> {
    let whole = tensor.bytes().len() == size_of::<f32>() * tensor.shape().num_elements();
    if !whole || !tensor.is_unique() || !tensor.is_contiguous() {
        return Err(tensor);
    }
    Ok(tensor.into_data().into_vec().expect("f32"))
}

impl Deref for Pixels {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Borrowed(tensor) => f32s(tensor),
            Self::Transposed(numbers) => numbers,
        }
    }
}

/// Converts numbers `[n, h, w, c]` to a tensor `[n, c, h, w]`.
fn by_pixels(numbers: Vec<f32>, [n, c, h, w]: [usize; 4]) -> FlexTensor {
    tensor(numbers, [n, h, w, c]).permute(&[0, 3, 1, 2])
}

fn tensor(numbers: Vec<f32>, shape: [usize; 4]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(numbers, shape))
}

fn geometry(x: &FlexTensor, weight: &FlexTensor, BlockSettings { relu, pool }: BlockSettings) -> Geometry {
    let [n, c_in, h, w] = x.shape().dims();
    Geometry { n, c_in, c_out: weight.shape()[0], h, w, relu, pool }
}

/// Returns the common data type of some tensors; `None` if they differ.
fn kind_of<'a>(mut tensors: impl Iterator<Item = &'a FlexTensor>) -> Option<DType> {
    let kind = tensors.next()?.dtype();
    tensors.all(|tensor| tensor.dtype() == kind).then_some(kind)
}

/// Returns the numbers of a contiguous tensor of f32.
pub(super) fn f32s(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("made contiguous by the caller")
}
