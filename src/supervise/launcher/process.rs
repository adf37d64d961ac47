//! Workers as processes of this machine: starting one and watching its first moments.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{Launcher, StartError, Started, signal};
use crate::config;
use crate::domain::{RunId, text::printable};
use crate::events::{Event, EventReader};
use crate::runs::{Job, Liveness, RunFolder};
use crate::supervise::earlier_workers::wait_for_earlier_workers;
use crate::supervise::kill::KillError;
use crate::supervise::launch::LaunchTime;

/// The longest wait for a worker to start and to find its device. A program on a busy machine needs seconds, and the
/// starter of a run must get the error about a missing device.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The time between two polls of the run folder.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The most bytes and lines of a worker's output in an error.
const TAIL: (u64, usize) = (4096, 12);

/// Starts workers as processes of this machine, each in its own session.
#[derive(Debug, Clone, Copy)]
pub struct LocalProcess;

impl Launcher for LocalProcess {
    fn name(&self) -> &'static str {
        "process"
    }

    fn start(&self, run: &RunFolder, job: Job, when: LaunchTime) -> Result<Started, StartError> {
        start(worker_command(run, job, when)?, run)
    }

    fn liveness(&self, run: &RunFolder) -> Liveness {
        run.liveness()
    }

    fn kill(&self, id: &RunId, run: &RunFolder) -> Result<Option<u32>, KillError> {
        signal::kill(id, run).map(Some)
    }
}

/// Returns the command that runs this program as a worker.
fn worker_command(folder: &RunFolder, job: Job, when: LaunchTime) -> io::Result<Command> {
    let folder = std::path::absolute(folder.path())?;
    let mut command = Command::new(program()?);
    command.arg(crate::supervise::WORKER_COMMAND).arg(folder).args(["--job", job.name()]);
    if when == LaunchTime::Now {
        command.arg("--now");
    }
    if let Some(file) = std::env::var_os(config::VARIABLE).filter(|value| !value.is_empty()) {
        // The worker reads the file, and runs in another folder.
        command.env(config::VARIABLE, std::path::absolute(file)?);
    }
    // Otherwise a worker that runs out of memory while a panic prints its backtrace would deadlock with the run's lock.
    command.env("RUST_BACKTRACE", "0");
    Ok(command)
}

/// Returns this program's file. After a rebuild or an upgrade the path has another file or none; Linux still provides
/// the running one.
pub(in crate::supervise) fn program() -> io::Result<PathBuf> {
    let lent = Path::new("/proc/self/exe");
    match std::env::current_exe() {
        Ok(program) if program.exists() => Ok(program),
        _ if lent.exists() => Ok(lent.to_owned()),
        other => other,
    }
}

/// Returns a command of this program on a home; its other arguments are to be added.
pub(in crate::supervise) fn command_on(home: &Path) -> io::Result<Command> {
    let mut command = Command::new(program()?);
    command.arg("--home").arg(std::path::absolute(home)?);
    Ok(command)
}

/// Starts `command` with its output in the worker's log. Waits until it holds the run's lock and has logged that it
/// waits or has its device, has ended, or the time is over. A run of the queue starts after the earlier workers have
/// their tickets.
fn start(mut command: Command, folder: &RunFolder) -> Result<Started, StartError> {
    let path = std::path::absolute(folder.path())?;
    wait_for_earlier_workers(folder);
    if folder.worker_alive() {
        // Another process has started a worker meanwhile.
        return Ok(Started::Running);
    }
    let log = folder.open_worker_log()?;
    let log_before = log.metadata()?.len();
    let mut reader = EventReader::new(&folder.events_file());
    // Skips events of earlier workers. An unreadable log is reported when the run is watched.
    let _ = reader.poll(&mut Vec::new());

    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    // Not the starter's folder, which may be unmounted or removed while the worker runs.
    command.current_dir(folder.home().as_ref().map_or(path.as_path(), |home| home.path()));
    let exited = wait_in_thread(command.spawn()?);

    let (begun, mut events) = (Instant::now(), FirstEvents::default());
    while begun.elapsed() < TIMEOUT {
        let alive = folder.worker_alive();
        events.read(&mut reader);
        // After its end the process may still run the command for that.
        if events.ended || (alive && events.begun) {
            break;
        }
        match exited.recv_timeout(POLL_INTERVAL) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Ok(status)) if !status.success() && !events.read(&mut reader).ended => {
                return Err(StartError::Died { status, tail: tail(&folder.worker_log(), log_before) });
            }
            Ok(_) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(Started::Running)
}

/// Waits for the child in a thread, so that it never stays a zombie, and sends its exit status.
fn wait_in_thread(mut child: std::process::Child) -> Receiver<io::Result<ExitStatus>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        // The receiver is gone once the first moments are over.
        let _ = sender.send(child.wait());
    });
    receiver
}

/// The events of a worker's first moments.
#[derive(Default)]
struct FirstEvents {
    /// Whether it waits, or has its device or its data.
    begun: bool,
    /// Whether the run or a test ended.
    ended: bool,
}

