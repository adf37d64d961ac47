//! The prediction for every test image, kept with the run so that runs can be compared image by image.
//!
//! A safetensors file: `probabilities` f32 `[images, classes]`, `truth` u16 `[images]`, in the dataset's order; the
//! CRC-32 of both, one after the other, as the metadata entry `mien.crc32`. Files of earlier versions have no metadata.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::durable;

/// The metadata entry with the checksum.
const CHECKSUM: &str = "mien.crc32";

/// What a run says of each image of a split.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// Number of classes.
    pub classes: usize,
    /// Softmax outputs, row-major `[images, classes]`.
    pub probabilities: Vec<f32>,
    /// True labels, `[images]`.
    pub truth: Vec<u16>,
}

/// Why predictions cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PredictionsError {
    /// The file system said no.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Not what [`Predictions::write`] writes.
    #[error("{} holds no predictions ({reason}); `mien evaluate` makes them anew", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Predictions {
    /// Writes the file atomically; its folder is made if it is missing.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let probabilities: Vec<u8> = self.probabilities.iter().flat_map(|value| value.to_le_bytes()).collect();
        let truth: Vec<u8> = self.truth.iter().flat_map(|value| value.to_le_bytes()).collect();
        let view = |dtype, shape, bytes| TensorView::new(dtype, shape, bytes).map_err(io::Error::other);
        let tensors = HashMap::from([
            ("probabilities", view(Dtype::F32, vec![self.truth.len(), self.classes], &probabilities)?),
            ("truth", view(Dtype::U16, vec![self.truth.len()], &truth)?),
        ]);
        path.parent().map_or(Ok(()), durable::folder)?;
        let metadata = HashMap::from([(CHECKSUM.to_owned(), checksum(&probabilities, &truth).to_string())]);
        durable::write(path, &safetensors::serialize(tensors, Some(metadata)).map_err(io::Error::other)?)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it is missing or not as [`Self::write`] makes it.
    pub fn read(path: &Path) -> Result<Self, PredictionsError> {
        let bytes = fs::read(path).map_err(|source| PredictionsError::Io { path: path.to_owned(), source })?;
        Self::parse(&bytes).map_err(|reason| PredictionsError::Malformed { path: path.to_owned(), reason })
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let tensor = |name: &str, dtype: Dtype| {
            let tensor = file.tensor(name).map_err(|error| error.to_string())?;
            if tensor.dtype() == dtype { Ok(tensor) } else { Err(format!("{name} is {:?}", tensor.dtype())) }
        };
        let probabilities = tensor("probabilities", Dtype::F32)?;
        let truth = tensor("truth", Dtype::U16)?;
        if let Some(metadata) = header.metadata() {
            let expected = checksum(probabilities.data(), truth.data()).to_string();
            if metadata.get(CHECKSUM) != Some(&expected) {
                return Err("its checksum does not fit its content".into());
            }
        }
        let (&[images, classes], &[labels]) = (probabilities.shape(), truth.shape()) else {
            return Err("unexpected shapes".into());
        };
        if images != labels {
            return Err(format!("{images} predictions for {labels} labels"));
        }
        Ok(Self {
            classes,
            probabilities: probabilities.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            truth: truth.data().as_chunks().0.iter().map(|bytes| u16::from_le_bytes(*bytes)).collect(),
        })
    }
}

fn checksum(probabilities: &[u8], truth: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(probabilities);
    sum.update(truth);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_come_back_and_a_cut_file_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("test.safetensors");
        let written = Predictions { classes: 2, probabilities: vec![0.25, 0.75, 1.0, 0.0], truth: vec![1, 0] };
        written.write(&path).expect("written");
        assert_eq!(Predictions::read(&path).expect("read"), written);

        let bytes = fs::read(&path).expect("bytes");
        fs::write(&path, &bytes[..bytes.len() - 3]).expect("cut");
        let message = Predictions::read(&path).expect_err("refused").to_string();
        assert!(message.contains("test.safetensors") && message.contains("mien evaluate"), "{message}");
    }
}
