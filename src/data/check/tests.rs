//! Planted copies are found, and images left out keep one copy of each picture.

#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)] // small numbers

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::data::manifest::ImageShape;
use crate::data::writer::tests::description;
use crate::data::writer::{StagingFolder, Writer};
use crate::domain::{DatasetName, Split};

/// An image of a dataset: split, label and pixels.
type Image = (Split, usize, Vec<u8>);

/// Writes these images as a dataset of three classes; they must be in canonical order.
fn dataset(dir: &TempDir, shape: ImageShape, images: &[Image]) -> Dataset {
    let staging = StagingFolder::open(dir.path(), &DatasetName::new("d").unwrap()).unwrap();
    let mut writer = Writer::new(staging, shape, &["a".into(), "b".into(), "c".into()]).unwrap();
    for (split, label, pixels) in images {
        writer.push(*split, *label, pixels, "x").unwrap();
    }
    writer.finish(description(), false).unwrap();
    Dataset::open(&dir.path().join("d")).unwrap()
}

/// Returns a picture of random spots from fine to coarse, as photographs have them.
fn picture(shape: ImageShape, random: &mut impl FnMut() -> f32) -> Vec<u8> {
    let spots: Vec<[f32; 4]> = (0..24).map(|_| std::array::from_fn(|_| random())).collect();
    let value = |x: f32, y: f32, channel: f32| {
        let spot = |[u, v, size, shade]: &[f32; 4]| {
            let distance = ((x - u).powi(2) + (y - v).powi(2)) / (0.002 + size * 0.03);
            (shade - 0.5) * (-distance).exp()
        };
        128.0 + 250.0 * spots.iter().map(spot).sum::<f32>() + 5.0 * channel
    };
    let at = |place: u32, length: u32| (place as f32 + 0.5) / length as f32;
    let mut pixels = Vec::new();
    for y in 0..shape.height {
        for x in 0..shape.width {
            for channel in 0..shape.channels {
                pixels.push(value(at(x, shape.width), at(y, shape.height), channel as f32).clamp(20.0, 235.0) as u8);
            }
        }
    }
    pixels
}

/// Returns random numbers from 0 to 1 that a seed decides.
fn random_numbers(mut state: u64) -> impl FnMut() -> f32 {
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn planted_copies_are_found(
        seed in any::<u64>(),
        (width, height, channels) in prop_oneof![Just((48, 48, 1)), Just((20, 33, 3)), Just((70, 64, 1))],
        kinds in proptest::collection::vec(0_usize..5, 20),
    ) {
        let shape = ImageShape { width, height, channels };
        let mut random = random_numbers(seed);
        let originals: Vec<Vec<u8>> = kinds.iter().map(|_| picture(shape, &mut random)).collect();
        let mut noise = |range: f32| (random() - 0.5) * 2.0 * range;
        let copies = originals.iter().zip(&kinds).map(|(original, kind)| match kind {
            0 => original.clone(),
            // Compressed again, brightened, flattened.
            1 => original.iter().map(|value| (f32::from(*value) + noise(4.0)) as u8).collect(),
            2 => original.iter().map(|value| value + 15).collect(),
            3 => original.iter().map(|value| (f32::from(*value) * 0.9 + 10.0) as u8).collect(),
            _ => near::mirrored(original, shape),
        });
        let copies: Vec<Vec<u8>> = copies.collect();
        let images: Vec<Image> = originals.iter().map(|pixels| (Split::Train, 0, pixels.clone()))
            .chain(copies.into_iter().map(|pixels| (Split::Test, 1, pixels))).collect();
        let dir = TempDir::new().unwrap();
        let dataset = dataset(&dir, shape, &images);
        let findings = Findings::of(&dataset);
        for (at, kind) in (0_u32..).zip(&kinds) {
            let copy = at + 20;
            let exact = findings.exact.iter().any(|group| group.contains(&at) && group.contains(&copy));
            let near = findings.near.iter().find(|pair| (pair.first, pair.second) == (at, copy));
            prop_assert_eq!(exact, *kind == 0, "image {} of kind {}", at, kind);
            prop_assert!(exact || near.is_some_and(|pair| pair.mirrored == (*kind == 4)), "kind {}: {:?}", kind, near);
        }
        let left_out = findings.left_out(Exclusion::NearLeaks, &dataset.manifest().places());
        prop_assert_eq!(left_out.images, (0..20).collect::<Vec<u32>>());
    }

    #[test]
    fn every_pair_of_equal_images_is_in_one_group(pictures in proptest::collection::vec(0_u8..6, 1..60)) {
        let images: Vec<Vec<u8>> = pictures.iter().map(|shade| vec![*shade; 4]).collect();
        let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
        let groups = copies::exact(&images);
        for one in 0..images.len() {
            for other in 0..one {
                let together = groups.iter().any(|group| [one, other].iter().all(|at| group.contains(&(*at as u32))));
                prop_assert_eq!(together, images[one] == images[other]);
            }
        }
        prop_assert!(groups.iter().all(|group| group.len() > 1 && group.is_sorted()));
    }
}

const SHAPE: ImageShape = ImageShape { width: 32, height: 32, channels: 1 };

