//! An architecture resolved for one image shape: every layer with its shapes, tensors and arithmetic.

use super::{Architecture, Layer, Op, Outputs, Unit};

/// The reason why an architecture rejects an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Pooling or a stride leaves no pixels.
    #[error("images of {width}×{height} pixels are too small for {network}: nothing is left at {layer}")]
    TooSmall {
        /// The architecture.
        network: &'static str,
        /// The layer whose output has no pixels.
        layer: String,
        /// Pixels of the image.
        width: usize,
        /// Pixels of the image.
        height: usize,
    },
    /// The square to cut out of images is larger than the images.
    #[error("a crop of {crop} pixels is larger than images of {width}×{height}: at most {}", width.min(height))]
    Crop {
        /// Pixels along a side of the square.
        crop: u32,
        /// Pixels of the image.
        width: usize,
        /// Pixels of the image.
        height: usize,
    },
    /// A layer gets an input of a wrong shape.
    #[error("the description of {network} is inconsistent: {layer} gets {channels}×{height}×{width} and takes {takes}")]
    Misfit {
        /// The architecture.
        network: &'static str,
        /// The layer.
        layer: String,
        /// Channels of the layer's input.
        channels: usize,
        /// Rows of the layer's input.
        height: usize,
        /// Columns of the layer's input.
        width: usize,
        /// The accepted input.
        takes: &'static str,
    },
    /// The branches of a residual pair end in different shapes.
    #[error(
        "the description of {network} is inconsistent: the branches that end at {layer} have outputs {body:?} and {shortcut:?}"
    )]
    Branches {
        /// The architecture.
        network: &'static str,
        /// The last layer of the body.
        layer: String,
        /// Output of the body.
        body: [usize; 3],
        /// Output of the shortcut.
        shortcut: [usize; 3],
    },
    /// No stage has this name.
    #[error("{network} has no stage '{stage}': it has {known}")]
    NoStage {
        /// The architecture.
        network: &'static str,
        /// The requested name.
        stage: String,
        /// The available stages.
        known: String,
    },
}

/// An architecture resolved for one image shape.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedNetwork {
    /// The architecture.
    pub architecture: Architecture,
    /// Channels, height and width of an image.
    pub input: [usize; 3],
    /// Every unit of every stage, in order.
    pub units: Vec<ResolvedUnit>,
}

/// A unit, and the stage that it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedUnit {
    /// The index of its stage in the architecture.
    pub stage: usize,
    /// Its layers: one, or those of `body`.
    pub body: Vec<ResolvedLayer>,
    /// The other branch of a residual pair, which may be empty; `None` for a single layer.
    pub shortcut: Option<Vec<ResolvedLayer>>,
}

/// A layer resolved for one shape. Shapes are `[channels, height, width]`; flat outputs have height and width 1.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedLayer {
    /// The first part of its tensors' names in a checkpoint.
    pub name: String,
    /// The operation.
    pub op: Op,
    /// The input shape.
    pub input: [usize; 3],
    /// The output shape.
    pub output: [usize; 3],
    /// Its tensors, in the order in which initial values are drawn.
    pub tensors: Vec<TensorSpec>,
    /// Multiply-adds for one image; only convolutions and dense layers have any.
    pub multiply_adds: u64,
}

/// A tensor of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its name in a checkpoint.
    pub name: String,
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// The role, which determines the initial values.
    pub kind: TensorKind,
}

/// The role of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorKind {
    /// Weights, drawn uniformly by Glorot's rule (Glorot & Bengio 2010).
    Weight {
        /// The number of inputs of one output.
        fan_in: usize,
        /// The number of outputs of one input.
        fan_out: usize,
    },
    /// Biases, which begin at 0.
    Bias,
    /// The factor of batch normalization, which begins at 1.
    Scale,
    /// The mean that evaluation subtracts, which begins at 0 and is no parameter.
    RunningMean,
    /// The variance that evaluation divides by, which begins at 1 and is no parameter.
    RunningVariance,
}

impl TensorKind {
    /// Returns whether the optimizer updates the tensor; other tensors are buffers.
    #[must_use]
    pub fn is_trained(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVariance)
    }
}

impl TensorSpec {
    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns whether the tensor has no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ResolvedLayer {
    /// Returns the number of weights, biases, scales and shifts, without running statistics.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.tensors.iter().filter(|tensor| tensor.kind.is_trained()).map(TensorSpec::len).sum()
    }
}

impl ResolvedUnit {
    /// Returns the unit's layers, those of branches one after the other.
    pub fn layers(&self) -> impl Iterator<Item = &ResolvedLayer> {
        self.body.iter().chain(self.shortcut.iter().flatten())
    }

    /// Returns the output shape `[channels, height, width]`.
    #[must_use]
    pub fn output(&self) -> [usize; 3] {
        self.body.last().map_or([0; 3], |layer| layer.output)
    }
}

