//! Checkpoints: everything that the rest of a run depends on, in one safetensors file.
//!
//! Tensors are f32 and named as in the model (`block1.weight`) and the optimizer (`adam.m.block1.weight`), so the
//! weights of any run can be read by other programs. What is no tensor stands as JSON in the metadata entry `mien`,
//! and a checksum of everything in another. Both the best and the last checkpoint are of this kind: if the last is damaged, the
//! best is a complete place to go on from.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::domain::{EarlyStoppingStatus, Strategy};
use crate::durable;
use crate::model::parameters::{Array, Arrays};

/// The newest format that this program writes and reads.
pub const CHECKPOINT_VERSION: u32 = 1;

/// Metadata entries of the file: the state as JSON, and the CRC-32 of that JSON and all tensors.
const STATE: &str = "mien";
const CHECKSUM: &str = "mien.crc32";

/// Where a run keeps its checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointFiles {
    /// After every completed epoch.
    pub last: PathBuf,
    /// After the best one.
    pub best: PathBuf,
}

/// The state of training after a completed epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Where training stood.
    pub state: State,
    /// The model's parameters and the optimizer's moments.
    pub arrays: Arrays,
}

/// What of a checkpoint is no tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Format of the file; see [`CHECKPOINT_VERSION`].
    pub version: u32,
    /// What was trained.
    pub strategy: Strategy,
    /// On what.
    #[serde(flatten)]
    pub identity: Identity,
    /// Completed epochs.
    pub epoch: u32,
    /// Steps that Adam took.
    pub optimizer_steps: usize,
    /// The base learning rate as plateaus have left it.
    pub learning_rate: f64,
    /// Where early stopping stood.
    pub early_stopping: EarlyStoppingStatus,
}

/// What the weights of a checkpoint belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The dataset's fingerprint.
    pub fingerprint: String,
    /// Class names, in the order of logits.
    pub classes: Vec<String>,
    /// Height, width and channels of the input.
    pub image: [usize; 3],
    /// The hash and preprocessing of the pretrained base, of which the checkpoint holds only what was trained; `None`
    /// without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

/// Why a checkpoint cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file system said no.
    #[error("cannot read the checkpoint {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Cut short, changed, or never a checkpoint.
    #[error("the checkpoint {} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Written by a newer program.
    #[error("the checkpoint {} has format {found} and this mien reads up to {CHECKPOINT_VERSION}: use a newer mien", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

impl Checkpoint {
    /// Writes the file atomically.
    ///
    /// # Errors
    /// When the folder cannot be written; what was there before is then untouched.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let bytes: Vec<(&String, &Array, Vec<u8>)> = self
            .arrays
            .iter()
            .map(|(name, array)| (name, array, array.values.iter().flat_map(|value| value.to_le_bytes()).collect()))
            .collect();
        let state = serde_json::to_string(&self.state)?;
        let tensors =
            bytes.iter().map(|(name, array, bytes)| (name.as_str(), array.shape.as_slice(), bytes.as_slice()));
        let checksum = checksum(&state, tensors).to_string();
        let metadata = HashMap::from([(STATE.to_owned(), state), (CHECKSUM.to_owned(), checksum)]);
        let views = bytes
            .iter()
            .map(|(name, array, bytes)| Ok((name, TensorView::new(Dtype::F32, array.shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(io::Error::other)?;
        durable::write(path, &safetensors::serialize(views, Some(metadata)).map_err(io::Error::other)?)
    }

    /// Reads and checks the file.
    ///
    /// # Errors
    /// When it is missing, damaged, or of a newer format.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = fs::read(path).map_err(|source| CheckpointError::Io { path: path.to_owned(), source })?;
        let damaged = |reason| CheckpointError::Damaged { path: path.to_owned(), reason };
        // The format's number comes first: what a newer program means by the rest is not for us to judge.
        let header = read_header(&bytes).map_err(damaged)?;
        if header.version > CHECKPOINT_VERSION {
            return Err(CheckpointError::Newer { path: path.to_owned(), found: header.version });
        }
        let state = serde_json::from_str(&header.state).map_err(|error| damaged(error.to_string()))?;
        let arrays = read_arrays(&bytes, &header).map_err(damaged)?;
        Ok(Self { state, arrays })
    }
}

/// CRC-32 of the state and of every tensor's name, shape and bytes, in the order of names.
fn checksum<'a>(state: &str, tensors: impl Iterator<Item = (&'a str, &'a [usize], &'a [u8])>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(state.as_bytes());
    for (name, shape, bytes) in tensors {
        hasher.update(name.as_bytes());
        shape.iter().for_each(|length| hasher.update(&(*length as u64).to_le_bytes()));
        hasher.update(bytes);
    }
    hasher.finalize()
}

