//! Frames of a malicious home, for fuzzing and tests: nothing leaves the mirror or fills the disk.

use std::fs;
use std::path::Path;

use super::entries::HomeEntries;
use super::frame::FrameReader;
use super::mirror::{Mirror, MirrorFolder};
use super::protocol::FromHome;
use super::run_copy;
use crate::domain::HomeAddress;
use crate::runs::{Home, RunStore};

/// The bound of the mirror.
const MOST: u64 = 200 << 10;

/// Applies a stream of frames to an empty mirror, and reads every run of it.
///
/// # Panics
/// If a file lies outside of the mirror, or the mirror exceeds its bound.
pub(crate) fn frames(bytes: &[u8]) {
    let mut reader = FrameReader::new(bytes);
    apply(std::iter::from_fn(|| reader.read::<FromHome>().ok().flatten()));
    receive(bytes);
    let _ = HomeEntries::parse(bytes);
}

/// Receives a run from a stream of frames into an empty home, and checks that nothing lies outside of its runs.
fn receive(bytes: &[u8]) {
    let outside = tempfile::tempdir().expect("a folder");
    let store = RunStore::new(Home::new(outside.path().join("home")));
    let received = run_copy::receive(&store, None, bytes, std::io::sink(), &mut |_, _| {});
    let visible = store.ids().expect("a listing");
    assert_eq!(visible.len(), usize::from(received.is_ok()));
    visible.iter().for_each(|id| assert!(store.folder(id).recipe().is_ok()));
    let mut total = 0;
    sum(outside.path(), &store.home().checkpoints(), &mut total);
    assert!(total <= 2 * bytes.len() as u64 * 1100, "{total} bytes of {}", bytes.len());
}

/// Applies messages to an empty mirror, and checks it.
pub(super) fn apply(messages: impl Iterator<Item = FromHome>) {
    let outside = tempfile::tempdir().expect("a folder");
    let mut address = HomeAddress::new("box", "box").expect("an address");
    address.mirror_bytes = MOST;
    let folder = MirrorFolder::below(&outside.path().join("homes"), &address);
    let mut mirror = Mirror::open(&folder, &address).expect("a mirror");
    for message in messages {
        if mirror.apply(&message).is_err() {
            break;
        }
    }
    let mut total = 0;
    sum(outside.path(), &folder.home().checkpoints(), &mut total);
    assert!(total <= MOST, "{total} bytes");
    let store = RunStore::new(folder.home());
    for id in store.ids().expect("a listing") {
        let _ = store.summary(&id);
        let _ = store.folder(&id).annotations();
        let _ = store.folder(&id).worker_death();
    }
}

/// Adds up the bytes below a folder, all of which lie below `inside` but for the files of the mirror itself.
fn sum(folder: &Path, inside: &Path, total: &mut u64) {
    for entry in fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
        let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
        assert!(!kind.is_symlink(), "{}", path.display());
        if kind.is_dir() {
            sum(&path, inside, total);
        } else if path.file_name().is_some_and(|name| name != "mirror.lock") {
            assert!(path.starts_with(inside), "{}", path.display());
            *total += entry.metadata().expect("a file").len();
        }
    }
}