/// Returns images of the pictures with these numbers, in the order train, validation, test, and the labels 0 to 2.
fn planted(dir: &TempDir, images: &[(Split, usize, usize)]) -> Dataset {
    let mut random = random_numbers(7);
    let mut pictures: Vec<Vec<u8>> = (0..8).map(|_| picture(SHAPE, &mut random)).collect();
    // Picture 8 is a near copy of picture 7, and picture 9 is constant but for compression.
    pictures.push(pictures[7].iter().map(|value| value + 10).collect());
    pictures.push((0..SHAPE.bytes()).map(|at| 100 + u8::try_from(at % 3).unwrap()).collect());
    let images: Vec<Image> =
        images.iter().map(|(split, label, picture)| (*split, *label, pictures[*picture].clone())).collect();
    dataset(dir, SHAPE, &images)
}

/// Training: 0 0 1 1(b) 2 3 7 9; validation: 2 4; test: 3 4 8.
fn example(dir: &TempDir) -> Dataset {
    use Split::{Test, Train, Validation};
    let train = [(0, 0), (0, 0), (0, 1), (0, 2), (0, 7), (1, 1), (1, 3), (2, 9)];
    let held_out = [(Validation, 0, 2), (Validation, 1, 4), (Test, 0, 3), (Test, 1, 4), (Test, 2, 8)];
    let train = train.map(|(label, picture)| (Train, label, picture));
    planted(dir, &[train.as_slice(), &held_out].concat())
}

#[test]
fn the_copy_in_test_stays_and_of_training_copies_the_first() {
    let dir = TempDir::new().unwrap();
    let dataset = example(&dir);
    let (findings, places) = (Findings::of(&dataset), dataset.manifest().places());
    let table = [
        (Exclusion::Leaks, vec![3, 6]),
        (Exclusion::Duplicates, vec![1, 3, 5, 6]),
        (Exclusion::NearLeaks, vec![3, 4, 6]),
        (Exclusion::NearDuplicates, vec![1, 3, 4, 5, 6]),
        // Picture 1 has two labels in training; picture 3 has another label in test.
        (Exclusion::Contradictions, vec![2, 5, 6]),
        (Exclusion::Constant, vec![7]),
    ];
    for (which, expected) in table {
        assert_eq!(findings.left_out(which, &places).images, expected, "{which:?}");
    }
}

#[test]
fn findings_are_counted_by_split_and_label() {
    let dir = TempDir::new().unwrap();
    let dataset = example(&dir);
    let summary = FindingCounts::of(&Findings::of(&dataset), &dataset.manifest().places());
    let crossings =
        CrossSplitCopies { train_in_test: 1, train_in_validation: 1, train_in_either: 2, validation_in_test: 1 };
    let exact = CopyCounts {
        pictures: 5,
        images: 10,
        copies: 5,
        crossings,
        contradicting_pictures: 2,
        contradicting_images: 4,
    };
    assert_eq!(summary.exact, exact);
    assert_eq!((summary.near.pictures, summary.near.crossings.train_in_test), (1, 1));
    assert_eq!((summary.near.contradicting_pictures, summary.constant.train), (1, 1));
    let parts =
        ["1 train image in test", "2 contradicting labels", "5 exact copies", "1 near pair", "1 constant image"];
    assert_eq!(summary.parts(), parts);
    assert!(FindingCounts::default().parts().is_empty());
}

#[test]
fn missing_and_small_classes_are_named() {
    let manifest = crate::data::writer::tests::manifest_of(&[("many", [20, 12, 0]), ("few", [9, 0, 0])]);
    let expected = [
        "few has only 9 train images",
        "few has no validation images",
        "there are no test images",
        "the images are tiny: 1×1 pixels",
    ];
    assert_eq!(class_findings(&manifest), expected);
    let many = [("a", [2, 9, 20]), ("b", [1, 20, 20]), ("c", [2, 0, 20]), ("d", [3, 20, 20])];
    let found = class_findings(&crate::data::writer::tests::manifest_of(&many));
    let expected = [
        "4 classes have fewer than 10 train images, such as a",
        "c has no validation images",
        "a has only 9 validation images",
    ];
    assert_eq!(found[..3], expected);
}

#[test]
fn findings_are_cached_and_a_wrong_cache_is_computed_again() {
    let dir = TempDir::new().unwrap();
    let dataset = example(&dir);
    let cached = || Findings::cached(dataset.dir(), dataset.fingerprint(), 13);
    assert_eq!(cached(), None);
    let findings = Findings::load_or_compute(&dataset);
    assert_eq!(cached(), Some(findings.clone()));
    let path = dataset.dir().join(FILE_NAME);
    let text = std::fs::read_to_string(&path).unwrap();
    let table = [
        ("x".into(), "damaged"),
        (text.replace(dataset.fingerprint(), "other"), "of another dataset"),
        (text.replace("\"method\":1", "\"method\":0"), "of another method"),
        (text.replace("\"version\":1", "\"version\":9"), "of a newer format"),
        (text.replace("\"constant\":[7]", "\"constant\":[13]"), "beyond the last image"),
    ];
    for (wrong, why) in table {
        assert_ne!(wrong, text, "{why}");
        std::fs::write(&path, wrong).unwrap();
        assert_eq!(cached(), None, "{why}");
        assert_eq!(Findings::load_or_compute(&dataset), findings);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{why}");
    }
}
