//! The fuzz targets of the readers of weights.

use std::fs;
use std::path::Path;

use super::fault::Fault;
use super::reading::{self, ImportedBase};
use super::torch::pickle::load;
use crate::domain::text::printable;
use crate::weights::store::{self, Weights};
use crate::weights::vgg16::{Layer, SIDE};

/// The narrowest network, so that a complete file is a small input.
const NETWORK: [Layer; 3] = [("block1.conv1", 3, 1), ("block1.conv2", 1, 1), ("block2.conv1", 1, 1)];

/// Reads these bytes as Keras's HDF5 file or archive.
pub(crate) fn hdf5(bytes: &[u8]) {
    check_result(reading::read(bytes.to_vec(), &NETWORK));
}

/// Reads these bytes as safetensors, to import and as a stored file.
pub(crate) fn safetensors(bytes: &[u8]) {
    check_result(reading::read(bytes.to_vec(), &NETWORK));
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("w.safetensors");
    fs::write(&path, bytes).expect("written");
    for (_, manifest) in store::list(dir.path()).expect("a folder") {
        if let Err(error) = manifest {
            assert!(error.to_string().contains("w.safetensors"), "{error}");
        }
    }
    if let Ok(weights) = Weights::open(&path) {
        assert!(
            weights
                .tensor("block1.conv1.weight")
                .is_none_or(|(shape, values)| { shape.iter().product::<usize>() == values.len() })
        );
    }
}

/// Reads these bytes as NumPy's archive.
pub(crate) fn numpy(bytes: &[u8]) {
    check_result(reading::read(bytes.to_vec(), &NETWORK));
}

/// Reads these bytes as torch's file and as a pickle.
pub(crate) fn pickle(bytes: &[u8]) {
    check_result(reading::read(bytes.to_vec(), &NETWORK));
    if let Ok(pickle) = load(bytes) {
        assert!(pickle.length <= bytes.len());
    }
}

fn check_result(read: Result<ImportedBase, Fault>) {
    match read {
        Ok(read) => {
            for (convolution, layer) in read.base.iter().zip(NETWORK) {
                assert_eq!(
                    (convolution.kernel.len(), convolution.bias.len()),
                    (SIDE * SIDE * layer.1 * layer.2, layer.2)
                );
                assert!(convolution.kernel.iter().chain(&convolution.bias).all(|value| value.is_finite()));
            }
        }
        Err(fault) => {
            let words = fault.at(Path::new("w.pth")).to_string();
            assert!(words.contains("w.pth"), "an error without the file: {words}");
            assert!(words.lines().all(|line| printable(line) == line), "{words:?}");
        }
    }
}
