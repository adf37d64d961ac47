//! The link to a home: keeps its mirror up to date, and mends a cut line with growing pauses.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::{Connection, Ender, LinkError, next_message};
use super::mirror::{Contact, Mirror, MirrorError, MirrorFolder};
use super::protocol::{Blob, FromHome, PROTOCOL, RunFile, ToHome};
use crate::domain::text::printable;
use crate::domain::{HomeAddress, RunId, now};
use crate::durable;
use crate::runs::Home;

/// The pauses before further tries, in seconds.
const PAUSES: [u64; 7] = [1, 2, 4, 8, 15, 30, 60];

/// The time without a byte after which a line counts as cut. A ping goes out every ten seconds.
const SILENCE: Duration = Duration::from_secs(35);

/// The bytes after which their receipt is reported.
const RECEIPT: u64 = 4 << 10;

/// The time between two records of the contact.
const CONTACT_INTERVAL: Duration = Duration::from_secs(15);

/// The runs that one message names.
const HELD_PER_MESSAGE: usize = 100;

/// The most bytes of an answer that wait for their reader. Otherwise a home could fill the memory.
const MAX_WAITING: usize = 64 << 20;

/// The most bytes of predictions: a million images with hundreds of classes.
pub(super) const MAX_PREDICTIONS: u64 = 2 << 30;

/// The most bytes of a call's standard input on their way.
const MAX_INPUT: u64 = 256 << 10;

/// The state of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// A first or further try is being made.
    Connecting,
    /// The home answers.
    Live {
        /// Whether the mirror is complete.
        complete: bool,
        /// The runs whose logs are still to come, and their bytes.
        pending: Option<(u64, u64)>,
        /// The runs whose logs do not fit into the mirror.
        refused: usize,
    },
    /// The line is cut; the next try is at `retry_at`, in milliseconds since 1970.
    Cut {
        /// The reason.
        reason: LinkError,
        /// When it was cut.
        at: u64,
        /// The next try; `None` if there is none.
        retry_at: Option<u64>,
    },
}

/// A part of the answer to a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// Output of a command: on the standard error, and the bytes.
    Output(bool, Vec<u8>),
    /// Bytes of the standard input were read.
    Took(u32),
    /// The command ended with this exit code.
    Exited(i32),
    /// A part of a file: position, length of the whole, bytes.
    Content(u64, u64, Vec<u8>),
    /// The end of a file, with the checksum of the whole.
    ContentEnd(Result<u32, String>),
}

impl Reply {
    /// Returns the bytes that it holds.
    fn bytes(&self) -> usize {
        match self {
            Self::Output(_, bytes) | Self::Content(_, _, bytes) => bytes.len(),
            _ => 0,
        }
    }
}

struct SharedLink {
    state: LinkState,
    /// When the last byte came.
    last_byte: Instant,
    /// The time of the last byte in milliseconds since 1970.
    contact_at: u64,
    /// The way to the home, while the line is up.
    writer: Option<Sender<ToHome>>,
    ender: Option<Ender>,
    calls: HashMap<u32, (Sender<Reply>, Arc<AtomicUsize>)>,
    contact: Contact,
    /// The bytes that came over all connections.
    received: u64,
    closed: bool,
}

/// The link to a home. It ends when it is dropped.
pub struct Link {
    address: HomeAddress,
    folder: MirrorFolder,
    shared: Arc<(Mutex<SharedLink>, Condvar)>,
    next_call: AtomicU32,
}

