//! Measures the fused convolution block: the forward pass of each block of the small CNN, and whole training steps,
//! fused and by burn's own operations. One iteration is one batch; criterion's elements/s are images/s.
//!
//! `cargo bench --no-default-features --features trainer --bench cnn_step`; the peer is `PyTorch` on the same network.
//! `-- alone step|deep|block1|block2 BATCH STEPS` prints one line instead: images per second of fused training steps
//! (`deep`: of that network) or of one block's forward pass. `benches/against_peers.py` runs this form and counts its
//! instructions.

mod common;

use std::hint::black_box;

use burn::backend::Autodiff;
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Int, Tensor, activation, module};
use burn_flex::{Flex, FlexDevice};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use mien::domain::NetworkName;
use mien::model::kernels::{KernelBackend, conv3x3_relu_maxpool2, with_reference_kernels};
use mien::model::network::{Network, StepKey};
use mien::train::epoch::train_step;
use mien::train::loss::Objective;
use mien::train::optimizer::{NetworkOptimizer, OptimizerSettings};

type Block<B> = fn(Tensor<B, 4>, Tensor<B, 4>, Tensor<B, 1>) -> Tensor<B, 4>;

fn plain<B: Backend>(x: Tensor<B, 4>, weight: Tensor<B, 4>, bias: Tensor<B, 1>) -> Tensor<B, 4> {
    let options = burn::tensor::ops::ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
    let y = activation::relu(module::conv2d(x, weight, Some(bias), options));
    module::max_pool2d(y, [2, 2], [2, 2], [0, 0], [1, 1], false)
}

fn blocks<B: KernelBackend>() -> [(&'static str, Block<B>); 2] {
    [("fused", conv3x3_relu_maxpool2::<B>), ("plain", plain::<B>)]
}

/// Input channels, output channels and side of the CNN's two blocks.
const BLOCKS: [[usize; 3]; 2] = [[1, 32, 48], [32, 64, 24]];

/// Returns a function that runs a block's forward pass.
fn pass([c_in, c_out, side]: [usize; 3], batch: usize, block: Block<Flex>) -> impl FnMut() {
    let device = FlexDevice;
    let random = |shape: [usize; 4]| Tensor::<Flex, 4>::random(shape, Distribution::Uniform(-1.0, 1.0), &device);
    let (x, weight) = (random([batch, c_in, side, side]), random([c_out, c_in, 3, 3]));
    let bias = Tensor::zeros([c_out], &device);
    move || drop(black_box(block(x.clone(), weight.clone(), bias.clone())))
}

/// Returns a function that runs a training step, with the fused kernels or by burn's own operations.
fn training(name: NetworkName, batch: usize, fused: bool) -> impl FnMut() {
    type B = Autodiff<Flex>;
    let device = FlexDevice;
    let x = Tensor::<Flex, 4>::random([batch, 1, 48, 48], Distribution::Uniform(0.0, 1.0), &device);
    let count = i64::try_from(batch).expect("small");
    let labels = Tensor::<Flex, 1, Int>::arange(0..count, &device).remainder_scalar(7);
    let network = Network::<B>::from_scratch(name, [1, 48, 48], 7, 1, &device).expect("large enough");
    let mut network = Some(network);
    let mut adam = NetworkOptimizer::new(OptimizerSettings::ADAM);
    let mut step = move || {
        let now = network.take().expect("put back below");
        let key = StepKey { seed: 1, epoch: 1, step: 1 };
        let (moved, loss, _) =
            train_step(now, &mut adam, x.clone(), labels.clone(), key, [1e-3; 2], &Objective::plain());
        drop(black_box(loss.into_data()));
        network = Some(moved);
    };
    move || if fused { step() } else { with_reference_kernels(&mut step) }
}

fn forward(c: &mut Criterion) {
    for (number, shape) in BLOCKS.into_iter().enumerate() {
        let mut group = c.benchmark_group(format!("forward block {}", number + 1));
        group.throughput(Throughput::Elements(32));
        for (name, block) in blocks::<Flex>() {
            group.bench_function(name, |b| b.iter(pass(shape, 32, block)));
        }
    }
}

fn step(c: &mut Criterion) {
    let mut group = c.benchmark_group("training step");
    group.sample_size(20);
    for batch in [32, 64] {
        group.throughput(Throughput::Elements(batch as u64));
        for (name, fused) in [("fused", true), ("plain", false)] {
            group.bench_function(BenchmarkId::new(name, batch), |b| b.iter(training(NetworkName::CNN, batch, fused)));
        }
    }
}

criterion_group!(benches, forward, step);

fn main() {
    let Some(words) = common::words() else {
        benches();
        return Criterion::default().configure_from_args().final_summary();
    };
    let [what, batch, steps] = words.as_slice() else { panic!("{words:?}: see the head of this file") };
    let [batch, steps] = [batch, steps].map(|word| common::count(word));
    match what.as_str() {
        "step" => common::timed(batch, steps, training(NetworkName::CNN, batch, true)),
        "deep" => {
            let deep = NetworkName::try_from("deep".to_owned()).expect("in the catalog");
            common::timed(batch, steps, training(deep, batch, true));
        }
        "block1" => common::timed(batch, steps, pass(BLOCKS[0], batch, conv3x3_relu_maxpool2)),
        "block2" => common::timed(batch, steps, pass(BLOCKS[1], batch, conv3x3_relu_maxpool2)),
        _ => panic!("{words:?}: see the head of this file"),
    }
}
