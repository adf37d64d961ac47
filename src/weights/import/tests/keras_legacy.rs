//! Keras's old HDF5 files.

use hdf5_pure::{AttrValue, FileBuilder, MaxExtent};

use super::super::reading::read;
use super::Fault;
use super::fixtures::{IMAGENET, Naming, error_of, keras_kernel, legacy_tree, narrow, position, reading, test_base};
use super::tree::{Tree, fixed};
use crate::domain::Preprocessing;
use crate::weights::manifest::Layout;

fn vggface(weights: fn(&str) -> [String; 2]) -> Naming {
    Naming { layer: |block, conv| format!("conv{block}_{conv}"), weights }
}

#[test]
fn the_names_inside_make_no_difference() {
    let table: [(&str, Naming, Preprocessing); 5] = [
        ("Keras's own file", IMAGENET, Preprocessing::KERAS_IMAGENET),
        (
            "VGGFace's, as Keras 1 named weights",
            vggface(|layer| [format!("{layer}_W_1:0"), format!("{layer}_b_1:0")]),
            Preprocessing::VGGFACE,
        ),
        (
            "as Keras 2 does",
            vggface(|layer| [format!("{layer}/kernel:0"), format!("{layer}/bias:0")]),
            Preprocessing::VGGFACE,
        ),
        (
            "with the layer in front again",
            vggface(|layer| [format!("{layer}/{layer}/kernel:0"), format!("{layer}/{layer}/bias:0")]),
            Preprocessing::VGGFACE,
        ),
        (
            "names that tell nothing",
            Naming {
                layer: |block, conv| format!("layer_{}", 9 * (9 - block) + 9 - conv),
                weights: |_| ["z".into(), "a".into()],
            },
            Preprocessing::KERAS_IMAGENET,
        ),
    ];
    for (case, naming, preprocessing) in table {
        let read = reading(legacy_tree(&test_base(), &naming).file()).expect(case);
        assert_eq!(read.base, test_base(), "{case}");
        assert_eq!((read.layout, read.preprocessing), (Layout::KerasLegacyH5, preprocessing), "{case}");
    }
}

#[test]
fn a_whole_model_has_them_one_group_deeper() {
    let mut tree = Tree::default();
    *tree.group("model_weights") = legacy_tree(&test_base(), &IMAGENET);
    tree.tensor("optimizer_weights/Adam/m", &[3, 3, 3, 4], &[0.0; 108]);
    assert_eq!(reading(tree.file()).expect("read").base, test_base());
}

#[test]
fn attributes_may_be_of_variable_length_or_in_pieces() {
    let names: Vec<String> = test_base()
        .iter()
        .map(|convolution| {
            let (block, conv) = position(convolution);
            format!("block{block}_conv{conv}")
        })
        .collect();
    let mut inner = legacy_tree(&test_base(), &IMAGENET);
    inner.forget("layer_names");
    let mut variable = inner.clone();
    variable.attribute("layer_names", AttrValue::VarLenStringArray(names.clone()));
    assert_eq!(reading(variable.file()).expect("read").base, test_base());
    let mut pieces = inner;
    pieces.attribute("layer_names0", fixed(&names[..7]));
    pieces.attribute("layer_names1", fixed(&names[7..]));
    assert_eq!(reading(pieces.file()).expect("read").base, test_base());
}

/// Returns a model whose one layer `vgg16` is the base, with tensors in the order of `blocks`.
fn nested(blocks: [usize; 5]) -> Vec<u8> {
    let mut tree = Tree::default();
    tree.attribute("layer_names", fixed(&["vgg16".into()]));
    let group = tree.group("vgg16");
    let mut names = Vec::new();
    for block in blocks {
        for convolution in test_base().iter().filter(|convolution| position(convolution).0 == block) {
            let path = format!("block{block}_conv{}", position(convolution).1);
            let (shape, values) = keras_kernel(convolution);
            group.tensor(&format!("{path}/kernel:0"), &shape, &values);
            group.tensor(&format!("{path}/bias:0"), &[convolution.bias.len()], &convolution.bias);
            names.extend([format!("{path}/kernel:0"), format!("{path}/bias:0")]);
        }
    }
    group.attribute("weight_names", fixed(&names));
    tree.file()
}

#[test]
fn a_base_inside_another_model_is_found() {
    assert_eq!(reading(nested([1, 2, 3, 4, 5])).expect("read").base, test_base());
}

#[test]
fn a_base_that_was_saved_partly_frozen_is_put_in_order() {
    assert_eq!(reading(nested([5, 1, 2, 3, 4])).expect("read").base, test_base());
}

#[test]
fn a_list_of_what_is_not_there_is_named() {
    let mut tree = Tree::default();
    tree.attribute("layer_names", fixed(&["block1_conv1".into()]));
    assert_eq!(error_of(tree.file()), "it lists 'block1_conv1' but does not contain it");
}

#[test]
fn pieces_that_unpack_to_far_more_are_refused() {
    let mut builder = FileBuilder::new();
    builder.set_attr("layer_names", fixed(&["conv1_1".into()]));
    let mut group = builder.create_group("conv1_1");
    group.set_attr("weight_names", fixed(&["w".into(), "b".into()]));
    let kernel = group.create_dataset("w").with_f32_data(&[0.0; 108]).with_shape(&[3, 3, 3, 4]);
    let three = MaxExtent::Fixed(3);
    let most = [three, three, three, MaxExtent::Unlimited];
    kernel.with_maxshape(&most).with_chunks(&[3, 3, 3, 100_000]).with_deflate(9);
    group.create_dataset("b").with_f32_data(&[0.0; 4]);
    builder.add_group(group.finish());
    let network = &narrow()[..1];
    let fault = read(builder.finish().expect("a file"), network).expect_err("refused");
    assert_eq!(fault, Fault::Refused("'conv1_1' is stored in pieces that are larger than any weights".into()));
}

#[test]
fn theanos_files_are_refused() {
    let mut tree = legacy_tree(&test_base(), &IMAGENET);
    tree.attribute("backend", AttrValue::AsciiString("theano".into()));
    assert!(error_of(tree.file()).contains("Theano"));
}
