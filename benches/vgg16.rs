//! VGG16's blocks on the CPU: each layer's forward pass, the whole base, and a training step that fine-tunes block 5 with the
//! rest frozen and run without a graph. One iteration is one batch: images/s are criterion's elements/s.
//!
//! `cargo bench --no-default-features --features trainer --bench vgg16`. With `-- alone base|step SIDE BATCH STEPS` behind it, no
//! criterion but one line with the median of so many batches: this is what `benches/against_peers.py` runs in turn with `PyTorch`.

mod alone;

use std::hint::black_box;

use burn::backend::Autodiff;
use burn::module::{Module, Param};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, Optimizer};
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Int, Tensor, activation};
use burn_flex::{Flex, FlexDevice};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use mien::model::kernels::{ConvBlockBackend, conv3x3_relu, conv3x3_relu_maxpool2};

/// Output channels of each layer, and whether it is pooled.
const LAYERS: [(usize, bool); 13] = [
    (64, false),
    (64, true),
    (128, false),
    (128, true),
    (256, false),
    (256, false),
    (256, true),
    (512, false),
    (512, false),
    (512, true),
    (512, false),
    (512, false),
    (512, true),
];

/// The first layer of block 5.
const BLOCK_5: usize = 10;

/// Sides of the pictures, and as many as one batch of a benchmark holds.
const SIZES: [(usize, usize); 3] = [(48, 32), (96, 16), (224, 4)];

#[derive(Module, Debug)]
struct Layers<B: Backend> {
    weights: Vec<Param<Tensor<B, 4>>>,
    biases: Vec<Param<Tensor<B, 1>>>,
    first: usize,
}

impl<B: ConvBlockBackend> Layers<B> {
    fn new(layers: std::ops::Range<usize>, device: &B::Device) -> Self {
        let first = layers.start;
        let weight = |layer: usize| {
            let shape = [LAYERS[layer].0, inputs(layer), 3, 3];
            // He's: activations keep their size through all layers.
            let deviation = (2.0 / f64::from(u16::try_from(9 * shape[1]).expect("small"))).sqrt();
            Param::from_tensor(Tensor::random(shape, Distribution::Normal(0.0, deviation), device))
        };
        let bias = |layer: usize| Param::from_tensor(Tensor::zeros([LAYERS[layer].0], device));
        Self { weights: layers.clone().map(weight).collect(), biases: layers.map(bias).collect(), first }
    }

    fn forward(&self, mut x: Tensor<B, 4>) -> Tensor<B, 4> {
        for (at, (weight, bias)) in self.weights.iter().zip(&self.biases).enumerate() {
            let pooled = LAYERS[self.first + at].1;
            let block = if pooled { conv3x3_relu_maxpool2 } else { conv3x3_relu };
            x = block(x, weight.val(), bias.val());
        }
        x
    }
}

fn inputs(layer: usize) -> usize {
    if layer == 0 { 3 } else { LAYERS[layer - 1].0 }
}

fn pictures(side: usize, batch: usize, channels: usize) -> Tensor<Flex, 4> {
    Tensor::random([batch, channels, side, side], Distribution::Uniform(0.0, 1.0), &FlexDevice)
}

/// The whole base on a batch, down to 512 means a picture.
fn base(side: usize, batch: usize) -> impl FnMut() {
    let (base, x) = (Layers::<Flex>::new(0..LAYERS.len(), &FlexDevice), pictures(side, batch, 3));
    move || drop(black_box(base.forward(x.clone()).mean_dim(2).mean_dim(3).into_data()))
}

#[derive(Module, Debug)]
struct Top<B: Backend> {
    layers: Layers<B>,
    hidden: Linear<B>,
    head: Linear<B>,
}

impl<B: ConvBlockBackend> Top<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        let means = self.layers.forward(x).mean_dim(2).mean_dim(3).flatten(1, 3);
        self.head.forward(activation::relu(self.hidden.forward(means)))
    }
}

/// A training step: blocks 1 to 4 frozen, block 5 and a head trained by Adam.
fn step(side: usize, batch: usize) -> impl FnMut() {
    type B = Autodiff<Flex>;
    let device = FlexDevice;
    let (frozen, x) = (Layers::<Flex>::new(0..BLOCK_5, &device), pictures(side, batch, 3));
    let count = i64::try_from(batch).expect("small");
    let labels = Tensor::<B, 1, Int>::arange(0..count, &device).remainder_scalar(7);
    let loss = CrossEntropyLossConfig::new().init::<B>(&device);
    let (hidden, head) = (LinearConfig::new(512, 256).init(&device), LinearConfig::new(256, 7).init(&device));
    let mut model = Some(Top { layers: Layers::new(BLOCK_5..LAYERS.len(), &device), hidden, head });
    let mut adam = AdamConfig::new().init::<B, Top<B>>();
    move || {
        let features = Tensor::from_inner(frozen.forward(x.clone()));
        let top = model.take().expect("put back below");
        let loss = loss.forward(top.forward(features), labels.clone());
        let grads = GradientsParams::from_grads(loss.backward(), &top);
        model = Some(adam.step(1e-5, top, grads));
    }
}

fn layers(c: &mut Criterion) {
    for (picture, batch) in SIZES {
        let mut group = c.benchmark_group(format!("layers at {picture}"));
        group.sample_size(10).throughput(Throughput::Elements(batch as u64));
        let mut side = picture;
        for (layer, (outputs, pooled)) in LAYERS.into_iter().enumerate() {
            let (layers, x) =
                (Layers::<Flex>::new(layer..layer + 1, &FlexDevice), pictures(side, batch, inputs(layer)));
            let name = format!("{}→{outputs} on {side}×{side}", inputs(layer));
            group.bench_function(format!("{layer} {name}"), |b| b.iter(|| black_box(layers.forward(x.clone()))));
            side /= 1 + usize::from(pooled);
        }
    }
}

fn whole(c: &mut Criterion) {
    for (name, make) in [("base", make::<true> as fn(usize, usize) -> Box<dyn FnMut()>), ("step", make::<false>)] {
        let mut group = c.benchmark_group(name);
        group.sample_size(10);
        for (side, batch) in SIZES {
            let mut run = make(side, batch);
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::from_parameter(side), |b| b.iter(&mut run));
        }
    }
}

fn make<const BASE: bool>(side: usize, batch: usize) -> Box<dyn FnMut()> {
    if BASE { Box::new(base(side, batch)) } else { Box::new(step(side, batch)) }
}

criterion_group!(benches, layers, whole);

fn main() {
    let Some(words) = alone::words() else {
        benches();
        return Criterion::default().configure_from_args().final_summary();
    };
    let [what, side, batch, steps] = words.as_slice() else { panic!("{words:?}: see the head of this file") };
    let [side, batch, steps] = [side, batch, steps].map(|word| alone::count(word));
    let run = if what == "base" { make::<true>(side, batch) } else { make::<false>(side, batch) };
    alone::timed(batch, steps, run);
}
