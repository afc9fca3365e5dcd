//! Products and quotients of full width, of which 64 or 128 bits are kept.

/// `floor(a * b / 2^frac)` if it fits.
#[inline]
pub(super) fn mul_i64(a: i64, b: i64, frac: u32) -> Option<i64> {
    i64::try_from((i128::from(a) * i128::from(b)) >> frac).ok()
}

/// `a * 2^frac / b` toward zero if it fits.
#[inline]
pub(super) fn div_i64(a: i64, b: i64, frac: u32) -> Option<i64> {
    // Shares are below one, so that their numerator fits 64 bits: an ordinary division.
    if let (Ok(ua), Ok(ub)) = (u64::try_from(a), u64::try_from(b))
        && ua.leading_zeros() >= frac
    {
        return (ua << frac).checked_div(ub).and_then(|q| i64::try_from(q).ok());
    }
    (i128::from(a) << frac).checked_div(i128::from(b)).and_then(|q| i64::try_from(q).ok())
}

/// `floor(a * b / 2^frac)` if it fits; `0 < frac < 128`.
#[inline]
pub(super) fn mul_u128(a: u128, b: u128, frac: u32) -> Option<u128> {
    // Shares, prices and amounts of one subnet have 64 bits: one multiplication.
    if (a | b) >> 64 == 0 {
        return Some(half_product(a, b) >> frac);
    }
    let (hi, lo) = mul_wide(a, b);
    (hi >> frac == 0).then(|| (hi << (128 - frac)) | (lo >> frac))
}

/// `a * 2^frac / b` toward zero if it fits; `0 < frac < 128`.
#[inline]
pub(super) fn div_u128(a: u128, b: u128, frac: u32) -> Option<u128> {
    div_wide(a >> (128 - frac), a << frac, b)
}

/// `floor(a * b / 2^frac)` if it fits; `0 < frac < 128`.
#[inline]
pub(super) fn mul_i128(a: i128, b: i128, frac: u32) -> Option<i128> {
    let negative = (a < 0) != (b < 0);
    let (a, b) = (a.unsigned_abs(), b.unsigned_abs());
    let (hi, lo) = mul_wide(a, b);
    if hi >> frac != 0 {
        return None;
    }
    let magnitude = (hi << (128 - frac)) | (lo >> frac);
    // The floor of a negative value is the ceiling of its magnitude.
    let inexact = lo << (128 - frac) != 0;
    signed(negative, magnitude.checked_add(u128::from(negative && inexact))?)
}

/// `a * 2^frac / b` toward zero if it fits; `0 < frac < 128`.
pub(super) fn div_i128(a: i128, b: i128, frac: u32) -> Option<i128> {
    signed((a < 0) != (b < 0), div_u128(a.unsigned_abs(), b.unsigned_abs(), frac)?)
}

fn signed(negative: bool, magnitude: u128) -> Option<i128> {
    if negative { 0_i128.checked_sub_unsigned(magnitude) } else { i128::try_from(magnitude).ok() }
}

const LOW: u128 = u64::MAX as u128;

/// The product of two halves, which needs no check: release builds check every `*`, and a
/// check of 128 bits costs several times the product.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
const fn half_product(a: u128, b: u128) -> u128 {
    (a as u64 as u128).wrapping_mul(b as u64 as u128)
}

/// The product as (high, low) halves.
#[inline]
pub(super) fn mul_wide(a: u128, b: u128) -> (u128, u128) {
    let (a1, b1) = (a >> 64, b >> 64);
    let low = half_product(a, b);
    // A half product and two halves fit 128 bits.
    let mid = half_product(a1, b).wrapping_add(low >> 64);
    let other = half_product(a, b1).wrapping_add(mid & LOW);
    let hi = half_product(a1, b1).wrapping_add(mid >> 64).wrapping_add(other >> 64);
    (hi, (other << 64) | (low & LOW))
}

/// `(hi * 2^128 + lo) / d` if the quotient fits 128 bits and `d` is not zero.
pub(super) fn div_wide(hi: u128, lo: u128, d: u128) -> Option<u128> {
    if hi == 0 {
        return lo.checked_div(d);
    }
    if hi >= d {
        return None;
    }
    // Schoolbook division by two digits of 64 bits (Knuth, TAOCP vol. 2, 4.3.1, algorithm D),
    // after shifting the divisor's leading bit to the top.
    let zeros = d.leading_zeros();
    let d = d << zeros;
    let hi = if zeros == 0 { hi } else { (hi << zeros) | (lo >> (128 - zeros)) };
    let lo = lo << zeros;
    let (q1, rest) = div_digit(hi, lo >> 64, d);
    let (q0, _) = div_digit(rest, lo & LOW, d);
    Some((q1 << 64) | q0)
}

/// One digit of the quotient `(u * 2^64 + next) / d` and the remainder, for `u < d`, `d`
/// with its top bit set.
#[inline]
pub(super) fn div_digit(u: u128, next: u128, d: u128) -> (u128, u128) {
    let (d1, d0) = (d >> 64, d & LOW);
    // The remainder by a product: a second division costs ten times as much. The estimate is
    // capped at a digit and then at most two too large.
    let mut q = (u / d1).min(LOW);
    let mut rest = u.wrapping_sub(half_product(q, d1));
    while rest <= LOW && half_product(q, d0) > ((rest << 64) | next) {
        q = q.wrapping_sub(1);
        rest = rest.wrapping_add(d1);
    }
    (q, (u << 64).wrapping_add(next).wrapping_sub(q.wrapping_mul(d)))
}
