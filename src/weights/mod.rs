//! Pretrained weights: the convolutional base of VGG16, imported once from any published format.
//!
//! Networks and frameworks are unknown here, so a build without the trainer lists and imports weights too.
//!
//! [`mod@import`] reads Keras's HDF5 files and archives, torchvision's state dicts and safetensors. It checks each
//! layer against [`VGG16`] and writes one safetensors file per base, which [`store`] opens.

pub mod error;
pub mod import;
pub mod manifest;
pub mod preference;
pub mod store;
mod vgg16;

pub use error::WeightsError;
pub use import::{ImportOptions, import};
pub use manifest::{Layout, Manifest};
pub use preference::{ADVICE, preferred};
pub use store::{Weights, list, read_manifest};
pub use vgg16::VGG16;
