//! The check for layers between the convolutions of a base, which make it another network.

use std::collections::BTreeSet;

use super::entry::{FoundLayer, shown_layer};
use super::fault::Fault;
use super::recognition::Source;
use crate::weights::vgg16::Layer;

/// The number of normalizations that no head has beside a base.
const MANY: usize = 5;

/// Rejects normalizations and further convolutions between the convolutions at `places`.
pub(super) fn check(
    layers: &[FoundLayer],
    places: &[usize],
    prefix: &str,
    source: Source,
    network: &[Layer],
) -> Result<(), Fault> {
    let parent = prefix.rfind(['.', '/']).map_or("", |at| &prefix[..=at]);
    let (first, last) = (places.iter().min().copied().unwrap_or(0), places.iter().max().copied().unwrap_or(0));
    let mut lengths = Vec::new();
    for (place, layer) in layers.iter().enumerate().filter(|(_, layer)| layer.name().starts_with(parent)) {
        let is_between = (first..last).contains(&place) && !places.contains(&place);
        match layer {
            FoundLayer::Normalization { layer, length, .. } => {
                let is_output = network.iter().any(|(_, _, output)| output == length);
                if is_between && is_output {
                    return Err(normalized(layer));
                }
                lengths.push((*length, layer));
            }
            FoundLayer::Convolution(found) if is_between && source.is_listed => {
                return Err(Fault::OtherNetwork(format!(
                    "'{}' is a further convolution between those of VGG16",
                    shown_layer(&found.kernel.layer)
                )));
            }
            _ => {}
        }
    }
    // Where the file does not list layers in order, names may keep normalizations apart.
    let outputs: BTreeSet<usize> = network.iter().map(|(_, _, output)| *output).collect();
    let seen: BTreeSet<usize> = lengths.iter().map(|(length, _)| *length).collect();
    match lengths.first() {
        Some((_, layer)) if !source.is_listed && lengths.len() >= MANY && outputs.is_subset(&seen) => {
            Err(normalized(layer))
        }
        _ => Ok(()),
    }
}

fn normalized(layer: &str) -> Fault {
    Fault::OtherNetwork(format!(
        "'{}' is there, so it has batch normalization, as torchvision's vgg16_bn has; take the file of vgg16",
        shown_layer(layer)
    ))
}
