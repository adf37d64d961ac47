//! The reading of a base from the bytes of a file.

use std::io::Cursor;

use hdf5_pure::File;
use zip::ZipArchive;

use super::base::base;
use super::entry::Entry;
use super::exported::Base;
use super::fault::Fault;
use super::kind::{Kind, kind};
use super::recognition::{Source, recognize};
use super::{hdf5, keras, licence, numpy, origin, safetensors, torch};
use crate::domain::Preprocessing;
use crate::domain::exported::ENTRY;
use crate::weights::IgnoredTensors;
use crate::weights::manifest::Layout;
use crate::weights::store;
use crate::weights::vgg16::{Convolution, Layer};

/// Files of Keras that list their layers in order, and those whose names have to order them.
const KERAS_LISTED: Source = Source { is_listed: true, is_keras: true };
const KERAS_NAMED: Source = Source { is_listed: false, is_keras: true };

/// Files of other programs that do either.
const LISTED: Source = Source { is_listed: true, is_keras: false };
const NAMED: Source = Source { is_listed: false, is_keras: false };

/// The reason for a preprocessing that a file of this program states.
const STATED: &str = "the file states it";

/// A base read from a file.
#[derive(Debug, PartialEq)]
pub(super) struct ImportedBase {
    pub(super) base: Vec<Convolution>,
    pub(super) layout: Layout,
    pub(super) preprocessing: Preprocessing,
    /// A clause with the reason for the preprocessing.
    pub(super) reason: String,
    pub(super) licence: String,
    pub(super) not_taken: IgnoredTensors,
}

impl ImportedBase {
    /// Returns the base with the preprocessing and licence that its file states.
    fn stated(self, preprocessing: Preprocessing, licence: String) -> Self {
        Self { preprocessing, licence, reason: STATED.into(), ..self }
    }
}

/// Reads the base `network` from the bytes of any kind of file.
pub(super) fn read(bytes: Vec<u8>, network: &[Layer]) -> Result<ImportedBase, Fault> {
    match kind(&bytes)? {
        Kind::Hdf5 => read_hdf5(bytes, network),
        Kind::Zip => read_zip(&bytes, network),
        Kind::TorchLegacy => {
            let file = torch::legacy::Legacy::open(&bytes)?;
            read_entries(file.entries()?, LISTED, Layout::TorchPickle, network)
        }
        Kind::Safetensors => read_safetensors(&bytes, network),
    }
}

fn read_hdf5(bytes: Vec<u8>, network: &[Layer]) -> Result<ImportedBase, Fault> {
    let file = hdf5::open(bytes)?;
    if keras::legacy::matches(&file)? {
        return read_entries(keras::legacy::entries(&file)?, KERAS_LISTED, Layout::KerasLegacyH5, network);
    }
    if keras::keras3::matches(&file)? {
        return read_keras3(&file, Layout::Keras3H5, network);
    }
    read_entries(hdf5::entries(&file)?, NAMED, Layout::Hdf5, network)
}

fn read_zip(bytes: &[u8], network: &[Layer]) -> Result<ImportedBase, Fault> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| Fault::Broken(error.to_string()))?;
    if let Some(archive) = torch::archive::Archive::open(bytes, &zip) {
        return read_entries(archive.entries()?, LISTED, Layout::TorchPickle, network);
    }
    if numpy::matches(&zip) {
        return read_entries(numpy::entries(&zip)?, LISTED, Layout::NumpyArchive, network);
    }
    if !keras::archive::matches(&zip) {
        return Err(Fault::Unknown(
            "it is a zip archive, but not PyTorch's, Keras's or NumPy's: unpack it first".into(),
        ));
    }
    let file = hdf5::open(keras::archive::weights(&mut zip, bytes.len() as u64)?)?;
    read_keras3(&file, Layout::KerasArchive, network)
}

/// Reads the base in a file of Keras 3. A file that `mien export` wrote names its own preprocessing and licence.
fn read_keras3(file: &File, layout: Layout, network: &[Layer]) -> Result<ImportedBase, Fault> {
    let exported = Base::of(hdf5::text(&file.root(), ENTRY)?.as_deref())?;
    let read = read_entries(keras::keras3::entries(file)?, KERAS_NAMED, layout, network)?;
    Ok(match exported {
        Some(Base { preprocessing, licence }) => read.stated(preprocessing, licence),
        None => read,
    })
}

fn read_safetensors(bytes: &[u8], network: &[Layer]) -> Result<ImportedBase, Fault> {
    let file = safetensors::open(bytes)?;
    let exported = Base::of(safetensors::text(bytes, ENTRY).as_deref())?;
    let read = read_entries(safetensors::entries(&file), NAMED, Layout::Safetensors, network)?;
    if let Some(Base { preprocessing, licence }) = exported {
        return Ok(read.stated(preprocessing, licence));
    }
    // A stored file of this program contains its preprocessing.
    Ok(match store::manifest_in(bytes) {
        Some(manifest) => read.stated(manifest.preprocessing, manifest.licence),
        None => read,
    })
}

/// Reads the base among the tensors of a file.
fn read_entries(entries: Vec<Entry>, source: Source, layout: Layout, network: &[Layer]) -> Result<ImportedBase, Fault> {
    let found = recognize(entries, source, network)?;
    let base = base(&found.convolutions, found.order, network)?;
    let (preprocessing, reason) = origin::preprocessing(&found, source);
    let licence = licence::of(preprocessing).to_owned();
    Ok(ImportedBase { base, layout, preprocessing, reason, licence, not_taken: found.not_taken })
}
