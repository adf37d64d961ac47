//! Blocks, convolutions, batch norm and optimizer steps on the made-up GPU, and by burn's operations on the CPU.

use burn::backend::{Autodiff, Cuda, Flex};
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor, TensorData, TensorPrimitive};
use mien::model::kernels::{
    AdamStep, BatchNormSettings, BlockSettings, DescentStep, KernelBackend, Pool, RequiredGradients, batch_norm,
    convolution,
};

/// The inputs of a block `[n, c_in, c_out, h, w]`, channels last.
pub(crate) struct Case {
    sizes: [usize; 5],
    kernel: usize,
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    seed: u64,
}

/// Returns numbers between -1 and 1 that are multiples of 1/128, which bf16 represents exactly.
fn numbers(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f32::from(state.to_le_bytes()[5].cast_signed()) / 128.0
    };
    (0..len).map(|_| next()).collect()
}

fn tensor<B: Backend, const D: usize>(values: &[f32], shape: [usize; D], rounded: bool) -> Tensor<B, D> {
    let kind = if rounded { DType::BF16 } else { DType::F32 };
    // Sent with one dimension, because rows of a tensor with several may be padded.
    let data = TensorData::new(values.to_vec(), [values.len()]).convert_dtype(kind);
    Tensor::<B, 1>::from_data(data, (&B::Device::default(), kind)).reshape(shape)
}

fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().into_vec().expect("f32")
}

impl Case {
    pub(crate) fn new(sizes: [usize; 5], seed: u64) -> Self {
        Self::with_kernel(sizes, 3, seed)
    }

    pub(crate) fn with_kernel(sizes: [usize; 5], kernel: usize, seed: u64) -> Self {
        let [n, c_in, c_out, h, w] = sizes;
        Self {
            sizes,
            kernel,
            x: numbers(n * h * w * c_in, seed),
            weight: numbers(c_out * kernel * kernel * c_in, seed + 1),
            bias: numbers(c_out, seed + 2),
            seed,
        }
    }

    /// Returns the block's output without and with tracking, and the gradients of input, weight and bias.
    pub(crate) fn results<B: KernelBackend>(&self, pool: Pool, rounded: bool) -> Vec<Vec<f32>> {
        let [n, c_in, c_out, h, w] = self.sizes;
        let down = if pool == Pool::Max2 { 2 } else { 1 };
        let out = [n, h / down, w / down, c_out];
        let by_channels = |values: &[f32], shape: [usize; 4]| {
            let tensor = tensor::<B, 4>(values, shape, rounded).permute([0, 3, 1, 2]);
            tensor.into_primitive().tensor()
        };
        let by_pixels =
            |found| values(Tensor::<B, 4>::from_primitive(TensorPrimitive::Float(found)).permute([0, 2, 3, 1]));
        let (x, weight) = (by_channels(&self.x, [n, h, w, c_in]), by_channels(&self.weight, [c_out, 3, 3, c_in]));
        let bias = tensor::<B, 1>(&self.bias, [c_out], rounded).into_primitive().tensor();
        let grad = by_channels(&numbers(out.iter().product(), self.seed + 3), out);

        let settings = BlockSettings { relu: true, pool };
        let plain = B::conv_block(x.clone(), weight.clone(), Some(bias.clone()), settings);
        let (tracked, saved) = B::conv_block_tracked(&x, &weight, Some(&bias), settings).expect("a fused block");
        let wanted = RequiredGradients { x: true, parameters: true, bias: true };
        let found = B::conv_block_backward(grad.clone(), x.clone(), weight.clone(), &saved, wanted);
        let (of_weight, of_bias) = found.parameters.expect("gradients");
        let less = RequiredGradients { x: false, parameters: true, bias: true };
        let lowest = B::conv_block_backward(grad, x, weight, &saved, less);
        assert!(lowest.x.is_none());
        let (again, bias_again) = lowest.parameters.expect("gradients");
        let of_bias = values(Tensor::<B, 1>::from_primitive(TensorPrimitive::Float(of_bias)));
        let of_x = by_pixels(found.x.expect("a gradient"));
        let bias_again = values(Tensor::<B, 1>::from_primitive(TensorPrimitive::Float(bias_again)));
        let outputs = [by_pixels(plain), by_pixels(tracked)];
        [outputs.to_vec(), vec![of_x, by_pixels(of_weight), of_bias, by_pixels(again), bias_again]].concat()
    }

