//! The weights of a network's layers, by name and as arrays.

use burn::module::{Module, Param, ParamId};
use burn::tensor::{Tensor, backend::Backend};

use super::Training;
use crate::domain::network::TensorSpec;
use crate::model::kernels::{BatchNormSettings, KernelBackend, batch_norm, batch_norm_fixed};
use crate::model::parameters::{Array, Arrays, MismatchError};

/// The tensors of one layer.
#[derive(Module, Debug)]
pub enum Weights<B: Backend> {
    /// A convolution.
    Convolution(ConvolutionWeights<B>),
    /// A dense layer.
    Dense(DenseWeights<B>),
    /// Batch norm.
    BatchNorm(BatchNormWeights<B>),
}

/// The tensors of a convolution.
#[derive(Module, Debug)]
pub struct ConvolutionWeights<B: Backend> {
    /// `[out, in, kernel, kernel]`.
    pub(super) weight: Param<Tensor<B, 4>>,
    /// `[out]`.
    pub(super) bias: Option<Param<Tensor<B, 1>>>,
}

/// The tensors of a dense layer.
#[derive(Module, Debug)]
pub struct DenseWeights<B: Backend> {
    /// `[in, out]`.
    pub(super) weight: Param<Tensor<B, 2>>,
    /// `[out]`.
    pub(super) bias: Param<Tensor<B, 1>>,
}

/// The tensors of batch norm, `[channels]` each.
#[derive(Module, Debug)]
pub struct BatchNormWeights<B: Backend> {
    pub(super) scale: Param<Tensor<B, 1>>,
    pub(super) shift: Param<Tensor<B, 1>>,
    /// A buffer, no parameter.
    pub(super) running_mean: Tensor<B, 1>,
    /// A buffer, no parameter.
    pub(super) running_variance: Tensor<B, 1>,
}

/// The running statistics of a batch norm layer after a training step, `[channels]` each.
#[derive(Debug, Clone)]
pub struct RunningStatistics<B: Backend> {
    pub(super) layer: usize,
    pub(super) mean: Tensor<B, 1>,
    pub(super) variance: Tensor<B, 1>,
}

impl<B: Backend> Weights<B> {
    /// Builds the weights of one layer from `arrays`; `None` for a layer without tensors.
    pub(super) fn load(
        tensors: &[TensorSpec],
        arrays: &Arrays,
        device: &B::Device,
    ) -> Result<Option<Self>, MismatchError> {
        let array = |tensor: &TensorSpec| find(arrays, &tensor.name, &tensor.shape);
        let vector = |tensor: &TensorSpec| Ok(array(tensor)?.to_tensor::<B, 1>(device));
        Ok(Some(match tensors {
            [] => return Ok(None),
            [weight, bias @ ..] if weight.shape.len() == 4 => Self::Convolution(ConvolutionWeights {
                weight: Param::from_tensor(array(weight)?.to_tensor(device)),
                bias: bias.first().map(vector).transpose()?.map(Param::from_tensor),
            }),
            [weight, bias] => Self::Dense(DenseWeights {
                weight: Param::from_tensor(array(weight)?.to_tensor(device)),
                bias: Param::from_tensor(vector(bias)?),
            }),
            [scale, shift, mean, variance] => Self::BatchNorm(BatchNormWeights {
                scale: Param::from_tensor(vector(scale)?),
                shift: Param::from_tensor(vector(shift)?),
                running_mean: vector(mean)?,
                running_variance: vector(variance)?,
            }),
            _ => unreachable!("no layer has other tensors"),
        }))
    }

    /// Returns the ids of its parameters in the order of their tensors.
    pub(super) fn ids(&self) -> Vec<ParamId> {
        match self {
            Self::Convolution(ConvolutionWeights { weight, bias }) => {
                std::iter::once(weight.id).chain(bias.as_ref().map(|bias| bias.id)).collect()
            }
            Self::Dense(DenseWeights { weight, bias }) => vec![weight.id, bias.id],
            Self::BatchNorm(BatchNormWeights { scale, shift, .. }) => vec![scale.id, shift.id],
        }
    }

    /// Blends its tensors with those of another layer of the same kind.
    pub(super) fn blend(&mut self, other: &Self, share: f64) {
        match (self, other) {
            (Self::Convolution(own), Self::Convolution(other)) => {
                blend_parameter(&mut own.weight, &other.weight, share);
                if let (Some(own), Some(other)) = (&mut own.bias, &other.bias) {
                    blend_parameter(own, other, share);
                }
            }
            (Self::Dense(own), Self::Dense(other)) => {
                blend_parameter(&mut own.weight, &other.weight, share);
                blend_parameter(&mut own.bias, &other.bias, share);
            }
            (Self::BatchNorm(own), Self::BatchNorm(other)) => {
                blend_parameter(&mut own.scale, &other.scale, share);
                blend_parameter(&mut own.shift, &other.shift, share);
                own.running_mean = blend(own.running_mean.clone(), other.running_mean.clone(), share);
                own.running_variance = blend(own.running_variance.clone(), other.running_variance.clone(), share);
            }
            _ => unreachable!("layers of one plan are of one kind"),
        }
    }

