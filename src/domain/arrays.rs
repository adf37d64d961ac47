//! Tensors on the host, by name: the content of a checkpoint or a weights file.

use std::collections::BTreeMap;

/// A tensor on the host, f32, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub values: Vec<f32>,
}

/// Arrays by name, such as `block1.weight`.
pub type Arrays = BTreeMap<String, Array>;

/// Why arrays do not fit a network.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MismatchError {
    /// The network has a tensor that the arrays lack.
    #[error("there is no {0}")]
    Missing(String),
    /// The arrays have a tensor that the network lacks.
    #[error("there is a {0}, which this network does not have")]
    Foreign(String),
    /// The shapes differ.
    #[error("{name} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// The network's shape.
        expected: Vec<usize>,
        /// The array's shape.
        found: Vec<usize>,
    },
}

/// The array of this name, if it has this shape.
///
/// # Errors
/// When there is none, or it has another shape.
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
