//! Interruption, damage, sharing and removal of sections.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::domain::preflight::DatasetFacts;
use crate::domain::{Augmentation, CachedImages, Hyperparameter, Precision, SplitCounts, Strategy};

const ROW: usize = 3;
const ROWS: usize = 2 * CHUNK + 10;

fn key(size: u32) -> Key {
    Key {
        version: KEY_VERSION,
        fingerprint: "f".into(),
        base: "b".into(),
        layer: "pooled".into(),
        shape: [ROW, 1, 1],
        size,
        preprocessing: Preprocessing::VGGFACE,
        device: "cpu".into(),
        precision: Precision::F32,
    }
}

fn section(dataset_dir: &Path, size: u32) -> Section {
    std::fs::create_dir_all(dataset_dir).unwrap();
    Section::new(&key(size).prepare(dataset_dir).unwrap(), "train", ROWS, ROW)
}

#[allow(clippy::cast_precision_loss)]
fn rows(range: std::ops::Range<usize>) -> Vec<f32> {
    range.flat_map(|row| [row as f32, 0.5, -1.0]).collect()
}

fn unfinished(section: &Section) -> UnfinishedSection {
    match section.open().unwrap() {
        SectionState::Unfinished(work) => work,
        other => panic!("{other:?}"),
    }
}

fn complete(section: &Section) -> Complete {
    match section.open().unwrap() {
        SectionState::Complete(complete) => complete,
        other => panic!("{other:?}"),
    }
}

fn fill(section: &Section) {
    let work = unfinished(section);
    for (chunk, range) in work.missing() {
        work.write(chunk, &rows(range)).unwrap();
    }
}

#[test]
fn a_section_is_filled_chunk_by_chunk_and_read_back() {
    let dir = TempDir::new().unwrap();
    let section = section(dir.path(), 48);
    let work = unfinished(&section);
    assert_eq!(work.missing(), [(0, 0..256), (1, 256..512), (2, 512..522)]);
    work.write(1, &rows(256..512)).unwrap();
    drop(work);
    // A killed worker loses only its unwritten chunks.
    assert_eq!(unfinished(&section).missing(), [(0, 0..256), (2, 512..522)]);
    fill(&section);
    let complete = complete(&section);
    for row in [0, 255, 256, 521] {
        let mut out = [0.0; ROW];
        complete.read(row, &mut out);
        assert_eq!(out[..], rows(row..row + 1));
    }
}

#[test]
fn damage_is_found_and_only_the_damaged_chunk_is_missing() {
    let dir = TempDir::new().unwrap();
    let section = section(dir.path(), 48);
    fill(&section);
    let flip = |path: PathBuf, at: usize| {
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 4;
        fs::write(path, bytes).unwrap();
    };
    flip(section.values_file(), 300 * ROW * 4);
    assert_eq!(unfinished(&section).missing(), [(1, 256..512)]);
    flip(section.table_file(), 16);
    assert_eq!(unfinished(&section).missing(), [(1, 256..512), (2, 512..522)]);
    fill(&section);
    complete(&section);
    // A truncated file.
    fs::write(section.values_file(), &fs::read(section.values_file()).unwrap()[..5000]).unwrap();
    assert_eq!(unfinished(&section).missing().len(), 2);
    fill(&section);
    complete(&section);
}

#[test]
fn a_section_in_use_is_neither_computed_nor_removed() {
    let dir = TempDir::new().unwrap();
    let dataset = dir.path().join("faces");
    let section = section(&dataset, 48);
    let work = unfinished(&section);
    assert!(matches!(section.open().unwrap(), SectionState::Busy));
    assert_eq!(clear(&dataset).unwrap(), (0, 1));
    drop(work);
    fill(&section);
    let (reader, other) = (complete(&section), complete(&section));
    assert_eq!(clear(&dataset).unwrap(), (0, 1));
    drop((reader, other));
    let (freed, in_use) = clear(&dataset).unwrap();
    assert!(freed > 0 && in_use == 0);
    assert!(usage(&dataset).is_empty());
    assert!(!section.values_file().exists());
}

