//! A moving average of a network's weights (B. Polyak and A. Juditsky 1992), which is evaluated instead of the weights.

use burn::module::AutodiffModule;

use crate::model::kernels::TrainBackend;
use crate::model::network::Network;
use crate::model::parameters::{Arrays, MismatchError};

/// The prefix of averages in a checkpoint.
const PREFIX: &str = "average.";

/// The average of a network's weights and running statistics over the steps so far.
pub struct Average<B: TrainBackend> {
    network: Network<B::InnerBackend>,
    /// The largest factor by which a step multiplies the average.
    share: f64,
}

impl<B: TrainBackend> Average<B> {
    /// Starts from the weights of `network`; `None` for a share of 0.
    #[must_use]
    pub fn new(network: &Network<B>, share: f64) -> Option<Self> {
        (share > 0.0).then(|| Self { network: network.valid(), share })
    }

    /// Reads the average from a checkpoint's arrays.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape; names the first one.
    pub fn load(network: &Network<B>, arrays: &Arrays, share: f64) -> Result<Option<Self>, MismatchError> {
        let Some(new) = Self::new(network, share) else { return Ok(None) };
        Ok(Some(Self { network: new.network.load_arrays(&averages(arrays))?, share }))
    }

    /// Returns the averaged network.
    #[must_use]
    pub fn network(&self) -> &Network<B::InnerBackend> {
        &self.network
    }

    /// Returns the average after step `step` of the run, counted from 1. Early steps get more weight. Otherwise the
    /// average would stay close to the initial weights (as in `TensorFlow`'s `ExponentialMovingAverage` with
    /// `num_updates`).
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    pub fn after(self, network: &Network<B>, step: u64) -> Self {
        let share = self.share.min((1 + step) as f64 / (10 + step) as f64);
        Self { network: self.network.blend(&network.valid(), share), ..self }
    }

    /// Returns the averaged tensors by their names in a checkpoint.
    #[must_use]
    pub fn to_arrays(&self) -> Arrays {
        self.network.to_arrays().into_iter().map(|(name, array)| (format!("{PREFIX}{name}"), array)).collect()
    }
}

/// Whether a checkpoint's array of this name is an average.
#[must_use]
pub fn is_average(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Returns the averages of a checkpoint, by the names of the network's tensors.
fn averages(arrays: &Arrays) -> Arrays {
    let own = |(name, array): (&String, _)| Some((name.strip_prefix(PREFIX)?.to_owned(), Clone::clone(array)));
    arrays.iter().filter_map(own).collect()
}

/// Returns the arrays of a checkpoint that are evaluated: its averages, or the network's own where it has none.
#[must_use]
pub fn evaluated_arrays(mut arrays: Arrays) -> Arrays {
    let averages = averages(&arrays);
    arrays.retain(|name, _| !is_average(name));
    arrays.extend(averages);
    arrays
}
