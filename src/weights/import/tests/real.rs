//! The real file, if present, and its copies in every format from `tests/fixtures/vgg16_formats.py`.
//!
//! `MIEN_VGG16=….h5 MIEN_VGG16_FORMATS=FOLDER cargo test --release --lib real -- --ignored --nocapture`

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use crate::domain::{Preprocessing, WeightsName};
use crate::weights::manifest::Layout;
use crate::weights::{ImportOptions, Weights, import, list};

#[test]
#[ignore = "needs the real file: set MIEN_VGG16"]
fn keras_own_file_of_vgg16_is_imported() {
    let source = PathBuf::from(std::env::var_os("MIEN_VGG16").expect("MIEN_VGG16 names the file"));
    let folder = tempfile::tempdir().expect("a folder");
    let name = WeightsName::new("imagenet").expect("a name");
    let manifest = import(&source, &name, folder.path(), &ImportOptions::default()).expect("imported");
    assert_eq!((manifest.layout, manifest.parameters), (Layout::KerasLegacyH5, 14_714_688));
    assert_eq!(manifest.preprocessing, Preprocessing::KERAS_IMAGENET);
    let weights = Weights::open(&folder.path().join("imagenet.safetensors")).expect("opened");
    let (shape, kernel) = weights.tensor("block1.conv1.weight").expect("a kernel");
    assert_eq!(shape, [64, 3, 3, 3]);
    // The published values of the first filter's first row, as h5py reads `kernel[0, :, 0, 0]`.
    assert_eq!(kernel[..3], [0.42947057, 0.373467, -0.061360113]);
    let (shape, bias) = weights.tensor("block5.conv3.bias").expect("a bias");
    assert_eq!((shape, bias.len()), (vec![512], 512));
    assert_eq!(list(folder.path()).expect("listed").len(), 1);
}

#[test]
#[ignore = "needs the real file in every format: set MIEN_VGG16 and MIEN_VGG16_FORMATS"]
fn every_format_of_the_real_file_gives_the_same_hash() {
    let variable = |name: &str| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set")));
    let folder = tempfile::tempdir().expect("a folder");
    let name = WeightsName::new("imagenet").expect("a name");
    let expected = import(&variable("MIEN_VGG16"), &name, folder.path(), &ImportOptions::default()).expect("imported");
    let mut files: Vec<PathBuf> = fs::read_dir(variable("MIEN_VGG16_FORMATS"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(files.len() >= 24, "{} files", files.len());
    for file in files {
        let kept = tempfile::tempdir().expect("a folder");
        let begun = Instant::now();
        let manifest = import(&file, &name, kept.path(), &ImportOptions::default()).expect("imported");
        let shown = file.file_name().expect("a name").to_string_lossy();
        println!("{:4} ms {:15} {shown}", begun.elapsed().as_millis(), manifest.layout.to_string());
        assert_eq!(manifest.hash, expected.hash, "{shown}");
        let (layout, preprocessing) = match file.extension().and_then(|ending| ending.to_str()) {
            Some("h5") if shown.starts_with("keras3") => (Layout::Keras3H5, Preprocessing::KERAS_IMAGENET),
            Some("h5") => (Layout::KerasLegacyH5, Preprocessing::KERAS_IMAGENET),
            Some("keras") => (Layout::KerasArchive, Preprocessing::KERAS_IMAGENET),
            Some("pth") => (Layout::TorchPickle, Preprocessing::TORCHVISION),
            _ => (Layout::Safetensors, Preprocessing::TORCHVISION),
        };
        assert_eq!((manifest.layout, manifest.preprocessing), (layout, preprocessing), "{shown}");
    }
    let begun = Instant::now();
    Weights::open(&folder.path().join("imagenet.safetensors")).expect("opened");
    println!("{:4} ms to open what was kept", begun.elapsed().as_millis());
}
