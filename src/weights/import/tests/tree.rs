//! A writer of HDF5 files: groups, attributes and tensors by path.

use std::collections::BTreeMap;

use hdf5_pure::{AttrValue, FileBuilder, FinishedGroup, GroupBuilder};

/// A group of an HDF5 file to write.
#[derive(Debug, Default, Clone)]
pub(super) struct Tree {
    attributes: Vec<(String, AttrValue)>,
    groups: BTreeMap<String, Tree>,
    tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
}

impl Tree {
    /// Returns the group at this path; creates it if it is missing.
    pub(super) fn group(&mut self, path: &str) -> &mut Self {
        path.split('/').fold(self, |tree, name| tree.groups.entry(name.to_owned()).or_default())
    }

    pub(super) fn attribute(&mut self, name: &str, value: AttrValue) {
        self.attributes.push((name.to_owned(), value));
    }

    pub(super) fn forget(&mut self, attribute: &str) {
        self.attributes.retain(|(name, _)| name != attribute);
    }

    /// Removes and returns the group at this path.
    pub(super) fn take(&mut self, path: &str) -> Tree {
        let (group, name) = path.rsplit_once('/').expect("a path");
        self.group(group).groups.remove(name).expect("a group")
    }

    /// Puts a group at this path.
    pub(super) fn put(&mut self, path: &str, tree: Tree) {
        *self.group(path) = tree;
    }

    /// Puts a tensor at a path below this group.
    pub(super) fn tensor(&mut self, path: &str, shape: &[usize], values: &[f32]) {
        let (group, name) = match path.rsplit_once('/') {
            Some((group, name)) => (self.group(group), name),
            None => (self, path),
        };
        group.tensors.push((name.to_owned(), shape.to_vec(), values.to_vec()));
    }

    /// Returns the bytes of a file with this root.
    pub(super) fn file(self) -> Vec<u8> {
        let mut builder = FileBuilder::new();
        for (name, value) in self.attributes {
            builder.set_attr(&name, value);
        }
        for (name, tree) in self.groups {
            let group = builder.create_group(&name);
            builder.add_group(tree.fill(group));
        }
        builder.finish().expect("an HDF5 file")
    }

    fn fill(self, mut group: GroupBuilder) -> FinishedGroup {
        for (name, value) in self.attributes {
            group.set_attr(&name, value);
        }
        for (name, shape, values) in self.tensors {
            let shape: Vec<u64> = shape.iter().map(|side| *side as u64).collect();
            group.create_dataset(&name).with_f32_data(&values).with_shape(&shape);
        }
        for (name, tree) in self.groups {
            let inner = group.create_group(&name);
            group.add_group(tree.fill(inner));
        }
        group.finish()
    }
}

/// Returns a list of fixed-length strings, as Keras writes its attributes.
pub(super) fn fixed(names: &[String]) -> AttrValue {
    AttrValue::AsciiStringArray(names.to_vec())
}