impl Architecture {
    /// Resolves shapes, tensors and arithmetic of every layer, for images `[channels, height, width]` of `classes`
    /// classes.
    ///
    /// # Errors
    /// If the image is too small for a layer, or the layers do not fit together.
    pub fn resolve(&self, input: [usize; 3], classes: usize) -> Result<ResolvedNetwork, ResolveError> {
        let mut units = Vec::new();
        let mut shape = input;
        for (stage, described) in self.stages.iter().enumerate() {
            let head = stage + 1 == self.stages.len();
            let prefix = self.pretrained.filter(|_| !head).map_or("", |pretrained| pretrained.prefix);
            let resolver = Resolver { network: self.name, image: input, classes, prefix };
            for unit in &described.units {
                let next = match unit {
                    Unit::Layer(layer) => {
                        let body = resolver.chain(std::slice::from_ref(layer), shape)?;
                        ResolvedUnit { stage, body, shortcut: None }
                    }
                    Unit::Residual { body, shortcut } => resolver.residual(stage, body, shortcut, shape)?,
                };
                shape = next.output();
                units.push(next);
            }
        }
        Ok(ResolvedNetwork { architecture: self.clone(), input, units })
    }
}

struct Resolver<'a> {
    network: &'static str,
    image: [usize; 3],
    classes: usize,
    prefix: &'a str,
}

impl Resolver<'_> {
    fn chain(&self, layers: &[Layer], mut shape: [usize; 3]) -> Result<Vec<ResolvedLayer>, ResolveError> {
        let mut resolved = Vec::with_capacity(layers.len());
        for layer in layers {
            let next = self.layer(layer, shape)?;
            shape = next.output;
            resolved.push(next);
        }
        Ok(resolved)
    }

    fn residual(
        &self,
        stage: usize,
        body: &[Layer],
        shortcut: &[Layer],
        shape: [usize; 3],
    ) -> Result<ResolvedUnit, ResolveError> {
        let (body, shortcut) = (self.chain(body, shape)?, self.chain(shortcut, shape)?);
        let end = |branch: &[ResolvedLayer]| branch.last().map_or(shape, |layer| layer.output);
        if body.is_empty() || end(&body) != end(&shortcut) {
            let layer = body.last().map(|layer| layer.name.clone()).unwrap_or_default();
            return Err(ResolveError::Branches {
                network: self.network,
                layer,
                body: end(&body),
                shortcut: end(&shortcut),
            });
        }
        Ok(ResolvedUnit { stage, body, shortcut: Some(shortcut) })
    }

    fn layer(&self, layer: &Layer, input: [usize; 3]) -> Result<ResolvedLayer, ResolveError> {
        let [channels, height, width] = input;
        let name = format!("{}{}", self.prefix, layer.name);
        let misfit = |takes| ResolveError::Misfit {
            network: self.network,
            layer: layer.name.clone(),
            channels,
            height,
            width,
            takes,
        };
        let (mut tensors, mut multiply_adds) = (Vec::new(), 0);
        let mut tensor = |part: &str, shape: Vec<usize>, kind| {
            tensors.push(TensorSpec { name: format!("{name}{part}"), shape, kind });
        };
        let output = match layer.op {
            Op::Convolution { kernel, stride, outputs, bias } => {
                if kernel % 2 == 0 || stride == 0 || channels == 0 {
                    return Err(misfit("an odd kernel and a stride of at least 1"));
                }
                let square = kernel * kernel;
                let kind = TensorKind::Weight { fan_in: square * channels, fan_out: square * outputs };
                tensor(".weight", vec![outputs, channels, kernel, kernel], kind);
                if bias {
                    tensor(".bias", vec![outputs], TensorKind::Bias);
                }
                let output = [outputs, height.div_ceil(stride), width.div_ceil(stride)];
                multiply_adds = (square * channels * output.iter().product::<usize>()) as u64;
                output
            }
            Op::BatchNorm { .. } => {
                tensor(".weight", vec![channels], TensorKind::Scale);
                tensor(".bias", vec![channels], TensorKind::Bias);
                tensor(".running_mean", vec![channels], TensorKind::RunningMean);
                tensor(".running_var", vec![channels], TensorKind::RunningVariance);
                input
            }
            Op::MaxPool { size } => {
                if size == 0 {
                    return Err(misfit("squares of at least one pixel"));
                }
                [channels, height / size, width / size]
            }
            Op::GlobalAverage => [channels, 1, 1],
            Op::Flatten => [channels * height * width, 1, 1],
            Op::Dense { outputs } => {
                if height * width != 1 {
                    return Err(misfit("flat input: flatten or average before it"));
                }
                let outputs = match outputs {
                    Outputs::Classes => self.classes,
                    Outputs::Fixed(outputs) => outputs,
                };
                let kind = TensorKind::Weight { fan_in: channels, fan_out: outputs };
                tensor("_weight", vec![channels, outputs], kind);
                tensor("_bias", vec![outputs], TensorKind::Bias);
                multiply_adds = (channels * outputs) as u64;
                [outputs, 1, 1]
            }
            Op::Relu | Op::Standardize | Op::Dropout { .. } => input,
        };
        if output.contains(&0) {
            let [_, height, width] = self.image;
            return Err(ResolveError::TooSmall { network: self.network, layer: layer.name.clone(), width, height });
        }
        Ok(ResolvedLayer { name, op: layer.op, input, output, tensors, multiply_adds })
    }
}
