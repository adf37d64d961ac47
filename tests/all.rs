//! All integration tests as modules of one binary: each further binary links the whole program again, which takes
//! seconds. `cargo test --release --test all queue::` runs those of `queue.rs`.

#![allow(dead_code)] // parts of the helpers are unused in builds without the trainer or the dashboard

mod lab;
mod mount;
mod onnx;
mod server;
mod source;
#[cfg(feature = "dashboard")]
mod terminal;

mod architecture;
mod check;
mod cli;
mod clocks;
mod comparing;
mod datasets;
mod download;
mod export;
mod faults;
mod fer2013;
mod file_systems;
mod frame;
mod gpu_check;
mod gpu_lease;
mod homes;
mod hostile;
mod https;
mod journeys;
mod manage;
mod notices;
mod parity;
mod pictures;
mod predict;
mod preflight;
mod pty;
mod queue;
mod requests;
mod resident;
mod resume;
mod slurm;
mod ssh;
mod sweep;
mod transfer;
mod weights;
mod words;
mod worker;
