//! Whole screens as snapshots, and key sequences as tables.

pub(super) mod fixtures;
mod frame;
mod screens;
mod transfer_fixtures;
mod transfer_screens;
mod transfer_update;
mod update;
