//! Tests that batches made on the device equal those made on the host.

use std::sync::Arc;

use burn::backend::Flex;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::data::images::Augmenter;
use crate::data::manifest::{ImageShape, SplitOptions};
use crate::data::writer::{Description, StagingFolder, Writer};
use crate::data::{Affine, Batch, Dataset, Pass};
use crate::domain::{Augmentation, DatasetName, Views};
use crate::train::data_loader::{DataLoader, DeviceBatch, HostBatch};

/// The largest difference, as a share of the range of an image's values.
const TOLERANCE: f32 = 1e-3;

const IMAGES: u32 = 23;

/// Writes a dataset of noise in two classes and two splits.
fn dataset(dir: &TempDir, image: ImageShape) -> Arc<Dataset> {
    let workshop = StagingFolder::open(dir.path(), &DatasetName::new("d").expect("a name")).expect("a workshop");
    let mut writer = Writer::new(workshop, image, &["a".into(), "b".into()]).expect("a writer");
    let mut noise = 1_u32;
    for split in [Split::Train, Split::Validation] {
        for index in 0..IMAGES {
            let mut pixel = || {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 24) as u8
            };
            let pixels: Vec<u8> = (0..image.bytes()).map(|_| pixel()).collect();
            writer.push(split, usize::from(index > 8), &pixels, "x").expect("pushed");
        }
    }
    let split = SplitOptions::default();
    let source = "a test".into();
    let description = Description { source, created_at: 0, split, ..Description::default() };
    writer.finish(description, false).expect("finished");
    Arc::new(Dataset::open(&dir.path().join("d")).expect("a dataset"))
}

fn floats<const D: usize>(tensor: Tensor<Flex, D>) -> Vec<f32> {
    tensor.into_data().into_vec().expect("floats")
}

