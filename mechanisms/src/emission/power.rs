//! Powers of many numbers at once, bit for bit as the chain's `safe_pow` takes them one by one.
//!
//! `x^p = e^(p ln x)` in I32F32 with the iterations of encointer/substrate-fixed @ d5f70362: 32
//! squarings for the logarithm, 30 terms for the exponential, each waiting for the one before.
//! [`LANES`] numbers go through them side by side, so that the machine always has something to
//! do; the divisions by small numbers are multiplications.

use sim_types::fixed::{I32F32, Reciprocal, U64F64};

/// How many numbers are computed side by side.
pub const LANES: usize = 8;

const ONE: u64 = 1 << 32;
/// log2(e) with 23 fraction bits, as the library keeps it.
const LOG2_E: Reciprocal = Reciprocal::new(12_102_203 << 9).expect("not zero");

/// The first factors of [`divide_small`]: floor(2^64 / n) + 1.
const INVERSES: [u64; 32] = {
    let mut table = [0; 32];
    let mut n = 2;
    while n < table.len() {
        table[n] = u64::MAX / n as u64 + 1;
        n += 1;
    }
    table
};

/// `floor(x / n)` for `x < 2^59` and `2 <= n < 32`: the factor exceeds 2^64 / n by less than
/// one, so that the product exceeds the quotient by less than x / 2^64 < 1 / n.
#[inline]
fn divide_small(x: u64, n: usize) -> u64 {
    high(x, INVERSES[n])
}

