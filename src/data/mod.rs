//! Datasets: imported once into a packed store, opened by memory map, read as augmented batches.
//!
//! May know: the domain and crates for files, pictures and threads. Knows nothing of networks, runs or screens, so it
//! compiles without any feature of this package.
//!
//! The way of an image: [`mod@import`] (or [`demo`]) writes it with a [`writer::Writer`] into a folder that
//! [`store::Dataset`] opens; [`images`] takes it from there through [`augment`] to the floats that a network eats, and
//! [`batch`] makes batches of them. What a frozen base makes of images is kept by [`features`].

pub mod augment;
pub mod batch;
pub mod demo;
pub mod features;
pub mod fingerprint;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
pub mod images;
pub mod import;
pub mod manifest;
pub mod marked;
pub mod random;
pub mod split;
pub mod stats;
pub mod store;
pub mod writer;

pub use crate::durable::disk_usage;
pub use augment::{Affine, Change};
pub use batch::{Batch, Pass, Prefetch, Source, drawn_order, epoch_order};
pub use images::{Augmenter, Images, Picks, Preparation};
pub use import::{ImportError, ImportProgress, ImportReport, ImportRequest, import};
pub use manifest::{ClassCounts, ImageShape, Manifest, Skipped};
pub use stats::Distribution;
pub use store::{Dataset, StoreError, list};
pub use writer::remove;
