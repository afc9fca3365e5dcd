//! R9: between two numbers.

use sim_types::fixed::I32F32;

/// `a + ratio * (b - a)`.
#[inline]
#[must_use]
pub fn interpolate(a: I32F32, b: I32F32, ratio: I32F32) -> I32F32 {
    a.saturating_add(ratio.saturating_mul(b.saturating_sub(a)))
}
