//! A child process of this program that prints values as lines of JSON.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::de::DeserializeOwned;

use crate::domain::text::printable;

/// The most values that wait to be received. A child that prints more waits.
const WAITING_LINES: usize = 256;

/// The longest line in bytes. The rest of a longer one is another line, which is no value.
const LONGEST_LINE: u64 = 8 << 20;

/// The most bytes of the error output that are stored.
const MAX_ERROR_BYTES: u64 = 1 << 16;

/// A running child and the values that it prints.
#[derive(Debug)]
pub(super) struct ChildLines<T> {
    child: Child,
    lines: Receiver<T>,
    error_output: Option<thread::JoinHandle<String>>,
}

impl<T: DeserializeOwned + Send + 'static> ChildLines<T> {
    /// Starts a child. Lines that are no value are ignored.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub(super) fn start(mut command: Command) -> std::io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (sender, lines) = sync_channel(WAITING_LINES);
        if let Some(out) = child.stdout.take() {
            thread::spawn(move || {
                let (mut out, mut line) = (BufReader::new(out), Vec::new());
                while matches!((&mut out).take(LONGEST_LINE).read_until(b'\n', &mut line), Ok(1..)) {
                    let received = serde_json::from_slice(&line).map_or(true, |value| sender.send(value).is_ok());
                    if !received {
                        break;
                    }
                    line.clear();
                }
            });
        }
        let error_output = child.stderr.take().map(|stderr| {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = stderr.take(MAX_ERROR_BYTES).read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            })
        });
        Ok(Self { child, lines, error_output })
    }

    /// Asks the child to end, as Ctrl-C does.
    pub(super) fn interrupt(&mut self) {
        if let Ok(None) = self.child.try_wait()
            && let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
        {
            // The process has not been waited for, so its id is not reused.
            let _ = kill_process(pid, Signal::INT);
        }
    }

    /// Ends the child without waiting for values that it still prints.
    pub(super) fn end(&mut self) {
        self.interrupt();
        // The thread that reads would wait for a receiver, and the child for the thread.
        self.lines = sync_channel(0).1;
        let _ = self.child.wait();
    }

    /// Waits at most this time for the next value.
    ///
    /// # Errors
    /// If none came, or the output has ended.
    pub(super) fn next(&self, patience: Duration) -> Result<T, RecvTimeoutError> {
        self.lines.recv_timeout(patience)
    }

    /// Waits for the end of the child. Returns its status and its error output on one line, safe to print.
    pub(super) fn wait(&mut self) -> (std::io::Result<ExitStatus>, String) {
        let status = self.child.wait();
        let error_output = self.error_output.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        (status, error_output_line(&error_output))
    }
}

/// Returns the error output of a child of this program on one line, safe to print.
pub(super) fn error_output_line(error_output: &str) -> String {
    let words: Vec<String> =
        error_output.lines().map(|line| printable(line.strip_prefix("mien: ").unwrap_or(line))).collect();
    words.join(" ")
}

/// Returns the message of a child that failed with this error output.
pub(super) fn describe_failure(status: std::io::Result<ExitStatus>, error_output: String) -> String {
    match status {
        _ if !error_output.is_empty() => error_output,
        Ok(status) => format!("its process ended without a message ({status})"),
        Err(error) => error.to_string(),
    }
}
