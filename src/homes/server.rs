//! The side of the home: sends what changes in its runs, and runs the program on request.
//!
//! The server works on its standard input and output, and ends with its input. Nothing is kept between two calls.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use super::calls::{CallEvent, Calls};
use super::frame::{FrameReader, FrameWriter};
use super::protocol::{Blob, FromHome, HeldRun, RunFile, ToHome, files_checksum, greeting};
use super::window::Window;
use crate::domain::RunId;
use crate::runs::mirrored::MirroredFile;
use crate::runs::saved_fold::prefix_checksum;
use crate::runs::{RunFolder, RunStore};

/// The time between two checks of the active runs.
const INTERVAL: Duration = Duration::from_secs(1);

/// The number of other runs that each look checks, in turn.
const RUNS_PER_CHECK: usize = 100;

/// The most bytes of a log that are sent at once, on a fast and on a slow line. On a slow one, a longer part would hold
/// up the runs that are watched.
const PARTS: [u64; 2] = [256 << 10, 16 << 10];

/// The checksum of a file of which the mirror has another content, or none.
const UNKNOWN: u64 = u64::MAX;

/// The program here as `serve` runs it.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// The arguments before those of a call.
    pub arguments: Vec<std::ffi::OsString>,
    /// Whether these arguments may be run on request.
    pub accepts: fn(&[String]) -> Result<(), String>,
}

/// A message from the mirror, an event of a command, or the end of the connection.
pub(super) enum ServerInput {
    Message(ToHome),
    Call(CallEvent),
    /// The connection was closed, or a frame is invalid.
    End(Option<io::Error>),
}

/// A run as the mirror has it, as far as it was reported.
#[derive(Default)]
struct SentRun {
    /// The bytes of its log that were sent.
    log: u64,
    /// The checksums of its small files, or `UNKNOWN`.
    files: BTreeMap<u8, u64>,
    /// Length and time of the files at the last check; reading them again would cost more.
    stamps: Vec<Option<(u64, SystemTime)>>,
    /// Whether a worker trains it, or will soon.
    active: bool,
    /// Whether the mirror wants no more of its log.
    skipped: bool,
}

struct Server<W: Write> {
    store: RunStore,
    out: FrameWriter<W>,
    window: Window,
    runs: BTreeMap<RunId, SentRun>,
    /// The runs whose logs have bytes to send.
    behind: VecDeque<RunId>,
    /// Whether the mirror has reported all its runs.
    reported: bool,
    /// Whether the mirror knows that it is complete.
    complete: bool,
    /// The folder of runs when it was last listed.
    listed: Option<SystemTime>,
    next: usize,
    calls: Calls,
    transfers: VecDeque<Transfer>,
}

/// A large file on its way.
struct Transfer {
    id: u32,
    file: File,
    at: u64,
    of: u64,
    sum: crc32fast::Hasher,
}

/// Serves a home until the input ends.
///
/// # Errors
/// If the output is closed, or the input is not that of this program.
pub fn serve(
    store: RunStore,
    program: Program,
    input: impl Read + Send + 'static,
    mut output: impl Write,
) -> io::Result<()> {
    output.write_all(greeting().as_bytes())?;
    output.flush()?;
    let (sender, incoming) = sync_channel(256);
    let calls = Calls::new(program, sender.clone());
    std::thread::spawn(move || read_messages(input, &sender));
    let mut server = Server {
        store,
        out: FrameWriter::new(output),
        window: Window::default(),
        runs: BTreeMap::new(),
        behind: VecDeque::new(),
        reported: false,
        complete: false,
        listed: None,
        next: 0,
        calls,
        transfers: VecDeque::new(),
    };
    let result = server.run(&incoming);
    server.calls.end_all();
    result
}

fn read_messages(input: impl Read, sender: &SyncSender<ServerInput>) {
    let mut reader = FrameReader::new(input);
    loop {
        let next = match reader.read() {
            Ok(Some(message)) => ServerInput::Message(message),
            Ok(None) => ServerInput::End(None),
            Err(error) => ServerInput::End(Some(error)),
        };
        let over = matches!(next, ServerInput::End(_));
        if sender.send(next).is_err() || over {
            return;
        }
    }
}

