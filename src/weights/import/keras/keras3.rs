//! Keras 3's `.weights.h5`, which its archives contain too.
//!
//! Every layer is a group with a group `vars`, whose datasets `0`, `1`, … are its tensors. The group's name is the
//! layer's class and a counter in layer order (`layers/conv2d`, `layers/conv2d_1`, …). The layer's name is an
//! attribute. HDF5 lists groups by name, so the counters are sorted as numbers.

use hdf5_pure::{File, Group};

use super::super::entry::{Entry, position_in_name};
use super::super::fault::Fault;
use super::super::hdf5::{self, MOST_OBJECTS, broken};

/// The deepest nesting of models; HDF5 links may form cycles.
const DEEPEST: usize = 24;

/// A layer's path and tensors.
struct FoundLayer {
    path: Vec<(String, u64)>,
    tensors: Vec<Entry<'static>>,
}

/// Whether the file is of this kind.
pub(in super::super) fn matches(file: &File) -> Result<bool, Fault> {
    let groups = file.root().groups().map_err(|error| broken(&error))?;
    Ok(groups
        .iter()
        .any(|name| name == "layers" || name == "vars" || name.starts_with("_layer_checkpoint_dependencies")))
}

/// Returns every tensor in layer order.
pub(in super::super) fn entries(file: &File) -> Result<Vec<Entry<'static>>, Fault> {
    let mut found = Vec::new();
    let mut visited = 0;
    walk(&file.root(), &[], &mut visited, &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    check_order(&found)?;
    Ok(found.into_iter().flat_map(|layer| layer.tensors).collect())
}

fn walk(group: &Group, path: &[(String, u64)], visited: &mut usize, found: &mut Vec<FoundLayer>) -> Result<(), Fault> {
    for name in group.groups().map_err(|error| broken(&error))? {
        *visited += 1;
        if *visited > MOST_OBJECTS || path.len() > DEEPEST {
            return Err(Fault::broken("its groups are nested in a circle or are too many"));
        }
        let inner = group.group(&name).map_err(|error| broken(&error))?;
        match name.as_str() {
            // Variables of training, which look like layers.
            "optimizer" | "loss_tracker" | "metrics" => {}
            "vars" => {
                let tensors = tensors(&inner, path)?;
                found.push(FoundLayer { path: path.to_vec(), tensors });
            }
            // Some versions wrote a Windows path as one name.
            _ => {
                let parts = name.split('\\').map(split_counter);
                let path: Vec<(String, u64)> = path.iter().cloned().chain(parts).collect();
                walk(&inner, &path, visited, found)?;
            }
        }
    }
    Ok(())
}

fn tensors(vars: &Group, path: &[(String, u64)]) -> Result<Vec<Entry<'static>>, Fault> {
    let own = hdf5::strings(vars, "name")?.and_then(|names| names.into_iter().next());
    let group =
        path.last().map(|(stem, counter)| if *counter == 0 { stem.clone() } else { format!("{stem}_{counter}") });
    let layer = own.or(group).unwrap_or_default();
    let mut names = vars.datasets().map_err(|error| broken(&error))?;
    names.sort_by_key(|name| split_counter(name));
    names.into_iter().map(|name| hdf5::entry(&layer, vars.dataset(&name).map_err(|error| broken(&error))?)).collect()
}

/// Splits a name into stem and counter, so that `conv2d_10` sorts after `conv2d_9` and `conv2d`.
fn split_counter(name: &str) -> (String, u64) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    match name[stem.len()..].parse() {
        Ok(counter) => (stem.strip_suffix('_').unwrap_or(stem).to_owned(), counter),
        Err(_) => (name.to_owned(), 0),
    }
}

/// Rejects layers whose names give no order because they are counted separately, such as `stem` and `conv2d`. Otherwise
/// their alphabetical order could pass every check and be wrong.
fn check_order(found: &[FoundLayer]) -> Result<(), Fault> {
    let convolutions: Vec<&FoundLayer> =
        found.iter().filter(|layer| layer.tensors.iter().any(|tensor| tensor.shape.len() == 4)).collect();
    let has_position =
        |layer: &&FoundLayer| layer.tensors.iter().all(|tensor| position_in_name(&tensor.layer).is_some());
    if convolutions.iter().all(has_position) {
        return Ok(());
    }
    for pair in convolutions.windows(2) {
        let differing = pair[0].path.iter().zip(&pair[1].path).find(|(one, other)| one != other);
        if let Some(((one, _), (other, _))) = differing
            && one != other
        {
            return Err(Fault::Refused(format!(
                "the order of its layers is unclear: '{one}' and '{other}' are numbered separately. Load it in Keras and save the base \
                 alone, with save_weights(\"base.weights.h5\")"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_by_what_they_count() {
        let mut names = ["conv2d_10", "conv2d", "conv2d_2", "conv2d_1", "a", "10", "9", "block1_conv2"];
        names.sort_by_key(|name| split_counter(name));
        assert_eq!(names, ["9", "10", "a", "block1_conv2", "conv2d", "conv2d_1", "conv2d_2", "conv2d_10"]);
    }
}
