//! mien: a training program for facial-expression classifiers with a terminal dashboard.
//!
//! The program imports datasets, trains networks in worker processes on CUDA or the CPU, shows their progress and
//! evaluates them. The binary `mien` only calls this library. ARCHITECTURE.md lists the permitted imports between
//! modules, and `tests/architecture.rs` checks them.
//!
//! | module | holds |
//! |---|---|
//! | [`domain`] | names, recipes, states, metrics: plain values |
//! | [`config`] | the config file: its path, errors, places, homes, notices |
//! | [`durable`] | atomic file replacement, versioned files, locks |
//! | [`checkpoint`] | a run's weights and state |
//! | [`events`] | a run's event log |
//! | [`runs`] | run folders, summaries, queue, comparison |
//! | [`data`] | datasets: import, store, augmentation, batches |
//! | [`weights`] | pretrained weights: import, store |
//! | [`download`] | resumable, hash-checked downloads |
//! | [`detect`] | faces in a picture |
//! | [`export`] | trained networks and figures as files of other programs |
//! | `model` | networks, kernels, devices (feature `trainer`) |
//! | `train` | the training loop (feature `trainer`) |
//! | `worker` | the job process (feature `trainer`) |
//! | `bench` | checks and speeds of a device (feature `trainer`) |
//! | [`homes`] | homes on other machines over ssh, and their mirrors |
//! | [`supervise`] | starting and stopping workers |
//! | `tui` | the dashboard (feature `dashboard`) |
//! | [`cli`] | commands |

#[cfg(feature = "trainer")]
pub mod bench;
pub mod checkpoint;
pub mod cli;
pub mod config;
pub mod data;
pub mod detect;
pub mod domain;
pub mod download;
pub mod durable;
pub mod events;
pub mod export;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod homes;
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

/// mimalloc: the system's allocator took a quarter of a training step's time on two cores (`benches/RESULTS.md`).
#[cfg(feature = "trainer")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
