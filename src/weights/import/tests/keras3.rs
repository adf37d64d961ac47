//! Keras 3's HDF5 files and archives.

use zip::CompressionMethod;

use super::Fault;
use super::fixtures::{error_of, keras3_tree, position, reading, test_base, zipped};
use crate::domain::Preprocessing;
use crate::weights::manifest::Layout;
use crate::weights::vgg16::Convolution;

fn own(_: usize, convolution: &Convolution) -> String {
    let (block, conv) = position(convolution);
    format!("block{block}_conv{conv}")
}

fn faces(_: usize, convolution: &Convolution) -> String {
    let (block, conv) = position(convolution);
    format!("conv{block}_{conv}")
}

fn automatic(index: usize, _: &Convolution) -> String {
    format!("conv2d_{}", index + 40)
}

#[test]
fn the_layers_are_found_wherever_they_lie() {
    let (keras, vggface) = (Preprocessing::KERAS_IMAGENET, Preprocessing::VGGFACE);
    let table = [
        ("Keras's own names", keras3_tree(&test_base(), "layers", own), keras),
        ("VGGFace's names", keras3_tree(&test_base(), "layers", faces), vggface),
        ("names that Keras made up", keras3_tree(&test_base(), "layers", automatic), keras),
        ("a model in a model", keras3_tree(&test_base(), "layers/functional/layers", own), keras),
        ("as Keras 2.12 did", keras3_tree(&test_base(), "_layer_checkpoint_dependencies", automatic), keras),
    ];
    for (case, tree, preprocessing) in table {
        let read = reading(tree.file()).expect(case);
        assert_eq!(read.base, test_base(), "{case}");
        assert_eq!((read.layout, read.preprocessing), (Layout::Keras3H5, preprocessing), "{case}");
    }
}

#[test]
fn an_archive_holds_the_same() {
    let weights = keras3_tree(&test_base(), "layers", own).file();
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let bytes = zipped(&[("metadata.json", b"{}"), ("config.json", b"{}"), ("model.weights.h5", &weights)], method);
        let read = reading(bytes).expect("read");
        assert_eq!((read.base, read.layout), (test_base(), Layout::KerasArchive));
    }
    let words = error_of(zipped(&[("config.json", b"{}")], CompressionMethod::Stored));
    assert!(words.contains("without 'model.weights.h5'"), "{words}");
}

#[test]
fn an_archive_that_unpacks_to_far_more_is_refused() {
    let zeros = vec![0; 70 << 20];
    let words = error_of(zipped(&[("model.weights.h5", &zeros)], CompressionMethod::Deflated));
    assert!(words.contains("more than 20 times its size"), "{words}");
}

#[test]
fn layers_whose_order_cannot_be_told_are_refused() {
    let mut tree = keras3_tree(&test_base(), "layers", automatic);
    let moved = tree.take("layers/conv2d_5");
    tree.put("layers/special_conv", moved);
    let fault = reading(tree.file()).expect_err("refused");
    let Fault::Refused(words) = fault else { panic!("{fault:?}") };
    assert!(words.contains("'conv2d_6' and 'special_conv' have one shape and are numbered separately"), "{words}");
}

#[test]
fn names_that_tell_the_place_help_where_groups_do_not() {
    let mut tree = keras3_tree(&test_base(), "layers", own);
    let moved = tree.take("layers/conv2d_5");
    tree.put("layers/special_conv", moved);
    assert_eq!(reading(tree.file()).expect("read").base, test_base());
}