fn lock(shared: &(Mutex<SharedLink>, Condvar)) -> MutexGuard<'_, SharedLink> {
    shared.0.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link {
    /// Begins to connect in a thread. With `mirrored` the mirror is kept up to date, unless another program does so.
    /// With `interactive`, ssh may ask for a passphrase, and only one try is made; otherwise a lost connection is
    /// opened again.
    ///
    /// # Errors
    /// If the mirror cannot be written.
    pub fn start(address: HomeAddress, mirrored: bool, interactive: bool) -> Result<Self, MirrorError> {
        let folder = MirrorFolder::of(&address)?;
        let mirror = match mirrored.then(|| Mirror::open(&folder, &address)).transpose() {
            Err(MirrorError::InUse) => None,
            other => other?,
        };
        let contact = folder.contact().unwrap_or_default();
        let shared = SharedLink {
            state: LinkState::Connecting,
            last_byte: Instant::now(),
            contact_at: contact.at,
            writer: None,
            ender: None,
            calls: HashMap::new(),
            contact: Contact { address: address.to_string(), ..contact },
            received: 0,
            closed: false,
        };
        let shared = Arc::new((Mutex::new(shared), Condvar::new()));
        let link = Self { address: address.clone(), folder, shared: Arc::clone(&shared), next_call: AtomicU32::new(1) };
        let watched = Arc::clone(&shared);
        std::thread::spawn(move || end_silent_lines(&watched));
        std::thread::spawn(move || keep(&address, mirror, &shared, interactive));
        Ok(link)
    }

    /// Returns the address.
    #[must_use]
    pub fn address(&self) -> &HomeAddress {
        &self.address
    }

    /// Returns the mirrored home.
    #[must_use]
    pub fn home(&self) -> Home {
        self.folder.home()
    }

    /// Returns the state.
    #[must_use]
    pub fn state(&self) -> LinkState {
        lock(&self.shared).state.clone()
    }

    /// Returns the time without a byte of the home.
    #[must_use]
    pub fn silence(&self) -> Duration {
        lock(&self.shared).last_byte.elapsed()
    }

    /// Returns when the home last answered, in milliseconds since 1970; `None` if never.
    #[must_use]
    pub fn contact_at(&self) -> Option<u64> {
        Some(lock(&self.shared).contact_at).filter(|at| *at > 0)
    }

    /// Returns the home's version and folder.
    #[must_use]
    pub fn contact(&self) -> Contact {
        lock(&self.shared).contact.clone()
    }

    /// Returns the bytes that were received.
    #[must_use]
    pub fn received(&self) -> u64 {
        lock(&self.shared).received
    }

    /// Waits until the state satisfies `enough`, or for `time`. Returns the last state.
    pub fn wait(&self, time: Duration, enough: impl Fn(&LinkState) -> bool) -> LinkState {
        let until = Instant::now() + time;
        let mut shared = lock(&self.shared);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if enough(&shared.state) || left.is_zero() {
                return shared.state.clone();
            }
            shared = self.shared.1.wait_timeout(shared, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Begins a call. Nothing is asked of a home that cannot be reached.
    fn begin(&self, message: impl FnOnce(u32) -> ToHome) -> Result<Call<'_>, LinkError> {
        let id = self.next_call.fetch_add(1, Ordering::Relaxed);
        let mut shared = lock(&self.shared);
        let down = |reason: &str| LinkError::Down { name: self.address.name.clone(), reason: reason.to_owned() };
        let Some(writer) = shared.writer.clone() else {
            let reason = match &shared.state {
                LinkState::Cut { reason, .. } => reason.to_string(),
                _ => "it has not answered yet".into(),
            };
            return Err(down(&reason));
        };
        let (sender, replies) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        shared.calls.insert(id, (sender, Arc::clone(&waiting)));
        drop(shared);
        writer.send(message(id)).map_err(|_| down("the line was cut"))?;
        Ok(Call { link: self, id, writer, replies, waiting })
    }

    /// Runs the program of the home with these arguments and `input` as its standard input. Passes each part of its
    /// output to `output`: whether it is on the standard error, and the bytes. Returns the exit code.
    ///
    /// # Errors
    /// If the home cannot be reached, or the line is cut meanwhile; the command may then have been carried out.
    pub fn run(
        &self,
        arguments: &[String],
        input: Option<&mut dyn Read>,
        output: &mut dyn FnMut(bool, &[u8]) -> io::Result<()>,
    ) -> Result<i32, LinkError> {
        let call = self.begin(|id| ToHome::Run { id, arguments: arguments.to_vec() })?;
        let mut input = input;
        let mut on_the_way = 0;
        let mut buffer = vec![0; 64 << 10];
        if input.is_none() {
            let _ = call.writer.send(ToHome::InputEnd(call.id));
        }
        loop {
            if let Some(reader) = input.as_deref_mut().filter(|_| on_the_way < MAX_INPUT) {
                match reader.read(&mut buffer) {
                    Ok(read @ 1..) => {
                        on_the_way += read as u64;
                        let bytes = Blob(buffer[..read].to_vec());
                        let _ = call.writer.send(ToHome::Input { id: call.id, bytes });
                    }
                    Ok(0) => {
                        input = None;
                        let _ = call.writer.send(ToHome::InputEnd(call.id));
                    }
                    Err(error) => {
                        let _ = call.writer.send(ToHome::Cancel(call.id));
                        return Err(LinkError::File(format!("cannot read what is to be sent: {error}")));
                    }
                }
                match call.replies.try_recv() {
                    Ok(reply) => {
                        call.waiting.fetch_sub(reply.bytes(), Ordering::Relaxed);
                        if let Some(code) = call.take(reply, &mut on_the_way, output) {
                            return Ok(code);
                        }
                    }
                    Err(std::sync::mpsc::TryRecvError::Empty) => {}
                    Err(std::sync::mpsc::TryRecvError::Disconnected) => return Err(call.lost()),
                }
                continue;
            }
            let Some(reply) = call.next() else { return Err(call.lost()) };
            if let Some(code) = call.take(reply, &mut on_the_way, output) {
                return Ok(code);
            }
        }
    }

    /// Runs the program of the home with these arguments, and returns its standard input and output.
    ///
    /// # Errors
    /// If the home cannot be reached.
    pub fn converse(&self, arguments: &[&str]) -> Result<Conversation<'_>, LinkError> {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let call = self.begin(|id| ToHome::Run { id, arguments })?;
        Ok(Conversation { call, state: RefCell::default() })
    }

    /// Copies predictions of a run into the mirror, unless they are there and newer than the run's log.
    ///
    /// # Errors
    /// If the home cannot be reached, or has no such predictions.
    pub fn copy_predictions(&self, run: &RunId, file: RunFile) -> Result<(), LinkError> {
        let folder = self.home().run(run);
        let path = file.path(&folder);
        let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
        let log = modified(&folder.events_file());
        if modified(&path).is_some_and(|saved| Some(saved) >= log) {
            return Ok(());
        }
        let failed = |error: io::Error| LinkError::File(format!("{}: {error}", path.display()));
        durable::create_folder(folder.path()).map_err(failed)?;
        path.parent().map_or(Ok(()), durable::create_folder).map_err(failed)?;
        self.get(run, file, &path, MAX_PREDICTIONS.min(self.address.mirror_bytes), &mut |_, _| true)
    }

    /// Copies a large file of a run to `path`, after the bytes that are there in `path` with the ending `.part`.
    /// `progress` gets the bytes that are here, and those of the whole; the copy ends when it returns false.
    ///
    /// # Errors
    /// If the home cannot be reached or has no such file, or the line is cut: a later call continues.
    pub fn get(
        &self,
        run: &RunId,
        file: RunFile,
        path: &Path,
        most: u64,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<(), LinkError> {
        let part = part_of(path);
        let failed = |error: io::Error| LinkError::File(format!("{}: {error}", part.display()));
        let mut there = File::options().create(true).append(true).read(true).open(&part).map_err(failed)?;
        let from = there.metadata().map_err(failed)?.len();
        let mut sum = crc32fast::Hasher::new();
        let mut buffer = vec![0; 64 << 10];
        let mut reader = File::open(&part).map_err(failed)?;
        while let read @ 1.. = reader.read(&mut buffer).map_err(failed)? {
            sum.update(&buffer[..read]);
        }
        let call = self.begin(|id| ToHome::Get { id, run: run.clone(), file, from })?;
        let mut position = from;
        loop {
            let Some(reply) = call.next() else { return Err(call.lost()) };
            match reply {
                Reply::Content(at, of, bytes) => {
                    if at != position || of > most || at + bytes.len() as u64 > of {
                        let _ = fs::remove_file(&part);
                        return Err(LinkError::File(format!(
                            "{} sent another file than it announced",
                            self.address.name
                        )));
                    }
                    there.write_all(&bytes).map_err(failed)?;
                    sum.update(&bytes);
                    position += bytes.len() as u64;
                    if !progress(position, of) {
                        return Err(LinkError::File("the copy was ended; the same command continues it".into()));
                    }
                }
                Reply::ContentEnd(Ok(expected)) => {
                    if sum.finalize() != expected {
                        let _ = fs::remove_file(&part);
                        return Err(LinkError::File(
                            "the copy differs from the file there, which changed meanwhile: repeat the command".into(),
                        ));
                    }
                    there.sync_all().map_err(failed)?;
                    return fs::rename(&part, path).map_err(failed);
                }
                Reply::ContentEnd(Err(words)) => {
                    let _ = fs::remove_file(&part);
                    return Err(LinkError::File(printable(&words).chars().take(300).collect()));
                }
                _ => {}
            }
        }
    }
}

/// Returns the path of an incomplete copy.
fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

impl Drop for Link {
    fn drop(&mut self) {
        let mut shared = lock(&self.shared);
        shared.closed = true;
        shared.writer = None;
        let ender = shared.ender.take();
        drop(shared);
        self.shared.1.notify_all();
        if let Some(ender) = ender {
            ender.end();
        }
    }
}

struct Call<'l> {
    link: &'l Link,
    id: u32,
    writer: Sender<ToHome>,
    replies: Receiver<Reply>,
    /// The bytes of replies that were not taken yet.
    waiting: Arc<AtomicUsize>,
}

