//! `exp`, `log2` and `ln` of [`I32F32`] by the iterations of substrate-fixed.
//!
//! Rules after encointer/substrate-fixed @ d5f70362, src/transcendental.rs; the constants e
//! and log2(e) carry 23 fraction bits there, which limits `ln` to about eight digits.

use super::I32F32;

/// e with 23 fraction bits, floored.
const E: I32F32 = I32F32::from_bits(22_802_600 << 9);
/// log2(e) with 23 fraction bits, floored.
const LOG2_E: I32F32 = I32F32::from_bits(12_102_203 << 9);
const TWO: i64 = 2 << 32;

impl I32F32 {
    /// e to this power, by 30 terms of the series for the magnitude, inverted for a negative
    /// exponent; `None` where a term or the sum leaves the range.
    #[must_use]
    pub fn exp(self) -> Option<Self> {
        if self == Self::ZERO {
            return Some(Self::ONE);
        }
        if self == Self::ONE {
            return Some(E);
        }
        let negative = self < Self::ZERO;
        let x = if negative { Self::ZERO.checked_sub(self)? } else { self };
        let mut result = x.checked_add(Self::ONE)?;
        let mut term = x;
        for i in 2..Self::FRAC_BITS {
            let i = Self::saturating_from_int(i.into());
            term = term.checked_mul(x)?.checked_div(i)?;
            result = result.checked_add(term)?;
        }
        if negative { Self::ONE.checked_div(result) } else { Some(result) }
    }

    /// Binary logarithm, one bit a step by repeated squaring; `None` for values not above
    /// zero and for those so small that their inverse leaves the range.
    #[must_use]
    pub fn log2(self) -> Option<Self> {
        if self <= Self::ZERO {
            return None;
        }
        if self < Self::ONE {
            let inverse = Self::ONE.checked_div(self)?;
            return Some(Self::ZERO.saturating_sub(log2_from_one(inverse)));
        }
        Some(log2_from_one(self))
    }

    /// Natural logarithm; `None` as for [`Self::log2`].
    #[must_use]
    pub fn ln(self) -> Option<Self> {
        self.log2()?.checked_div(LOG2_E)
    }
}

/// Half of `x`, a lost half unit rounded up.
fn half(x: i64) -> i64 {
    (x >> 1) + (x & 1)
}

fn log2_from_one(x: I32F32) -> I32F32 {
    let mut x = x.to_bits();
    let mut result = 0_i64;
    while x >= TWO {
        result += 1;
        x = half(x);
    }
    if x == I32F32::ONE.to_bits() {
        return I32F32::saturating_from_int(result.into());
    }
    for _ in 0..I32F32::FRAC_BITS {
        let square = I32F32::from_bits(x);
        x = square.saturating_mul(square).to_bits();
        result <<= 1;
        if x >= TWO {
            result |= 1;
            x = half(x);
        }
    }
    I32F32::from_bits(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: Option<I32F32>, want: f64, within: f64) {
        let got = got.unwrap().to_f64();
        assert!((got - want).abs() <= within, "{got} {want}");
    }

    #[test]
    fn values_against_the_true_functions() {
        let fixed = |x: f64| I32F32::saturating_from_f64(x).unwrap();
        for x in [-20.0, -5.0, -1.0, -0.1, 0.0, 0.3, 1.0, 2.5, 10.0] {
            let want = crate::math::exp(x);
            close(fixed(x).exp(), want, 1e-7 * want.max(1e-2));
        }
        for x in [1e-6, 0.01, 0.5, 1.0, 2.0, 3.3, 100.0, 1e6] {
            close(fixed(x).ln(), crate::math::ln(x), 2e-4_f64.min(1e-9 / x + 2e-7));
        }
        for (x, log2) in [(1.0, 0.0), (2.0, 1.0), (0.25, -2.0), (1024.0, 10.0)] {
            assert_eq!(fixed(x).log2(), Some(fixed(log2)));
        }
    }

    /// The limits that upstream's own tests state.
    #[test]
    fn out_of_range_is_none() {
        assert_eq!(I32F32::saturating_from_int(-23).exp(), None);
        assert_eq!(I32F32::saturating_from_int(22).exp(), None);
        assert_eq!(I32F32::MIN.exp(), None);
        assert_eq!(I32F32::ZERO.ln(), None);
        assert_eq!(I32F32::from_bits(-1).ln(), None);
        assert_eq!(I32F32::EPSILON.ln(), None);
    }
}
