//! The moving average of a subnet's price.
//!
//! After `staking/stake_utils.rs` (`update_moving_price`) of opentensor/subtensor:
//!
//! | form | release | |
//! |---|---|---|
//! | [`MovingPrice::Constant`] | v2.0.4 | p <- a min(spot, 1) + (1 - a) p |
//! | [`MovingPrice::Coarse`] | v2.0.8 to v3.4.7 | the same with a grown from 0: a b / (b + h), b blocks since the start call, in U96F32 |
//! | [`MovingPrice::Fine`] | since v3.4.8 | the same in U64F64 |
//!
//! The average itself is stored with 32 fraction bits in all of them.

use serde::{Deserialize, Serialize};
use sim_types::fixed::{I96F32, U64F64, U96F32};

/// The smoothing factor unless governance sets another: the nearest to 0.000003 in I96F32.
pub const ALPHA: I96F32 = I96F32::from_bits(12_885);
/// Blocks after which the factor has grown to half (28 days).
pub const HALVING_BLOCKS: u64 = 201_600;

/// Which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovingPrice {
    /// The factor is the same from the first block.
    Constant,
    /// The factor grows with the subnet's age, in U96F32.
    Coarse,
    /// The factor grows with the subnet's age, in U64F64.
    Fine,
}

/// What the average is smoothed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smoothing {
    /// The factor a.
    pub alpha: I96F32,
    /// h; see [`HALVING_BLOCKS`].
    pub halving_blocks: u64,
}

impl Default for Smoothing {
    fn default() -> Self {
        Self { alpha: ALPHA, halving_blocks: HALVING_BLOCKS }
    }
}

/// Blocks since the start call, which came one block before the first emission.
#[inline]
#[must_use]
pub const fn age(first_emission_block: u64, block: u64) -> u64 {
    block.saturating_sub(first_emission_block.saturating_sub(1))
}

/// The factor in force at an age; both formats share it over many subnets of one age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// In U96F32.
    Coarse(U96F32),
    /// In U64F64.
    Fine(U64F64),
}

impl MovingPrice {
    /// The factor at an age in blocks.
    #[must_use]
    pub fn factor(self, smoothing: &Smoothing, age: u64) -> Factor {
        match self {
            Self::Constant => Factor::Coarse(smoothing.alpha.into()),
            Self::Coarse => {
                let whole = U96F32::from(age).saturating_add(smoothing.halving_blocks.into());
                let grown = U96F32::from(age).safe_div(whole);
                Factor::Coarse(U96F32::from(smoothing.alpha).saturating_mul(grown))
            }
            Self::Fine => {
                let grown = match age.checked_add(smoothing.halving_blocks) {
                    Some(whole) if whole > 0 => {
                        U64F64::from_bits((u128::from(age) << 64) / u128::from(whole))
                    }
                    _ => U64F64::from(age).safe_div(
                        U64F64::from(age).saturating_add(smoothing.halving_blocks.into()),
                    ),
                };
                Factor::Fine(U64F64::from(smoothing.alpha).saturating_mul(grown))
            }
        }
    }
}

impl Factor {
    /// The average after one more block at this spot price, which counts up to one.
    #[inline]
    #[must_use]
    pub fn next(self, moving: I96F32, spot: U64F64) -> I96F32 {
        match self {
            Self::Coarse(alpha) => {
                let spot = U96F32::from(spot).min(U96F32::ONE);
                let kept = U96F32::ONE.saturating_sub(alpha).saturating_mul(moving.into());
                I96F32::from(alpha.saturating_mul(spot).saturating_add(kept))
            }
            Self::Fine(alpha) => {
                let spot = spot.min(U64F64::ONE);
                let kept = U64F64::ONE.saturating_sub(alpha).saturating_mul(moving.into());
                I96F32::from(alpha.saturating_mul(spot).saturating_add(kept))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FORMS: [MovingPrice; 3] = [MovingPrice::Constant, MovingPrice::Coarse, MovingPrice::Fine];

    #[test]
    fn the_factor_grows_to_half_in_a_halving() {
        let smoothing = Smoothing { alpha: I96F32::ONE, halving_blocks: 100 };
        for (age, want) in [(0, 0.0), (100, 0.5), (300, 0.75)] {
            for form in [MovingPrice::Coarse, MovingPrice::Fine] {
                let got = match form.factor(&smoothing, age) {
                    Factor::Coarse(x) => x.to_f64(),
                    Factor::Fine(x) => x.to_f64(),
                };
                assert!((got - want).abs() < 1e-9, "{form:?} {age} {got}");
            }
        }
        assert_eq!(age(500, 510), 11);
        assert_eq!(age(0, 5), 5);
        let still = Smoothing { alpha: I96F32::ONE, halving_blocks: 0 };
        assert_eq!(MovingPrice::Fine.factor(&still, 0), Factor::Fine(U64F64::ZERO));
    }

    proptest! {
        /// The average stays between itself and the capped spot price, within one unit.
        #[test]
        fn stays_between(moving in 0_i64..1 << 33, spot in any::<u64>(), age in 0_u64..1 << 24, s in 0_u32..40) {
            let moving = I96F32::from_bits(moving.into());
            let spot = U64F64::from_bits(u128::from(spot) << 8 >> s);
            let capped = I96F32::from(spot.min(U64F64::ONE));
            for form in FORMS {
                let next = form.factor(&Smoothing::default(), age).next(moving, spot);
                let (low, high) = (moving.min(capped), moving.max(capped));
                let unit = I96F32::from_bits(2);
                prop_assert!(next >= low.saturating_sub(unit) && next <= high, "{form:?}");
            }
        }
    }
}
