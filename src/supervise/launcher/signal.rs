//! Killing the process that holds a run's lock.
//!
//! Several checks must agree. The run's lock must be held, and its recorded holder must be the running process, by
//! start time and boot. The signal uses a process handle, because an id may be reused.

use std::time::{Duration, Instant};

use crate::domain::RunId;
use crate::runs::{Holder, RunFolder};
use crate::supervise::kill::KillError;

/// The longest wait for the end of a killed worker.
const TIMEOUT: Duration = Duration::from_secs(5);

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Kills the process that holds the lock and waits for its end; returns its id. Records the kill in the folder until
/// the run is resumed.
pub(super) fn kill(id: &RunId, folder: &RunFolder) -> Result<u32, KillError> {
    let unknown = || KillError::Unknown { id: id.clone(), folder: folder.clone() };
    let holder = folder.holder().ok_or_else(unknown)?;
    let pid = holder.pid;
    if !holder.is_local() {
        return Err(KillError::Elsewhere { id: id.clone(), pid, host: holder.host });
    }
    let ended = end(&holder, || folder.worker_alive());
    match ended {
        Ok(()) => {}
        Err(Refusal::Gone) => return Err(KillError::Replaced { id: id.clone(), pid }),
        Err(Refusal::NoHandle) => return Err(KillError::NoHandle { pid }),
        Err(Refusal::System(source)) => return Err(KillError::Signal { id: id.clone(), pid, source }),
    }
    // An unwritable home must not hide that the worker is gone.
    let _ = folder.note_killed(pid);
    let begun = Instant::now();
    while folder.worker_alive() {
        if begun.elapsed() > TIMEOUT {
            return Err(KillError::Stuck { id: id.clone(), pid });
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(pid)
}

enum Refusal {
    Gone,
    #[cfg_attr(target_os = "linux", allow(dead_code))] // Linux has process handles since 5.3
    NoHandle,
    System(std::io::Error),
}

/// Kills exactly this process. `held`: whether the lock is still held.
#[cfg(target_os = "linux")]
fn end(holder: &Holder, held: impl Fn() -> bool) -> Result<(), Refusal> {
    use rustix::io::Errno;
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    let pid = i32::try_from(holder.pid).ok().and_then(Pid::from_raw).ok_or(Refusal::Gone)?;
    if !holder.is_running() {
        return Err(Refusal::Gone);
    }
    let refusal = |error: Errno| match error {
        Errno::SRCH => Refusal::Gone,
        Errno::NOSYS => Refusal::NoHandle,
        error => Refusal::System(error.into()),
    };
    let process = pidfd_open(pid, PidfdFlags::empty()).map_err(refusal)?;
    // The handle refers to the process that had the id a moment ago: check again, because it cannot change any more.
    if !holder.is_running() || !held() {
        return Err(Refusal::Gone);
    }
    pidfd_send_signal(&process, Signal::KILL).map_err(refusal)
}

#[cfg(not(target_os = "linux"))]
fn end(_holder: &Holder, _held: impl Fn() -> bool) -> Result<(), Refusal> {
    Err(Refusal::NoHandle)
}

#[cfg(test)]
mod tests {
    use super::Holder;
    use crate::domain::{DatasetName, Recipe, RunId};
    use crate::runs::{Home, RunStore};
    use crate::supervise::kill;

    fn run() -> (tempfile::TempDir, RunStore, RunId) {
        let home = tempfile::tempdir().expect("a folder");
        let store = RunStore::new(Home::new(home.path()));
        let recipe = Recipe::cnn(DatasetName::new("demo").expect("a name"), String::new(), 1);
        let id = store.create(&RunId::new("calm-heron").expect("an id"), &recipe).expect("a run");
        (home, store, id)
    }

    fn refused(store: &RunStore, id: &RunId) -> String {
        kill(store, id).expect_err("refused").to_string()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn no_process_of_doubtful_identity_is_killed() {
        let (_home, store, id) = run();
        let folder = store.folder(&id);
        assert!(refused(&store, &id).contains("calm-heron has no worker, it is lost"));
        // The lock belongs to this process: an error here would end the test.
        let lock = folder.lock().expect("locked").expect("free");
        assert!(refused(&store, &id).contains("worker.lock open"));
        let me = Holder::this_process().expect("Linux tells who a process is");
        let table = [
            ("a number that is ours by now", Holder { started: me.started - 1, ..me.clone() }, "has ended"),
            ("another machine", Holder { boot: "other".into(), host: "far".into(), ..me.clone() }, "on far, outside"),
            ("a container", Holder { namespace: "pid:[2]".into(), ..me.clone() }, "outside"),
            ("no such process", Holder { pid: u32::MAX, ..me }, "has ended"),
        ];
        for (case, holder, expected) in table {
            holder.write(&lock).expect("written");
            let words = refused(&store, &id);
            assert!(words.contains(expected), "{case}: {words}");
        }
        assert!(!folder.killed());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_very_process_is_killed_even_while_it_is_stopped() {
        let (_home, store, id) = run();
        let folder = store.folder(&id);
        let me = Holder::this_process().expect("Linux tells who a process is");
        // A process that holds the lock as a worker does: it inherits the open file, which the test then closes.
        let lock = folder.lock().expect("locked").expect("free");
        let held = lock.try_clone().expect("a copy");
        let mut child = std::process::Command::new("sleep").arg("600").stdin(held).spawn().expect("started");
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("a process");
        let (_, behind) = stat.rsplit_once(')').expect("a name");
        let started = behind.split_whitespace().nth(19).and_then(|field| field.parse().ok()).expect("a start");
        Holder { pid: child.id(), started, ..me }.write(&lock).expect("written");
        drop(lock);
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("sent");
        assert_eq!(kill(&store, &id).expect("killed"), Some(child.id()));
        assert!(!folder.worker_alive() && folder.killed());
        assert!(!child.wait().expect("a child").success());
        folder.clear_killed().expect("cleared");
        assert!(!folder.killed());
    }
}
