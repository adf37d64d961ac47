//! A section: rows of features in a file, and the table of its chunks.

use std::fs::{self, File, TryLockError};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rayon::prelude::*;

use crate::durable::{self, FileBytes, lock};

/// Rows that are written and checked together.
pub const CHUNK: usize = 256;

/// Bytes of a table's entry: the CRC-32, and above it a one if the chunk is present.
const ENTRY: usize = 8;
const PRESENT: u64 = 1 << 32;

/// The longest wait for a process that only inspects the lock.
const PATIENCE: Duration = Duration::from_millis(500);

/// The path and size of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    stem: PathBuf,
    rows: usize,
    row: usize,
}

/// The result of opening a section.
#[derive(Debug)]
pub enum SectionState {
    /// All chunks are present.
    Complete(Complete),
    /// Some chunks are missing; the holder may write them.
    Unfinished(UnfinishedSection),
    /// Another process is computing the section.
    Busy,
}

impl Section {
    /// Returns the section with this name in a key's folder: `rows` rows of `row` values.
    #[must_use]
    pub fn new(folder: &Path, stem: &str, rows: usize, row: usize) -> Self {
        Self { stem: folder.join(stem), rows, row }
    }

    /// Returns the path of the values.
    #[must_use]
    pub fn values_file(&self) -> PathBuf {
        self.stem.with_added_extension("f32")
    }

    /// Returns the path of the table.
    #[must_use]
    pub fn table_file(&self) -> PathBuf {
        self.stem.with_added_extension("table")
    }

    /// Returns the bytes of the values.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (self.rows * self.row * size_of::<f32>()) as u64
    }

    /// Returns the bytes that the section does not occupy yet; its file is sparse until its chunks are written.
    #[must_use]
    pub fn missing_bytes(&self) -> u64 {
        let taken = fs::metadata(self.values_file()).map_or(0, |metadata| metadata.blocks() * 512);
        self.bytes().saturating_sub(taken)
    }

    /// Returns the number of rows that the table calls present; 0 without a table.
    #[must_use]
    pub fn rows_in_table(&self) -> usize {
        let table = fs::read(self.table_file()).unwrap_or_default();
        let entries = table.as_chunks::<ENTRY>().0.iter().map(|entry| u64::from_le_bytes(*entry));
        let present = entries.take(self.chunks()).enumerate().filter(|(_, entry)| entry & PRESENT != 0);
        present.map(|(chunk, _)| self.rows_of(chunk).len()).sum()
    }

    fn chunks(&self) -> usize {
        self.rows.div_ceil(CHUNK)
    }

    fn rows_of(&self, chunk: usize) -> Range<usize> {
        chunk * CHUNK..((chunk + 1) * CHUNK).min(self.rows)
    }

    /// Opens the section, checks every chunk in the table, and takes a shared lock if it is complete, else an exclusive
    /// one.
    ///
    /// # Errors
    /// If the files cannot be created, read or locked.
    pub fn open(&self) -> io::Result<SectionState> {
        let open =
            |path: &Path| durable::in_place_options().create(true).truncate(false).read(true).write(true).open(path);
        let table = open(&self.table_file())?;
        // A lock counts only while the table still has its path, because a removal unlinks it under the lock.
        let held =
            |attempt| Ok::<_, io::Error>(is_acquired(attempt)? && durable::is_same_file(&table, &self.table_file()));
        if !held(table.try_lock_shared())? {
            return Ok(SectionState::Busy);
        }
        let values = open(&self.values_file())?;
        if self.is_complete(&table, &values)? {
            // The time decides which section is removed first.
            let _ = table.set_modified(SystemTime::now());
            return Ok(SectionState::Complete(Complete { section: self.clone(), map: map(&values)?, _lock: table }));
        }
        drop(values);
        table.unlock()?;
        if !held(table.try_lock())? {
            return Ok(SectionState::Busy);
        }
        let values = open(&self.values_file())?;
        // Sparse: chunks take disk space when they are written.
        values.set_len(self.bytes())?;
        table.set_len((self.chunks() * ENTRY) as u64)?;
        let missing = self.missing(&table, &values)?;
        Ok(SectionState::Unfinished(UnfinishedSection { section: self.clone(), missing, values, table }))
    }

    /// Opens the section if it is complete and not being computed; creates and changes nothing.
    ///
    /// # Errors
    /// If the files exist and cannot be read or locked.
    pub fn open_if_complete(&self) -> io::Result<Option<Complete>> {
        let (table, values) = match (File::open(self.table_file()), File::open(self.values_file())) {
            (Ok(table), Ok(values)) => (table, values),
            (Err(error), _) | (_, Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => return Ok(None),
        };
        // A process that frees space holds the lock for an instant.
        let held =
            lock::wait_for(|| table.try_lock_shared(), PATIENCE)? && durable::is_same_file(&table, &self.table_file());
        if !held || !self.is_complete(&table, &values)? {
            return Ok(None);
        }
        let _ = table.set_modified(SystemTime::now());
        Ok(Some(Complete { section: self.clone(), map: map(&values)?, _lock: table }))
    }

    /// Returns the chunks that are absent or damaged, in order.
    fn missing(&self, table: &File, values: &File) -> io::Result<Vec<usize>> {
        let mut entries = vec![0; self.chunks() * ENTRY];
        table.read_exact_at(&mut entries, 0)?;
        let map = map(values)?;
        let is_intact = |chunk: &usize| {
            let entry = u64::from_le_bytes(*entries[chunk * ENTRY..].first_chunk().unwrap_or(&[0; ENTRY]));
            entry & PRESENT != 0 && entry == PRESENT | u64::from(crc32fast::hash(self.chunk_bytes(&map, *chunk)))
        };
        Ok((0..self.chunks()).into_par_iter().filter(|chunk| !is_intact(chunk)).collect())
    }

    fn is_complete(&self, table: &File, values: &File) -> io::Result<bool> {
        let lengths = [table.metadata()?.len(), values.metadata()?.len()];
        Ok(lengths == [(self.chunks() * ENTRY) as u64, self.bytes()] && self.missing(table, values)?.is_empty())
    }

    fn chunk_bytes<'a>(&self, bytes: &'a [u8], chunk: usize) -> &'a [u8] {
        let Range { start, end } = self.rows_of(chunk);
        &bytes[start * self.row * size_of::<f32>()..end * self.row * size_of::<f32>()]
    }
}

