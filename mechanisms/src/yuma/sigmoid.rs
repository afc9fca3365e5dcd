//! The logistic function without overflow.

use sim_types::fixed::I32F32;

/// e^x with x held within −20 and 20.
#[must_use]
pub fn exp_safe(x: I32F32) -> I32F32 {
    let (least, greatest) = (I32F32::saturating_from_int(-20), I32F32::saturating_from_int(20));
    let x = x.clamp(least, greatest);
    x.exp().unwrap_or(if x <= I32F32::ZERO { I32F32::ZERO } else { I32F32::MAX })
}

/// `1 / (1 + e^(-rho (x - kappa)))`: consensus of the years before the median.
#[must_use]
pub fn sigmoid_safe(x: I32F32, rho: I32F32, kappa: I32F32) -> I32F32 {
    let minus_rho = rho.saturating_mul(I32F32::saturating_from_int(-1));
    let exponent = minus_rho.saturating_mul(x.saturating_sub(kappa));
    I32F32::ONE.safe_div(exp_safe(exponent).saturating_add(I32F32::ONE))
}

/// `1 / (1 + e^x)` as [`exp_safe`] and a division give it, to the last bit, several times as
/// fast: liquid alpha takes one for every pair of validator and server.
#[inline]
#[must_use]
pub fn logistic(x: I32F32) -> I32F32 {
    let magnitude = x.to_bits().unsigned_abs().min(20 << I32F32::FRAC_BITS);
    let exp = if x < I32F32::ZERO {
        inverse(series(magnitude))
    } else if magnitude == ONE {
        // The one power for which substrate-fixed has a constant, of 23 fraction bits.
        22_802_600 << 9
    } else {
        series(magnitude)
    };
    I32F32::from_bits(i64::try_from(inverse(ONE + exp)).unwrap_or(i64::MAX))
}

const ONE: u64 = 1 << I32F32::FRAC_BITS;

/// The divisors of the series' terms: for each from 2 to 31 the factor and the shift by which
/// [`divide`] divides.
const DIVISORS: [(u64, u32); 30] = {
    let mut divisors = [(0, 0); 30];
    let mut i = 0;
    while i < divisors.len() {
        let divisor = i as u128 + 2;
        let shift = (divisor - 1).ilog2();
        #[expect(clippy::cast_possible_truncation, reason = "2^(64 + shift) / divisor < 2^64")]
        let factor = (1_u128 << (64 + shift)).div_ceil(divisor) as u64;
        divisors[i] = (factor, shift);
        i += 1;
    }
    divisors
};

/// e to the power `x`, at most 20, by the terms of [`I32F32::exp`], none of which leaves the
/// range here.
#[inline]
fn series(x: u64) -> u64 {
    let (mut sum, mut term) = (ONE + x, x);
    for &divisor in &DIVISORS {
        term = divide(high_product(term, x, I32F32::FRAC_BITS), divisor);
        // All that follow are zero as well.
        if term == 0 {
            break;
        }
        sum += term;
    }
    sum
}

/// `x / divisor` for x below 2^63: the factor exceeds its exact value by less than
/// `2^(shift + 1) / divisor` units (Granlund and Montgomery, "Division by invariant integers
/// using multiplication", PLDI 1994, theorem 4.2).
#[inline]
fn divide(x: u64, (factor, shift): (u64, u32)) -> u64 {
    high_product(x, factor, 64) >> shift
}

/// `(a * b) >> shift`, which the caller knows to fit.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "as documented")]
fn high_product(a: u64, b: u64, shift: u32) -> u64 {
    ((u128::from(a) * u128::from(b)) >> shift) as u64
}

/// floor(2^64 / x) for x of at least 2^32: the inverse of a fixed-point number of at least one.
#[inline]
fn inverse(x: u64) -> u64 {
    // u64::MAX is one short of the numerator, which matters where the quotient is whole.
    let (quotient, rest) = (u64::MAX / x, u64::MAX % x);
    quotient + u64::from(rest == x - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(x: I32F32) -> I32F32 {
        I32F32::ONE.safe_div(I32F32::ONE.saturating_add(exp_safe(x)))
    }

    #[test]
    fn logistic_at_corners() {
        for one in [-30, -20, -5, -1, 0, 1, 2, 5, 19, 20, 21] {
            let x = I32F32::saturating_from_int(one).to_bits();
            for x in [x - 1, x, x + 1, i64::MIN, i64::MAX].map(I32F32::from_bits) {
                assert_eq!(logistic(x), plain(x), "{x}");
            }
        }
        for i in 2_u64..32 {
            for x in [0, 1, i - 1, i, i * 1_000_003 - 1, (1 << 63) - 1, (1 << 63) - i] {
                assert_eq!(divide(x, DIVISORS[usize::try_from(i - 2).unwrap()]), x / i);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn logistic_is_the_plain_one(bits in -(21_i64 << 32)..21 << 32) {
            let x = I32F32::from_bits(bits);
            prop_assert_eq!(logistic(x), plain(x));
        }
    }

    /// The extremes of opentensor/subtensor's `test_math_sigmoid_safe`: saturation throughout.
    #[test]
    fn extremes() {
        let tail = I32F32::saturating_from_f64(1.9e-9).unwrap();
        let half = I32F32::from_bits(1 << 31);
        for (x, end, want) in [
            (I32F32::MIN, I32F32::MAX, tail),
            (I32F32::ONE, I32F32::MAX, tail),
            (I32F32::MAX, I32F32::MAX, half),
            (I32F32::MIN, I32F32::MIN, half),
            (I32F32::ZERO, I32F32::MIN, tail),
        ] {
            assert_eq!(sigmoid_safe(x, end, end), want, "{x} {end}");
        }
    }
}
