//! The import of a published file as weights in the store.
//!
//! `kind` recognizes the file by its content. A reader lists the tensors (`keras`, `torch`, `safetensors`, `numpy`,
//! `hdf5`). `recognition` finds VGG16's convolutions among them by their shapes, and `base` reads them. `origin`
//! decides the preprocessing. The result is hashed and written. Readers use only bytes, limit memory, and execute
//! nothing.

mod base;
mod between;
mod bytes;
mod entry;
mod exported;
mod fault;
mod hdf5;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod keras;
mod kind;
mod licence;
mod name_order;
mod number;
mod numpy;
mod origin;
mod reading;
mod recognition;
mod remainder;
mod safetensors;
mod torch;

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::WeightsError;
use super::manifest::Manifest;
use super::store::{self, Weights};
use super::vgg16::{Layer, VGG16};
use crate::domain::text::{hex, printable};
use crate::domain::{Preprocessing, WeightsName};

/// The largest file that is read, in bytes; a whole VGG16 with its optimizer's state has 1.7 GB.
const MOST_BYTES: u64 = 4 << 30;

/// The reason for a preprocessing that the options give.
const GIVEN: &str = "it was given";

/// The options of an import.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImportOptions {
    /// The preprocessing of the weights; `None` derives it from the file.
    pub preprocessing: Option<Preprocessing>,
    /// Whether to replace other weights of this name.
    pub replace: bool,
    /// The address from which the file was fetched; `None` if its path names it.
    pub source: Option<String>,
    /// The time of the import, in milliseconds since 1970.
    pub imported_at: u64,
}

/// Imports the file `source` as the weights `name` into `weights_dir` and returns their manifest. Identical weights
/// stay, and their manifest is returned.
///
/// # Errors
/// [`WeightsError`]; the folder is then unchanged.
pub fn import(
    source: &Path,
    name: &WeightsName,
    weights_dir: &Path,
    options: &ImportOptions,
) -> Result<Manifest, WeightsError> {
    import_network(&VGG16, source, name, weights_dir, options)
}

/// [`import`] of any network; tests use one narrower than VGG16.
fn import_network(
    network: &[Layer],
    source: &Path,
    name: &WeightsName,
    weights_dir: &Path,
    options: &ImportOptions,
) -> Result<Manifest, WeightsError> {
    let bytes = bytes::read(source)?;
    let source_hash = hex(&Sha256::digest(&bytes));
    let read = reading::read(bytes, network).map_err(|fault| fault.at(source))?;
    let tensors = store::tensors(&read.base);
    // A given preprocessing identifies the publisher, and with it the licence.
    let licence = options.preprocessing.map_or(read.licence, |preprocessing| licence::of(preprocessing).to_owned());
    let reason = options.preprocessing.map_or(read.reason, |_| GIVEN.to_owned());
    let manifest = Manifest {
        version: read.layout.needed_version(),
        hash: store::identity(&tensors),
        source: printable(&options.source.clone().unwrap_or_else(|| source.to_string_lossy().into_owned())),
        source_hash,
        layout: read.layout,
        preprocessing: options.preprocessing.unwrap_or(read.preprocessing),
        reason: printable(&reason),
        not_taken: read.not_taken,
        licence: printable(&licence),
        parameters: tensors.values().map(|(shape, _)| shape.iter().product::<usize>()).sum(),
        imported_at: options.imported_at,
    };
    let path = weights_dir.join(store::file_name(name));
    if let Some(existing) = check_existing(&path, name, &manifest, options.replace)? {
        return Ok(existing);
    }
    store::write(&path, &manifest, &tensors)?;
    Ok(manifest)
}

/// Checks the weights that have the name already. Identical ones are returned; others are an error unless they may be
/// replaced.
fn check_existing(
    path: &Path,
    name: &WeightsName,
    new: &Manifest,
    replace: bool,
) -> Result<Option<Manifest>, WeightsError> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(None);
    }
    let exists = |difference: &str| Err(WeightsError::Exists { name: name.clone(), difference: difference.into() });
    match Weights::open(path) {
        Ok(existing) if existing.manifest().hash == new.hash => {
            if existing.manifest().preprocessing == new.preprocessing {
                return Ok(Some(existing.manifest().clone()));
            }
            if replace { Ok(None) } else { exists("the same values with another preprocessing") }
        }
        // A foreign file is never replaced.
        Err(error @ WeightsError::Foreign { .. }) => Err(error),
        _ if replace => Ok(None),
        Ok(_) => exists("other values"),
        Err(_) => exists("which cannot be read"),
    }
}

#[cfg(test)]
mod tests;
