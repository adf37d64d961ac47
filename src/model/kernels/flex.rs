//! The convolution block on the CPU: from burn-flex's tensors to plain slices and back.

use std::ops::Deref;

use burn::tensor::ops::{FloatTensor, FloatTensorOps};
use burn::tensor::{DType, FloatDType, TensorData, TensorMetadata};
use burn_flex::{Flex, FlexTensor};

use super::geometry::{Geometry, Pool, Routing};
use super::scratch::Scratch;
use super::{ConvBlockGradients, KernelBackend, Wanted, fused, pixels, plain, plainly, winograd};

impl KernelBackend for Flex {
    type Saved = Routing;
    type SavedNorm = ();

    fn conv_block(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, pool: Pool) -> FlexTensor {
        if plainly::wanted() {
            return plain::<Self>(x, weight, bias, pool);
        }
        if all(DType::BF16, &[&x, &weight, &bias]) {
            return short(Self::conv_block(full(x), full(weight), full(bias), pool));
        }
        if !all(DType::F32, &[&x, &weight, &bias]) {
            return plain::<Self>(x, weight, bias, pool);
        }
        run_forward(&x, &weight, &bias, pool, None)
    }

    fn conv_block_tracked(
        x: &FlexTensor,
        weight: &FlexTensor,
        bias: &FlexTensor,
        pool: Pool,
    ) -> Option<(FlexTensor, Routing)> {
        if plainly::wanted() {
            return None;
        }
        if all(DType::BF16, &[x, weight, bias]) {
            let [x, weight, bias] = [x, weight, bias].map(|tensor| full(tensor.clone()));
            return Self::conv_block_tracked(&x, &weight, &bias, pool).map(|(out, routing)| (short(out), routing));
        }
        if !all(DType::F32, &[x, weight, bias]) {
            return None;
        }
        let mut codes = vec![0; geometry(x, weight, pool).out_len()];
        let out = run_forward(x, weight, bias, pool, Some(&mut codes));
        Some((out, Routing::new(codes, pool)))
    }

    fn conv_block_backward(
        grad: FloatTensor<Self>,
        x: FlexTensor,
        weight: FlexTensor,
        routing: &Routing,
        wanted: Wanted,
    ) -> ConvBlockGradients<Self> {
        if x.dtype() == DType::BF16 {
            let found = Self::conv_block_backward(full(grad), full(x), full(weight), routing, wanted);
            let parameters = found.parameters.map(|(weight, bias)| (short(weight), short(bias)));
            return ConvBlockGradients { x: found.x.map(short), parameters };
        }
        let geometry = geometry(&x, &weight, routing.pool());
        let (grad, x, weight) = (Pixels::of(&grad), Pixels::of(&x), weight.to_contiguous());
        let run = match Way::of(&geometry) {
            Way::Direct | Way::Mixed => fused::backward,
            Way::Winograd => winograd::backward,
        };
        let found = run(&geometry, &grad, &x, f32s(&weight), routing.codes(), wanted);
        let Geometry { n, c_in, c_out, h, w, .. } = geometry;
        ConvBlockGradients {
            x: found.x.map(|x| by_pixels(x, [n, c_in, h, w])),
            parameters: found.parameters.map(|(weight, bias)| {
                (tensor(weight, [c_out, c_in, 3, 3]), FlexTensor::from_data(TensorData::new(bias, [c_out])))
            }),
        }
    }
}

/// As f32, in which the kernels compute: what they are given in bf16 is rounded on the way out, as a tensor core does
/// it.
fn full(tensor: FlexTensor) -> FlexTensor {
    Flex::float_cast(tensor, FloatDType::F32)
}

fn short(tensor: FlexTensor) -> FlexTensor {
    Flex::float_cast(tensor, FloatDType::BF16)
}

fn run_forward(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    pool: Pool,
    codes: Option<&mut [u8]>,
) -> FlexTensor {
    let geometry = geometry(x, weight, pool);
    let (weight, bias) = (weight.to_contiguous(), bias.to_contiguous());
    let Geometry { n, c_out, h, w, .. } = geometry;
    if codes.is_none() && winograd::leads_in(&geometry) {
        let out = winograd::lead_in(&geometry, f32s(&x.to_contiguous()), f32s(&weight), f32s(&bias));
        return by_pixels(out, [n, c_out, h, w]);
    }
    let (way, (h, w)) = (Way::of(&geometry), geometry.out_size());
    let run = match way {
        Way::Direct => fused::forward,
        Way::Mixed | Way::Winograd => winograd::forward,
    };
    let out = run(&geometry, &Pixels::of(x), f32s(&weight), f32s(&bias), codes);
    if way == Way::Mixed {
        // In the networks here a dense layer follows, which reads channel by channel.
        return tensor(pixels::by_channel(&out, c_out, h * w), [n, c_out, h, w]);
    }
    by_pixels(out, [n, c_out, h, w])
}

/// Which arithmetic suits a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `fused`, forward and back.
    Direct,
    /// Forward by `winograd`, which asks for wide layers; back by `fused`, because of a pooled output's gradients only
    /// one in four counts, and the transforms would spread them again.
    Mixed,
    /// `winograd`, forward and back.
    Winograd,
}

impl Way {
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

/// The numbers of images pixel by pixel with their channels together, which is how all kernels take and give them.
/// Outside of these functions that is a permuted view, so that a stack of blocks hands images on as they are.
enum Pixels {
    /// They lay like this.
    Lent(FlexTensor),
    Turned(Scratch),
}

impl Pixels {
    /// Of `[n, c, h, w]`.
    fn of(x: &FlexTensor) -> Self {
        let [_, channels, h, w] = x.shape().dims();
        let view = x.permute(&[0, 2, 3, 1]);
        if view.is_contiguous() {
            return Self::Lent(view.to_contiguous());
        }
        let x = x.to_contiguous();
        if channels == 1 {
            return Self::Lent(x);
        }
        Self::Turned(pixels::by_pixel(f32s(&x), channels, h * w))
    }
}

impl Deref for Pixels {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Lent(tensor) => f32s(tensor),
            Self::Turned(numbers) => numbers,
        }
    }
}

/// Numbers pixel by pixel → `[n, c, h, w]`.
fn by_pixels(numbers: Vec<f32>, [n, c, h, w]: [usize; 4]) -> FlexTensor {
    tensor(numbers, [n, h, w, c]).permute(&[0, 3, 1, 2])
}

fn tensor(numbers: Vec<f32>, shape: [usize; 4]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(numbers, shape))
}

fn geometry(x: &FlexTensor, weight: &FlexTensor, pool: Pool) -> Geometry {
    let [n, c_in, h, w] = x.shape().dims();
    Geometry { n, c_in, c_out: weight.shape()[0], h, w, pool }
}

fn all(kind: DType, tensors: &[&FlexTensor]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype() == kind)
}

fn f32s(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("made contiguous by the caller")
}
