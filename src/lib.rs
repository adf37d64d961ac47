//! mien: a training lab for facial-expression classifiers that lives in a terminal.

pub mod data;
pub mod domain;
pub mod durable;
pub mod events;
#[cfg(feature = "trainer")]
pub mod model;
pub mod runs;
pub mod supervise;
#[cfg(feature = "trainer")]
pub mod train;
#[cfg(feature = "dashboard")]
pub mod tui;
#[cfg(feature = "trainer")]
pub mod worker;
