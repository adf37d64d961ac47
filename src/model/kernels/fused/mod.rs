//! The arithmetic of the fused convolution block on plain slices: parallel over images, and vectorised for the CPU at
//! run time (pulp). Does not use burn.
//!
//! An image is `[h, w, c]`, internally with a border of zeros ([`padded`]). So the three neighbours in a kernel row are
//! one run of `3 · c_in` numbers:
//!
//! - **forward** computes four neighbouring pixels (one pooling window) × two vectors of output channels in registers
//!   and pools them there; the convolution's own output is never written;
//! - **backward** uses that at most one in four of these pixels has a gradient. To the weight's gradient each active one
//!   adds a multiple of a run, output channel by output channel ([`runs`]), or, where the input has few channels, one
//!   of four multiples for a vector of output channels ([`thin`]). To the input's gradient it adds a multiple of its
//!   kernel; those of a window that go to the same patch are summed in registers first ([`input`]).
//!
//! Sums are taken in an order that depends on the shapes only, never on the threads: equal inputs give equal bits.

#![allow(clippy::inline_always, reason = "what stays a call is compiled without the vector instructions around it")]

mod backward;
mod forward;
mod input;
mod padded;
mod runs;
mod thin;

pub(super) use backward::backward;
pub(super) use forward::forward;
