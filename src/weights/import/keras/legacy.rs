//! The HDF5 file of Keras 1 and 2, and of Keras 3 on request: `save_weights("x.h5")`, or a whole model.
//!
//! The attribute `layer_names` lists the layers. Each layer is a group whose attribute `weight_names` lists its
//! tensors. Keras loads both lists in order and ignores the names, and so does this reader. A whole model has the same
//! content under the group `model_weights`.

use hdf5_pure::{File, Group};

use super::super::entry::Entry;
use super::super::fault::Fault;
use super::super::hdf5::{self, MOST_OBJECTS, broken};

/// Returns whether the file is of this kind.
pub(in super::super) fn matches(file: &File) -> Result<bool, Fault> {
    Ok(layer_list(file)?.is_some())
}

/// Returns every tensor in layer order.
pub(in super::super) fn entries(file: &File) -> Result<Vec<Entry<'static>>, Fault> {
    let Some((group, layers)) = layer_list(file)? else { return Ok(Vec::new()) };
    refuse_theano(&group)?;
    let mut entries = Vec::new();
    for layer in layers {
        let members = group.group(&layer).map_err(|_| missing(&layer))?;
        for weight in hdf5::strings(&members, "weight_names")?.unwrap_or_default() {
            let dataset = members.dataset(&weight).map_err(|_| missing(&format!("{layer}/{weight}")))?;
            entries.push(hdf5::entry(&layer_path(&layer, &weight), dataset)?);
            if entries.len() > MOST_OBJECTS {
                return Err(Fault::broken(format!("it lists more than {MOST_OBJECTS} tensors")));
            }
        }
    }
    Ok(entries)
}

/// Returns the group that lists the layers, and the list.
fn layer_list(file: &File) -> Result<Option<(Group, Vec<String>)>, Fault> {
    let root = file.root();
    if let Some(layers) = hdf5::strings(&root, "layer_names")? {
        return Ok(Some((root, layers)));
    }
    if !root.groups().map_err(|error| broken(&error))?.iter().any(|name| name == "model_weights") {
        return Ok(None);
    }
    let model = root.group("model_weights").map_err(|error| broken(&error))?;
    Ok(hdf5::strings(&model, "layer_names")?.map(|layers| (model, layers)))
}

/// Rejects files saved with Theano, whose convolution mirrors the kernel.
fn refuse_theano(group: &Group) -> Result<(), Fault> {
    let backend = hdf5::strings(group, "backend")?.unwrap_or_default();
    if backend.iter().any(|name| name == "theano") {
        return Err(Fault::Refused(
            "it was saved with Theano, whose kernels are mirrored; take TensorFlow's file".into(),
        ));
    }
    Ok(())
}

/// Returns the layer's path of a tensor. A model inside a model is one layer with many tensors (`vgg16`), so the
/// tensor's path counts (`block1_conv1/kernel:0`).
fn layer_path(layer: &str, weight: &str) -> String {
    weight.rsplit_once('/').map_or_else(|| layer.to_owned(), |(path, _)| format!("{layer}/{path}"))
}

fn missing(name: &str) -> Fault {
    Fault::broken(format!("it lists '{name}' but does not contain it"))
}
