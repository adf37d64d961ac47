//! The description of imported weights, as JSON in the metadata of their file.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ignored_tensors::IgnoredTensors;
use crate::domain::Preprocessing;

/// The newest format that this program writes and reads. Version 2 has further layouts.
pub const FORMAT_VERSION: u32 = 2;

/// The file format of imported weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Keras's HDF5 file with `layer_names` and `weight_names`: from `save_weights`, or a whole model.
    KerasLegacyH5,
    /// Keras 3's `.weights.h5`.
    #[serde(rename = "keras-3-h5")]
    Keras3H5,
    /// Keras 3's `.keras` archive.
    KerasArchive,
    /// A file of `torch.save`.
    TorchPickle,
    /// Safetensors.
    Safetensors,
    /// HDF5 that Keras did not write.
    Hdf5,
    /// NumPy's `.npz`.
    NumpyArchive,
}

impl Layout {
    /// Returns the oldest format that represents the layout.
    #[must_use]
    pub fn needed_version(self) -> u32 {
        match self {
            Self::Hdf5 | Self::NumpyArchive => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::KerasLegacyH5 => "keras-legacy-h5",
            Self::Keras3H5 => "keras-3-h5",
            Self::KerasArchive => "keras-archive",
            Self::TorchPickle => "torch-pickle",
            Self::Safetensors => "safetensors",
            Self::Hdf5 => "hdf5",
            Self::NumpyArchive => "numpy-archive",
        })
    }
}

/// The description of imported weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the file; see [`FORMAT_VERSION`].
    pub version: u32,
    /// The hash over names, shapes and values of the tensors, equal for every file format of one base.
    pub hash: String,
    /// The imported file or address, safe to print.
    pub source: String,
    /// The SHA-256 of the imported file.
    pub source_hash: String,
    /// The format of the imported file.
    pub layout: Layout,
    /// The preprocessing with which the weights were trained.
    pub preprocessing: Preprocessing,
    /// A clause with the reason for the preprocessing; empty in files of before.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The tensors of the imported file that were not taken.
    #[serde(default, skip_serializing_if = "IgnoredTensors::is_empty")]
    pub not_taken: IgnoredTensors,
    /// The licence of the weights, as far as it is known.
    pub licence: String,
    /// The number of parameters.
    pub parameters: usize,
    /// The time of the import, in milliseconds since 1970.
    pub imported_at: u64,
}

impl Manifest {
    /// Returns the identity of the base: hash and preprocessing. The same tensors with another preprocessing are
    /// another base.
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
    fn a_manifest_of_before_is_read_without_a_reason() {
        let text = r#"{"version":1,"hash":"0","source":"x.h5","source_hash":"0","layout":"keras-legacy-h5",
            "preprocessing":{"order":"bgr","scale":255.0,"mean":[103.939,116.779,123.68],"deviation":[1.0,1.0,1.0]},
            "licence":"none","parameters":1,"imported_at":7}"#;
        let manifest: Manifest = serde_json::from_str(text).expect("read");
        assert_eq!((manifest.reason.as_str(), manifest.not_taken.is_empty()), ("", true));
        assert_eq!(manifest.identity(), "0-keras-imagenet");
        let written = serde_json::to_string(&manifest).expect("JSON");
        assert!(!written.contains("reason") && !written.contains("not_taken"), "{written}");
    }

    #[test]
    fn a_layout_is_stored_as_it_is_shown() {
        use Layout::{Hdf5, Keras3H5, KerasArchive, KerasLegacyH5, NumpyArchive, Safetensors, TorchPickle};
        for layout in [KerasLegacyH5, Keras3H5, KerasArchive, TorchPickle, Safetensors, Hdf5, NumpyArchive] {
            assert_eq!(serde_json::to_value(layout).expect("JSON"), layout.to_string());
        }
    }
}
