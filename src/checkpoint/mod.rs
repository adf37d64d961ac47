//! Checkpoints: everything on which the rest of a run depends, in one safetensors file.
//!
//! Tensors are f32, named as in the network (`block1.weight`) and the optimizer (`adam.m.block1.weight`), so other
//! programs can read the weights of any run. The other state is JSON in the metadata entry `mien`, and a checksum of
//! everything is in another entry. All three checkpoints of a run have this format, and a run can resume from each.
//! May use: `domain`, `durable`.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::domain::{Array, Arrays, EarlyStoppingStatus, Strategy};
use crate::durable::{self, FileBytes};

/// The newest format that this program writes and reads; 2 allows checkpoints within an epoch.
pub const CHECKPOINT_VERSION: u32 = 2;

/// Metadata entries of the file: the state as JSON, and the CRC-32 of that JSON and all tensors.
const STATE: &str = "mien";
const CHECKSUM: &str = "mien.crc32";

/// The prefix of the names of averaged weights in a checkpoint.
pub const AVERAGE: &str = "average.";

/// The paths of a run's checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointFiles {
    /// The newest one: written after every completed epoch, within long ones, and at a stop.
    pub last: PathBuf,
    /// The previous `last`, so that damage to one file does not end the run.
    pub previous: PathBuf,
    /// The checkpoint of the best epoch.
    pub best: PathBuf,
}

/// The state of training after a completed epoch, or after a step of the next one.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The state without tensors.
    pub state: State,
    /// The network's tensors, the optimizer's moments and the averages.
    pub arrays: Arrays,
}

/// The state of training, except tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Format of the file; see [`CHECKPOINT_VERSION`].
    pub version: u32,
    /// The strategy of the run.
    pub strategy: Strategy,
    /// The data and the base of the run.
    #[serde(flatten)]
    pub identity: Identity,
    /// Completed epochs.
    pub epoch: u32,
    /// Steps that the optimizer has taken.
    pub optimizer_steps: usize,
    /// The base learning rate after reductions on plateaus.
    pub learning_rate: f64,
    /// The status of early stopping.
    pub early_stopping: EarlyStoppingStatus,
    /// The trained part of the next epoch, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<Partial>,
}

impl State {
    /// Returns the position of training: completed epochs, and steps of the next one.
    #[must_use]
    pub fn position(&self) -> (u32, u32) {
        (self.epoch, self.partial.map_or(0, |partial| partial.step))
    }
}

/// The trained part of an epoch. Numbers survive JSON to the last bit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Partial {
    /// Steps taken in this epoch.
    pub step: u32,
    /// The number of epochs in force when this one started, which is the length of its schedule.
    pub epochs: u32,
    /// The loss, summed over the images seen.
    pub loss: f64,
    /// Images predicted right.
    pub right: f64,
    /// Images seen.
    pub images: usize,
    /// Summed loss and images predicted right since the last read from the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<[f32; 2]>,
    /// Images since the last read from the device.
    #[serde(default)]
    pub pending_images: usize,
    /// Seconds of this epoch so far, without pauses and without steps that were lost.
    pub seconds: f64,
}

/// The data and the base to which a checkpoint's weights belong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The dataset's fingerprint.
    pub fingerprint: String,
    /// Class names, in the order of logits.
    pub classes: Vec<String>,
    /// Height, width and channels of the input.
    pub image: [usize; 3],
    /// The hash and preprocessing of the imported weights; `None` without any. Checkpoints contain only trained
    /// tensors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

/// The error of reading a checkpoint.
#[derive(Debug, thiserror::Error)]
#[error("the checkpoint {} {fault}", path.display())]
pub struct CheckpointError {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub fault: CheckpointFault,
}

/// The reasons why a checkpoint is not read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointFault {
    /// The file cannot be opened.
    #[error("cannot be read: {0}")]
    Unread(io::Error),
    /// The file has the format of a newer program.
    #[error("has format {0} and this mien reads up to {CHECKPOINT_VERSION}: use a newer mien")]
    Newer(u32),
    /// The file is no safetensors file.
    #[error("is damaged: {0}")]
    Container(#[from] SafeTensorError),
    /// The metadata lacks this entry.
    #[error("is damaged: it lacks the entry '{0}'")]
    NoEntry(&'static str),
    /// The state is not readable as JSON.
    #[error("is damaged: {0}")]
    State(#[from] serde_json::Error),
    /// The checksum differs from the content's.
    #[error("is damaged: its checksum does not fit its content")]
    Checksum,
    /// A tensor has another type of numbers.
    #[error("is damaged: {name} is {dtype:?}, not F32")]
    Dtype {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: Dtype,
    },
}

impl Checkpoint {
    /// Writes the file atomically.
    ///
    /// # Errors
    /// If the folder cannot be written; the previous file is then unchanged.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        durable::write(path, &self.bytes()?)
    }

    /// Writes the file atomically, and renames the previous one to `before`.
    ///
    /// # Errors
    /// If the folder cannot be written; the previous file then has one of the two names.
    pub fn replace(&self, path: &Path, before: &Path) -> io::Result<()> {
        durable::replace(path, before, &self.bytes()?)
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
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
            .collect::<Result<Vec<_>, SafeTensorError>>()
            .map_err(io::Error::other)?;
        safetensors::serialize(views, Some(metadata)).map_err(io::Error::other)
    }

    /// Reads and checks the file.
    ///
    /// # Errors
    /// If the file is missing, damaged, or of a newer format.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let (state, arrays) = read_with(path, copy)?;
        Ok(Self { state, arrays })
    }
}

