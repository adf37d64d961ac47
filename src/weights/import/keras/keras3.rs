//! Keras 3's `.weights.h5`, which its archives contain too.
//!
//! Every layer is a group with a group `vars`, whose datasets `0`, `1`, … are its tensors. The group's name is the
//! layer's class and a counter in layer order (`layers/conv2d`, `layers/conv2d_1`, …). The layer's name is an
//! attribute. HDF5 lists groups by name, so the counters order the layers.

use hdf5_pure::{File, Group};

use super::super::entry::Entry;
use super::super::fault::Fault;
use super::super::hdf5::{self, DEEPEST, MOST_OBJECTS, broken};
use super::super::name_order::compare;

/// Returns whether the file is of this kind.
pub(in super::super) fn matches(file: &File) -> Result<bool, Fault> {
    let groups = file.root().groups().map_err(|error| broken(&error))?;
    Ok(groups
        .iter()
        .any(|name| name == "layers" || name == "vars" || name.starts_with("_layer_checkpoint_dependencies")))
}

/// Returns every tensor, in the order of the layers' names.
pub(in super::super) fn entries(file: &File) -> Result<Vec<Entry<'static>>, Fault> {
    let mut found = Vec::new();
    let mut visited = 0;
    walk(&file.root(), &mut Vec::new(), &mut visited, &mut found)?;
    found.sort_by(|(one, _), (other, _)| compare(one, other));
    Ok(found.into_iter().flat_map(|(_, tensors)| tensors).collect())
}

/// Collects the tensors of each layer with the layer's path.
fn walk(
    group: &Group,
    path: &mut Vec<String>,
    visited: &mut usize,
    found: &mut Vec<(String, Vec<Entry<'static>>)>,
) -> Result<(), Fault> {
    for name in group.groups().map_err(|error| broken(&error))? {
        *visited += 1;
        if *visited > MOST_OBJECTS || path.len() > DEEPEST {
            return Err(Fault::broken("its groups are nested in a circle or are too many"));
        }
        let inner = group.group(&name).map_err(|error| broken(&error))?;
        if name == "vars" {
            found.push((path.join("/"), tensors(&inner, path)?));
            continue;
        }
        // Some versions wrote a Windows path as one name.
        path.push(name.replace('\\', "/"));
        walk(&inner, path, visited, found)?;
        path.pop();
    }
    Ok(())
}

/// Returns the tensors of a layer. Its own name, which may state its position, follows its path.
fn tensors(vars: &Group, path: &[String]) -> Result<Vec<Entry<'static>>, Fault> {
    let own = hdf5::strings(vars, "name")?.and_then(|names| names.into_iter().next());
    let layer = path.iter().cloned().chain(own).collect::<Vec<_>>().join("/");
    let mut names = vars.datasets().map_err(|error| broken(&error))?;
    names.sort_by(|one, other| compare(one, other));
    names.into_iter().map(|name| hdf5::entry(&layer, vars.dataset(&name).map_err(|error| broken(&error))?)).collect()
}
