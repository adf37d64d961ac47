//! Copies over pipes in memory: whole, continued, refused, and from a sender that lies.

use std::fs;
use std::io::Read;
use std::os::unix::net::UnixStream;

use super::*;
use crate::domain::{Recipe, Strategy};
use crate::homes::frame::{FrameReader, FrameWriter};
use crate::runs::RunStore;

fn id(name: &str) -> RunId {
    RunId::new(name).expect("an id")
}

fn store() -> (tempfile::TempDir, RunStore) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = RunStore::new(Home::new(folder.path()));
    (folder, store)
}

/// Returns a home with the run `heron`, whose best weights take three parts and a rest.
fn sender() -> (tempfile::TempDir, RunStore) {
    let (folder, store) = store();
    let run = store.folder(&store.create(&id("heron"), &Recipe::sample(Strategy::Cnn)).expect("created"));
    let weights: Vec<u8> = (0..3 * PART + 17).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect();
    fs::write(run.best_checkpoint(), weights).expect("written");
    fs::write(run.events_file(), "{}\n").expect("written");
    fs::write(run.worker_log(), "").expect("written");
    fs::create_dir(run.path().join("validation")).expect("made");
    fs::write(run.validation_predictions(3), "predictions").expect("written");
    fs::write(run.path().join("last.ckpt.damaged"), "stays").expect("written");
    (folder, store)
}

/// Copies `heron`; `most` is the number of bytes after which the line to the receiver is cut.
fn copy(from: &RunStore, to: &RunStore, name: Option<&str>, most: u64) -> Result<CopiedRun, CopyError> {
    let (here, there) = UnixStream::pair().expect("a pair");
    std::thread::scope(|scope| {
        let other = there.try_clone().expect("cloned");
        scope.spawn(move || {
            let _ = send(from, &id("heron"), &there, &there, &mut |_, _| {});
        });
        let name = name.map(id);
        let result = receive(to, name.as_ref(), (&here).take(most), &here, &mut |done, of| assert!(done <= of));
        let _ = other.shutdown(std::net::Shutdown::Both);
        result
    })
}

fn no_incoming(store: &RunStore) -> bool {
    let entries = fs::read_dir(store.home().checkpoints()).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name()).all(|name| !name.to_string_lossy().starts_with('.'))
}

#[test]
fn a_run_arrives_whole_under_its_name_or_another() {
    let ((_one, from), (_two, to)) = (sender(), store());
    let copied = copy(&from, &to, None, u64::MAX).expect("copied");
    assert_eq!((copied.id.as_str(), copied.files, copied.sent), ("heron", 5, copied.bytes));
    let (original, copied) = (from.folder(&id("heron")), to.folder(&id("heron")));
    for file in CopiedFile::of_run(&original) {
        assert_eq!(
            fs::read(file.path(&copied)).expect("read"),
            fs::read(file.path(&original)).expect("read"),
            "{file:?}"
        );
    }
    assert!(!copied.path().join("last.ckpt.damaged").exists() && no_incoming(&to));
    assert!(matches!(copy(&from, &to, None, u64::MAX), Err(CopyError::Taken(_))));
    assert_eq!(copy(&from, &to, Some("crane"), u64::MAX).expect("copied").id, id("crane"));
}

#[test]
fn a_cut_copy_is_hidden_and_the_next_call_sends_the_rest() {
    let ((_one, from), (_two, to)) = (sender(), store());
    let whole: u64 = copy(&from, &store().1, None, u64::MAX).expect("copied").bytes;
    let mut sent = 0;
    let mut calls = 0;
    let last = loop {
        calls += 1;
        match copy(&from, &to, None, 2000 + u64::from(PART)) {
            Ok(copied) => break copied,
            Err(CopyError::Cut(_)) => assert_eq!(to.ids().expect("a list"), [], "hidden until it is whole"),
            Err(error) => panic!("{error}"),
        }
        sent = fs::read_dir(incoming(to.home(), &id("heron")).join("parts"))
            .expect("parts")
            .map(|part| part.expect("a part").metadata().expect("a file").len())
            .sum();
    };
    assert_eq!((calls, last.sent + sent, last.bytes), (3, whole, whole));
    assert!(no_incoming(&to));
}

