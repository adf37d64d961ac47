//! Importing: from a published file to weights in the store.
//!
//! The kind of a file is told by its content (`kind`). A reader lists the tensors of its kind (`keras`, `torch`,
//! `safetensors`), `base` holds the convolutions among them against VGG16 and reads them, and what comes out is hashed
//! and written. Readers work on bytes alone, bound what they build, and execute nothing.

mod base;
mod entry;
mod exported;
mod fault;
mod hdf5;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod keras;
mod kind;
mod licence;
mod named;
mod number;
mod reading;
mod safetensors;
mod torch;

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::WeightsError;
use super::manifest::{FORMAT_VERSION, Manifest};
use super::store::{self, Weights};
use super::vgg16::{Layer, VGG16};
use crate::domain::text::{hex, printable};
use crate::domain::{Preprocessing, WeightsName};

use self::fault::Fault;

/// Largest file that is read: a whole VGG16 with its optimizer's state has 1.7 GB.
const MOST_BYTES: u64 = 4 << 30;

/// How to import.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImportOptions {
    /// What the weights expect of their input, where the file leaves it to a guess that is wrong.
    pub preprocessing: Option<Preprocessing>,
    /// Replace other weights of this name.
    pub replace: bool,
    /// Where the file came from, if that is not its path: the address that it was fetched from.
    pub source: Option<String>,
    /// The time, in milliseconds since 1970.
    pub imported_at: u64,
}

/// Imports the file `source` as the weights `name` of the folder `weights_dir`. Weights that are there already and are
/// the same ones stay as they are, and theirs is the manifest.
///
/// # Errors
/// [`WeightsError`]; then the folder is as it was.
pub fn import(
    source: &Path,
    name: &WeightsName,
    weights_dir: &Path,
    options: &ImportOptions,
) -> Result<Manifest, WeightsError> {
    import_as(&VGG16, source, name, weights_dir, options)
}

/// [`import`] of any network that is narrower than VGG16, which tests have.
fn import_as(
    network: &[Layer],
    source: &Path,
    name: &WeightsName,
    weights_dir: &Path,
    options: &ImportOptions,
) -> Result<Manifest, WeightsError> {
    let bytes = read(source)?;
    let source_hash = hex(&Sha256::digest(&bytes));
    let read = reading::read(bytes, network).map_err(|fault| fault.at(source))?;
    let tensors = store::tensors(&read.base);
    // Who says what the weights expect says with it which they are.
    let licence = options.preprocessing.map_or(read.licence, |preprocessing| licence::of(preprocessing).to_owned());
    let manifest = Manifest {
        version: FORMAT_VERSION,
        hash: store::identity(&tensors),
        source: printable(&options.source.clone().unwrap_or_else(|| source.to_string_lossy().into_owned())),
        source_hash,
        layout: read.layout,
        preprocessing: options.preprocessing.unwrap_or(read.preprocessing),
        licence: printable(&licence),
        parameters: tensors.values().map(|(shape, _)| shape.iter().product::<usize>()).sum(),
        imported_at: options.imported_at,
    };
    let path = weights_dir.join(store::file_name(name));
    if let Some(there) = present(&path, name, &manifest, options.replace)? {
        return Ok(there);
    }
    store::write(&path, &manifest, &tensors)?;
    Ok(manifest)
}

/// What is in the way of new weights: the same ones, which may stay; others, which is an error unless they may be
/// replaced; or nothing.
fn present(path: &Path, name: &WeightsName, new: &Manifest, replace: bool) -> Result<Option<Manifest>, WeightsError> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(None);
    }
    let exists = |difference: &str| Err(WeightsError::Exists { name: name.clone(), difference: difference.into() });
    match Weights::open(path) {
        Ok(there) if there.manifest().hash == new.hash => {
            if there.manifest().preprocessing == new.preprocessing {
                return Ok(Some(there.manifest().clone()));
            }
            if replace { Ok(None) } else { exists("the same values with another preprocessing") }
        }
        // Never replaced: it is somebody's own file.
        Err(error @ WeightsError::Foreign { .. }) => Err(error),
        _ if replace => Ok(None),
        Ok(_) => exists("other values"),
        Err(_) => exists("which cannot be read"),
    }
}

fn read(source: &Path) -> Result<Vec<u8>, WeightsError> {
    let failed = |error| WeightsError::io(source, error);
    let about = fs::metadata(source).map_err(failed)?;
    if !about.is_file() && !about.is_dir() {
        return Err(Fault::Refused("is no regular file".into()).at(source));
    }
    if about.len() > MOST_BYTES {
        let reason = format!("has {} bytes, and no file of VGG16's weights has more than {MOST_BYTES}", about.len());
        return Err(Fault::Refused(reason).at(source));
    }
    fs::read(source).map_err(failed)
}

#[cfg(test)]
mod tests;
