//! The mirror: what it takes from an honest home, and from one that lies.

use proptest::prelude::*;

use super::*;
use crate::homes::hostile;
use crate::homes::protocol::Blob;

fn id(name: &str) -> RunId {
    RunId::new(name).expect("an id")
}

fn opened(most: u64) -> (tempfile::TempDir, Mirror, HomeAddress) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut address = HomeAddress::new("box", "me@box").expect("an address");
    address.mirror_bytes = most;
    let mirror = Mirror::open(&MirrorFolder::below(folder.path(), &address), &address).expect("a mirror");
    (folder, mirror, address)
}

fn log(run: &str, at: u64, bytes: &[u8]) -> FromHome {
    FromHome::Log { run: id(run), at, bytes: Blob(bytes.to_vec()) }
}

fn file(run: &str, file: MirroredFile, content: &[u8]) -> FromHome {
    FromHome::File { run: id(run), file: file.number(), content: Some(Blob(content.to_vec())) }
}

#[test]
fn a_log_is_appended_to_begun_again_and_counted_when_the_mirror_is_opened_again() {
    let (folder, mut mirror, address) = opened(1 << 20);
    mirror.apply(&file("heron", MirroredFile::Recipe, b"{}")).expect("applied");
    mirror.apply(&log("heron", 0, b"one\n")).expect("applied");
    mirror.apply(&log("heron", 4, b"two\n")).expect("applied");
    let path = mirror.store.folder(&id("heron")).events_file();
    assert_eq!(fs::read(&path).expect("read"), b"one\ntwo\n");
    assert!(mirror.apply(&log("heron", 5, b"x")).is_err(), "a hole");
    let held = mirror.held();
    assert_eq!((held.len(), held[0].log), (1, 8));
    assert!(Mirror::open(mirror.folder(), &address).is_err_and(|error| matches!(error, MirrorError::InUse)));
    assert!(mirror.folder().delete().is_err_and(|error| matches!(error, MirrorError::InUse)));
    let bytes = mirror.bytes;
    drop(mirror);
    let mut again = Mirror::open(&MirrorFolder::below(folder.path(), &address), &address).expect("a mirror");
    assert_eq!((again.held(), again.bytes), (held, bytes));
    again.apply(&log("heron", 0, b"new\n")).expect("applied");
    assert_eq!(fs::read(&path).expect("read"), b"new\n");
    again.apply(&FromHome::Gone(id("heron"))).expect("applied");
    assert_eq!((again.held(), again.bytes), (Vec::new(), 0));
}

#[test]
fn a_full_mirror_refuses_logs_and_keeps_what_it_has() {
    let (_folder, mut mirror, _) = opened(RUN_BYTES * 2 + 100);
    mirror.apply(&file("one", MirroredFile::Recipe, b"{}")).expect("applied");
    assert_eq!(mirror.apply(&log("one", 0, &[b'x'; 50])).expect("applied"), None);
    assert_eq!(mirror.apply(&log("one", 50, &[b'x'; 9000])).expect("applied"), Some(id("one")));
    assert_eq!(mirror.apply(&log("one", 9050, b"on its way")).expect("dropped"), None);
    assert_eq!(mirror.refused(), 1);
    mirror.apply(&file("two", MirroredFile::Recipe, b"{}")).expect("applied");
    assert_eq!(mirror.apply(&log("three", 0, b"x")).expect("applied"), Some(id("three")));
    assert!(mirror.bytes <= mirror.most);
}

#[test]
fn files_have_bounds_and_later_ones_are_ignored() {
    let (_folder, mut mirror, _) = opened(100 << 20);
    let long = vec![b'x'; usize::try_from(MirroredFile::Stop.max_bytes()).expect("small") + 1];
    assert!(mirror.apply(&file("one", MirroredFile::Stop, &long)).is_err());
    let later = FromHome::File { run: id("one"), file: 200, content: Some(Blob(long)) };
    assert_eq!(mirror.apply(&later).expect("ignored"), None);
}

#[test]
fn another_address_has_another_mirror() {
    let folder = Path::new("/cache");
    let address = |ssh: &str| HomeAddress::new("box", ssh).expect("an address");
    let below = |ssh: &str| MirrorFolder::below(folder, &address(ssh)).0;
    assert_ne!(below("me@one"), below("me@two"));
    let odd = HomeAddress { name: "../..".into(), ..address("me@one") };
    assert!(MirrorFolder::below(folder, &odd).0.parent() == Some(folder));
}

fn message() -> impl Strategy<Value = FromHome> {
    let run = prop_oneof![Just("a"), Just("b"), Just("latest")].prop_map(id);
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40_000).prop_map(Blob);
    let position = prop_oneof![Just(0), any::<u64>(), 0..100_000_u64];
    prop_oneof![
        (run.clone(), any::<u8>().prop_map(|number| number % 14), proptest::option::of(bytes()))
            .prop_map(|(run, file, content)| FromHome::File { run, file, content }),
        (run.clone(), position, bytes()).prop_map(|(run, at, bytes)| FromHome::Log { run, at, bytes }),
        (run.clone(), bytes()).prop_map(|(run, bytes)| FromHome::Log { run, at: 0, bytes }),
        run.prop_map(FromHome::Gone),
        Just(FromHome::UpToDate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_message_leaves_the_mirror_or_exceeds_its_bound(messages in proptest::collection::vec(message(), 0..40)) {
        hostile::apply(messages.into_iter());
    }
}
