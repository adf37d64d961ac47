//! Safetensors with torchvision's and this program's names.

use super::Fault;
use super::fixtures::{error_of, reading, safetensors, state_dict, test_base};
use crate::domain::Preprocessing;
use crate::weights::manifest::Layout;
use crate::weights::vgg16::Convolution;

fn ours() -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let tensors = test_base();
    let tensors = tensors.iter().flat_map(Convolution::tensors);
    tensors.map(|(name, shape, values)| (name, shape, values.to_vec())).collect()
}

#[test]
fn torchvisions_names_are_read() {
    for prefix in ["", "module.", "backbone.model."] {
        let read = reading(safetensors(&state_dict(&test_base(), prefix))).expect("read");
        assert_eq!((read.layout, read.preprocessing), (Layout::Safetensors, Preprocessing::TORCHVISION));
        assert_eq!(read.base, test_base());
    }
}

#[test]
fn our_own_names_are_read_in_any_order() {
    let mut tensors = ours();
    tensors.reverse();
    let read = reading(safetensors(&tensors)).expect("read");
    assert_eq!((read.base, read.layout), (test_base(), Layout::Safetensors));
    assert_eq!(read.preprocessing, Preprocessing::KERAS_IMAGENET);
    tensors.retain(|(name, _, _)| name != "block3.conv2.weight");
    let words = error_of(safetensors(&tensors));
    assert!(words.contains("layer 7 (block4.conv1): its kernel is 32×16×3×3"), "{words}");
}

#[test]
fn a_cut_file_is_broken() {
    let whole = safetensors(&ours());
    for length in [10, 100, whole.len() - 1] {
        let fault = reading(whole[..length].to_vec()).expect_err("broken");
        assert!(matches!(fault, Fault::Broken(_)), "{length}: {fault:?}");
    }
}