impl FirstEvents {
    /// Reads the events since the last call.
    fn read(&mut self, reader: &mut EventReader) -> &Self {
        let mut records = Vec::new();
        // An unreadable log is reported when the run is watched.
        let _ = reader.poll(&mut records);
        for record in records {
            match record.event {
                Event::Waiting { .. }
                | Event::Queued { .. }
                | Event::Paused
                | Event::DeviceChosen { .. }
                | Event::EvaluationStarted { .. } => self.begun = true,
                Event::Ended { .. } | Event::Evaluated { .. } | Event::EvaluationFailed { .. } => self.ended = true,
                _ => {}
            }
        }
        self
    }
}

/// Returns the last lines of the worker's log after byte `from`.
fn tail(log: &Path, from: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(TAIL.0))))?;
        let mut bytes = Vec::new();
        file.take(TAIL.0).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<String> = text.lines().filter(|line| !line.trim().is_empty()).map(printable).collect();
    lines[lines.len().saturating_sub(TAIL.1)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DatasetName, Recipe, RunId};
    use crate::runs::queue::{DeviceKey, SlotPoll};
    use crate::runs::{Home, Queue, RunStore};

    fn run() -> (tempfile::TempDir, RunFolder) {
        let home = tempfile::tempdir().expect("a folder");
        let store = RunStore::new(Home::new(home.path()));
        let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), 1);
        let id = store.create(&RunId::new("calm-heron").expect("an id"), &recipe).expect("a run");
        (home, store.folder(&id))
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_worker_that_dies_at_once_is_reported_with_its_last_output() {
        let (_home, folder) = run();
        std::fs::write(folder.worker_log(), "of an earlier worker\n").expect("written");
        let start = start(shell("echo first; printf 'bad \\033[31m news\\n' >&2; exit 3"), &folder);
        let Err(StartError::Died { status, tail }) = start else { panic!("{start:?}") };
        assert_eq!((status.code(), tail.as_str()), (Some(3), "first\nbad ·[31m news"));
    }

    #[test]
    fn a_worker_that_logs_its_end_or_does_its_job_quickly_has_started() {
        let (_home, folder) = run();
        let ended = r#"{"at":1,"event":"ended","outcome":"failed","cause":"no such dataset"}"#;
        let script = format!("echo '{ended}' >> '{}'; exit 1", folder.events_file().display());
        assert!(matches!(start(shell(&script), &folder), Ok(Started::Running)));
        assert!(matches!(start(shell("exit 0"), &folder), Ok(Started::Running)));
        let failed = r#"{"at":2,"event":"evaluation_failed","cause":"no such weights"}"#;
        let script = format!("echo '{failed}' >> '{}'; exit 1", folder.events_file().display());
        assert!(matches!(start(shell(&script), &folder), Ok(Started::Running)));
        // The end of an earlier worker does not count.
        assert!(matches!(start(shell("exit 1"), &folder), Err(StartError::Died { .. })));
    }

    #[test]
    fn a_worker_is_started_when_the_one_before_it_is_in_the_line() {
        let (_home, first) = run();
        let home = first.home().expect("a home");
        let (store, queue) = (RunStore::new(home.clone()), Queue::of(&home));
        let recipe = first.recipe().expect("a recipe");
        let second = store.folder(&store.create(&RunId::new("brisk-otter").expect("an id"), &recipe).expect("a run"));
        for run in [&first, &second] {
            queue.enter(run, Job::Train).expect("entered");
        }
        // Simulates the first run's worker: it holds its lock long before its ticket, for a slot in use.
        let device = DeviceKey::here("cpu", None);
        let slot = queue.poll(&second, &device, &mut None).expect("a look");
        assert!(matches!(slot, SlotPoll::Granted(_)), "{slot:?}");
        let _lock = first.lock().expect("locked").expect("free");
        let worker = thread::spawn({
            let first = first.clone();
            move || {
                thread::sleep(Duration::from_millis(200));
                queue.record_device(&first, &device).expect("told");
                let mut ticket = None;
                let look = queue.poll(&first, &device, &mut ticket).expect("a look");
                assert!(matches!(look, SlotPoll::Wait { ahead: 1 }), "{look:?}");
                ticket
            }
        });
        // The files that the second run's worker finds at its start.
        start(shell("find devices -path '*/waiting/*' > seen"), &second).expect("started");
        let seen = std::fs::read_to_string(home.path().join("seen")).expect("a list");
        assert!(seen.contains("calm-heron"), "it was started too soon: {seen:?}");
        drop(worker.join().expect("a ticket"));
    }

    #[test]
    fn a_started_worker_leaves_no_zombie() {
        let (_home, folder) = run();
        start(shell("echo $$ > pid; exit 0"), &folder).expect("started");
        let home = folder.home().expect("a home");
        let pid = std::fs::read_to_string(home.path().join("pid")).expect("it ran in the home");
        let begun = Instant::now();
        while Path::new("/proc").join(pid.trim()).exists() {
            assert!(begun.elapsed() < TIMEOUT, "process {pid} was not reaped");
            thread::sleep(POLL_INTERVAL);
        }
    }
}
