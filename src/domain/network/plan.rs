//! The steps in which some units of a network are computed.

use std::ops::Range;

use super::{Op, ResolvedLayer, ResolvedNetwork};

/// The layers of some units, and the steps that compute them.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Every layer, in order; those of branches one after the other.
    pub layers: Vec<ResolvedLayer>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The prefix of the names of pretrained tensors; `None` if all weights are drawn.
    pub prefix: Option<&'static str>,
}

/// A step. Numbers are indices into [`Plan::layers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A 3×3 convolution, optionally followed by `ReLU` and 2×2 max pooling, in one kernel.
    ConvolutionBlock {
        /// The convolution.
        convolution: usize,
        /// Whether `ReLU` follows.
        relu: bool,
        /// Whether its output is pooled.
        pool: bool,
    },
    /// Batch norm, optionally followed by `ReLU`, in one kernel of a training step.
    BatchNorm {
        /// The batch norm.
        layer: usize,
        /// Whether `ReLU` follows.
        relu: bool,
    },
    /// A single layer.
    Layer(usize),
    /// The sum of two branches.
    Residual {
        /// The branch with the convolutions.
        body: Vec<Step>,
        /// The other branch; empty for the identity.
        shortcut: Vec<Step>,
    },
}

impl ResolvedNetwork {
    /// Returns the steps that compute these units.
    #[must_use]
    pub fn plan(&self, units: Range<usize>) -> Plan {
        let layers: Vec<ResolvedLayer> = self.layers_of(units.clone()).cloned().collect();
        let mut steps = Vec::new();
        // Adjacent units without branches are fused across units and stages.
        let (mut from, mut next) = (0, 0);
        for unit in &self.units[units] {
            let Some(shortcut) = &unit.shortcut else {
                next += unit.body.len();
                continue;
            };
            steps.extend(fuse(&layers, from..next));
            let (body, end) = (next + unit.body.len(), next + unit.body.len() + shortcut.len());
            steps.push(Step::Residual { body: fuse(&layers, next..body), shortcut: fuse(&layers, body..end) });
            (from, next) = (end, end);
        }
        steps.extend(fuse(&layers, from..next));
        Plan { layers, steps, prefix: self.architecture.pretrained.map(|pretrained| pretrained.prefix) }
    }
}

/// Returns the steps of a sequence of layers.
fn fuse(layers: &[ResolvedLayer], range: Range<usize>) -> Vec<Step> {
    let op = |index: usize| layers.get(index).filter(|_| range.contains(&index)).map(|layer| layer.op);
    let mut steps = Vec::new();
    let mut index = range.start;
    while index < range.end {
        let relu = op(index + 1) == Some(Op::Relu);
        let step = match op(index) {
            Some(Op::Convolution { kernel: 3, stride: 1, .. }) => {
                let pool = op(index + 1 + usize::from(relu)) == Some(Op::MAX_POOL2);
                Step::ConvolutionBlock { convolution: index, relu, pool }
            }
            Some(Op::BatchNorm { .. }) => Step::BatchNorm { layer: index, relu },
            _ => Step::Layer(index),
        };
        index = step.last_layer() + 1;
        steps.push(step);
    }
    steps
}

impl Step {
    /// Returns the index of the last layer that the step computes; of a sum, the last one of its body.
    fn last_layer(&self) -> usize {
        match self {
            Self::ConvolutionBlock { convolution, relu, pool } => convolution + usize::from(*relu) + usize::from(*pool),
            Self::BatchNorm { layer, relu } => layer + usize::from(*relu),
            Self::Layer(layer) => *layer,
            Self::Residual { body, .. } => body.last().map_or(0, Self::last_layer),
        }
    }
}

impl Plan {
    /// Returns the number of stored values in the outputs of all steps, for one image.
    pub(super) fn stored_numbers(&self) -> usize {
        fn sum(layers: &[ResolvedLayer], steps: &[Step]) -> usize {
            let of = |step: &Step| {
                let own: usize = layers[step.last_layer()].output.iter().product();
                match step {
                    Step::Residual { body, shortcut } => own + sum(layers, body) + sum(layers, shortcut),
                    // A GPU stores both outputs; the CPU stores one.
                    Step::ConvolutionBlock { convolution, relu: false, pool: true } => {
                        own + layers[*convolution].output.iter().product::<usize>()
                    }
                    _ => own,
                }
            };
            steps.iter().map(of).sum()
        }
        sum(&self.layers, &self.steps)
    }

    /// Returns the number of steps that compute several layers in one kernel, in all branches.
    #[must_use]
    pub fn fused_blocks(&self) -> usize {
        fn count(steps: &[Step]) -> usize {
            let of = |step: &Step| match step {
                Step::ConvolutionBlock { .. } => 1,
                Step::BatchNorm { .. } | Step::Layer(_) => 0,
                Step::Residual { body, shortcut } => count(body) + count(shortcut),
            };
            steps.iter().map(of).sum()
        }
        count(&self.steps)
    }
}
