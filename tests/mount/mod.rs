//! Homes on file systems that are full or read-only, mounted in a private namespace.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::lab::Lab;

/// A process in a private namespace, which ends with this value.
struct Namespace(Child);

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A lab on a file system in a private namespace. Fields are dropped in order, so workers end before the namespace.
pub(crate) struct Mounted {
    pub(crate) lab: Lab,
    _namespace: Namespace,
    _folder: tempfile::TempDir,
}

impl Mounted {
    /// Mounts by a shell script: `$1` is the folder to mount at, `$2` is `argument`.
    fn by(script: &str, argument: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // As root, else as root of a user namespace.
        for options in ["-m", "-rm"] {
            let mut command = Command::new("unshare");
            command.args([options, "sh", "-c", &format!("{script} && echo ready && exec sleep 3600"), "sh"]);
            command.arg(folder.path()).arg(argument).stdout(Stdio::piped());
            let mut namespace = Namespace(command.spawn().expect("unshare, of util-linux"));
            let mut line = String::new();
            let _ = BufReader::new(namespace.0.stdout.take().expect("a pipe")).read_line(&mut line);
            if line.trim() == "ready" {
                let root = Path::new("/proc").join(namespace.0.id().to_string()).join("root");
                let home = root.join(folder.path().strip_prefix("/").expect("an absolute path"));
                return Self { lab: Lab::at(home), _namespace: namespace, _folder: folder };
            }
        }
        panic!("neither root nor a user namespace may mount here (unshare -m, unshare -rm): `-- --skip mounted`");
    }

    /// Mounts a small file system in memory.
    pub(crate) fn small(size: &str) -> Self {
        Self::by("mount -t tmpfs -o size=$2 none \"$1\"", size)
    }

    /// Mounts another folder read-only.
    pub(crate) fn read_only(of: &Path) -> Self {
        Self::by("mount --bind \"$2\" \"$1\" && mount -o remount,ro,bind \"$1\"", of.to_str().expect("a plain path"))
    }

    pub(crate) fn fill(&self) {
        let mut file = fs::File::create(self.lab.home().join("fill")).expect("a file");
        for block in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![7; block]).is_ok() {}
        }
    }

    pub(crate) fn free_space(&self) {
        fs::remove_file(self.lab.home().join("fill")).expect("removed");
    }
}