/// The upper half of a product.
#[inline]
fn high(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

/// `floor(2^64 / x)` for x > 1, by a division of 64 bits.
#[inline]
fn inverse(x: u64) -> u64 {
    let quotient = u64::MAX / x;
    // For a power of two the numerator's missing unit is one of the quotient's.
    quotient + u64::from(x.is_power_of_two())
}

/// Each number to the power of `p`: zero where the logarithm does not exist, the greatest
/// 32-bit integer where the power is beyond range.
pub fn power_all(values: &mut [U64F64], p: U64F64) {
    let p = I32F32::from(p);
    let mut chunks = values.chunks_exact_mut(LANES);
    for chunk in &mut chunks {
        let lanes: [U64F64; LANES] = core::array::from_fn(|i| chunk[i]);
        chunk.copy_from_slice(&lanes_power(lanes, p));
    }
    for value in chunks.into_remainder() {
        *value = power(*value, p);
    }
}

/// One number, by the library's own iterations.
#[must_use]
pub fn power(x: U64F64, p: I32F32) -> U64F64 {
    let Some(ln) = I32F32::from(x).ln() else { return U64F64::ZERO };
    let greatest = I32F32::saturating_from_int(i32::MAX.into());
    U64F64::from(p.saturating_mul(ln).exp().unwrap_or(greatest))
}

fn lanes_power(lanes: [U64F64; LANES], p: I32F32) -> [U64F64; LANES] {
    // Ordinary: the inverse of a small number is in range, so that the logarithm exists.
    let bits = lanes.map(|x| I32F32::from(x).to_bits().cast_unsigned());
    let mut ordinary = bits.map(|x| (4..1 << 61).contains(&x));
    let from_one: [u64; LANES] = core::array::from_fn(|i| match bits[i] {
        _ if !ordinary[i] => ONE,
        x if x < ONE => inverse(x),
        x => x,
    });
    let log2 = lanes_log2(from_one);
    let exponents: [I32F32; LANES] = core::array::from_fn(|i| {
        // Logarithms reach 31, so that 64 bits hold the quotient.
        let ln = LOG2_E.divide(u128::from(log2[i]) << 32);
        let ln = i64::try_from(ln).unwrap_or(i64::MAX);
        p.saturating_mul(I32F32::from_bits(if bits[i] < ONE { -ln } else { ln }))
    });
    // Up to 16 no term nor the sum exceeds e^16 < 2^24, far from the limits of either format;
    // zero and one have rules of their own in the library.
    let magnitude: [u64; LANES] = core::array::from_fn(|i| {
        let x = exponents[i].to_bits().unsigned_abs();
        ordinary[i] &= x != 0 && x != ONE && x <= 16 << 32;
        if ordinary[i] { x } else { 0 }
    });
    let sums = lanes_exp(magnitude);
    core::array::from_fn(|i| {
        if !ordinary[i] {
            return power(lanes[i], p);
        }
        let negative = exponents[i] < I32F32::ZERO;
        let value = if negative { inverse(sums[i]) } else { sums[i] };
        U64F64::from_bits(u128::from(value) << 32)
    })
}

/// Binary logarithms of numbers from one, below 2^29.
fn lanes_log2(mut x: [u64; LANES]) -> [u64; LANES] {
    let mut result = [0_u64; LANES];
    for (x, result) in x.iter_mut().zip(&mut result) {
        // Halved until it is below two, lost halves rounded up: one shift, rounded up, which
        // can end at two.
        let shift = 31_u32.saturating_sub(x.leading_zeros());
        let shifted = (*x >> shift) + u64::from(*x << (63 - shift) << 1 != 0);
        let over = shifted >> 33;
        *x = shifted >> over;
        *result = u64::from(shift) + over;
    }
    // A number that is one by now stays one: its squares add zeros.
    for _ in 0..32 {
        for (x, result) in x.iter_mut().zip(&mut result) {
            let square = high(*x << 16, *x << 16);
            let over = square >> 33;
            *x = (square >> over) + (square & over);
            *result = *result << 1 | over;
        }
    }
    result
}

/// Exponentials of numbers up to 16.
fn lanes_exp(x: [u64; LANES]) -> [u64; LANES] {
    let mut sum = x.map(|x| x + ONE);
    let mut term = x;
    for n in 2..32 {
        for ((term, sum), &x) in term.iter_mut().zip(&mut sum).zip(&x) {
            // Terms are below 2^56, times a number of at most 2^36, over 2^32.
            *term = divide_small(high(*term << 5, x << 27), n);
            *sum += *term;
        }
        // Once nothing is added, nothing will be.
        if n % 4 == 0 && term.iter().all(|&term| term == 0) {
            break;
        }
    }
    sum
}

/// Powers normalised, in place: flows become shares.
///
/// After `inplace_pow_normalize` of opentensor/subtensor @ 14bc6f9f,
/// `coinbase/subnet_emissions.rs`: numbers are first scaled so that their greatest is one, then
/// up as far as the sum of squares allows; all zero stays zero.
pub fn power_shares(flows: &mut [U64F64], p: U64F64) {
    let largest = |flows: &[U64F64]| flows.iter().copied().max().unwrap_or(U64F64::ZERO);
    let to_one = U64F64::ONE.safe_div(largest(flows));
    for flow in &mut *flows {
        *flow = to_one.saturating_mul(*flow);
    }
    let largest = largest(flows);
    let count = U64F64::from(u64::try_from(flows.len()).unwrap_or(u64::MAX));
    let bound = count.saturating_mul(largest.saturating_mul(largest));
    let limit = U64F64::from(0x7fff_ffff);
    if bound < limit.safe_div(U64F64::from(u64::MAX)) {
        return;
    }
    let epsilon = U64F64::ONE.safe_div(U64F64::from(1_000));
    let factor = limit.safe_div(bound).sqrt_within(epsilon);
    for flow in &mut *flows {
        *flow = factor.saturating_mul(*flow);
    }
    power_all(flows, p);
    let divisor = super::shares::SumDivisor::new(super::shares::sum(flows));
    for flow in flows {
        *flow = divisor.divide(*flow);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yuma::flow_shares;
    use proptest::prelude::*;

    proptest! {
        /// Side by side and one by one.
        #[test]
        fn lanes_are_the_library(
            x in proptest::collection::vec((any::<u64>(), 0_u32..64), 9), p in 0_u64..1 << 35,
        ) {
            let values: Vec<U64F64> =
                x.into_iter().map(|(x, s)| U64F64::from_bits(u128::from(x >> s) << 32)).collect();
            let p = U64F64::from_bits(u128::from(p) << 32);
            let mut all = values.clone();
            power_all(&mut all, p);
            let each: Vec<U64F64> = values.iter().map(|&x| power(x, p.into())).collect();
            prop_assert_eq!(all, each);
        }

        #[test]
        fn small_quotients(x in 0_u64..1 << 59, n in 2_usize..32) {
            prop_assert_eq!(divide_small(x, n), x / n as u64);
            let (x, whole) = (x.max(2), 1_u128 << 64);
            prop_assert_eq!(u128::from(inverse(x)), whole / u128::from(x));
            prop_assert_eq!(u128::from(inverse(2 << n)), whole >> (n + 1));
        }

        #[test]
        fn shares_are_those_of_the_flow_rule(
            flows in proptest::collection::vec(0_u64..1 << 50, 0..40), p in 1_u64..4,
        ) {
            let flows: Vec<U64F64> = flows.into_iter().map(U64F64::from).collect();
            let mut shares = flows.clone();
            power_shares(&mut shares, p.into());
            prop_assert_eq!(shares, flow_shares::power_shares(&flows, p.into()));
        }
    }

    const TWO: u64 = 2 << 32;

    #[test]
    fn corners() {
        let values = [0, 1, 2, 3, 4, ONE - 1, ONE, ONE + 1, TWO, 1 << 61, u64::MAX >> 1, 16 << 32];
        for p in [0, 1, ONE / 2, ONE, 3 * ONE, 40 * ONE] {
            let p = U64F64::from_bits(u128::from(p) << 32);
            let each = values.map(|x| U64F64::from_bits(u128::from(x) << 32));
            let mut all = each;
            power_all(&mut all, p);
            assert_eq!(all, each.map(|x| power(x, p.into())), "{p}");
        }
    }
}
