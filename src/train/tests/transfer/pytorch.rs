//! Tests that features and fine-tuning agree with `PyTorch`, and of dropout.

use burn::backend::Flex;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Tensor, TensorData};

use super::{Cpu, base, frozen_part, norm, scattered, trained_part, vgg16};
use crate::domain::StageName;
use crate::model::network::StepKey;
use crate::model::parameters::Arrays;
use crate::train::optimizer::{NetworkOptimizer, OptimizerSettings};

fn head() -> Arrays {
    Arrays::from([
        ("head.hidden_weight".into(), scattered(&[512, 256], 0.1, 101)),
        ("head.hidden_bias".into(), scattered(&[256], 0.1, 102)),
        ("head.dense_weight".into(), scattered(&[256, 3], 0.2, 103)),
        ("head.dense_bias".into(), scattered(&[3], 0.1, 104)),
    ])
}

#[test]
fn features_and_fine_tuning_agree_with_pytorch() {
    #[derive(serde::Deserialize)]
    struct Trace {
        size: usize,
        unfrozen: Option<StageName>,
        rates: [f64; 2],
        features: Vec<Vec<f64>>,
        features_norm: f64,
        logits: Vec<Vec<f64>>,
        losses: Vec<f64>,
        norms_after: std::collections::BTreeMap<String, f64>,
    }
    let close = |ours: f64, theirs: f64, tolerance: f64, what: &str| {
        assert!((ours - theirs).abs() <= tolerance * theirs.abs().max(0.1), "{what}: {ours} against {theirs}");
    };
    let traces: Vec<Trace> =
        serde_json::from_str(include_str!("../../../../tests/fixtures/vgg16_trace.json")).expect("the fixture");
    let (device, weights) = (Default::default(), base());
    for trace in traces {
        let (unfrozen, size) = (trace.unfrozen.as_ref(), trace.size);
        let images = scattered(&[5, 3, size, size], 1.0, 201).to_tensor::<Flex, 4>(&device);
        let pooled = frozen_part(&weights, size, None).forward(images.clone());
        let pooled = pooled.flatten::<2>(1, 3).into_data().into_vec::<f32>().expect("floats");
        close(norm(pooled.iter().copied()), trace.features_norm, 1e-5, "norm of features");
        let some = pooled.chunks(512).flat_map(|row| row.iter().step_by(64));
        for (ours, theirs) in some.zip(trace.features.concat()) {
            close(f64::from(*ours), theirs, 1e-4, "feature");
        }

        let below = frozen_part(&weights, size, unfrozen).forward(images);
        let (resolved, cut) = vgg16(size, 3, unfrozen);
        assert_eq!(below.dims()[1..], resolved.trained_input(cut));
        let below = Tensor::<Cpu, 4>::from_inner(below);
        let network = trained_part::<Cpu>(&weights, size, unfrozen, 3, 0);
        let mut network = network.overlay(&head()).expect("fits");
        let logits = network.logits(below.clone()).into_data().convert::<f64>();
        for (ours, theirs) in logits.iter::<f64>().zip(trace.logits.concat()) {
            close(ours, theirs, 1e-4, "logit");
        }
        let labels = Tensor::from_data(TensorData::new(vec![0_i32, 1, 2, 0, 1], [5]), &device);
        let loss_function = CrossEntropyLossConfig::new().init::<Cpu>(&device);
        let mut adam = NetworkOptimizer::new(OptimizerSettings::ADAM);
        for (step, theirs) in trace.losses.iter().enumerate() {
            let loss = loss_function.forward(network.logits(below.clone()), labels.clone());
            close(loss.clone().into_scalar().into(), *theirs, 1e-3, &format!("{unfrozen:?}: loss of step {step}"));
            network = adam.step(network, loss.backward(), trace.rates);
        }
        let after = network.to_arrays();
        assert_eq!(after.keys().collect::<Vec<_>>(), trace.norms_after.keys().collect::<Vec<_>>());
        for (name, array) in after {
            close(norm(array.values), trace.norms_after[&name], 1e-4, &name);
        }
    }
}

#[test]
fn dropout_halves_and_keeps_the_mean_and_is_drawn_by_its_key() {
    let network = trained_part::<Flex>(&base(), 32, None, 3, 1);
    let inputs = scattered(&[64, 512, 1, 1], 1.0, 9).to_tensor::<Flex, 4>(&Default::default());
    let logits = |key: Option<StepKey>| {
        let logits = match key {
            Some(key) => network.training_logits(inputs.clone(), key).0,
            None => network.logits(inputs.clone()),
        };
        logits.into_data().into_vec::<f32>().expect("floats")
    };
    let key = StepKey { seed: 3, epoch: 2, step: 1 };
    assert_eq!(logits(Some(key)), logits(Some(key)));
    for other in [StepKey { seed: 4, ..key }, StepKey { epoch: 1, ..key }, StepKey { step: 2, ..key }] {
        assert_ne!(logits(Some(other)), logits(Some(key)));
    }
    // Over many draws the mean of dropout approaches the evaluation.
    let mut mean = vec![0.0; 64 * 3];
    for step in 1..=400 {
        logits(Some(StepKey { step, ..key })).iter().zip(&mut mean).for_each(|(logit, sum)| *sum += logit / 400.0);
    }
    let plain = logits(None);
    let error: Vec<f32> = mean.iter().zip(&plain).map(|(mean, plain)| mean - plain).collect();
    assert!(norm(error) < 0.1 * norm(plain), "the mean of dropout is off");
}
