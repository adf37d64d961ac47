//! A command of the user that runs after an event, with input and a time limit.
//!
//! The command has its own process group and only the three standard streams. It can neither hold a lock of this
//! program nor make it wait longer than the limit.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::domain::text::printable;

/// The time between two checks of the command.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The time that a command has to end after it was asked to, before it is killed.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// The longest wait for the rest of the error output. A process that the command left behind may hold it open.
const OUTPUT_GRACE: Duration = Duration::from_millis(300);

/// The most bytes of the error output that are kept, and the most lines in a message.
const TAIL: (usize, usize) = (4096, 5);

/// The failure of a command.
#[derive(Debug, thiserror::Error)]
pub enum EndCommandError {
    /// The system could not start the shell.
    #[error("cannot be started: {0}")]
    Start(#[source] io::Error),
    /// The command ended with a failure.
    #[error("ended with {}{}", describe(*status), last_lines(output))]
    Status {
        /// The status.
        status: ExitStatus,
        /// The end of its error output.
        output: String,
    },
    /// The command took too long and was ended.
    #[error("was ended after {} s, its time limit{}", limit.as_secs(), last_lines(output))]
    TimeLimit {
        /// The limit.
        limit: Duration,
        /// The end of its error output.
        output: String,
    },
    /// A signal to this process ended the command.
    #[error("was ended by a signal{}", last_lines(output))]
    Interrupted {
        /// The end of its error output.
        output: String,
    },
}

fn describe(status: ExitStatus) -> String {
    status.code().map_or_else(|| status.to_string(), |code| format!("exit code {code}"))
}

/// Returns the last lines of an output on one line, after a colon.
fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(TAIL.1)..];
    let mut text = String::new();
    if !last.is_empty() {
        let _ = write!(text, ": {}", printable(&last.join(" | ")));
    }
    text
}

/// Returns a command that runs a line by the shell.
#[must_use]
pub fn shell(line: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(line);
    command
}

/// Runs a command with this input, at most for the time limit or until `interrupted`. Its output is discarded; the end
/// of its error output is part of the error.
///
/// # Errors
/// If it cannot be started, fails, or is ended.
pub fn run_end_command(
    mut command: Command,
    input: Vec<u8>,
    limit: Duration,
    interrupted: impl Fn() -> bool,
) -> Result<(), EndCommandError> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(EndCommandError::Start)?;
    if let Some(mut stdin) = child.stdin.take() {
        // In a thread, because a command that does not read its input would block the write. One that closes it early
        // is no failure.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let (output, complete) = child.stderr.take().map(keep_end).unzip();
    let output = || {
        let end = output.as_ref().map(|end| end.lock().unwrap_or_else(PoisonError::into_inner).clone());
        String::from_utf8_lossy(end.unwrap_or_default().make_contiguous()).into_owned()
    };
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                if status.success() {
                    return Ok(());
                }
                let _ = complete.map(|complete| complete.recv_timeout(OUTPUT_GRACE));
                return Err(EndCommandError::Status { status, output: output() });
            }
            Ok(None) => {}
            Err(error) => return Err(EndCommandError::Start(error)),
        }
        if interrupted() {
            end(&mut child);
            return Err(EndCommandError::Interrupted { output: output() });
        }
        if begun.elapsed() >= limit {
            end(&mut child);
            return Err(EndCommandError::TimeLimit { limit, output: output() });
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Asks the command's process group to end, and kills what has not ended a little later.
fn end(child: &mut Child) {
    // The child is waited for only below, so that its id is not reused.
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    let _ = kill_process_group(group, Signal::TERM);
    let begun = Instant::now();
    while begun.elapsed() < KILL_GRACE && kill_is_needed(child) {
        thread::sleep(POLL_INTERVAL);
    }
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
}

/// Returns whether the command is still running. Does not wait for it, so that its process group keeps its id.
fn kill_is_needed(child: &Child) -> bool {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return false };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(waitid(WaitId::Pid(pid), options), Ok(None))
}

