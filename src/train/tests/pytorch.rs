//! Tests that ten training steps agree with `PyTorch`.

use burn::backend::Flex;
use burn::module::AutodiffModule;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Tensor, TensorData};

use super::{Cpu, wave};
use crate::domain::NetworkName;
use crate::domain::arrays::Arrays;
use crate::model::network::tests::{build, drawn, residual};
use crate::model::network::{Network, StepKey};
use crate::train::epoch::train_step;
use crate::train::loss::Objective;
use crate::train::optimizer::{NetworkOptimizer, OptimizerSettings};

/// Returns the small network with weights by a formula, for images of 10×10 pixels and three classes.
fn wave_cnn() -> Network<Cpu> {
    let arrays = Arrays::from([
        ("block1.weight".into(), wave(&[32, 1, 3, 3], 0.3, 0.0)),
        ("block1.bias".into(), wave(&[32], 0.1, 1.0)),
        ("block2.weight".into(), wave(&[64, 32, 3, 3], 0.1, 2.0)),
        ("block2.bias".into(), wave(&[64], 0.1, 3.0)),
        ("dense_weight".into(), wave(&[256, 3], 0.1, 4.0)),
        ("dense_bias".into(), wave(&[3], 0.1, 5.0)),
    ]);
    drawn::<Cpu>(NetworkName::CNN, [1, 10, 10], 3, 0).load_arrays(&arrays).expect("fits")
}

/// Returns the network of residual branches with weights by a formula, for images of 9×9 pixels and three classes.
fn wave_residual() -> Network<Cpu> {
    let network = build::<Cpu>(&residual(), [2, 9, 9], 3, 0);
    // In `PyTorch`'s order of parameters.
    let order = ["conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight", "bn2.weight", "bn2.bias"];
    let order = order.into_iter().chain(["down.weight", "bn3.weight", "bn3.bias", "dense_weight", "dense_bias"]);
    let mut arrays = network.to_arrays();
    for (phase, name) in (0_u32..).zip(order) {
        let array = arrays.get_mut(name).expect("a tensor");
        let scale = name.starts_with("bn") && name.ends_with("weight");
        *array = wave(&array.shape, 0.5, f64::from(phase));
        array.values.iter_mut().for_each(|value| *value += f32::from(u8::from(scale)));
    }
    network.load_arrays(&arrays).expect("fits")
}

/// Compares with the maps of `tests/fixtures/grad_cam.py`.
#[test]
fn class_activations_agree_with_pytorch() {
    let text = include_str!("../../../tests/fixtures/grad_cam.json");
    let expected: std::collections::BTreeMap<String, Vec<Vec<f64>>> = serde_json::from_str(text).expect("the fixture");
    let table = [("cnn", wave_cnn(), [5, 1, 10, 10], 6.0, 5), ("residual", wave_residual(), [5, 2, 9, 9], 20.0, 5)];
    for (name, network, shape, phase, side) in table {
        let mut pixels = wave(&shape, 0.5, phase);
        pixels.values.iter_mut().for_each(|value| *value += 0.5);
        let images: Tensor<Cpu, 4> = pixels.to_tensor(&Default::default());
        let maps = network.class_activation(images, &[0, 1, 2, 1, 1]).expect("a convolution");
        assert_eq!(maps.dims(), [5, side, side], "{name}");
        let ours: Vec<f64> = maps.into_data().convert::<f64>().iter::<f64>().collect();
        let theirs = expected[name].concat();
        assert_eq!(ours.len(), theirs.len());
        let largest = theirs.iter().copied().fold(0.0, f64::max);
        assert!(largest > 0.0);
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!((ours - theirs).abs() <= 1e-4 * largest, "{name}: {ours} against {theirs}");
        }
    }
}

