//! Tests of the fused block against burn's own operations, against differences in double precision, and against itself.

mod batch_norm;
mod vectors;
mod wide;

use burn::backend::Autodiff;
use burn::tensor::{DType, FloatDType, Tensor, TensorData, TensorPrimitive};
use burn_flex::{Flex, FlexDevice};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    BlockSettings, KernelBackend, Pool, conv_block, conv3x3_relu_maxpool2, reference_block, with_reference_kernels,
};

type Diff = Autodiff<Flex>;

/// `[n, c_in, c_out, h, w]`.
type Sizes = [usize; 5];

/// Sizes on both sides of every limit. Limits are parts of a batch, odd edges, runs and tiles of vectors, and blocks of
/// output channels.
const SIZES: [Sizes; 17] = [
    [1, 1, 1, 2, 2],
    [1, 1, 9, 3, 2],
    [2, 2, 3, 5, 7],
    [3, 3, 4, 6, 6],
    [1, 5, 9, 7, 4],
    [4, 4, 1, 2, 9],
    [35, 1, 7, 4, 5],
    [17, 3, 2, 3, 3],
    [2, 13, 17, 6, 5],
    [1, 32, 33, 4, 4],
    [2, 33, 16, 5, 4],
    [1, 70, 5, 3, 5],
    [1, 16, 40, 13, 12],
    [2, 1, 32, 48, 48],
    [2, 3, 16, 5, 6],
    [1, 2, 32, 7, 3],
    [2, 3, 48, 2, 2],
];

/// `ReLU` and pooling.
const POOLED: BlockSettings = BlockSettings { relu: true, pool: Pool::Max2 };
/// `ReLU` without pooling.
const WHOLE: BlockSettings = BlockSettings { relu: true, pool: Pool::None };

/// Whether a block has a bias, and its following operations: those of networks, and one more.
const BLOCKS: [(bool, BlockSettings); 5] = [
    (true, POOLED),
    (true, WHOLE),
    (false, BlockSettings { relu: false, pool: Pool::Max2 }),
    (false, BlockSettings { relu: false, pool: Pool::None }),
    (true, BlockSettings { relu: false, pool: Pool::Max2 }),
];

fn numbers(rng: &mut ChaCha8Rng, len: usize) -> Vec<f32> {
    (0..len).map(|_| rng.random_range(-1.0..1.0)).collect()
}

struct Case {
    x: Tensor<Diff, 4>,
    weight: Tensor<Diff, 4>,
    bias: Option<Tensor<Diff, 1>>,
    settings: BlockSettings,
}

impl Case {
    fn new([n, c_in, c_out, h, w]: Sizes, (biased, settings): (bool, BlockSettings), seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut tensor = |shape: [usize; 4]| {
            let data = TensorData::new(numbers(&mut rng, shape.iter().product()), shape);
            Tensor::from_data(data, &FlexDevice)
        };
        let (x, weight, bias) = (tensor([n, c_in, h, w]), tensor([c_out, c_in, 3, 3]), tensor([c_out, 1, 1, 1]));
        Self {
            x: x.require_grad(),
            weight: weight.require_grad(),
            bias: biased.then(|| bias.reshape([c_out]).detach().require_grad()),
            settings,
        }
    }

    fn fused(&self) -> Tensor<Diff, 4> {
        conv_block(self.x.clone(), self.weight.clone(), self.bias.clone(), self.settings)
    }

    fn plain(&self) -> Tensor<Diff, 4> {
        let [x, weight] = [&self.x, &self.weight].map(|tensor| tensor.clone().into_primitive().tensor());
        let bias = self.bias.clone().map(|bias| bias.into_primitive().tensor());
        let out = with_reference_kernels(|| reference_block::<Diff>(x, weight, bias, self.settings));
        Tensor::from_primitive(TensorPrimitive::Float(out))
    }

