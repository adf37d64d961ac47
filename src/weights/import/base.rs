//! The check of a source's convolutions against the network, layer by layer, and the reading of their values.

use super::entry::{Entry, FoundConvolution, format_shape};
use super::fault::Fault;
use crate::weights::vgg16::{Convolution, Layer, SIDE};

/// The order of a kernel's axes in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KernelOrder {
    /// `[height, width, in, out]`.
    Keras,
    /// `[out, in, height, width]`, as in the store.
    Torch,
}

impl KernelOrder {
    fn shape(self, input: usize, output: usize) -> [usize; 4] {
        match self {
            Self::Keras => [SIDE, SIDE, input, output],
            Self::Torch => [output, input, SIDE, SIDE],
        }
    }

    /// Returns the kernel in the store's order.
    fn arrange(self, values: Vec<f32>, input: usize, output: usize) -> Vec<f32> {
        if self == Self::Torch {
            return values;
        }
        let mut arranged = Vec::with_capacity(values.len());
        for out in 0..output {
            for channel in 0..input {
                arranged.extend((0..SIDE * SIDE).map(|position| values[(position * input + channel) * output + out]));
            }
        }
        arranged
    }
}

/// Reads the convolutions of `network`, checked by shape.
pub(super) fn base(
    found: &[FoundConvolution],
    order: KernelOrder,
    network: &[Layer],
) -> Result<Vec<Convolution>, Fault> {
    check(found, order, network)?;
    found.iter().zip(network).enumerate().map(|(index, (found, layer))| read(index, found, order, *layer)).collect()
}

/// Checks the shapes against the network's.
fn check(found: &[FoundConvolution], order: KernelOrder, network: &[Layer]) -> Result<(), Fault> {
    let other = |reason: String| Err(Fault::OtherNetwork(reason));
    if found.is_empty() {
        return other("there is no convolution in it".into());
    }
    if found.len() > network.len() && has_shapes(found, order, &vgg19_layers(network)) {
        return other("it is VGG19, which has three convolutions more; take the file of VGG16".into());
    }
    for (index, (found, (name, input, output))) in found.iter().zip(network).enumerate() {
        let (shape, expected) = (&found.kernel.shape, order.shape(*input, *output));
        if *shape == expected {
            check_bias(index, found, name, *output)?;
            continue;
        }
        if order == KernelOrder::Keras && *shape == KernelOrder::Torch.shape(*input, *output) {
            return Err(Fault::Refused(
                "its kernels are in Theano's order; take the file for TensorFlow (tf_dim_ordering_tf_kernels)".into(),
            ));
        }
        let (shape, expected) = (format_shape(shape), format_shape(&expected));
        return other(format!(
            "{}: its kernel is {shape} where VGG16's {name} has {expected}",
            layer_title(index, found)
        ));
    }
    if found.len() != network.len() {
        return other(format!("it has {} convolutions where VGG16 has {}", found.len(), network.len()));
    }
    Ok(())
}

fn check_bias(index: usize, found: &FoundConvolution, name: &str, output: usize) -> Result<(), Fault> {
    let reason = match &found.bias {
        Some(bias) if bias.shape == [output] => return Ok(()),
        Some(bias) => format!("its bias is {} where VGG16's {name} has {output}", format_shape(&bias.shape)),
        None => format!("it has no bias, and VGG16's {name} has one"),
    };
    Err(Fault::OtherNetwork(format!("{}: {reason}", layer_title(index, found))))
}

fn has_shapes(found: &[FoundConvolution], order: KernelOrder, layers: &[Layer]) -> bool {
    let equal =
        |(found, (_, input, output)): (&FoundConvolution, &Layer)| found.kernel.shape == order.shape(*input, *output);
    found.len() == layers.len() && found.iter().zip(layers).all(equal)
}

/// Returns VGG19's layers: one more convolution in each of the last three blocks, as wide as the one before it.
fn vgg19_layers(network: &[Layer]) -> Vec<Layer> {
    let mut layers = Vec::new();
    for layer in network {
        layers.push(*layer);
        if layer.0.ends_with("conv3") {
            layers.push((layer.0, layer.2, layer.2));
        }
    }
    layers
}

fn read(index: usize, found: &FoundConvolution, order: KernelOrder, layer: Layer) -> Result<Convolution, Fault> {
    let (_, input, output) = layer;
    let kernel = values(&found.kernel, index, found, "kernel")?;
    let bias = match &found.bias {
        Some(bias) => values(bias, index, found, "bias")?,
        None => return Err(Fault::OtherNetwork(format!("{}: it has no bias", layer_title(index, found)))),
    };
    Ok(Convolution { layer, kernel: order.arrange(kernel, input, output), bias })
}

fn values(entry: &Entry, index: usize, found: &FoundConvolution, what: &str) -> Result<Vec<f32>, Fault> {
    let values = (entry.values)()?;
    if values.len() != entry.shape.iter().product::<usize>() {
        return Err(Fault::Broken(format!("{}: its {what} has {} values", layer_title(index, found), values.len())));
    }
    if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
        return Err(Fault::Refused(format!(
            "{}: its {what} holds {bad}, which is not a weight",
            layer_title(index, found)
        )));
    }
    Ok(values)
}

/// Returns a layer's number and name in the source, for messages.
fn layer_title(index: usize, found: &FoundConvolution) -> String {
    format!("layer {} ({})", index + 1, found.kernel.layer)
}
