//! A base fee that follows demand and is burned, with a tip for the block's producer: EIP-1559.
//!
//! | rule | |
//! |---|---|
//! | R1 | the target is the gas limit over the elasticity, floored |
//! | R2 | a block at its target leaves the base fee as it is |
//! | R3 | a fuller one raises it by base × (used − target) / target / denominator, floored twice, and by one unit at least |
//! | R4 | an emptier one lowers it by base × (target − used) / target / denominator, floored twice |
//! | R5 | a block may change the gas limit by less than its 1,024th part, and not below 5,000 |
//! | R6 | a transaction whose fee cap is below the base fee is not included; others pay the base fee, which is burned, and a tip: their tip cap or what their fee cap leaves, whichever is less |
//!
//! A base fee below the denominator never falls (R4 rounds the step to nothing) but still rises
//! (R3).
//!
//! Source: ethereum/EIPs `EIPS/eip-1559.md` @ f767a1e; vectors of ethereum/go-ethereum
//! `consensus/misc/eip1559/eip1559_test.go`.
//!
//! ```
//! use mechanisms::fee::base_fee::BaseFee;
//! let rule = BaseFee::default();
//! // A full block raises the fee by an eighth, an empty one lowers it by as much.
//! assert_eq!(rule.next(1_000_000_000, 20_000_000, 20_000_000), Some(1_125_000_000));
//! assert_eq!(rule.next(1_000_000_000, 20_000_000, 0), Some(875_000_000));
//! ```

use serde::{Deserialize, Serialize};
use sim_types::ParamError;
use sim_types::fixed::ratio::multiply_divide;

/// The least gas limit of a block (R5).
pub const MIN_GAS_LIMIT: u64 = 5_000;
/// The part of the parent's gas limit that a change must stay below (R5).
pub const LIMIT_PART: u64 = 1_024;
/// The base fee of the first block under the rule, wei a unit of gas.
pub const INITIAL_BASE_FEE: u128 = 1_000_000_000;

/// The parameters of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseFee {
    elasticity: u64,
    denominator: u64,
}

impl Default for BaseFee {
    /// As on Ethereum: limit twice the target, steps of at most an eighth.
    fn default() -> Self {
        Self { elasticity: 2, denominator: 8 }
    }
}

/// What a transaction pays, in the smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charged {
    /// Leaves the supply.
    pub burned: u128,
    /// Goes to the block's producer.
    pub tip: u128,
}

impl BaseFee {
    /// Other parameters, each at least 1.
    ///
    /// # Errors
    /// Names the one that is zero.
    pub fn new(elasticity: u64, denominator: u64) -> Result<Self, ParamError> {
        ParamError::unless(elasticity > 0, "elasticity", 0, "at least 1")?;
        ParamError::unless(denominator > 0, "denominator", 0, "at least 1")?;
        Ok(Self { elasticity, denominator })
    }

    /// R1.
    #[must_use]
    pub const fn target(&self, gas_limit: u64) -> u64 {
        gas_limit / self.elasticity
    }

    /// R2 to R4: the base fee of the block after one that used so much gas. A fee beyond 128
    /// bits counts as the greatest of them; `None` where the limit leaves no target to compare
    /// with.
    #[must_use]
    pub fn next(&self, base_fee: u128, gas_limit: u64, gas_used: u64) -> Option<u128> {
        let target = self.target(gas_limit);
        if target == 0 {
            return None;
        }
        let step = |distance: u64| {
            multiply_divide(base_fee, distance.into(), target.into()).unwrap_or(u128::MAX)
                / u128::from(self.denominator)
        };
        Some(if gas_used > target {
            base_fee.saturating_add(step(gas_used - target).max(1))
        } else {
            base_fee.saturating_sub(step(target - gas_used))
        })
    }

    /// R5.
    #[must_use]
    pub const fn allows_limit(parent: u64, gas_limit: u64) -> bool {
        parent.abs_diff(gas_limit) < parent / LIMIT_PART && gas_limit >= MIN_GAS_LIMIT
    }

    /// R6, for so much gas: `None` for a transaction that is not included. Sums beyond 128 bits
    /// count as the greatest of them.
    #[must_use]
    pub fn charge(base_fee: u128, fee_cap: u128, tip_cap: u128, gas: u64) -> Option<Charged> {
        let room = fee_cap.checked_sub(base_fee)?;
        let gas = u128::from(gas);
        Some(Charged {
            burned: base_fee.saturating_mul(gas),
            tip: tip_cap.min(room).saturating_mul(gas),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_are_positive_and_a_limit_has_a_target() {
        assert_eq!(BaseFee::new(0, 8).unwrap_err().field, "elasticity");
        assert_eq!(BaseFee::new(2, 0).unwrap_err().field, "denominator");
        assert_eq!(BaseFee::default().next(7, 1, 1), None);
        assert_eq!(BaseFee::default().next(u128::MAX, 10, 10), Some(u128::MAX));
    }

    #[test]
    fn caps_decide_who_is_included_and_what_the_producer_gets() {
        let charged = |burned, tip| Some(Charged { burned, tip });
        // (base fee, fee cap, tip cap) for 21,000 gas.
        for ((base, cap, tip), want) in [
            ((10, 9, 5), None),
            ((10, 10, 5), charged(210_000, 0)),
            ((10, 12, 5), charged(210_000, 42_000)),
            ((10, 100, 5), charged(210_000, 105_000)),
        ] {
            assert_eq!(BaseFee::charge(base, cap, tip, 21_000), want);
        }
    }

    proptest! {
        /// More gas used never means a lower fee; at the target nothing moves; no step is larger
        /// than the elasticity and the denominator allow.
        #[test]
        fn the_fee_follows_the_gas(
            base in 0_u128..1 << 80, limit in 1_000_u64..1 << 40, used in any::<[u64; 2]>(),
            elasticity in 1_u64..10, denominator in 1_u64..100,
        ) {
            let rule = BaseFee::new(elasticity, denominator).unwrap();
            let target = rule.target(limit);
            prop_assert_eq!(rule.next(base, limit, target), Some(base));
            let mut used = used.map(|used| used % (limit + 1));
            used.sort_unstable();
            let [low, high] = used.map(|used| rule.next(base, limit, used).unwrap());
            prop_assert!(low <= high);
            let up = base * u128::from(limit - target) / u128::from(target) / u128::from(denominator);
            prop_assert!(high <= base + up.max(1));
            prop_assert!(low >= base - base / u128::from(denominator));
        }
    }
}
