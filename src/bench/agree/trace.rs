//! Ten steps of training side by side, and what was trained carried from device to device.

use burn::module::AutodiffModule;
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::networks::{Subject, Visit, visit};
use super::{Expected, Pair, Processor, on_the_processor, relative};
use crate::bench::{Check, Finding, Tell};
use crate::model::kernels::ConvBlockBackend;
use crate::model::parameters::{self, Arrays};
use crate::model::vgg16::StepKey;
use crate::train::classifier::Classifier;
use crate::train::epoch::train_step;
use crate::train::optimizer::{self, AdamOptimizer};

const STEPS: u32 = 10;

/// Of the head or of a whole network, and of a pretrained base.
const RATES: [f64; 2] = [1e-4, 1e-5];

/// What training came to.
struct Trained {
    losses: Vec<f32>,
    parameters: Arrays,
    /// Adam's moments, after so many steps.
    moments: (Arrays, usize),
}

/// Trains from the beginning, or goes on from what another device has trained.
struct Train<'a> {
    from: Option<&'a Trained>,
    steps: u32,
}

impl<B: AutodiffBackend> Visit<B> for Train<'_>
where
    B::InnerBackend: ConvBlockBackend,
{
    type Output = Trained;

    fn visit<M: AutodiffModule<B> + Classifier<B>>(self, subject: Subject<B, M>) -> Result<Trained, String> {
        let inputs = subject.inputs();
        let Subject { mut network, labels, .. } = subject;
        let words = |error: parameters::MismatchError| error.to_string();
        let mut adam: AdamOptimizer<M, B> = optimizer::adam();
        let mut done = 0;
        if let Some(Trained { losses, parameters, moments }) = self.from {
            network = parameters::load(network, parameters).map_err(words)?;
            adam = optimizer::load(&network, &moments.0, moments.1).map_err(words)?;
            done = u32::try_from(losses.len()).unwrap_or(u32::MAX);
        }
        let mut losses: Vec<Tensor<B::InnerBackend, 1>> = Vec::new();
        for step in done + 1..=done + self.steps {
            let key = StepKey { seed: 1, epoch: 1, step };
            let (moved, loss, _) = train_step(network, &mut adam, inputs.clone(), labels.clone(), key, RATES);
            network = moved;
            losses.push(loss);
        }
        let losses = if losses.is_empty() {
            Vec::new()
        } else {
            Tensor::cat(losses, 0).into_data().convert::<f32>().into_vec().unwrap_or_default()
        };
        let moments = optimizer::save(&adam, &network);
        Ok(Trained { losses, parameters: parameters::save(&network), moments })
    }
}

/// Holds the losses of ten steps against each other, and goes on with each side's weights on the other.
pub(super) fn check<B>(pair: &Pair, expected: Expected, device: &B::Device, tell: Tell<'_>) -> Result<(), String>
where
    B: AutodiffBackend + ConvBlockBackend,
    B::InnerBackend: ConvBlockBackend,
{
    let train = |steps| Train { from: None, steps };
    let here = visit::<B, _>(&pair.here, device, train(STEPS))?;
    let rounded = expected.moved(&pair.processor);
    let run = |material, train| on_the_processor(|| visit::<Processor, _>(material, &Default::default(), train));
    let (processor, rounded) = (run(&pair.processor, train(STEPS))?, run(&rounded, train(STEPS))?);
    let strategy = pair.processor.strategy.name();
    for (step, (here, processor)) in (1..).zip(here.losses.iter().zip(&processor.losses)) {
        let (here, processor) = (f64::from(*here), f64::from(*processor));
        tell(Finding::Trace { strategy, step, here, processor });
    }
    let moved = worst(&rounded.losses, &processor.losses);
    let error = worst(&here.losses, &processor.losses);
    tell(Finding::Check(Check::new(strategy, "losses of ten steps", error, moved, expected.bar)));

    // Loaded and saved again without a step in between.
    let carry = |from| Train { from: Some(from), steps: 0 };
    let there = run(&pair.processor, carry(&here))?;
    let back = visit::<B, _>(&pair.here, device, carry(&there))?;
    for (part, found) in [("saved here, loaded there", &there), ("and back", &back)] {
        tell(Finding::Check(Check::new(strategy, part, f64::from(u8::from(!same(found, &here))), 0.0, 0.0)));
    }
    // One step more, from here on the processor and from there on the device.
    let more = |from| Train { from: Some(from), steps: 1 };
    let onward = run(&pair.processor, more(&here))?;
    let stayed = visit::<B, _>(&pair.here, device, more(&here))?;
    let error = worst(&stayed.losses, &onward.losses);
    tell(Finding::Check(Check::new(strategy, "resumed on the other device", error, moved, expected.bar)));
    Ok(())
}

/// The largest relative difference of two losses of one step.
fn worst(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() || a.is_empty() {
        return f64::NAN;
    }
    let each = a.iter().zip(b).map(|(a, b)| relative(&[*a], &[*b]));
    // `max` would pass over what is no number.
    each.fold(0.0, |worst, error| if error.is_nan() || error > worst { error } else { worst })
}

/// Whether weights and moments are the same, to the last bit.
fn same(a: &Trained, b: &Trained) -> bool {
    let bits = |arrays: &Arrays| -> Vec<u32> {
        arrays.values().flat_map(|array| array.values.iter().map(|value| value.to_bits())).collect()
    };
    let all = |of: &Trained| (bits(&of.parameters), bits(&of.moments.0), of.moments.1);
    all(a) == all(b)
}
