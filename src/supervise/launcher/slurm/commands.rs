//! Slurm's commands: with a time limit, without the settings of a job around them, and read past banners.

use std::io::{self, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::domain::text::printable;

/// The longest wait for an answer to a question.
pub(super) const QUESTION_TIMEOUT: Duration = Duration::from_secs(8);

/// The longest wait for the acceptance of a job. A busy controller answers late.
pub(super) const SUBMISSION_TIMEOUT: Duration = Duration::from_secs(45);

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The beginnings of variables by which a job, or a user, changes what the commands do.
const REMOVED_PREFIXES: [&str; 6] = ["SLURM_", "SBATCH_", "SQUEUE_", "SCANCEL_", "SCONTROL_", "PMIX_"];

/// The variable that names the cluster's configuration, without which no command works where it is set.
const CONFIGURATION: &str = "SLURM_CONF";

/// The reason why a command has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// There is no such command here.
    #[error("there is no {0} on this machine")]
    Missing(String),
    /// The system refused to start it.
    #[error("cannot start {0}: {1}")]
    Start(String, io::Error),
    /// The command did not answer in time.
    #[error("{0} has not answered for {1} s")]
    Silent(String, u64),
    /// The command failed with this message.
    #[error("{0} refused: {1}")]
    Refused(String, String),
}

impl From<CommandError> for io::Error {
    fn from(error: CommandError) -> Self {
        Self::other(error)
    }
}

/// Runs a command for at most `limit` and returns what it printed on stdout.
pub(super) fn run(program: &str, arguments: &[&str], limit: Duration) -> Result<String, CommandError> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        let has = |start: &str| name.as_encoded_bytes().starts_with(start.as_bytes());
        if REMOVED_PREFIXES.iter().any(|start| has(start)) && name != CONFIGURATION {
            command.env_remove(name);
        }
    }
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => CommandError::Missing(program.into()),
        _ => CommandError::Start(program.into(), error),
    })?;
    let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
    let end = Instant::now() + limit;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < end => thread::sleep(POLL_INTERVAL),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(CommandError::Silent(program.into(), limit.as_secs()));
            }
            Err(error) => return Err(CommandError::Start(program.into(), error)),
        }
    };
    // A child of the command may hold the pipes open after its end.
    let text = |from: Receiver<String>| from.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    judge(program, status, text(stdout), &text(stderr))
}

fn judge(program: &str, status: ExitStatus, stdout: String, stderr: &str) -> Result<String, CommandError> {
    if status.success() {
        return Ok(stdout);
    }
    let lines = stderr.lines().chain(stdout.lines()).map(str::trim).filter(|line| !line.is_empty());
    let words = lines.map(printable).collect::<Vec<_>>().join("; ");
    let words = if words.is_empty() { status.to_string() } else { words };
    Err(CommandError::Refused(program.into(), words))
}

/// Reads a pipe to its end in a thread.
fn read(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}
