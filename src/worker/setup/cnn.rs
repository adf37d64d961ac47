//! The small network from scratch, on the images as they are stored.

use std::sync::Arc;

use burn::tensor::backend::AutodiffBackend;

use super::{Ground, Inputs, Setup};
use crate::data::images::{Augmenter, Images};
use crate::domain::Split;
use crate::model::cnn::{self, Cnn};
use crate::model::kernels::ConvBlockBackend;
use crate::train::checkpoint::Identity;
use crate::worker::journal::Journal;

/// The `cnn` strategy.
pub(in super::super) struct CnnSetup<'a, B: AutodiffBackend> {
    ground: &'a Ground,
    identity: Identity,
    device: B::Device,
}

impl<'a, B: AutodiffBackend> CnnSetup<'a, B> {
    /// # Errors
    /// When the images are too small.
    pub(in super::super) fn new(ground: &'a Ground, device: &B::Device) -> Result<Self, String> {
        let image = ground.dataset.image();
        if (image.height.min(image.width) as usize) < cnn::MIN_SIDE {
            return Err(format!("images of {}×{} are too small for the network", image.width, image.height));
        }
        let identity = Identity {
            fingerprint: ground.dataset.fingerprint().to_owned(),
            classes: ground.classes(),
            image: [image.height, image.width, image.channels].map(|side| side as usize),
            base: None,
        };
        Ok(Self { ground, identity, device: device.clone() })
    }
}

impl<B> Setup<B> for CnnSetup<'_, B>
where
    B: AutodiffBackend + ConvBlockBackend,
    B::InnerBackend: ConvBlockBackend,
{
    type Network = Cnn<B>;

    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn parameters(&self) -> usize {
        self.network().map_or(0, |network| burn::module::Module::num_params(&network))
    }

    fn network(&self) -> Result<Cnn<B>, String> {
        Ok(Cnn::new(self.identity.image, self.identity.classes.len(), self.ground.recipe.seed, &self.device))
    }

    fn plain_training_inputs(&self) -> Inputs<'_, B> {
        Inputs { source: Arc::new(Images::plain(Arc::clone(&self.ground.dataset), None)), frozen: None }
    }

    fn inputs(&self, _splits: &[Split], _journal: &mut Journal) -> Option<Inputs<'_, B>> {
        let recipe = &self.ground.recipe;
        let augmenter = recipe.augmentation.map(|ranges| Augmenter { ranges, seed: recipe.seed, variants: 0 });
        let source = Arc::new(Images::plain(Arc::clone(&self.ground.dataset), augmenter));
        Some(Inputs { source, frozen: None })
    }
}
