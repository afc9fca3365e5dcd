//! The same power in 128-bit arithmetic, or nothing where it cannot be sure.
//!
//! [`power_below_one`] computes `(x / (x + dx))^(p / q)` to about 112 bits by
//! `exp(-(p / q) * -ln(1 - u))`, `u = dx / (x + dx)`, both series by Horner's scheme. The
//! chain's own value ([`super::power`]) is the floor of the true value times 10^18 in its exact
//! arm, and within 2^-170 of it, floored, in its series: 256 bits of precision, of which the
//! exponent takes 6 and the scale 60. So the floor is the same unless an integer lies within
//! the error. Where one lies within `MARGIN`, which no more than one swap in 2^40 meets,
//! the answer is `None` and the caller takes the long way.
//!
//! Error, in units of 2^-128: `u` is floored (1). With `u <= 1/8` and up to 41 terms, Horner's
//! scheme for the logarithm loses at most two units a step, damped by `u`: below 4. The
//! exponent, at most 64, is floored at 2^-120, so that its product with a logarithm below 1/7
//! is off by at most 2^8 / 7 + 64 * 4 < 2^9; the exponential of at most 1/4, damped likewise,
//! adds below 4. The remainders of both series are below 2^-122, that is 2^6 units, times 64
//! for the logarithm's: below 2^13 together. The scale of 10^18 < 2^60 lifts that to 2^73 of
//! 2^128, which `MARGIN` = 2^80 exceeds 128 times.

use sim_types::fixed::ratio::multiply_high;

use super::weights::SCALE;

/// How near to an integer, in 2^-128, counts as unsure.
const MARGIN: u128 = 1 << 80;
/// Terms for which the coefficients are kept.
const TERMS: usize = 44;

/// floor(2^128 / k), from k = 2.
const INVERSES: [u128; TERMS] = {
    let mut table = [0; TERMS];
    let mut k = 2;
    while k < TERMS {
        table[k] = u128::MAX / k as u128;
        k += 1;
    }
    table
};

/// About 2^128 / k!, from k = 2.
const INVERSE_FACTORIALS: [u128; TERMS] = {
    let mut table = [0; TERMS];
    let mut k = 2;
    let mut last = u128::MAX;
    while k < TERMS {
        last /= k as u128;
        table[k] = last;
        k += 1;
    }
    table
};

/// The exponent `p / q` in units of 2^-120, floored; `None` from 64 on and for a zero `q`.
#[must_use]
pub fn exponent(p: u64, q: u64) -> Option<u128> {
    if q == 0 || p >> 6 >= q {
        return None;
    }
    let (high, rest) = (u128::from(p) << 64, u128::from(q));
    let (whole, rest) = (high / rest, high % rest);
    Some((whole << 56) | ((rest << 56) / u128::from(q)))
}

/// `floor((x / (x + dx))^exponent * 10^18)`, the exponent from [`exponent`].
#[inline]
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the result is at most 10^18")]
pub fn power_below_one(x: u64, dx: u64, exponent: u128) -> Option<u64> {
    let whole = x.checked_add(dx)?;
    if dx == 0 {
        return (x > 0).then_some(SCALE);
    }
    // u = dx / (x + dx) as a fraction of 2^128, at most 1/8.
    if dx > whole >> 3 {
        return None;
    }
    let by = u128::from(whole);
    let high = (u128::from(dx) << 64) / by;
    let rest = (u128::from(dx) << 64) - high * by;
    let u = (high << 64) | ((rest << 64) / by);

    // -ln(1 - u) = u + u^2 (1/2 + u (1/3 + ...)).
    let mut sum = 0;
    for k in (2..=terms(u)).rev() {
        sum = INVERSES[k] + multiply_high(u, sum);
    }
    let ln = u + multiply_high(u, multiply_high(u, sum));

    // z = exponent * ln, at most 1/4.
    let z = multiply_high(exponent, ln);
    if z >> 118 != 0 {
        return None;
    }
    let z = z << 8 | multiply_low_byte(exponent, ln);

    // 1 - exp(-z) = z - z^2 (1/2 - z (1/6 - ...)).
    let mut sum = 0;
    for k in (2..=terms(z)).rev() {
        sum = INVERSE_FACTORIALS[k] - multiply_high(z, sum);
    }
    let lost = z - multiply_high(z, multiply_high(z, sum));

    // 10^18 - 10^18 * lost, floored.
    let low = (lost & u128::from(u64::MAX)) * u128::from(SCALE);
    let high = (lost >> 64) * u128::from(SCALE) + (low >> 64);
    let fraction = high << 64 | u128::from(low as u64);
    let whole = (high >> 64) as u64;
    (fraction.wrapping_add(MARGIN) > MARGIN << 1).then(|| SCALE - whole - 1)
}

/// The byte that follows the upper half of a product.
#[inline]
fn multiply_low_byte(a: u128, b: u128) -> u128 {
    a.wrapping_mul(b) >> 120
}

/// How many terms leave a remainder below 2^-122, for an argument below 1/4: term k is below
/// 2^(-k * zeros).
#[inline]
const fn terms(x: u128) -> usize {
    let zeros = x.leading_zeros() as usize;
    let count = 123 / if zeros == 0 { 1 } else { zeros } + 1;
    if count < 2 {
        2
    } else if count < TERMS {
        count
    } else {
        TERMS - 1
    }
}

#[cfg(test)]
mod tests {
    use super::super::power::power_ratio_scaled;
    use super::*;
    use proptest::prelude::*;

    fn check(x: u64, dx: u64, w: u64) {
        let (p, q) = (SCALE - w, w);
        let Some(exponent) = exponent(p, q) else { return };
        let Some(fast) = power_below_one(x, dx, exponent) else { return };
        let exact =
            power_ratio_scaled((x.into(), u128::from(x) + u128::from(dx)), (p, q), 256, SCALE);
        assert_eq!(Some(u128::from(fast)), exact, "{x} {dx} {w}");
    }

    #[test]
    fn unsure_cases_are_left() {
        let one = exponent(1, 1).unwrap();
        assert_eq!(exponent(64, 1), None);
        assert_eq!(exponent(1, 0), None);
        assert_eq!(power_below_one(0, 0, one), None);
        assert_eq!(power_below_one(5, 0, one), Some(SCALE));
        assert_eq!(power_below_one(1, 1, one), None);
        assert_eq!(power_below_one(u64::MAX, 1, one), None);
        // 15/16 is an exact number of quintillionths.
        assert_eq!(power_below_one(15, 1, one), None);
        assert_eq!(power_below_one(14, 1, one), Some(933_333_333_333_333_333));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Wherever an answer is given it is the chain's.
        #[test]
        fn answers_are_exact(
            x in 1_u64..1 << 55, part in 1_u64..1 << 20, shift in 0_u32..30,
            w in SCALE / 100..=SCALE - SCALE / 100,
        ) {
            let dx = u64::try_from((u128::from(x) * u128::from(part)) >> 23 >> shift).unwrap();
            check(x, dx.max(1), w);
        }

        /// Ordinary trades are answered.
        #[test]
        fn ordinary_trades_are_answered(
            x in 1_000_000_007_u64..1 << 55, part in 1_u64..1 << 16,
            w in SCALE / 3..=SCALE / 3 * 2,
        ) {
            let dx = u64::try_from((u128::from(x) * u128::from(part)) >> 20).unwrap().max(1);
            let e = exponent(SCALE - w, w).unwrap();
            prop_assert!(power_below_one(x, dx, e).is_some());
        }
    }
}
