//! Datasets: packed once by an import, opened by memory map, read as augmented batches.
//!
//! Compiles without any feature of this package; networks, runs and screens are unknown here.
//!
//! An image's path: [`mod@import`] or [`demo`] passes it to a [`writer::Writer`], and [`store::Dataset`] opens the
//! result. [`images`] augments ([`augment`]) and scales it, and [`batch`] collects batches. [`features`] caches the
//! outputs of a frozen part, and [`check`] what is wrong with the pixels.

pub mod augment;
pub mod batch;
pub mod check;
pub mod demo;
pub mod features;
pub mod fingerprint;
mod fold;
pub mod fraction;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
pub mod images;
pub mod import;
pub mod manifest;
pub mod marked;
pub mod overview;
pub mod random;
pub mod split;
pub mod stats;
pub mod store;
pub mod writer;

pub use crate::durable::disk_usage;
pub use augment::{Affine, Change};
pub use batch::{Batch, Pass, Prefetch, Source, drawn_order, epoch_order};
pub use check::Findings;
pub use images::{Augmenter, BatchSpec, Images, Preparation};
pub use import::{
    ImportError, ImportOptions, ImportPreview, ImportProgress, ImportReport, ImportRequest, PreviewDepth, import,
    preview,
};
pub use manifest::{ClassCounts, ImageShape, Manifest, Omission, Place, Skipped};
pub use stats::Distribution;
pub use store::{Dataset, StoreError, list};
pub use writer::remove;
