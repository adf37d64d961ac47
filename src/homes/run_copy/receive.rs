//! The side that gets the run: asks for the parts that it lacks, checks every file, and shows the run once it is whole.
//!
//! ```text
//! HOME/checkpoints/.incoming-RUN/lock           held by the program that receives
//!                               /FILE.HASH      a file, whole or as far as it came
//!                               /run/           the run's folder, which is moved into place
//! ```
//! The name of a part has the checksum of the whole file, so that the next try continues only the same content.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::send::hash;
use super::{CopiedFile, CopiedRun, CopyError, CopyProgress, MAX_FILES, PART, PARTS_ON_THE_WAY, VERSION};
use super::{FromReceiver, FromSender, INCOMING, OfferedFile, incoming};
use crate::domain::RunId;
use crate::durable::{self, lock};
use crate::homes::frame::{FrameReader, FrameWriter};
use crate::homes::protocol::Blob;
use crate::runs::{RunFolder, RunStore};

/// The bytes that stay free on the disk.
const RESERVE: u64 = 256 << 20;

/// The age after which an incomplete copy is deleted.
const KEPT: Duration = Duration::from_hours(24 * 14);

const PARTS: &str = "parts";

/// Receives a run from the sender at the other end of `input` and `output`, under `name` or its own name.
///
/// # Errors
/// If the name is taken, the disk is too full, the sender is gone, or what comes is not what was announced. What came
/// whole or in part stays for the next call.
pub fn receive(
    store: &RunStore,
    name: Option<&RunId>,
    input: impl Read,
    output: impl Write,
    progress: CopyProgress<'_>,
) -> Result<CopiedRun, CopyError> {
    let (mut reader, mut writer) = (FrameReader::new(input), FrameWriter::stored(output));
    let (run, files) = read_offer(&mut reader)?;
    let id = RunId::of_new_run(name.unwrap_or(&run).as_str())?;
    refuse_taken(store, &id)?;
    let staged = Staged::open(store, &id)?;
    staged.keep_only(&files)?;
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let mut here = Vec::new();
    for file in &files {
        here.push(staged.length(file)?);
    }
    let there: u64 = here.iter().sum();
    let missing = bytes - there;
    staged.refuse_full(missing)?;
    let mut say = |message: &FromReceiver| writer.write(message).and_then(|()| writer.flush()).map_err(CopyError::Cut);
    say(&FromReceiver::Missing(missing))?;
    progress(there, bytes);
    let mut wanted = wanted(&files, &here);
    let mut on_the_way: VecDeque<(usize, u32)> = VecDeque::new();
    let mut current: Option<(usize, Incoming)> = None;
    let mut sent = 0;
    loop {
        while on_the_way.len() < PARTS_ON_THE_WAY
            && let Some((number, from, bytes)) = wanted.next()
        {
            say(&FromReceiver::Want { file: u32::try_from(number).unwrap_or(u32::MAX), from, bytes })?;
            on_the_way.push_back((number, bytes));
        }
        let Some((number, expected)) = on_the_way.pop_front() else { break };
        let FromSender::Part(Blob(part)) = next(&mut reader)? else {
            return Err(CopyError::Protocol("no part of a file where one was asked for"));
        };
        if part.len() != expected as usize {
            return Err(CopyError::Protocol("a part of another length than was asked for"));
        }
        if current.as_ref().is_some_and(|(open, _)| *open != number)
            && let Some((_, whole)) = current.take()
        {
            whole.finish()?;
        }
        let (_, file) = match &mut current {
            Some(open) => open,
            slot => slot.insert((number, Incoming::open(&staged, &files[number])?)),
        };
        file.append(&part)?;
        sent += part.len() as u64;
        progress(there + sent, bytes);
    }
    if let Some((_, whole)) = current {
        whole.finish()?;
    }
    staged.publish(store, &id, &files)?;
    let done = CopiedRun { id: id.clone(), bytes, sent, files: files.len() };
    // The run is whole, whether or not the sender hears of it.
    let _ = say(&FromReceiver::Done(id));
    Ok(done)
}

