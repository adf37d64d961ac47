//! The preprocessing of weights, with the reason: read from the outputs of the classifier, the names of the layers and
//! the order of the kernels. Files do not state it.

use super::base::KernelOrder;
use super::entry::shown_layer;
use super::recognition::{RecognizedBase, Source};
use crate::domain::Preprocessing;

/// The people of VGG-Face, and the classes of ImageNet.
const PEOPLE: usize = 2622;
const IMAGENET: usize = 1000;

/// The units of the dense layers in SSD's reduced VGG16, which was converted from Caffe.
const REDUCED: usize = 1024;

/// The way in which a source names the base's layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// `block1_conv1`, as Keras and this program do.
    Block,
    /// `conv1_1`, as Caffe and the VGG-Face of Keras and `MatConvNet` do.
    Conv,
    /// `conv_1_1`, as conversions from Torch 7 do.
    ConvBar,
    Other,
}

/// Returns the preprocessing of the weights, and a clause with the reason.
pub(super) fn preprocessing(found: &RecognizedBase, source: Source) -> (Preprocessing, String) {
    let naming = naming(found);
    let first = found.convolutions.first().map_or("", |found| shown_layer(&found.kernel.layer));
    let has = |length: usize| found.other_lengths.contains(&length);
    let is_keras = found.order == KernelOrder::Keras;
    let faces = match naming {
        _ if is_keras => Preprocessing::VGGFACE,
        Naming::ConvBar => Preprocessing::VGGFACE,
        // MatConvNet's, which takes red first.
        _ => Preprocessing::VGGFACE_RGB,
    };
    match naming {
        _ if has(PEOPLE) => (faces, format!("its classifier has {PEOPLE} outputs, the people of VGG-Face")),
        Naming::Conv | Naming::ConvBar if has(IMAGENET) => (
            // Conversions for TensorFlow take red first.
            if is_keras && !source.is_keras { Preprocessing::CAFFE_RGB } else { Preprocessing::KERAS_IMAGENET },
            format!("its layers have Caffe's names ({first}) and its classifier has ImageNet's {IMAGENET} outputs"),
        ),
        Naming::Conv | Naming::ConvBar => (faces, format!("its layers have VGG-Face's names ({first})")),
        Naming::Block => {
            (Preprocessing::KERAS_IMAGENET, format!("its layers have the names of Keras's VGG16 ({first})"))
        }
        Naming::Other if is_keras => (
            Preprocessing::KERAS_IMAGENET,
            "its kernels are in Keras's order, and its names state no other origin than Keras's VGG16".into(),
        ),
        Naming::Other if has(REDUCED) => (
            Preprocessing::KERAS_IMAGENET,
            format!("its layers of {REDUCED} units are those of SSD's VGG16, from Caffe"),
        ),
        Naming::Other => (
            Preprocessing::TORCHVISION,
            "its kernels are in PyTorch's order, and its names state no other origin than torchvision's VGG16".into(),
        ),
    }
}

fn naming(found: &RecognizedBase) -> Naming {
    let all = |test: fn(&str) -> bool| {
        found.convolutions.iter().all(|found| {
            let name = found.kernel.layer.to_lowercase();
            found.position().is_some() && test(shown_layer(&name).rsplit('.').next().unwrap_or_default())
        })
    };
    match () {
        () if all(|name| name.starts_with("conv_")) => Naming::ConvBar,
        () if all(|name| name.starts_with("conv") && name.contains('_')) => Naming::Conv,
        () if found.convolutions.iter().all(|found| found.position().is_some()) => Naming::Block,
        () => Naming::Other,
    }
}
