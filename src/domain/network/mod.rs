//! Network architectures as plain values: stages of named layers. Shapes, tensors, arithmetic, memory and the layer
//! table follow from them without running the network.
//!
//! A new architecture is one file in [`catalog`] and one line in its list. Residual pairs are the only branches, so
//! `DenseNet` and Inception cannot be described.

pub mod catalog;
mod cut;
mod plan;
mod resolve;
mod stage;
mod table;
#[cfg(test)]
mod tests;

pub use cut::Cut;
pub use plan::{Plan, Step};
pub use resolve::{ResolveError, ResolvedLayer, ResolvedNetwork, ResolvedUnit, TensorKind, TensorSpec};
pub use stage::{StageName, TrainedStages};
pub use table::LayerRow;

/// The most numbers in the widest layer's output when the CPU computes a frozen part: 128 MiB of f32.
pub const FORWARD_CHUNK: usize = 32 << 20;

/// A network architecture for classification.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// The name in recipes and commands.
    pub name: &'static str,
    /// Set if training begins with imported weights; `None` if all weights are drawn.
    pub pretrained: Option<PretrainedBase>,
    /// The stages from the input up. The last one, the head, is never pretrained.
    pub stages: Vec<Stage>,
}

/// The mapping of imported weights onto an architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PretrainedBase {
    /// The prefix of a checkpoint's names before those of weights files: `base.` for `base.block1.conv1.weight`.
    pub prefix: &'static str,
    /// Channels of the images that the weights were trained on.
    pub channels: usize,
}

/// Layers that are frozen or trained together: a block of VGG, a stage of `ResNet`.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// The name in recipes, such as `block5`.
    pub name: String,
    /// The units that its input passes, in order.
    pub units: Vec<Unit>,
}

/// A layer, or two branches whose outputs are added.
#[derive(Debug, Clone, PartialEq)]
pub enum Unit {
    /// A single layer.
    Layer(Layer),
    /// The sum of `body` and `shortcut`; an empty shortcut is the identity.
    Residual {
        /// The branch with the convolutions.
        body: Vec<Layer>,
        /// The other branch.
        shortcut: Vec<Layer>,
    },
}

/// A named operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The first part of its tensors' names, without the prefix of pretrained ones.
    pub name: String,
    /// The operation.
    pub op: Op,
}

/// An operation on `[channels, height, width]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    /// A square convolution, padded with zeros so that stride 1 preserves the size.
    Convolution {
        /// Pixels along a side of the kernel; odd.
        kernel: usize,
        /// Pixels from one output to the next.
        stride: usize,
        /// Channels of the output.
        outputs: usize,
        /// Whether each output channel has a bias.
        bias: bool,
    },
    /// Batch normalization (Ioffe & Szegedy 2015) with PyTorch's running statistics: the unbiased variance, and
    /// `running = (1 − momentum) · running + momentum · batch`.
    BatchNorm {
        /// Added to the variance.
        epsilon: f32,
        /// The share of a batch in the running statistics.
        momentum: f32,
    },
    /// max(x, 0).
    Relu,
    /// The maximum of squares that do not overlap; a remainder at the right or lower edge is dropped.
    MaxPool {
        /// Pixels along a side of the square.
        size: usize,
    },
    /// Each image with mean 0 and variance 1 over all its numbers, as `(x − mean) / (deviation + ε)`.
    Standardize,
    /// The mean of each channel.
    GlobalAverage,
    /// All numbers in channel, row, column order.
    Flatten,
    /// A linear layer with bias.
    Dense {
        /// The layer's width.
        outputs: Outputs,
    },
    /// Zeroes numbers at random in training (Srivastava et al. 2014).
    Dropout {
        /// The share that is zeroed.
        rate: f32,
    },
}

/// The width of a dense layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outputs {
    /// The number of classes.
    Classes,
    /// A fixed number.
    Fixed(usize),
}

