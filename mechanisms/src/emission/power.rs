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
const TWO: u64 = 2 << 32;
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
    ((u128::from(x) * u128::from(INVERSES[n])) >> 64) as u64
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
    if bits.iter().any(|x| !(4..1 << 61).contains(x)) {
        return lanes.map(|x| power(x, p));
    }
    let inverted = bits.map(|x| x < ONE);
    let from_one: [u64; LANES] = core::array::from_fn(|i| {
        if inverted[i] {
            u64::try_from((1_u128 << 64) / u128::from(bits[i])).unwrap_or(0)
        } else {
            bits[i]
        }
    });
    let log2 = lanes_log2(from_one);
    let exponents: [I32F32; LANES] = core::array::from_fn(|i| {
        // Logarithms reach 31, so that 64 bits hold the quotient.
        let ln = LOG2_E.divide(u128::from(log2[i]) << 32);
        let ln = i64::try_from(ln).unwrap_or(i64::MAX);
        p.saturating_mul(I32F32::from_bits(if inverted[i] { -ln } else { ln }))
    });
    lanes_exp(exponents)
}

/// Binary logarithms of numbers from one, below 2^29.
#[expect(clippy::cast_possible_truncation, reason = "squares of numbers below two fit 34 bits")]
fn lanes_log2(mut x: [u64; LANES]) -> [u64; LANES] {
    let half = |x: u64| (x >> 1) + (x & 1);
    let mut result = [0_u64; LANES];
    for (x, result) in x.iter_mut().zip(&mut result) {
        while *x >= TWO {
            *x = half(*x);
            *result += 1;
        }
    }
    // A number that is one by now stays one: its squares add zeros.
    for _ in 0..32 {
        for (x, result) in x.iter_mut().zip(&mut result) {
            let square = ((u128::from(*x) * u128::from(*x)) >> 32) as u64;
            let over = square >= TWO;
            *x = if over { half(square) } else { square };
            *result = *result << 1 | u64::from(over);
        }
    }
    result
}

/// Exponentials.
#[expect(clippy::cast_possible_truncation, reason = "terms are below 2^59, see the guard")]
fn lanes_exp(exponents: [I32F32; LANES]) -> [U64F64; LANES] {
    let magnitude = exponents.map(|x| x.to_bits().unsigned_abs());
    // Up to 16 no term nor the sum exceeds e^16 < 2^24, far from the limits of either format;
    // zero and one have rules of their own in the library.
    if magnitude.iter().any(|&x| x == 0 || x == ONE || x > 16 << 32) {
        let greatest = I32F32::saturating_from_int(i32::MAX.into());
        return exponents.map(|x| U64F64::from(x.exp().unwrap_or(greatest)));
    }
    let mut sum = magnitude.map(|x| x + ONE);
    let mut term = magnitude;
    for n in 2..32 {
        for ((term, sum), &x) in term.iter_mut().zip(&mut sum).zip(&magnitude) {
            *term = divide_small(((u128::from(*term) * u128::from(x)) >> 32) as u64, n);
            *sum += *term;
        }
    }
    core::array::from_fn(|i| {
        let negative = exponents[i] < I32F32::ZERO;
        // Above one, so that the inverse needs no more than 64 bits.
        let value =
            if negative { (u128::from(ONE) << 32) / u128::from(sum[i]) } else { sum[i].into() };
        U64F64::from_bits(value << 32)
    })
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
