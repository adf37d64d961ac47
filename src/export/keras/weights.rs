//! The HDF5 file with a model's tensors in Keras 3's layout. Each layer is a group named by class and counter, in the
//! order of layers in a loaded model.

use std::cmp::Reverse;
use std::collections::HashMap;

use hdf5_pure::{AttrValue, FileBuilder};

use super::layers::{Layer, Model};
use crate::domain::ExportDescription;
use crate::domain::exported::ENTRY;
use crate::export::ExportError;

/// The longest written attribute in bytes; HDF5 has no room for longer ones in an object's header.
const MOST_ATTRIBUTE: usize = 60_000;

/// Returns the file.
pub(super) fn file(model: &Model, about: &ExportDescription) -> Result<Vec<u8>, ExportError> {
    let mut file = FileBuilder::new();
    let mut layers = file.create_group("layers");
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for layer in model.in_loaded_order() {
        let Some(stem) = stem(layer.class) else { continue };
        let count = counts.entry(stem).or_default();
        let name = if *count == 0 { stem.to_owned() } else { format!("{stem}_{count}") };
        *count += 1;
        let mut group = layers.create_group(&name);
        let mut vars = group.create_group("vars");
        vars.set_attr("name", AttrValue::String(layer.name.clone()));
        for (number, tensor) in layer.tensors.iter().enumerate() {
            let shape: Vec<u64> = tensor.shape.iter().map(|side| *side as u64).collect();
            vars.create_dataset(&number.to_string()).with_f32_data(&tensor.values).with_shape(&shape);
        }
        group.add_group(vars.finish());
        layers.add_group(group.finish());
    }
    file.add_group(layers.finish());
    file.set_attr(ENTRY, AttrValue::String(description(about)));
    file.finish().map_err(|error| ExportError::form("HDF5", &error))
}

/// Returns the description as JSON, without the class names where they are too long for an attribute.
fn description(about: &ExportDescription) -> String {
    let text = about.json();
    if text.len() <= MOST_ATTRIBUTE {
        return text;
    }
    ExportDescription { classes: Vec::new(), ..about.clone() }.json()
}

impl Model {
    /// Returns the layers in the order of `model.layers` after loading by Keras. They are sorted by descending distance
    /// from the output, then by a depth-first walk from the output, first inputs first.
    fn in_loaded_order(&self) -> Vec<&Layer> {
        let mut distance = vec![0_usize; self.layers.len()];
        for index in (0..self.layers.len()).rev() {
            for input in self.layers[index].inputs() {
                distance[*input] = distance[*input].max(distance[index] + 1);
            }
        }
        let mut met = Vec::new();
        self.meet(self.layers.len() - 1, &mut met);
        let found = |index: usize| met.iter().position(|other| *other == index);
        let mut order: Vec<usize> = (0..self.layers.len()).collect();
        order.sort_by_key(|index| (Reverse(distance[*index]), found(*index)));
        order.into_iter().map(|index| &self.layers[index]).collect()
    }

    /// Appends a layer and, depth first, its inputs, each once.
    fn meet(&self, index: usize, met: &mut Vec<usize>) {
        if met.contains(&index) {
            return;
        }
        met.push(index);
        for input in self.layers[index].inputs() {
            self.meet(*input, met);
        }
    }
}

/// Returns Keras's name for the groups of a class; `None` for classes without tensors.
fn stem(class: &str) -> Option<&'static str> {
    ["conv2d", "dense", "batch_normalization"].into_iter().find(|stem| stem.replace('_', "") == class.to_lowercase())
}
