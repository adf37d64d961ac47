//! The number of a run's latest worker: `control/generation`.
//!
//! A worker takes the next number when it begins, and checks before it writes that no later worker has begun. Some
//! shared file systems grant one lock to two hosts: without the number, two workers would write one run.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::layout::RunFolder;

/// A worker's number in its run.
#[derive(Debug, Clone)]
pub struct Generation {
    folder: RunFolder,
    number: u64,
}

impl Generation {
    /// Returns whether no later worker of the run has begun. A file that cannot be read is no later worker.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.folder.generation().map_or(true, |latest| latest <= self.number)
    }
}

impl RunFolder {
    /// Returns the path of the file with the number of the run's latest worker.
    #[must_use]
    pub fn generation_file(&self) -> PathBuf {
        self.control().join("generation")
    }

    /// Returns the number of the run's latest worker, 0 before the first.
    fn generation(&self) -> io::Result<u64> {
        match fs::read_to_string(self.generation_file()) {
            Ok(text) => text
                .trim()
                .parse()
                .map_err(|_| io::Error::other("it holds no number; remove it if no worker of this run is running")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Takes the next number for a worker that begins and holds the run's lock.
    ///
    /// # Errors
    /// If the number cannot be read or written.
    pub fn begin_generation(&self) -> io::Result<Generation> {
        let number = self.generation()?.saturating_add(1);
        self.request(&self.generation_file(), format!("{number}\n").as_bytes())?;
        Ok(Generation { folder: self.clone(), number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_current_until_a_later_one_begins() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::at(folder.path());
        let first = run.begin_generation().expect("written");
        assert!(first.is_current());
        let second = run.begin_generation().expect("written");
        assert!(!first.is_current() && second.is_current());
        fs::write(run.generation_file(), "no number").expect("written");
        assert!(second.is_current(), "damage is no later worker");
        assert!(run.begin_generation().is_err_and(|error| error.to_string().contains("remove it")));
    }
}
