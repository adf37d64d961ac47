//! Tensors of a source before their values are read, and the convolutions among them.

use std::collections::HashMap;
use std::fmt;

use super::fault::Fault;
use super::name_order::position_in_name;

/// Reads the values of one tensor, row-major.
pub(super) type Values<'a> = Box<dyn Fn() -> Result<Vec<f32>, Fault> + 'a>;

/// A tensor of a source. Its values are read only after its shape is checked. Otherwise a file's claims could fill
/// memory, and a classifier's hundred million parameters would be read.
pub(super) struct Entry<'a> {
    /// The path of its layer in the source, such as `module.features.0` or `vgg16/block1_conv1`.
    pub(super) layer: String,
    /// The sides, outermost first.
    pub(super) shape: Vec<usize>,
    /// Reads the values.
    pub(super) values: Values<'a>,
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.layer, format_shape(&self.shape))
    }
}

/// Formats a shape for messages: `3×3×64×128`.
pub(super) fn format_shape(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("×")
}

/// Returns the layer of a tensor's name: `features.0` of `features.0.weight`, `conv1_1` of `conv1_1_W`.
pub(super) fn layer_of(name: &str) -> &str {
    let parts = name.rsplit_once(['.', '/']).or_else(|| name.rsplit_once('_'));
    parts.map_or(name, |(layer, _)| layer)
}

/// Returns a layer's name as its framework shows it: without the groups of an HDF5 file around it.
pub(super) fn shown_layer(layer: &str) -> &str {
    layer.rsplit('/').next().unwrap_or(layer)
}

/// A convolution of a source.
#[derive(Debug)]
pub(super) struct FoundConvolution<'a> {
    pub(super) kernel: Entry<'a>,
    pub(super) bias: Option<Entry<'a>>,
}

impl FoundConvolution<'_> {
    /// Returns block and position, if the name of the layer states them.
    pub(super) fn position(&self) -> Option<(usize, usize)> {
        position_in_name(&self.kernel.layer)
    }
}

/// A layer of a source.
#[derive(Debug)]
pub(super) enum FoundLayer<'a> {
    Convolution(FoundConvolution<'a>),
    /// Two or more vectors of one length and nothing else, such as batch normalization.
    Normalization {
        layer: String,
        length: usize,
        tensors: usize,
    },
    /// Any other tensors.
    Other {
        layer: String,
        shapes: Vec<Vec<usize>>,
    },
}

impl FoundLayer<'_> {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Convolution(found) => &found.kernel.layer,
            Self::Normalization { layer, .. } | Self::Other { layer, .. } => layer,
        }
    }

    pub(super) fn tensors(&self) -> usize {
        match self {
            Self::Convolution(found) => 1 + usize::from(found.bias.is_some()),
            Self::Normalization { tensors, .. } => *tensors,
            Self::Other { shapes, .. } => shapes.len(),
        }
    }
}

/// Returns the layers of the entries, in the order of their first tensors.
pub(super) fn layers(entries: Vec<Entry<'_>>) -> Vec<FoundLayer<'_>> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<Vec<Entry>> = Vec::new();
    for entry in entries {
        let place = *places.entry(entry.layer.clone()).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(entry);
    }
    groups.into_iter().flat_map(layer).collect()
}

