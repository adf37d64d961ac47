//! Tests that a fault is found, and that a correct device passes.

use burn::backend::{Autodiff, Flex};

use super::agree::{Options, agree, relative};
use super::bench_inputs::{Perturbation, highest_stage, round};
use super::*;
use crate::domain::{NetworkName, Precision, Strategy};
use crate::model::device::{Device, DeviceKind};

fn cpu() -> Device {
    Device { kind: DeviceKind::Cpu, description: "a test".into(), note: None }
}

#[test]
fn a_correct_device_passes_every_check_and_each_is_reported() {
    let mut found = Vec::new();
    let options = Options { batch: Some(2), size: Some(32), weights: None, seed: 7, precision: Precision::F32 };
    let holds = agree(&cpu(), &options, &mut |finding| found.push(finding)).expect("checked");
    let checks: Vec<&Check> =
        found.iter().filter_map(|f| if let Finding::Check(check) = f { Some(check) } else { None }).collect();
    let text: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(holds && checks.iter().all(|check| check.holds), "{}", text.join("\n"));
    for of in ["arithmetic", "cnn", "deep", "features", "finetune", "pictures", "gather", "sums"] {
        assert!(checks.iter().any(|check| check.of == of), "{of}");
    }
    let gradients = |of: &str| checks.iter().filter(|c| c.of == of && c.part.starts_with("gradient")).count();
    assert_eq!(["cnn", "deep", "features", "finetune"].map(gradients), [6, 23, 4, 10]);
    assert!(
        checks.iter().any(|check| check.of == "cnn" && check.error > 0.0),
        "both sides were computed in the same way, so nothing was checked"
    );
    assert!(checks.iter().all(|check| check.bar <= 1e-2), "no bar is so low that anything passes: {}", text.join("\n"));
    assert_eq!(found.iter().filter(|finding| matches!(finding, Finding::Trace { .. })).count(), 40);
}

#[test]
#[ignore = "takes a minute: scripts/long-tests"]
fn bf16_agrees_with_f32_as_far_as_its_rounding_lets_it() {
    let mut checks = Vec::new();
    let options = Options { batch: Some(4), size: Some(32), weights: None, seed: 7, precision: Precision::Bf16 };
    let holds = agree(&cpu(), &options, &mut |finding| {
        if let Finding::Check(check) = finding {
            checks.push(check);
        }
    });
    assert!(holds.expect("checked"), "{checks:?}");
    let logits = |of: &str| checks.iter().find(|check| check.of == of && check.part == "logits").expect("checked");
    for of in ["cnn", "features", "finetune"] {
        assert!(logits(of).error > 1e-4 && logits(of).bar < 0.1, "{:?}", logits(of));
    }
}

#[test]
fn one_wrong_weight_tensor_fails() {
    for (strategy, name) in [
        (Strategy::Cnn, "block1.weight"),
        (Strategy::Features, "head.hidden_weight"),
        (Strategy::Finetune, "base.block5.conv2.weight"),
    ] {
        let failed = |change| agree::failed_with::<Autodiff<Flex>>(strategy, change, &Default::default());
        let failures = failed(Perturbation::Scaled(name, 1.01));
        for expected in ["logits", "loss", "losses of ten steps"] {
            assert!(failures.iter().any(|part| part == expected), "{name}: {failures:?}");
        }
        assert!(failures.iter().any(|part| part.starts_with("gradient")), "{name}: {failures:?}");
        if strategy == Strategy::Cnn {
            let failures = failed(Perturbation::Scaled(name, f32::NAN));
            assert!(failures.len() > 6, "NaN passes no check: {failures:?}");
        }
    }
}

#[test]
fn ten_bits_leave_bars_that_separate_right_from_wrong() {
    for strategy in [Strategy::Cnn, Strategy::Finetune] {
        let bars = agree::bars::<Autodiff<Flex>>(strategy, &Default::default());
        for (part, bar) in &bars {
            // A gradient of something else is off by about 1.
            let most = if part.starts_with("gradient") { 0.25 } else { 0.01 };
            assert!((1e-3..most).contains(bar), "{part}: {bars:?}");
        }
    }
}

