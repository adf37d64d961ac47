//! Commands that a home runs on request: the program itself, with other arguments.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, SyncSender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use std::os::unix::process::{CommandExt, ExitStatusExt};

use super::protocol::{Blob, FromHome};
use super::server::{Program, ServerInput};

/// The most commands at a time.
const MOST: usize = 16;

/// The most bytes of the arguments of a command.
const MAX_ARGUMENTS: usize = 64 << 10;

/// An event of a running command.
pub(super) enum CallEvent {
    Output { id: u32, error: bool, bytes: Vec<u8> },
    Took { id: u32, bytes: u32 },
    Exited { id: u32, code: i32 },
}

impl CallEvent {
    /// Returns the message about it.
    pub(super) fn message(self) -> FromHome {
        match self {
            Self::Output { id, error, bytes } => FromHome::Output { id, error, bytes: Blob(bytes) },
            Self::Took { id, bytes } => FromHome::Took { id, bytes },
            Self::Exited { id, code } => FromHome::Exited { id, code },
        }
    }
}

struct Call {
    pid: rustix::process::Pid,
    input: Option<Sender<Vec<u8>>>,
}

/// The running commands, by their numbers.
pub(super) struct Calls {
    program: Program,
    events: SyncSender<ServerInput>,
    running: Arc<Mutex<HashMap<u32, Call>>>,
}

impl Calls {
    pub(super) fn new(program: Program, events: SyncSender<ServerInput>) -> Self {
        Self { program, events, running: Arc::default() }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<u32, Call>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a command.
    ///
    /// # Errors
    /// The reason why it is refused or cannot start.
    pub(super) fn start(&self, id: u32, arguments: &[String]) -> Result<(), String> {
        (self.program.accepts)(arguments)?;
        if arguments.iter().map(String::len).sum::<usize>() > MAX_ARGUMENTS {
            return Err("the arguments are too long".into());
        }
        let mut running = self.running();
        if running.len() >= MOST || running.contains_key(&id) {
            return Err(format!("{MOST} commands run at a time: wait for one of them to end"));
        }
        let mut command = Command::new(&self.program.path);
        command.args(&self.program.arguments).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A signal to this process must not end a launch half way.
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| format!("cannot start the command: {error}"))?;
        let pid = rustix::process::Pid::from_child(&child);
        let (input, given) = channel();
        let stdin = child.stdin.take();
        let events = self.events.clone();
        std::thread::spawn(move || {
            if let Some(stdin) = stdin {
                write_input(stdin, id, &given, &events);
            }
        });
        running.insert(id, Call { pid, input: Some(input) });
        drop(running);
        let (events, running) = (self.events.clone(), Arc::clone(&self.running));
        std::thread::spawn(move || {
            let code = follow(child, id, &events);
            running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            let _ = events.send(ServerInput::Call(CallEvent::Exited { id, code }));
        });
        Ok(())
    }

    /// Passes bytes to the standard input of a command.
    pub(super) fn input(&self, id: u32, bytes: Vec<u8>) {
        if let Some(input) = self.running().get(&id).and_then(|call| call.input.as_ref()) {
            let _ = input.send(bytes);
        }
    }

    /// Closes the standard input of a command.
    pub(super) fn end_input(&self, id: u32) {
        if let Some(call) = self.running().get_mut(&id) {
            call.input = None;
        }
    }

    /// Interrupts a command as Ctrl-C does.
    pub(super) fn interrupt(&self, id: u32) {
        if let Some(call) = self.running().get(&id) {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(call.pid, rustix::process::Signal::INT);
        }
    }

    /// Interrupts all commands, because nobody is there to read their output.
    pub(super) fn end_all(&self) {
        for call in self.running().values_mut() {
            call.input = None;
            let _ = rustix::process::kill_process(call.pid, rustix::process::Signal::INT);
        }
    }
}

fn write_input(
    mut stdin: ChildStdin,
    id: u32,
    given: &std::sync::mpsc::Receiver<Vec<u8>>,
    events: &SyncSender<ServerInput>,
) {
    for bytes in given {
        // A command that reads no more is no error: it ends, with its own words.
        let _ = stdin.write_all(&bytes);
        let bytes = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if events.send(ServerInput::Call(CallEvent::Took { id, bytes })).is_err() {
            return;
        }
    }
}

/// Passes on the output of a command until its end, and returns its exit code.
fn follow(mut child: Child, id: u32, events: &SyncSender<ServerInput>) -> i32 {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| stdout.into_iter().for_each(|stream| pass_on(stream, id, false, events)));
        scope.spawn(|| stderr.into_iter().for_each(|stream| pass_on(stream, id, true, events)));
    });
    let code = |status: ExitStatus| status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    child.wait().map_or(1, code)
}

fn pass_on(mut stream: impl Read, id: u32, error: bool, events: &SyncSender<ServerInput>) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        let bytes = buffer[..read].to_vec();
        if events.send(ServerInput::Call(CallEvent::Output { id, error, bytes })).is_err() {
            return;
        }
    }
}
