//! The tensors of a source that an import does not take, by the parts of the source that hold them.

use std::collections::HashSet;

use super::entry::FoundLayer;
use crate::domain::text::printable;
use crate::weights::ignored_tensors::{IgnoredTensors, MOST_NAMES};

/// The longest name that is kept, in characters.
const LONGEST: usize = 80;

/// Summarizes layers by the parts of the source in which they are. A part is the first level at which a name leaves the
/// base's `prefix`.
pub(super) fn remainder(layers: &[FoundLayer], prefix: &str) -> IgnoredTensors {
    let mut found = IgnoredTensors::default();
    let mut last = None;
    let mut seen = HashSet::new();
    for layer in layers {
        found.tensors += layer.tensors();
        let part = part(layer.name(), prefix);
        if last == Some(part) {
            continue;
        }
        last = Some(part);
        if seen.insert(part) {
            found.parts += 1;
            if found.names.len() < MOST_NAMES {
                found.names.push(printable(&part.chars().take(LONGEST).collect::<String>()));
            }
        }
    }
    found
}

/// Returns the beginning of a name up to the first part that is not one of the prefix.
fn part<'a>(name: &'a str, prefix: &str) -> &'a str {
    let mut end = 0;
    for part in name.split_inclusive(['.', '/']) {
        end += part.len();
        if !prefix.starts_with(&name[..end]) {
            break;
        }
    }
    name[..end].trim_end_matches(['.', '/'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str, tensors: usize) -> FoundLayer<'static> {
        FoundLayer::Other { layer: name.into(), shapes: vec![vec![2]; tensors] }
    }

    #[test]
    fn tensors_are_counted_by_the_part_that_holds_them() {
        let layers = [
            layer("module.classifier.0", 2),
            layer("module.classifier.3", 2),
            layer("optimizer.state.0", 2),
            layer("module.features.31", 1),
        ];
        let found = remainder(&layers, "module.features.");
        assert_eq!(found.to_string(), "7 tensors of module.classifier, optimizer, module.features.31");
        let one = remainder(&[layer("fc6/fc6", 1)], "");
        assert_eq!(one.to_string(), "1 tensor of fc6");
        let many: Vec<FoundLayer> = (0..100).map(|index| layer(&format!("fc{index}\u{1b}"), 1)).collect();
        let words = remainder(&many, "").to_string();
        assert!(words.ends_with("fc7· and 92 more"), "{words}");
        assert!(remainder(&[], "").is_empty());
    }
}