impl Call<'_> {
    /// Returns the next reply; `None` if the line was cut.
    fn next(&self) -> Option<Reply> {
        let reply = self.replies.recv().ok()?;
        self.waiting.fetch_sub(reply.bytes(), Ordering::Relaxed);
        Some(reply)
    }

    /// Passes on output; returns the exit code at the end.
    fn take(
        &self,
        reply: Reply,
        on_the_way: &mut u64,
        output: &mut dyn FnMut(bool, &[u8]) -> io::Result<()>,
    ) -> Option<i32> {
        match reply {
            // Nobody reads the output any more.
            Reply::Output(error, bytes) if output(error, &bytes).is_err() => {
                let _ = self.writer.send(ToHome::Cancel(self.id));
            }
            Reply::Took(bytes) => *on_the_way = on_the_way.saturating_sub(bytes.into()),
            Reply::Exited(code) => return Some(code),
            _ => {}
        }
        None
    }

    fn lost(&self) -> LinkError {
        let reason = match self.link.state() {
            LinkState::Cut { reason, .. } => reason.to_string(),
            _ => "the line was cut".into(),
        };
        LinkError::Cut(format!("{reason}; what was asked of {} may have been done", self.link.address.name))
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        lock(&self.link.shared).calls.remove(&self.id);
    }
}

