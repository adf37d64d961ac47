//! Batch norm against burn's own operations, and against itself.

use super::super::{BatchNormSettings, batch_norm, batch_norm_fixed};
use super::*;

/// `[n, channels, h, w]` with one image, one channel, one pixel and odd heights. Some have fewer channels than a vector
/// or more than two vectors, and some several pieces.
const SHAPES: [[usize; 4]; 9] = [
    [1, 1, 1, 2],
    [2, 1, 3, 5],
    [7, 3, 1, 1],
    [1, 5, 7, 9],
    [3, 32, 5, 4],
    [2, 33, 6, 6],
    [5, 64, 21, 21],
    [2, 100, 9, 3],
    [130, 70, 2, 3],
];

struct Norm {
    x: Tensor<Diff, 4>,
    /// Scale and shift.
    parameters: [Tensor<Diff, 1>; 2],
    running: [Tensor<Diff, 1>; 2],
    settings: BatchNormSettings,
}

impl Norm {
    fn new(shape: [usize; 4], relu: bool, offset: f32) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let x = TensorData::new(numbers(&mut rng, shape.iter().product()), shape).into_tensor();
        let mut vector = |least: f32| {
            let values: Vec<f32> = numbers(&mut rng, shape[1]).into_iter().map(|number| number + least).collect();
            Tensor::<Diff, 1>::from_data(TensorData::new(values, [shape[1]]), &FlexDevice)
        };
        let parameters = [vector(0.3), vector(0.1)].map(Tensor::require_grad);
        let running = [vector(0.0), vector(1.5)];
        let settings = BatchNormSettings { epsilon: 1e-5, momentum: 0.1, relu };
        Self { x: (x + offset).detach().require_grad(), parameters, running, settings }
    }

    /// Returns the output, the running statistics, and the gradients of input, scale and shift under a loss that weighs
    /// each output differently.
    fn results(&self) -> [Vec<f32>; 6] {
        let (y, [mean, variance]) =
            batch_norm(self.x.clone(), self.parameters.clone(), self.running.clone(), self.settings);
        let weights = numbers(&mut ChaCha8Rng::seed_from_u64(7), y.dims().iter().product());
        let grads = (y.clone() * TensorData::new(weights, y.dims()).into_tensor()).sum().backward();
        let [scale, shift] = self.parameters.each_ref().map(|vector| vec(vector.grad(&grads).expect("tracked")));
        let x = vec(self.x.grad(&grads).expect("tracked"));
        [vec(y.inner()), vec(mean.inner()), vec(variance.inner()), x, scale, shift]
    }
}

const RESULTS: [&str; 6] = ["output", "mean", "variance", "x", "scale", "shift"];

#[test]
fn batch_norm_and_its_gradients_are_those_of_burns_own_operations() {
    for (shape, relu) in SHAPES.into_iter().flat_map(|shape| [(shape, false), (shape, true)]) {
        let norm = Norm::new(shape, relu, 0.5);
        let (fused, plain) = (norm.results(), with_reference_kernels(|| norm.results()));
        for ((fused, plain), what) in fused.iter().zip(&plain).zip(RESULTS) {
            let error = relative_error(fused, plain);
            // The gradients of few pixels nearly cancel.
            let most = if what == "x" { 1e-4 } else { 1e-5 };
            assert!(error <= most, "{what} of {shape:?} relu {relu}: {error:e}");
        }
    }
}

#[test]
fn batch_norm_by_given_statistics_is_that_of_burns_own_operations() {
    for (shape, relu) in SHAPES.into_iter().flat_map(|shape| [(shape, false), (shape, true)]) {
        let norm = Norm::new(shape, relu, 0.5);
        let run = || {
            let [parameters, running] = [&norm.parameters, &norm.running].map(|pair| pair.clone().map(Tensor::inner));
            vec(batch_norm_fixed(norm.x.clone().inner(), parameters, running, norm.settings))
        };
        let error = relative_error(&run(), &with_reference_kernels(run));
        assert!(error <= 1e-6, "{shape:?} relu {relu}: {error:e}");
    }
}

#[test]
fn batch_norm_gives_equal_bits_on_any_number_of_threads() {
    for shape in SHAPES {
        let norm = Norm::new(shape, true, 0.5);
        let bits = || norm.results().map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>());
        let first = bits();
        for threads in [1, 2, 3] {
            let threads = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            assert!(threads.install(bits) == first, "{shape:?}");
        }
    }
}

/// A variance computed by the sum of squares less the square of the sum would lose all its digits here.
#[test]
fn a_mean_far_from_zero_costs_the_variance_little() {
    let shape = [5, 64, 21, 21];
    let (near, far) = (Norm::new(shape, false, 0.0).results(), Norm::new(shape, false, 1000.0).results());
    let error = relative_error(&far[2], &near[2]);
    assert!(error <= 1e-4, "{error:e}");
}

#[test]
fn batch_norm_passes_not_a_number_on() {
    let norm = Norm::new([2, 3, 4, 4], true, 0.0);
    let mut values = vec(norm.x.clone().inner());
    values[20] = f32::NAN;
    let x = TensorData::new(values, norm.x.dims()).into_tensor().require_grad();
    let [y, ..] = Norm { x, ..norm }.results();
    for (at, value) in y.iter().enumerate() {
        assert_eq!(value.is_nan(), at / 16 % 3 == 1, "{at}");
    }
}
