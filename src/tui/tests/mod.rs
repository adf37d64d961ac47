//! Whole screens as snapshots, and key sequences as tables.

mod data;
pub(super) mod fixtures;
mod screens;
mod transfer_fixtures;
mod transfer_screens;
mod transfer_update;
mod update;