#[test]
fn measuring_usage_never_hides_a_section_from_a_worker() {
    let home = TempDir::new().unwrap();
    let section = section(&home.path().join("demo"), 48);
    fill(&section);
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(usage(&home.path().join("demo")).len(), 1);
            }
        });
        let found = (0..300).all(|_| section.open_if_complete().unwrap().is_some());
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(found);
    });
}

#[test]
fn space_is_freed_by_removing_the_least_recently_used() {
    let dir = TempDir::new().unwrap();
    let dataset = dir.path().join("faces");
    let sections = [48, 96, 224].map(|size| section(&dataset, size));
    for section in &sections {
        fill(section);
    }
    let taken: u64 = usage(&dataset).iter().map(|usage| usage.bytes).sum();
    let each = taken / 3;
    let age = |section: &Section, seconds: u64| {
        let table = fs::File::options().write(true).open(section.table_file()).unwrap();
        table.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
    };
    for (section, seconds) in sections.iter().zip([200, 100, 300]) {
        age(section, seconds);
    }
    free_space(dir.path(), each, taken + each, &[]).unwrap();
    assert!(sections.iter().all(|section| section.values_file().exists()), "the space sufficed");
    // Nothing is removed if nothing is needed, whatever the bound.
    free_space(dir.path(), 0, 1, &[]).unwrap();
    assert_eq!(usage(&dataset).len(), 3);
    free_space(dir.path(), each, taken, &[]).unwrap();
    assert_eq!(sections.clone().map(|section| section.values_file().exists()), [true, false, true]);
    // Sections in use stay, so the space does not suffice.
    let readers = [complete(&sections[0]), complete(&sections[2])];
    let error = free_space(dir.path(), 2 * each, taken, &[]).unwrap_err();
    assert!(matches!(error, CacheRefusal::Bound { .. }), "{error}");
    drop(readers);
    let wanted = sections.clone().map(|section| section.values_file());
    assert!(free_space(dir.path(), 2 * each, taken, &wanted).is_err(), "wanted files stay");
    assert!(free_space(dir.path(), taken + 1, taken, &[]).is_err());
    assert_eq!(usage(&dataset).len(), 2, "nothing is removed if the rest can never fit");
    assert!(matches!(free_space(dir.path(), u64::MAX / 4, u64::MAX, &[]).unwrap_err(), CacheRefusal::Disk { .. }));
}

#[test]
fn an_unfinished_section_still_needs_its_space() {
    let dir = TempDir::new().unwrap();
    let dataset = dir.path().join("faces");
    fs::create_dir(&dataset).unwrap();
    // Chunks larger than a block of the file system.
    let wide = Section::new(&key(48).prepare(&dataset).unwrap(), "wide", 4 * CHUNK, 64);
    assert_eq!(wide.missing_bytes(), wide.bytes());
    let work = unfinished(&wide);
    assert_eq!(wide.missing_bytes(), wide.bytes(), "it is sparse");
    work.write(0, &vec![1.0; CHUNK * 64]).unwrap();
    let missing = wide.missing_bytes();
    assert!(missing < wide.bytes() && missing >= wide.bytes() / 2, "{missing}");
    // A section being computed counts with its full length.
    let error = free_space(dir.path(), 1, wide.bytes(), &[]).unwrap_err();
    assert!(matches!(error, CacheRefusal::Bound { .. }), "{error}");
    drop(work);
    free_space(dir.path(), 1, wide.bytes(), &[]).unwrap();
}

#[test]
fn a_link_named_features_is_not_followed() {
    let dir = TempDir::new().unwrap();
    let (dataset, elsewhere) = (dir.path().join("faces"), dir.path().join("elsewhere"));
    let section = section(&elsewhere, 48);
    fill(&section);
    fs::create_dir_all(&dataset).unwrap();
    std::os::unix::fs::symlink(elsewhere.join(FOLDER), dataset.join(FOLDER)).unwrap();
    assert!(usage(&dataset).is_empty());
    assert_eq!(clear(&dataset).unwrap(), (0, 0));
    // A folder without a key is not touched.
    let strange = elsewhere.join(FOLDER).join("strange");
    fs::create_dir_all(&strange).unwrap();
    fs::write(strange.join("notes.f32"), b"mine").unwrap();
    clear(&elsewhere).unwrap();
    assert!(strange.join("notes.f32").exists() && !section.values_file().exists());
}