impl Layer {
    /// Returns a layer of this name.
    pub fn new(name: impl Into<String>, op: Op) -> Self {
        Self { name: name.into(), op }
    }
}

impl From<Layer> for Unit {
    fn from(layer: Layer) -> Self {
        Self::Layer(layer)
    }
}

impl Op {
    /// Returns a 3×3 convolution of stride 1 with bias.
    #[must_use]
    pub const fn convolution3(outputs: usize) -> Self {
        Self::Convolution { kernel: 3, stride: 1, outputs, bias: true }
    }

    /// Batch normalization with PyTorch's constants.
    pub const BATCH_NORM: Self = Self::BatchNorm { epsilon: 1e-5, momentum: 0.1 };

    /// 2×2 max pooling.
    pub const MAX_POOL2: Self = Self::MaxPool { size: 2 };
}

impl Stage {
    /// Returns a stage of layers without branches.
    pub fn new(name: impl Into<String>, layers: impl IntoIterator<Item = Layer>) -> Self {
        Self { name: name.into(), units: layers.into_iter().map(Unit::Layer).collect() }
    }

    /// Returns the stage's layers, those of branches one after the other.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.units.iter().flat_map(|unit| match unit {
            Unit::Layer(layer) => std::slice::from_ref(layer).iter().chain([].iter()),
            Unit::Residual { body, shortcut } => body.iter().chain(shortcut.iter()),
        })
    }
}

impl Architecture {
    /// Inserts a first layer that standardizes each image.
    #[must_use]
    pub fn standardizing(mut self) -> Self {
        if let Some(first) = self.stages.first_mut() {
            first.units.insert(0, Layer::new("standardize", Op::Standardize).into());
        }
        self
    }

    /// Returns the stages that may be frozen: all except the head.
    #[must_use]
    pub fn base(&self) -> &[Stage] {
        &self.stages[..self.stages.len() - 1]
    }

    /// Returns the index of a stage below the head; `None` for an unknown name.
    #[must_use]
    pub fn stage_index(&self, name: &StageName) -> Option<usize> {
        self.base().iter().position(|stage| stage.name == name.as_str())
    }

    /// Returns the names of the stages below the head, from the input up.
    #[must_use]
    pub fn stage_names(&self) -> impl DoubleEndedIterator<Item = StageName> {
        self.base().iter().map(StageName::of)
    }

    /// Returns whether a training step uses statistics of its batch. Padding must not enter these.
    #[must_use]
    pub fn uses_batch_statistics(&self) -> bool {
        self.stages.iter().flat_map(Stage::layers).any(|layer| matches!(layer.op, Op::BatchNorm { .. }))
    }

    /// Returns the tensors that imported weights must have, by their names there; empty if all weights are drawn.
    #[must_use]
    pub fn pretrained_tensors(&self) -> Vec<TensorSpec> {
        let Some(PretrainedBase { prefix, channels }) = self.pretrained else { return Vec::new() };
        let side = self.min_side() as usize;
        let resolved = self.resolve([channels, side, side], 1).map(|resolved| resolved.units).unwrap_or_default();
        let tensors = resolved.iter().flat_map(ResolvedUnit::layers).flat_map(|layer| &layer.tensors);
        let imported = |tensor: &TensorSpec| {
            let name = tensor.name.strip_prefix(prefix)?.to_owned();
            Some(TensorSpec { name, ..tensor.clone() })
        };
        tensors.filter_map(imported).collect()
    }

    /// Returns the smallest side of a square image for which every layer has an output, in pixels.
    #[must_use]
    pub fn min_side(&self) -> u32 {
        const MOST: u32 = 1024;
        let channels = self.pretrained.map_or(1, |pretrained| pretrained.channels);
        let fits = |side: u32| self.resolve([channels, side as usize, side as usize], 1).is_ok();
        (1..MOST).find(|side| fits(*side)).unwrap_or(MOST)
    }
}
