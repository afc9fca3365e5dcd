//! Quotients whose numerator takes up to 256 bits.

use super::wide::{div_digit, div_wide, mul_wide};

/// `floor(a * b / 2^128)`: the product of two fractions of 2^128.
#[inline]
#[must_use]
pub fn multiply_high(a: u128, b: u128) -> u128 {
    mul_wide(a, b).0
}

/// `floor(a * b / divisor)` over the full product; `None` for a zero divisor and where 128
/// bits do not hold the quotient.
///
/// ```
/// use sim_types::fixed::ratio::multiply_divide;
/// assert_eq!(multiply_divide(u128::MAX, 6, 7), Some(u128::MAX / 7 * 6 + 2));
/// assert_eq!(multiply_divide(u128::MAX, 2, 1), None);
/// ```
#[must_use]
pub fn multiply_divide(a: u128, b: u128, divisor: u128) -> Option<u128> {
    let (hi, lo) = mul_wide(a, b);
    div_wide(hi, lo, divisor)
}

/// `floor(part * scale / whole)` for `part <= whole`: a proportion in units of `1 / scale`.
/// `None` where `whole` is zero or smaller than `part`.
#[inline]
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "limbs are meant, the quotient is at most `scale`"
)]
pub fn proportion(part: u128, whole: u128, scale: u64) -> Option<u64> {
    if whole == 0 || part > whole {
        return None;
    }
    if part == whole {
        return Some(scale);
    }
    // One digit of schoolbook division: both sides are shifted until the divisor fills its
    // 128 bits, the product has three limbs, and the quotient is below `scale`, a single limb.
    let zeros = whole.leading_zeros();
    let (part, whole) = (part << zeros, whole << zeros);
    let low = (part & u128::from(u64::MAX)) * u128::from(scale);
    let high = (part >> 64) * u128::from(scale) + (low >> 64);
    Some(div_digit(high, u128::from(low as u64), whole).0 as u64)
}

/// `floor(part * 2^32 / whole)` for `part <= whole < 2^96`, without a division of integers:
/// the proportion as a fraction of 32 bits. `None` where the condition does not hold.
#[inline]
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an estimate, set right by what follows"
)]
pub fn proportion_32(part: u128, whole: u128) -> Option<u64> {
    if whole == 0 || part > whole || whole >> 96 != 0 {
        return None;
    }
    // From the leading 63 bits of the divisor and as many of the numerator, in doubles of 53:
    // an estimate in 0 ..= 2^32 that is off by one at most. Its division takes a third of the
    // time of one of 64 bits.
    let shift = 65_u32.saturating_sub(whole.leading_zeros());
    let (top, by) = ((part >> shift) as i64, (whole >> shift) as i64);
    let mut quotient = (top as f64 / by as f64 * 4_294_967_296.0) as i64 as u64;
    let target = part << 32;
    // The estimate is at most 2^32, the divisor below 2^96: no product leaves 128 bits. (A
    // check of each would cost more than the products.)
    let mut product = u128::from(quotient).wrapping_mul(whole);
    while product > target {
        quotient -= 1;
        product = product.wrapping_sub(whole);
    }
    while target.wrapping_sub(product) >= whole {
        quotient += 1;
        product = product.wrapping_add(whole);
    }
    Some(quotient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn full_quotients_are_floors(a in any::<u128>(), b in any::<u128>(), d in 1..=u128::MAX) {
            if let Some(q) = multiply_divide(a, b, d) {
                let rest = a.wrapping_mul(b).wrapping_sub(q.wrapping_mul(d));
                prop_assert!(rest < d);
            }
        }

        #[test]
        fn proportions_are_floors(
            a in any::<u128>(), b in any::<u128>(), scale in any::<u64>(), s in 0_u32..127,
        ) {
            let (part, whole) = ((a >> s).min(b >> s), (a >> s).max(b >> s));
            prop_assert_eq!(
                proportion(part, whole, scale).map(u128::from),
                multiply_divide(part, scale.into(), whole)
            );
        }

        #[test]
        fn short_proportions_are_floors(a in any::<u128>(), b in any::<u128>(), s in 32_u32..127) {
            let (part, whole) = ((a >> s).min(b >> s), (a >> s).max(b >> s));
            prop_assert_eq!(
                proportion_32(part, whole).map(u128::from),
                multiply_divide(part, 1 << 32, whole)
            );
        }
    }
}
