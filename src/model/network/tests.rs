//! Tests of the network: tensors by name, seeds, and batch norm.

use burn::backend::{Autodiff, Flex};
use burn::module::{AutodiffModule, Module};
use burn::tensor::Tensor;

use super::{Network, StepKey};
use crate::domain::network::{Architecture, Layer, Op, Outputs, Stage, Unit};
use crate::domain::{NetworkName, TrainedStages};
use crate::model::parameters::{Array, Arrays};

/// Returns a network of the catalog with drawn weights, for images `[channels, height, width]`.
pub(crate) fn drawn<B: crate::model::kernels::KernelBackend>(
    name: NetworkName,
    input: [usize; 3],
    classes: usize,
    seed: u64,
) -> Network<B> {
    Network::from_scratch(name, input, classes, seed, &Default::default()).expect("large enough")
}

/// Returns a network of `architecture` with drawn weights.
pub(crate) fn build<B: crate::model::kernels::KernelBackend>(
    architecture: &Architecture,
    input: [usize; 3],
    classes: usize,
    seed: u64,
) -> Network<B> {
    let resolved = architecture.resolve(input, classes).expect("fits");
    let cut = resolved.cut(TrainedStages::All).expect("all");
    Network::new(resolved.plan(cut.trained()), &Arrays::new(), seed, &Default::default()).expect("drawn")
}

/// Returns an architecture of a residual pair with batch norm in both branches, pooling and a dense layer.
pub(crate) fn residual() -> Architecture {
    let convolution = |name: &str, kernel, stride, outputs| {
        Layer::new(name, Op::Convolution { kernel, stride, outputs, bias: false })
    };
    let norm = |name: &str| Layer::new(name, Op::BATCH_NORM);
    let body = vec![
        convolution("conv1", 3, 2, 6),
        norm("bn1"),
        Layer::new("relu1", Op::Relu),
        convolution("conv2", 3, 1, 6),
        norm("bn2"),
    ];
    let shortcut = vec![convolution("down", 1, 2, 6), norm("bn3")];
    Architecture {
        name: "residual",
        pretrained: None,
        stages: vec![
            Stage {
                name: "stage1".into(),
                units: vec![Unit::Residual { body, shortcut }, Layer::new("relu2", Op::Relu).into()],
            },
            Stage::new(
                "head",
                [Layer::new("pooled", Op::GlobalAverage), Layer::new("dense", Op::Dense { outputs: Outputs::Classes })],
            ),
        ],
    }
}

#[test]
fn tensors_come_back_by_name_and_a_misfit_is_named() {
    let network = |seed| drawn::<Flex>(NetworkName::CNN, [1, 8, 8], 3, seed);
    let arrays = network(1).to_arrays();
    assert_eq!(
        arrays.keys().map(String::as_str).collect::<Vec<_>>(),
        ["block1.bias", "block1.weight", "block2.bias", "block2.weight", "dense_bias", "dense_weight"]
    );
    assert_eq!(network(2).load_arrays(&arrays).expect("fits").to_arrays(), arrays);

    let part = Arrays::from([("dense_bias".into(), Array { shape: vec![3], values: vec![7.0; 3] })]);
    let overlaid = network(1).overlay(&part).expect("fits").to_arrays();
    assert_eq!((&overlaid["dense_bias"], &overlaid["block1.bias"]), (&part["dense_bias"], &arrays["block1.bias"]));
    let foreign = Arrays::from([("head.bias".into(), part["dense_bias"].clone())]);
    let error = network(1).overlay(&foreign).expect_err("no such tensor").to_string();
    assert_eq!(error, "there is a head.bias, which this network does not have");

    let larger = drawn::<Flex>(NetworkName::CNN, [1, 16, 8], 3, 1);
    let error = larger.load_arrays(&arrays).expect_err("another shape").to_string();
    assert_eq!(error, "dense_weight has shape [256, 3], expected [512, 3]");
}

#[test]
fn odd_sizes_and_colour_go_through() {
    let network = drawn::<Flex>(NetworkName::CNN, [3, 37, 50], 4, 1);
    assert_eq!(network.logits(Tensor::ones([2, 3, 37, 50], &Default::default())).dims(), [2, 4]);
}

#[test]
fn a_seed_decides_the_weights() {
    let logits = |seed| {
        let images = Tensor::ones([1, 1, 8, 8], &Default::default());
        drawn::<Flex>(NetworkName::CNN, [1, 8, 8], 3, seed).logits(images).into_data()
    };
    assert_eq!(logits(5), logits(5));
    assert_ne!(logits(5), logits(6));
}

#[test]
fn buffers_are_no_parameters_and_are_saved_with_them() {
    let network = build::<Autodiff<Flex>>(&residual(), [2, 9, 9], 3, 1);
    let resolved = residual().resolve([2, 9, 9], 3).expect("fits");
    assert_eq!(network.num_params(), resolved.parameters());
    let names: Vec<String> = network.to_arrays().into_keys().collect();
    assert!(names.contains(&"bn1.running_var".to_owned()) && names.len() == 3 + 3 * 4 + 2, "{names:?}");
    assert_eq!(network.parameter_names().len(), 3 + 3 * 2 + 2);

    let images = Tensor::random([4, 2, 9, 9], burn::tensor::Distribution::Uniform(-1.0, 3.0), &Default::default());
    let before = network.to_arrays();
    let (_, statistics) = network.training_logits(images.clone(), StepKey { seed: 1, epoch: 1, step: 1 });
    assert_eq!(network.to_arrays(), before, "nothing changes before the statistics are set");
    let network = network.with_statistics(statistics);
    let after = network.to_arrays();
    for (name, array) in &after {
        assert_eq!(array == &before[name], !name.contains("running"), "{name}");
    }
    // Evaluation normalizes by the saved statistics.
    let again = build::<Flex>(&residual(), [2, 9, 9], 3, 2).load_arrays(&after).expect("fits");
    let images = images.inner();
    assert_eq!(again.logits(images.clone()).into_data(), network.valid().logits(images).into_data());
}

/// `tf.image.per_image_standardization`: `(x − mean) / max(deviation, 1 / √numbers)`, with the biased deviation.
#[test]
fn standardizing_gives_each_image_mean_0_and_variance_1() {
    let architecture = NetworkName::CNN.architecture().standardizing();
    let resolved = architecture.resolve([1, 4, 4], 2).expect("large enough");
    let network =
        Network::<Flex>::new(resolved.plan(0..1), &Arrays::new(), 1, &Default::default()).expect("no weights");
    let images: Vec<f32> = (0_u8..16).map(f32::from).chain([0.5; 16]).collect();
    let images = Tensor::<Flex, 1>::from_floats(images.as_slice(), &Default::default()).reshape([2, 1, 4, 4]);
    let found: Vec<f32> = network.maps(images).into_data().into_vec().expect("floats");
    let deviation = (21.25_f32).sqrt();
    for (at, value) in (0_u8..).zip(&found[..16]) {
        assert!((value - (f32::from(at) - 7.5) / deviation).abs() < 1e-5, "{at}: {value}");
    }
    assert!(found[16..].iter().all(|value| value.abs() < 1e-6), "an even image stays even: {:?}", &found[16..]);
}
