//! The zip archive of `torch.save` since 2020: `NAME/data.pkl`, and each storage as `NAME/data/KEY`, uncompressed.

use std::io::Cursor;

use zip::{CompressionMethod, ZipArchive};

use super::super::entry::Entry;
use super::super::fault::Fault;
use super::pickle::{Storage, load};
use super::state::{self, Storages};

/// An archive of torch's.
#[derive(Debug)]
pub(in super::super) struct Archive<'a> {
    bytes: &'a [u8],
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// The common prefix of all names.
    folder: String,
}

impl<'a> Archive<'a> {
    /// Opens the archive; `None` if it is not torch's.
    pub(in super::super) fn open(bytes: &'a [u8], zip: &ZipArchive<Cursor<&'a [u8]>>) -> Option<Self> {
        let folder = zip.file_names().find_map(|name| {
            let folder = name.ok()?.strip_suffix("data.pkl")?.to_owned();
            (folder.is_empty() || folder.ends_with('/')).then_some(folder)
        })?;
        Some(Self { bytes, zip: zip.clone(), folder })
    }

    /// Returns the tensors in the archive's pickle.
    pub(in super::super) fn entries(&self) -> Result<Vec<Entry<'_>>, Fault> {
        if self.entry("byteorder").is_ok_and(|order| order != b"little") {
            return Err(Fault::Refused("it has big-endian numbers, which mien does not read: load it in PyTorch and save it on a little-endian machine".into()));
        }
        state::entries(&load(self.entry("data.pkl")?)?, self)
    }

    /// Returns the bytes of an entry within the archive.
    fn entry(&self, name: &str) -> Result<&'a [u8], Fault> {
        let name = format!("{}{name}", self.folder);
        let broken = |error: String| Fault::Broken(format!("'{name}': {error}"));
        // A cheap clone: the bytes and the directory are shared.
        let mut zip = self.zip.clone();
        let entry = zip.by_name(&name).map_err(|error| broken(error.to_string()))?;
        if entry.compression() != CompressionMethod::Stored {
            return Err(broken("is compressed, which torch never does".into()));
        }
        let begin = entry.data_start().and_then(|begin| usize::try_from(begin).ok());
        let size = usize::try_from(entry.size()).ok();
        let range = begin.zip(size).and_then(|(begin, size)| Some(begin..begin.checked_add(size)?));
        range.and_then(|range| self.bytes.get(range)).ok_or_else(|| broken("lies outside of the archive".into()))
    }
}

impl Storages for Archive<'_> {
    fn bytes(&self, storage: &Storage) -> Result<&[u8], Fault> {
        self.entry(&format!("data/{}", storage.key))
    }
}
