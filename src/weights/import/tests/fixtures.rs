//! A narrow VGG16 and its files in every format, written as the original programs write them.

use std::io::{Cursor, Write};

use ::safetensors::tensor::{Dtype, TensorView};
use hdf5_pure::AttrValue;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::super::numpy::tests::array;
use super::super::reading::{ImportedBase, read};
use super::Fault;
use super::torch_files::Named;
use super::tree::{Tree, fixed};
use crate::weights::vgg16::{Convolution, Layer, VGG16};

/// Returns VGG16 with a sixteenth of the channels: 60,000 parameters, for fast tests.
pub(super) fn narrow() -> Vec<Layer> {
    let narrowed = |channels: usize| if channels == 3 { 3 } else { channels / 16 };
    VGG16.iter().map(|(name, input, output)| (*name, narrowed(*input), narrowed(*output))).collect()
}

/// Returns a base with different values everywhere.
pub(super) fn test_base() -> Vec<Convolution> {
    let mut seed = 0_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from_bits(0x3f80_0000 | (seed >> 9)) - 1.5
    };
    let mut values = |count: usize| (0..count).map(|_| next()).collect();
    narrow()
        .into_iter()
        .map(|layer| Convolution { layer, kernel: values(9 * layer.1 * layer.2), bias: values(layer.2) })
        .collect()
}

/// Returns shape and values of the kernel in Keras's order, `[height, width, in, out]`.
pub(super) fn keras_kernel(convolution: &Convolution) -> (Vec<usize>, Vec<f32>) {
    let (_, input, output) = convolution.layer;
    let mut values = vec![0.0; convolution.kernel.len()];
    for out in 0..output {
        for channel in 0..input {
            for position in 0..9 {
                values[(position * input + channel) * output + out] =
                    convolution.kernel[(out * input + channel) * 9 + position];
            }
        }
    }
    (vec![3, 3, input, output], values)
}

/// The names in a file of Keras's old format.
#[derive(Debug, Clone)]
pub(super) struct Naming {
    /// Returns the layer of block and convolution.
    pub(super) layer: fn(usize, usize) -> String,
    /// Returns kernel and bias of a layer.
    pub(super) weights: fn(&str) -> [String; 2],
}

/// Keras's file of VGG16 without its top.
pub(super) const IMAGENET: Naming = Naming {
    layer: |block, conv| format!("block{block}_conv{conv}"),
    weights: |layer| [format!("{layer}_W_1:0"), format!("{layer}_b_1:0")],
};

/// Returns block and convolution of a layer.
pub(super) fn position(convolution: &Convolution) -> (usize, usize) {
    let digits: Vec<usize> =
        convolution.layer.0.chars().filter_map(|c| c.to_digit(10)).map(|digit| digit as usize).collect();
    (digits[0], digits[1])
}

/// Returns a tree of Keras's old format, with layers without weights and a classifier.
pub(super) fn legacy_tree(base: &[Convolution], naming: &Naming) -> Tree {
    let mut tree = Tree::default();
    let mut layers = vec!["input_1".to_owned()];
    tree.group("input_1").attribute("weight_names", AttrValue::F64Array(Vec::new()));
    for convolution in base {
        let (block, conv) = position(convolution);
        let layer = (naming.layer)(block, conv);
        let names = (naming.weights)(&layer);
        let (shape, values) = keras_kernel(convolution);
        let group = tree.group(&layer);
        group.attribute("weight_names", fixed(&names));
        group.tensor(&names[0], &shape, &values);
        group.tensor(&names[1], &[convolution.bias.len()], &convolution.bias);
        layers.push(layer);
    }
    let dense = ["fc6_W".to_owned(), "fc6_b".to_owned()];
    let group = tree.group("fc6");
    group.attribute("weight_names", fixed(&dense));
    group.tensor(&dense[0], &[4, 2], &[0.5; 8]);
    group.tensor(&dense[1], &[2], &[0.5; 2]);
    layers.push("fc6".into());
    tree.attribute("layer_names", fixed(&layers));
    tree
}

/// Returns a tree of Keras 3's format: groups counted by class, layers named in an attribute.
pub(super) fn keras3_tree(base: &[Convolution], inside: &str, name: impl Fn(usize, &Convolution) -> String) -> Tree {
    let mut tree = Tree::default();
    for (index, convolution) in base.iter().enumerate() {
        let group = if index == 0 { "conv2d".to_owned() } else { format!("conv2d_{index}") };
        let vars = tree.group(&format!("{inside}/{group}/vars"));
        vars.attribute("name", AttrValue::String(name(index, convolution)));
        let (shape, values) = keras_kernel(convolution);
        vars.tensor("0", &shape, &values);
        vars.tensor("1", &[convolution.bias.len()], &convolution.bias);
    }
    tree.tensor("layers/dense/vars/0", &[4, 2], &[0.5; 8]);
    tree.tensor("layers/dense/vars/1", &[2], &[0.5; 2]);
    tree.tensor("optimizer/vars/1", &[3, 3, 3, 4], &[0.0; 108]);
    tree
}

/// Returns a zip archive of these entries.
pub(super) fn zipped(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).expect("an entry");
        writer.write_all(bytes).expect("memory");
    }
    writer.finish().expect("an archive").into_inner()
}

/// Returns a layer's number in torchvision's `features`, which counts ReLU and pooling too.
pub(super) fn feature(index: usize) -> usize {
    [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28][index]
}

/// Returns name, shape and values of each tensor of a `state_dict`, including the classifier's.
pub(super) fn state_dict(base: &[Convolution], prefix: &str) -> Vec<Named> {
    let mut tensors = named(base, |index| format!("{prefix}features.{}", feature(index)));
    tensors.push((format!("{prefix}classifier.0.weight"), vec![2, 4], vec![0.5; 8]));
    tensors
}

/// Returns the tensors of a base with the layers' names.
pub(super) fn named(base: &[Convolution], name: impl Fn(usize) -> String) -> Vec<Named> {
    let mut tensors = Vec::new();
    for (index, convolution) in base.iter().enumerate() {
        let [(_, shape, kernel), (_, sides, bias)] = convolution.tensors();
        tensors.push((format!("{}.weight", name(index)), shape, kernel.to_vec()));
        tensors.push((format!("{}.bias", name(index)), sides, bias.to_vec()));
    }
    tensors
}

/// Returns an archive of NumPy's with these tensors.
pub(super) fn npz(tensors: &[Named], method: CompressionMethod) -> Vec<u8> {
    let arrays: Vec<(String, Vec<u8>)> = tensors
        .iter()
        .map(|(name, shape, values)| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (format!("{name}.npy"), array("<f4", false, shape, &bytes))
        })
        .collect();
    let arrays: Vec<(&str, &[u8])> = arrays.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    zipped(&arrays, method)
}

/// Returns a safetensors file of these tensors.
pub(super) fn safetensors(tensors: &[Named]) -> Vec<u8> {
    let bytes: Vec<(&String, &Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, shape, values)| (name, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    let views = bytes
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, (*shape).clone(), bytes).expect("a tensor")));
    ::safetensors::serialize(views, None).expect("a file")
}

/// Reads bytes as the narrow network.
pub(super) fn reading(bytes: Vec<u8>) -> Result<ImportedBase, Fault> {
    read(bytes, &narrow())
}

/// Returns the message for bytes that cannot be read.
pub(super) fn error_of(bytes: Vec<u8>) -> String {
    match reading(bytes) {
        Ok(_) => panic!("it was read"),
        Err(Fault::Unknown(words) | Fault::Broken(words) | Fault::Refused(words) | Fault::OtherNetwork(words)) => words,
    }
}
