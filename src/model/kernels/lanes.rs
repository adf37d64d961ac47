//! The width of this processor's vectors.

use pulp::{Arch, Simd, WithSimd};

/// No processor's vectors hold more numbers.
pub(super) const MOST_LANES: usize = 16;

/// Numbers in a vector on this processor.
pub(super) fn lanes() -> usize {
    Arch::new().dispatch(Lanes)
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
