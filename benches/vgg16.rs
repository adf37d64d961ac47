//! Measures VGG16 on the CPU: each layer's forward pass, the whole base, and a training step of block 5. The frozen
//! rest runs outside the autodiff graph. One iteration is one batch; criterion's elements/s are images/s.
//!
//! `cargo bench --no-default-features --features trainer --bench vgg16`. With `-- alone base|step SIDE BATCH STEPS`,
//! prints one line with the median of so many batches. `benches/against_peers.py` runs this form in turn with
//! `PyTorch`.

mod common;

use std::hint::black_box;

use burn::backend::Autodiff;
use burn::tensor::{Distribution, Int, Tensor};
use burn_flex::{Flex, FlexDevice};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use mien::domain::arrays::{Array, Arrays};
use mien::domain::network::{Cut, ResolvedNetwork, Step, TensorKind};
use mien::domain::{NetworkName, TrainedStages};
use mien::model::frozen::FrozenPart;
use mien::model::kernels::{conv3x3_relu, conv3x3_relu_maxpool2};
use mien::model::network::{Network, StepKey};
use mien::train::epoch::train_step;
use mien::train::loss::Objective;
use mien::train::optimizer::{NetworkOptimizer, OptimizerSettings};

/// Sides of the images, and images in a batch of that side.
const SIZES: [(usize, usize); 3] = [(48, 32), (96, 16), (224, 4)];

fn vgg16(side: usize, trained: TrainedStages<'_>) -> (ResolvedNetwork, Cut) {
    let resolved = NetworkName::VGG16.architecture().resolve([3, side, side], 7).expect("large enough");
    let cut = resolved.cut(trained).expect("a stage");
    (resolved, cut)
}

/// Returns imported weights by He's rule, which preserves the variance of activations through all layers.
fn weights() -> Arrays {
    let tensor = |name: String, shape: Vec<usize>, kind| {
        let count: usize = shape.iter().product();
        let values = match kind {
            TensorKind::Weight { fan_in, .. } => {
                let deviation = (2.0 / f64::from(u32::try_from(fan_in).expect("small"))).sqrt();
                let drawn = Tensor::<Flex, 1>::random([count], Distribution::Normal(0.0, deviation), &FlexDevice);
                drawn.into_data().into_vec().expect("floats")
            }
            _ => vec![0.0; count],
        };
        (name, Array { shape, values })
    };
    let tensors = NetworkName::VGG16.architecture().pretrained_tensors();
    tensors.into_iter().map(|spec| tensor(spec.name, spec.shape, spec.kind)).collect()
}

fn pictures(side: usize, batch: usize, channels: usize) -> Tensor<Flex, 4> {
    Tensor::random([batch, channels, side, side], Distribution::Uniform(0.0, 1.0), &FlexDevice)
}

/// Returns a function that runs the whole base on a batch, down to 512 means an image.
fn base(side: usize, batch: usize) -> impl FnMut() {
    let (resolved, cut) = vgg16(side, TrainedStages::Head);
    let base = FrozenPart::<Flex>::new(&resolved, cut, &weights(), &FlexDevice).expect("fits").expect("frozen");
    let x = pictures(side, batch, 3);
    move || drop(black_box(base.forward(x.clone()).into_data()))
}

/// Returns a function that runs a training step: blocks 1 to 4 frozen, block 5 and the head trained by Adam.
fn step(side: usize, batch: usize) -> impl FnMut() {
    type B = Autodiff<Flex>;
    let (device, weights, block5) = (FlexDevice, weights(), "block5".parse().expect("a name"));
    let (resolved, cut) = vgg16(side, TrainedStages::From(&block5));
    let frozen = FrozenPart::<Flex>::new(&resolved, cut, &weights, &device).expect("fits").expect("frozen");
    let network = Network::<B>::new(resolved.plan(cut.trained()), &weights, 1, &device).expect("fits");
    let (mut network, mut adam, x) =
        (Some(network), NetworkOptimizer::new(OptimizerSettings::ADAM), pictures(side, batch, 3));
    let count = i64::try_from(batch).expect("small");
    let labels = Tensor::<Flex, 1, Int>::arange(0..count, &device).remainder_scalar(7);
    move || {
        let (now, key) = (network.take().expect("put back below"), StepKey { seed: 1, epoch: 1, step: 1 });
        let inputs = frozen.forward(x.clone());
        let (moved, loss, _) = train_step(now, &mut adam, inputs, labels.clone(), key, [1e-5; 2], &Objective::plain());
        drop(black_box(loss.into_data()));
        network = Some(moved);
    }
}

fn layers(c: &mut Criterion) {
    for (picture, batch) in SIZES {
        let mut group = c.benchmark_group(format!("layers at {picture}"));
        group.sample_size(10).throughput(Throughput::Elements(batch as u64));
        let (resolved, cut) = vgg16(picture, TrainedStages::Head);
        let (plan, weights) = (resolved.plan(cut.frozen()), weights());
        let blocks = plan.steps.iter().filter_map(|step| match step {
            Step::ConvolutionBlock { convolution, pool, .. } => Some((&plan.layers[*convolution], *pool)),
            _ => None,
        });
        for (number, (layer, pooled)) in blocks.enumerate() {
            let ([inputs, side, _], [outputs, ..]) = (layer.input, layer.output);
            let tensor = |part: usize| &weights[layer.tensors[part].name.strip_prefix("base.").expect("imported")];
            let (weight, bias) = (tensor(0).to_tensor::<Flex, 4>(&FlexDevice), tensor(1).to_tensor(&FlexDevice));
            let (block, x) = (if pooled { conv3x3_relu_maxpool2 } else { conv3x3_relu }, pictures(side, batch, inputs));
            let name = format!("{number} {inputs}→{outputs} on {side}×{side}");
            group.bench_function(name, |b| {
                b.iter(|| black_box(block(x.clone(), weight.clone(), bias.clone())));
            });
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
    let Some(words) = common::words() else {
        benches();
        return Criterion::default().configure_from_args().final_summary();
    };
    let [what, side, batch, steps] = words.as_slice() else { panic!("{words:?}: see the head of this file") };
    let [side, batch, steps] = [side, batch, steps].map(|word| common::count(word));
    let run = if what == "base" { make::<true>(side, batch) } else { make::<false>(side, batch) };
    common::timed(batch, steps, run);
}
