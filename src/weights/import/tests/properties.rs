//! Arbitrary bytes: every reader returns an error or a base and never panics.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::reading::read;
use super::fixtures::{IMAGENET, keras3_tree, legacy_tree, narrow, npz, safetensors, state_dict, zipped};
use super::torch_files::{Style, archive, legacy, pickle};
use crate::weights::vgg16::Convolution;

/// Returns a base with two layers, so that a random change seldom hits a value.
fn short() -> Vec<Convolution> {
    super::fixtures::test_base().into_iter().take(2).collect()
}

/// Returns a small file of each kind.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let three = keras3_tree(&short(), "layers", |index, _| format!("conv2d_{index}")).file();
    let tensors = state_dict(&short(), "");
    vec![
        ("legacy HDF5", legacy_tree(&short(), &IMAGENET).file()),
        ("archive", zipped(&[("model.weights.h5", &three)], zip::CompressionMethod::Stored)),
        ("deflated archive", zipped(&[("model.weights.h5", &three)], zip::CompressionMethod::Deflated)),
        ("HDF5 of Keras 3", three),
        ("torch's archive", archive(&tensors, Style::default())),
        ("torch's stream", legacy(&tensors, Style { ordered: true, ..Style::default() })),
        ("safetensors", safetensors(&tensors)),
        ("NumPy's archive", npz(&tensors, zip::CompressionMethod::Stored)),
        ("NumPy's packed archive", npz(&tensors, zip::CompressionMethod::Deflated)),
    ]
}

#[test]
fn each_file_is_read_before_anything_is_changed() {
    for (kind, bytes) in files() {
        assert_eq!(read(bytes, &narrow()[..2]).expect(kind).base, short(), "{kind}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_panic(changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>(), is_cut: bool) {
        for (_, mut bytes) in files() {
            for (position, value) in &changes {
                let index = position.index(bytes.len());
                bytes[index] = *value;
            }
            if is_cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            let _ = read(bytes, &narrow()[..2]);
        }
    }

    #[test]
    fn anything_behind_a_known_beginning_never_panics(noise in vec(any::<u8>(), 0..400)) {
        for begin in [b"".as_slice(), b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", b"\x40\0\0\0\0\0\0\0{\""] {
            let _ = read([begin, &noise].concat(), &narrow());
        }
    }

    #[test]
    fn shuffled_pickles_never_panic(swaps in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..12)) {
        let tensors = state_dict(&short(), "");
        let mut pickle = pickle(&tensors, Style::default(), false);
        for (one, other) in swaps {
            let (one, other) = (one.index(pickle.len()), other.index(pickle.len()));
            pickle.swap(one, other);
        }
        let bytes = super::torch_files::archive_of(&pickle, &tensors, Style::default(), zip::CompressionMethod::Stored);
        let _ = read(bytes, &narrow()[..2]);
    }
}
