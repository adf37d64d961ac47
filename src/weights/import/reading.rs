//! The reading of a base from the bytes of a file.

use std::io::Cursor;

use hdf5_pure::File;
use zip::ZipArchive;

use super::base::{KernelOrder, base};
use super::entry::{Entry, convolutions, position_in_name, sort_by_position};
use super::exported::Base;
use super::fault::Fault;
use super::kind::{Kind, kind};
use super::named::{self, Names};
use super::{hdf5, keras, licence, safetensors, torch};
use crate::domain::Preprocessing;
use crate::domain::exported::ENTRY;
use crate::weights::manifest::Layout;
use crate::weights::store;
use crate::weights::vgg16::{Convolution, Layer};

/// A base read from a file.
#[derive(Debug, PartialEq)]
pub(super) struct Read {
    pub(super) base: Vec<Convolution>,
    pub(super) layout: Layout,
    pub(super) preprocessing: Preprocessing,
    pub(super) licence: String,
}

impl Read {
    fn new(base: Vec<Convolution>, layout: Layout, preprocessing: Preprocessing) -> Self {
        Self { base, layout, preprocessing, licence: licence::of(preprocessing).to_owned() }
    }
}

/// Reads the base `network` from the bytes of any kind of file.
pub(super) fn read(bytes: Vec<u8>, network: &[Layer]) -> Result<Read, Fault> {
    match kind(&bytes)? {
        Kind::Hdf5 => read_hdf5(bytes, network),
        Kind::Zip => read_zip(&bytes, network),
        Kind::TorchLegacy => torch_base(torch::legacy::Legacy::open(&bytes)?.entries()?, network),
        Kind::Safetensors => read_safetensors(&bytes, network),
    }
}

fn read_hdf5(bytes: Vec<u8>, network: &[Layer]) -> Result<Read, Fault> {
    let file = hdf5::open(bytes)?;
    if keras::legacy::matches(&file)? {
        return keras_base(keras::legacy::entries(&file)?, Layout::KerasLegacyH5, network);
    }
    if keras::keras3::matches(&file)? {
        return keras3_base(&file, Layout::Keras3H5, network);
    }
    Err(Fault::Unknown("it is HDF5, but not in the form that Keras writes".into()))
}

fn read_zip(bytes: &[u8], network: &[Layer]) -> Result<Read, Fault> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| Fault::Broken(error.to_string()))?;
    if let Some(archive) = torch::archive::Archive::open(bytes, &zip) {
        return torch_base(archive.entries()?, network);
    }
    if !keras::archive::matches(&zip) {
        return Err(Fault::Unknown("it is a zip archive, but neither torch's nor Keras's: unpack it first".into()));
    }
    let file = hdf5::open(keras::archive::weights(&mut zip, bytes.len() as u64)?)?;
    keras3_base(&file, Layout::KerasArchive, network)
}

/// Reads the base in a file of Keras 3. A file that `mien export` wrote names its own preprocessing and licence.
fn keras3_base(file: &File, layout: Layout, network: &[Layer]) -> Result<Read, Fault> {
    let exported = Base::of(hdf5::text(&file.root(), ENTRY)?.as_deref())?;
    let read = keras_base(keras::keras3::entries(file)?, layout, network)?;
    Ok(match exported {
        Some(Base { preprocessing, licence, .. }) => Read { preprocessing, licence, ..read },
        None => read,
    })
}

fn read_safetensors(bytes: &[u8], network: &[Layer]) -> Result<Read, Fault> {
    let file = safetensors::open(bytes)?;
    if let Some(exported) = Base::of(safetensors::text(bytes, ENTRY).as_deref())? {
        let (found, _) = named::convolutions(exported.entries(safetensors::entries(&file)), network)?;
        let base = base(&found, KernelOrder::Torch, network)?;
        let Base { preprocessing, licence, .. } = exported;
        return Ok(Read { base, layout: Layout::Safetensors, preprocessing, licence });
    }
    let (found, names) = named::convolutions(safetensors::entries(&file), network)?;
    let base = base(&found, KernelOrder::Torch, network)?;
    if names == Names::Torchvision {
        return Ok(Read::new(base, Layout::Safetensors, Preprocessing::TORCHVISION));
    }
    // A stored file of this program contains its preprocessing.
    match store::manifest_in(bytes) {
        Some(manifest) => Ok(Read {
            base,
            layout: Layout::Safetensors,
            preprocessing: manifest.preprocessing,
            licence: manifest.licence,
        }),
        None => Ok(Read {
            licence: licence::UNKNOWN.to_owned(),
            ..Read::new(base, Layout::Safetensors, Preprocessing::KERAS_IMAGENET)
        }),
    }
}

/// Reads the base among the tensors of a Keras model.
fn keras_base(entries: Vec<Entry>, layout: Layout, network: &[Layer]) -> Result<Read, Fault> {
    let found = sort_by_position(convolutions(entries));
    let base = base(&found, KernelOrder::Keras, network)?;
    // VGGFace's layers are named `conv…`, those of Keras's own model `block…`.
    let faces = found.iter().all(|found| {
        let layer = &found.kernel.layer;
        position_in_name(layer).is_some() && layer.to_lowercase().starts_with("conv")
    });
    let preprocessing = if faces { Preprocessing::VGGFACE } else { Preprocessing::KERAS_IMAGENET };
    Ok(Read::new(base, layout, preprocessing))
}

/// Reads the base among the tensors of a `state_dict`.
fn torch_base(entries: Vec<Entry>, network: &[Layer]) -> Result<Read, Fault> {
    let (found, names) = named::convolutions(entries, network)?;
    let base = base(&found, KernelOrder::Torch, network)?;
    let preprocessing = match names {
        Names::Torchvision => Preprocessing::TORCHVISION,
        Names::Ours => Preprocessing::KERAS_IMAGENET,
    };
    Ok(Read::new(base, Layout::TorchPickle, preprocessing))
}