    pub(super) fn to_arrays(&self, tensors: &[TensorSpec]) -> Vec<(String, Array)> {
        let arrays = match self {
            Self::Convolution(ConvolutionWeights { weight, bias }) => {
                let bias = bias.as_ref().map(|bias| Array::from_tensor(bias.val()));
                std::iter::once(Array::from_tensor(weight.val())).chain(bias).collect()
            }
            Self::Dense(DenseWeights { weight, bias }) => {
                vec![Array::from_tensor(weight.val()), Array::from_tensor(bias.val())]
            }
            Self::BatchNorm(BatchNormWeights { scale, shift, running_mean, running_variance }) => {
                [scale.val(), shift.val(), running_mean.clone(), running_variance.clone()]
                    .map(Array::from_tensor)
                    .into()
            }
        };
        tensors.iter().map(|tensor| tensor.name.clone()).zip(arrays).collect()
    }

    pub(super) fn set(&mut self, tensors: &[TensorSpec], arrays: &Arrays) -> Result<(), MismatchError> {
        let array = |index: usize| find(arrays, &tensors[index].name, &tensors[index].shape);
        match self {
            Self::Convolution(ConvolutionWeights { weight, bias }) => {
                replace(weight, array(0)?);
                if let Some(bias) = bias {
                    replace(bias, array(1)?);
                }
            }
            Self::Dense(DenseWeights { weight, bias }) => {
                replace(weight, array(0)?);
                replace(bias, array(1)?);
            }
            Self::BatchNorm(BatchNormWeights { scale, shift, running_mean, running_variance }) => {
                replace(scale, array(0)?);
                replace(shift, array(1)?);
                *running_mean = array(2)?.to_tensor(&running_mean.device());
                *running_variance = array(3)?.to_tensor(&running_variance.device());
            }
        }
        Ok(())
    }
}

impl<B: KernelBackend> BatchNormWeights<B> {
    /// Normalizes `[n, channels, height, width]` to mean 0 and variance 1, scales and shifts it. Computes in f32 and
    /// returns the type of `x`.
    pub(super) fn normalize(
        &self,
        x: Tensor<B, 4>,
        settings: BatchNormSettings,
        layer: usize,
        training: Option<&mut Training<B>>,
    ) -> Tensor<B, 4> {
        let parameters = [self.scale.val(), self.shift.val()];
        let running = [self.running_mean.clone(), self.running_variance.clone()];
        if let Some(training) = training {
            let (y, [mean, variance]) = batch_norm(x, parameters, running, settings);
            training.statistics.push(RunningStatistics { layer, mean, variance });
            return y;
        }
        batch_norm_fixed(x, parameters, running, settings)
    }
}

/// Returns the array of this name, if it has this shape.
pub(super) fn find<'a>(arrays: &'a Arrays, name: &str, shape: &[usize]) -> Result<&'a Array, MismatchError> {
    match arrays.get(name) {
        None => Err(MismatchError::Missing(name.to_owned())),
        Some(array) if array.shape != shape => {
            let (expected, found) = (shape.to_vec(), array.shape.clone());
            Err(MismatchError::Shape { name: name.to_owned(), expected, found })
        }
        Some(array) => Ok(array),
    }
}

/// Returns `share · own + (1 − share) · other`.
fn blend<B: Backend, const D: usize>(own: Tensor<B, D>, other: Tensor<B, D>, share: f64) -> Tensor<B, D> {
    own.mul_scalar(share) + other.mul_scalar(1.0 - share)
}

fn blend_parameter<B: Backend, const D: usize>(own: &mut Param<Tensor<B, D>>, other: &Param<Tensor<B, D>>, share: f64) {
    let blended = own.clone().map(|tensor| blend(tensor, other.val(), share));
    *own = blended;
}

/// Sets a parameter's values; its id and whether it is trained stay.
fn replace<B: Backend, const D: usize>(param: &mut Param<Tensor<B, D>>, array: &Array) {
    let taken = param.clone().map(|tensor| {
        let trained = tensor.is_require_grad();
        array.to_tensor(&tensor.device()).set_require_grad(trained)
    });
    *param = taken;
}
