//! What a strategy trains, and on what: the part of a job in which strategies differ.

mod cnn;
mod transfer;

use std::sync::Arc;

use burn::module::AutodiffModule;
use burn::tensor::backend::{AutodiffBackend, Backend};

use crate::data::images::Images;
use crate::data::store::Dataset;
use crate::domain::{Recipe, Split};
use crate::events::Event;
use crate::model::device::DeviceKind;
use crate::model::kernels::ConvBlockBackend;
use crate::runs::layout::{Home, RunFolder};
use crate::train::Reporter;
use crate::train::checkpoint::Identity;
use crate::train::classifier::Classifier;
use crate::train::feed::Feed;
use crate::train::resident::{Resident, bytes_on_device};

use super::journal::Journal;

pub(super) use cnn::CnnSetup;
pub(crate) use transfer::base_arrays;
pub(super) use transfer::{TransferSetup, take_start};

/// What every setup begins with.
pub(super) struct Ground {
    pub(super) folder: RunFolder,
    pub(super) home: Home,
    pub(super) recipe: Recipe,
    pub(super) dataset: Arc<Dataset>,
    pub(super) device: DeviceKind,
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
    fn inputs(&self, splits: &[Split], journal: &mut Journal) -> Option<Feed<'_, B::InnerBackend>>;

    /// The training images as they are, not augmented: from what is kept of them, else through the base.
    fn plain_training_inputs(&self) -> Feed<'_, B::InnerBackend>;
}

impl Ground {
    /// Class names, in the order of labels.
    fn classes(&self) -> Vec<String> {
        self.dataset.manifest().class_names().into_iter().map(str::to_owned).collect()
    }
}

/// Keeps these splits on the device if images may take so many bytes there. Says so where images may be there, and these
/// have no room.
fn keep_on_device<B: Backend>(
    images: &Images,
    splits: &[Split],
    bound: u64,
    device: &B::Device,
    journal: &mut Journal,
) -> Option<Resident<B>> {
    let resident = Resident::upload(images, splits, bound, device);
    // One word a run: where training images have no room.
    if resident.is_none() && bound > 0 && splits.contains(&Split::Train) {
        let (needed, bound) = (mebibytes(bytes_on_device(images, splits)), mebibytes(bound));
        let message = format!(
            "the images would take {needed} MiB on the device, and may take {bound} (MIEN_RESIDENT_MIB sets it): batches \
             are made on the processor"
        );
        journal.report(Event::Warning { message });
    }
    resident
}

fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
