//! The built-in dataset: drawn faces with FER-2013's seven expressions and class imbalance, generated on first use.
//!
//! Each face follows from a key (class, number) by sums, products and square roots of 64-bit floats. Every machine
//! rounds these alike, so the pixels and the fingerprint are the same everywhere. Faces differ in identity, pose, light
//! and intensity. Neighbouring expressions overlap, a few labels are wrong, and some faces are partly covered. A small
//! network therefore learns them well but not perfectly.

mod canvas;
mod expression;
mod face;

use std::io;
use std::path::Path;

use rayon::prelude::*;

use self::expression::Expression;
use super::manifest::{ImageShape, Manifest, SplitOptions};
use super::random::{KeyedRng, Purpose};
use super::split::split_files;
use super::store::{Dataset, StoreError};
use super::writer::{Description, StagingFolder, Writer};
use crate::domain::{DatasetName, Split};

/// The name of the demo dataset.
pub const NAME: &str = "demo";

/// Pixels along a side, as in FER-2013.
const SIDE: u32 = 48;

/// A part of every key; another number gives other faces.
const SERIES: u64 = 1;

/// The validation fraction, Keras's and the import's default.
const VALIDATION: f64 = 0.1;

/// The classes in label order, with their images for training and validation together, and for test: 3,000 and 700
/// images in FER-2013's shares.
const CLASSES: [(&str, usize, usize); 7] = [
    ("angry", 417, 97),
    ("disgust", 48, 11),
    ("fear", 429, 100),
    ("happy", 753, 176),
    ("neutral", 519, 121),
    ("sad", 504, 118),
    ("surprise", 330, 77),
];

/// The probability that a face shows another expression than its label.
const MISLABELLED: f64 = 0.03;

/// Returns the demo dataset of this data folder; draws it if it is missing or damaged.
///
/// # Errors
/// [`StoreError`] if it cannot be written or read, or has a newer format; such a dataset is not replaced.
///
/// # Panics
/// Never: [`NAME`] is a valid name.
pub fn ensure(data_dir: &Path, created_at: u64) -> Result<Manifest, StoreError> {
    match Dataset::open(&data_dir.join(NAME)) {
        Ok(dataset) => return Ok(dataset.manifest().clone()),
        Err(StoreError::Corrupt { .. }) => {}
        Err(StoreError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // The constant consists of letters.
    let name = DatasetName::new(NAME).unwrap_or_else(|_| unreachable!());
    let staging = StagingFolder::open(data_dir, &name)?;
    let names: Vec<String> = CLASSES.iter().map(|class| class.0.to_owned()).collect();
    let mut writer = Writer::new(staging, ImageShape { width: SIDE, height: SIDE, channels: 1 }, &names)?;
    for split in Split::ALL {
        for (label, (class, learned, test)) in CLASSES.into_iter().enumerate() {
            let parts = split_files(learned, VALIDATION, 0.0);
            let numbers = match split {
                Split::Train => parts.train,
                Split::Validation => parts.validation,
                Split::Test => learned..learned + test,
            };
            let faces: Vec<(usize, Vec<u8>)> =
                numbers.into_par_iter().map(|number| (number, draw(label, number))).collect();
            for (number, pixels) in faces {
                writer.push(split, label, &pixels, &format!("drawn/{class}/{number:03}"))?;
            }
        }
    }
    let split = SplitOptions { validation_fraction: Some(VALIDATION), ..SplitOptions::default() };
    let source = "drawn by mien".to_owned();
    let description = Description { source, created_at, split, ..Description::default() };
    // Imports cannot use the name, so a dataset replaced here is a damaged demo.
    writer.finish(description, true).map(|(manifest, _)| manifest)
}

/// Draws the face with this number in a class, u8 `[SIDE, SIDE]`.
fn draw(label: usize, number: usize) -> Vec<u8> {
    let mut random = KeyedRng::new(Purpose::Demo, SERIES, label as u64, number as u64);
    let shown = if random.chance(MISLABELLED) { random.below(7) as usize } else { label };
    let expression = Expression::draw(shown, &mut random);
    face::draw(&expression, SIDE as usize, &mut random)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn the_demo_has_the_same_bytes_everywhere_and_is_drawn_once() {
        let dir = TempDir::new().unwrap();
        let manifest = ensure(dir.path(), 1).unwrap();
        assert_eq!(manifest.fingerprint, "dd386b4fd4e3575b67fb4030582186fd");
        let counts = manifest.counts();
        assert_eq!((counts.train + counts.validation, counts.test), (3000, 700));
        assert_eq!(ensure(dir.path(), 2).unwrap().created_at, 1);
    }

    /// `MIEN_LOOK=FOLDER cargo test --release --no-default-features --lib write_a_sheet_of_faces -- --ignored` writes
    /// the dataset and a sheet of faces, a row per class, to the folder.
    #[test]
    #[ignore = "writes a picture to look at"]
    fn write_a_sheet_of_faces() {
        const COLUMNS: u32 = 16;
        let folder = std::path::PathBuf::from(std::env::var_os("MIEN_LOOK").expect("MIEN_LOOK is a folder"));
        let mut sheet = image::GrayImage::new(COLUMNS * SIDE, 7 * SIDE);
        for label in 0..7 {
            for number in 0..COLUMNS {
                let face = image::GrayImage::from_raw(SIDE, SIDE, draw(label as usize, 50 + number as usize)).unwrap();
                image::imageops::replace(&mut sheet, &face, i64::from(number * SIDE), i64::from(label * SIDE));
            }
        }
        let start = std::time::Instant::now();
        ensure(&folder, 0).unwrap();
        eprintln!("drawn in {:.2} s", start.elapsed().as_secs_f64());
        sheet.save(folder.join("faces.png")).unwrap();
    }
}
