//! Pretrained weights: the convolutional base of VGG16, imported once from any published format.
//!
//! Networks and frameworks are unknown here, so a build without the trainer lists and imports weights too.
//!
//! [`mod@import`] reads Keras's HDF5 files and archives, PyTorch's files, safetensors and NumPy's archives. It
//! recognizes [`VGG16`] by its shapes and writes one safetensors file per base, which [`store`] opens.

pub mod error;
mod ignored_tensors;
pub mod import;
pub mod manifest;
mod of_recipe;
pub mod preference;
pub mod store;
mod vgg16;

pub use error::WeightsError;
pub use ignored_tensors::IgnoredTensors;
pub use import::{ImportOptions, import};
pub use manifest::{Layout, Manifest};
pub use of_recipe::{BaseError, of_recipe};
pub use preference::{ADVICE, preferred};
pub use store::{Weights, list, read_manifest};
pub use vgg16::VGG16;