#[test]
fn no_number_never_holds() {
    for (error, moved) in [(f64::NAN, 0.0), (f64::NAN, f64::NAN), (0.1, f64::NAN), (f64::INFINITY, 1e3), (1.0, 5.0)] {
        assert!(!Check::new("x", "y", error, moved, 1e-3).holds, "{error} {moved}");
    }
    assert!(Check::new("x", "y", 0.0, f64::NAN, 0.0).holds);
    assert!(relative(&[1.0, f32::NAN], &[1.0, 2.0]).is_nan() && relative(&[1.0], &[]).is_nan());
    assert!((relative(&[3.0, 4.0], &[0.0, 5.0]) - 10_f64.sqrt() / 5.0).abs() < 1e-9);
}

#[test]
fn rounding_keeps_the_given_number_of_bits() {
    assert_eq!(round(1.0 + 2_f32.powi(-11), 10).to_bits(), (1.0 + 2_f32.powi(-10)).to_bits());
    assert_eq!(round(1.0 + 2_f32.powi(-12), 10).to_bits(), 1_f32.to_bits());
    assert_eq!(round(-0.1, 23).to_bits(), (-0.1_f32).to_bits());
}

#[test]
fn speeds_are_reported_with_their_spread() {
    let options = |strategy| step::Options {
        strategy,
        network: None,
        batch: 2,
        size: 32,
        steps: 3,
        warm_up: 1,
        unfreeze: highest_stage(),
        precision: Precision::Bf16,
    };
    for strategy in [Strategy::Cnn, Strategy::Features, Strategy::Finetune] {
        let mut found = Vec::new();
        step::step(&cpu(), &options(strategy), &mut |finding| found.push(finding)).expect("measured");
        let Some(Finding::Step {
            milliseconds: [middle, least, most], images_per_second, operations_per_image, ..
        }) = found.last()
        else {
            panic!("{found:?}")
        };
        assert!(least <= middle && middle <= most && *least > 0.0 && *images_per_second > 0.0, "{found:?}");
        assert!(*operations_per_image > 1_000_000, "{found:?}");
    }
    let deep = NetworkName::from_scratch().nth(1);
    let mut found = Vec::new();
    let other = step::Options { network: deep, ..options(Strategy::Cnn) };
    step::step(&cpu(), &other, &mut |finding| found.push(finding)).expect("measured");
    assert!(matches!(found.last(), Some(Finding::Step { strategy: "deep", .. })), "{found:?}");
    let wrong = [
        step::Options { size: 8, ..options(Strategy::Features) },
        step::Options { network: deep, ..options(Strategy::Features) },
        step::Options { network: Some(NetworkName::VGG16), ..options(Strategy::Cnn) },
    ];
    for options in wrong {
        assert!(step::step(&cpu(), &options, &mut drop).is_err(), "{options:?}");
    }
    let mut found = Vec::new();
    let small = ceilings::Options { size: Some(64), mebibytes: Some(1) };
    ceilings::ceilings(&cpu(), small, &mut |finding| found.push(finding)).expect("measured");
    assert!(matches!(found[..], [Finding::Device { .. }, Finding::Product { .. }, Finding::Copy { .. }]), "{found:?}");
}

#[test]
fn every_convolution_is_measured_with_its_own_operations() {
    let mut found = Vec::new();
    let options = layers::Options { batch: Some(1), size: Some(32), precision: Precision::F32, repeats: 1 };
    layers::layers(&cpu(), options, &mut |finding| found.push(finding)).expect("measured");
    let layers = found.iter().filter_map(|finding| match finding {
        Finding::Layer { layer, side, channels, forward_milliseconds, both_milliseconds, teraflops, .. } => {
            Some((layer.as_str(), *side, *channels, [*forward_milliseconds, *both_milliseconds], *teraflops))
        }
        _ => None,
    });
    let layers: Vec<_> = layers.collect();
    let names: Vec<&str> = layers.iter().map(|layer| layer.0).collect();
    assert_eq!((names.len(), names[0], names[12]), (13, "block1.conv1", "block5.conv3"), "{names:?}");
    assert_eq!([layers[0], layers[12]].map(|layer| (layer.1, layer.2)), [(32, [3, 64]), (2, [512, 512])]);
    let vgg = NetworkName::VGG16.architecture().resolve([3, 32, 32], 7).expect("large enough");
    let all = vgg.forward_operations(vgg.cut(crate::domain::TrainedStages::Head).expect("a head").frozen());
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let share: f64 = layers.iter().map(|layer| layer.4[0] * layer.3[0][0] * 1e9).sum::<f64>() / all as f64;
    assert!((share - 1.0).abs() < 1e-9, "the operations of all layers are those of the base: {share}");
    assert!(layers::layers(&cpu(), layers::Options { repeats: 0, ..options }, &mut drop).is_err());
}
