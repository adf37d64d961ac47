//! The reading of a base's values, and the description of files that hold another network.

use super::entry::{Entry, FoundConvolution, FoundLayer, format_shape, shown_layer};
use super::fault::Fault;
use super::recognition::{Source, is_training_state};
use super::remainder::remainder;
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
    /// Returns the shape of a kernel with these channels.
    pub(super) fn shape(self, input: usize, output: usize) -> [usize; 4] {
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

/// Reads the convolutions of `network`, whose kernels have its shapes.
pub(super) fn base(
    found: &[FoundConvolution],
    order: KernelOrder,
    network: &[Layer],
) -> Result<Vec<Convolution>, Fault> {
    for (index, (found, (name, _, output))) in found.iter().zip(network).enumerate() {
        check_bias(index, found, name, *output)?;
    }
    found.iter().zip(network).enumerate().map(|(index, (found, layer))| read(index, found, order, *layer)).collect()
}

/// Returns the error for a Keras file whose kernels have Theano's order.
pub(super) fn theano() -> Fault {
    Fault::Refused(
        "its kernels are in Theano's order; take the file for TensorFlow (tf_dim_ordering_tf_kernels)".into(),
    )
}

/// Returns the error for layers that are not those of the network: the first difference, and the file's content.
pub(super) fn describe_other(layers: &[FoundLayer], source: Source, network: &[Layer]) -> Fault {
    let convolutions: Vec<&FoundConvolution> = layers
        .iter()
        .filter_map(|layer| match layer {
            FoundLayer::Convolution(found) if !is_training_state(layer.name()) => Some(found),
            _ => None,
        })
        .collect();
    let keras = convolutions.iter().filter(|found| found.kernel.shape[..2] == [SIDE, SIDE]).count();
    let order = if source.is_keras || 2 * keras > convolutions.len() { KernelOrder::Keras } else { KernelOrder::Torch };
    match difference(&convolutions, order, network) {
        Ok(reason) => {
            let held = remainder(layers, "");
            let held = if held.is_empty() { "no tensor".into() } else { held.to_string() };
            let (_, input, output) = network[0];
            let first = format_shape(&order.shape(input, output));
            let count = network.len();
            Fault::OtherNetwork(format!(
                "{reason}. It holds {held}; expected are {count} convolutions, the first {first}"
            ))
        }
        Err(fault) => fault,
    }
}

/// Returns the first difference between convolutions and the network.
fn difference(found: &[&FoundConvolution], order: KernelOrder, network: &[Layer]) -> Result<String, Fault> {
    if found.is_empty() {
        return Ok("there is no convolution in it".into());
    }
    if found.len() > network.len() && has_shapes(found, order, &vgg19_layers(network)) {
        return Ok("it is VGG19, which has three convolutions more; take the file of VGG16".into());
    }
    for (index, (found, (name, input, output))) in found.iter().zip(network).enumerate() {
        let (shape, expected) = (&found.kernel.shape, order.shape(*input, *output));
        if *shape == expected {
            continue;
        }
        if order == KernelOrder::Keras && *shape == KernelOrder::Torch.shape(*input, *output) {
            return Err(theano());
        }
        let (shape, expected) = (format_shape(shape), format_shape(&expected));
        let title = layer_title(index, found);
        return Ok(format!("{title}: its kernel is {shape} where VGG16's {name} has {expected}"));
    }
    Ok(format!("it has {} convolutions where VGG16 has {}", found.len(), network.len()))
}

fn check_bias(index: usize, found: &FoundConvolution, name: &str, output: usize) -> Result<(), Fault> {
    let reason = match &found.bias {
        Some(bias) if bias.shape == [output] => return Ok(()),
        Some(bias) => format!("its bias is {} where VGG16's {name} has {output}", format_shape(&bias.shape)),
        None => format!("it has no bias, and VGG16's {name} has one"),
    };
    Err(Fault::OtherNetwork(format!("{}: {reason}", layer_title(index, found))))
}

/// Returns whether the first convolutions have the shapes of these layers.
fn has_shapes(found: &[&FoundConvolution], order: KernelOrder, layers: &[Layer]) -> bool {
    let equal =
        |(found, (_, input, output)): (&&FoundConvolution, &Layer)| found.kernel.shape == order.shape(*input, *output);
    found.len() >= layers.len() && found.iter().zip(layers).all(equal)
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
    format!("layer {} ({})", index + 1, shown_layer(&found.kernel.layer))
}
