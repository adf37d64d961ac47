//! Tensors found by name: torchvision's `features.0.weight`, and this program's `block1.conv1.weight`.

use std::collections::BTreeMap;

use super::entry::{Entry, FoundConvolution};
use super::fault::Fault;
use crate::weights::vgg16::Layer;

/// The origin of a source's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Torchvision,
    Ours,
}

/// Returns the convolutions among tensors, in order.
pub(super) fn convolutions<'a>(
    entries: Vec<Entry<'a>>,
    network: &[Layer],
) -> Result<(Vec<FoundConvolution<'a>>, Names), Fault> {
    if entries.iter().any(|entry| entry.layer == format!("{}.weight", network[0].0)) {
        return Ok((ours(entries, network)?, Names::Ours));
    }
    let begins: Vec<String> = entries.iter().take(3).map(|entry| format!("'{}'", entry.layer)).collect();
    let features = features(entries)?;
    let prefixes: Vec<&String> = features.keys().collect();
    match prefixes.as_slice() {
        [] => Err(Fault::OtherNetwork(format!(
            "it has no 'features.0.weight' as torchvision's VGG16 has; its tensors begin with {}",
            begins.join(", ")
        ))),
        [_] => {
            let convolutions = features.into_values().flatten();
            Ok((convolutions.map(|(_, found)| found).collect(), Names::Torchvision))
        }
        [one, other, ..] => Err(Fault::Refused(format!(
            "it holds several networks, under '{one}' and '{other}'; save one of them alone"
        ))),
    }
}

/// Returns the layers by this program's names.
fn ours<'a>(entries: Vec<Entry<'a>>, network: &[Layer]) -> Result<Vec<FoundConvolution<'a>>, Fault> {
    let mut entries: BTreeMap<String, Entry> = entries.into_iter().map(|entry| (entry.layer.clone(), entry)).collect();
    network
        .iter()
        .map(|(name, _, _)| {
            let kernel = entries.remove(&format!("{name}.weight"));
            let kernel = kernel.ok_or_else(|| Fault::OtherNetwork(format!("'{name}.weight' is missing")))?;
            let bias = entries.remove(&format!("{name}.bias"));
            Ok(FoundConvolution { kernel: Entry { layer: (*name).to_owned(), ..kernel }, bias })
        })
        .collect()
}

/// Returns the layers of each `features`, by prefix and number.
#[allow(clippy::type_complexity)] // a map of maps
fn features(entries: Vec<Entry<'_>>) -> Result<BTreeMap<String, BTreeMap<usize, FoundConvolution<'_>>>, Fault> {
    let mut kernels: BTreeMap<String, BTreeMap<usize, FoundConvolution>> = BTreeMap::new();
    let mut vectors = Vec::new();
    for entry in entries {
        let Some((prefix, number, what)) = parts(&entry.layer) else { continue };
        if what == "running_mean" {
            let words =
                "is there, so it has batch normalization, as torchvision's vgg16_bn has; take the file of vgg16";
            return Err(Fault::OtherNetwork(format!("'{}' {words}", entry.layer)));
        }
        let (prefix, is_bias) = (prefix.to_owned(), what == "bias");
        let layer = format!("{prefix}features.{number}");
        let entry = Entry { layer, ..entry };
        if is_bias {
            vectors.push((prefix, number, entry));
        } else if entry.shape.len() == 4 {
            kernels.entry(prefix).or_default().insert(number, FoundConvolution { kernel: entry, bias: None });
        }
    }
    for (prefix, number, entry) in vectors {
        if let Some(found) = kernels.get_mut(&prefix).and_then(|layers| layers.get_mut(&number)) {
            found.bias = Some(entry);
        }
    }
    Ok(kernels)
}

/// Splits `module.features.28.weight` into `module.`, 28 and `weight`.
fn parts(name: &str) -> Option<(&str, usize, &str)> {
    let at = name.rfind("features.")?;
    let (prefix, rest) = name.split_at(at);
    let (number, what) = rest.strip_prefix("features.")?.split_once('.')?;
    let known = matches!(what, "weight" | "bias" | "running_mean");
    (known && (prefix.is_empty() || prefix.ends_with('.'))).then_some((prefix, number.parse().ok()?, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let table = [
            ("features.0.weight", Some(("", 0, "weight"))),
            ("module.model.features.28.bias", Some(("module.model.", 28, "bias"))),
            ("features.1.running_mean", Some(("", 1, "running_mean"))),
            ("features.1.num_batches_tracked", None),
            ("features.x.weight", None),
            ("myfeatures.0.weight", None),
            ("classifier.0.weight", None),
        ];
        for (name, expected) in table {
            assert_eq!(parts(name), expected, "{name}");
        }
    }
}
