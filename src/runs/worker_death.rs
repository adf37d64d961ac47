//! The reason why a run lost its worker: a person's kill, the worker's last output, or a full disk.

use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::layout::RunFolder;
use crate::domain::text::printable;

/// The free space, in bytes, below which a disk is full: a worker could not even log its end.
const FULL: u64 = 1 << 20;

/// The bytes at the end of a worker's output that are read.
const TAIL: u64 = 4096;

/// The most characters of the last output.
const LONGEST: usize = 160;

/// The reason why a worker is gone, if known. `Display` describes it as `its worker was killed by hand`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerDeath {
    /// A person killed it.
    Killed,
    /// The scheduler ended its job, in the scheduler's words.
    Scheduler(String),
    /// The disk of the run's folder is full.
    DiskFull,
    /// The last line that the worker printed, safe to print.
    LastOutput(String),
    /// No reason is known: the worker was killed from outside, or its machine died.
    Silent,
}

impl fmt::Display for WorkerDeath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed => f.write_str("its worker was killed by hand"),
            Self::Scheduler(words) => f.write_str(words),
            Self::DiskFull => f.write_str("its worker is gone and its disk is full"),
            Self::LastOutput(words) => write!(f, "its worker is gone, with the last output: {words}"),
            Self::Silent => f.write_str("its worker is gone without a message"),
        }
    }
}

impl RunFolder {
    /// Returns the reason why the latest worker is gone. Valid only if it is gone.
    #[must_use]
    pub fn worker_death(&self) -> WorkerDeath {
        if self.killed() {
            WorkerDeath::Killed
        } else if let Some(words) = self.job_end() {
            WorkerDeath::Scheduler(words)
        } else if self.is_disk_full() {
            WorkerDeath::DiskFull
        } else {
            self.last_output().map_or(WorkerDeath::Silent, WorkerDeath::LastOutput)
        }
    }

    /// Returns whether the disk of the folder is full.
    pub(super) fn is_disk_full(&self) -> bool {
        if self.is_mirrored() { self.reported_worker().disk_full } else { is_full(self.path()) }
    }

    /// Returns the last line that the latest worker printed.
    pub(super) fn last_output(&self) -> Option<String> {
        if self.is_mirrored() {
            let words = self.reported_worker().last_output?;
            return Some(printable(&words).chars().take(LONGEST).collect());
        }
        let mut file = File::open(self.worker_log()).ok()?;
        let log = file.metadata().ok()?;
        // A worker writes the lock when it begins, so older output belongs to an earlier worker.
        let begun = fs::metadata(self.lock_file()).and_then(|lock| lock.modified()).ok()?;
        if log.modified().ok()? < begun {
            return None;
        }
        file.seek(SeekFrom::Start(log.len().saturating_sub(TAIL))).ok()?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty() && !is_abort_note(line))?;
        Some(printable(line).chars().take(LONGEST).collect())
    }
}

/// Returns whether the line is one that Rust appends to the message of an abort.
fn is_abort_note(line: &str) -> bool {
    ["stack backtrace:", "note: ", "skipping backtrace"].iter().any(|start| line.starts_with(start))
}

fn is_full(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < FULL)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn the_last_words_are_those_of_the_latest_worker() {
        let dir = tempfile::tempdir().expect("a folder");
        let run = RunFolder::at(dir.path());
        assert_eq!(run.worker_death(), WorkerDeath::Silent);
        let mut log = run.open_worker_log().expect("a log");
        log.write_all(b"memory allocation of 7 bytes failed\n").expect("written");
        let write_lock = |at| {
            let lock = File::create(run.lock_file()).expect("a lock");
            lock.set_modified(at).expect("a time");
        };
        write_lock(SystemTime::now() + Duration::from_secs(5));
        assert_eq!(run.worker_death(), WorkerDeath::Silent, "printed by the worker before");
        write_lock(SystemTime::now() - Duration::from_secs(5));
        assert_eq!(run.worker_death(), WorkerDeath::LastOutput("memory allocation of 7 bytes failed".into()));
        log.write_all(b"\x1b[31mred\x07\nstack backtrace:\nnote: some details\n\n").expect("written");
        let words = run.worker_death().to_string();
        assert!(words.starts_with("its worker is gone, with the last output: ") && words.contains("red"), "{words}");
        assert!(!words.contains(['\x1b', '\x07', '\n']), "{words}");
        run.note_killed(7).expect("noted");
        assert_eq!(run.worker_death(), WorkerDeath::Killed);
    }
}