#[test]
fn a_run_with_a_worker_and_a_file_that_changes_are_refused() {
    let ((_one, from), (_two, to)) = (sender(), store());
    let run = from.folder(&id("heron"));
    let lock = run.lock().expect("locks").expect("free");
    let sent = send(&from, &id("heron"), std::io::empty(), std::io::sink(), &mut |_, _| {});
    assert!(matches!(sent, Err(CopyError::Busy(_))));
    drop(lock);
    // A part that came before, as after a crash that lost what was not synced.
    assert!(copy(&from, &to, None, 2000 + u64::from(PART)).is_err());
    for part in fs::read_dir(incoming(to.home(), &id("heron")).join("parts")).expect("parts") {
        let path = part.expect("a part").path();
        let mut bytes = fs::read(&path).expect("read");
        bytes.iter_mut().for_each(|byte| *byte ^= 1);
        fs::write(&path, bytes).expect("written");
    }
    assert!(matches!(copy(&from, &to, None, u64::MAX), Err(CopyError::Damaged(_))));
    assert_eq!(copy(&from, &to, None, u64::MAX).expect("the damaged part is gone").id, id("heron"));
}

/// Returns the result of receiving these messages, whatever is asked for.
fn lie(store: &RunStore, messages: &[FromSender]) -> Result<CopiedRun, CopyError> {
    let mut bytes = Vec::new();
    let mut writer = FrameWriter::new(&mut bytes);
    messages.iter().for_each(|message| writer.write(message).expect("written"));
    writer.flush().expect("flushed");
    drop(writer);
    receive(store, None, &bytes[..], std::io::sink(), &mut |_, _| {})
}

#[test]
fn a_sender_that_lies_makes_nothing_visible() {
    let file = |file: CopiedFile, content: &[u8]| OfferedFile {
        file,
        bytes: content.len() as u64,
        hash: blake3::hash(content).into(),
    };
    let offer = |files: u32| FromSender::Offer { version: VERSION, run: id("heron"), files };
    let recipe = file(CopiedFile::Recipe, b"{}");
    let part = |content: &[u8]| FromSender::Part(Blob(content.to_vec()));
    let huge = OfferedFile { bytes: 5 << 20, ..recipe };
    let full = OfferedFile { file: CopiedFile::Previous, bytes: MAX_CHECKPOINT, hash: [0; 32] };
    let table: [(&str, Vec<FromSender>); 11] = [
        ("nothing", vec![]),
        ("no offer", vec![part(b"x")]),
        ("another version", vec![FromSender::Offer { version: 9, run: id("heron"), files: 1 }]),
        ("too many files", vec![offer(MAX_FILES + 1)]),
        ("no recipe", vec![offer(1), FromSender::Files(vec![file(CopiedFile::Log, b"x")])]),
        ("a recipe twice", vec![offer(2), FromSender::Files(vec![recipe, recipe])]),
        ("a recipe of five MiB", vec![offer(1), FromSender::Files(vec![huge])]),
        ("endless lists", vec![offer(3), FromSender::Files(vec![])]),
        ("other content", vec![offer(1), FromSender::Files(vec![recipe]), part(b"[]")]),
        ("a longer part", vec![offer(1), FromSender::Files(vec![recipe]), part(b"{} ")]),
        ("no recipe of this program", vec![offer(1), FromSender::Files(vec![recipe]), part(b"{}")]),
    ];
    for (case, messages) in table {
        let (_folder, store) = store();
        assert!(lie(&store, &messages).is_err(), "{case}");
        assert_eq!(store.ids().expect("a list"), [], "{case}");
        assert!(!store.folder(&id("heron")).path().exists(), "{case}");
    }
    let (folder, store) = store();
    let free = crate::durable::free_bytes(folder.path()).expect("a disk");
    let files = [RunFile::Start, RunFile::Best, RunFile::Last]
        .map(|large| OfferedFile { file: CopiedFile::Large(large), ..full });
    let refused = lie(&store, &[offer(5), FromSender::Files([&[recipe, full][..], &files].concat())]);
    let is_refused = matches!(refused, Err(CopyError::Space { needed, .. }) if needed > 4 * MAX_CHECKPOINT);
    assert!(is_refused || free > 4 * MAX_CHECKPOINT);
}

#[test]
fn requests_for_what_there_is_not_are_refused() {
    let (_folder, from) = sender();
    for (file, at, bytes) in [(99, 0, 10), (0, u64::MAX, 10), (0, 0, u32::MAX)] {
        let mut asked = Vec::new();
        let mut writer = FrameWriter::new(&mut asked);
        writer.write(&FromReceiver::Want { file, from: at, bytes }).expect("written");
        writer.flush().expect("flushed");
        drop(writer);
        let sent = send(&from, &id("heron"), &asked[..], std::io::sink(), &mut |_, _| {});
        assert!(matches!(sent, Err(CopyError::Protocol(_))), "{file} {at} {bytes}");
    }
    let mut offered = Vec::new();
    let _ = send(&from, &id("heron"), std::io::empty(), &mut offered, &mut |_, _| {});
    let mut reader = FrameReader::new(&offered[..]);
    let first = reader.read::<FromSender>().expect("read");
    assert_eq!(first, Some(FromSender::Offer { version: VERSION, run: id("heron"), files: 5 }));
}
