//! Each subnet's share of the block's TAO.
//!
//! The functions work in place over one number a subnet, in the order of subnets. Source:
//! `coinbase/subnet_emissions.rs` of opentensor/subtensor @ 14bc6f9f unless one says otherwise.
//!
//! | rule | |
//! |---|---|
//! | R1 | by price: p / sum p |
//! | R2 | weighted: a share times a factor (1 - miner burned, the root proportion), renormalised; the shares as they were if all weights are zero |
//! | R3 | subnets whose emission is switched off get nothing and the others theirs in proportion |

use serde::{Deserialize, Serialize};
use sim_types::fixed::{Reciprocal, U64F64, U96F32};

/// Quotients by one sum: equal to [`U64F64::safe_div`], without a division for each.
#[derive(Debug, Clone, Copy)]
pub struct SumDivisor {
    sum: U64F64,
    /// The sum without its trailing zeros, and their number.
    odd: Option<(Reciprocal, u32)>,
}

impl SumDivisor {
    /// Prepares a sum.
    #[must_use]
    pub fn new(sum: U64F64) -> Self {
        let bits = sum.to_bits();
        let zeros = bits.trailing_zeros().min(64);
        let odd = u64::try_from(bits >> zeros)
            .ok()
            .and_then(Reciprocal::new)
            .map(|reciprocal| (reciprocal, zeros));
        Self { sum, odd }
    }

    /// `x.safe_div(sum)`.
    #[inline]
    #[must_use]
    pub fn divide(&self, x: U64F64) -> U64F64 {
        match self.odd {
            // The division by 2^zeros comes first: the floor of a floor is the floor.
            Some((by, zeros)) if x <= self.sum => {
                let bits = x.to_bits();
                let quotient = if zeros == 64 {
                    Some(by.divide(bits))
                } else if bits >> (64 + zeros) == 0 {
                    Some(by.divide(bits << (64 - zeros)))
                } else {
                    None
                };
                quotient.map_or_else(|| x.safe_div(self.sum), U64F64::from_bits)
            }
            _ => x.safe_div(self.sum),
        }
    }
}

/// The saturating sum.
#[inline]
#[must_use]
pub fn sum(values: &[U64F64]) -> U64F64 {
    values.iter().copied().sum()
}

/// R1: prices become shares; returns the sum of the prices.
pub fn by_price(prices: &mut [U64F64]) -> U64F64 {
    let total = sum(prices);
    let divisor = SumDivisor::new(total);
    for price in prices {
        *price = divisor.divide(*price);
    }
    total
}

/// R2: shares become shares weighted by `factor` of the position.
pub fn weigh(shares: &mut [U64F64], factor: impl Fn(usize) -> U64F64) {
    let weight = |position, share: U64F64| share.saturating_mul(factor(position));
    let each = |(position, &share): (usize, &U64F64)| weight(position, share) > U64F64::ZERO;
    if !shares.iter().enumerate().any(each) {
        return;
    }
    let mut total = U64F64::ZERO;
    for (position, share) in shares.iter_mut().enumerate() {
        *share = weight(position, *share);
        total = total.saturating_add(*share);
    }
    let divisor = SumDivisor::new(total);
    for share in shares {
        *share = divisor.divide(*share);
    }
}

/// The factor of R2 for a subnet of whose miners' pay this part went to its owner.
#[inline]
#[must_use]
pub fn unburned(miner_burned: U96F32) -> U64F64 {
    U64F64::ONE.saturating_sub(U64F64::from(miner_burned).min(U64F64::ONE))
}

/// R3.
pub fn enabled_only(shares: &mut [U64F64], enabled: impl Fn(usize) -> bool) {
    let count = shares.len();
    if (0..count).all(&enabled) {
        return;
    }
    let on = shares.iter().enumerate().filter(|&(position, _)| enabled(position));
    let total: U64F64 = on.map(|(_, &share)| share).sum();
    let divisor = SumDivisor::new(total);
    for (position, share) in shares.iter_mut().enumerate() {
        *share = if enabled(position) { divisor.divide(*share) } else { U64F64::ZERO };
    }
}

