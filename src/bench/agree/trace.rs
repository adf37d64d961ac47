//! Checks ten training steps on both devices, and checkpoints that move between them.

use burn::tensor::Tensor;

use super::networks::NetworkUnderTest;
use super::{CpuBackend, InputPair, Tolerance, on_cpu, relative};
use crate::bench::bench_inputs::BenchInputs;
use crate::bench::{BenchError, Check, Finding, ReportFinding};
use crate::domain::Optimizer;
use crate::domain::arrays::Arrays;
use crate::model::kernels::{TrainBackend, copy_to_host};
use crate::model::network::StepKey;
use crate::train::epoch::train_step;
use crate::train::loss::Objective;
use crate::train::optimizer::{NetworkOptimizer, OptimizerSettings};

const STEPS: u32 = 10;

/// An optimizer with its learning rates: of the head or of the whole network, and of pretrained layers.
#[derive(Clone, Copy)]
struct Rule {
    settings: OptimizerSettings,
    rates: [f64; 2],
}

const ADAM: Rule = Rule { settings: OptimizerSettings::ADAM, rates: [1e-4, 1e-5] };

const DESCENT: Rule = Rule {
    settings: OptimizerSettings { kind: Optimizer::Sgd, weight_decay: 5e-4, clip_norm: 0.0 },
    rates: [1e-3, 1e-4],
};

/// The results of training.
struct LossTrace {
    losses: Vec<f32>,
    parameters: Arrays,
    /// The optimizer's moments, and the number of its steps.
    moments: (Arrays, usize),
}

/// Trains `steps` steps from the initial weights, or from the results of another device.
fn train<B>(
    bench_inputs: &BenchInputs,
    rule: Rule,
    device: &B::Device,
    from: Option<&LossTrace>,
    steps: u32,
) -> Result<LossTrace, BenchError>
where
    B: TrainBackend,
{
    let subject = NetworkUnderTest::<B>::new(bench_inputs, device)?;
    let inputs = subject.inputs();
    let NetworkUnderTest { mut network, labels, .. } = subject;
    let mut optimizer: NetworkOptimizer<B> = NetworkOptimizer::new(rule.settings);
    let mut done = 0;
    if let Some(LossTrace { losses, parameters, moments }) = from {
        network = network.load_arrays(parameters)?;
        optimizer = NetworkOptimizer::load(&network, &moments.0, moments.1, rule.settings)?;
        done = u32::try_from(losses.len()).unwrap_or(u32::MAX);
    }
    let mut losses: Vec<Tensor<B::InnerBackend, 1>> = Vec::new();
    for step in done + 1..=done + steps {
        let key = StepKey { seed: 1, epoch: 1, step };
        let (moved, loss, _) =
            train_step(network, &mut optimizer, inputs.clone(), labels.clone(), key, rule.rates, &Objective::plain());
        network = moved;
        losses.push(loss);
    }
    let losses = if losses.is_empty() {
        Vec::new()
    } else {
        copy_to_host(Tensor::cat(losses, 0)).convert::<f32>().into_vec().unwrap_or_default()
    };
    let moments = optimizer.save(&network);
    Ok(LossTrace { losses, parameters: network.to_arrays(), moments })
}

/// Compares the losses of ten steps, and continues with each side's weights on the other.
pub(super) fn check<B>(
    pair: &InputPair,
    expected: Tolerance,
    device: &B::Device,
    report: ReportFinding<'_>,
) -> Result<(), BenchError>
where
    B: TrainBackend,
{
    let here = train::<B>(&pair.here, ADAM, device, None, STEPS)?;
    let rounded = expected.perturbations(&pair.cpu);
    let run_by = |rule, bench_inputs, from, steps| {
        on_cpu(|| train::<CpuBackend>(bench_inputs, rule, &Default::default(), from, steps))
    };
    let run = |bench_inputs, from, steps| run_by(ADAM, bench_inputs, from, steps);
    // Returns the largest change of the losses by rounding without other errors.
    let moved_by = |rule, losses: &[f32]| -> Result<f64, BenchError> {
        rounded.iter().try_fold(0.0, |most: f64, bench_inputs| {
            Ok(most.max(worst(&run_by(rule, bench_inputs, None, STEPS)?.losses, losses)))
        })
    };
    let cpu = run(&pair.cpu, None, STEPS)?;
    let strategy = pair.cpu.name();
    for (step, (here, cpu)) in (1..).zip(here.losses.iter().zip(&cpu.losses)) {
        let (here, cpu) = (f64::from(*here), f64::from(*cpu));
        report(Finding::Trace { strategy, step, here, cpu });
    }
    let moved = moved_by(ADAM, &cpu.losses)?;
    let error = worst(&here.losses, &cpu.losses);
    report(Finding::Check(Check::new(strategy, "losses of ten steps", error, moved, expected.bar)));

    let descended = train::<B>(&pair.here, DESCENT, device, None, STEPS)?;
    let by_cpu = run_by(DESCENT, &pair.cpu, None, STEPS)?;
    let error = worst(&descended.losses, &by_cpu.losses);
    let rounding = moved_by(DESCENT, &by_cpu.losses)?;
    report(Finding::Check(Check::new(strategy, "losses of ten steps by sgd", error, rounding, expected.bar)));

    // Loaded and saved again without a step.
    let there = run(&pair.cpu, Some(&here), 0)?;
    let back = train::<B>(&pair.here, ADAM, device, Some(&there), 0)?;
    for (part, found) in [("saved here, loaded there", &there), ("and back", &back)] {
        report(Finding::Check(Check::new(strategy, part, f64::from(u8::from(!same(found, &here))), 0.0, 0.0)));
    }
    // A further step with the device's weights, on the CPU and on the device.
    let onward = run(&pair.cpu, Some(&here), 1)?;
    let stayed = train::<B>(&pair.here, ADAM, device, Some(&here), 1)?;
    let error = worst(&stayed.losses, &onward.losses);
    report(Finding::Check(Check::new(strategy, "resumed on the other device", error, moved, expected.bar)));
    Ok(())
}

/// Returns the largest relative difference of two losses of one step.
fn worst(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() || a.is_empty() {
        return f64::NAN;
    }
    let each = a.iter().zip(b).map(|(a, b)| relative(&[*a], &[*b]));
    // `max` would skip NaN.
    each.fold(0.0, |worst, error| if error.is_nan() || error > worst { error } else { worst })
}

/// Returns whether weights and moments are equal to the last bit.
fn same(a: &LossTrace, b: &LossTrace) -> bool {
    let bits = |arrays: &Arrays| -> Vec<u32> {
        arrays.values().flat_map(|array| array.values.iter().map(|value| value.to_bits())).collect()
    };
    let all = |of: &LossTrace| (bits(&of.parameters), bits(&of.moments.0), of.moments.1);
    all(a) == all(b)
}
