//! The identity of the process that holds a run's lock, as that process wrote it into the lock's file. Killing a worker
//! needs a certain identity.
//!
//! A process id is ambiguous: it may be reused, or belong to another machine. Together with the start time, the boot
//! and the process namespace it identifies at most one process. Systems without Linux's `/proc` lack these values, so
//! nothing is written there.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::layout::RunFolder;

/// The newest format that this program writes and reads.
pub const HOLDER_VERSION: u32 = 1;

/// The most bytes of a lock's file that are read.
const LONGEST: usize = 4096;

/// The identity of one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process id.
    pub pid: u32,
    /// The start, in clock ticks since the boot: field 22 of `/proc/PID/stat`.
    pub started: u64,
    /// The id of the boot: `/proc/sys/kernel/random/boot_id`.
    pub boot: String,
    /// The process namespace: the link `/proc/self/ns/pid`.
    pub namespace: String,
    /// The machine's name, for people.
    pub host: String,
}

#[derive(Serialize, Deserialize)]
struct HolderFile {
    version: u32,
    #[serde(flatten)]
    holder: Holder,
}

impl Holder {
    /// Returns this machine's name.
    #[must_use]
    pub fn this_host() -> String {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }

    /// Returns this process's identity, if the system provides it.
    #[must_use]
    pub fn this_process() -> Option<Self> {
        let pid = std::process::id();
        let host = Self::this_host();
        Some(Self { pid, started: started(pid)?, boot: boot()?, namespace: namespace()?, host })
    }

    /// Returns whether the process belongs to this machine, this boot and this process namespace.
    #[must_use]
    pub fn is_local(&self) -> bool {
        boot().as_ref() == Some(&self.boot) && namespace().as_ref() == Some(&self.namespace)
    }

    /// Returns whether the process still runs under this id.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.is_local() && started(self.pid) == Some(self.started)
    }

    /// Writes this process's identity into a lock's file, which the caller holds; the file's time is the start of
    /// holding.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn record(lock: &File) -> io::Result<()> {
        Self::record_as(Self::this_process(), lock)
    }

    fn record_as(process: Option<Self>, lock: &File) -> io::Result<()> {
        match process {
            Some(process) => process.write(lock),
            // The file's time separates an earlier worker's output from this one's.
            None => lock.set_modified(SystemTime::now()),
        }
    }

    /// Writes the identity into a lock's file, which the caller holds.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, lock: &File) -> io::Result<()> {
        let mut text = serde_json::to_vec(&HolderFile { version: HOLDER_VERSION, holder: self.clone() })?;
        text.push(b'\n');
        lock.set_len(0)?;
        lock.write_all_at(&text, 0)
    }
}

impl RunFolder {
    /// Returns the process that took the run's lock last, if it wrote its identity. The lock shows whether it still
    /// holds it.
    #[must_use]
    pub fn holder(&self) -> Option<Holder> {
        let file = File::open(self.lock_file()).ok()?;
        let mut bytes = [0; LONGEST];
        let read = file.read_at(&mut bytes, 0).ok()?;
        let HolderFile { version, holder } = serde_json::from_slice(bytes.get(..read)?).ok()?;
        (version <= HOLDER_VERSION).then_some(holder)
    }
}

fn line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned()).filter(|line| !line.is_empty())
}

fn boot() -> Option<String> {
    line("/proc/sys/kernel/random/boot_id")
}

fn namespace() -> Option<String> {
    Some(fs::read_link("/proc/self/ns/pid").ok()?.to_str()?.to_owned())
}

/// Returns the start of the process of this id; `None` if there is no such process.
fn started(pid: u32) -> Option<u64> {
    started_in(&line(&format!("/proc/{pid}/stat"))?)
}

/// Parses field 22. Field 2, the program's name in brackets, may contain brackets and blanks.
fn started_in(stat: &str) -> Option<u64> {
    let (_, behind) = stat.rsplit_once(')')?;
    behind.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_has_the_start_of_holding_even_without_a_known_process() {
        let lock = tempfile::tempfile().expect("a file");
        for process in [None, Holder::this_process()] {
            lock.set_modified(SystemTime::UNIX_EPOCH).expect("set");
            Holder::record_as(process, &lock).expect("signed");
            assert!(lock.metadata().and_then(|data| data.modified()).expect("a time") > SystemTime::UNIX_EPOCH);
        }
    }

    #[test]
    fn a_start_is_read_behind_any_name() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21";
        for name in ["(mien)", "(a b) c)", "()", "(1 2 3)"] {
            assert_eq!(started_in(&format!("77 {name} {rest}")), Some(4242), "{name}");
        }
        assert_eq!(started_in("77 (mien) S 1"), None);
        assert_eq!(started_in(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_there_and_a_look_alike_is_not() {
        let here = Holder::this_process().expect("Linux tells who a process is");
        assert!(here.is_running());
        let table = [
            ("its number is another process's by now", Holder { started: here.started + 1, ..here.clone() }),
            ("of another boot", Holder { boot: "x".into(), ..here.clone() }),
            ("of another container", Holder { namespace: "pid:[1]".into(), ..here.clone() }),
            ("gone", Holder { pid: u32::MAX, ..here.clone() }),
        ];
        for (case, other) in table {
            assert!(!other.is_running(), "{case}");
        }
    }

    #[test]
    fn a_written_holder_is_read_and_other_bytes_are_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::at(folder.path());
        assert_eq!(run.holder(), None);
        let lock = run.lock().expect("locked").expect("free");
        assert_eq!(run.holder(), None, "who has not said so is nobody");
        let holder = Holder { pid: 7, started: 8, boot: "b".into(), namespace: "n".into(), host: "h".into() };
        // A longer identity before must be overwritten completely.
        Holder { host: "a much longer name of a machine".into(), ..holder.clone() }.write(&lock).expect("written");
        holder.write(&lock).expect("written");
        assert_eq!(run.holder(), Some(holder));
        for text in ["{\"version\":9,\"pid\":1}", "{\"version\":1,\"pid\"", "x"] {
            fs::write(run.lock_file(), text).expect("written");
            assert_eq!(run.holder(), None, "{text}");
        }
    }
}
