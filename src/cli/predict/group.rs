//! Groups of pictures, read, decoded and cropped ahead of the networks by a thread of its own and all processors.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use rayon::prelude::*;

use super::picture::{Cutting, Face};
use super::source::{Source, pictures};
use super::watched::Watched;
use crate::cli::exit::CommandError;
use crate::detect::Detector;

/// Pictures of a group: as many as a network takes at once.
const PICTURES: usize = 128;

/// Bytes of a group's files, about. A few photographs are told before the next ones are read.
const BYTES: u64 = 8 << 20;

/// Between two looks at a watched folder.
const LOOK: Duration = Duration::from_millis(500);

/// Lines of a list that wait to be looked at.
const LINES: usize = 1024;

/// A picture and its faces, or why there are none.
pub(super) struct Ready {
    pub(super) source: Source,
    /// Without an entry where no face was found.
    pub(super) faces: Result<Vec<Face>, String>,
}

/// All that is to be looked at.
pub(super) struct Job {
    pub(super) sources: Vec<PathBuf>,
    pub(super) watched: Option<Watched>,
    pub(super) classes: Vec<String>,
    pub(super) cutting: Cutting,
    /// Whether nobody wants more.
    pub(super) stop: Arc<AtomicBool>,
}

/// Nobody takes any more groups.
struct Gone;

impl Job {
    /// Begins, at most so many groups ahead.
    pub(super) fn start(self, ahead: usize) -> Result<Receiver<Vec<Ready>>, CommandError> {
        let (sender, groups) = sync_channel(ahead);
        let begun = thread::Builder::new().name("pictures".into()).spawn(move || {
            let mut filling =
                Filling { job: &self, detector: Detector::default(), group: Vec::new(), bytes: 0, sender };
            // It ends early where the other end is gone, which has told why.
            let _ = filling.all();
        });
        begun.map_err(|error| CommandError::Words(format!("cannot start a thread to read pictures: {error}")))?;
        Ok(groups)
    }
}

/// The group that is being filled.
struct Filling<'a> {
    job: &'a Job,
    detector: Detector,
    group: Vec<Source>,
    bytes: u64,
    sender: SyncSender<Vec<Ready>>,
}

impl Filling<'_> {
    fn all(&mut self) -> Result<(), Gone> {
        for given in &self.job.sources {
            if given == Path::new("-") {
                self.list()?;
            } else {
                self.add_all(given)?;
            }
        }
        self.send()?;
        let Some(watched) = &self.job.watched else { return Ok(()) };
        let mut watched = watched.clone();
        loop {
            thread::sleep(LOOK);
            for path in watched.look() {
                self.add(Source::file(path))?;
            }
            self.send()?;
            if self.job.stop.load(Ordering::Relaxed) {
                return Err(Gone);
            }
        }
    }

    /// The pictures of a list on stdin. What is there is told before more is waited for.
    fn list(&mut self) -> Result<(), Gone> {
        let (sender, lines) = sync_channel::<String>(LINES);
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

    fn add_all(&mut self, given: &Path) -> Result<(), Gone> {
        pictures(given, &self.job.classes).into_iter().try_for_each(|source| self.add(source))
    }

    fn add(&mut self, source: Source) -> Result<(), Gone> {
        self.bytes += source.bytes();
        self.group.push(source);
        if self.group.len() >= PICTURES || self.bytes >= BYTES { self.send() } else { Ok(()) }
    }

    /// Reads what is gathered and hands it over.
    fn send(&mut self) -> Result<(), Gone> {
        self.bytes = 0;
        if self.group.is_empty() {
            return Ok(());
        }
        let Job { cutting, stop, .. } = self.job;
        let ready = |source: Source| {
            let faces = cutting.faces_of(&source.at, &self.detector, stop);
            Ready { source, faces }
        };
        let group = std::mem::take(&mut self.group).into_par_iter().map(ready).collect();
        self.sender.send(group).map_err(|_| Gone)
    }
}
