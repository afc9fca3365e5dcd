//! The logarithm of a uniform variate, for many at a time.
//!
//! Exponential variates by inversion: one draw each, and monotone in it, so that common random
//! numbers stay common and mirrored streams mirrored, which a rejection method (a ziggurat)
//! would not keep. The library's logarithm handles every double and takes them one by one; here
//! the argument is a number in (0, 1) made of 52 bits, nothing is decided by a branch, and a
//! loop over an array is computed two or four side by side. Only `+ - * /` and operations on
//! bits, which are exact by IEEE 754: the same result on every platform.
//!
//! With `u = 2^e m`, m between the roots of one half and of two, and `s = (m - 1) / (m + 1)`:
//! `ln u = e ln 2 + 2 s (1 + s^2 / 3 + s^4 / 5 + ...)`. With s^2 below 0.0295 the terms from
//! s^22 / 23 on are below 2^-60 together.

/// The bits of one.
const ONE: u64 = 1.0_f64.to_bits();
/// The bits of 2^52, in whose last place units stand.
const UNITS: u64 = 4_503_599_627_370_496.0_f64.to_bits();
/// The bits of the root of one half, where mantissas begin here.
const ROOT: u64 = core::f64::consts::FRAC_1_SQRT_2.to_bits();
const FRACTION: u64 = (1 << 52) - 1;
/// ln 2 in two parts, of which the first has 32 bits, so that its products with exponents are
/// exact.
const LN_2: [f64; 2] = {
    let high = f64::from_bits(core::f64::consts::LN_2.to_bits() & !0xf_ffff);
    // ln 2 = 0.693147180559945309417232121458176568...; the double nearest to it is less by
    // 2.319046813846299558e-17.
    [high, (core::f64::consts::LN_2 - high) + 2.319_046_813_846_299_6e-17]
};

/// `-ln u`, `u` the middle of the interval of width 2^-52 that the first 52 bits of a random
/// word name.
#[inline]
pub(super) fn minus_ln(word: u64) -> f64 {
    // Exact: both have 53 bits. No sum of bits wraps; a check of that would be a branch.
    let u = f64::from_bits(ONE | word >> 12) - (1.0 - 0.5 * f64::EPSILON);
    let shifted = u.to_bits().wrapping_add(ONE - ROOT);
    let m = f64::from_bits((shifted & FRACTION).wrapping_add(ROOT));
    // Below 2^11, so that the units are the number.
    let biased = f64::from_bits(UNITS | shifted >> 52) - f64::from_bits(UNITS);
    let exponent = biased - 1_023.0;
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let mut series = 1.0 / 21.0;
    for k in [19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        series = series * z + 1.0 / k;
    }
    let twice = s + s;
    -(exponent * LN_2[0] + (twice + (twice * (z * series) + exponent * LN_2[1])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sim_types::math;

    /// How far from the library's value, in units of the last place.
    #[expect(clippy::cast_precision_loss, reason = "52 bits are exact")]
    fn off(word: u64) -> u64 {
        let u = ((word >> 12) as f64 + 0.5) / (1_u64 << 52) as f64;
        minus_ln(word).to_bits().abs_diff((-math::ln(u)).to_bits())
    }

    #[test]
    fn the_ends_and_the_seams() {
        // The mantissa of the root of one half, as 52 bits.
        let root = |shift: u32| ((ROOT & FRACTION | 1 << 52) >> 1 >> shift) << 12;
        for word in [
            0,
            1 << 12,
            u64::MAX,
            1 << 63,
            (1 << 63) - 1,
            1 << 62,
            root(0),
            root(0) - 4_096,
            root(1),
        ] {
            assert!(off(word) <= 4, "{word:x}: {}", off(word));
            assert!(minus_ln(word) > 0.0 && minus_ln(word) < 37.0);
        }
        assert!((minus_ln(0) - 53.0 * core::f64::consts::LN_2).abs() < 1e-14);
        assert!((minus_ln(u64::MAX) / (0.5 * f64::EPSILON) - 1.0).abs() < 1e-14);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// Near the library's logarithm wherever the draw falls.
        #[test]
        fn near_the_library(word in any::<u64>(), s in 0_u32..52, low in any::<bool>()) {
            let word = if low { word >> s } else { !(word >> s) };
            prop_assert!(off(word) <= 4, "{}", off(word));
        }

        /// The greater draw has the lesser value: what inversion is for.
        #[test]
        fn monotone(a in any::<u64>(), s in 0_u32..52) {
            let b = a.saturating_add(1 << 63 >> s);
            prop_assert!(minus_ln(a) >= minus_ln(b));
        }
    }
}
