//! Starts ssh with a home behind it, and passes frames through it.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::frame::{FrameReader, FrameWriter};
use super::protocol::{FromHome, GREETING, PROTOCOL, ToHome};
use crate::domain::HomeAddress;
use crate::domain::text::printable;

/// The environment variable that names another program instead of `ssh`. It gets the same arguments.
pub const SSH_VARIABLE: &str = "MIEN_SSH";

/// The time between two pings.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// The most bytes that a shell may print before the greeting.
const MAX_PREAMBLE: usize = 64 << 10;

/// The last lines of ssh's own messages that are kept.
const MESSAGE_LINES: usize = 4;

/// The reason why a home cannot be reached, or does not do what it is asked for. Every text is safe to print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// There is no such program as ssh.
    #[error("cannot start {program}: {reason}")]
    Ssh {
        /// The program.
        program: String,
        /// The reason.
        reason: String,
    },
    /// The line is cut, or ssh could not make one.
    #[error("{0}")]
    Cut(String),
    /// mien is not installed there, or is older than homes.
    #[error("{0}")]
    NoServer(String),
    /// The protocols differ.
    #[error("{0}")]
    Protocol(String),
    /// The mirror cannot be written.
    #[error("{0}")]
    Mirror(String),
    /// The line is down, so that nothing can be asked of the home.
    #[error("{name} cannot be reached, so nothing was sent: {reason}")]
    Down {
        /// The name of the home.
        name: String,
        /// The reason.
        reason: String,
    },
    /// A file cannot be sent.
    #[error("{0}")]
    File(String),
}

impl LinkError {
    /// Returns whether a try soon could succeed without anybody changing anything.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Cut(_) | Self::Down { .. })
    }
}

/// The last lines that ssh and the shell there printed on the standard error.
type Messages = Arc<Mutex<VecDeque<String>>>;

/// The longest wait for the last lines after ssh has ended.
const LAST_LINES: Duration = Duration::from_millis(500);

/// A running ssh with a home behind it.
pub(super) struct Connection {
    child: Arc<Mutex<Child>>,
    pub(super) reader: FrameReader<BufReader<ChildStdout>>,
    pub(super) writer: Sender<ToHome>,
    messages: Messages,
    /// Closed at the end of the messages.
    messages_end: Receiver<()>,
    name: String,
}

/// Ends the process of a connection.
#[derive(Clone)]
pub(super) struct Ender(Arc<Mutex<Child>>);

impl Ender {
    pub(super) fn end(&self) {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Connection {
    /// Starts ssh, and waits for the greeting of the home. Without `interactive`, ssh asks for no password.
    ///
    /// # Errors
    /// If ssh cannot start or ends, or no fitting mien greets.
    pub(super) fn open(
        address: &HomeAddress,
        interactive: bool,
        started: impl FnOnce(Ender),
    ) -> Result<Self, LinkError> {
        let (mut command, program) = ssh(address, interactive, &address.command(&["serve", "--stdio"]));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| LinkError::Ssh { program, reason: error.to_string() })?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let child = Arc::new(Mutex::new(child));
        let ender = Ender(Arc::clone(&child));
        started(ender.clone());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(LinkError::Cut("ssh has no pipes".into()));
        };
        let (messages, messages_end) = keep_messages(stderr);
        let (writer, outgoing) = channel();
        std::thread::spawn(move || write_messages(FrameWriter::new(stdin), &outgoing));
        let mut stdout = BufReader::with_capacity(64 << 10, stdout);
        let greeting = read_greeting(&mut stdout);
        let reader = FrameReader::new(stdout);
        let connection = Self { child, reader, writer, messages, messages_end, name: address.name.clone() };
        match greeting {
            Ok(PROTOCOL) => Ok(connection),
            Ok(found) => {
                ender.end();
                let (newer, update) = if found > PROTOCOL { ("newer", "this one") } else { ("older", "the one there") };
                Err(LinkError::Protocol(format!(
                    "the mien of {} is {newer}: it speaks protocol {found}, and this one speaks {PROTOCOL}: update {update}",
                    address.name
                )))
            }
            Err(printed) => Err(connection.refusal(address, &printed)),
        }
    }

    /// Returns why no mien greeted.
    fn refusal(self, address: &HomeAddress, printed: &str) -> LinkError {
        let code = self.end();
        let printed_last = self.last_message();
        let binary = address.binary.as_deref().unwrap_or("mien");
        if matches!(code, Some(126 | 127)) {
            return LinkError::NoServer(printable(&format!(
                "{} has no program '{binary}': set binary in [homes.{}] to the path of mien there{}",
                address.destination,
                address.name,
                if printed_last.is_empty() { String::new() } else { format!(" ({printed_last})") }
            )));
        }
        if code == Some(2) && printed_last.contains("serve") {
            return LinkError::NoServer(format!("the mien of {} knows no homes: update it there", address.name));
        }
        let mut words = [printed_last.as_str(), printed].into_iter();
        let printed_last = words.find(|words| !words.is_empty()).unwrap_or("it printed nothing");
        LinkError::Cut(printable(&format!("{} did not answer as mien: {printed_last}", address.destination)))
    }

