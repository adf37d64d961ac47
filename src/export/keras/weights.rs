//! The HDF5 file with a model's tensors, as Keras 3 lays it out: a group for each layer, called by its class and a
//! counter, in the order in which a loaded model has its layers.

use std::cmp::Reverse;
use std::collections::HashMap;

use hdf5_pure::{AttrValue, FileBuilder};

use super::layers::{Layer, Model};
use crate::domain::Exported;
use crate::domain::exported::ENTRY;
use crate::export::ExportError;

/// Longest attribute that is written: HDF5 keeps no longer ones in an object's header.
const MOST_ATTRIBUTE: usize = 60_000;

/// The file.
pub(super) fn file(model: &Model, about: &Exported) -> Result<Vec<u8>, ExportError> {
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
    file.set_attr(ENTRY, AttrValue::String(said(about)));
    file.finish().map_err(|error| ExportError::form("HDF5", &error))
}

/// What is said of the network, without the class names where these are too many for an attribute.
fn said(about: &Exported) -> String {
    let text = about.json();
    if text.len() <= MOST_ATTRIBUTE {
        return text;
    }
    Exported { classes: Vec::new(), ..about.clone() }.json()
}

impl Model {
    /// The layers in the order of `model.layers` once Keras has loaded them: by their distance from the output, the
    /// farthest first, and among equals as they are met from the output down, first inputs first.
    fn in_loaded_order(&self) -> Vec<&Layer> {
        let mut distance = vec![0_usize; self.layers.len()];
        for place in (0..self.layers.len()).rev() {
            for input in self.layers[place].inputs() {
                distance[*input] = distance[*input].max(distance[place] + 1);
            }
        }
        let mut met = Vec::new();
        self.meet(self.layers.len() - 1, &mut met);
        let found = |place: usize| met.iter().position(|other| *other == place);
        let mut order: Vec<usize> = (0..self.layers.len()).collect();
        order.sort_by_key(|place| (Reverse(distance[*place]), found(*place)));
        order.into_iter().map(|place| &self.layers[place]).collect()
    }

    /// Notes a layer, and those below it that were not met before.
    fn meet(&self, place: usize, met: &mut Vec<usize>) {
        if met.contains(&place) {
            return;
        }
        met.push(place);
        for input in self.layers[place].inputs() {
            self.meet(*input, met);
        }
    }
}

/// How Keras calls the groups of a class; `None` for classes without tensors.
fn stem(class: &str) -> Option<&'static str> {
    ["conv2d", "dense", "batch_normalization"].into_iter().find(|stem| stem.replace('_', "") == class.to_lowercase())
}
