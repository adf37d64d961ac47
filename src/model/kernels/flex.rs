//! The convolution block on the CPU: from burn-flex's tensors to plain slices and back.

use burn::tensor::ops::FloatTensor;
use burn::tensor::{DType, TensorData, TensorMetadata};
use burn_flex::{Flex, FlexTensor};

use super::fused::{self, Geometry, Pool, Routing};
use super::{ConvBlockBackend, ConvBlockGradients, Wanted, plain};

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
        let (x_shape, weight_shape) = (x.shape(), weight.shape());
        let (grad, x, weight) = (grad.to_contiguous(), x.to_contiguous(), weight.to_contiguous());
        let found = fused::backward(&geometry, f32s(&grad), f32s(&x), f32s(&weight), routing, wanted);
        ConvBlockGradients {
            x: found.x.map(|x| FlexTensor::from_data(TensorData::new(x, x_shape))),
            parameters: found.parameters.map(|(weight, bias)| {
                (
                    FlexTensor::from_data(TensorData::new(weight, weight_shape)),
                    FlexTensor::from_data(TensorData::new(bias, [geometry.c_out])),
                )
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
    let (x, weight, bias) = (x.to_contiguous(), weight.to_contiguous(), bias.to_contiguous());
    let out = fused::forward(&geometry, f32s(&x), f32s(&weight), f32s(&bias), codes);
    let (h, w) = geometry.out_size();
    FlexTensor::from_data(TensorData::new(out, [geometry.n, geometry.c_out, h, w]))
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