    /// Returns the output of a convolution without and with tracking, and the gradients of its input and weight, by
    /// cuDNN.
    pub(crate) fn convolution(&self, stride: usize, rounded: bool) -> Vec<Vec<f32>> {
        let ([n, c_in, c_out, h, w], kernel) = (self.sizes, self.kernel);
        let by_channels = |values: &[f32], shape: [usize; 4]| {
            tensor::<Cuda, 4>(values, shape, rounded).permute([0, 3, 1, 2]).into_primitive().tensor()
        };
        let by_pixels =
            |found| values(Tensor::<Cuda, 4>::from_primitive(TensorPrimitive::Float(found)).permute([0, 2, 3, 1]));
        let x = by_channels(&self.x, [n, h, w, c_in]);
        let weight = by_channels(&self.weight, [c_out, kernel, kernel, c_in]);
        let grad = by_channels(&self.gradient(stride), self.outputs(stride));
        let plain = Cuda::convolution(x.clone(), weight.clone(), stride);
        let tracked = Cuda::convolution_tracked(&x, &weight, stride).expect("by cuDNN");
        let wanted = RequiredGradients { x: true, parameters: true, bias: false };
        let (of_x, of_weight) = Cuda::convolution_backward(grad, x, weight, stride, wanted);
        let gradients = [of_x, of_weight].map(|found| by_pixels(found.expect("a gradient")));
        [vec![by_pixels(plain), by_pixels(tracked)], gradients.to_vec()].concat()
    }

    /// Returns the results of [`Self::convolution`] by burn's operations on the CPU.
    pub(crate) fn convolution_by_burn(&self, stride: usize) -> Vec<Vec<f32>> {
        type Cpu = Autodiff<Flex>;
        let ([n, c_in, c_out, h, w], kernel) = (self.sizes, self.kernel);
        let by_channels =
            |values: &[f32], shape: [usize; 4]| tensor::<Flex, 4>(values, shape, false).permute([0, 3, 1, 2]);
        let x = by_channels(&self.x, [n, h, w, c_in]);
        let weight = by_channels(&self.weight, [c_out, kernel, kernel, c_in]);
        let [x, weight] = [x, weight].map(|tensor| Tensor::<Cpu, 4>::from_inner(tensor).require_grad());
        let out = convolution(x.clone(), weight.clone(), stride);
        // The gradient of a sum of products with these numbers is these numbers.
        let grad = by_channels(&self.gradient(stride), self.outputs(stride));
        let gradients = (out.clone() * Tensor::from_inner(grad)).sum().backward();
        let by_pixels = |found: Tensor<Flex, 4>| values(found.permute([0, 2, 3, 1]));
        let of = |tensor: &Tensor<Cpu, 4>| by_pixels(tensor.grad(&gradients).expect("a gradient"));
        let out = by_pixels(out.inner());
        vec![out.clone(), out, of(&x), of(&weight)]
    }

    /// Returns the results of batch norm in a training step by our kernels: output, running mean and variance, and
    /// the gradients of input, scale and shift.
    pub(crate) fn batch_norm(&self, relu: bool, rounded: bool) -> Vec<Vec<f32>> {
        let [n, channels, _, h, w] = self.sizes;
        let by_channels = |values: &[f32]| {
            tensor::<Cuda, 4>(values, [n, h, w, channels], rounded).permute([0, 3, 1, 2]).into_primitive().tensor()
        };
        let vector = |values: &[f32]| tensor::<Cuda, 1>(values, [channels], false).into_primitive().tensor();
        let read = |found| values(Tensor::<Cuda, 1>::from_primitive(TensorPrimitive::Float(found)));
        let by_pixels =
            |found| values(Tensor::<Cuda, 4>::from_primitive(TensorPrimitive::Float(found)).permute([0, 2, 3, 1]));
        let (x, grad) = (by_channels(&self.x), by_channels(&numbers(self.x.len(), self.seed + 3)));
        let [scale, shift, mean, variance] = self.vectors().map(|values| vector(&values));
        let settings = BatchNormSettings { epsilon: 1e-3, momentum: 0.25, relu };
        let found = Cuda::batch_norm_tracked(&x, &scale, &shift, &[mean, variance], settings).expect("a kernel");
        let [of_x, of_scale, of_shift] = Cuda::batch_norm_backward(grad, x, [scale, shift], &found.saved);
        let [mean, variance] = found.running;
        vec![by_pixels(found.y), read(mean), read(variance), by_pixels(of_x), read(of_scale), read(of_shift)]
    }

    /// Returns the results of [`Self::batch_norm`] by burn's operations on the CPU.
    pub(crate) fn batch_norm_by_burn(&self, relu: bool) -> Vec<Vec<f32>> {
        type Cpu = Autodiff<Flex>;
        let [n, channels, _, h, w] = self.sizes;
        let by_channels = |values: &[f32]| tensor::<Flex, 4>(values, [n, h, w, channels], false).permute([0, 3, 1, 2]);
        let x = Tensor::<Cpu, 4>::from_inner(by_channels(&self.x)).require_grad();
        let vectors = self.vectors().map(|values| Tensor::<Cpu, 1>::from_inner(tensor(&values, [channels], false)));
        let [scale, shift, mean, variance] = vectors;
        let [scale, shift] = [scale, shift].map(Tensor::require_grad);
        let settings = BatchNormSettings { epsilon: 1e-3, momentum: 0.25, relu };
        let (out, running) = batch_norm(x.clone(), [scale.clone(), shift.clone()], [mean, variance], settings);
        let grad = by_channels(&numbers(self.x.len(), self.seed + 3));
        let gradients = (out.clone() * Tensor::from_inner(grad)).sum().backward();
        let by_pixels = |found: Tensor<Flex, 4>| values(found.permute([0, 2, 3, 1]));
        let [mean, variance] = running.map(|vector| values(vector.inner()));
        let of_x = by_pixels(x.grad(&gradients).expect("a gradient"));
        let [of_scale, of_shift] = [scale, shift].map(|vector| values(vector.grad(&gradients).expect("a gradient")));
        vec![by_pixels(out.inner()), mean, variance, of_x, of_scale, of_shift]
    }

