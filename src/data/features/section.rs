//! One section: rows of features in a file, and the table of what of it is there.

use std::fs::{self, File, TryLockError};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use memmap2::Mmap;
use rayon::prelude::*;

use crate::durable::{self, lock};

/// Rows that are written and checked together.
pub const CHUNK: usize = 256;

/// Bytes of a table's entry: the CRC-32 and, above it, a one where the chunk is there.
const ENTRY: usize = 8;
const PRESENT: u64 = 1 << 32;

/// Longest wait for somebody who looks at a lock, which takes an instant.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where a section lies and how large it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    stem: PathBuf,
    rows: usize,
    row: usize,
}

/// What opening a section finds.
#[derive(Debug)]
pub enum Opened {
    /// All of it is there.
    Complete(Complete),
    /// Something is to be computed, by whoever holds this.
    Unfinished(Unfinished),
    /// Another process is computing it.
    Busy,
}

impl Section {
    /// The section with this name in a key's folder: `rows` rows of `row` numbers.
    #[must_use]
    pub fn new(folder: &Path, stem: &str, rows: usize, row: usize) -> Self {
        Self { stem: folder.join(stem), rows, row }
    }

    /// The file of numbers.
    #[must_use]
    pub fn values_file(&self) -> PathBuf {
        self.stem.with_added_extension("f32")
    }

    /// The table.
    #[must_use]
    pub fn table_file(&self) -> PathBuf {
        self.stem.with_added_extension("table")
    }

    /// Bytes of the numbers.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (self.rows * self.row * size_of::<f32>()) as u64
    }

    /// Bytes of disk that it does not take yet: the file is sparse until its chunks are written.
    #[must_use]
    pub fn missing_bytes(&self) -> u64 {
        let taken = fs::metadata(self.values_file()).map_or(0, |metadata| metadata.blocks() * 512);
        self.bytes().saturating_sub(taken)
    }

    fn chunks(&self) -> usize {
        self.rows.div_ceil(CHUNK)
    }

    fn rows_of(&self, chunk: usize) -> Range<usize> {
        chunk * CHUNK..((chunk + 1) * CHUNK).min(self.rows)
    }

    /// Opens it, checks every chunk that the table claims, and takes the lock that fits what is found.
    ///
    /// # Errors
    /// When the files cannot be made, read or locked.
    pub fn open(&self) -> io::Result<Opened> {
        let open =
            |path: &Path| durable::in_place_options().create(true).truncate(false).read(true).write(true).open(path);
        let table = open(&self.table_file())?;
        // Under the lock, which counts only on the table that is still in its place: whoever removes a section holds
        // it.
        let held = |attempt| Ok::<_, io::Error>(taken(attempt)? && durable::is_same_file(&table, &self.table_file()));
        if !held(table.try_lock_shared())? {
            return Ok(Opened::Busy);
        }
        let values = open(&self.values_file())?;
        if self.is_whole(&table, &values)? {
            // Who is used last is removed last.
            let _ = table.set_modified(SystemTime::now());
            return Ok(Opened::Complete(Complete { section: self.clone(), map: map(&values)?, _lock: table }));
        }
        drop(values);
        table.unlock()?;
        if !held(table.try_lock())? {
            return Ok(Opened::Busy);
        }
        let values = open(&self.values_file())?;
        // Sparse: disk is taken as chunks are written.
        values.set_len(self.bytes())?;
        table.set_len((self.chunks() * ENTRY) as u64)?;
        let missing = self.missing(&table, &values)?;
        Ok(Opened::Unfinished(Unfinished { section: self.clone(), missing, values, table }))
    }

    /// Opens it if all of it is there and nobody is at it; makes, changes and computes nothing.
    ///
    /// # Errors
    /// When the files are there and cannot be read or locked.
    pub fn open_if_whole(&self) -> io::Result<Option<Complete>> {
        let (table, values) = match (File::open(self.table_file()), File::open(self.values_file())) {
            (Ok(table), Ok(values)) => (table, values),
            (Err(error), _) | (_, Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => return Ok(None),
        };
        // Who makes room holds it alone for an instant.
        let held =
            lock::wait_for(|| table.try_lock_shared(), PATIENCE)? && durable::is_same_file(&table, &self.table_file());
        if !held || !self.is_whole(&table, &values)? {
            return Ok(None);
        }
        let _ = table.set_modified(SystemTime::now());
        Ok(Some(Complete { section: self.clone(), map: map(&values)?, _lock: table }))
    }

    /// The chunks that are not there or not as they were written, in order.
    fn missing(&self, table: &File, values: &File) -> io::Result<Vec<usize>> {
        let mut entries = vec![0; self.chunks() * ENTRY];
        table.read_exact_at(&mut entries, 0)?;
        let map = map(values)?;
        let stands = |chunk: &usize| {
            let entry = u64::from_le_bytes(*entries[chunk * ENTRY..].first_chunk().unwrap_or(&[0; ENTRY]));
            entry & PRESENT != 0 && entry == PRESENT | u64::from(crc32fast::hash(self.part(&map, *chunk)))
        };
        Ok((0..self.chunks()).into_par_iter().filter(|chunk| !stands(chunk)).collect())
    }

    fn is_whole(&self, table: &File, values: &File) -> io::Result<bool> {
        let lengths = [table.metadata()?.len(), values.metadata()?.len()];
        Ok(lengths == [(self.chunks() * ENTRY) as u64, self.bytes()] && self.missing(table, values)?.is_empty())
    }

    fn part<'a>(&self, bytes: &'a [u8], chunk: usize) -> &'a [u8] {
        let Range { start, end } = self.rows_of(chunk);
        &bytes[start * self.row * size_of::<f32>()..end * self.row * size_of::<f32>()]
    }
}

