//! Round trips, conflicts, damage and removal of the store.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::data::manifest::{Place, SplitOptions};
use crate::data::store::{Dataset, list};
use crate::domain::DataFold;

pub(crate) fn description() -> Description {
    let split = SplitOptions { validation_fraction: Some(0.1), ..SplitOptions::default() };
    Description { source: "a test".into(), created_at: 5, split, ..Description::default() }
}

/// Returns a manifest with these classes and counts (train, validation, test).
pub(crate) fn manifest_of(classes: &[(&str, [usize; 3])]) -> Manifest {
    let dir = TempDir::new().unwrap();
    let image = ImageShape { width: 1, height: 1, channels: 1 };
    let names: Vec<String> = classes.iter().map(|class| class.0.to_owned()).collect();
    let mut writer = Writer::new(staging(&dir, "x"), image, &names).unwrap();
    for (index, split) in Split::ALL.into_iter().enumerate() {
        for (label, class) in classes.iter().enumerate() {
            (0..class.1[index]).for_each(|i| writer.push(split, label, &[0], &i.to_string()).unwrap());
        }
    }
    writer.finish(description(), false).unwrap().0
}

fn staging(dir: &TempDir, name: &str) -> StagingFolder {
    StagingFolder::open(dir.path(), &DatasetName::new(name).unwrap()).unwrap()
}

/// Writes a gray dataset of 2 classes with one image per split; `shade` distinguishes datasets.
fn write(dir: &TempDir, name: &str, shade: u8, replace: bool) -> Result<(Manifest, bool), StoreError> {
    let image = ImageShape { width: 2, height: 1, channels: 1 };
    let mut writer = Writer::new(staging(dir, name), image, &["calm".into(), "cross".into()])?;
    for split in [Split::Train, Split::Validation, Split::Test] {
        for label in 0..2 {
            writer.push(split, label, &[shade, u8::try_from(label).unwrap()], &format!("{split}/{label}\u{1b}"))?;
        }
    }
    writer.finish(description(), replace)
}

fn names(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_written_is_read_back() {
    let dir = TempDir::new().unwrap();
    let (manifest, same) = write(&dir, "faces", 7, false).unwrap();
    assert!(!same);
    let dataset = Dataset::open(&dir.path().join("faces")).unwrap();
    assert_eq!(dataset.manifest(), &manifest);
    assert_eq!(dataset.pixels(Split::Test, 1), [7, 1]);
    assert_eq!(dataset.label(Split::Validation, 1), 1);
    assert_eq!(dataset.source(Split::Validation, 0), "validation/0·");
    dataset.verify().unwrap();
    assert_eq!(names(&dir), [".import.lock", "faces"]);
    assert_eq!(list(dir.path()).unwrap()[0].0.as_str(), "faces");
}

#[test]
fn a_name_is_kept_unless_replaced_and_the_same_dataset_is_no_conflict() {
    let dir = TempDir::new().unwrap();
    let (first, _) = write(&dir, "faces", 7, false).unwrap();
    assert!(write(&dir, "faces", 7, false).unwrap().1);
    let error = write(&dir, "faces", 8, false).unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }), "{error}");
    let open = Dataset::open(&dir.path().join("faces")).unwrap();
    let (second, same) = write(&dir, "faces", 8, true).unwrap();
    assert!(!same && second.fingerprint != first.fingerprint);
    // A reader of the replaced dataset still reads the old pixels.
    open.verify().unwrap();
    assert_eq!(Manifest::read(&dir.path().join("faces")).unwrap(), second);
    assert_eq!(names(&dir), [".import.lock", "faces"]);
}

#[test]
fn what_is_no_dataset_is_never_replaced() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("faces")).unwrap();
    fs::write(dir.path().join("faces/precious.jpg"), "x").unwrap();
    let error = write(&dir, "faces", 7, true).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert_eq!(names(&dir), [".import.lock", "faces"]);
    assert!(dir.path().join("faces/precious.jpg").exists() && list(dir.path()).unwrap().is_empty());
}

#[test]
fn an_unfinished_dataset_vanishes_and_a_dead_one_is_cleared_away() {
    let dir = TempDir::new().unwrap();
    drop(staging(&dir, "faces"));
    assert_eq!(names(&dir), [".import.lock"]);
    let dead = dir.path().join(".old.importing-1");
    fs::create_dir(&dead).unwrap();
    fs::write(dead.join(LOCK), "").unwrap();
    let live = staging(&dir, "live");
    assert!(!dead.exists() && live.dir().exists());
    let busy = StagingFolder::open(dir.path(), &DatasetName::new("live").unwrap()).unwrap_err();
    assert!(matches!(busy, StoreError::Busy { .. }), "{busy}");
    assert!(live.dir().exists());
}