/// Compares with the trace of `tests/fixtures/cnn_trace.py`.
#[test]
fn ten_steps_agree_with_pytorch() {
    #[derive(serde::Deserialize)]
    struct Trace {
        first_logits: Vec<Vec<f64>>,
        losses: Vec<f64>,
        norms_after: std::collections::BTreeMap<String, f64>,
    }
    let trace: Trace =
        serde_json::from_str(include_str!("../../../tests/fixtures/cnn_trace.json")).expect("the fixture");
    let device = Default::default();
    let mut network = wave_cnn();
    let mut pixels = wave(&[5, 1, 10, 10], 0.5, 6.0);
    pixels.values.iter_mut().for_each(|value| *value += 0.5);
    let images: Tensor<Cpu, 4> = pixels.to_tensor(&device);
    let labels = Tensor::from_data(TensorData::new(vec![0_i32, 1, 2, 0, 1], [5]), &device);

    let close = |ours: f64, theirs: f64, what: &str| {
        assert!((ours - theirs).abs() <= 1e-4 * theirs.abs().max(0.1), "{what}: {ours} against {theirs}");
    };
    let logits = network.logits(images.clone()).into_data().convert::<f64>();
    for (ours, theirs) in logits.iter::<f64>().zip(trace.first_logits.concat()) {
        close(ours, theirs, "logit");
    }
    let loss_function = CrossEntropyLossConfig::new().init::<Cpu>(&device);
    let mut adam = NetworkOptimizer::new(OptimizerSettings::ADAM);
    for (step, theirs) in trace.losses.iter().enumerate() {
        let loss = loss_function.forward(network.logits(images.clone()), labels.clone());
        close(loss.clone().into_scalar().into(), *theirs, &format!("loss of step {step}"));
        network = adam.step(network, loss.backward(), [1e-3; 2]);
    }
    for (name, array) in network.to_arrays() {
        let norm = array.values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        close(norm, trace.norms_after[&name], &name);
    }
}

#[derive(serde::Deserialize)]
struct Trace {
    rate: f64,
    losses: Vec<f64>,
    evaluated: Vec<Vec<f64>>,
    norms_after: std::collections::BTreeMap<String, f64>,
}

/// Compares with the traces of `tests/fixtures/batch_norm_trace.py`.
#[test]
fn ten_steps_with_batch_norm_agree_with_pytorch() {
    let text = include_str!("../../../tests/fixtures/batch_norm_trace.json");
    let mut traces: std::collections::BTreeMap<String, Trace> = serde_json::from_str(text).expect("the fixture");
    let weights = Tensor::<Flex, 1>::from_data([0.5_f32, 1.0, 2.0], &Default::default());
    let adam = OptimizerSettings::ADAM;
    let descent = OptimizerSettings { kind: crate::domain::Optimizer::Sgd, weight_decay: 0.5, clip_norm: 0.0 };
    let table = [
        ("plain", adam, Objective::plain()),
        (
            "regularized",
            OptimizerSettings { weight_decay: 5.0, ..adam },
            Objective { label_smoothing: 0.2, ..Objective::plain() },
        ),
        ("descent", descent, Objective::plain()),
        ("clipped", OptimizerSettings { clip_norm: 0.1, ..descent }, Objective::plain()),
        ("weighted", adam, Objective { class_weights: Some(weights.clone()), ..Objective::plain() }),
        (
            "weighted_and_smoothed",
            adam,
            Objective { class_weights: Some(weights), label_smoothing: 0.2, ..Objective::plain() },
        ),
    ];
    for (name, settings, objective) in table {
        ten_steps(name, &traces.remove(name).expect("a trace"), settings, &objective);
    }
    assert!(traces.is_empty(), "no test for {:?}", traces.keys());
}

fn ten_steps(name: &str, trace: &Trace, settings: OptimizerSettings, objective: &Objective<Flex>) {
    let device = Default::default();
    let mut network = wave_residual();
    let mut pixels = wave(&[5, 2, 9, 9], 0.5, 20.0);
    pixels.values.iter_mut().for_each(|value| *value += 0.5);
    let images: Tensor<Flex, 4> = pixels.to_tensor(&device);
    let labels = Tensor::from_data(TensorData::new(vec![0_i32, 1, 2, 0, 1], [5]), &device);
    let close = |ours: f64, theirs: f64, what: &str| {
        assert!((ours - theirs).abs() <= 1e-4 * theirs.abs().max(0.1), "{what}: {ours} against {theirs}");
    };
    let mut optimizer = NetworkOptimizer::new(settings);
    for (step, theirs) in (1..).zip(trace.losses.iter().copied()) {
        let key = StepKey { seed: 1, epoch: 1, step };
        let (moved, loss, _) =
            train_step(network, &mut optimizer, images.clone(), labels.clone(), key, [trace.rate; 2], objective);
        network = moved;
        close(loss.into_scalar().into(), theirs, &format!("{name}: loss of step {step}"));
    }
    let logits = network.valid().logits(images).into_data().convert::<f64>();
    for (ours, theirs) in logits.iter::<f64>().zip(trace.evaluated.concat()) {
        close(ours, theirs, "logit");
    }
    let arrays = network.to_arrays();
    assert_eq!(arrays.keys().collect::<Vec<_>>(), trace.norms_after.keys().collect::<Vec<_>>());
    for (name, array) in arrays {
        let norm = array.values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        close(norm, trace.norms_after[&name], &name);
    }
}
