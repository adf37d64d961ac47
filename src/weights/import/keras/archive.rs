//! Keras 3's `.keras`: a zip archive whose `model.weights.h5` is read by `keras3`.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::super::fault::Fault;

/// The entry that holds the weights.
const WEIGHTS: &str = "model.weights.h5";

/// The largest ratio of unpacked to packed size, and bytes that are always permitted. Weights hardly shrink.
const RATIO: u64 = 20;
const ALWAYS: u64 = 64 << 20;

/// Returns whether the archive is Keras's.
pub(in super::super) fn matches(zip: &ZipArchive<Cursor<&[u8]>>) -> bool {
    holds(zip, WEIGHTS) || holds(zip, "config.json")
}

fn holds(zip: &ZipArchive<Cursor<&[u8]>>, file: &str) -> bool {
    zip.file_names().any(|name| name.is_ok_and(|name| name == file))
}

/// Returns the HDF5 file in the archive.
pub(in super::super) fn weights(zip: &mut ZipArchive<Cursor<&[u8]>>, archive_bytes: u64) -> Result<Vec<u8>, Fault> {
    let broken = |error: String| Fault::Broken(format!("'{WEIGHTS}': {error}"));
    if !holds(zip, WEIGHTS) {
        return Err(Fault::Refused(format!("it is a Keras archive without '{WEIGHTS}'; save the model in one file")));
    }
    let entry = zip.by_name(WEIGHTS).map_err(|error| broken(error.to_string()))?;
    let bound = archive_bytes.saturating_mul(RATIO).clamp(ALWAYS, super::super::MOST_BYTES);
    let mut bytes = Vec::new();
    entry.take(bound + 1).read_to_end(&mut bytes).map_err(|error| broken(error.to_string()))?;
    if bytes.len() as u64 > bound {
        return Err(Fault::Refused(format!("it unpacks to more than {RATIO} times its size, which no weights do")));
    }
    Ok(bytes)
}
