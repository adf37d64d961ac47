//! The side that has the run: announces its files, and sends the parts that are asked for.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::{CopiedFile, CopiedRun, CopyError, CopyProgress, FILES_PER_MESSAGE, MAX_FILES, PART, VERSION};
use super::{FromReceiver, FromSender, OfferedFile};
use crate::domain::{RunId, now};
use crate::homes::frame::{FrameReader, FrameWriter};
use crate::homes::protocol::Blob;
use crate::runs::{RunFolder, RunStore};

/// Sends a run to the receiver at the other end of `input` and `output`.
///
/// # Errors
/// If a worker changes the run, a file cannot be read or changes meanwhile, or the receiver is gone.
pub fn send(
    store: &RunStore,
    id: &RunId,
    input: impl Read,
    output: impl Write,
    progress: CopyProgress<'_>,
) -> Result<CopiedRun, CopyError> {
    let folder = store.folder(id);
    refuse_busy(&folder, id)?;
    let files = offer(&folder)?;
    // A worker that began meanwhile may have changed files that were read before.
    refuse_busy(&folder, id)?;
    let (mut reader, mut writer) = (FrameReader::new(input), FrameWriter::stored(output));
    let count = u32::try_from(files.len()).unwrap_or(u32::MAX);
    writer.write(&FromSender::Offer { version: VERSION, run: id.clone(), files: count }).map_err(CopyError::Cut)?;
    for files in files.chunks(FILES_PER_MESSAGE) {
        writer.write(&FromSender::Files(files.to_vec())).map_err(CopyError::Cut)?;
    }
    writer.flush().map_err(CopyError::Cut)?;
    let bytes = files.iter().map(|file| file.bytes).sum();
    let (mut there, mut sent) = (0, 0);
    let mut open: Option<(u32, File)> = None;
    loop {
        let message = reader.read().map_err(CopyError::Cut)?;
        match message.ok_or_else(|| CopyError::Cut(std::io::ErrorKind::UnexpectedEof.into()))? {
            FromReceiver::Missing(missing) => there = u64::saturating_sub(bytes, missing),
            FromReceiver::Want { file: number, from, bytes: part } => {
                let wanted = files.get(number as usize).filter(|file| part <= PART && from < file.bytes);
                let wanted = wanted.ok_or(CopyError::Protocol("a request for a part that there is not"))?;
                let path = wanted.file.path(&folder);
                let file = match &mut open {
                    Some((opened, file)) if *opened == number => file,
                    slot => &mut slot.insert((number, File::open(&path).map_err(CopyError::at(&path))?)).1,
                };
                let mut content = vec![0; part as usize];
                let read = file.seek(SeekFrom::Start(from)).and_then(|_| file.read_exact(&mut content));
                read.map_err(|_| CopyError::Changed(path))?;
                writer.write(&FromSender::Part(Blob(content))).map_err(CopyError::Cut)?;
                writer.flush().map_err(CopyError::Cut)?;
                sent += u64::from(part);
            }
            FromReceiver::Done(id) => return Ok(CopiedRun { id, bytes, sent, files: files.len() }),
        }
        progress((there + sent).min(bytes), bytes);
    }
}

fn refuse_busy(folder: &RunFolder, id: &RunId) -> Result<(), CopyError> {
    let is_busy = folder.worker_alive() || folder.is_starting(now());
    if is_busy { Err(CopyError::Busy(id.clone())) } else { Ok(()) }
}

/// Returns the files of a run with their checksums.
fn offer(folder: &RunFolder) -> Result<Vec<OfferedFile>, CopyError> {
    let files = CopiedFile::of_run(folder);
    if files.len() > MAX_FILES as usize {
        return Err(CopyError::Unfit { path: folder.path().to_owned(), reason: "it has too many files" });
    }
    let mut offered = Vec::new();
    for file in files {
        let path = file.path(folder);
        let (bytes, hash) = hash(&path).map_err(CopyError::at(&path))?;
        if bytes <= file.max_bytes() {
            offered.push(OfferedFile { file, bytes, hash });
        } else if file != CopiedFile::WorkerOutput {
            return Err(CopyError::Unfit { path, reason: "it is longer than such a file can be" });
        }
    }
    Ok(offered)
}

/// Returns length and BLAKE3 of a file.
pub(super) fn hash(path: &Path) -> std::io::Result<(u64, [u8; 32])> {
    let mut hasher = blake3::Hasher::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    while let read @ 1.. = file.read(&mut buffer)? {
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok((bytes, hasher.finalize().into()))
}