/// A program that runs there. It is read and written by one thread here: a write takes what was printed meanwhile.
pub struct Conversation<'l> {
    call: Call<'l>,
    state: RefCell<ConversationState>,
}

#[derive(Default)]
struct ConversationState {
    /// The bytes of the standard input that were not read there yet.
    on_the_way: u64,
    /// The bytes of the standard output that were not read here yet.
    output: VecDeque<u8>,
    /// The beginning of the standard error.
    errors: Vec<u8>,
    /// The exit code, once it has ended.
    code: Option<i32>,
}

/// The most bytes of the standard error of a conversation that are kept.
const MAX_ERRORS: usize = 64 << 10;

impl Conversation<'_> {
    /// Waits for the next reply and takes it.
    fn take_next(&self) -> io::Result<()> {
        let reply = self.call.next().ok_or_else(|| io::Error::other(self.call.lost()))?;
        let mut state = self.state.borrow_mut();
        match reply {
            Reply::Output(false, bytes) if state.output.len() + bytes.len() > MAX_WAITING => {
                return Err(io::Error::other("more was printed there than was asked for"));
            }
            Reply::Output(false, bytes) => state.output.extend(bytes),
            Reply::Output(true, bytes) => {
                let room = MAX_ERRORS.saturating_sub(state.errors.len());
                state.errors.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Reply::Took(bytes) => state.on_the_way = state.on_the_way.saturating_sub(bytes.into()),
            Reply::Exited(code) => state.code = Some(code),
            Reply::Content(..) | Reply::ContentEnd(_) => {}
        }
        Ok(())
    }

    /// Closes the standard input, and waits for the end. Returns the exit code and the lines of the standard error,
    /// safe to print.
    ///
    /// # Errors
    /// If the line was cut.
    pub fn finish(self) -> Result<(i32, Vec<String>), LinkError> {
        let _ = self.call.writer.send(ToHome::InputEnd(self.call.id));
        loop {
            if let ConversationState { code: Some(code), errors, .. } = &mut *self.state.borrow_mut() {
                let text = String::from_utf8_lossy(errors).into_owned();
                return Ok((*code, text.lines().map(|line| printable(line).chars().take(1000).collect()).collect()));
            }
            // Output that is too long was not asked for, and is not needed at the end.
            self.state.borrow_mut().output.clear();
            self.take_next().map_err(|_| self.call.lost())?;
        }
    }
}