impl<W: Write> Server<W> {
    fn run(&mut self, incoming: &Receiver<ServerInput>) -> io::Result<()> {
        let home = self.store.home().path().display().to_string();
        self.out.write(&FromHome::Hello { version: env!("CARGO_PKG_VERSION").into(), home })?;
        self.out.flush()?;
        let mut looked = Instant::now();
        loop {
            let bulk = self.has_bulk() && self.window.is_open(self.out.sent());
            let wait = if bulk { Duration::ZERO } else { INTERVAL.saturating_sub(looked.elapsed()) };
            let mut next = incoming.recv_timeout(wait);
            let mut acted = false;
            loop {
                match next {
                    Ok(ServerInput::End(None)) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                    Ok(ServerInput::End(Some(error))) => return Err(error),
                    Ok(ServerInput::Message(message)) => self.handle(message)?,
                    Ok(ServerInput::Call(event)) => {
                        acted |= matches!(event, CallEvent::Exited { .. });
                        self.out.write(&event.message())?;
                    }
                    Err(RecvTimeoutError::Timeout) => break,
                }
                next = incoming.recv_timeout(Duration::ZERO);
            }
            let is_due = acted || looked.elapsed() >= INTERVAL;
            if is_due {
                looked = Instant::now();
            }
            if is_due && self.reported {
                // A command may have changed any run.
                self.look(if acted { usize::MAX } else { RUNS_PER_CHECK })?;
            }
            if self.has_bulk() && self.window.is_open(self.out.sent()) {
                self.send_bulk()?;
            }
            if self.reported && !self.complete && self.behind.is_empty() {
                self.complete = true;
                self.out.write(&FromHome::UpToDate)?;
            }
            self.out.flush()?;
            self.window.sent(self.out.sent());
        }
    }

    fn handle(&mut self, message: ToHome) -> io::Result<()> {
        match message {
            ToHome::Hello { .. } => {}
            ToHome::Held(held) => {
                for run in held {
                    self.compare(&run)?;
                }
            }
            ToHome::HeldEnd => {
                self.reported = true;
                self.look(usize::MAX)?;
                let bytes = self.behind.iter().map(|id| self.rest(id)).sum();
                self.out.write(&FromHome::Pending { runs: self.behind.len() as u64, bytes })?;
            }
            ToHome::Skip(run) => {
                self.behind.retain(|behind| *behind != run);
                if let Some(sent) = self.runs.get_mut(&run) {
                    sent.skipped = true;
                }
            }
            ToHome::Received(bytes) => self.window.received(bytes),
            ToHome::Run { id, arguments } => {
                if let Err(words) = self.calls.start(id, &arguments) {
                    let bytes = Blob(format!("mien: {words}\n").into_bytes());
                    self.out.write(&FromHome::Output { id, error: true, bytes })?;
                    self.out.write(&FromHome::Exited { id, code: 2 })?;
                }
            }
            ToHome::Input { id, bytes } => self.calls.input(id, bytes.0),
            ToHome::InputEnd(id) => self.calls.end_input(id),
            ToHome::Cancel(id) => self.calls.interrupt(id),
            ToHome::Get { id, run, file, from } => match self.open(&run, file, from) {
                Ok(transfer) => self.transfers.push_back(Transfer { id, ..transfer }),
                Err(error) => {
                    let result = Err(error.to_string());
                    self.out.write(&FromHome::ContentEnd { id, result })?;
                }
            },
            ToHome::Ping => self.out.write(&FromHome::Pong)?,
        }
        Ok(())
    }

    /// Begins with what the mirror has of a run, and sends the rest of its small files.
    fn compare(&mut self, held: &HeldRun) -> io::Result<()> {
        let folder = self.store.folder(&held.run);
        if !folder.recipe_file().is_file() {
            return self.out.write(&FromHome::Gone(held.run.clone()));
        }
        let log = folder.events_file();
        let same = prefix_checksum(&log, held.log).is_ok_and(|check| check == held.check);
        let mut sent = SentRun { log: if same { held.log } else { 0 }, ..SentRun::default() };
        let contents: Vec<(u8, Vec<u8>)> =
            MirroredFile::ALL.into_iter().filter_map(|file| Some((file.number(), content(&folder, file)?))).collect();
        if files_checksum(contents.iter().map(|(number, content)| (*number, &content[..]))) == held.files {
            sent.files = contents.iter().map(|(number, content)| (*number, checksum(content))).collect();
        } else {
            // Files that are gone here must go there.
            sent.files = MirroredFile::ALL.map(|file| (file.number(), UNKNOWN)).into();
        }
        self.runs.insert(held.run.clone(), sent);
        if !same && held.log > 0 {
            self.out.write(&FromHome::Log { run: held.run.clone(), at: 0, bytes: Blob(Vec::new()) })?;
        }
        self.check(&held.run)
    }