fn next(reader: &mut FrameReader<impl Read>) -> Result<FromSender, CopyError> {
    let message = reader.read().map_err(CopyError::Cut)?;
    message.ok_or_else(|| CopyError::Cut(io::ErrorKind::UnexpectedEof.into()))
}

/// Reads the announced run and its files, each of which is there once and within its bound.
fn read_offer(reader: &mut FrameReader<impl Read>) -> Result<(RunId, Vec<OfferedFile>), CopyError> {
    let FromSender::Offer { version, run, files: count } = next(reader)? else {
        return Err(CopyError::Protocol("no announcement of a run"));
    };
    if version != VERSION {
        return Err(CopyError::Version(version));
    }
    if count > MAX_FILES {
        return Err(CopyError::Protocol("more files than a run can have"));
    }
    let (mut files, mut seen) = (Vec::new(), BTreeSet::new());
    while files.len() < count as usize {
        let FromSender::Files(more) = next(reader)? else {
            return Err(CopyError::Protocol("something else than the announced files"));
        };
        if more.is_empty() || files.len() + more.len() > count as usize {
            return Err(CopyError::Protocol("another number of files than it announced"));
        }
        for file in more {
            if file.bytes > file.file.max_bytes() || !seen.insert(file.file) {
                return Err(CopyError::Protocol("a file twice, or one that is longer than such a file can be"));
            }
            files.push(file);
        }
    }
    if !seen.contains(&CopiedFile::Recipe) {
        return Err(CopyError::Protocol("a run without a recipe"));
    }
    Ok((run, files))
}

/// Returns the parts to ask for: the number of the file, the position, and the bytes.
fn wanted<'f>(files: &'f [OfferedFile], here: &'f [u64]) -> impl Iterator<Item = (usize, u64, u32)> + 'f {
    files.iter().zip(here).enumerate().flat_map(|(number, (file, here))| {
        let part = |from: u64| u32::try_from(file.bytes - from).unwrap_or(PART).min(PART);
        (*here..file.bytes).step_by(PART as usize).map(move |from| (number, from, part(from)))
    })
}

/// The folder in which a copy grows until it is whole.
struct Staged {
    path: PathBuf,
    /// Held as long as the copy grows.
    _lock: File,
}

impl Staged {
    fn open(store: &RunStore, id: &RunId) -> Result<Self, CopyError> {
        let path = incoming(store.home(), id);
        delete_old(&store.home().checkpoints());
        durable::create_folder(&path).map_err(CopyError::at(&path))?;
        let lock = lock::acquire(&path.join("lock"), Duration::from_millis(200)).map_err(CopyError::at(&path))?;
        let lock = lock.ok_or_else(|| CopyError::InUse(id.clone()))?;
        let staged = Self { path, _lock: lock };
        let parts = staged.path.join(PARTS);
        durable::create_folder(&parts).map_err(CopyError::at(&parts))?;
        Ok(staged)
    }

    /// Returns the path of a file, whole or in part.
    fn part(&self, file: &OfferedFile) -> PathBuf {
        let name = file.file.path(&RunFolder::at("")).to_string_lossy().replace('/', "-");
        let hash = blake3::Hash::from_bytes(file.hash).to_hex();
        self.path.join(PARTS).join(format!("{name}.{}", &hash[..16]))
    }

    /// Deletes parts of files that are not announced any more.
    fn keep_only(&self, files: &[OfferedFile]) -> Result<(), CopyError> {
        let wanted: BTreeSet<PathBuf> = files.iter().map(|file| self.part(file)).collect();
        let folder = self.path.join(PARTS);
        for entry in fs::read_dir(&folder).map_err(CopyError::at(&folder))?.filter_map(Result::ok) {
            let path = entry.path();
            if !wanted.contains(&path) {
                fs::remove_file(&path).map_err(CopyError::at(&path))?;
            }
        }
        Ok(())
    }

