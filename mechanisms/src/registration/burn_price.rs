//! What a neuron's registration costs.
//!
//! Since March 2026, after `subnets/registration.rs` and `utils/misc.rs` of opentensor/subtensor
//! @ 14bc6f9f: the price halves every half-life by a factor per block in Q32, and each
//! registration multiplies it; it stays within bounds. Before, after v2.0.4 (5073ade6,
//! `coinbase/block_step.rs`, `upgraded_burn`): every interval it moves toward a target number
//! of registrations.

use serde::{Deserialize, Serialize};
use sim_types::fixed::{U64F64, U110F18};
use sim_types::seeded;

/// One in Q32.
const ONE_Q32: u64 = 1 << 32;

/// The price's parameters. Defaults: `runtime/src/lib.rs` and `pallets/subtensor/src/lib.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BurnPrice {
    /// Blocks in which the price halves; 0 for never.
    pub half_life: u16,
    /// Factor of each registration, at least one.
    pub multiplier: U64F64,
    /// The least price, rao.
    pub min: u64,
    /// The greatest price, rao.
    pub max: u64,
}

impl Default for BurnPrice {
    fn default() -> Self {
        Self {
            half_life: 360,
            // 1.26.
            multiplier: U64F64::from_bits((126 << 64) / 100),
            min: 500_000,
            max: 100_000_000_000,
        }
    }
}

impl BurnPrice {
    /// The price after one block; block 0 and 1 do not decay.
    #[must_use]
    pub fn after_block(&self, price: u64, factor_q32: u64, block: u64) -> u64 {
        let decays = self.half_life > 0 && block > 1;
        let next = if decays { multiply_q32(price, factor_q32) } else { price };
        self.bounded(next)
    }

    /// The price after a registration.
    #[must_use]
    pub fn after_registration(&self, price: u64) -> u64 {
        let factor = self.multiplier.max(U64F64::ONE);
        let factor = seeded!(
            RegistrationTooCheap,
            U64F64::from_bits(factor.to_bits() / 2 + U64F64::ONE.to_bits() / 2),
            factor
        );
        self.bounded(U64F64::from(price).saturating_mul(factor).to_u64())
    }

    /// The factor for [`Self::after_block`]; worth keeping.
    #[must_use]
    pub fn factor_q32(&self) -> u64 {
        decay_factor_q32(self.half_life)
    }

    fn bounded(&self, price: u64) -> u64 {
        // As the chain does it, the upper bound last: it wins where the bounds are crossed.
        price.max(self.min).min(self.max)
    }
}

/// `floor(value * factor / 2^32)`, saturating.
#[must_use]
pub fn multiply_q32(value: u64, factor_q32: u64) -> u64 {
    u64::try_from((u128::from(value) * u128::from(factor_q32)) >> 32).unwrap_or(u64::MAX)
}

fn power_q32(base: u64, exponent: u16) -> u64 {
    let (mut result, mut factor, mut power) = (ONE_Q32, base, exponent);
    while power > 0 {
        if power & 1 == 1 {
            result = multiply_q32(result, factor);
        }
        power >>= 1;
        if power > 0 {
            factor = multiply_q32(factor, factor);
        }
    }
    result
}

/// The greatest factor in Q32 whose power of `half_life` does not exceed one half; one for 0.
#[must_use]
pub fn decay_factor_q32(half_life: u16) -> u64 {
    if half_life == 0 {
        return ONE_Q32;
    }
    let (mut low, mut high) = (0, ONE_Q32);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if power_q32(middle, half_life) > ONE_Q32 / 2 { high = middle } else { low = middle }
    }
    low
}

/// The price until March 2026, at the end of an interval: pulled toward the price at which
/// `target` registrations would have come, and kept by the part `inertia / (2^64 - 1)`.
#[must_use]
pub fn adjusted(
    price: u64,
    registrations: u16,
    target: u16,
    inertia: u64,
    (min, max): (u64, u64),
) -> u64 {
    let (number, doubled) = (u64::from(registrations) + u64::from(target), 2 * u64::from(target));
    let pulled =
        U110F18::from(price).saturating_mul(U110F18::from(number)).safe_div(U110F18::from(doubled));
    let kept = U110F18::from(inertia).safe_div(U110F18::from(u64::MAX));
    let next = kept
        .saturating_mul(U110F18::from(price))
        .saturating_add(U110F18::ONE.saturating_sub(kept).saturating_mul(pulled));
    next.to_u64().min(max).max(min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halves_in_a_half_life() {
        for half_life in [1, 2, 360, 7_200] {
            let rule = BurnPrice { half_life, ..BurnPrice::default() };
            let (factor, start) = (rule.factor_q32(), 80_000_000_000);
            let end = (0..half_life).fold(start, |price, _| rule.after_block(price, factor, 9));
            assert!(end.abs_diff(start / 2) < start / 1_000, "{half_life} {end}");
        }
        assert_eq!(decay_factor_q32(0), ONE_Q32);
        assert_eq!(BurnPrice::default().after_block(1_000_000, 1 << 31, 1), 1_000_000);
    }

    #[test]
    fn bounds() {
        let rule = BurnPrice::default();
        assert_eq!(rule.after_registration(100_000_000), 126_000_000 - 1);
        assert_eq!(rule.after_registration(99_000_000_000), rule.max);
        assert_eq!(rule.after_block(500_001, rule.factor_q32(), 2), rule.min);
    }

    #[test]
    fn older_adjustment() {
        let bounds = (1, u64::MAX);
        // No inertia: the mean of price and price times registrations over target.
        assert_eq!(adjusted(1_000, 2, 2, 0, bounds), 1_000);
        assert_eq!(adjusted(1_000, 6, 2, 0, bounds), 2_000);
        assert_eq!(adjusted(1_000, 0, 2, 0, bounds), 500);
        assert_eq!(adjusted(1_000, 0, 2, u64::MAX, bounds), 1_000);
        assert_eq!(adjusted(1_000, 0, 2, 0, (700, 800)), 700);
        assert_eq!(adjusted(1_000, 0, 0, 0, bounds), 1);
    }

    proptest! {
        /// More registrations never make the next one cheaper.
        #[test]
        fn registrations_lift_the_price(price in 500_000_u64..100_000_000_000) {
            let rule = BurnPrice::default();
            prop_assert!(rule.after_registration(price) >= price);
            prop_assert!(rule.after_block(price, rule.factor_q32(), 5) <= price);
        }
    }
}