    /// Returns the output, then the gradients of input, weight and bias (empty without one) under a loss that weighs
    /// each output differently.
    fn results(&self, out: Tensor<Diff, 4>) -> [Vec<f32>; 4] {
        let dims = out.dims();
        let weights = numbers(&mut ChaCha8Rng::seed_from_u64(7), dims.iter().product());
        let weights = Tensor::<Diff, 4>::from_data(TensorData::new(weights, dims), &FlexDevice);
        let grads = (out.clone() * weights).sum().backward();
        [
            vec(out.inner()),
            vec(self.x.grad(&grads).expect("tracked")),
            vec(self.weight.grad(&grads).expect("tracked")),
            self.bias.as_ref().map_or_else(Vec::new, |bias| vec(bias.grad(&grads).expect("tracked"))),
        ]
    }
}

fn vec<const D: usize>(tensor: Tensor<Flex, D>) -> Vec<f32> {
    tensor.into_data().to_vec().expect("f32")
}

/// ‖a − b‖ / ‖b‖.
fn relative_error(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    difference / norm(&mut b.iter().map(|b| f64::from(*b))).max(1e-12)
}

#[test]
fn output_and_gradients_are_those_of_burns_own_operations() {
    for block in BLOCKS {
        for (sizes, seed) in SIZES.into_iter().chain(wide::SIZES).zip(0..) {
            let case = Case::new(sizes, block, seed);
            let (fused, plain) = (case.results(case.fused()), case.results(case.plain()));
            for ((fused, plain), what) in fused.iter().zip(&plain).zip(["output", "x", "weight", "bias"]) {
                let error = relative_error(fused, plain);
                assert!(error <= 1e-5, "{what} of {sizes:?} {block:?}: {error:e}");
            }
        }
    }
}

#[test]
fn a_block_without_bias_is_one_whose_bias_is_zero() {
    let settings = BLOCKS.map(|(_, settings)| settings);
    for (sizes, seed) in SIZES.into_iter().chain(wide::SIZES).zip(0..) {
        for settings in settings {
            let without = Case::new(sizes, (false, settings), seed);
            let zeros = Tensor::zeros([sizes[2]], &FlexDevice).require_grad();
            let with = Case { x: without.x.clone(), weight: without.weight.clone(), bias: Some(zeros), settings };
            let (found, expected) = (without.results(without.fused()), with.results(with.fused()));
            assert!(found[..3] == expected[..3], "{sizes:?} {settings:?}");
        }
    }
}

#[test]
fn in_bf16_the_block_computes_in_f32_and_rounds_inputs_and_outputs() {
    // bf16 has 7 bits after the first, and each rounding loses up to half of the last one.
    const ROUNDED: f64 = 1.0 / 256.0;
    for block in [(true, POOLED), (true, WHOLE)] {
        for (sizes, seed) in SIZES.into_iter().chain(wide::SIZES).zip(0..) {
            let case = Case::new(sizes, block, seed);
            let short = |values: Tensor<Diff, 4>| values.cast(FloatDType::BF16);
            let out = conv_block(short(case.x.clone()), case.weight.clone(), case.bias.clone(), case.settings);
            assert_eq!(out.dtype(), DType::BF16);
            let found = case.results(out.cast(FloatDType::F32));
            // The expected results in f32, from inputs that bf16 represents exactly.
            let exact = |values: Tensor<Diff, 4>| {
                Tensor::from_inner(short(values).cast(FloatDType::F32).inner()).require_grad()
            };
            let bias = case.bias.map(|bias| {
                let bias = bias.cast(FloatDType::BF16).cast(FloatDType::F32).inner();
                Tensor::from_inner(bias).require_grad()
            });
            let rounded = Case { x: exact(case.x), weight: exact(case.weight), bias, settings: case.settings };
            let expected = rounded.results(rounded.fused());
            for ((found, expected), what) in found.iter().zip(&expected).zip(["output", "x", "weight", "bias"]) {
                let error = relative_error(found, expected);
                assert!(error <= 2.0 * ROUNDED, "{what} of {sizes:?} {block:?}: {error:e}");
            }
            assert!(
                relative_error(&found[0], &expected[0]) > 0.0 || found[0].len() < 8,
                "nothing was rounded: {sizes:?}"
            );
        }
    }
}

