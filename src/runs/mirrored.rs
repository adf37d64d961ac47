//! The files of a run that a mirror on another machine has, and the report of the run's worker there.
//!
//! A worker holds a lock only on its own machine. The home reports it, and the mirror keeps the report as
//! `worker.json` of the run's folder. Files are named by their number, so that a mirrored path is always one of ours.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::layout::RunFolder;
use super::placement::Liveness;
use crate::durable::{self, versioned::FileKind};

static WORKER: FileKind =
    FileKind { name: "worker report", newest: 1, pretty: false, damaged: "is not the report of a worker", advice: "" };

/// The state of a run's worker as its home reported it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportedLiveness {
    /// A process holds the run's lock.
    Alive,
    /// A worker may begin at any time.
    Submitted,
    /// There is no worker.
    Absent,
    /// The home could not find out, or sent no report yet.
    #[default]
    Unknown,
}

impl From<ReportedLiveness> for Liveness {
    fn from(reported: ReportedLiveness) -> Self {
        match reported {
            ReportedLiveness::Alive => Self::Alive,
            ReportedLiveness::Submitted => Self::Submitted,
            ReportedLiveness::Absent => Self::Absent,
            ReportedLiveness::Unknown => Self::Unknown(io::Error::other("its home did not report its worker")),
        }
    }
}

/// A home's report of a run's worker, with the facts that follow from files which are not mirrored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerReport {
    /// The state of the worker.
    pub liveness: ReportedLiveness,
    /// Whether the weights of the best epoch are saved.
    pub best_weights: bool,
    /// Whether there is a checkpoint to resume from.
    pub checkpoint: bool,
    /// Whether the disk is full. Only for a run without a worker.
    pub disk_full: bool,
    /// The last line that a worker printed before it was gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_output: Option<String>,
}

/// A small file of a run that its mirror has in whole. The numbers are those of the protocol, and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum MirroredFile {
    /// `recipe.json`
    Recipe = 0,
    /// `about.json`
    Annotations = 1,
    /// The [`WorkerReport`].
    Worker = 2,
    /// `control/stop`
    Stop = 3,
    /// `control/pause`
    Pause = 4,
    /// `control/limits.json`
    Limits = 5,
    /// `control/queue.json`
    Queue = 6,
    /// `control/placed.json`
    Placed = 7,
    /// `control/scheduler.json`
    Scheduler = 8,
    /// `control/place.json`
    Place = 9,
    /// `control/killed`
    Killed = 10,
}

impl MirroredFile {
    /// All of them, by their numbers.
    pub const ALL: [Self; 11] = [
        Self::Recipe,
        Self::Annotations,
        Self::Worker,
        Self::Stop,
        Self::Pause,
        Self::Limits,
        Self::Queue,
        Self::Placed,
        Self::Scheduler,
        Self::Place,
        Self::Killed,
    ];

    /// Returns the file with this number; `None` for a number of a later version.
    #[must_use]
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Returns the number in the protocol.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Returns the most bytes that are mirrored. A recipe lists the images that are left out.
    #[must_use]
    pub fn max_bytes(self) -> u64 {
        match self {
            Self::Recipe => 4 << 20,
            Self::Annotations => 256 << 10,
            _ => 64 << 10,
        }
    }

    /// Returns the path in a run's folder.
    #[must_use]
    pub fn path(self, run: &RunFolder) -> PathBuf {
        let control = |name| run.path().join("control").join(name);
        match self {
            Self::Recipe => run.recipe_file(),
            Self::Annotations => run.annotations_file(),
            Self::Worker => run.path().join("worker.json"),
            Self::Stop => control("stop"),
            Self::Pause => control("pause"),
            Self::Limits => run.limits_file(),
            Self::Queue => run.queue_file(),
            Self::Placed => control("placed.json"),
            Self::Scheduler => control("scheduler.json"),
            Self::Place => control("place.json"),
            Self::Killed => control("killed"),
        }
    }
}

impl RunFolder {
    /// Returns the report of the run's worker for mirrors of this home.
    #[must_use]
    pub fn worker_report(&self) -> WorkerReport {
        let liveness = match self.liveness() {
            Liveness::Alive => ReportedLiveness::Alive,
            Liveness::Submitted => ReportedLiveness::Submitted,
            Liveness::Absent => ReportedLiveness::Absent,
            Liveness::Unknown(_) => ReportedLiveness::Unknown,
        };
        let gone = liveness == ReportedLiveness::Absent;
        WorkerReport {
            liveness,
            best_weights: self.has_best_weights(),
            checkpoint: self.has_checkpoint(),
            disk_full: gone && self.is_disk_full(),
            last_output: if gone { self.last_output() } else { None },
        }
    }

    /// Returns the content of the report's file.
    ///
    /// # Errors
    /// Never for a report of this program.
    pub fn worker_report_bytes(&self) -> io::Result<Vec<u8>> {
        WORKER.bytes(&self.worker_report())
    }

    /// Returns the last report of the worker of a mirrored run; the default where there is none.
    pub(super) fn reported_worker(&self) -> WorkerReport {
        WORKER.read(&MirroredFile::Worker.path(self)).ok().flatten().unwrap_or_default()
    }

    /// Writes a file of a mirrored run, or removes it.
    ///
    /// # Errors
    /// If the folder cannot be written, or is a link.
    pub fn write_mirrored(&self, file: MirroredFile, content: Option<&[u8]>) -> io::Result<()> {
        let path = file.path(self);
        let folder = path.parent().unwrap_or(self.path());
        match content {
            Some(content) => {
                durable::create_folder(self.path())?;
                durable::create_folder(folder)?;
                durable::write_unsynced(&path, content)
            }
            None => match durable::check_folder(folder).and_then(|()| fs::remove_file(&path)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Recipe, RunId, Strategy};
    use crate::runs::{Home, RunStore};

    #[test]
    fn every_file_has_its_number_and_a_path_of_its_own_below_the_run() {
        let run = RunFolder::at("/home/checkpoints/heron");
        for (number, file) in MirroredFile::ALL.into_iter().enumerate() {
            assert_eq!(MirroredFile::of_number(u8::try_from(number).expect("small")), Some(file));
            assert!(file.path(&run).starts_with(run.path()), "{file:?}");
            assert_eq!(MirroredFile::ALL.iter().filter(|other| other.path(&run) == file.path(&run)).count(), 1);
        }
        assert_eq!(MirroredFile::of_number(11), None);
    }

    #[test]
    fn a_mirrored_run_is_as_alive_as_its_home_reported() {
        let (here, there) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let store = RunStore::new(Home::new(there.path()));
        let id = store.create(&RunId::new("heron").expect("an id"), &Recipe::sample(Strategy::Cnn)).expect("created");
        let (original, copy) = (store.folder(&id), Home::mirror(here.path()).run(&id));
        fs::create_dir_all(here.path().join("checkpoints")).expect("made");
        let report =
            || copy.write_mirrored(MirroredFile::Worker, Some(&original.worker_report_bytes().expect("bytes")));
        assert!(matches!(copy.liveness(), Liveness::Unknown(_)), "nothing was reported");
        let lock = original.lock().expect("locked").expect("free");
        report().expect("written");
        assert!(matches!(copy.liveness(), Liveness::Alive) && !copy.has_best_weights());
        drop(lock);
        fs::write(original.best_checkpoint(), "weights").expect("written");
        report().expect("written");
        assert!(matches!(copy.liveness(), Liveness::Absent) && copy.has_best_weights() && copy.has_checkpoint());
        assert!(!copy.best_checkpoint().exists(), "the weights stay there");
    }
}