/// A share of the block's emission in TAO.
#[inline]
#[must_use]
pub fn of_emission(share: U64F64, block_emission: u64) -> U96F32 {
    U96F32::from(U64F64::from(block_emission).saturating_mul(share))
}

/// Until October 2025 (opentensor/subtensor v2.0.4 and v3.2.9-326, `coinbase/run_coinbase.rs`):
/// the emission times the price over the sum of prices, in 32 fraction bits.
#[inline]
#[must_use]
pub fn of_emission_coarse(price: U96F32, total: U96F32, block_emission: u64) -> U96F32 {
    U96F32::from(block_emission).saturating_mul(price).safe_div(total)
}

/// Where shares come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// Shares set from outside: the root network's weights before dTAO
    /// ([`super::root_weights`]), or any other vote.
    Given,
    /// R1 in the arithmetic of [`of_emission_coarse`].
    PriceCoarse,
    /// R1.
    Price,
    /// R1, weighed by what miners keep.
    PriceBurn,
    /// R1, weighed by what miners keep and by the root proportion.
    PriceBurnRoot,
    /// TAO flow of users; see [`super::flow`].
    Flow,
    /// The same less the protocol's own.
    NetFlow,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fixed(x: f64) -> U64F64 {
        U64F64::saturating_from_f64(x).unwrap()
    }

    fn near(got: &[U64F64], want: &[f64]) {
        for (got, want) in got.iter().zip(want) {
            assert!((got.to_f64() - want).abs() < 1e-9, "{got} {want}");
        }
        assert_eq!(got.len(), want.len());
    }

    #[test]
    fn shares_by_price_burn_and_switch() {
        let mut shares = [fixed(0.1), fixed(0.3)];
        assert!((by_price(&mut shares).to_f64() - 0.4).abs() < 1e-12);
        near(&shares, &[0.25, 0.75]);
        let burned = [U96F32::ZERO, U96F32::ONE];
        let mut weighed = shares;
        weigh(&mut weighed, |i| unburned(burned[i]));
        near(&weighed, &[1.0, 0.0]);
        // All burned: as they were.
        let mut all = shares;
        weigh(&mut all, |_| unburned(U96F32::from(3)));
        assert_eq!(all, shares);
        let mut on = shares;
        enabled_only(&mut on, |i| i == 0);
        near(&on, &[1.0, 0.0]);
        enabled_only(&mut on, |_| false);
        near(&on, &[0.0, 0.0]);
        let mut none = [U64F64::ZERO; 2];
        by_price(&mut none);
        assert_eq!(none, [U64F64::ZERO; 2]);
        assert_eq!(of_emission(fixed(0.25), 1_000), U96F32::from(250));
        assert_eq!(of_emission_coarse(1.into(), 4.into(), 1_000), U96F32::from(250));
        assert_eq!(of_emission_coarse(1.into(), 0.into(), 1_000), U96F32::ZERO);
    }

    proptest! {
        #[test]
        fn prepared_quotients_are_quotients(
            x in any::<u128>(), sum in any::<u128>(), s in 0_u32..128, z in 0_u32..100,
        ) {
            let sum = U64F64::from_bits(sum >> s >> z << z);
            let divisor = SumDivisor::new(sum);
            for x in [x, x >> s, x >> s >> z, x >> 64, sum.to_bits(), sum.to_bits() / 3] {
                let x = U64F64::from_bits(x);
                prop_assert_eq!(divisor.divide(x), x.safe_div(sum));
            }
        }

        /// Shares add up to one, less at most a unit each.
        #[test]
        fn shares_add_up(prices in proptest::collection::vec(1_u64..1 << 40, 1..130)) {
            let mut shares: Vec<U64F64> =
                prices.iter().map(|&p| U64F64::from_bits(u128::from(p) << 32)).collect();
            by_price(&mut shares);
            let missing = U64F64::ONE.to_bits() - sum(&shares).to_bits();
            prop_assert!(missing <= prices.len() as u128);
        }
    }
}
