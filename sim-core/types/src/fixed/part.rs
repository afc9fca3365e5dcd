//! Arithmetic of proportions: the bits of [`I32F32`] without the checks that proportions
//! between zero and one cannot fail.
//!
//! A Yuma epoch makes a dozen products and quotients for every pair of validator and server;
//! that their results fit is known beforehand, and checking it each time costs as much as the
//! arithmetic. Where an operand is outside of what a function says, so is its result.

use super::I32F32;

/// `a * b`, rounded down, for factors between zero and one.
// The fraction's bits go to both factors, so that the product's upper half is the answer: a
// shift across both halves costs more than the product.
#[inline]
#[must_use]
pub fn times(a: I32F32, b: I32F32) -> I32F32 {
    const HALF: u32 = I32F32::FRAC_BITS / 2;
    let [a, b] = [a, b].map(|factor| u128::from(factor.to_bits().cast_unsigned() << HALF));
    I32F32::from_bits(((a * b) >> 64) as i64)
}

/// `a + b`, for at most 65,536 summands of at most one.
#[inline]
#[must_use]
pub fn plus(a: I32F32, b: I32F32) -> I32F32 {
    I32F32::from_bits(a.to_bits().wrapping_add(b.to_bits()))
}

/// A whole, made ready to tell the shares of many parts: the quotient by it as
/// [`Divisor`](super::Divisor) finds it, for parts that do not exceed the whole.
#[derive(Debug, Clone, Copy)]
pub struct Whole {
    divisor: u64,
    /// 2^(96 - shift) / divisor, or a little less.
    reciprocal: u64,
    /// What makes the reciprocal fill 64 bits.
    shift: u32,
    /// A quotient whose fraction, of 2^64, lies below this is that of the exact reciprocal.
    sure: u64,
}

impl Whole {
    /// Of zero, nothing but zero is a part, and its share is zero.
    // A whole of at most two takes a reciprocal from floating point, at a quarter of the price:
    // a part then has at most 33 bits, and a reciprocal that is 2^14 too small makes the
    // quotient too small by less than 2^-17.
    #[inline]
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "33 bits are exact in a double, and the quotient is below 2^63"
    )]
    pub fn new(whole: I32F32) -> Self {
        // 2^95, less what rounding may add to the quotient.
        const DIVIDEND: f64 = 39_614_081_257_132_168_796_771_975_168.0 * (1.0 - 4.0 * f64::EPSILON);
        let divisor = whole.to_bits().unsigned_abs().max(1);
        let shift = divisor.leading_zeros().saturating_sub(31);
        // What is wanting in the reciprocal, times a part of this many bits, stays below `short`.
        let (reciprocal, short) = if divisor >> 33 == 0 {
            (((DIVIDEND / (divisor << shift) as f64) as i64 as u64) << 1, 1 << (14 + 33))
        } else {
            ((((1_u128 << 96) - 1) / u128::from(divisor)) as u64, divisor)
        };
        Self { divisor, reciprocal, shift, sure: u64::MAX - short }
    }

    /// The share of a part between zero and the whole, truncated.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "halves of a product are meant")]
    pub fn share(&self, part: I32F32) -> I32F32 {
        let part = part.to_bits().cast_unsigned();
        let product = u128::from(part.wrapping_shl(self.shift)) * u128::from(self.reciprocal);
        let (quotient, fraction) = ((product >> 64) as u64, product as u64);
        if fraction < self.sure {
            return I32F32::from_bits(quotient.cast_signed());
        }
        // One too small at most, which the remainder shows.
        let rest = (part << I32F32::FRAC_BITS).wrapping_sub(quotient.wrapping_mul(self.divisor));
        let exact = quotient.wrapping_add(u64::from(rest >= self.divisor));
        I32F32::from_bits(exact.cast_signed())
    }
}

/// A proportion of 65,535, as [`I32F32::from_u16_proportion`] by one product: 2^32 is
/// 65,535 × 65,537 + 1, and a multiple of the last summand below 65,535 is truncated.
#[inline]
#[must_use]
pub fn proportion(x: u16) -> I32F32 {
    I32F32::from_bits(i64::from(x) * 65_537 + i64::from(x == u16::MAX))
}

/// A proportion between zero and one as it is stored, of 65,535, truncated.
#[inline]
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 65,535")]
pub fn stored(x: I32F32) -> u16 {
    (x.to_bits().wrapping_mul(i64::from(u16::MAX)) >> I32F32::FRAC_BITS) as u16
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
        fn equal_to_the_checked_forms(
            a in prop_oneof![0_i64..=1 << 32, Just(1 << 32)],
            b in prop_oneof![0_i64..=1 << 32, Just(1 << 32)],
            c in 0_i64..1 << 48,
        ) {
            let [a, b, c] = [a, b, c].map(I32F32::from_bits);
            prop_assert_eq!(times(a, b), a.saturating_mul(b));
            prop_assert_eq!(stored(b), b.to_u16_proportion());
            prop_assert_eq!(plus(b, c), b.saturating_add(c));
        }

        #[test]
        fn shares_equal_the_quotient(whole in 0..i64::MAX, shrink in 0_u32..63, part in 0_i64..=1 << 32) {
            let whole = I32F32::from_bits(whole >> shrink);
            let part = times(whole, I32F32::from_bits(part));
            prop_assert_eq!(Whole::new(whole).share(part), part.safe_div(whole));
            prop_assert_eq!(Whole::new(whole).share(whole), whole.safe_div(whole));
        }
    }
}
