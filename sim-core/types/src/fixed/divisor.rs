//! Many quotients by one divisor.

use super::I32F32;

/// A divisor prepared once, so that each quotient costs two multiplications.
///
/// Normalising a column divides every entry by the same sum. The quotient is estimated by a
/// reciprocal rounded down (Granlund and Montgomery, "Division by invariant integers using
/// multiplication", PLDI 1994), is then one too small at most, and is set right by the
/// remainder: equal to [`I32F32::safe_div`] in every case.
///
/// ```
/// use sim_types::fixed::{Divisor, I32F32};
/// let third = I32F32::ONE.safe_div(I32F32::from_u16(3));
/// assert_eq!(Divisor::new(I32F32::from_u16(3)).divide(I32F32::ONE), third);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Divisor {
    by: I32F32,
    /// floor((2^(96 - shift) - 1) / by).
    reciprocal: u64,
    /// What makes the reciprocal fill 64 bits where the divisor has 33 or fewer.
    shift: u32,
    /// The numerators below this, and no others, have a quotient in range; 0 for a divisor
    /// that is not positive.
    limit: u64,
}

impl Divisor {
    /// Prepares a divisor. Zero is allowed: every quotient by it is zero.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the divisor has over 32 - shift bits")]
    pub fn new(divisor: I32F32) -> Self {
        match u64::try_from(divisor.to_bits()) {
            Ok(d) if d > 0 => {
                let shift = d.leading_zeros().saturating_sub(31);
                let reciprocal = (((1_u128 << (96 - shift)) - 1) / u128::from(d)) as u64;
                // x * 2^32 / d < 2^63, and x itself below 2^63 as a positive i64.
                let limit = (u128::from(d) << 31).min(1 << 63) as u64;
                Self { by: divisor, reciprocal, shift, limit }
            }
            _ => Self { by: divisor, reciprocal: 0, shift: 0, limit: 0 },
        }
    }

    /// `x.safe_div(divisor)`.
    #[inline]
    #[must_use]
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap,
        reason = "a negative numerator exceeds the limit, which keeps the quotient below 2^63"
    )]
    pub fn divide(&self, x: I32F32) -> I32F32 {
        let (x_bits, d) = (x.to_bits() as u64, self.by.to_bits() as u64);
        if x_bits >= self.limit {
            return self.slowly(x);
        }
        // Below the limit the shifted numerator has 64 bits, so that the error of the
        // reciprocal, less than one, weighs less than one here.
        let estimate = u128::from(x_bits << self.shift) * u128::from(self.reciprocal);
        let quotient = (estimate >> 64) as u64;
        // The remainder is below twice the divisor: 64 bits hold it, whatever wraps before.
        let rest = (x_bits << I32F32::FRAC_BITS).wrapping_sub(quotient.wrapping_mul(d));
        I32F32::from_bits((quotient + u64::from(rest >= d)) as i64)
    }

    /// Signs, a zero divisor and overflow: rare, and kept out of the loops.
    #[cold]
    fn slowly(&self, x: I32F32) -> I32F32 {
        x.safe_div(self.by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn corners_equal_safe_div() {
        let corners = [
            i64::MIN,
            -1,
            0,
            1,
            2,
            3,
            (1 << 32) - 1,
            1 << 32,
            (1 << 32) + 1,
            i64::MAX - 1,
            i64::MAX,
        ];
        for d in corners.map(I32F32::from_bits) {
            for x in corners.map(I32F32::from_bits) {
                assert_eq!(Divisor::new(d).divide(x), x.safe_div(d), "{x:?} / {d:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn quotients_equal_safe_div(
            x in any::<i64>(), d in any::<i64>(), shrink_x in 0_u32..64, shrink_d in 0_u32..64,
        ) {
            let (x, d) = (I32F32::from_bits(x >> shrink_x), I32F32::from_bits(d >> shrink_d));
            prop_assert_eq!(Divisor::new(d).divide(x), x.safe_div(d));
        }
    }
}
