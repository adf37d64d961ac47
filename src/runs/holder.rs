//! Which process holds a run's lock, as that process wrote it into the lock's file: who kills a worker must be sure of
//! whom.
//!
//! A process id alone says nothing: it may be another process's by now, or mean another machine. With the moment the
//! process started, the boot that it belongs to and the namespace that numbers it, it means one process or none. Where
//! the system does not tell these (it takes Linux's `/proc`), nothing is written.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::layout::RunFolder;

/// The newest format that this program writes and reads.
pub const HOLDER_VERSION: u32 = 1;

/// Most bytes of a lock's file that are looked at.
const LONGEST: usize = 4096;

/// One process and no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its id.
    pub pid: u32,
    /// When it started, in clock ticks since the boot: field 22 of `/proc/PID/stat`.
    pub started: u64,
    /// The boot: `/proc/sys/kernel/random/boot_id`.
    pub boot: String,
    /// What numbers processes there: the link `/proc/self/ns/pid`.
    pub namespace: String,
    /// The machine, for people.
    pub host: String,
}

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    #[serde(flatten)]
    holder: Holder,
}

impl Holder {
    /// This process, where the system tells who it is.
    #[must_use]
    pub fn this_process() -> Option<Self> {
        let pid = std::process::id();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Some(Self { pid, started: started(pid)?, boot: boot()?, namespace: namespace()?, host })
    }

    /// Whether the process is of this machine since it booted, and numbered as this process is.
    #[must_use]
    pub fn is_here(&self) -> bool {
        boot().as_ref() == Some(&self.boot) && namespace().as_ref() == Some(&self.namespace)
    }

    /// Whether it is still the process of this id.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.is_here() && started(self.pid) == Some(self.started)
    }

    /// Writes into a lock's file, which the caller holds, who this process is and since when it holds the lock.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn sign(lock: &File) -> io::Result<()> {
        Self::sign_as(Self::this_process(), lock)
    }

    fn sign_as(process: Option<Self>, lock: &File) -> io::Result<()> {
        match process {
            Some(process) => process.write(lock),
            // The file's time alone tells what an earlier worker printed from what this one does.
            None => lock.set_modified(SystemTime::now()),
        }
    }

    /// Writes it into a lock's file, which the caller holds.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, lock: &File) -> io::Result<()> {
        let mut text = serde_json::to_vec(&Written { version: HOLDER_VERSION, holder: self.clone() })?;
        text.push(b'\n');
        lock.set_len(0)?;
        lock.write_all_at(&text, 0)
    }
}

impl RunFolder {
    /// The process that took the run's lock last, if it has said so. Whether it still holds it, the lock tells.
    #[must_use]
    pub fn holder(&self) -> Option<Holder> {
        let file = File::open(self.lock_file()).ok()?;
        let mut bytes = [0; LONGEST];
        let read = file.read_at(&mut bytes, 0).ok()?;
        let Written { version, holder } = serde_json::from_slice(bytes.get(..read)?).ok()?;
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

/// When the process of this id started; `None` if there is none.
fn started(pid: u32) -> Option<u64> {
    started_in(&line(&format!("/proc/{pid}/stat"))?)
}

/// Field 22. The second is the program's name in brackets and may hold anything, brackets and blanks too.
fn started_in(stat: &str) -> Option<u64> {
    let (_, behind) = stat.rsplit_once(')')?;
    behind.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_tells_since_when_it_is_held_also_where_the_process_is_unknown() {
        let lock = tempfile::tempfile().expect("a file");
        for process in [None, Holder::this_process()] {
            lock.set_modified(SystemTime::UNIX_EPOCH).expect("set");
            Holder::sign_as(process, &lock).expect("signed");
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
        assert!(here.is_there());
        let table = [
            ("its number is another process's by now", Holder { started: here.started + 1, ..here.clone() }),
            ("of another boot", Holder { boot: "x".into(), ..here.clone() }),
            ("of another container", Holder { namespace: "pid:[1]".into(), ..here.clone() }),
            ("gone", Holder { pid: u32::MAX, ..here.clone() }),
        ];
        for (case, other) in table {
            assert!(!other.is_there(), "{case}");
        }
    }

    #[test]
    fn what_is_written_is_read_and_anything_else_is_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::at(folder.path());
        assert_eq!(run.holder(), None);
        let lock = run.lock().expect("locked").expect("free");
        assert_eq!(run.holder(), None, "who has not said so is nobody");
        let holder = Holder { pid: 7, started: 8, boot: "b".into(), namespace: "n".into(), host: "h".into() };
        // A longer one before must not shine through.
        Holder { host: "a much longer name of a machine".into(), ..holder.clone() }.write(&lock).expect("written");
        holder.write(&lock).expect("written");
        assert_eq!(run.holder(), Some(holder));
        for text in ["{\"version\":9,\"pid\":1}", "{\"version\":1,\"pid\"", "x"] {
            fs::write(run.lock_file(), text).expect("written");
            assert_eq!(run.holder(), None, "{text}");
        }
    }
}
