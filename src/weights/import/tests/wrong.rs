//! Complete files that are not VGG16 or no weights, and their messages.

use super::Fault;
use super::fixtures::{
    IMAGENET, error_of, keras_kernel, legacy_tree, narrow, reading, safetensors, state_dict, test_base,
};
use super::tree::{Tree, fixed};
use crate::weights::vgg16::Convolution;

fn keras(base: &[Convolution]) -> String {
    error_of(legacy_tree(base, &IMAGENET).file())
}

#[test]
fn files_of_no_known_kind_are_told_for_what_they_are() {
    let table: [(&[u8], &str); 9] = [
        (b"", "it is empty"),
        (b"\n <!DOCTYPE html><html>Not found", "it is a web page"),
        (b"<html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "it is a Git LFS pointer"),
        (b"\x1f\x8b\x08", "compressed with gzip"),
        (b"\x80\x02}q\0.", "a pickle, but not one of torch.save"),
        (b"PK\x05\x06", "its format is unknown"),
        (b"hello", "it is text"),
        (b"\x89PNG\r\n\x1a\n", "it is a picture"),
    ];
    for (bytes, expected) in table {
        let fault = reading(bytes.to_vec()).expect_err(expected);
        let Fault::Unknown(words) = fault else { panic!("{fault:?}") };
        assert!(words.contains(expected), "{words}");
    }
    let words = error_of(super::fixtures::zipped(&[("a.txt", b"x")], zip::CompressionMethod::Stored));
    assert!(words.contains("a zip archive, but not PyTorch's, Keras's or NumPy's"), "{words}");
    let mut tree = Tree::default();
    tree.tensor("measurements/x", &[2], &[1.0, 2.0]);
    let expected = "there is no convolution in it. It holds 1 tensor of measurements; expected are 13 convolutions, the \
                    first 4×3×3×3";
    assert_eq!(error_of(tree.file()), expected);
}

#[test]
fn a_cut_hdf5_file_is_broken() {
    let whole = legacy_tree(&test_base(), &IMAGENET).file();
    for length in [8, 100, whole.len() / 2, whole.len() - 200] {
        let fault = reading(whole[..length].to_vec()).expect_err("broken");
        assert!(matches!(fault, Fault::Broken(_)), "{length}: {fault:?}");
    }
}

#[test]
fn the_layer_that_differs_is_named_with_both_shapes() {
    let mut base = test_base();
    let (_, input, output) = base[2].layer;
    base[2].layer.2 = output / 2;
    base[2].kernel.truncate(9 * input * output / 2);
    base[2].bias.truncate(output / 2);
    let expected = "layer 3 (block2_conv1): its kernel is 3×3×4×4 where VGG16's block2.conv1 has 3×3×4×8";
    assert!(keras(&base).starts_with(expected), "{}", keras(&base));
    let expected = "layer 3 (features.5): its kernel is 4×4×3×3 where VGG16's block2.conv1 has 8×4×3×3";
    let words = error_of(safetensors(&state_dict(&base, "")));
    assert!(words.starts_with(expected) && words.contains("It holds 27 tensors of classifier, features"), "{words}");
}

#[test]
fn vgg19_and_other_depths_are_told() {
    let mut deeper = Vec::new();
    for convolution in test_base() {
        let (name, _, output) = convolution.layer;
        deeper.push(convolution);
        if name.ends_with("conv3") {
            deeper.push(Convolution {
                layer: ("block9.conv4", output, output),
                kernel: vec![0.0; 9 * output * output],
                bias: vec![0.0; output],
            });
        }
    }
    let mut tree = Tree::default();
    let mut layers = Vec::new();
    for (index, convolution) in deeper.iter().enumerate() {
        let (shape, values) = keras_kernel(convolution);
        let layer = format!("conv2d_{index}");
        let group = tree.group(&layer);
        group.tensor("kernel", &shape, &values);
        group.tensor("bias", &[convolution.bias.len()], &convolution.bias);
        group.attribute("weight_names", fixed(&["kernel".into(), "bias".into()]));
        layers.push(layer);
    }
    tree.attribute("layer_names", fixed(&layers));
    assert!(error_of(tree.file()).contains("it is VGG19"));
    assert!(keras(&test_base()[..12]).starts_with("it has 12 convolutions where VGG16 has 13. It holds"));
    assert!(keras(&[]).starts_with("there is no convolution in it. It holds 2 tensors of fc6"));
}

#[test]
fn a_layer_without_bias_or_with_another_is_told() {
    let tensors = state_dict(&test_base(), "");
    let without: Vec<_> = tensors.iter().filter(|(name, _, _)| name != "features.2.bias").cloned().collect();
    let expected = "layer 2 (features.2): it has no bias, and VGG16's block1.conv2 has one";
    assert_eq!(error_of(safetensors(&without)), expected);
    let mut longer = tensors;
    longer[3] = ("features.2.bias".into(), vec![5], vec![0.0; 5]);
    assert!(error_of(safetensors(&longer)).contains("its bias is 5 where VGG16's block1.conv2 has 4"));
}

#[test]
fn kernels_in_theanos_order_are_told() {
    let mut tree = Tree::default();
    let convolution = &test_base()[0];
    let [(_, shape, values), _] = convolution.tensors();
    let group = tree.group("conv1_1");
    group.tensor("w", &shape, values);
    group.tensor("b", &[4], &convolution.bias);
    group.attribute("weight_names", fixed(&["w".into(), "b".into()]));
    tree.attribute("layer_names", fixed(&["conv1_1".into()]));
    assert!(error_of(tree.file()).contains("tf_dim_ordering_tf_kernels"));
}

#[test]
fn values_that_are_no_numbers_are_told() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut base = test_base();
        base[4].kernel[7] = bad;
        assert_eq!(keras(&base), format!("layer 5 (block3_conv1): its kernel holds {bad}, which is not a weight"));
    }
    let mut base = test_base();
    base[0].bias[1] = f32::NEG_INFINITY;
    assert_eq!(keras(&base), "layer 1 (block1_conv1): its bias holds -inf, which is not a weight");
}

#[test]
fn whole_numbers_are_no_weights() {
    let (name, input, output) = narrow()[0];
    let bytes = vec![0; 9 * input * output * 4];
    let shape = vec![output, input, 3, 3];
    let view = ::safetensors::tensor::TensorView::new(::safetensors::Dtype::I32, shape, &bytes).expect("a tensor");
    let bias = vec![0; output * 4];
    let bias =
        ::safetensors::tensor::TensorView::new(::safetensors::Dtype::F32, vec![output], &bias).expect("a tensor");
    let mut tensors: Vec<(String, ::safetensors::tensor::TensorView)> =
        vec![(format!("{name}.weight"), view), (format!("{name}.bias"), bias)];
    let others: Vec<(String, Vec<usize>, Vec<u8>)> = test_base()[1..]
        .iter()
        .flat_map(Convolution::tensors)
        .map(|(name, shape, values)| (name, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    for (name, shape, bytes) in &others {
        let view = ::safetensors::tensor::TensorView::new(::safetensors::Dtype::F32, shape.clone(), bytes);
        tensors.push((name.clone(), view.expect("a tensor")));
    }
    let words = error_of(::safetensors::serialize(tensors, None).expect("a file"));
    assert!(words.contains("are I32, and weights are floats"), "{words}");
}
