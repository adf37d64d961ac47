//! The readers, with files of every format that the tests generate.

mod fixtures;
mod keras3;
mod keras_legacy;
mod names;
mod numpy;
mod properties;
mod real;
mod safetensors;
mod storing;
mod torch;
mod torch_files;
mod tree;
mod wrong;

use super::fault::Fault;
