//! Copies of whole runs, with weights, between two homes: the messages, and the files that a copy has.
//!
//! The sender has the run, and the receiver asks for the parts that it lacks. They exchange frames over the standard
//! input and output of `mien copy-run` on the other machine. Files are kinds, never paths.

mod receive;
mod send;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::protocol::{Blob, RunFile};
use crate::domain::{NameError, RunId, Size};
use crate::durable::versioned::FileError;
use crate::runs::mirrored::MirroredFile;
use crate::runs::{Home, RunFolder};

pub use receive::receive;
pub use send::send;

/// The version of the messages. Raise it with every change of them.
const VERSION: u32 = 1;

/// The most bytes of a part of a file.
const PART: u32 = 64 << 10;

/// The parts that are asked for before the first of them has come.
const PARTS_ON_THE_WAY: usize = 64;

/// The most files of a run: one for each epoch, and a few.
const MAX_FILES: u32 = 100_000;

/// The files that one message lists.
const FILES_PER_MESSAGE: usize = 1000;

/// The most bytes of a network's weights or a training state.
const MAX_CHECKPOINT: u64 = 64 << 30;

/// A file of a run that a copy has. Requests to a worker, locks and derived files stay behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum CopiedFile {
    /// The recipe.
    Recipe,
    /// Tags, note and former names.
    Annotations,
    /// The limits that replace those of the recipe.
    Limits,
    /// The event log.
    Log,
    /// The printed output of the workers.
    WorkerOutput,
    /// The training state before the newest.
    Previous,
    /// Weights, the newest training state, or predictions.
    Large(RunFile),
}

impl CopiedFile {
    /// Returns all files that this run has.
    fn of_run(run: &RunFolder) -> Vec<Self> {
        let large = [RunFile::Start, RunFile::Best, RunFile::Last, RunFile::Test, RunFile::TestViews, RunFile::Train];
        let epochs = run.validation_epochs().into_iter().map(RunFile::Validation);
        let small =
            [Self::Recipe, Self::Annotations, Self::Limits, Self::Log, Self::WorkerOutput, Self::Previous].into_iter();
        small.chain(large.into_iter().chain(epochs).map(Self::Large)).filter(|file| file.path(run).is_file()).collect()
    }

    /// Returns the path in a run's folder.
    fn path(self, run: &RunFolder) -> PathBuf {
        match self {
            Self::Recipe => MirroredFile::Recipe.path(run),
            Self::Annotations => MirroredFile::Annotations.path(run),
            Self::Limits => MirroredFile::Limits.path(run),
            Self::Log => run.events_file(),
            Self::WorkerOutput => run.worker_log(),
            Self::Previous => run.previous_checkpoint(),
            Self::Large(file) => file.path(run),
        }
    }

    /// Returns the most bytes that are taken.
    fn max_bytes(self) -> u64 {
        match self {
            Self::Recipe => MirroredFile::Recipe.max_bytes(),
            Self::Annotations => MirroredFile::Annotations.max_bytes(),
            Self::Limits => MirroredFile::Limits.max_bytes(),
            Self::Log => 4 << 30,
            Self::WorkerOutput => 64 << 20,
            Self::Previous | Self::Large(RunFile::Start | RunFile::Best | RunFile::Last) => MAX_CHECKPOINT,
            Self::Large(_) => super::link::MAX_PREDICTIONS,
        }
    }
}

/// A file as the sender announces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct OfferedFile {
    file: CopiedFile,
    bytes: u64,
    /// BLAKE3 of the content.
    hash: [u8; 32],
}

/// A message of the side that has the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum FromSender {
    /// The first message: the version of the messages, the run, and the number of its files.
    Offer { version: u32, run: RunId, files: u32 },
    /// The next files.
    Files(Vec<OfferedFile>),
    /// The part that was asked for first among those which did not come yet.
    Part(Blob),
}

/// A message of the side that gets the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum FromReceiver {
    /// The bytes that are not there yet.
    Missing(u64),
    /// Send a part of the file with this number in the offer.
    Want { file: u32, from: u64, bytes: u32 },
    /// The run is complete, and has this name.
    Done(RunId),
}

/// A completed copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedRun {
    /// The name of the copy.
    pub id: RunId,
    /// The bytes of its files.
    pub bytes: u64,
    /// The bytes that were sent now; the others had come before.
    pub sent: u64,
    /// The number of its files.
    pub files: usize,
}

/// The reason why a run was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A worker changes the run.
    #[error("{0} has a worker, which changes its files: copy it after its end, or end it with `mien stop {0}`")]
    Busy(RunId),
    /// The name is taken in the home that gets the run.
    #[error("there is a run {0} already: give the copy another name with --name")]
    Taken(RunId),
    /// Another program copies a run to this name.
    #[error("another mien copies a run to {0} now: wait for its end")]
    InUse(RunId),
    /// The name is not valid for a run.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The disk is too full.
    #[error("the copy needs {}, and {} has {} free: free some space, and repeat the command", Size(*needed), folder.display(), Size(*free))]
    Space {
        /// The bytes that are missing.
        needed: u64,
        /// The bytes that are free.
        free: u64,
        /// The folder.
        folder: PathBuf,
    },
    /// A file of the run cannot be copied.
    #[error("cannot copy {}: {reason}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: &'static str,
    },
    /// A file changed while it was copied.
    #[error("{} changed while it was copied: repeat the command", .0.display())]
    Changed(PathBuf),
    /// A file has another content than was announced.
    #[error("{} came with another content than its checksum says: repeat the command", .0.display())]
    Damaged(PathBuf),
    /// The recipe cannot be read.
    #[error(transparent)]
    Recipe(#[from] FileError),
    /// A file operation failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The other side sent something that no mien sends.
    #[error("the other side sent {0}")]
    Protocol(&'static str),
    /// The versions of the messages differ.
    #[error(
        "the mien that has the run copies runs in another way ({here} here, {0} there): use the same version of both",
        here = VERSION
    )]
    Version(u32),
    /// The other side is gone.
    #[error("the copy ended half way; the same command continues it")]
    Cut(#[source] io::Error),
}

impl CopyError {
    /// Returns the conversion of a file's error.
    fn at(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// Gets the bytes that are there, and those of the whole copy.
pub type CopyProgress<'p> = &'p mut dyn FnMut(u64, u64);

/// Returns the folder for the copy of a run that is not complete yet; the dot hides it from lists.
fn incoming(home: &Home, id: &RunId) -> PathBuf {
    home.checkpoints().join(format!("{INCOMING}{id}"))
}

/// The beginning of the names of incomplete copies.
const INCOMING: &str = ".incoming-";

#[cfg(test)]
mod tests;
