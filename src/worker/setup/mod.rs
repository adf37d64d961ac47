//! What a strategy trains, and on what: the part of a job in which strategies differ.

mod cnn;
mod transfer;

use std::sync::Arc;

use burn::module::AutodiffModule;
use burn::tensor::backend::AutodiffBackend;

use crate::data::batch::Source;
use crate::data::store::Dataset;
use crate::domain::{Recipe, Split};
use crate::model::device::DeviceKind;
use crate::model::kernels::ConvBlockBackend;
use crate::model::vgg16::FrozenBase;
use crate::runs::layout::{Home, RunFolder};
use crate::train::checkpoint::Identity;
use crate::train::classifier::Classifier;

use super::journal::Journal;

pub(super) use cnn::CnnSetup;
pub(super) use transfer::{TransferSetup, take_start};

/// What every setup begins with.
pub(super) struct Ground {
    pub(super) folder: RunFolder,
    pub(super) home: Home,
    pub(super) recipe: Recipe,
    pub(super) dataset: Arc<Dataset>,
    pub(super) device: DeviceKind,
}

/// What a network is fed with: images, behind a frozen base where there is one, or what that made of them.
pub(super) struct Inputs<'a, B: AutodiffBackend> {
    pub(super) source: Arc<dyn Source>,
    pub(super) frozen: Option<&'a FrozenBase<B::InnerBackend>>,
}

/// A strategy on a device.
pub(super) trait Setup<B>
where
    B: AutodiffBackend + ConvBlockBackend,
    B::InnerBackend: ConvBlockBackend,
{
    /// What is trained.
    type Network: AutodiffModule<B, InnerModule: Classifier<B::InnerBackend>> + Classifier<B>;

    /// What its checkpoints are of.
    fn identity(&self) -> &Identity;

    /// Parameters in all, with those that are not trained.
    fn parameters(&self) -> usize;

    /// The network with the weights that training begins with.
    ///
    /// # Errors
    /// In words.
    fn network(&self) -> Result<Self::Network, String>;

    /// The inputs of these splits; takes its time where features have to be computed. `None` if a stop was asked for.
    fn inputs(&self, splits: &[Split], journal: &mut Journal) -> Option<Inputs<'_, B>>;

    /// The training images as they are, not augmented: from what is kept of them, else through the base.
    fn plain_training_inputs(&self) -> Inputs<'_, B>;
}

impl Ground {
    /// Class names, in the order of labels.
    fn classes(&self) -> Vec<String> {
        self.dataset.manifest().class_names().into_iter().map(str::to_owned).collect()
    }
}