#[test]
fn equal_inputs_give_equal_bits_on_any_number_of_threads() {
    let bits = |case: &Case| case.results(case.fused()).map(|v| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
    for block in BLOCKS {
        for sizes in [
            [35, 3, 20, 9, 8],
            [2, 5, 40, 6, 6],
            [7, 64, 96, 6, 6],
            [2, 96, 64, 31, 14],
            [5, 32, 64, 12, 10],
            [3, 1, 32, 9, 8],
        ] {
            let case = Case::new(sizes, block, 1);
            let first = bits(&case);
            for threads in [1, 3, 3] {
                let threads = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
                assert!(threads.install(|| bits(&case)) == first, "{sizes:?} {block:?}");
            }
        }
    }
}

#[test]
fn permuted_views_give_the_results_of_contiguous_tensors() {
    for sizes in [[3, 4, 5, 6, 8], [3, 64, 96, 6, 8], [3, 32, 64, 6, 8], [3, 3, 16, 6, 8]] {
        views_of(&Case::new(sizes, (true, POOLED), 3));
    }
}

fn views_of(case: &Case) {
    let view = Case {
        x: case.x.clone().inner().permute([3, 2, 0, 1]).into_data().into_tensor().permute([2, 3, 1, 0]).require_grad(),
        weight: Tensor::from_inner(case.weight.clone().inner().swap_dims(0, 1)).swap_dims(0, 1).detach().require_grad(),
        bias: case.bias.clone(),
        settings: case.settings,
    };
    assert_eq!(view.results(view.fused()), case.results(case.fused()));
    let narrowed = conv_block(case.x.clone().narrow(0, 1, 2), case.weight.clone(), case.bias.clone(), POOLED);
    assert_eq!(vec(narrowed.inner()), vec(case.fused().inner().narrow(0, 1, 2)));
}

trait IntoTensor {
    fn into_tensor(self) -> Tensor<Diff, 4>;
}

impl IntoTensor for TensorData {
    fn into_tensor(self) -> Tensor<Diff, 4> {
        Tensor::from_data(self, &FlexDevice)
    }
}

/// Computes the block in double precision by its definition.
fn reference([images, c_in, c_out, h, w]: Sizes, input: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let mut out = Vec::new();
    for (image, co) in (0..images).flat_map(|i| (0..c_out).map(move |co| (i, co))) {
        let pixel = |y: usize, x_at: usize| {
            let mut sum = bias[co];
            for (ci, ky, kx) in (0..c_in * 9).map(|k| (k / 9, k / 3 % 3, k % 3)) {
                let (y, x_at) = ((y + ky).wrapping_sub(1), (x_at + kx).wrapping_sub(1));
                if y < h && x_at < w {
                    sum +=
                        weight[((co * c_in + ci) * 3 + ky) * 3 + kx] * input[((image * c_in + ci) * h + y) * w + x_at];
                }
            }
            sum.max(0.0)
        };
        for (y, x) in (0..h / 2).flat_map(|y| (0..w / 2).map(move |x| (2 * y, 2 * x))) {
            out.push(pixel(y, x).max(pixel(y, x + 1)).max(pixel(y + 1, x)).max(pixel(y + 1, x + 1)));
        }
    }
    out
}

#[test]
fn gradients_are_the_slopes_of_the_definition() {
    let sizes = [2, 2, 3, 5, 4];
    let case = Case::new(sizes, (true, POOLED), 11);
    let [out, found @ ..] = case.results(case.fused());
    let double = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
    let mut inputs = [
        double(vec(case.x.clone().inner())),
        double(vec(case.weight.clone().inner())),
        double(vec(case.bias.clone().expect("one").inner())),
    ];
    let weights = double(numbers(&mut ChaCha8Rng::seed_from_u64(7), out.len()));
    let loss = |[x, weight, bias]: &[Vec<f64>; 3]| {
        reference(sizes, x, weight, bias).iter().zip(&weights).map(|(out, weight)| out * weight).sum::<f64>()
    };
    for (which, found) in found.iter().enumerate() {
        for (at, found) in found.iter().enumerate() {
            let (value, step) = (inputs[which][at], 1e-6);
            inputs[which][at] = value + step;
            let above = loss(&inputs);
            inputs[which][at] = value - step;
            let slope = (above - loss(&inputs)) / (2.0 * step);
            inputs[which][at] = value;
            assert!((slope - f64::from(*found)).abs() < 1e-5, "input {which} at {at}: {slope} and {found}");
        }
    }
}

#[test]
fn untracked_tensors_get_no_gradient_and_change_no_other() {
    let full = Case::new([3, 2, 4, 6, 6], (true, POOLED), 5);
    let [_, x_grad, weight_grad, bias_grad] = full.results(full.fused());
    for tracked in 0..8_u32 {
        let on = |bit: u32| tracked >> bit & 1 == 1;
        let case = Case {
            x: full.x.clone().detach().set_require_grad(on(0)),
            weight: full.weight.clone().detach().set_require_grad(on(1)),
            bias: full.bias.clone().map(|bias| bias.detach().set_require_grad(on(2))),
            settings: full.settings,
        };
        let out = case.fused();
        assert_eq!(vec(out.clone().inner()), vec(full.fused().inner()));
        let weights = numbers(&mut ChaCha8Rng::seed_from_u64(7), out.dims().iter().product());
        let weights = TensorData::new(weights, out.dims()).into_tensor();
        let grads = (out * weights).sum().backward();
        assert_eq!(case.x.grad(&grads).map(vec), on(0).then(|| x_grad.clone()));
        assert_eq!(case.weight.grad(&grads).map(vec), on(1).then(|| weight_grad.clone()));
        assert_eq!(case.bias.and_then(|bias| bias.grad(&grads)).map(vec), on(2).then(|| bias_grad.clone()));
    }
}

/// Returns the pooled output and the input's gradient of a kernel that copies `image`.
fn copied(image: [[f32; 2]; 2]) -> (Vec<f32>, Vec<f32>) {
    let device = FlexDevice;
    let x = Tensor::<Diff, 2>::from_data(image, &device).reshape([1, 1, 2, 2]).detach().require_grad();
    let kernel = Tensor::from_data([[[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]], &device);
    let out = conv3x3_relu_maxpool2(x.clone(), kernel, Tensor::from_data([0.0], &device));
    let grads = out.clone().sum().backward();
    (vec(out.inner()), vec(x.grad(&grads).expect("tracked")))
}

#[test]
fn the_first_of_equal_maxima_gets_the_gradient_and_a_shut_relu_none() {
    assert_eq!(copied([[1.0, 2.0], [2.0, 2.0]]), (vec![2.0], vec![0.0, 1.0, 0.0, 0.0]));
    assert_eq!(copied([[0.0, -1.0], [0.0, 0.0]]), (vec![0.0], vec![0.0; 4]));
}

#[test]
fn not_a_number_is_passed_on() {
    for at in 0..4 {
        let mut image = [[1.0, 3.0], [2.0, -1.0]];
        image[at / 2][at % 2] = f32::NAN;
        assert!(copied(image).0[0].is_nan(), "NaN at {at}");
    }
}

/// Types without a kernel differentiate burn's operations.
#[test]
fn types_without_a_kernel_use_burns_operations() {
    let case = Case::new([2, 2, 3, 4, 4], (true, POOLED), 9);
    let [x, weight] = [&case.x, &case.weight].map(|t| t.clone().cast(burn::tensor::DType::F64).detach().require_grad());
    let bias = case.bias.clone().expect("one").cast(burn::tensor::DType::F64).detach();
    let out = conv3x3_relu_maxpool2(x.clone(), weight, bias);
    assert_eq!(out.dtype(), burn::tensor::DType::F64);
    let grads = out.sum().backward();
    assert!(x.grad(&grads).is_some());
    assert!(
        Flex::conv_block_tracked(
            &x.inner().into_primitive().tensor(),
            &case.weight.inner().into_primitive().tensor(),
            case.bias.map(|bias| bias.inner().into_primitive().tensor()).as_ref(),
            POOLED
        )
        .is_none()
    );
}
