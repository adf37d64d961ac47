//! The small network from scratch, on the images as they are stored.

use std::sync::Arc;

use burn::tensor::backend::AutodiffBackend;

use super::{Ground, Setup, keep_on_device};
use crate::data::images::{Augmenter, Images};
use crate::domain::Split;
use crate::model::cnn::{self, Cnn};
use crate::model::kernels::ConvBlockBackend;
use crate::train::checkpoint::Identity;
use crate::train::feed::Feed;
use crate::train::resident::Resident;
use crate::worker::journal::Journal;

/// The `cnn` strategy.
pub(in super::super) struct CnnSetup<'a, B: AutodiffBackend> {
    ground: &'a Ground,
    identity: Identity,
    device: B::Device,
    /// Bytes that images may take on the device.
    resident: u64,
}

impl<'a, B: AutodiffBackend> CnnSetup<'a, B> {
    /// # Errors
    /// When the images are too small.
    pub(in super::super) fn new(ground: &'a Ground, device: &B::Device, resident: u64) -> Result<Self, String> {
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
        Ok(Self { ground, identity, device: device.clone(), resident })
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

    fn plain_training_inputs(&self) -> Feed<'_, B::InnerBackend> {
        let images = Images::plain(Arc::clone(&self.ground.dataset), None);
        let resident = Resident::upload(&images, &[Split::Train], self.resident, &self.device);
        Feed::of_images(images, None, resident)
    }

    fn inputs(&self, splits: &[Split], journal: &mut Journal) -> Option<Feed<'_, B::InnerBackend>> {
        let recipe = &self.ground.recipe;
        let augmenter = recipe.augmentation.map(|ranges| Augmenter { ranges, seed: recipe.seed, variants: 0 });
        let images = Images::plain(Arc::clone(&self.ground.dataset), augmenter);
        let resident = keep_on_device(&images, splits, self.resident, &self.device, journal);
        Some(Feed::of_images(images, None, resident))
    }
}