impl State {
    /// Reads and checks a checkpoint file, and copies none of its tensors.
    ///
    /// # Errors
    /// As for [`Checkpoint::read`].
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        Ok(read_with(path, |_| Ok(()))?.0)
    }
}

/// Returns the state of a file, and the result of `convert` for its tensors, which are sorted by name and match the
/// checksum.
fn read_with<T>(
    path: &Path,
    convert: impl FnOnce(Vec<(String, TensorView<'_>)>) -> Result<T, CheckpointFault>,
) -> Result<(State, T), CheckpointError> {
    let read = || {
        let bytes = map(path).map_err(CheckpointFault::Unread)?;
        // The version is checked first, because the rest of a newer file may have another meaning.
        let header = read_header(&bytes)?;
        if header.version > CHECKPOINT_VERSION {
            return Err(CheckpointFault::Newer(header.version));
        }
        let state = serde_json::from_str(&header.state)?;
        Ok((state, convert(tensors(&bytes, &header)?)?))
    };
    read().map_err(|fault| CheckpointError { path: path.to_owned(), fault })
}

#[allow(unsafe_code)]
fn map(path: &Path) -> io::Result<FileBytes> {
    let file = fs::File::open(path)?;
    // SAFETY: a map is sound while nobody changes or truncates the file. A checkpoint is written under another name,
    // renamed, and never written again; a replaced file exists as long as its map.
    unsafe { FileBytes::new(&file) }
}

/// Returns the CRC-32 of the state and of every tensor's name, shape and bytes, in the order of names.
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

fn read_header(bytes: &[u8]) -> Result<Header, CheckpointFault> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let entry = |name| {
        let value = header.metadata().as_ref().and_then(|entries| entries.get(name));
        value.ok_or(CheckpointFault::NoEntry(name))
    };
    let state = entry(STATE)?.clone();
    let version = durable::versioned::version(state.as_bytes())?;
    let checksum = entry(CHECKSUM)?.parse().map_err(|_| CheckpointFault::Checksum)?;
    Ok(Header { version, state, checksum })
}

/// Returns the tensors of a file sorted by name, if they match its checksum.
fn tensors<'a>(bytes: &'a [u8], header: &Header) -> Result<Vec<(String, TensorView<'a>)>, CheckpointFault> {
    let mut tensors = SafeTensors::deserialize(bytes)?.tensors();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let parts = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.shape(), tensor.data()));
    if checksum(&header.state, parts) == header.checksum { Ok(tensors) } else { Err(CheckpointFault::Checksum) }
}

fn copy(tensors: Vec<(String, TensorView<'_>)>) -> Result<Arrays, CheckpointFault> {
    tensors
        .into_iter()
        .map(|(name, tensor)| {
            if tensor.dtype() != Dtype::F32 {
                return Err(CheckpointFault::Dtype { name, dtype: tensor.dtype() });
            }
            let values = tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            Ok((name, Array { shape: tensor.shape().to_vec(), values }))
        })
        .collect()
}

/// Returns the averages of a checkpoint, by the names of the network's tensors.
#[must_use]
pub fn averages(arrays: &Arrays) -> Arrays {
    let own = |(name, array): (&String, _)| Some((name.strip_prefix(AVERAGE)?.to_owned(), Clone::clone(array)));
    arrays.iter().filter_map(own).collect()
}

/// Returns the arrays of a checkpoint that are evaluated: its averages, or the network's own where it has none.
#[must_use]
pub fn evaluated_arrays(mut arrays: Arrays) -> Arrays {
    let averages = averages(&arrays);
    arrays.retain(|name, _| !name.starts_with(AVERAGE));
    arrays.extend(averages);
    arrays
}

#[cfg(test)]
mod tests;