#[test]
#[allow(clippy::type_complexity)] // a table of cases
fn damage_is_named_with_the_file_and_the_cure() {
    let cases: [(&str, &dyn Fn(&Path), &str); 6] = [
        (
            PIXELS,
            &|path| File::options().write(true).open(path).unwrap().set_len(3).unwrap(),
            "import the dataset again",
        ),
        (PIXELS, &|path| fs::write(path, "").unwrap(), "import the dataset again"),
        (LABELS, &|path| fs::write(path, [9; 12]).unwrap(), "labels do not match"),
        (SOURCES, &|path| fs::write(path, [0; 60]).unwrap(), "cut short"),
        (FILE_NAME, &|path| fs::write(path, "{").unwrap(), "import the dataset again"),
        (FILE_NAME, &|path| fs::write(path, r#"{"version":2,"new":true}"#).unwrap(), "update mien"),
    ];
    for (file, harm, words) in cases {
        let dir = TempDir::new().unwrap();
        write(&dir, "faces", 7, false).unwrap();
        let folder = dir.path().join("faces");
        harm(&folder.join(file));
        let error = Dataset::open(&folder).unwrap_err().to_string();
        assert!(error.contains(file) && error.contains(words), "{error}");
    }
    let dir = TempDir::new().unwrap();
    write(&dir, "faces", 7, false).unwrap();
    let folder = dir.path().join("faces");
    fs::write(folder.join(PIXELS), [1; 12]).unwrap();
    assert!(Dataset::open(&folder).unwrap().verify().is_err());
    fs::remove_file(folder.join(LABELS)).unwrap();
    assert!(Dataset::open(&folder).unwrap_err().to_string().contains(LABELS));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_dataset_survives_the_round_trip(
        mut images in prop::collection::vec((0_usize..3, 0_usize..4, any::<[u8; 6]>(), ".{0,12}"), 1..40),
    ) {
        images.sort_by_key(|image| (image.0, image.1));
        let dir = TempDir::new().unwrap();
        let shape = ImageShape { width: 1, height: 2, channels: 3 };
        let classes: Vec<String> = (0..4).map(|class| format!("class {class}")).collect();
        let mut writer = Writer::new(staging(&dir, "any"), shape, &classes).unwrap();
        for (split, label, pixels, source) in &images {
            writer.push(Split::ALL[*split], *label, pixels, source).unwrap();
        }
        writer.finish(description(), false).unwrap();
        let dataset = Dataset::open(&dir.path().join("any")).unwrap();
        let mut seen = BTreeMap::new();
        for (split, label, pixels, source) in &images {
            let index = seen.entry(*split).or_insert(0_usize);
            prop_assert_eq!(dataset.pixels(Split::ALL[*split], *index), pixels);
            prop_assert_eq!(dataset.label(Split::ALL[*split], *index), *label);
            prop_assert_eq!(dataset.source(Split::ALL[*split], *index), crate::domain::text::printable(source));
            *index += 1;
        }
        prop_assert!(Split::ALL.iter().all(|split| dataset.len(*split) == seen.get(&(*split as usize)).copied().unwrap_or(0)));
        dataset.verify().unwrap();
    }
}

#[test]
fn a_removed_dataset_is_gone_and_what_is_no_dataset_stays() {
    let dir = TempDir::new().unwrap();
    write(&dir, "a", 1, false).unwrap();
    write(&dir, "b", 2, false).unwrap();
    std::fs::create_dir(dir.path().join("mine")).unwrap();
    remove(dir.path(), &DatasetName::new("a").unwrap()).unwrap();
    for name in ["a", "mine", "none"] {
        let error = remove(dir.path(), &DatasetName::new(name).unwrap()).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{name}: {error}");
    }
    let left: Vec<String> = list(dir.path()).unwrap().into_iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(left, ["b"]);
    assert!(dir.path().join("mine").exists());
    // The next import removes the remains of a killed removal.
    std::fs::rename(dir.path().join("b"), dir.path().join(".b.importing-removed-1")).unwrap();
    write(&dir, "c", 3, false).unwrap();
    assert!(!dir.path().join(".b.importing-removed-1").exists());
}

#[test]
fn a_fold_has_other_splits_of_the_same_images() {
    let dir = TempDir::new().unwrap();
    let image = ImageShape { width: 1, height: 1, channels: 1 };
    let mut writer = Writer::new(staging(&dir, "faces"), image, &["calm".into(), "cross".into()]).unwrap();
    let mut shade = 0;
    for split in Split::ALL {
        for label in 0..2 {
            for _ in 0..[20, 3, 7][split as usize] {
                writer.push(split, label, &[shade], &format!("{label}/{shade}")).unwrap();
                shade += 1;
            }
        }
    }
    writer.finish(description(), false).unwrap();
    let open = || Dataset::open(&dir.path().join("faces")).unwrap();
    let mut tested = Vec::new();
    for fold in DataFold::all(5, 7) {
        let dataset = open().in_fold(Some(fold)).unwrap();
        assert_eq!(dataset.fingerprint(), open().fingerprint());
        let places = dataset.places();
        for split in Split::ALL {
            for index in 0..dataset.len(split) {
                let position = usize::from(dataset.pixels(split, index)[0]);
                let label = dataset.label(split, index);
                assert_eq!(dataset.source(split, index), format!("{label}/{position}"));
                let place = Place { split, index: u32::try_from(index).unwrap(), label: u16::try_from(label).unwrap() };
                assert_eq!(places[position], place);
                assert_eq!(dataset.manifest().class_of(split, index).unwrap().name, ["calm", "cross"][label]);
                if split == Split::Test {
                    tested.push(position);
                }
            }
        }
        assert_eq!([Split::Train, Split::Validation, Split::Test].map(|split| dataset.len(split)), [44, 4, 12]);
    }
    tested.sort_unstable();
    assert_eq!(tested, (0..60).collect::<Vec<_>>());
    assert_eq!(open().in_fold(None).unwrap().places(), open().manifest().places());
}
