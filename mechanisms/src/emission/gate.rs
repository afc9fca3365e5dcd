//! The gate that lets small shares through only in part.
//!
//! After `coinbase/subnet_emissions.rs` of RaoFoundation/subtensor @ f8ff769a (runtime 440 of
//! 2026-07-27; the rank came later):
//!
//! | rule | |
//! |---|---|
//! | R1 | every 360 blocks, and while there is no bar, the bar is set anew from the shares in descending order |
//! | R2 | by mass: the share at which their running sum reaches q, not interpolated |
//! | R3 | by rank N > 0: the N-th largest positive share, the least if there are fewer |
//! | R4 | share <- share / (1 + (bar / share)^h), renormalised; as they were if nothing is left |
//!
//! Trap, kept: the chain's exponential overflows for exponents below about -20.8 as it does for
//! those above, and the overflow counts as the greatest power. A share that exceeds the bar more
//! than about 1,040 times (with h = 3) is therefore let through not wholly but not at all.

use serde::{Deserialize, Serialize};
use sim_types::fixed::U64F64;

use super::power::power_all;
use super::shares::{SumDivisor, sum};

/// Blocks between settings of the bar.
pub const INTERVAL: u64 = 360;

/// Parameters of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// q: the mass above the bar.
    pub quantile: U64F64,
    /// h: how steep.
    pub exponent: U64F64,
    /// N; 0 for the rule by mass.
    pub rank: u16,
}

impl Default for Gate {
    /// The code's values: q = 0.61, h = 3, by mass.
    fn default() -> Self {
        Self { quantile: U64F64::from_bits((61 << 64) / 100), exponent: U64F64::from(3), rank: 0 }
    }
}

impl Gate {
    /// R1: whether the bar is due.
    #[must_use]
    pub fn is_due(bar: U64F64, block: u64) -> bool {
        bar == U64F64::ZERO || block.is_multiple_of(INTERVAL)
    }

    /// R2, R3: the bar; `None` where no share is positive, which keeps the old one.
    #[must_use]
    pub fn bar(&self, shares: &[U64F64], scratch: &mut Vec<U64F64>) -> Option<U64F64> {
        scratch.clear();
        scratch.extend_from_slice(shares);
        scratch.sort_unstable_by(|a, b| b.cmp(a));
        let bar = if let Some(rank) = usize::from(self.rank).checked_sub(1) {
            let positive = scratch.partition_point(|&share| share > U64F64::ZERO);
            scratch[..positive].get(rank).or(scratch[..positive].last()).copied()
        } else {
            let mut mass = U64F64::ZERO;
            let reached = scratch.iter().find(|&&share| {
                mass = mass.saturating_add(share);
                mass >= self.quantile
            });
            reached.or(scratch.last()).copied()
        };
        bar.filter(|&bar| bar > U64F64::ZERO)
    }

    /// R4, in place. A bar of zero lets everything through.
    pub fn apply(&self, bar: U64F64, shares: &mut [U64F64], scratch: &mut Vec<U64F64>) {
        if bar == U64F64::ZERO {
            return;
        }
        scratch.clear();
        scratch.extend(shares.iter().map(|&share| bar.safe_div(share)));
        power_all(scratch, self.exponent);
        for (power, &share) in scratch.iter_mut().zip(&*shares) {
            *power = share.saturating_mul(inverse(U64F64::ONE.saturating_add(*power)));
        }
        let total = sum(scratch);
        if total == U64F64::ZERO {
            return;
        }
        let divisor = SumDivisor::new(total);
        for (share, &gated) in shares.iter_mut().zip(&*scratch) {
            *share = divisor.divide(gated);
        }
    }
}

