//! Arithmetic of proportions: the bits of [`I32F32`] without the checks that proportions
//! between zero and one cannot fail.
//!
//! An epoch makes a dozen products and quotients for every pair of validator and server; that
//! their results fit is known beforehand, and checking it each time costs as much as the
//! arithmetic.

use sim_types::fixed::{Divisor, I32F32};

/// `a * b`, rounded toward minus infinity, for `b` between zero and one: never larger than `a`,
/// so that it fits.
#[inline]
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a part of a number of 64 bits")]
pub(super) fn times(a: I32F32, b: I32F32) -> I32F32 {
    let product = i128::from(a.to_bits()) * i128::from(b.to_bits());
    I32F32::from_bits((product >> I32F32::FRAC_BITS) as i64)
}

/// `a + b`, for at most 65,536 summands of at most one.
#[inline]
#[must_use]
pub(super) fn plus(a: I32F32, b: I32F32) -> I32F32 {
    I32F32::from_bits(a.to_bits().wrapping_add(b.to_bits()))
}

/// The divisor that turns parts into shares of `whole`; a whole of zero leaves its parts as
/// they are.
#[inline]
#[must_use]
pub(super) fn shares_of(whole: I32F32) -> Divisor {
    Divisor::new(if whole == I32F32::ZERO { I32F32::ONE } else { whole })
}

/// A proportion of 65,535, as [`I32F32::from_u16_proportion`] by one product: 2^32 is
/// 65,535 × 65,537 + 1, and a multiple of the last summand below 65,535 is truncated.
#[inline]
#[must_use]
pub(super) fn proportion(x: u16) -> I32F32 {
    I32F32::from_bits(i64::from(x) * 65_537 + i64::from(x == u16::MAX))
}

/// A proportion between zero and one as it is stored, of 65,535, truncated.
#[inline]
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 65,535")]
pub(super) fn stored(x: I32F32) -> u16 {
    ((x.to_bits() * i64::from(u16::MAX)) >> I32F32::FRAC_BITS) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_proportion_of_u16() {
        for x in 0..=u16::MAX {
            assert_eq!(proportion(x), I32F32::from_u16_proportion(x), "{x}");
        }
    }

    proptest! {
        #[test]
        fn equal_to_the_checked_forms(a in any::<i64>(), b in 0_i64..=1 << 32, c in 0_i64..1 << 48) {
            let [a, b, c] = [a, b, c].map(I32F32::from_bits);
            prop_assert_eq!(times(a, b), a.saturating_mul(b));
            prop_assert_eq!(stored(b), b.to_u16_proportion());
            prop_assert_eq!(plus(b, c), b.saturating_add(c));
            prop_assert_eq!(shares_of(c).divide(b), if c == I32F32::ZERO { b } else { b.safe_div(c) });
        }
    }
}