    /// Returns scale, shift, running mean and running variance.
    fn vectors(&self) -> [Vec<f32>; 4] {
        let channels = self.sizes[1];
        let [scale, shift, mean, variance] = [4, 5, 6, 7].map(|seed| numbers(channels, self.seed + seed));
        [scale, shift, mean, variance.iter().map(|value| value.abs() + 0.5).collect()]
    }

    /// Returns the shape of a convolution's output, channels last.
    fn outputs(&self, stride: usize) -> [usize; 4] {
        let [n, _, c_out, h, w] = self.sizes;
        let [rows, columns] = [h, w].map(|side| (side + 2 * (self.kernel / 2) - self.kernel) / stride + 1);
        [n, rows, columns, c_out]
    }

    fn gradient(&self, stride: usize) -> Vec<f32> {
        numbers(self.outputs(stride).iter().product(), self.seed + 3)
    }
}

/// Returns a parameter, its gradient and both moments.
pub(crate) fn of_adam(len: usize, seed: u64) -> [Vec<f32>; 4] {
    let [parameter, gradient, first, second] = [0, 1, 2, 3].map(|more| numbers(len, 4 * seed + more));
    [parameter, gradient, first, second.iter().map(|value| value.abs()).collect()]
}

/// A tensor of the backend.
type Raw = burn::tensor::ops::FloatTensor<Cuda>;

/// Returns the parameter and both moments after a step on CUDA. Filters are passed and read channels last.
pub(crate) fn step_of_adam(shape: &[usize], tensors: [&[f32]; 4], step: AdamStep) -> Vec<Vec<f32>> {
    in_shape(shape, &tensors, |of| Cuda::adam_step(&of[0], &of[1], [&of[2], &of[3]], step).expect("a kernel").to_vec())
}

/// Returns the parameter and its velocity after a step on CUDA. Filters are passed and read channels last.
pub(crate) fn step_of_descent(shape: &[usize], tensors: [&[f32]; 3], step: DescentStep) -> Vec<Vec<f32>> {
    in_shape(shape, &tensors, |of| Cuda::descent_step(&of[0], &of[1], &of[2], step).expect("a kernel").to_vec())
}

fn in_shape(shape: &[usize], tensors: &[&[f32]], step: impl Fn(&[Raw]) -> Vec<Raw>) -> Vec<Vec<f32>> {
    fn turned<const D: usize>(
        tensors: &[&[f32]],
        shape: [usize; D],
        step: impl Fn(&[Raw]) -> Vec<Raw>,
        [turn, back]: [fn(Tensor<Cuda, D>) -> Tensor<Cuda, D>; 2],
    ) -> Vec<Vec<f32>> {
        let of = |values: &&[f32]| turn(tensor::<Cuda, D>(values, shape, false)).into_primitive().tensor();
        let found = step(&tensors.iter().map(of).collect::<Vec<Raw>>());
        let read = |tensor| values(back(Tensor::from_primitive(TensorPrimitive::Float(tensor))));
        found.into_iter().map(read).collect()
    }
    match *shape {
        [a] => turned(tensors, [a], step, [|tensor| tensor, |tensor| tensor]),
        [a, b] => turned(tensors, [a, b], step, [|tensor| tensor, |tensor| tensor]),
        [out, inputs, kernel, _] => {
            let turns: [fn(Tensor<Cuda, 4>) -> Tensor<Cuda, 4>; 2] =
                [|tensor| tensor.permute([0, 3, 1, 2]), |tensor| tensor.permute([0, 2, 3, 1])];
            turned(tensors, [out, kernel, kernel, inputs], step, turns)
        }
        _ => unreachable!("no parameter has another shape"),
    }
}

/// Compares results by their relative distance.
pub(crate) fn same(found: &[Vec<f32>], expected: &[Vec<f32>], bar: f32, case: &str) {
    for (part, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found.len(), expected.len(), "{case}, part {part}");
        let squares = |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>().sqrt();
        let off = squares(&mut found.iter().zip(expected).map(|(found, expected)| found - expected));
        let size = squares(&mut expected.iter().copied());
        assert!(size > 0.0 && off / size <= bar, "{case}, part {part}: {off} of {size}");
    }
}