/// One over a number from one. Powers have 32 fraction bits, so that 64 bits hold the divisor.
#[inline]
fn inverse(x: U64F64) -> U64F64 {
    let bits = x.to_bits();
    if bits == 0 || bits & 0xffff_ffff != 0 {
        return U64F64::ONE.safe_div(x);
    }
    U64F64::from_bits((1 << 96) / (bits >> 32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fixed(x: f64) -> U64F64 {
        U64F64::saturating_from_f64(x).unwrap()
    }

    fn run(gate: &Gate, shares: &[f64]) -> (Option<f64>, Vec<f64>) {
        let mut shares: Vec<U64F64> = shares.iter().copied().map(fixed).collect();
        let mut scratch = Vec::new();
        let bar = gate.bar(&shares, &mut scratch);
        gate.apply(bar.unwrap_or_default(), &mut shares, &mut scratch);
        (bar.map(U64F64::to_f64), shares.into_iter().map(U64F64::to_f64).collect())
    }

    /// Hand-checked: bars by mass and by rank over the same shares.
    #[test]
    fn bars() {
        let shares = [0.1, 0.4, 0.2, 0.3];
        for (quantile, rank, want) in [
            (0.3, 0, 0.4),
            (0.61, 0, 0.3),
            (0.75, 0, 0.2),
            (1.5, 0, 0.1),
            (0.61, 1, 0.4),
            (0.61, 3, 0.2),
            (0.61, 32, 0.1),
        ] {
            let gate = Gate { quantile: fixed(quantile), rank, ..Gate::default() };
            let bar = run(&gate, &shares).0.unwrap();
            assert!((bar - want).abs() < 1e-12, "{quantile} {rank} {bar}");
        }
        assert_eq!(run(&Gate::default(), &[]).0, None);
        assert_eq!(run(&Gate { rank: 3, ..Gate::default() }, &[0.0]).0, None);
        assert!(Gate::is_due(U64F64::ZERO, 5) && Gate::is_due(U64F64::ONE, 720));
        assert!(!Gate::is_due(U64F64::ONE, 721));
    }

    /// One third and two thirds: a bar of two thirds lets 1/9 of the small and half of the
    /// large through, a bar of one third half and 8/9.
    #[test]
    fn two_subnets() {
        let shares = [1.0 / 3.0, 2.0 / 3.0];
        for (quantile, want) in [(0.61, [0.1, 0.9]), (0.807_3, [9.0 / 41.0, 32.0 / 41.0])] {
            let got = run(&Gate { quantile: fixed(quantile), ..Gate::default() }, &shares).1;
            for (got, want) in got.iter().zip(want) {
                assert!((got - want).abs() < 1e-6, "{got} {want}");
            }
        }
    }

    #[test]
    fn inverses_are_quotients() {
        for bits in [0, 1, 1 << 32, 1 << 64, (1 << 64) + (7 << 32), (1 << 64) + 7, 3 << 90] {
            let x = U64F64::from_bits(bits);
            assert_eq!(inverse(x), U64F64::ONE.safe_div(x), "{bits}");
        }
    }

    /// The trap of the module head: 1,056 times the bar, and nothing.
    #[test]
    fn far_above_the_bar_nothing_passes() {
        let gate = Gate { rank: 2, ..Gate::default() };
        let shares = run(&gate, &[750.0 / 793_219.0, 792_469.0 / 793_219.0]).1;
        assert!(shares[1] < 1e-5, "{shares:?}");
    }

    proptest! {
        /// The gate does not reorder, but for what the library's powers are off, and adds up.
        #[test]
        fn order_stays(prices in proptest::collection::vec(1_u64 << 20..1 << 28, 1..60), rank in 0_u16..40) {
            let mut shares: Vec<U64F64> =
                prices.iter().map(|&p| U64F64::from_bits(u128::from(p) << 32)).collect();
            super::super::shares::by_price(&mut shares);
            let before = shares.clone();
            let (gate, mut scratch) = (Gate { rank, ..Gate::default() }, Vec::new());
            let bar = gate.bar(&shares, &mut scratch).unwrap();
            gate.apply(bar, &mut shares, &mut scratch);
            for (i, a) in shares.iter().enumerate() {
                for (j, b) in shares.iter().enumerate() {
                    let (a, b) = (a.to_f64(), b.to_f64());
                    prop_assert!(before[i] <= before[j] || a * (1.0 + 1e-6) + 1e-12 >= b, "{a} {b}");
                }
            }
            prop_assert!((sum(&shares).to_f64() - 1.0).abs() < 1e-9);
        }
    }
}