    /// Lists the runs, and checks the active ones and `others` of the rest.
    fn look(&mut self, others: usize) -> io::Result<()> {
        self.list()?;
        let count = self.runs.len();
        let start = self.next.checked_rem(count).unwrap_or(0);
        self.next = start + others.min(count);
        let due = |index: usize| (index + count - start) % count < others;
        let due: Vec<RunId> = self
            .runs
            .iter()
            .enumerate()
            .filter(|(index, (_, run))| run.active || due(*index))
            .map(|(_, (id, _))| id.clone())
            .collect();
        due.iter().try_for_each(|id| self.check(id))
    }

    fn list(&mut self) -> io::Result<()> {
        let changed = fs::metadata(self.store.home().checkpoints()).and_then(|folder| folder.modified()).ok();
        if changed == self.listed && changed.is_some() {
            return Ok(());
        }
        let Ok(ids) = self.store.ids() else { return Ok(()) };
        // A folder that changed just now may change again within the resolution of the clock.
        let settled = changed.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > INTERVAL);
        self.listed = changed.filter(|_| settled);
        let ids: BTreeSet<RunId> = ids.into_iter().collect();
        let gone: Vec<RunId> = self.runs.keys().filter(|id| !ids.contains(*id)).cloned().collect();
        for id in gone {
            self.forget(&id)?;
        }
        let modified =
            |id: &RunId| fs::metadata(self.store.folder(id).path()).and_then(|folder| folder.modified()).ok();
        let mut new: Vec<(Option<SystemTime>, RunId)> =
            ids.into_iter().filter(|id| !self.runs.contains_key(id)).map(|id| (modified(&id), id)).collect();
        new.sort_by(|one, other| other.cmp(one));
        for (_, id) in new {
            self.runs.insert(id.clone(), SentRun::default());
            self.check(&id)?;
        }
        Ok(())
    }

    fn forget(&mut self, id: &RunId) -> io::Result<()> {
        self.runs.remove(id);
        self.behind.retain(|behind| behind != id);
        self.out.write(&FromHome::Gone(id.clone()))
    }

    /// Sends the small files of a run that changed, and a short rest of its log.
    fn check(&mut self, id: &RunId) -> io::Result<()> {
        let folder = self.store.folder(id);
        let Some(sent) = self.runs.get_mut(id) else { return Ok(()) };
        sent.stamps.resize(MirroredFile::ALL.len(), None);
        let mut recipe_changed = false;
        for (index, file) in MirroredFile::ALL.into_iter().enumerate() {
            // The report is no file of the run.
            if file != MirroredFile::Worker {
                let now = stamp(&file.path(&folder));
                if now == sent.stamps[index] && sent.files.contains_key(&file.number()) == now.is_some() {
                    continue;
                }
                sent.stamps[index] = now;
            }
            let content = content(&folder, file);
            let sum = content.as_deref().map(checksum);
            if sum == sent.files.get(&file.number()).copied() {
                continue;
            }
            recipe_changed |=
                file == MirroredFile::Recipe && sent.files.get(&file.number()).is_some_and(|sum| *sum != UNKNOWN);
            match sum {
                Some(sum) => sent.files.insert(file.number(), sum),
                None => sent.files.remove(&file.number()),
            };
            let content = content.map(Blob);
            self.out.write(&FromHome::File { run: id.clone(), file: file.number(), content })?;
        }
        sent.active = folder.liveness().may_be_alive() || folder.is_starting(crate::domain::now());
        let length = fs::metadata(folder.events_file()).map_or(0, |log| log.len());
        // A new run under an old name, or a log that somebody cut.
        if length < sent.log || recipe_changed {
            sent.log = 0;
            self.out.write(&FromHome::Log { run: id.clone(), at: 0, bytes: Blob(Vec::new()) })?;
        }
        let rest = length.saturating_sub(sent.log);
        if rest == 0 || sent.skipped {
            return Ok(());
        }
        if sent.active && rest <= PARTS[1] && self.reported && !self.behind.contains(id) {
            return self.send_log(id, PARTS[1]);
        }
        if !self.behind.contains(id) {
            if sent.active { self.behind.push_front(id.clone()) } else { self.behind.push_back(id.clone()) }
        }
        Ok(())
    }

    /// Returns the bytes of a run's log that were not sent.
    fn rest(&self, id: &RunId) -> u64 {
        let length = fs::metadata(self.store.folder(id).events_file()).map_or(0, |log| log.len());
        length.saturating_sub(self.runs.get(id).map_or(0, |sent| sent.log))
    }

    /// Sends the next part of a run's log.
    fn send_log(&mut self, id: &RunId, most: u64) -> io::Result<()> {
        let path = self.store.folder(id).events_file();
        let Some(sent) = self.runs.get_mut(id) else { return Ok(()) };
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|mut log| {
            log.seek(SeekFrom::Start(sent.log))?;
            log.take(most).read_to_end(&mut bytes)
        });
        // A run that is being deleted is gone at the next look.
        if read.is_err() || bytes.is_empty() {
            self.behind.retain(|behind| behind != id);
            return Ok(());
        }
        let at = sent.log;
        sent.log += bytes.len() as u64;
        let is_short = (bytes.len() as u64) < most;
        self.out.write(&FromHome::Log { run: id.clone(), at, bytes: Blob(bytes) })?;
        if is_short {
            self.behind.retain(|behind| behind != id);
        }
        Ok(())
    }

    fn has_bulk(&self) -> bool {
        !self.behind.is_empty() || !self.transfers.is_empty()
    }

    /// Sends a part of a requested file, else of a log.
    fn send_bulk(&mut self) -> io::Result<()> {
        let most = PARTS[usize::from(self.window.is_slow())];
        let Some(mut transfer) = self.transfers.pop_front() else {
            return match self.behind.front().cloned() {
                Some(id) => self.send_log(&id, most),
                None => Ok(()),
            };
        };
        let mut bytes = Vec::new();
        let id = transfer.id;
        if let Err(error) = (&mut transfer.file).take(most).read_to_end(&mut bytes) {
            return self.out.write(&FromHome::ContentEnd { id, result: Err(error.to_string()) });
        }
        let (at, of) = (transfer.at, transfer.of);
        transfer.sum.update(&bytes);
        transfer.at += bytes.len() as u64;
        let over = bytes.is_empty() || transfer.at >= of;
        self.out.write(&FromHome::Content { id, at, of, bytes: Blob(bytes) })?;
        if over {
            return self.out.write(&FromHome::ContentEnd { id, result: Ok(transfer.sum.finalize()) });
        }
        self.transfers.push_front(transfer);
        Ok(())
    }

    /// Opens a large file of a run at `from`.
    fn open(&self, run: &RunId, file: RunFile, from: u64) -> io::Result<Transfer> {
        let path = file.path(&self.store.folder(run));
        let mut file =
            File::open(&path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        let about = file.metadata()?;
        if !about.is_file() || from > about.len() {
            return Err(io::Error::other(format!("{} has changed meanwhile", path.display())));
        }
        // The checksum is that of the whole file, also of the part that is there already.
        let mut sum = crc32fast::Hasher::new();
        let mut buffer = vec![0; 1 << 16];
        let mut left = from;
        while left > 0 {
            let part = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            file.read_exact(&mut buffer[..part])?;
            sum.update(&buffer[..part]);
            left -= part as u64;
        }
        Ok(Transfer { id: 0, file, at: from, of: about.len(), sum })
    }
}

impl RunFile {
    /// Returns the path in a run's folder.
    #[must_use]
    pub fn path(self, run: &RunFolder) -> PathBuf {
        match self {
            Self::Test => run.test_predictions(),
            Self::TestViews => run.test_views_predictions(),
            Self::Train => run.train_predictions(),
            Self::Validation(epoch) => run.validation_predictions(epoch),
            Self::Start => run.start_checkpoint(),
            Self::Best => run.best_checkpoint(),
            Self::Last => run.last_checkpoint(),
        }
    }
}

fn checksum(content: &[u8]) -> u64 {
    crc32fast::hash(content).into()
}

fn stamp(path: &std::path::Path) -> Option<(u64, SystemTime)> {
    let about = fs::metadata(path).ok()?;
    Some((about.len(), about.modified().ok()?))
}

/// Returns the content of a small file of a run; `None` without it, and if it is too long to be one.
fn content(run: &RunFolder, file: MirroredFile) -> Option<Vec<u8>> {
    if file == MirroredFile::Worker {
        return run.worker_report_bytes().ok();
    }
    let path = file.path(run);
    // Opening a pipe would wait for ever.
    fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(file.max_bytes() + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= file.max_bytes()).then_some(bytes)
}
