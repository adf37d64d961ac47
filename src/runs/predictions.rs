//! The predictions for every image of a split, saved with the run so that runs can be compared image by image.
//!
//! A safetensors file: `probabilities` f32 `[images, classes]` and `truth` u16 `[images]`, in the dataset's order. The
//! metadata entry `mien.crc32` is the CRC-32 of both, one after the other; files of earlier versions lack it.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::durable;

/// The metadata entry with the checksum.
const CHECKSUM: &str = "mien.crc32";

/// A run's predictions for the images of a split.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// Number of classes.
    pub classes: usize,
    /// Softmax outputs, row-major `[images, classes]`.
    pub probabilities: Vec<f32>,
    /// True labels, `[images]`.
    pub truth: Vec<u16>,
}

/// The reason why predictions cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PredictionsError {
    /// The file system returned an error.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The file does not have the format of [`Predictions::write`].
    #[error("{} holds no predictions ({reason}); `mien evaluate` recreates them", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
}

impl Predictions {
    /// Writes the file atomically; creates its folder if it is missing.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let probabilities: Vec<u8> = self.probabilities.iter().flat_map(|value| value.to_le_bytes()).collect();
        let truth: Vec<u8> = self.truth.iter().flat_map(|value| value.to_le_bytes()).collect();
        let view = |dtype, shape, bytes| TensorView::new(dtype, shape, bytes).map_err(io::Error::other);
        let tensors = HashMap::from([
            ("probabilities", view(Dtype::F32, vec![self.truth.len(), self.classes], &probabilities)?),
            ("truth", view(Dtype::U16, vec![self.truth.len()], &truth)?),
        ]);
        path.parent().map_or(Ok(()), durable::create_folder)?;
        let metadata = HashMap::from([(CHECKSUM.to_owned(), checksum(&probabilities, &truth).to_string())]);
        durable::write(path, &safetensors::serialize(tensors, Some(metadata)).map_err(io::Error::other)?)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// If the file is missing or malformed.
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
