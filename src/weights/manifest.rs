//! The description of imported weights, which stands as JSON in the metadata of their file.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::Preprocessing;

/// The newest format that this program writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// What kind of file weights came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Keras's HDF5 file with `layer_names` and `weight_names`: of `save_weights`, or a whole model.
    KerasLegacyH5,
    /// Keras 3's `.weights.h5`.
    #[serde(rename = "keras-3-h5")]
    Keras3H5,
    /// Keras 3's `.keras` archive.
    KerasArchive,
    /// A `state_dict` that `torch.save` pickled.
    TorchPickle,
    /// Safetensors, with torchvision's names or our own.
    Safetensors,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::KerasLegacyH5 => "keras-legacy-h5",
            Self::Keras3H5 => "keras-3-h5",
            Self::KerasArchive => "keras-archive",
            Self::TorchPickle => "torch-pickle",
            Self::Safetensors => "safetensors",
        })
    }
}

/// What imported weights are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of the file; see [`FORMAT_VERSION`].
    pub version: u32,
    /// Hash over names, shapes and values of the tensors: the same base has the same one whatever file it came in.
    pub hash: String,
    /// The file or address it was imported from, safe to print.
    pub source: String,
    /// SHA-256 of the imported file.
    pub source_hash: String,
    /// The kind of file it was imported from.
    pub layout: Layout,
    /// What the weights expect of their input.
    pub preprocessing: Preprocessing,
    /// Under what terms they were published, as far as is known.
    pub licence: String,
    /// How many numbers they are.
    pub parameters: usize,
    /// When they were imported, in milliseconds since 1970.
    pub imported_at: u64,
}

impl Manifest {
    /// What a run is built on: the tensors, and what they expect of their input. The same tensors behind another
    /// preprocessing are another base.
    #[must_use]
    pub fn identity(&self) -> String {
        let input = self.preprocessing.name().map_or_else(
            || {
                // Serializing plain values cannot fail.
                let text = serde_json::to_vec(&self.preprocessing).unwrap_or_default();
                blake3::hash(&text).to_hex()[..8].to_owned()
            },
            str::to_owned,
        );
        format!("{}-{input}", self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_stored_as_it_is_shown() {
        use Layout::{Keras3H5, KerasArchive, KerasLegacyH5, Safetensors, TorchPickle};
        for layout in [KerasLegacyH5, Keras3H5, KerasArchive, TorchPickle, Safetensors] {
            assert_eq!(serde_json::to_value(layout).expect("JSON"), layout.to_string());
        }
    }
}
