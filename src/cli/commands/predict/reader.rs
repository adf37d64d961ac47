//! Reads, decodes and crops groups of pictures ahead of the networks, on one more thread and all cores.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use rayon::prelude::*;

use super::picture::{Face, FaceCropper};
use super::source::{Source, expand};
use super::watched_folder::WatchedFolder;
use crate::cli::exit::CommandError;
use crate::cli::output;
use crate::detect::Detector;

/// Pictures in a group, a batch of the networks.
const GROUP_PICTURES: usize = 128;

/// Bytes from which a group is full. Otherwise 128 photographs would be read before the first one is printed.
const GROUP_BYTES: u64 = 8 << 20;

/// Time between two listings of a watched folder.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Lines of a list on stdin that wait for their pictures to be read.
const WAITING_LINES: usize = 1024;

/// A picture with its cropped faces.
pub(super) struct CroppedPicture {
    pub(super) source: Source,
    /// Empty if no face was found. The error is the reason why the picture was not read.
    pub(super) faces: Result<Vec<Face>, String>,
}

/// The pictures to read, and the crop of their faces.
pub(super) struct ReaderInput {
    pub(super) sources: Vec<PathBuf>,
    pub(super) watched: Option<WatchedFolder>,
    pub(super) classes: Vec<String>,
    pub(super) cropper: FaceCropper,
    /// Whether reading has to end.
    pub(super) stop: Arc<AtomicBool>,
}

/// The receiver of the groups is gone.
struct Disconnected;

impl ReaderInput {
    /// Starts the thread, which reads at most `ahead` groups in advance, and returns their receiver.
    pub(super) fn start(self, ahead: usize) -> Result<Receiver<Vec<CroppedPicture>>, CommandError> {
        let (sender, groups) = sync_channel(ahead);
        let begun = thread::Builder::new().name("pictures".into()).spawn(move || {
            let mut reader =
                Reader { input: &self, detector: Detector::default(), group: Vec::new(), bytes: 0, sender };
            // If the receiver is gone, the command has ended and printed the reason.
            let _ = reader.read_all();
        });
        begun.map_err(|error| CommandError::Failure(format!("cannot start a thread to read pictures: {error}")))?;
        Ok(groups)
    }
}

/// The state of reading: the group that is being filled.
struct Reader<'a> {
    input: &'a ReaderInput,
    detector: Detector,
    group: Vec<Source>,
    bytes: u64,
    sender: SyncSender<Vec<CroppedPicture>>,
}

impl Reader<'_> {
    fn read_all(&mut self) -> Result<(), Disconnected> {
        for given in &self.input.sources {
            if given == Path::new("-") {
                self.add_list()?;
            } else {
                self.add_all(given)?;
            }
        }
        self.send()?;
        let Some(watched) = &self.input.watched else { return Ok(()) };
        let mut watched = watched.clone();
        loop {
            thread::sleep(POLL_INTERVAL);
            for path in watched.poll() {
                self.add(Source::file(path))?;
            }
            self.send()?;
            if self.input.stop.load(Ordering::Relaxed) {
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
        let mut note = |text: String| output::note(&text);
        expand(given, &self.input.classes, &mut note).into_iter().try_for_each(|source| self.add(source))
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
        let ReaderInput { cropper, stop, .. } = self.input;
        let crop = |source: Source| {
            let faces = cropper.read_faces(&source.location, &self.detector, stop);
            CroppedPicture { source, faces }
        };
        let group = std::mem::take(&mut self.group).into_par_iter().map(crop).collect();
        self.sender.send(group).map_err(|_| Disconnected)
    }
}
