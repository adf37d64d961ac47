//! The bytes of a source: a file, or a pipe that ends.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::MOST_BYTES;
use super::fault::Fault;
use crate::weights::WeightsError;

/// The path that stands for the standard input.
const STDIN: &str = "-";

/// Reads a source; `-` is the standard input.
pub(super) fn read(source: &Path) -> Result<Vec<u8>, WeightsError> {
    if source == Path::new(STDIN) {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err(refuse(source, "is a terminal: send a file through a pipe, as in `cat FILE | …`"));
        }
        return read_stream(source, &mut stdin.lock());
    }
    let failed = |error| WeightsError::io(source, error);
    let about = fs::metadata(source).map_err(failed)?;
    if about.is_file() && about.len() > MOST_BYTES {
        let reason = format!("has {} bytes, and no file of VGG16's weights has more than {MOST_BYTES}", about.len());
        return Err(refuse(source, &reason));
    }
    let kind = about.file_type();
    if about.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    if kind.is_fifo() {
        return read_stream(source, &mut File::open(source).map_err(failed)?);
    }
    if !kind.is_file() {
        return Err(refuse(source, "is neither a file nor a pipe"));
    }
    fs::read(source).map_err(failed)
}

/// Reads a stream to its end.
fn read_stream(source: &Path, stream: &mut dyn Read) -> Result<Vec<u8>, WeightsError> {
    let mut bytes = Vec::new();
    stream.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| WeightsError::io(source, error))?;
    if bytes.len() as u64 > MOST_BYTES {
        let reason = format!("has more than {MOST_BYTES} bytes, and no file of VGG16's weights has");
        return Err(refuse(source, &reason));
    }
    Ok(bytes)
}

fn refuse(source: &Path, reason: &str) -> WeightsError {
    Fault::Refused(reason.to_owned()).at(source)
}
