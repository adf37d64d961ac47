//! What the fused convolution block gains: forward of each block of the small CNN, and whole training steps, fused and as
//! burn's own operations. One iteration is one batch: images/s are criterion's elements/s.
//!
//! `cargo bench --no-default-features --features trainer --bench cnn_step`; the peer is `PyTorch` on the same network. With
//! `-- alone step|block1|block2 BATCH STEPS` behind it, no criterion but one line with images per second of fused training
//! steps or of one block's forward pass: this is what `benches/against_peers.py` runs, and counts instructions of.

mod alone;

use std::hint::black_box;

use burn::backend::Autodiff;
use burn::module::{Module, Param};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, Optimizer};
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Int, Tensor, activation, module};
use burn_flex::{Flex, FlexDevice};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use mien::model::kernels::{ConvBlockBackend, conv3x3_relu_maxpool2};

type Block<B> = fn(Tensor<B, 4>, Tensor<B, 4>, Tensor<B, 1>) -> Tensor<B, 4>;

fn plain<B: Backend>(x: Tensor<B, 4>, weight: Tensor<B, 4>, bias: Tensor<B, 1>) -> Tensor<B, 4> {
    let options = burn::tensor::ops::ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
    let y = activation::relu(module::conv2d(x, weight, Some(bias), options));
    module::max_pool2d(y, [2, 2], [2, 2], [0, 0], [1, 1], false)
}

fn blocks<B: ConvBlockBackend>() -> [(&'static str, Block<B>); 2] {
    [("fused", conv3x3_relu_maxpool2::<B>), ("plain", plain::<B>)]
}

#[derive(Module, Debug)]
struct Cnn<B: Backend> {
    weights: Vec<Param<Tensor<B, 4>>>,
    biases: Vec<Param<Tensor<B, 1>>>,
    head: Linear<B>,
}

impl<B: Backend> Cnn<B> {
    fn new(device: &B::Device) -> Self {
        let blocks = [[1, 32], [32, 64]];
        let weight = |[c_in, c_out]: [usize; 2]| {
            Param::from_tensor(Tensor::random([c_out, c_in, 3, 3], Distribution::Uniform(-0.1, 0.1), device))
        };
        Self {
            weights: blocks.map(weight).into(),
            biases: blocks.map(|[_, c_out]| Param::from_tensor(Tensor::zeros([c_out], device))).into(),
            head: LinearConfig::new(9216, 7).init(device),
        }
    }

    fn forward(&self, mut x: Tensor<B, 4>, block: Block<B>) -> Tensor<B, 2> {
        for (weight, bias) in self.weights.iter().zip(&self.biases) {
            x = block(x, weight.val(), bias.val());
        }
        self.head.forward(x.flatten(1, 3))
    }
}

/// Input channels, output channels and side of the CNN's two blocks.
const BLOCKS: [[usize; 3]; 2] = [[1, 32, 48], [32, 64, 24]];

/// Forward passes of one block.
fn pass([c_in, c_out, side]: [usize; 3], batch: usize, block: Block<Flex>) -> impl FnMut() {
    let device = FlexDevice;
    let random = |shape: [usize; 4]| Tensor::<Flex, 4>::random(shape, Distribution::Uniform(-1.0, 1.0), &device);
    let (x, weight) = (random([batch, c_in, side, side]), random([c_out, c_in, 3, 3]));
    let bias = Tensor::zeros([c_out], &device);
    move || drop(black_box(block(x.clone(), weight.clone(), bias.clone())))
}

/// Training steps of the whole network.
fn training(batch: usize, block: Block<Autodiff<Flex>>) -> impl FnMut() {
    type B = Autodiff<Flex>;
    let device = FlexDevice;
    let x = Tensor::<B, 4>::random([batch, 1, 48, 48], Distribution::Uniform(0.0, 1.0), &device);
    let count = i64::try_from(batch).expect("small");
    let labels = Tensor::<B, 1, Int>::arange(0..count, &device).remainder_scalar(7);
    let loss = CrossEntropyLossConfig::new().init::<B>(&device);
    let mut model = Some(Cnn::<B>::new(&device));
    let mut adam = AdamConfig::new().init::<B, Cnn<B>>();
    move || {
        let cnn = model.take().expect("put back below");
        let loss = loss.forward(cnn.forward(x.clone(), block), labels.clone());
        let grads = GradientsParams::from_grads(loss.backward(), &cnn);
        model = Some(adam.step(1e-3, cnn, grads));
    }
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
        for (name, block) in blocks() {
            group.bench_function(BenchmarkId::new(name, batch), |b| b.iter(training(batch, block)));
        }
    }
}

criterion_group!(benches, forward, step);

fn main() {
    let Some(words) = alone::words() else {
        benches();
        return Criterion::default().configure_from_args().final_summary();
    };
    let [what, batch, steps] = words.as_slice() else { panic!("{words:?}: see the head of this file") };
    let [batch, steps] = [batch, steps].map(|word| alone::count(word));
    match what.as_str() {
        "step" => alone::timed(batch, steps, training(batch, conv3x3_relu_maxpool2)),
        "block1" => alone::timed(batch, steps, pass(BLOCKS[0], batch, conv3x3_relu_maxpool2)),
        "block2" => alone::timed(batch, steps, pass(BLOCKS[1], batch, conv3x3_relu_maxpool2)),
        _ => panic!("{words:?}: see the head of this file"),
    }
}
