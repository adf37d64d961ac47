//! Saved folds: files next to an event log with its fold up to some byte, so that lists need not read gigabytes of
//! logs.
//!
//! A saved fold is derived data, and the log always takes precedence. It names the part of the log and the recipe that
//! it includes, and has a checksum. A fold with any mismatch is ignored.
//!
//! ```text
//! 8 bytes    "mienfold"
//! 7 × u64    format, version of the fold, kind of the fold, log bytes, check of the log, check of the recipe,
//!            body bytes; little endian
//! u32        CRC-32 of all of the above and the body
//! body       MessagePack: the progress of reading the log; then the summary with named fields, the detail in arrays
//! ```

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::detail::RunDetail;
use super::summary::Summary;
use crate::durable;
use crate::events::Progress;

const MAGIC: &[u8; 8] = b"mienfold";

/// The layout of the file.
const FORMAT: u64 = 2;

/// The version of the fold. Raise it with every change of the content of [`Summary`] or [`RunDetail`], or of the
/// events' effect on them: folds of other versions are recomputed.
pub const FOLD_VERSION: u64 = 8;

const FIELDS: usize = 7;

const HEAD: usize = MAGIC.len() + FIELDS * 8 + 4;

/// Bytes at the beginning and at the end of the prefix that are compared with the log.
const PROBE: usize = 4096;

/// The kind of a saved fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoldKind {
    Summary = 1,
    Detail = 2,
}

/// A value folded from the beginning of a log.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SavedFold<T> {
    /// The part of the log that the value includes.
    pub(super) progress: Progress,
    /// The folded value.
    pub(super) value: T,
}

/// A value that can be read from a saved fold.
pub(super) trait Body: Sized {
    fn decode(body: &[u8]) -> Option<Self>;
}

/// A value that can be written to a saved fold.
pub(super) trait Encode {
    fn encode(&self) -> Option<Vec<u8>>;
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    rmp_serde::from_slice(body).ok()
}

impl Body for Summary {
    fn decode(body: &[u8]) -> Option<Self> {
        decode(body)
    }
}

impl Encode for &Summary {
    fn encode(&self) -> Option<Vec<u8>> {
        rmp_serde::to_vec_named(self).ok()
    }
}

impl Body for RunDetail {
    fn decode(body: &[u8]) -> Option<Self> {
        let (steps, log): (super::Steps, Vec<super::detail::LogLine>) = decode(body)?;
        Some(Self { steps: steps.into(), log: log.into() })
    }
}

impl Encode for &RunDetail {
    fn encode(&self) -> Option<Vec<u8>> {
        // As a map, the field names would be most of the file.
        rmp_serde::to_vec(&(self.steps.as_ref(), self.log.as_ref())).ok()
    }
}

/// Reads the saved fold at `path`, if it is intact and matches the beginning of this log and this recipe.
pub(super) fn read<T: Body>(path: &Path, of: FoldKind, log: &Path, recipe: u32) -> Option<SavedFold<T>> {
    let file = fs::read(path).ok()?;
    let (head, body) = file.split_at_checked(HEAD)?;
    let (head, sum) = head.split_at_checked(HEAD - 4)?;
    if checksum(head, body).to_le_bytes() != sum {
        return None;
    }
    let fields = head.strip_prefix(MAGIC)?.chunks_exact(8);
    let fields: Vec<u64> = fields.map(|field| field.try_into().map_or(0, u64::from_le_bytes)).collect();
    let [format, version, what, position, check, of_recipe, length] = fields[..] else { return None };
    let expected = [FORMAT, FOLD_VERSION, of as u64, u64::from(recipe), body.len() as u64];
    if [format, version, what, of_recipe, length] != expected || prefix_checksum(log, position).ok()? != check {
        return None;
    }
    let mut rest = body;
    let progress: Progress = rmp_serde::from_read(&mut rest).ok()?;
    (progress.position == position).then_some(())?;
    Some(SavedFold { progress, value: T::decode(rest)? })
}

/// Writes a saved fold.
///
/// # Errors
/// If the log cannot be read or the folder cannot be written.
pub(super) fn write<T: Encode>(
    path: &Path,
    of: FoldKind,
    log: &Path,
    recipe: u32,
    fold: &SavedFold<T>,
) -> io::Result<()> {
    let position = fold.progress.position;
    let mut body = rmp_serde::to_vec(&fold.progress).map_err(io::Error::other)?;
    body.extend(fold.value.encode().ok_or(io::ErrorKind::InvalidData)?);
    let check = prefix_checksum(log, position)?;
    let fields: [u64; FIELDS] = [FORMAT, FOLD_VERSION, of as u64, position, check, recipe.into(), body.len() as u64];
    let mut file = Vec::with_capacity(HEAD + body.len());
    file.extend_from_slice(MAGIC);
    file.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
    file.extend(checksum(&file, &body).to_le_bytes());
    file.extend_from_slice(&body);
    path.parent().map_or(Ok(()), durable::check_folder)?;
    durable::write_unsynced(path, &file)
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(head);
    sum.update(body);
    sum.finalize()
}

/// Returns a checksum of the beginning and the end of a log's first `position` bytes. It uses no inode numbers or
/// times, so that a copied folder's folds stay valid.
///
/// # Errors
/// If the log is shorter or cannot be read.
pub fn prefix_checksum(log: &Path, position: u64) -> io::Result<u64> {
    let file = File::open(log)?;
    let mut bytes = [0; PROBE];
    let bytes = &mut bytes[..usize::try_from(position).map_or(PROBE, |position| position.min(PROBE))];
    file.read_exact_at(bytes, 0)?;
    let first = crc32fast::hash(bytes);
    file.read_exact_at(bytes, position - bytes.len() as u64)?;
    Ok(u64::from(first) << 32 | u64::from(crc32fast::hash(bytes)))
}

#[cfg(test)]
mod tests;
