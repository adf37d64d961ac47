//! Safetensors with torchvision's and this program's names.

use super::Fault;
use super::fixtures::{complaint, made_up, reading, safetensors, state_dict};
use crate::domain::Preprocessing;
use crate::weights::manifest::Layout;
use crate::weights::vgg16::Convolution;

fn ours() -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let tensors = made_up();
    let tensors = tensors.iter().flat_map(Convolution::tensors);
    tensors.map(|(name, shape, values)| (name, shape, values.to_vec())).collect()
}

#[test]
fn torchvisions_names_are_read() {
    for prefix in ["", "module.", "backbone.model."] {
        let read = reading(safetensors(&state_dict(&made_up(), prefix))).expect("read");
        assert_eq!((read.layout, read.preprocessing), (Layout::Safetensors, Preprocessing::TORCHVISION));
        assert_eq!(read.base, made_up());
    }
}

#[test]
fn our_own_names_are_read_in_any_order() {
    let mut tensors = ours();
    tensors.reverse();
    let read = reading(safetensors(&tensors)).expect("read");
    assert_eq!((read.base, read.layout), (made_up(), Layout::Safetensors));
    assert_eq!(read.licence, "not stated; see where the file came from");
    tensors.retain(|(name, _, _)| name != "block3.conv2.weight");
    assert!(complaint(safetensors(&tensors)).contains("'block3.conv2.weight' is missing"));
}

#[test]
fn a_cut_file_is_broken() {
    let whole = safetensors(&ours());
    for length in [10, 100, whole.len() - 1] {
        let fault = reading(whole[..length].to_vec()).expect_err("broken");
        assert!(matches!(fault, Fault::Broken(_)), "{length}: {fault:?}");
    }
}
