//! Ranked tiers: the first subnets share one fixed part, the next another, the rest nothing.
//!
//! After docs/concepts/emissions.mdx of RaoFoundation/subtensor @ 1d1de96a and its draft pull
//! request 3010: ranks 1 to 32 take 75% together, 33 to 64 take 25%, in proportion to their
//! shares within a tier; without a second tier the first takes all. Equal shares rank by the
//! subnet's number. Whether it was ever live could not be confirmed.

use serde::{Deserialize, Serialize};
use sim_types::fixed::U64F64;

use super::shares::SumDivisor;

/// Sizes and parts of the tiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiers {
    /// How many ranks the first holds.
    pub first: u16,
    /// How many the second holds.
    pub second: u16,
    /// The first tier's part.
    pub first_part: U64F64,
}

impl Default for Tiers {
    fn default() -> Self {
        Self { first: 32, second: 32, first_part: U64F64::from_bits(3 << 62) }
    }
}

impl Tiers {
    /// Shares become shares of tiers, in place; `order` is scratch.
    pub fn apply(&self, shares: &mut [U64F64], order: &mut Vec<usize>) {
        order.clear();
        order.extend((0..shares.len()).filter(|&i| shares[i] > U64F64::ZERO));
        order.sort_unstable_by_key(|&i| (core::cmp::Reverse(shares[i]), i));
        let first = usize::from(self.first).min(order.len());
        let second = (first + usize::from(self.second)).min(order.len());
        let parts = if second > first {
            (self.first_part, U64F64::ONE.saturating_sub(self.first_part))
        } else {
            (U64F64::ONE, U64F64::ZERO)
        };
        for (ranks, part) in [(0..first, parts.0), (first..second, parts.1)] {
            let total: U64F64 = order[ranks.clone()].iter().map(|&i| shares[i]).sum();
            let divisor = SumDivisor::new(total);
            for &i in &order[ranks] {
                shares[i] = divisor.divide(shares[i]).saturating_mul(part);
            }
        }
        for &i in &order[second..] {
            shares[i] = U64F64::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(tiers: Tiers, shares: &[f64]) -> Vec<f64> {
        let mut shares: Vec<U64F64> =
            shares.iter().map(|&x| U64F64::saturating_from_f64(x).unwrap()).collect();
        tiers.apply(&mut shares, &mut Vec::new());
        shares.into_iter().map(U64F64::to_f64).collect()
    }

    #[test]
    fn parts_by_rank() {
        let tiers = Tiers { first: 2, second: 1, ..Tiers::default() };
        for (shares, want) in [
            (vec![0.1, 0.4, 0.2, 0.3], vec![0.0, 3.0 / 7.0, 0.25, 2.25 / 7.0]),
            (vec![0.25; 4], vec![0.375, 0.375, 0.25, 0.0]),
            (vec![0.5, 0.5], vec![0.5, 0.5]),
            (vec![0.0, 1.0], vec![0.0, 1.0]),
            (vec![], vec![]),
        ] {
            for (got, want) in run(tiers, &shares).iter().zip(&want) {
                assert!((got - want).abs() < 1e-12, "{shares:?}: {got} {want}");
            }
        }
        // 64 subnets of equal share: 75% and 25%.
        let even = run(Tiers::default(), &[1.0 / 100.0; 100]);
        assert!((even[..32].iter().sum::<f64>() - 0.75).abs() < 1e-12);
        assert!((even[32..64].iter().sum::<f64>() - 0.25).abs() < 1e-12);
        assert!(even[64..].iter().all(|&x| x.abs() < f64::EPSILON));
    }
}
