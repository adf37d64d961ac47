//! A trained network as files that other programs open, and the figures of a run likewise.
//!
//! May know: domain, durable files, events, runs, datasets, weights, checkpoints; no framework, so that builds without
//! the trainer export too. [`TrainedNetwork`] is read once from a run; every kind of file is written from its [`Graph`].

pub mod about;
mod error;
pub mod graph;
pub mod keras;
pub mod onnx;
mod place;
pub mod state_dict;
pub mod tables;
pub mod tensorboard;
pub mod torch;
mod trained;

pub use error::ExportError;
pub use graph::Graph;
pub use place::{write_file, write_folder};
pub use trained::{SavedWeights, TrainedNetwork};

#[cfg(test)]
mod tests;
