//! Exact quotients by a divisor of 64 bits that is used many times.

/// A 64-bit divisor prepared once, so that each quotient costs two multiplications.
///
/// After Möller and Granlund, "Improved division by invariant integers", IEEE Transactions on
/// Computers 60 (2011), algorithm 4.
///
/// ```
/// use sim_types::fixed::Reciprocal;
/// const TEN: Reciprocal = Reciprocal::new(10).unwrap();
/// assert_eq!(TEN.divide(12_345), 1_234);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reciprocal {
    /// The divisor, shifted until its top bit is set.
    divisor: u64,
    /// floor((2^128 - 1) / divisor) - 2^64.
    inverse: u64,
    shift: u32,
}

impl Reciprocal {
    /// Prepares a divisor; `None` for zero.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the quotient lies in 2^64 .. 2^65")]
    pub const fn new(divisor: u64) -> Option<Self> {
        if divisor == 0 {
            return None;
        }
        let shift = divisor.leading_zeros();
        let divisor = divisor << shift;
        // Less 2^64 before the division: its quotient then has one digit.
        let inverse = (((!divisor as u128) << 64 | u64::MAX as u128) / divisor as u128) as u64;
        Some(Self { divisor, inverse, shift })
    }

    /// Quotient and remainder of `(hi * 2^64 + lo)` by the shifted divisor, for `hi` below it.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "halves of 128 bits are meant")]
    const fn step(self, hi: u64, lo: u64) -> (u64, u64) {
        let product = self.inverse as u128 * hi as u128;
        let sum = product.wrapping_add((hi as u128) << 64 | lo as u128);
        let mut quotient = ((sum >> 64) as u64).wrapping_add(1);
        let mut rest = lo.wrapping_sub(quotient.wrapping_mul(self.divisor));
        if rest > sum as u64 {
            quotient = quotient.wrapping_sub(1);
            rest = rest.wrapping_add(self.divisor);
        }
        if rest >= self.divisor {
            quotient = quotient.wrapping_add(1);
            rest -= self.divisor;
        }
        (quotient, rest)
    }

    /// `floor(n / divisor)`.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "limbs are meant")]
    pub const fn divide(self, n: u128) -> u128 {
        // The numerator shifted with the divisor has up to 192 bits.
        let top = if self.shift == 0 { 0 } else { (n >> (128 - self.shift)) as u64 };
        let low = n << self.shift;
        let (q1, rest) = self.step(top, (low >> 64) as u64);
        let (q0, _) = self.step(rest, low as u64);
        (q1 as u128) << 64 | q0 as u128
    }

    /// `floor(n / divisor)`, for half the price.
    #[inline]
    #[must_use]
    pub const fn divide_word(self, n: u64) -> u64 {
        let top = if self.shift == 0 { 0 } else { n >> (64 - self.shift) };
        self.step(top, n << self.shift).0
    }

    /// `floor(a * b / divisor)` if it fits 128 bits.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "limbs are meant")]
    pub fn multiply_divide(self, a: u128, b: u64, add: u64) -> Option<u128> {
        // The product as three limbs.
        let low = (a & u128::from(u64::MAX)) * u128::from(b) + u128::from(add);
        let high = (a >> 64) * u128::from(b) + (low >> 64);
        let n = high << 64 | u128::from(low as u64);
        let top = (high >> 64) as u64;
        if top == 0 {
            return Some(self.divide(n));
        }
        if top >= self.divisor >> self.shift {
            return None;
        }
        let top = if self.shift == 0 {
            top
        } else {
            top << self.shift | (n >> (128 - self.shift)) as u64
        };
        let low = n << self.shift;
        let (q1, rest) = self.step(top, (low >> 64) as u64);
        let (q0, _) = self.step(rest, low as u64);
        Some(u128::from(q1) << 64 | u128::from(q0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::ratio;
    use proptest::prelude::*;

    #[test]
    fn corners() {
        assert_eq!(Reciprocal::new(0), None);
        for d in [1, 2, 3, 10, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX] {
            let by = Reciprocal::new(d).unwrap();
            for n in [0, 1, d.into(), u128::from(d) - 1, u128::MAX, u128::MAX - 1, 1 << 64] {
                assert_eq!(by.divide(n), n / u128::from(d), "{n} / {d}");
                let n = u64::try_from(n >> 64).unwrap();
                assert_eq!(by.divide_word(n), n / d, "{n} / {d}");
            }
        }
    }

    proptest! {
        #[test]
        fn quotients_are_exact(n in any::<u128>(), d in 1..=u64::MAX, s in 0_u32..128, t in 0_u32..63) {
            let (n, d) = (n >> s, (d >> t).max(1));
            prop_assert_eq!(Reciprocal::new(d).unwrap().divide(n), n / u128::from(d));
            let n = u64::try_from(n >> 64).unwrap();
            prop_assert_eq!(Reciprocal::new(d).unwrap().divide_word(n), n / d);
        }

        #[test]
        fn products_are_divided_exactly(
            a in any::<u128>(), b in any::<u64>(), d in 1..=u64::MAX, s in 0_u32..128, t in 0_u32..63,
        ) {
            let (a, d) = (a >> s, (d >> t).max(1));
            let got = Reciprocal::new(d).unwrap().multiply_divide(a, b, 0);
            prop_assert_eq!(got, ratio::multiply_divide(a, b.into(), d.into()));
        }
    }
}
