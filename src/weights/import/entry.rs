//! Tensors of a source before their values are read.

use std::fmt;

use super::fault::Fault;

/// Reads the values of one tensor, row-major.
pub(super) type Values<'a> = Box<dyn Fn() -> Result<Vec<f32>, Fault> + 'a>;

/// A tensor of a source. Its values are read only after its shape is checked. Otherwise a file's claims could fill
/// memory, and a classifier's hundred million parameters would be read.
pub(super) struct Entry<'a> {
    /// The layer's name in the source.
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

/// A convolution of a source.
#[derive(Debug)]
pub(super) struct FoundConvolution<'a> {
    pub(super) kernel: Entry<'a>,
    pub(super) bias: Option<Entry<'a>>,
}

/// Returns the convolutions among entries in layer order: each tensor of four sides, with the vector after it. Other
/// tensors, such as a dense layer's matrix, are ignored.
pub(super) fn convolutions(entries: Vec<Entry<'_>>) -> Vec<FoundConvolution<'_>> {
    let mut found: Vec<FoundConvolution> = Vec::new();
    let mut open = false;
    for entry in entries {
        match entry.shape.len() {
            4 => {
                found.push(FoundConvolution { kernel: entry, bias: None });
                open = true;
            }
            1 if open => {
                if let Some(last) = found.last_mut().filter(|last| last.kernel.layer == entry.layer) {
                    last.bias = Some(entry);
                }
                open = false;
            }
            _ => open = false,
        }
    }
    found
}

/// Returns block and position from a layer's name: `block2_conv1`, `conv2_1`, `conv_2_1`, `block2.conv1`.
pub(super) fn position_in_name(layer: &str) -> Option<(usize, usize)> {
    let name = layer.to_lowercase();
    let rest = name.strip_prefix("block").or_else(|| name.strip_prefix("conv"))?;
    let (block, conv) = rest.trim_start_matches('_').split_once(['_', '.'])?;
    let conv = conv.strip_prefix("conv").unwrap_or(conv);
    Some((block.parse().ok()?, conv.parse().ok()?))
}

/// Sorts convolutions by block and position if all names give them. A model saved while partly frozen lists its
/// trainable layers first.
pub(super) fn sort_by_position(mut found: Vec<FoundConvolution<'_>>) -> Vec<FoundConvolution<'_>> {
    if found.iter().all(|found| position_in_name(&found.kernel.layer).is_some()) {
        found.sort_by_key(|found| position_in_name(&found.kernel.layer));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_from_names() {
        let table = [
            ("block2_conv1", Some((2, 1))),
            ("block5.conv3", Some((5, 3))),
            ("conv3_2", Some((3, 2))),
            ("conv_3_2", Some((3, 2))),
            ("Conv1_1", Some((1, 1))),
            ("conv2d", None),
            ("conv2d_1", None),
            ("fc6", None),
            ("block1_pool", None),
            ("", None),
        ];
        for (name, expected) in table {
            assert_eq!(position_in_name(name), expected, "{name}");
        }
    }
}
