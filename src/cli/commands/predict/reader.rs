//! Reads, decodes and crops groups of pictures ahead of the networks, on one more thread and all processors.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use rayon::prelude::*;

use super::picture::{Face, FaceCutter};
use super::source::{Source, expand};
use super::watched_folder::WatchedFolder;
use crate::cli::exit::CommandError;
use crate::detect::Detector;

/// Pictures in a group, a batch of the networks.
const GROUP_PICTURES: usize = 128;

/// Bytes from which a group is full. Otherwise 128 photographs would be read before the first one is printed.
const GROUP_BYTES: u64 = 8 << 20;

/// Time between two listings of a watched folder.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Lines of a list on stdin that wait for their pictures to be read.
const WAITING_LINES: usize = 1024;

/// A picture with its faces, cut out.
pub(super) struct CutPicture {
    pub(super) source: Source,
    /// Empty if no face was found. The error is the reason why the picture was not read.
    pub(super) faces: Result<Vec<Face>, String>,
}

/// The pictures to read, and how to cut faces out of them.
pub(super) struct ReadJob {
    pub(super) sources: Vec<PathBuf>,
    pub(super) watched: Option<WatchedFolder>,
    pub(super) classes: Vec<String>,
    pub(super) cutter: FaceCutter,
    /// Whether reading has to end.
    pub(super) stop: Arc<AtomicBool>,
}

/// The receiver of the groups is gone.
struct Disconnected;

impl ReadJob {
    /// Starts the thread, which reads at most `ahead` groups in advance, and returns their receiver.
    pub(super) fn start(self, ahead: usize) -> Result<Receiver<Vec<CutPicture>>, CommandError> {
        let (sender, groups) = sync_channel(ahead);
        let begun = thread::Builder::new().name("pictures".into()).spawn(move || {
            let mut reader = Reader { job: &self, detector: Detector::default(), group: Vec::new(), bytes: 0, sender };
            // If the receiver is gone, the command has ended and printed the reason.
            let _ = reader.read_all();
        });
        begun.map_err(|error| CommandError::Failure(format!("cannot start a thread to read pictures: {error}")))?;
        Ok(groups)
    }
}

/// The state of reading: the group that is being filled.
struct Reader<'a> {
    job: &'a ReadJob,
    detector: Detector,
    group: Vec<Source>,
    bytes: u64,
    sender: SyncSender<Vec<CutPicture>>,
}

impl Reader<'_> {
    fn read_all(&mut self) -> Result<(), Disconnected> {
        for given in &self.job.sources {
            if given == Path::new("-") {
                self.add_list()?;
            } else {
                self.add_all(given)?;
            }
        }
        self.send()?;
        let Some(watched) = &self.job.watched else { return Ok(()) };
        let mut watched = watched.clone();
        loop {
            thread::sleep(POLL_INTERVAL);
            for path in watched.poll() {
                self.add(Source::file(path))?;
            }
            self.send()?;
            if self.job.stop.load(Ordering::Relaxed) {
                return Err(Disconnected);
            }
        }
    }

    /// Adds the pictures of a list on stdin. Sends the group before it waits for a line, so that a slow list is
    /// answered line by line.
    fn add_list(&mut self) -> Result<(), Disconnected> {
        let (sender, lines) = sync_channel::<String>(WAITING_LINES);
        thread::spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        loop {
            let line = match lines.try_recv() {
                Ok(line) => line,
                Err(TryRecvError::Disconnected) => return Ok(()),
                Err(TryRecvError::Empty) => {
                    self.send()?;
                    let Ok(line) = lines.recv() else { return Ok(()) };
                    line
                }
            };
            if !line.is_empty() {
                self.add_all(Path::new(&line))?;
            }
        }
    }

    fn add_all(&mut self, given: &Path) -> Result<(), Disconnected> {
        expand(given, &self.job.classes).into_iter().try_for_each(|source| self.add(source))
    }

    fn add(&mut self, source: Source) -> Result<(), Disconnected> {
        self.bytes += source.bytes();
        self.group.push(source);
        if self.group.len() >= GROUP_PICTURES || self.bytes >= GROUP_BYTES { self.send() } else { Ok(()) }
    }

    /// Reads the pictures of the group and sends them.
    fn send(&mut self) -> Result<(), Disconnected> {
        self.bytes = 0;
        if self.group.is_empty() {
            return Ok(());
        }
        let ReadJob { cutter, stop, .. } = self.job;
        let cut = |source: Source| {
            let faces = cutter.read_faces(&source.location, &self.detector, stop);
            CutPicture { source, faces }
        };
        let group = std::mem::take(&mut self.group).into_par_iter().map(cut).collect();
        self.sender.send(group).map_err(|_| Disconnected)
    }
}
