//! Sources that are pipes: `-`, `/dev/stdin`, and what a shell makes of `<(command)`.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

use super::exit::CommandError;

/// The path that stands for the standard input.
const STDIN: &str = "-";

/// Saves the content of a pipe in a temporary file inside `folder`, because archives are read from their end. `None`
/// for a source that is no pipe.
pub(super) fn save(source: &Path, folder: &Path) -> Result<Option<NamedTempFile>, CommandError> {
    let is_stdin = source == Path::new(STDIN) && !source.exists();
    if is_stdin && io::stdin().is_terminal() {
        return Err(CommandError::Usage("the standard input is a terminal: send a file through a pipe to it".into()));
    }
    let is_pipe = fs::metadata(source).is_ok_and(|about| about.file_type().is_fifo());
    if !is_stdin && !is_pipe {
        return Ok(None);
    }
    let failed =
        |error: io::Error| CommandError::Failure(format!("cannot save what {} sends: {error}", source.display()));
    let mut reader: Box<dyn Read> =
        if is_stdin { Box::new(io::stdin()) } else { Box::new(File::open(source).map_err(failed)?) };
    fs::create_dir_all(folder).map_err(failed)?;
    let mut saved = Builder::new().prefix(".piped-").tempfile_in(folder).map_err(failed)?;
    io::copy(&mut reader, &mut saved).map_err(failed)?;
    Ok(Some(saved))
}
