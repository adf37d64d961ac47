//! The stored weights: one safetensors file per base, `weights/NAME.safetensors`.
//!
//! The tensors are f32: `block1.conv1.weight` `[out, in, 3, 3]`, `block1.conv1.bias` `[out]`, and so on for each layer
//! of [`super::VGG16`]. Any program that reads safetensors can use them. The metadata entry `mien` holds the
//! [`Manifest`] as JSON. Reading the manifest does not read the tensors; opening checks them against its hash.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::error::WeightsError;
use super::manifest::{FORMAT_VERSION, Manifest};
use super::vgg16::Convolution;
use crate::domain::WeightsName;
use crate::durable;

/// The metadata entry that holds the manifest.
const ENTRY: &str = "mien";

/// The extension of weights files.
const ENDING: &str = ".safetensors";

/// The longest header that is read, in bytes; ours has about three thousand.
const MOST_HEADER_BYTES: u64 = 1 << 20;

/// The version of the hashed bytes; it changes with their meaning.
const TAG: &[u8] = b"mien weights 1\0";

/// Hex digits of a hash: 128 bits, like the fingerprint of a dataset.
const DIGITS: usize = 32;

/// Tensors by name, in the order of hashing: shape, and values as little-endian f32.
pub(super) type Tensors = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

/// Open weights whose tensors match the imported ones.
#[derive(Debug)]
pub struct Weights {
    manifest: Manifest,
    tensors: Tensors,
}

impl Weights {
    /// Opens the file and checks its tensors against the manifest's hash.
    ///
    /// # Errors
    /// [`WeightsError`] if the file is missing, damaged, of a newer format or not written by an import; it names the
    /// file.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let bytes = fs::read(path).map_err(|error| WeightsError::io(path, error))?;
        let manifest = manifest_of(path, &mut bytes.as_slice(), bytes.len() as u64)?;
        let damaged = |reason: String| WeightsError::Damaged { path: path.to_owned(), reason };
        let file = SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
        let tensors: Tensors =
            file.iter().map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), view.data().to_vec()))).collect();
        if file.iter().any(|(_, view)| view.dtype() != Dtype::F32) || identity(&tensors) != manifest.hash {
            return Err(damaged("its tensors are not those that were imported".into()));
        }
        Ok(Self { manifest, tensors })
    }

    /// Returns the manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns shape and values of a tensor, such as `block1.conv1.weight`.
    #[must_use]
    pub fn tensor(&self, name: &str) -> Option<(Vec<usize>, Vec<f32>)> {
        let (shape, bytes) = self.tensors.get(name)?;
        let values = bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
        Some((shape.clone(), values))
    }
}

/// Reads the manifest and checks the number of tensor bytes, but not the tensors.
///
/// # Errors
/// As [`Weights::open`].
pub fn read_manifest(path: &Path) -> Result<Manifest, WeightsError> {
    let failed = |error| WeightsError::io(path, error);
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    manifest_of(path, &mut file, length)
}

/// Returns the file name of these weights.
pub(super) fn file_name(name: &WeightsName) -> String {
    format!("{name}{ENDING}")
}

