//! The convolution block on the CPU: from burn-flex's tensors to plain slices and back.

use burn::tensor::ops::FloatTensor;
use burn::tensor::{DType, TensorData, TensorMetadata};
use burn_flex::{Flex, FlexTensor};

use super::geometry::{Geometry, Pool, Routing};
use super::{ConvBlockBackend, ConvBlockGradients, Wanted, fused, plain, winograd};

impl ConvBlockBackend for Flex {
    fn conv_block(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, pool: Pool) -> FlexTensor {
        if !all_f32(&[&x, &weight, &bias]) {
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
        if !all_f32(&[x, weight, bias]) {
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
        let geometry = geometry(&x, &weight, routing.pool());
        let layout = Layout::of(&geometry);
        let (grad, x, weight) = (layout.read(&grad), layout.read(&x), weight.to_contiguous());
        let run = match layout {
            Layout::Planes => fused::backward,
            Layout::Pixels => winograd::backward,
        };
        let found = run(&geometry, f32s(&grad), f32s(&x), f32s(&weight), routing.codes(), wanted);
        let Geometry { n, c_in, c_out, h, w, .. } = geometry;
        ConvBlockGradients {
            x: found.x.map(|x| layout.write(x, [n, c_in, h, w])),
            parameters: found.parameters.map(|(weight, bias)| {
                (tensor(weight, [c_out, c_in, 3, 3]), FlexTensor::from_data(TensorData::new(bias, [c_out])))
            }),
        }
    }
}

fn run_forward(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    pool: Pool,
    codes: Option<&mut [u8]>,
) -> FlexTensor {
    let geometry = geometry(x, weight, pool);
    let layout = Layout::of(&geometry);
    let (x, weight, bias) = (layout.read(x), weight.to_contiguous(), bias.to_contiguous());
    if codes.is_none() && winograd::leads_in(&geometry) {
        let out = winograd::lead_in(&geometry, f32s(&x), f32s(&weight), f32s(&bias));
        return Layout::Pixels.write(out, [geometry.n, geometry.c_out, geometry.h, geometry.w]);
    }
    let run = match layout {
        Layout::Planes => fused::forward,
        Layout::Pixels => winograd::forward,
    };
    let out = run(&geometry, f32s(&x), f32s(&weight), f32s(&bias), codes);
    let (h, w) = geometry.out_size();
    layout.write(out, [geometry.n, geometry.c_out, h, w])
}

/// How images lie in memory for the arithmetic that suits a block.
#[derive(Clone, Copy)]
enum Layout {
    /// As burn's shapes say, channel by channel: `fused`.
    Planes,
    /// Pixel by pixel: `winograd`. Outside these functions it is a permuted view, so that a stack of such blocks hands
    /// images on as they are.
    Pixels,
}

impl Layout {
    fn of(geometry: &Geometry) -> Self {
        if winograd::suits(geometry) { Self::Pixels } else { Self::Planes }
    }

    /// `[n, c, h, w]` → a tensor whose numbers lie in this layout.
    fn read(self, x: &FlexTensor) -> FlexTensor {
        if let Self::Planes = self {
            return x.to_contiguous();
        }
        let turned = x.permute(&[0, 2, 3, 1]);
        if turned.is_contiguous() {
            return turned.to_contiguous();
        }
        let [images, channels, h, w] = x.shape().dims();
        let pixels = winograd::pixel_by_pixel(f32s(&x.to_contiguous()), channels, h * w);
        tensor(pixels, [images, h, w, channels])
    }

    /// Numbers in this layout → `[n, c, h, w]`.
    fn write(self, numbers: Vec<f32>, [n, c, h, w]: [usize; 4]) -> FlexTensor {
        match self {
            Self::Planes => tensor(numbers, [n, c, h, w]),
            Self::Pixels => tensor(numbers, [n, h, w, c]).permute(&[0, 3, 1, 2]),
        }
    }
}

fn tensor(numbers: Vec<f32>, shape: [usize; 4]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(numbers, shape))
}

fn geometry(x: &FlexTensor, weight: &FlexTensor, pool: Pool) -> Geometry {
    let [n, c_in, h, w] = x.shape().dims();
    Geometry { n, c_in, c_out: weight.shape()[0], h, w, pool }
}

fn all_f32(tensors: &[&FlexTensor]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype() == DType::F32)
}

fn f32s(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("made contiguous by the caller")
}
