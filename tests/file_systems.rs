//! File systems that refuse locks, maps, syncing and renaming folders, made up by libraries that are loaded before the
//! C library, and a home whose path is no UTF-8. Needs a C compiler, no trainer.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::{Lab, write_vgg16};
use assert_cmd::assert::Assert;
use tempfile::TempDir;

/// A function of the C library that answers as a file system without the operation does.
struct Refusal {
    name: &'static str,
    source: &'static str,
}

const NO_LOCKS: Refusal =
    Refusal { name: "locks", source: "#include <errno.h>\nint flock(int f, int o) { errno = ENOLCK; return -1; }" };

const NO_FOLDER_SYNC: Refusal = Refusal {
    name: "sync",
    source: "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <errno.h>\n#include <sys/stat.h>\n\
             int fsync(int f) { struct stat s; if (!fstat(f, &s) && S_ISDIR(s.st_mode)) { errno = EINVAL; return -1; }\n\
             return ((int (*)(int))dlsym(RTLD_NEXT, \"fsync\"))(f); }",
};

const NO_FOLDER_RENAME: Refusal = Refusal {
    name: "rename",
    source: "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <errno.h>\n#include <sys/stat.h>\n\
             int rename(const char *a, const char *b) { struct stat s;\n\
             if (!stat(a, &s) && S_ISDIR(s.st_mode)) { errno = ENOSYS; return -1; }\n\
             return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, \"rename\"))(a, b); }\n\
             int renameat2(int a, const char *b, int c, const char *d, unsigned e) { errno = EINVAL; return -1; }\n\
             long syscall(long n, long a, long b, long c, long d, long e, long f) {\n\
             if (n == 316) { errno = EINVAL; return -1; }\n\
             return ((long (*)(long, long, long, long, long, long, long))dlsym(RTLD_NEXT, \"syscall\"))(n, a, b, c, d, e, f); }",
};

const NO_MAPS: Refusal = Refusal {
    name: "maps",
    source: "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <errno.h>\n#include <sys/mman.h>\n\
             void *mmap(void *a, size_t n, int p, int g, int f, off_t o) {\n\
             if (f >= 0 && !(g & MAP_ANONYMOUS)) { errno = ENODEV; return MAP_FAILED; }\n\
             return ((void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, \"mmap\"))(a, n, p, g, f, o); }\n\
             void *mmap64(void *a, size_t n, int p, int g, int f, off_t o) { return mmap(a, n, p, g, f, o); }",
};

/// A lab whose commands run on such a file system.
struct Refusing {
    lab: Lab,
    library: PathBuf,
    _folder: TempDir,
}

impl Refusing {
    fn new(refusal: &Refusal) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (source, library) = (folder.path().join("refusal.c"), folder.path().join(refusal.name));
        fs::write(&source, refusal.source).expect("written");
        let compiled =
            Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl").status();
        assert!(compiled.expect("a C compiler").success(), "{} compiles", refusal.name);
        Self { lab: Lab::new(), library, _folder: folder }
    }

    fn run(&self, arguments: &[&str]) -> Assert {
        self.lab.mien(arguments).env("LD_PRELOAD", &self.library).assert()
    }

    fn text(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.run(arguments).success().get_output().stdout.clone()).expect("UTF-8")
    }
}

/// Writes a table of two classes and returns its path.
fn table(folder: &Path, shade: usize) -> String {
    let mut text = String::from("emotion,pixels,Usage\n");
    for row in 0..60 {
        let pixels = vec![(shade + row).to_string(); 64].join(" ");
        let usage = ["Training", "PublicTest", "PrivateTest"][row % 3];
        writeln!(text, "{},{pixels},{usage}", row % 2).expect("memory");
    }
    let path = folder.join(format!("faces-{shade}.csv"));
    fs::write(&path, text).expect("written");
    path.to_str().expect("a plain path").to_owned()
}

/// Imports, replaces and deletes a dataset and imports weights; returns the words of `doctor`.
fn work(refusing: &Refusing) -> String {
    let home = refusing.lab.home();
    refusing.text(&["data", "import", &table(home, 10), "--name", "faces"]);
    refusing.text(&["data", "import", &table(home, 90), "--name", "faces", "--replace"]);
    assert!(refusing.text(&["data", "show", "faces"]).contains("60 images"));
    let file = home.join("vgg16.safetensors");
    write_vgg16(&file);
    refusing.text(&["weights", "import", file.to_str().expect("plain"), "--name", "base"]);
    assert!(refusing.text(&["weights", "show", "base"]).contains("14,714,688"));
    let words = refusing.text(&["doctor"]);
    assert!(words.contains("datasets   1 readable, 0 damaged"), "{words}");
    refusing.text(&["data", "delete", "faces", "--yes"]);
    let mut left: Vec<String> = fs::read_dir(home.join("data"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    left.sort();
    assert_eq!(left, [".import.lock"]);
    words
}

#[test]
fn folders_that_cannot_be_synced_renamed_or_mapped_do_not_matter() {
    let table = [
        (&NO_FOLDER_SYNC, "folders cannot be synced (Invalid argument"),
        (&NO_FOLDER_RENAME, "folders cannot be renamed (Function not implemented"),
        (&NO_MAPS, "files cannot be mapped (No such device"),
    ];
    for (refusal, expected) in table {
        let words = work(&Refusing::new(refusal));
        assert!(words.contains(expected), "{}: {words}", refusal.name);
    }
}

#[test]
fn without_locks_an_import_is_refused_before_it_begins_and_doctor_tells() {
    let refusing = Refusing::new(&NO_LOCKS);
    let source = table(refusing.lab.home(), 10);
    let output = refusing.run(&["data", "import", &source, "--name", "faces"]).code(1).get_output().clone();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        words.contains("the file system has no file locks (No locks available") && words.contains("MIEN_HOME"),
        "{words}"
    );
    let words = String::from_utf8(refusing.run(&["doctor"]).code(1).get_output().stdout.clone()).expect("UTF-8");
    assert!(words.contains("locks      do not work in the home"), "{words}");
}

#[test]
fn a_home_that_is_no_utf8_works() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join(OsStr::from_bytes(b"h\xff\xe9"));
    fs::create_dir(&home).expect("made");
    let lab = Lab::at(home.clone());
    let file = folder.path().join("vgg16.safetensors");
    write_vgg16(&file);
    lab.text(&["weights", "import", file.to_str().expect("plain"), "--name", "base"]);
    lab.text(&["data", "import", &table(folder.path(), 10), "--name", "faces"]);
    for arguments in [["data", "list", "--json"], ["weights", "list", "--json"]] {
        assert_eq!(lab.json(&arguments).as_array().expect("a list").len(), 1, "{arguments:?}");
    }
    let report = lab.json(&["doctor", "--json"]);
    let path = report["home"]["path"].as_str().expect("a path");
    assert!(path.ends_with("h\u{fffd}\u{fffd}"), "{path}");
    for arguments in [["doctor"].as_slice(), &["config", "check", "--json"], &["runs", "--check"]] {
        lab.text(arguments);
    }
}