struct Header {
    version: u32,
    state: String,
    checksum: u32,
}

fn read_header(bytes: &[u8]) -> Result<Header, String> {
    #[derive(Deserialize)]
    struct Format {
        version: u32,
    }
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let entry = |name| {
        let value = header.metadata().as_ref().and_then(|entries| entries.get(name));
        value.ok_or_else(|| format!("it lacks the entry '{name}'"))
    };
    let state = entry(STATE)?.clone();
    let Format { version } = serde_json::from_str(&state).map_err(|error| error.to_string())?;
    let checksum = entry(CHECKSUM)?.parse().map_err(|_| "its checksum is no number".to_owned())?;
    Ok(Header { version, state, checksum })
}

fn read_arrays(bytes: &[u8], header: &Header) -> Result<Arrays, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut tensors = file.tensors();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let parts = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.shape(), tensor.data()));
    if checksum(&header.state, parts) != header.checksum {
        return Err("its checksum does not fit its content".into());
    }
    tensors
        .into_iter()
        .map(|(name, tensor)| {
            if tensor.dtype() != Dtype::F32 {
                return Err(format!("{name} is {:?}, not F32", tensor.dtype()));
            }
            let values = tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            Ok((name, Array { shape: tensor.shape().to_vec(), values }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checkpoint() -> Checkpoint {
        let array = |values: &[f32]| Array { shape: vec![values.len()], values: values.to_vec() };
        Checkpoint {
            state: State {
                version: CHECKPOINT_VERSION,
                strategy: crate::domain::Strategy::Cnn,
                identity: Identity {
                    fingerprint: "f".into(),
                    classes: vec!["a".into(), "b".into()],
                    image: [48, 48, 1],
                    base: Some("b".into()),
                },
                epoch: 3,
                optimizer_steps: 99,
                learning_rate: 0.1 + 0.2,
                early_stopping: EarlyStoppingStatus { best_epoch: 2, best_value: 1.0 / 3.0, waited: 1 },
            },
            arrays: Arrays::from([
                ("w".into(), array(&[1.5, -0.0, f32::MIN_POSITIVE, 1e-40])),
                ("adam.m.w".into(), array(&[0.1, 0.2, 0.3, 0.4])),
            ]),
        }
    }

    #[test]
    fn a_checkpoint_comes_back_to_the_last_bit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("last.ckpt");
        checkpoint().write(&path).expect("written");
        assert_eq!(Checkpoint::read(&path).expect("read"), checkpoint());
    }

    #[test]
    fn a_newer_checkpoint_is_refused_in_words() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("last.ckpt");
        let mut newer = checkpoint();
        newer.state.version = CHECKPOINT_VERSION + 1;
        newer.write(&path).expect("written");
        assert!(Checkpoint::read(&path).expect_err("refused").to_string().contains("use a newer mien"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn any_flipped_bit_or_missing_end_is_found(at in 0.0..1.0_f64, bit in 0..8_u32, cut in any::<bool>()) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("last.ckpt");
            checkpoint().write(&path).expect("written");
            let mut bytes = fs::read(&path).expect("bytes");
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            if cut {
                bytes.truncate((bytes.len() as f64 * at) as usize);
            } else {
                let index = (bytes.len() as f64 * at) as usize;
                bytes[index] ^= 1 << bit;
            }
            fs::write(&path, bytes).expect("damaged");
            let message = Checkpoint::read(&path).expect_err("found").to_string();
            prop_assert!(message.contains("last.ckpt is damaged") || message.contains("newer mien"), "{}", message);
        }
    }
}
