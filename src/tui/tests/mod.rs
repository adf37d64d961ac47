//! Whole screens as snapshots, and key sequences as tables.

mod compare;
mod compare_fixtures;
mod data;
pub(super) mod fixtures;
mod frame;
mod hostile;
mod inspect;
mod inspect_fixtures;
mod inspect_screens;
mod runs;
mod screens;
mod themes;
mod transfer_fixtures;
mod transfer_screens;
mod transfer_update;
mod update;
