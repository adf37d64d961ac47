//! Tests of the whole dashboard: snapshots of screens, tables of key sequences, and fuzz targets.

#[cfg(test)]
mod compare;
#[cfg(test)]
mod compare_fixtures;
#[cfg(test)]
mod data;
#[cfg(test)]
mod elsewhere;
#[cfg(test)]
pub(super) mod fixtures;
#[cfg(test)]
mod form;
#[cfg(test)]
mod frame;
pub(crate) mod fuzz;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod import_form;
#[cfg(test)]
mod inspect;
#[cfg(test)]
mod inspect_fixtures;
#[cfg(test)]
mod inspect_screens;
#[cfg(test)]
mod notices;
#[cfg(test)]
mod palette;
#[cfg(test)]
mod predictions;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod screens;
#[cfg(test)]
mod themes;
#[cfg(test)]
mod transfer_fixtures;
#[cfg(test)]
mod transfer_screens;
#[cfg(test)]
mod transfer_update;
#[cfg(test)]
mod update;
