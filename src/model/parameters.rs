//! A module's parameters by name, as plain numbers: what a checkpoint holds.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData, backend::Backend};

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

/// Why parameters do not fit a module.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MismatchError {
    /// The module has a parameter that the arrays lack.
    #[error("there is no {0}")]
    Missing(String),
    /// The arrays have what the module has not.
    #[error("there is a {0}, which this network does not have")]
    Foreign(String),
    /// The shapes differ.
    #[error("{name} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The parameter.
        name: String,
        /// The module's shape.
        expected: Vec<usize>,
        /// The array's shape.
        found: Vec<usize>,
    },
}

impl Array {
    /// Copies a tensor from its device. Waits for the device.
    ///
    /// # Panics
    /// Never for float tensors, which convert to f32.
    #[must_use]
    pub fn from_tensor<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Self {
        let data = tensor.into_data().convert::<f32>();
        let shape = data.shape.to_vec();
        // Converted to f32 the line before.
        let values = data.into_vec().unwrap_or_else(|error| unreachable!("{error:?}"));
        Self { shape, values }
    }

    /// Copies to a device.
    #[must_use]
    pub fn to_tensor<B: Backend, const D: usize>(&self, device: &B::Device) -> Tensor<B, D> {
        Tensor::from_data(TensorData::new(self.values.clone(), self.shape.clone()), device)
    }
}

/// Copies all float parameters to the host.
#[must_use]
pub fn save<B: Backend, M: Module<B>>(module: &M) -> Arrays {
    let mut saver = Saver { path: Vec::new(), arrays: Arrays::new() };
    module.visit(&mut saver);
    saver.arrays
}

/// Sets all float parameters. Their ids, by which optimizers know them, stay.
///
/// # Errors
/// When a parameter is missing or has another shape; names the first one.
pub fn load<B: Backend, M: Module<B>>(module: M, arrays: &Arrays) -> Result<M, MismatchError> {
    let mut loader = Loader { path: Vec::new(), arrays, error: None };
    let module = module.map(&mut loader);
    loader.error.map_or(Ok(module), Err)
}

/// Sets those parameters that `arrays` have, and leaves the others.
///
/// # Errors
/// When one has another shape, or there are arrays that the module has no parameter for; names the first one.
pub fn overlay<B: Backend, M: Module<B>>(module: M, arrays: &Arrays) -> Result<M, MismatchError> {
    let mut all = save(&module);
    if let Some(foreign) = arrays.keys().find(|name| !all.contains_key(*name)) {
        return Err(MismatchError::Foreign(foreign.clone()));
    }
    all.extend(arrays.iter().map(|(name, array)| (name.clone(), array.clone())));
    load(module, &all)
}

struct Saver {
    path: Vec<String>,
    arrays: Arrays,
}

impl<B: Backend> ModuleVisitor<B> for Saver {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }
    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.arrays.insert(self.path.join("."), Array::from_tensor(param.val()));
    }
}

struct Loader<'a> {
    path: Vec<String>,
    arrays: &'a Arrays,
    error: Option<MismatchError>,
}

impl<B: Backend> ModuleMapper<B> for Loader<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }
    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let name = self.path.join(".");
        let expected = param.val().dims().to_vec();
        match self.arrays.get(&name) {
            None => {
                self.error.get_or_insert(MismatchError::Missing(name));
                param
            }
            Some(array) if array.shape != expected => {
                let found = array.shape.clone();
                self.error.get_or_insert(MismatchError::Shape { name, expected, found });
                param
            }
            Some(array) => param.map(|tensor| {
                let trained = tensor.is_require_grad();
                array.to_tensor(&tensor.device()).set_require_grad(trained)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;
    use crate::model::cnn::Cnn;

    #[test]
    fn parameters_come_back_by_name_and_a_misfit_is_named() {
        let device = Default::default();
        let network = |seed| Cnn::<Flex>::new([8, 8, 1], 3, seed, &device);
        let arrays = save(&network(1));
        assert_eq!(
            arrays.keys().map(String::as_str).collect::<Vec<_>>(),
            ["block1.bias", "block1.weight", "block2.bias", "block2.weight", "dense_bias", "dense_weight"]
        );
        assert_eq!(save(&load(network(2), &arrays).expect("fits")), arrays);

        let part = Arrays::from([("dense_bias".into(), Array { shape: vec![3], values: vec![7.0; 3] })]);
        let overlaid = save(&overlay(network(1), &part).expect("fits"));
        assert_eq!((&overlaid["dense_bias"], &overlaid["block1.bias"]), (&part["dense_bias"], &arrays["block1.bias"]));
        let foreign = Arrays::from([("head.bias".into(), part["dense_bias"].clone())]);
        let error = overlay(network(1), &foreign).expect_err("no such parameter").to_string();
        assert_eq!(error, "there is a head.bias, which this network does not have");

        let larger = Cnn::<Flex>::new([16, 8, 1], 3, 1, &device);
        let error = load(larger, &arrays).expect_err("another shape").to_string();
        assert_eq!(error, "dense_weight has shape [256, 3], expected [512, 3]");
    }
}