/// Returns all weights in a folder by name, each with its manifest or error; other files are skipped, and a missing
/// folder counts as empty.
///
/// # Errors
/// [`WeightsError::Io`] if the folder cannot be read.
#[allow(clippy::type_complexity)] // a list of names and results; an alias would hide that
pub fn list(dir: &Path) -> Result<Vec<(WeightsName, Result<Manifest, WeightsError>)>, WeightsError> {
    let failed = |error| WeightsError::io(dir, error);
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_str().and_then(|name| WeightsName::new(name.strip_suffix(ENDING)?).ok());
        if let Some(name) = name {
            found.push((name, read_manifest(&entry.path())));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Returns the hash of a base over its tensors by name, in hex.
pub(super) fn identity(tensors: &Tensors) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(TAG);
    for (name, (shape, bytes)) in tensors {
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(&(shape.len() as u64).to_le_bytes());
        for side in shape {
            hasher.update(&(*side as u64).to_le_bytes());
        }
        hasher.update_rayon(bytes);
    }
    hasher.finalize().to_hex()[..DIGITS].to_owned()
}

/// Returns the tensors of a base as the store writes and hashes them.
pub(super) fn tensors(base: &[Convolution]) -> Tensors {
    let stored = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let tensors = base.iter().flat_map(Convolution::tensors);
    tensors.map(|(name, shape, values)| (name, (shape, stored(values)))).collect()
}

/// Writes the file atomically; creates its folder if it is missing.
pub(super) fn write(path: &Path, manifest: &Manifest, tensors: &Tensors) -> Result<(), WeightsError> {
    let failed = |error: io::Error| WeightsError::io(path, error);
    let text = serde_json::to_string(manifest).map_err(|error| failed(error.into()))?;
    let views = tensors
        .iter()
        .map(|(name, (shape, bytes))| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|error| failed(io::Error::other(error)))?;
    let metadata = HashMap::from([(ENTRY.to_owned(), text)]);
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|error| failed(io::Error::other(error)))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| WeightsError::io(folder, error))?;
    }
    durable::write(path, &bytes).map_err(failed)
}

/// Reads the manifest from a safetensors header.
fn manifest_of(path: &Path, file: &mut dyn Read, length: u64) -> Result<Manifest, WeightsError> {
    let damaged = |reason: String| WeightsError::Damaged { path: path.to_owned(), reason };
    let (header, data) = header(path, file, length)?;
    let text = header.get("__metadata__").and_then(|entries| entries.get(ENTRY)).and_then(|entry| entry.as_str());
    let Some(text) = text else { return Err(WeightsError::Foreign { path: path.to_owned() }) };
    let version = durable::versioned::version(text.as_bytes()).map_err(|error| damaged(error.to_string()))?;
    if version > FORMAT_VERSION {
        return Err(WeightsError::Newer { path: path.to_owned(), version });
    }
    let ends = header.values().filter_map(|tensor| tensor.get("data_offsets")?.get(1)?.as_u64());
    let claimed = ends.max().unwrap_or(0);
    if claimed != data {
        return Err(damaged(format!("it has {data} bytes of tensors where its header states {claimed}")));
    }
    let manifest: Manifest = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
    if !manifest.preprocessing.is_usable() {
        return Err(damaged("its preprocessing cannot be computed".into()));
    }
    Ok(manifest)
}

/// Returns the manifest in the bytes of a stored file, `None` for other files.
pub(super) fn manifest_in(bytes: &[u8]) -> Option<Manifest> {
    manifest_of(Path::new(""), &mut &*bytes, bytes.len() as u64).ok()
}

/// Reads the header of a safetensors file; also returns the number of bytes after it.
#[allow(clippy::type_complexity)] // an object and a number
fn header(
    path: &Path,
    file: &mut dyn Read,
    length: u64,
) -> Result<(HashMap<String, serde_json::Value>, u64), WeightsError> {
    let mut size = [0; 8];
    let cut = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            WeightsError::Damaged { path: path.to_owned(), reason: "it is cut short".into() }
        }
        _ => WeightsError::io(path, error),
    };
    file.read_exact(&mut size).map_err(cut)?;
    let size = u64::from_le_bytes(size);
    if size > MOST_HEADER_BYTES {
        return Err(WeightsError::Foreign { path: path.to_owned() });
    }
    let mut text = Vec::new();
    file.take(size).read_to_end(&mut text).map_err(cut)?;
    if (text.len() as u64) < size {
        return Err(cut(io::ErrorKind::UnexpectedEof.into()));
    }
    let header = serde_json::from_slice(&text)
        .map_err(|error| WeightsError::Damaged { path: path.to_owned(), reason: error.to_string() })?;
    Ok((header, length.saturating_sub(8 + size)))
}

#[cfg(test)]
mod tests;