fn range(values: &[f32]) -> f32 {
    let ends = values.iter().fold((f32::MAX, f32::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    ends.1 - ends.0
}

/// Returns the largest difference, as a share of the range of `theirs`.
fn difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let largest = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    largest / range(theirs).max(f32::MIN_POSITIVE)
}

/// Returns the largest difference between device and host for the images with these indices.
fn compare(images: &Images, split: Split, indices: &[u32], pass: Pass) -> f32 {
    let resident = DeviceDataset::<Flex>::upload(images, &[split], u64::MAX, &Default::default()).expect("room");
    let made = Batch::make(images, split, indices, pass);
    let (inputs, labels) = resident.batch(&images.batch_spec(split, indices, pass));
    assert_eq!(inputs.dims(), made.shape);
    let labels: Vec<i32> = labels.into_data().iter::<i32>().collect();
    assert_eq!(labels, made.labels);
    difference(&floats(inputs), &made.inputs)
}

fn drawn() -> impl Strategy<Value = Augmentation> {
    let ranges = (0.0..180.0, 0.0..0.9, 0.0..0.9, any::<bool>(), prop_oneof![Just(0.0), 0.0..1.0], 0.0..1.0);
    let drawn = ranges.prop_map(|(rotation_degrees, zoom, shift, horizontal_flip, tones, erasing)| Augmentation {
        rotation_degrees,
        zoom,
        shift,
        horizontal_flip,
        brightness: tones / 2.0,
        contrast: tones,
        erasing,
        mixup: 0.0,
    });
    prop_oneof![Just(Augmentation::REFERENCE), drawn]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_same_map_draws_the_same_picture(
        ranges in drawn(),
        seed: u64,
        epoch in 1_u64..100,
        (width, height, side) in prop_oneof![
            Just((48, 48, None)),
            Just((48, 48, Some(96))),
            Just((48, 48, Some(32))),
            (1_u32..40, 1_u32..40, prop::option::of(1_u32..60)),
        ],
        channels in prop_oneof![Just(1_u32), Just(3)],
        named in 0..Preprocessing::NAMED.len(),
        crop in 0_u32..5,
        view in 0_usize..10,
    ) {
        let dir = TempDir::new().expect("a folder");
        let dataset = dataset(&dir, ImageShape { width, height, channels });
        let augmenter = Some(Augmenter { ranges, seed, variants: 0 });
        let images = match side {
            None => Images::plain(dataset, augmenter).cropped(width.min(height) * crop / 4),
            Some(side) => Images::prepared(dataset, side, Preprocessing::NAMED[named].1, augmenter),
        };
        let found = compare(&images, Split::Train, &[0, 22, 3, 3], Pass::Training(epoch));
        prop_assert!(found < TOLERANCE, "augmented: {found}");
        let found = compare(&images, Split::Validation, &[5, 1], Pass::Evaluation(Views::Ten.each()[view]));
        prop_assert!(found < TOLERANCE, "view {view}: {found}");
    }
}

#[test]
fn pictures_as_large_as_the_base_wants_them_are_the_same() {
    let dir = TempDir::new().expect("a folder");
    let dataset = dataset(&dir, ImageShape { width: 48, height: 48, channels: 1 });
    let augmenter = Augmenter { ranges: Augmentation::REFERENCE, seed: 4, variants: 0 };
    for (name, preprocessing) in Preprocessing::NAMED {
        let images = Images::prepared(Arc::clone(&dataset), 224, preprocessing, Some(augmenter));
        let found = compare(&images, Split::Train, &[1, 2, 3], Pass::Training(7));
        assert!(found < TOLERANCE, "{name}: {found}");
    }
}

#[test]
fn pictures_that_are_taken_as_they_are_are_equal_to_the_last_bit() {
    let dir = TempDir::new().expect("a folder");
    for channels in [1, 3] {
        let images = Images::plain(dataset(&dir, ImageShape { width: 9, height: 7, channels }), None);
        assert!(compare(&images, Split::Train, &[3, 0, 22], Pass::Training(1)) == 0.0);
        std::fs::remove_dir_all(dir.path().join("d")).expect("removed");
    }
}

/// Maps row and column of a pixel to those from which it is sampled.
type Origin = fn(usize, usize) -> [usize; 2];

/// Exact cases: half turns and mirrors move whole pixels, and a shift by a whole side repeats the edge.
#[test]
fn maps_of_whole_pixels_are_exact_inside_and_outside_the_border() {
    let dir = TempDir::new().expect("a folder");
    let dataset = dataset(&dir, ImageShape { width: 8, height: 8, channels: 1 });
    let images = Images::plain(Arc::clone(&dataset), None);
    let resident =
        DeviceDataset::<Flex>::upload(&images, &[Split::Train], u64::MAX, &Default::default()).expect("room");
    let still = Affine::identity();
    let table: [(&str, Affine, Origin); 5] = [
        ("nothing", still, |row, column| [row, column]),
        ("mirrored", Affine { flip: true, ..still }, |row, column| [row, 7 - column]),
        ("half a turn", Affine { rotation: std::f64::consts::PI, ..still }, |row, column| [7 - row, 7 - column]),
        ("a quarter", Affine { rotation: std::f64::consts::FRAC_PI_2, ..still }, |row, column| [7 - column, row]),
        ("out of sight", Affine { shift: [1.0, 0.0], ..still }, |_, column| [7, column]),
    ];
    #[allow(clippy::cast_possible_truncation)]
    let theta = table.iter().flat_map(|(_, affine, _)| affine.theta(8, 8).into_iter().flatten()).map(|v| v as f32);
    let picks = BatchSpec { theta: Some(theta.collect()), ..images.batch_spec(Split::Train, &[4; 5], Pass::PLAIN) };
    let drawn = floats(resident.batch(&picks).0);
    let pixels = dataset.pixels(Split::Train, 4);
    for ((name, _, from), drawn) in table.iter().zip(drawn.chunks_exact(64)) {
        for (at, value) in drawn.iter().enumerate() {
            let [row, column] = from(at / 8, at % 8);
            let expected = f32::from(pixels[row * 8 + column]) / 255.0;
            assert!((value - expected).abs() < 1e-5, "{name}, pixel {at}: {value} is not {expected}");
        }
    }
}

#[test]
fn whole_epochs_are_the_same_with_their_last_and_smaller_batch() {
    let dir = TempDir::new().expect("a folder");
    let dataset = dataset(&dir, ImageShape { width: 12, height: 10, channels: 3 });
    let augmenter = Augmenter { ranges: Augmentation::REFERENCE, seed: 9, variants: 0 };
    let images = Images::prepared(dataset, 20, Preprocessing::VGGFACE, Some(augmenter));
    let (device, splits) = (Default::default(), [Split::Train]);
    let resident = DeviceDataset::<Flex>::upload(&images, &splits, u64::MAX, &device);
    let order = crate::data::epoch_order(9, 2, IMAGES as usize);
    // The validation split is not uploaded, so the host makes it in both cases.
    for (split, on_device) in [(Split::Train, true), (Split::Validation, false)] {
        let epoch = |resident: Option<DeviceDataset<Flex>>| {
            let loader = DataLoader::from_images(images.clone(), None, resident);
            let batches: Vec<HostBatch> =
                loader.start(split, order.clone(), 10, Pass::Training(2)).expect("a thread").collect();
            let sizes: Vec<usize> = batches.iter().map(|batch| batch.labels().len()).collect();
            assert_eq!(sizes, [10, 10, 3]);
            let picked = batches.iter().all(|batch| matches!(batch, HostBatch::Spec(_)));
            let (mut inputs, mut labels) = (Vec::new(), Vec::new());
            for batch in batches {
                let expected = batch.labels().to_vec();
                let DeviceBatch { inputs: of_batch, labels: on_device } = loader.to_device(batch, &device);
                assert_eq!(on_device.into_data().iter::<i32>().collect::<Vec<_>>(), expected);
                inputs.extend(floats(of_batch));
                labels.extend(expected);
            }
            (picked, inputs, labels)
        };
        let (kept, sent) = (epoch(resident.clone()), epoch(None));
        assert_eq!((kept.0, sent.0), (on_device, false));
        assert_eq!(kept.2, sent.2);
        assert!(difference(&kept.1, &sent.1) < TOLERANCE);
    }
}

#[test]
fn images_go_to_a_device_only_where_they_have_room() {
    let dir = TempDir::new().expect("a folder");
    let images = Images::plain(dataset(&dir, ImageShape { width: 6, height: 5, channels: 3 }), None);
    let both = [Split::Train, Split::Validation];
    // 23 images each, of 90 bytes and a label of 4.
    assert_eq!(bytes_on_device(&images, &both), 2 * 23 * 94);
    let upload = |bound| DeviceDataset::<Flex>::upload(&images, &both, bound, &Default::default());
    assert!(upload(0).is_none() && upload(2 * 23 * 94 - 1).is_none());
    let resident = upload(2 * 23 * 94).expect("just enough");
    assert!(both.iter().all(|split| resident.images(*split).is_some()));
    assert!(resident.images(Split::Test).is_none(), "the test split was not uploaded");
}