    /// Returns the bytes of a file that are here. A whole file with another content counts as none.
    fn length(&self, file: &OfferedFile) -> Result<u64, CopyError> {
        let path = self.part(file);
        let length = match fs::symlink_metadata(&path) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound && file.bytes > 0 => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Incoming::open(self, file)?.finish()?;
                return Ok(0);
            }
            Err(error) => return Err(CopyError::at(&path)(error)),
        };
        if length < file.bytes {
            return Ok(length);
        }
        if hash(&path).map_err(CopyError::at(&path))? == (file.bytes, file.hash) {
            return Ok(length);
        }
        fs::remove_file(&path).map_err(CopyError::at(&path))?;
        Ok(0)
    }

    fn refuse_full(&self, needed: u64) -> Result<(), CopyError> {
        let free = durable::free_bytes(&self.path).map_err(CopyError::at(&self.path))?;
        if needed > 0 && free < needed.saturating_add(RESERVE) {
            return Err(CopyError::Space { needed, free, folder: self.path.clone() });
        }
        Ok(())
    }

    /// Moves the whole run into place, and removes the folder.
    fn publish(self, store: &RunStore, id: &RunId, files: &[OfferedFile]) -> Result<(), CopyError> {
        let ready = RunFolder::at(self.path.join("run"));
        let failed = CopyError::at(ready.path());
        // A former call may have ended between two moves.
        match fs::remove_dir_all(ready.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => fs::create_dir(ready.path()).map_err(&failed)?,
        }
        for file in files {
            let to = file.file.path(&ready);
            to.parent().map_or(Ok(()), fs::create_dir_all).map_err(&failed)?;
            fs::rename(self.part(file), &to).map_err(CopyError::at(&to))?;
            to.parent().map_or(Ok(()), durable::sync_folder).map_err(&failed)?;
        }
        ready.recipe()?;
        refuse_taken(store, id)?;
        let (folder, checkpoints) = (store.folder(id), store.home().checkpoints());
        durable::move_folder(ready.path(), folder.path(), &name_of_recipe(&folder)).map_err(&failed)?;
        durable::sync_folder(&checkpoints).map_err(CopyError::at(&checkpoints))?;
        // An empty folder that stays is deleted when it is old.
        let _ = fs::remove_dir_all(&self.path);
        Ok(())
    }
}

fn refuse_taken(store: &RunStore, id: &RunId) -> Result<(), CopyError> {
    store.refuse_taken(id).map_err(|_| CopyError::Taken(id.clone()))
}

fn name_of_recipe(folder: &RunFolder) -> String {
    folder.recipe_file().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Deletes incomplete copies that nobody has continued for long.
fn delete_old(checkpoints: &Path) {
    let Ok(entries) = fs::read_dir(checkpoints) else { return };
    for entry in entries.filter_map(Result::ok) {
        let is_copy = entry.file_name().to_str().is_some_and(|name| name.starts_with(INCOMING));
        let parts = entry.path().join(PARTS);
        let age = || fs::symlink_metadata(&parts).and_then(|folder| folder.modified()).ok()?.elapsed().ok();
        if is_copy && age().is_some_and(|age| age > KEPT) && !lock::state(&entry.path().join("lock")).may_be_held() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A file that is coming.
struct Incoming {
    file: File,
    path: PathBuf,
    hasher: blake3::Hasher,
    hash: [u8; 32],
}

impl Incoming {
    fn open(staged: &Staged, offered: &OfferedFile) -> Result<Self, CopyError> {
        let path = staged.part(offered);
        let failed = CopyError::at(&path);
        let mut file = durable::in_place_options().create(true).append(true).read(true).open(&path).map_err(&failed)?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 1 << 20];
        while let read @ 1.. = file.read(&mut buffer).map_err(&failed)? {
            hasher.update(&buffer[..read]);
        }
        drop(failed);
        Ok(Self { file, path, hasher, hash: offered.hash })
    }

    fn append(&mut self, part: &[u8]) -> Result<(), CopyError> {
        self.hasher.update(part);
        self.file.write_all(part).map_err(CopyError::at(&self.path))
    }

    /// Checks the content, and makes it last. Another content is deleted.
    fn finish(self) -> Result<(), CopyError> {
        if self.hasher.finalize() != blake3::Hash::from_bytes(self.hash) {
            fs::remove_file(&self.path).map_err(CopyError::at(&self.path))?;
            return Err(CopyError::Damaged(self.path));
        }
        self.file.sync_all().map_err(CopyError::at(&self.path))
    }
}
