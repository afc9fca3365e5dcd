//! Arithmetic of proportions in double precision, with the bits of the chain's fixed point
//! ([`I32F32`](sim_types::fixed::I32F32)). A proportion is a whole number of units of 2^-32, from
//! zero to [`Whole::ONE`].
//!
//! A product of two has 66 bits, a double 53. What is rounded is rounded up over one whole number
//! at most, and a fused multiply-add tells whether it was: the difference it finds is small, so
//! that it is exact. Doubles are computed four at a time where integers of 64 bits are not.

const UNIT: f64 = 1.0 / Whole::ONE;

/// `a * b`, rounded down. One may be a negative proportion.
#[inline(always)]
pub(super) fn times(a: f64, b: f64) -> f64 {
    let a = a * UNIT;
    let found = (a * b).floor();
    found - if a.mul_add(b, -found) < 0.0 { 1.0 } else { 0.0 }
}

/// A whole, made ready to tell the shares of many parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    /// In units.
    pub(super) whole: f64,
    /// [`Self::ONE`] over the whole, or a little more.
    pub(super) inverse: f64,
}

impl Whole {
    /// The proportion of one, in units.
    pub(super) const ONE: f64 = 4_294_967_296.0;

    /// Of an integer up to 2^50. Of zero, nothing but zero is a part, and its share is zero.
    #[inline(always)]
    pub(super) fn of(whole: f64) -> Self {
        // More than what two roundings can take away.
        let inverse = Self::ONE / whole * (1.0 + 4.0 * f64::EPSILON);
        Self { whole, inverse: if whole > 0.0 { inverse } else { 0.0 } }
    }

    /// The share of a part, an integer between zero and the whole and up to 2^52, rounded down.
    #[inline(always)]
    pub(super) fn share(self, part: f64) -> f64 {
        let found = (part * self.inverse).floor();
        let rest = found.mul_add(-self.whole, part * Self::ONE);
        found - if rest < 0.0 { 1.0 } else { 0.0 }
    }
}

/// A proportion as it is stored, of 65,535, rounded down.
#[inline(always)]
pub(super) fn stored(x: f64) -> u16 {
    // From 2^52 on a double's last bit is the one of ones.
    let ones = (x * (65_535.0 * UNIT)).floor() + 4_503_599_627_370_496.0;
    ones.to_bits() as u16
}

/// As an integer.
#[inline(always)]
#[expect(clippy::cast_sign_loss, reason = "proportions and their sums are not negative")]
pub(super) fn units(x: f64) -> u64 {
    x as u64
}

#[cfg(test)]
mod tests {
    use sim_types::fixed::I32F32;

    use super::*;
    use crate::data::Draw;

    /// Both ends, their neighbours, and what lies between at every scale.
    fn proportion(draw: &mut Draw) -> u64 {
        match draw.below(4) {
            0 => draw.below(3),
            1 => (1 << 32) - draw.below(3),
            _ => draw.bits() >> 32 >> draw.below(32),
        }
    }

    fn fixed(x: u64) -> I32F32 {
        I32F32::from_bits(x.cast_signed())
    }

    #[test]
    fn products_are_those_of_the_chain() {
        let mut draw = Draw::new(1);
        for _ in 0..1_000_000 {
            let (a, b) = (proportion(&mut draw), proportion(&mut draw));
            let found = times(a as f64, b as f64);
            let negative = times(a as f64, -(b as f64));
            let less = I32F32::ZERO.saturating_sub(fixed(b));
            assert_eq!(units(found), fixed(a).saturating_mul(fixed(b)).to_bits().cast_unsigned());
            assert_eq!(negative as i64, fixed(a).saturating_mul(less).to_bits(), "{a} * -{b}");
            assert_eq!(stored(a as f64), fixed(a).to_u16_proportion(), "{a}");
        }
    }

    #[test]
    fn shares_are_those_of_the_chain() {
        let mut draw = Draw::new(1);
        for i in 0..1_000_000 {
            // Sums of up to 4,096 proportions.
            let whole = draw.below(1 << 44) >> draw.below(44);
            let part = match i % 4 {
                0 => whole,
                // Where the quotient is close to a whole number.
                1 => ((u128::from(whole) * u128::from(draw.bits() >> 32)) >> 32) as u64,
                _ => draw.below(whole + 1),
            };
            let found = units(Whole::of(whole as f64).share(part as f64));
            let wanted = (u128::from(part) << 32).checked_div(u128::from(whole)).unwrap_or(0);
            assert_eq!(u128::from(found), wanted, "{part} of {whole}");
        }
    }
}
