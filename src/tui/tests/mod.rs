//! Whole screens as snapshots, and key sequences as tables.

pub(super) mod fixtures;
mod screens;
mod update;
