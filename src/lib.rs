//! mien: a training lab for facial-expression classifiers that lives in a terminal.
//!
//! It shows a dataset's class distribution, launches training runs in background worker processes, on CUDA or the CPU,
//! shows them live and scores them. The binary `mien` is a thin shell around this library; the modules and who may use
//! whom stand in ARCHITECTURE.md, and a test keeps it true.
//!
//! | module | holds |
//! |---|---|
//! | [`domain`] | names, recipes, states, metrics: plain values |
//! | [`durable`] | files that are whole at any moment |
//! | [`events`] | a run's event log |
//! | [`runs`] | run folders and what they amount to |
//! | [`data`] | datasets: import, store, augmentation, batches |
//! | [`weights`] | pretrained weights: import, store |
//! | [`download`] | files from the network |
//! | `model` | networks, kernels, devices (feature `trainer`) |
//! | `train` | the training loop (feature `trainer`) |
//! | `worker` | the job process (feature `trainer`) |
//! | `bench` | checks and speeds of a device (feature `trainer`) |
//! | [`supervise`] | starting and stopping workers |
//! | `tui` | the dashboard (feature `dashboard`) |
//! | [`cli`] | commands |

#[cfg(feature = "trainer")]
pub mod bench;
pub mod cli;
pub mod data;
pub mod domain;
pub mod download;
pub mod durable;
pub mod events;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "trainer")]
pub mod model;
pub mod report;
pub mod runs;
pub mod supervise;
#[cfg(feature = "trainer")]
pub mod train;
#[cfg(feature = "dashboard")]
pub mod tui;
pub mod weights;
#[cfg(feature = "trainer")]
pub mod worker;

/// Of a training step's time on two cores, the system's allocator cost a quarter (`benches/RESULTS.md`).
#[cfg(feature = "trainer")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
