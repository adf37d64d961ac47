//! The arithmetic of the fused convolution block on plain slices: parallel over images, and vectorised for the CPU at
//! run time (pulp). Does not use burn.
//!
//! An image is `[h, w, c]`, internally with a border of zeros ([`padded`]). So the three neighbours in a kernel row are
//! one run of `3 · c_in` numbers:
//!
//! - **forward** computes four neighbouring pixels (one pooling window) × two vectors of output channels in registers
//!   and pools them there. The convolution's own output is never written.
//! - **backward** uses that at most one in four of these pixels has a gradient. Each active gradient adds a multiple of
//!   a run to the weight's gradient, output channel by output channel ([`runs`]). For few input channels it adds one of
//!   four multiples for a vector of output channels ([`thin`]). It adds a multiple of its kernel to the input's
//!   gradient, after a sum in registers over gradients with the same patch ([`input`]).
//!
//! Sums are taken in an order that depends on the shapes only, never on the threads: equal inputs give equal bits.

// What stays a call is compiled without the vector instructions around it. Iterators' adapters over arrays stay calls
// where crates are compiled in units without link-time optimization, so the innermost loops count.
#![allow(clippy::inline_always, clippy::needless_range_loop)]

mod backward;
mod forward;
mod input;
mod padded;
mod runs;
mod thin;

pub(super) use backward::backward;
pub(super) use forward::forward;
