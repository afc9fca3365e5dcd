//! How much is minted a block.
//!
//! After `coinbase/block_emission.rs` of opentensor/subtensor @ 14bc6f9f. The chain computes, in
//! I96F32, `r = floor(log2(1 / (1 - issuance / 21e15)))` and emits `10^9 / 2^r` rao, so that the
//! emission halves with the *issuance* at 10.5, 15.75, 18.375 … million TAO. The same function
//! of a subnet's alpha gives its alpha.
//!
//! Only the integer part of the logarithm is used. The library's logarithm
//! (encointer/substrate-fixed @ d5f70362) counts how often the value, halved with lost units
//! rounded up, stays at two or above: the least `r` with `value <= (2 - 2^-32) 2^r`. That is
//! computed here directly.

use serde::{Deserialize, Serialize};

/// The cap of TAO and of each subnet's alpha, in the smallest unit.
pub const MAX_SUPPLY: u64 = 21_000_000_000_000_000;
/// The emission before the first halving: one TAO.
pub const FIRST_EMISSION: u64 = 1_000_000_000;

/// The emission of the block that follows an issuance of so many units.
///
/// ```
/// use mechanisms::emission::issuance::block_emission;
/// assert_eq!(block_emission(0), 1_000_000_000);
/// assert_eq!(block_emission(10_500_000_000_000_000), 500_000_000);
/// ```
#[must_use]
pub fn block_emission(issuance: u64) -> u64 {
    if issuance >= MAX_SUPPLY {
        return 0;
    }
    // issuance / supply and its inverse complement, floored to 32 fraction bits.
    let issued = (u128::from(issuance) << 32) / u128::from(MAX_SUPPLY);
    let inverse = (1_u128 << 64) / ((1 << 32) - issued);
    FIRST_EMISSION >> halvings(inverse)
}

/// The least `r` with `inverse <= (2^33 - 1) 2^r`.
fn halvings(inverse: u128) -> u32 {
    let below_two = (1_u128 << 33) - 1;
    let mut r = 0;
    while inverse > below_two << r {
        r += 1;
    }
    r
}

/// An emission and the issuance at which it changes: worth keeping, since it changes 30 times
/// in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Per block, smallest unit.
    pub emission: u64,
    /// The least issuance with another emission; [`u64::MAX`] after the last.
    until: u64,
    /// The least issuance with this one.
    from: u64,
}

impl Step {
    /// The step in which `issuance` lies.
    #[must_use]
    pub fn at(issuance: u64) -> Self {
        let emission = block_emission(issuance);
        let (mut from, mut until) = (0, issuance);
        // The least issuance with this emission: emissions never rise.
        while from < until {
            let middle = from + (until - from) / 2;
            if block_emission(middle) > emission { from = middle + 1 } else { until = middle }
        }
        let (mut low, mut high) = (issuance, MAX_SUPPLY);
        if issuance >= MAX_SUPPLY || block_emission(MAX_SUPPLY - 1) == emission && emission == 0 {
            return Self { emission, until: u64::MAX, from };
        }
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if block_emission(middle) == emission { low = middle } else { high = middle }
        }
        Self { emission, until: high, from }
    }

    /// The emission at `issuance`, moving to its step if it has left this one.
    #[inline]
    pub fn emission_at(&mut self, issuance: u64) -> u64 {
        if issuance >= self.until || issuance < self.from {
            *self = Self::at(issuance);
        }
        self.emission
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sim_types::fixed::{I32F32, I96F32};

    /// Values of upstream's code as the reference names them.
    #[test]
    fn halves_at_the_exact_unit() {
        for (issuance, want) in [
            (10_500_000_000_000_000 - 1, 1_000_000_000),
            (10_500_000_000_000_000, 500_000_000),
            (15_750_000_000_000_000, 250_000_000),
            (18_375_000_000_000_000, 125_000_000),
            (MAX_SUPPLY - 1_000_000_000_000, 61_035),
            (MAX_SUPPLY - 1_000_000_000, 59),
            (MAX_SUPPLY - 1, 0),
            (MAX_SUPPLY, 0),
            (u64::MAX, 0),
        ] {
            assert_eq!(block_emission(issuance), want, "{issuance}");
        }
    }

    #[test]
    fn steps_meet() {
        let mut step = Step::at(0);
        let mut emissions = vec![step.emission];
        while step.until != u64::MAX {
            assert_ne!(block_emission(step.until - 1), block_emission(step.until));
            let next = Step::at(step.until);
            assert_eq!(next.from, step.until);
            step = next;
            emissions.push(step.emission);
        }
        assert_eq!(emissions.len(), 31);
        assert!(emissions.windows(2).all(|pair| pair[1] == pair[0] / 2));
    }

    proptest! {
        /// The direct form against the logarithm that the chain takes.
        #[test]
        fn agrees_with_the_logarithm(issuance in 0_u64..20_900_000_000_000_000) {
            let one = I96F32::ONE;
            let share = I96F32::from(issuance).safe_div(I96F32::from(MAX_SUPPLY));
            let inverse = one.safe_div(one.saturating_sub(share));
            let log2 = I32F32::from_bits(i64::try_from(inverse.to_bits()).unwrap()).log2().unwrap();
            prop_assert_eq!(block_emission(issuance), FIRST_EMISSION >> log2.to_u64());
        }

        #[test]
        fn kept_steps_agree(a in any::<u64>(), b in 0..=MAX_SUPPLY) {
            let mut step = Step::at(a);
            prop_assert_eq!(step.emission_at(b), block_emission(b));
            prop_assert_eq!(step.emission_at(a), block_emission(a));
        }
    }
}