/// Reads an output to its end in a thread. Returns the last bytes so far, and a receiver that is disconnected at the
/// end.
fn keep_end(mut output: impl Read + Send + 'static) -> (Arc<Mutex<VecDeque<u8>>>, Receiver<()>) {
    let (end, (sender, complete)) = (Arc::new(Mutex::new(VecDeque::new())), channel::<()>());
    let kept = Arc::clone(&end);
    thread::spawn(move || {
        let _ends_with_this_thread = sender;
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut bytes) {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(&bytes[..length]);
            let surplus = kept.len().saturating_sub(TAIL.0);
            kept.drain(..surplus);
        }
    });
    (end, complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    fn run(line: &str, limit: Duration) -> Result<(), String> {
        run_end_command(shell(line), vec![b'x'; 1 << 20], limit, || false).map_err(|error| error.to_string())
    }

    #[test]
    fn a_failure_names_its_status_and_the_last_lines_of_the_error_output() {
        let table = [
            ("true", Ok(())),
            ("cat >/dev/null", Ok(())),
            ("exit 3", Err("ended with exit code 3")),
            ("echo no; echo 'one\u{1b}[2J' >&2; exit 4", Err("ended with exit code 4: one·[2J")),
            ("seq 1 9 >&2; exit 5", Err("ended with exit code 5: 5 | 6 | 7 | 8 | 9")),
            ("kill -9 $$", Err("ended with signal: 9 (SIGKILL)")),
            ("yes | head -c 5000000; yes no | head -c 5000000 >&2; exit 6", Err("ended with exit code 6: no | no")),
        ];
        for (line, expected) in table {
            match (run(line, LIMIT), expected) {
                (Ok(()), Ok(())) => {}
                (Err(found), Err(expected)) => assert!(found.starts_with(expected), "{line}: {found}"),
                (found, _) => panic!("{line}: {found:?}"),
            }
        }
        assert!(run("/no/such/command", LIMIT).is_err_and(|error| error.contains("exit code 127: ")));
        let missing = run_end_command(Command::new("/no/such/shell"), Vec::new(), LIMIT, || false);
        assert!(matches!(missing, Err(EndCommandError::Start(_))), "{missing:?}");
    }

    #[test]
    fn a_command_that_hangs_ends_with_its_children_at_the_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let pids = folder.path().join("pids");
        // The child ignores the request to end.
        let line = format!("(trap '' TERM; echo $$ >>'{0}'; sleep 600) & echo $! >>'{0}'; wait", pids.display());
        let found = run(&line, Duration::from_secs(1));
        assert!(found.is_err_and(|error| error.starts_with("was ended after 1 s, its time limit")));
        for pid in std::fs::read_to_string(&pids).expect("pids").lines() {
            // A killed child without a parent may wait for the system to remove it.
            let has_ended = |stat: &str| stat.is_empty() || stat.contains(") Z ");
            let begun = Instant::now();
            loop {
                let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                if has_ended(&stat) {
                    break;
                }
                assert!(begun.elapsed() < LIMIT, "{stat}");
                thread::sleep(POLL_INTERVAL);
            }
        }
    }

    #[test]
    fn a_signal_ends_the_command_and_a_process_left_behind_does_not_hold_the_output() {
        let found = run_end_command(shell("sleep 600"), Vec::new(), LIMIT, || true);
        assert!(matches!(found, Err(EndCommandError::Interrupted { .. })), "{found:?}");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pid");
        let line = format!("sleep 600 & echo $! >'{}'; echo why >&2; exit 2", file.display());
        assert_eq!(run(&line, LIMIT), Err("ended with exit code 2: why".into()));
        let left = std::fs::read_to_string(&file).expect("a pid").trim().parse().ok().and_then(Pid::from_raw);
        // Fails if the process had ended before.
        rustix::process::kill_process(left.expect("a pid"), Signal::KILL).expect("it is still running");
    }
}