#[test]
fn every_input_of_the_computation_changes_the_folder() {
    let dir = Path::new("d");
    let other = |change: fn(&mut Key)| {
        let mut key = key(48);
        change(&mut key);
        key.folder(dir)
    };
    let folders = [
        other(|_| {}),
        other(|key| key.size = 96),
        other(|key| key.fingerprint.push('x')),
        other(|key| key.base.push('x')),
        other(|key| key.layer = "block4".into()),
        other(|key| key.preprocessing = Preprocessing::KERAS_IMAGENET),
        other(|key| key.device = "cuda".into()),
        other(|key| key.version += 1),
    ];
    let different: std::collections::BTreeSet<_> = folders.iter().collect();
    assert_eq!(different.len(), folders.len());

    let augmenter = Augmenter { ranges: Augmentation::REFERENCE, seed: 1, variants: 2 };
    let wilder = Augmenter { ranges: Augmentation { zoom: 0.3, ..augmenter.ranges }, ..augmenter };
    let stems: Vec<String> = [augmenter, wilder, Augmenter { seed: 2, ..augmenter }]
        .iter()
        .flat_map(|augmenter| SectionName::of_split(Split::Train, Some(augmenter)))
        .chain(Split::ALL.into_iter().flat_map(|split| SectionName::of_split(split, None)))
        .map(|name| name.stem())
        .collect();
    let different: std::collections::BTreeSet<_> = stems.iter().collect();
    assert_eq!((stems.len(), different.len()), (9, 9), "{stems:?}");
    let evaluated = SectionName::of_split(Split::Test, Some(&augmenter));
    assert_eq!(evaluated[0].stem(), "test", "only training images are changed");
    // A larger number of variants uses the existing ones.
    let more = Augmenter { variants: 4, ..augmenter };
    assert_eq!(SectionName::of_split(Split::Train, Some(&more))[1].stem(), stems[1]);
}

#[test]
fn the_images_on_disk_are_those_of_the_recipe_and_the_kind_of_device() {
    let folder = TempDir::new().unwrap();
    let set = |settings: &[(Hyperparameter, &str)]| {
        let mut recipe = Recipe::sample(Strategy::Features);
        settings.iter().for_each(|(setting, text)| setting.set(&mut recipe, text).unwrap());
        recipe
    };
    let plain = set(&[(Hyperparameter::Augmentation, "none")]);
    let counts = SplitCounts { train: 300, validation: 20, test: 30 };
    let classes = vec![("a".to_owned(), counts), ("b".to_owned(), SplitCounts::default())];
    let facts = DatasetFacts { fingerprint: "f".into(), image: [48, 48, 1], classes, groups: None };
    let network = plain.resolve(facts.image, 2).unwrap();
    let cut = network.cut(plain.trained_stages()).unwrap();
    let key = Key::of(&plain, "f", (&network, cut), Preprocessing::VGGFACE, CPU).unwrap();
    let write = |stem: &str, rows: usize, chunks: usize| {
        let section = Section::new(&key.prepare(folder.path()).unwrap(), stem, rows, key.row());
        let work = unfinished(&section);
        for (chunk, range) in work.missing().into_iter().take(chunks) {
            work.write(chunk, &vec![0.5; range.len() * key.row()]).unwrap();
        }
    };
    write("train", 300, 1);
    write("test", 30, 1);
    write("other", 300, 2);
    let found = |recipe: &Recipe, facts: &DatasetFacts| cached_images(&usage(folder.path()), recipe, facts);
    assert_eq!(found(&plain, &facts), CachedImages { cpu: CHUNK + 30, cuda: 0 });
    let none = CachedImages::default();
    let other_dataset = DatasetFacts { fingerprint: "g".into(), ..facts.clone() };
    assert_eq!(found(&plain, &other_dataset), none);
    let larger = set(&[(Hyperparameter::Augmentation, "none"), (Hyperparameter::Size, "64")]);
    assert_eq!(found(&larger, &facts), none);
    assert_eq!(found(&set(&[]), &facts), none, "a new change in every epoch: nothing is cached");
    let variants = set(&[(Hyperparameter::Variants, "2")]);
    assert_eq!(found(&variants, &facts), CachedImages { cpu: 30, cuda: 0 }, "the test images are not changed");
}