fn is_acquired(attempt: Result<(), TryLockError>) -> io::Result<bool> {
    match attempt {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[allow(unsafe_code)]
fn map(file: &File) -> io::Result<FileBytes> {
    // SAFETY: a map is sound while nobody truncates or changes the file. A section's file never shrinks, and only the
    // holder of the table's exclusive lock writes it. This map is read under the shared lock or by that holder. A
    // removal unlinks the file, which the map keeps.
    unsafe { FileBytes::new(file) }
}

/// A section that only its holder may write.
#[derive(Debug)]
pub struct UnfinishedSection {
    section: Section,
    missing: Vec<usize>,
    values: File,
    table: File,
}

impl UnfinishedSection {
    /// Returns the missing chunks in order, each with its rows.
    #[must_use]
    pub fn missing(&self) -> Vec<(usize, Range<usize>)> {
        self.missing.iter().map(|chunk| (*chunk, self.section.rows_of(*chunk))).collect()
    }

    /// Writes the rows of a chunk.
    ///
    /// # Errors
    /// If the write fails, as on a full disk; the chunk then stays missing.
    ///
    /// # Panics
    /// If `rows` has another length than the chunk.
    pub fn write(&self, chunk: usize, rows: &[f32]) -> io::Result<()> {
        let range = self.section.rows_of(chunk);
        assert_eq!(rows.len(), range.len() * self.section.row, "numbers of a chunk");
        let bytes: Vec<u8> = rows.iter().flat_map(|value| value.to_le_bytes()).collect();
        let at = (range.start * self.section.row * size_of::<f32>()) as u64;
        self.values.write_all_at(&bytes, at)?;
        // Written after the values. If a crash loses part of them, the checksum differs.
        let entry = PRESENT | u64::from(crc32fast::hash(&bytes));
        self.table.write_all_at(&entry.to_le_bytes(), (chunk * ENTRY) as u64)
    }
}

/// A complete section, which cannot be removed while this value exists.
#[derive(Debug)]
pub struct Complete {
    section: Section,
    map: FileBytes,
    _lock: File,
}

impl Complete {
    /// Copies a row, `[features]`, to `out`.
    ///
    /// # Panics
    /// If there is no such row, or `out` has another length than a row.
    pub fn read(&self, row: usize, out: &mut [f32]) {
        assert_eq!(out.len(), self.section.row, "numbers of a row");
        let len = self.section.row * size_of::<f32>();
        for (value, bytes) in out.iter_mut().zip(self.map[row * len..][..len].as_chunks().0) {
            *value = f32::from_le_bytes(*bytes);
        }
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.section.rows
    }
}
