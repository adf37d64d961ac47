//! Exports: trained networks and figures of runs as files of other programs.
//!
//! May use: `domain`, `durable`, `events`, `runs`, `data`, `weights`, `checkpoint`. It uses no framework, so that
//! builds without the trainer export too. Every kind of file is written from the [`Graph`] of a [`TrainedNetwork`].

pub mod about;
mod error;
pub mod graph;
pub mod keras;
pub mod onnx;
pub mod state_dict;
pub mod tables;
pub mod tensorboard;
pub mod torch;
mod trained;
mod write;

pub use error::ExportError;
pub use graph::Graph;
pub use trained::{SavedWeights, TrainedNetwork};
pub use write::{write_file, write_folder};

#[cfg(test)]
mod tests;
