//! Clips the norm of gradients (R. Pascanu et al. 2013, <https://arxiv.org/abs/1211.5063>).

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use crate::model::kernels::TrainBackend;
use crate::model::network::Network;

/// Added to the norm before dividing, as in `torch.nn.utils.clip_grad_norm_`.
const EPSILON: f64 = 1e-6;

/// Scales all gradients by one factor so that their common norm is at most `max_norm`. Reads nothing from the device.
pub(super) fn clip<'a, B: TrainBackend>(
    network: &Network<B>,
    parts: impl Iterator<Item = &'a mut GradientsParams>,
    max_norm: f64,
) {
    let mut parts: Vec<&mut GradientsParams> = parts.collect();
    let mut norm = Norm::<B> { parts: &parts, squares: None };
    network.visit(&mut norm);
    let Some(squares) = norm.squares else { return };
    let factor = (squares.sqrt() + EPSILON).recip().mul_scalar(max_norm).clamp_max(1.0);
    network.visit(&mut Scaling::<B> { parts: &mut parts, factor });
}

/// Sums the squares of all gradients, `[1]`.
struct Norm<'p, 'g, B: TrainBackend> {
    parts: &'p [&'g mut GradientsParams],
    squares: Option<Tensor<B::InnerBackend, 1>>,
}

impl<B: TrainBackend> ModuleVisitor<B> for Norm<'_, '_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let found = self.parts.iter().find_map(|part| part.get::<B::InnerBackend, D>(param.id));
        let Some(gradient) = found else { return };
        let squares = gradient.powi_scalar(2).sum();
        self.squares = Some(match self.squares.take() {
            Some(before) => before + squares,
            None => squares,
        });
    }
}

/// Multiplies every gradient by a factor `[1]`.
struct Scaling<'p, 'g, B: TrainBackend> {
    parts: &'p mut [&'g mut GradientsParams],
    factor: Tensor<B::InnerBackend, 1>,
}

impl<B: TrainBackend> ModuleVisitor<B> for Scaling<'_, '_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        for part in self.parts.iter_mut() {
            if let Some(gradient) = part.remove::<B::InnerBackend, D>(param.id) {
                part.register(param.id, gradient.mul(self.factor.clone().reshape([1; D])));
            }
        }
    }
}
