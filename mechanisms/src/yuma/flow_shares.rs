//! Shares proportional to a power of flows: how emission was shared among subnets by flow.
//!
//! After `inplace_pow_normalize` of opentensor/subtensor @ 14bc6f9f,
//! `pallets/subtensor/src/coinbase/subnet_emissions.rs`.

use sim_types::fixed::{I32F32, U64F64};

/// `flow^p`, normalised. Flows are first scaled so that powers keep their precision in I32F32
/// and their sum fits; all zero stays zero.
#[must_use]
pub fn power_shares(flows: &[U64F64], p: U64F64) -> Vec<U64F64> {
    let largest = |flows: &[U64F64]| flows.iter().copied().max().unwrap_or(U64F64::ZERO);
    // Scaled so that the largest is one.
    let to_one = U64F64::ONE.safe_div(largest(flows));
    let scaled: Vec<_> = flows.iter().map(|&flow| to_one.saturating_mul(flow)).collect();

    // Scaled again, as far up as the sum of squares allows.
    let largest = largest(&scaled);
    let count = u64::try_from(scaled.len()).unwrap_or(u64::MAX);
    let bound = U64F64::from(count).saturating_mul(largest.saturating_mul(largest));
    let limit = U64F64::from(u64::from(i32::MAX.unsigned_abs()));
    if bound < limit.safe_div(U64F64::from(u64::MAX)) {
        return scaled;
    }
    let epsilon = U64F64::ONE.safe_div(U64F64::from(1_000));
    let factor = limit.safe_div(bound).sqrt_within(epsilon);
    let powers: Vec<_> = scaled.iter().map(|&flow| power(factor.saturating_mul(flow), p)).collect();
    let sum: U64F64 = powers.iter().copied().sum();
    powers.into_iter().map(|power| power.safe_div(sum)).collect()
}

/// `x^p` as e^(p ln x) in I32F32: zero where the logarithm does not exist, the greatest
/// 32-bit integer where the power is beyond range.
fn power(x: U64F64, p: U64F64) -> U64F64 {
    let Some(ln) = I32F32::from(x).ln() else { return U64F64::ZERO };
    let exponent = I32F32::from(p).saturating_mul(ln);
    let greatest = I32F32::saturating_from_int(i32::MAX.into());
    U64F64::from(exponent.exp().unwrap_or(greatest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flow_and_lone_flow() {
        let fixed = |x: f64| U64F64::saturating_from_f64(x).unwrap();
        assert_eq!(power_shares(&[], fixed(1.5)), []);
        assert_eq!(power_shares(&[U64F64::ZERO; 2], fixed(1.5)), [U64F64::ZERO; 2]);
        assert_eq!(power_shares(&[U64F64::ZERO, fixed(7.0)], fixed(1.5))[1], U64F64::ONE);
    }
}
