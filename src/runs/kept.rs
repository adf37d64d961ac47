//! Kept folds: files beside an event log that hold what it amounts to up to some byte, so that nobody reads gigabytes
//! of logs to show a list.
//!
//! A kept fold is derived and never trusted over the log: it names how much of which log and of which recipe it stands
//! for, and carries a checksum. Whatever is wrong with one, it counts as none.
//!
//! ```text
//! 8 bytes    "mienfold"
//! 7 × u64    format, version of the fold, what is kept, log bytes, check of the log, check of the recipe,
//!            body bytes; little endian
//! u32        CRC-32 of all of the above and the body
//! body       MessagePack: how the log was read so far; then the summary with named fields, the detail in arrays
//! ```

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::detail::Detail;
use super::summary::Summary;
use crate::durable;
use crate::events::Progress;

const MAGIC: &[u8; 8] = b"mienfold";

/// Layout of the file.
const FORMAT: u64 = 2;

/// What is folded, and how. Raise it with every change of what [`Summary`] or [`Detail`] hold or make of an event: kept
/// folds of other versions are made anew.
pub const FOLD_VERSION: u64 = 5;

const FIELDS: usize = 7;

const HEAD: usize = MAGIC.len() + FIELDS * 8 + 4;

/// Bytes at the beginning and before the end of the prefix that are held against the log.
const PROBE: usize = 4096;

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Summary = 1,
    Detail = 2,
}

/// A value folded from the beginning of a log.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept<T> {
    /// How much of the log it stands for, and what was found in that.
    pub(super) progress: Progress,
    /// What that amounts to.
    pub(super) value: T,
}

/// What can be kept.
pub(super) trait Body: Sized {
    fn decode(body: &[u8]) -> Option<Self>;
}

/// How it is written.
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

impl Body for Detail {
    fn decode(body: &[u8]) -> Option<Self> {
        let (steps, log): (super::Steps, Vec<super::detail::LogLine>) = decode(body)?;
        Some(Self { steps: steps.into(), log: log.into() })
    }
}

impl Encode for &Detail {
    fn encode(&self) -> Option<Vec<u8>> {
        // Names of fields, thousands of times over, would be most of the file.
        rmp_serde::to_vec(&(self.steps.as_ref(), self.log.as_ref())).ok()
    }
}

/// The kept fold at `path`, if it is whole and stands for the beginning of this log under this recipe.
pub(super) fn read<T: Body>(path: &Path, of: Of, log: &Path, recipe: u32) -> Option<Kept<T>> {
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
    if [format, version, what, of_recipe, length] != expected || probe(log, position).ok()? != check {
        return None;
    }
    let mut rest = body;
    let progress: Progress = rmp_serde::from_read(&mut rest).ok()?;
    (progress.position == position).then_some(())?;
    Some(Kept { progress, value: T::decode(rest)? })
}

/// Writes a kept fold.
///
/// # Errors
/// When the log cannot be read or the folder not written.
pub(super) fn write<T: Encode>(path: &Path, of: Of, log: &Path, recipe: u32, kept: &Kept<T>) -> io::Result<()> {
    let position = kept.progress.position;
    let mut body = rmp_serde::to_vec(&kept.progress).map_err(io::Error::other)?;
    body.extend(kept.value.encode().ok_or(io::ErrorKind::InvalidData)?);
    let check = probe(log, position)?;
    let fields: [u64; FIELDS] = [FORMAT, FOLD_VERSION, of as u64, position, check, recipe.into(), body.len() as u64];
    let mut file = Vec::with_capacity(HEAD + body.len());
    file.extend_from_slice(MAGIC);
    file.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
    file.extend(checksum(&file, &body).to_le_bytes());
    file.extend_from_slice(&body);
    path.parent().map_or(Ok(()), durable::own)?;
    durable::write_derived(path, &file)
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(head);
    sum.update(body);
    sum.finalize()
}

/// What tells one log's first `position` bytes from another's: checksums of their beginning and their end. It says
/// nothing of files' numbers or times, so that a copied folder keeps its folds.
fn probe(log: &Path, position: u64) -> io::Result<u64> {
    let file = File::open(log)?;
    let mut bytes = [0; PROBE];
    let bytes = &mut bytes[..usize::try_from(position).map_or(PROBE, |position| position.min(PROBE))];
    file.read_exact_at(bytes, 0)?;
    let first = crc32fast::hash(bytes);
    file.read_exact_at(bytes, position - bytes.len() as u64)?;
    Ok(u64::from(first) << 32 | u64::from(crc32fast::hash(bytes)))
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod kept_tests;