impl Drop for Conversation<'_> {
    fn drop(&mut self) {
        // Otherwise the program there would wait for more as long as the line is up.
        let _ = self.call.writer.send(ToHome::InputEnd(self.call.id));
    }
}

impl Read for &Conversation<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.state.borrow().output.is_empty() {
            if self.state.borrow().code.is_some() {
                return Ok(0);
            }
            self.take_next()?;
        }
        self.state.borrow_mut().output.read(into)
    }
}

impl Write for &Conversation<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        while self.state.borrow().on_the_way >= MAX_INPUT && self.state.borrow().code.is_none() {
            self.take_next()?;
        }
        if self.state.borrow().code.is_some() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let part = &bytes[..bytes.len().min(64 << 10)];
        self.state.borrow_mut().on_the_way += part.len() as u64;
        let message = ToHome::Input { id: self.call.id, bytes: Blob(part.to_vec()) };
        self.call.writer.send(message).map_err(|_| io::Error::other(self.call.lost()))?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Connects again and again until the link is dropped, with growing pauses.
fn keep(address: &HomeAddress, mut mirror: Option<Mirror>, shared: &(Mutex<SharedLink>, Condvar), interactive: bool) {
    let mut tries = 0;
    loop {
        let result = connect(address, mirror.as_mut(), shared, interactive);
        let mut guard = lock(shared);
        guard.writer = None;
        guard.calls.clear();
        if let Some(ender) = guard.ender.take() {
            drop(guard);
            ender.end();
            guard = lock(shared);
        }
        if guard.closed {
            return;
        }
        let Err((error, answered)) = result;
        tries = if answered { 0 } else { tries + 1 };
        let last = PAUSES.len() - 1;
        let pause = PAUSES[if error.may_pass() { tries.min(last) } else { last }];
        let again = !interactive;
        let retry_at = again.then(|| now() + pause * 1000);
        guard.state = LinkState::Cut { reason: error, at: now(), retry_at };
        shared.1.notify_all();
        let until = again.then(|| Instant::now() + Duration::from_secs(pause));
        while !guard.closed {
            let left = until.map_or(Duration::from_hours(1), |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            guard = shared.1.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if guard.closed {
            return;
        }
        guard.state = LinkState::Connecting;
        shared.1.notify_all();
    }
}

/// Connects once and follows the home until the line is cut. The error says why, and whether the home had answered.
fn connect(
    address: &HomeAddress,
    mut mirror: Option<&mut Mirror>,
    shared: &(Mutex<SharedLink>, Condvar),
    interactive: bool,
) -> Result<std::convert::Infallible, (LinkError, bool)> {
    let started = |ender: Ender| {
        let mut guard = lock(shared);
        // A person may take long to answer a question of ssh.
        guard.last_byte = Instant::now() + Duration::from_secs(if interactive { 600 } else { 0 });
        guard.ender = Some(ender);
    };
    let mut connection = Connection::open(address, interactive, started).map_err(|error| (error, false))?;
    {
        let mut guard = lock(shared);
        guard.last_byte = Instant::now();
        if guard.closed {
            return Err((LinkError::Cut("the link was closed".into()), false));
        }
    }
    let send = |message| {
        // A cut line is noticed by the reader.
        let _ = connection.writer.send(message);
    };
    send(ToHome::Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").into() });
    if let Some(mirror) = &mirror {
        mirror.held().chunks(HELD_PER_MESSAGE).for_each(|runs| send(ToHome::Held(runs.to_vec())));
        send(ToHome::HeldEnd);
    }
    let count = connection.reader.count();
    let (mut reported, mut counted, mut recorded) = (0, 0, None::<Instant>);
    let mut answered = false;
    loop {
        let message = next_message(&mut connection).map_err(|error| (error, answered))?;
        answered = true;
        let received = count.load(Ordering::Relaxed);
        if received - reported >= RECEIPT {
            reported = received;
            let _ = connection.writer.send(ToHome::Received(received));
        }
        let applied = mirror.as_mut().map(|mirror| mirror.apply(&message)).transpose();
        let full = applied.map_err(|error| (LinkError::Mirror(error.to_string()), answered))?.flatten();
        if let Some(run) = full {
            let _ = connection.writer.send(ToHome::Skip(run));
        }
        let mut guard = lock(shared);
        guard.received += received - counted;
        counted = received;
        guard.last_byte = Instant::now();
        guard.contact_at = now();
        receive(&mut guard, message, &connection, mirror.as_deref());
        let complete = matches!(guard.state, LinkState::Live { complete: true, .. });
        let due = recorded.is_none_or(|at| at.elapsed() >= CONTACT_INTERVAL) || complete != guard.contact.complete;
        if due {
            recorded = Some(Instant::now());
            guard.contact.complete = complete;
            let contact = guard.contact.clone();
            drop(guard);
            if let Some(mirror) = &mirror {
                mirror.record_contact(contact);
            }
        } else {
            drop(guard);
        }
        shared.1.notify_all();
    }
}

/// Takes a message into the state, or passes it to its call.
fn receive(shared: &mut SharedLink, message: FromHome, connection: &Connection, mirror: Option<&Mirror>) {
    let to_call = |shared: &mut SharedLink, id: u32, reply: Reply| {
        let Some((call, waiting)) = shared.calls.get(&id) else { return };
        let bytes = reply.bytes();
        if waiting.fetch_add(bytes, Ordering::Relaxed) + bytes > MAX_WAITING {
            let _ = connection.writer.send(ToHome::Cancel(id));
            shared.calls.remove(&id);
            return;
        }
        let _ = call.send(reply);
    };
    match message {
        FromHome::Hello { version, home } => {
            let short = |text: &str| printable(text).chars().take(200).collect::<String>();
            (shared.contact.program, shared.contact.home) = (short(&version), short(&home));
            // Without a mirror of its own, there is nothing to wait for.
            shared.state = LinkState::Live { complete: mirror.is_none(), pending: None, refused: 0 };
            shared.writer = Some(connection.writer.clone());
        }
        FromHome::Pending { runs, bytes } => {
            if let LinkState::Live { pending, .. } = &mut shared.state {
                *pending = Some((runs, bytes)).filter(|_| runs > 0);
            }
        }
        FromHome::UpToDate => {
            let refused = mirror.map_or(0, Mirror::refused);
            shared.state = LinkState::Live { complete: true, pending: None, refused };
        }
        FromHome::Log { bytes, .. } => {
            if let LinkState::Live { pending: Some((_, left)), refused, .. } = &mut shared.state {
                *left = left.saturating_sub(bytes.0.len() as u64);
                *refused = mirror.map_or(0, Mirror::refused);
            }
        }
        FromHome::Output { id, error, bytes } => to_call(shared, id, Reply::Output(error, bytes.0)),
        FromHome::Took { id, bytes } => to_call(shared, id, Reply::Took(bytes)),
        FromHome::Exited { id, code } => to_call(shared, id, Reply::Exited(code)),
        FromHome::Content { id, at, of, bytes } => to_call(shared, id, Reply::Content(at, of, bytes.0)),
        FromHome::ContentEnd { id, result } => to_call(shared, id, Reply::ContentEnd(result)),
        FromHome::File { .. } | FromHome::Gone(_) | FromHome::Pong => {}
    }
}

/// Ends lines over which nothing comes any more, until the link is dropped.
fn end_silent_lines(shared: &(Mutex<SharedLink>, Condvar)) {
    let mut guard = lock(shared);
    while !guard.closed {
        let silent = guard.last_byte.elapsed() > SILENCE;
        if let Some(ender) = guard.ender.clone().filter(|_| silent) {
            guard.last_byte = Instant::now();
            drop(guard);
            ender.end();
            guard = lock(shared);
        }
        guard = shared.1.wait_timeout(guard, Duration::from_secs(1)).unwrap_or_else(PoisonError::into_inner).0;
    }
}