    /// Ends ssh and returns its exit code.
    fn end(&self) -> Option<i32> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // With its output closed it ends at once, and its exit code is that of the command there.
        for _ in 0..100 {
            if let Ok(Some(status)) = child.try_wait() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        child.wait().ok()?.code()
    }

    /// Returns why the frames ended.
    pub(super) fn cut(&self, error: Option<&io::Error>) -> LinkError {
        if let Some(error) = error.filter(|error| error.kind() == io::ErrorKind::InvalidData) {
            return LinkError::Cut(format!("{} sent something else than mien: {error}", self.name));
        }
        self.end();
        let printed_last = self.last_message();
        if printed_last.is_empty() { LinkError::Cut("the line was cut".into()) } else { LinkError::Cut(printed_last) }
    }

    /// Returns the last line that ssh or the shell there printed, safe to print.
    fn last_message(&self) -> String {
        // The sender is never used: the end of its thread ends the wait.
        let _ = self.messages_end.recv_timeout(LAST_LINES);
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let useful = messages.iter().rfind(|line| line.contains("error:") || line.contains("ermission denied"));
        useful.or_else(|| messages.back()).cloned().unwrap_or_default()
    }
}

/// Returns the command by which ssh runs a line in the shell there, and the name of ssh, safe to print. Without
/// `interactive`, ssh asks for no password.
pub(super) fn ssh(address: &HomeAddress, interactive: bool, line: &str) -> (Command, String) {
    let program = std::env::var_os(SSH_VARIABLE).filter(|name| !name.is_empty()).unwrap_or_else(|| "ssh".into());
    let mut command = Command::new(&program);
    command.args(["-T", "-o", "ConnectTimeout=20"]);
    if !interactive {
        // In a group of its own it does not get the Ctrl-C of a terminal.
        command.args(["-o", "BatchMode=yes"]).process_group(0);
    }
    if let Some(port) = address.port {
        command.args(["-p", &port.to_string()]);
    }
    command.args(["--", &address.destination, line]);
    (command, printable(&program.to_string_lossy()))
}

/// Keeps the last lines of a stream, so that it never fills.
fn keep_messages(stderr: ChildStderr) -> (Messages, Receiver<()>) {
    let messages = Messages::default();
    let kept = Arc::clone(&messages);
    let (end, ended) = channel::<()>();
    std::thread::spawn(move || {
        let _end = end;
        let mut reader = BufReader::new(stderr);
        loop {
            let mut line = Vec::new();
            match (&mut reader).take(4096).read_until(b'\n', &mut line) {
                Ok(1..) => {}
                _ => return,
            }
            let line: String = printable(String::from_utf8_lossy(&line).trim()).chars().take(300).collect();
            if line.is_empty() {
                continue;
            }
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push_back(line);
            if kept.len() > MESSAGE_LINES {
                kept.pop_front();
            }
        }
    });
    (messages, ended)
}

/// Reads until the greeting and returns its protocol; else the first line that came instead.
fn read_greeting(stdout: &mut impl BufRead) -> Result<u32, String> {
    let (mut first, mut left) = (String::new(), MAX_PREAMBLE);
    loop {
        let mut line = Vec::new();
        let read = stdout.by_ref().take(left as u64).read_until(b'\n', &mut line).unwrap_or(0);
        if read == 0 {
            return Err(printable(first.trim()).chars().take(300).collect());
        }
        left -= read;
        let line = String::from_utf8_lossy(&line);
        let protocol = line.strip_prefix(GREETING).and_then(|rest| rest.trim_end().parse().ok());
        if let Some(protocol) = protocol {
            return Ok(protocol);
        }
        if first.is_empty() {
            line.trim().clone_into(&mut first);
        }
    }
}

/// Writes messages until the line is cut, and a ping where there is nothing else to write.
fn write_messages(mut writer: FrameWriter<impl io::Write>, outgoing: &Receiver<ToHome>) {
    loop {
        let mut next = match outgoing.recv_timeout(PING_INTERVAL) {
            Err(RecvTimeoutError::Timeout) => Ok(ToHome::Ping),
            other => other,
        };
        while let Ok(message) = next {
            if writer.write(&message).is_err() {
                return;
            }
            next = outgoing.recv_timeout(Duration::ZERO);
        }
        if writer.flush().is_err() || next == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

/// Reads messages until the end of the stream.
pub(super) fn next_message(connection: &mut Connection) -> Result<FromHome, LinkError> {
    match connection.reader.read() {
        Ok(Some(message)) => Ok(message),
        Ok(None) => Err(connection.cut(None)),
        Err(error) => Err(connection.cut(Some(&error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_is_found_behind_what_a_shell_prints() {
        let table: [(&str, Result<u32, &str>); 5] = [
            ("mien serve 1\n", Ok(1)),
            ("Welcome to box\n\x1b[2Jnews\nmien serve 7\nrest", Ok(7)),
            ("Welcome\x1b[2J to box\n", Err("Welcome·[2J to box")),
            ("", Err("")),
            ("mien serve x\n", Err("mien serve x")),
        ];
        for (printed, expected) in table {
            assert_eq!(read_greeting(&mut printed.as_bytes()), expected.map_err(str::to_owned), "{printed:?}");
        }
        let endless = "x".repeat(MAX_PREAMBLE * 2);
        assert!(read_greeting(&mut endless.as_bytes()).is_err());
    }
}
