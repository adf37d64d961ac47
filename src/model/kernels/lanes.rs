//! The vector instructions of this CPU, chosen at run time: AVX2 or AVX-512 on x86-64, NEON on aarch64, else none.

use pulp::{Arch, Simd, WithSimd};

/// The most numbers in a vector of any CPU.
pub(super) const MOST_LANES: usize = 16;

/// Runs `work` with the widest vectors of this CPU.
pub(super) fn dispatch<W: WithSimd>(work: W) -> W::Output {
    #[cfg(test)]
    match test_lanes() {
        Some(1) => return work.with_simd(pulp::Scalar),
        Some(4) => return work.with_simd(pulp::Scalar128b),
        Some(16) => return work.with_simd(pulp::Scalar512b),
        _ => {}
    }
    Arch::new().dispatch(work)
}

/// The environment variable by which tests choose the numbers in a vector.
#[cfg(test)]
pub(super) const TEST_LANES: &str = "MIEN_TEST_LANES";

#[cfg(test)]
fn test_lanes() -> Option<usize> {
    static PRETEND: std::sync::OnceLock<Option<usize>> = std::sync::OnceLock::new();
    *PRETEND.get_or_init(|| std::env::var(TEST_LANES).ok()?.parse().ok())
}

/// Returns the number of values in a vector on this CPU.
pub(super) fn lanes() -> usize {
    dispatch(Lanes)
}

struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[allow(clippy::inline_always, reason = "as everywhere under pulp's dispatch")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> usize {
        S::F32_LANES
    }
}