/// Returns the layers of tensors that have one layer's name. They are several where the names inside a nested model
/// were lost.
fn layer(mut entries: Vec<Entry<'_>>) -> Vec<FoundLayer<'_>> {
    let count = |sides: usize| entries.iter().filter(|entry| entry.shape.len() == sides).count();
    let (kernels, vectors) = (count(4), count(1));
    if kernels == 1 && vectors == 1 {
        // The bias may precede the kernel.
        entries.sort_by_key(|entry| match entry.shape.len() {
            4 => 0,
            1 => 1,
            _ => 2,
        });
    } else if kernels == 0 {
        return vec![without_kernel(entries)];
    }
    let mut found: Vec<FoundConvolution> = Vec::new();
    let mut rest = Vec::new();
    let mut open = false;
    for entry in entries {
        let sides = entry.shape.len();
        match found.last_mut() {
            _ if sides == 4 => found.push(FoundConvolution { kernel: entry, bias: None }),
            // Several vectors beside one kernel are no bias: a convolution with normalized weights has them.
            Some(last) if sides == 1 && open && (kernels > 1 || vectors == 1) => last.bias = Some(entry),
            _ => rest.push(entry),
        }
        open = sides == 4;
    }
    let others = (!rest.is_empty()).then(|| without_kernel(rest));
    found.into_iter().map(FoundLayer::Convolution).chain(others).collect()
}

fn without_kernel(entries: Vec<Entry<'_>>) -> FoundLayer<'_> {
    let layer = entries.first().map(|entry| entry.layer.clone()).unwrap_or_default();
    let shapes: Vec<Vec<usize>> = entries.into_iter().map(|entry| entry.shape).collect();
    let lengths: Vec<usize> = shapes.iter().filter(|shape| shape.len() == 1).map(|shape| shape[0]).collect();
    // The count of batches beside a normalization has no sides.
    let vectors_alone = shapes.iter().all(|shape| shape.len() < 2);
    match lengths.as_slice() {
        [length, more @ ..] if vectors_alone && !more.is_empty() && more.iter().all(|other| other == length) => {
            FoundLayer::Normalization { layer, length: *length, tensors: shapes.len() }
        }
        _ => FoundLayer::Other { layer, shapes },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(list: &[(&str, &[usize])]) -> Vec<Entry<'static>> {
        let values = || -> Values<'static> { Box::new(|| Ok(Vec::new())) };
        let entry = |(layer, shape): &(&str, &[usize])| Entry {
            layer: (*layer).to_owned(),
            shape: shape.to_vec(),
            values: values(),
        };
        list.iter().map(entry).collect()
    }

    #[test]
    fn a_tensor_belongs_to_the_layer_before_its_last_part() {
        let table = [
            ("features.0.weight", "features.0"),
            ("module.conv1_1.bias", "module.conv1_1"),
            ("params/Conv_0/kernel", "params/Conv_0"),
            ("conv1_1_W", "conv1_1"),
            ("arr_0", "arr"),
            ("weight", "weight"),
            ("", ""),
        ];
        for (name, expected) in table {
            assert_eq!(layer_of(name), expected, "{name}");
        }
    }

    #[test]
    fn layers_are_told_apart_by_their_tensors() {
        let kernel = [4, 3, 3, 3].as_slice();
        #[allow(clippy::type_complexity)] // names and shapes, and the kinds of layers
        let table: [(&[(&str, &[usize])], &str); 7] = [
            (&[("a", kernel), ("a", &[4])], "conv+bias"),
            (&[("a", &[4]), ("a", kernel)], "conv+bias"),
            (&[("a", kernel), ("b", &[4])], "conv other"),
            (&[("a", kernel), ("a", &[4]), ("a", kernel), ("a", &[4])], "conv+bias conv+bias"),
            (&[("a", kernel), ("a", &[4]), ("a", &[4])], "conv norm"),
            (&[("a", &[4]), ("a", &[4]), ("a", &[])], "norm"),
            (&[("a", &[4, 2]), ("a", &[4])], "other"),
        ];
        for (case, expected) in table {
            let kinds: Vec<&str> = layers(entries(case))
                .iter()
                .map(|layer| match layer {
                    FoundLayer::Convolution(FoundConvolution { bias: Some(_), .. }) => "conv+bias",
                    FoundLayer::Convolution(_) => "conv",
                    FoundLayer::Normalization { .. } => "norm",
                    FoundLayer::Other { .. } => "other",
                })
                .collect();
            assert_eq!(kinds.join(" "), expected, "{case:?}");
        }
    }
}