fn taken(attempt: Result<(), TryLockError>) -> io::Result<bool> {
    match attempt {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[allow(unsafe_code)]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: a map is sound while nobody truncates or changes the file under it. A section's file never shrinks, is
    // written only by the holder of the table's exclusive lock, and this map is read under the shared lock or by that
    // very holder; removing a section unlinks the file, which then lives on under its map.
    unsafe { Mmap::map(file) }
}

/// A section that its holder alone may write.
#[derive(Debug)]
pub struct Unfinished {
    section: Section,
    missing: Vec<usize>,
    values: File,
    table: File,
}

impl Unfinished {
    /// The chunks that are to be computed, in order, each with its rows.
    #[must_use]
    pub fn missing(&self) -> Vec<(usize, Range<usize>)> {
        self.missing.iter().map(|chunk| (*chunk, self.section.rows_of(*chunk))).collect()
    }

    /// Writes the rows of a chunk.
    ///
    /// # Errors
    /// When the disk is full or gone; the chunk then stays missing.
    ///
    /// # Panics
    /// If there are more or fewer numbers than the chunk has.
    pub fn write(&self, chunk: usize, rows: &[f32]) -> io::Result<()> {
        let range = self.section.rows_of(chunk);
        assert_eq!(rows.len(), range.len() * self.section.row, "numbers of a chunk");
        let bytes: Vec<u8> = rows.iter().flat_map(|value| value.to_le_bytes()).collect();
        let at = (range.start * self.section.row * size_of::<f32>()) as u64;
        self.values.write_all_at(&bytes, at)?;
        // After the numbers: were both lost in part, the checksum tells.
        let entry = PRESENT | u64::from(crc32fast::hash(&bytes));
        self.table.write_all_at(&entry.to_le_bytes(), (chunk * ENTRY) as u64)
    }
}

/// A section that is all there, and stays while this lives.
#[derive(Debug)]
pub struct Complete {
    section: Section,
    map: Mmap,
    _lock: File,
}

impl Complete {
    /// Copies a row.
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

    /// How many rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.section.rows
    }
}
