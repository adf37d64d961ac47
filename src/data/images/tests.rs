//! Preprocessing, variants, crops and random changes of images.

use tempfile::TempDir;

use super::*;
use crate::data::writer::{StagingFolder, Writer, tests::description};
use crate::domain::DatasetName;

/// Returns a dataset with one training image of one pixel value, gray or `[red, green, blue]`.
fn dataset(dir: &TempDir, pixel: &[u8]) -> Arc<Dataset> {
    let image = ImageShape { width: 6, height: 4, channels: u32::try_from(pixel.len()).unwrap() };
    let staging = StagingFolder::open(dir.path(), &DatasetName::new("d").unwrap()).unwrap();
    let mut writer = Writer::new(staging, image, &["a".into(), "b".into()]).unwrap();
    writer.push(Split::Train, 0, &pixel.repeat(24), "x").unwrap();
    writer.finish(description(), false).unwrap();
    Arc::new(Dataset::open(&dir.path().join("d")).unwrap())
}

fn channels(source: &Images) -> Vec<f32> {
    let [channels, height, width] = source.shape();
    let mut out = vec![0.0; channels * height * width];
    source.fill(Split::Train, &[0], Pass::PLAIN, &mut out);
    out.chunks(height * width)
        .map(|plane| {
            assert!(plane.iter().all(|value| (value - plane[0]).abs() < 1e-4), "a flat image stays flat");
            plane[0]
        })
        .collect()
}

fn close(ours: &[f32], theirs: [f32; 3]) {
    assert!(ours.iter().zip(theirs).all(|(ours, theirs)| (ours - theirs).abs() < 1e-3), "{ours:?}, {theirs:?}");
}

#[test]
fn pixels_become_what_the_weights_were_trained_on() {
    // Keras: x[..., ::-1] - [103.939, 116.779, 123.68]
    // - keras-vggface, version 1: x[..., ::-1] - [93.5940, 104.7624, 129.1863]
    // - torchvision: (x / 255 - mean) / std
    let table = [
        (Preprocessing::KERAS_IMAGENET, [30.0 - 103.939, 20.0 - 116.779, 10.0 - 123.68]),
        (Preprocessing::VGGFACE, [30.0 - 93.5940, 20.0 - 104.7624, 10.0 - 129.1863]),
        (
            Preprocessing::TORCHVISION,
            [(10.0 / 255.0 - 0.485) / 0.229, (20.0 / 255.0 - 0.456) / 0.224, (30.0 / 255.0 - 0.406) / 0.225],
        ),
    ];
    let dir = TempDir::new().unwrap();
    let colour = dataset(&dir, &[10, 20, 30]);
    for (preprocessing, expected) in table {
        let images = Images::prepared(Arc::clone(&colour), 9, preprocessing, None);
        assert_eq!(images.shape(), [3, 9, 9]);
        close(&channels(&images), expected);
    }
    let dir = TempDir::new().unwrap();
    let gray = dataset(&dir, &[100]);
    let images = Images::prepared(Arc::clone(&gray), 9, Preprocessing::KERAS_IMAGENET, None);
    close(&channels(&images), [100.0 - 103.939, 100.0 - 116.779, 100.0 - 123.68]);
}

#[test]
fn without_augmentation_images_are_the_stored_bytes_in_planes() {
    let dir = TempDir::new().unwrap();
    let colour = dataset(&dir, &[51, 102, 255]);
    let found = channels(&Images::plain(colour, None));
    close(&found, [0.2, 0.4, 1.0]);
}

#[test]
fn variants_come_round_and_each_is_what_its_epoch_would_see() {
    let new_each_epoch = Augmenter { ranges: Augmentation::REFERENCE, seed: 5, variants: 0 };
    let three = Augmenter { variants: 3, ..new_each_epoch };
    assert_eq!([1, 2, 3, 4, 5].map(|epoch| new_each_epoch.variant(epoch)), [1, 2, 3, 4, 5]);
    assert_eq!([1, 2, 3, 4, 7].map(|epoch| three.variant(epoch)), [1, 2, 3, 1, 1]);
}

#[test]
fn a_crop_is_in_the_middle_in_evaluation_and_anywhere_in_training() {
    let dir = TempDir::new().unwrap();
    let image = ImageShape { width: 6, height: 4, channels: 1 };
    let staging = StagingFolder::open(dir.path(), &DatasetName::new("d").unwrap()).unwrap();
    let mut writer = Writer::new(staging, image, &["a".into(), "b".into()]).unwrap();
    writer.push(Split::Train, 0, &(0..24).collect::<Vec<u8>>(), "x").unwrap();
    writer.finish(description(), false).unwrap();
    let dataset = Arc::new(Dataset::open(&dir.path().join("d")).unwrap());
    let augmenter = Augmenter { ranges: Augmentation::default(), seed: 5, variants: 0 };
    let images = Images::plain(dataset, Some(augmenter)).cropped(2);
    assert_eq!(images.shape(), [1, 2, 2]);
    let seen = |pass| {
        let mut out = vec![0.0; 4];
        images.fill(Split::Train, &[0], pass, &mut out);
        out.iter().map(|value| (value * 255.0).round()).collect::<Vec<f32>>()
    };
    assert_eq!(seen(Pass::PLAIN), [8.0, 9.0, 14.0, 15.0]);
    let first: Vec<f32> = (1..100).map(|epoch| seen(Pass::Training(epoch))[0]).collect();
    let corners = (0_u8..3).flat_map(|row| (0..5).map(move |column| f32::from(row * 6 + column)));
    assert!(corners.clone().all(|corner| first.contains(&corner)), "{first:?}");
}

#[test]
fn only_training_sees_random_changes() {
    let dir = TempDir::new().unwrap();
    let image = ImageShape { width: 8, height: 8, channels: 1 };
    let staging = StagingFolder::open(dir.path(), &DatasetName::new("d").unwrap()).unwrap();
    let mut writer = Writer::new(staging, image, &["a".into(), "b".into()]).unwrap();
    writer.push(Split::Train, 0, &(0..64).map(|at| at * 3).collect::<Vec<u8>>(), "x").unwrap();
    writer.finish(description(), false).unwrap();
    let dataset = Arc::new(Dataset::open(&dir.path().join("d")).unwrap());
    let augmenter = Augmenter { ranges: Augmentation::REFERENCE, seed: 5, variants: 0 };
    let images = Images::prepared(dataset, 16, Preprocessing::VGGFACE, Some(augmenter));
    let seen = |pass| {
        let mut out = vec![0.0; 3 * 256];
        images.fill(Split::Train, &[0], pass, &mut out);
        out
    };
    assert_eq!(seen(Pass::Training(1)), seen(Pass::Training(1)));
    assert_ne!(seen(Pass::Training(1)), seen(Pass::Training(2)));
    assert_eq!(seen(Pass::PLAIN), seen(Pass::PLAIN));
    assert_ne!(seen(Pass::PLAIN), seen(Pass::Training(1)));
}
