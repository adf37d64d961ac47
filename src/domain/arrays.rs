//! Tensors on the host by name: the content of a checkpoint or a weights file.

use std::collections::BTreeMap;

/// A tensor of f32 on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// The values, row-major.
    pub values: Vec<f32>,
}

/// Arrays by name, such as `block1.weight`.
pub type Arrays = BTreeMap<String, Array>;

/// The mismatches of arrays and a network.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MismatchError {
    /// The arrays lack a tensor of the network.
    #[error("there is no {0}")]
    Missing(String),
    /// The arrays contain a tensor that the network lacks.
    #[error("there is a {0}, which this network does not have")]
    Foreign(String),
    /// An array has another shape than the network's tensor.
    #[error("{name} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The name of the tensor.
        name: String,
        /// The network's shape.
        expected: Vec<usize>,
        /// The array's shape.
        found: Vec<usize>,
    },
}

/// Returns the array of this name, if it has this shape.
///
/// # Errors
/// If there is none, or it has another shape.
pub fn find<'a>(arrays: &'a Arrays, name: &str, shape: &[usize]) -> Result<&'a Array, MismatchError> {
    match arrays.get(name) {
        None => Err(MismatchError::Missing(name.to_owned())),
        Some(array) if array.shape != shape => {
            let (expected, found) = (shape.to_vec(), array.shape.clone());
            Err(MismatchError::Shape { name: name.to_owned(), expected, found })
        }
        Some(array) => Ok(array),
    }
}
