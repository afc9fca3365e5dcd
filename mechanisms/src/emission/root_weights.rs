//! Before dTAO the root network's validators voted on the subnets' shares.
//!
//! After `coinbase/root.rs` (`root_epoch`) of opentensor/subtensor v1.2.5 (2025-02-07), in
//! I64F64:
//!
//! | rule | |
//! |---|---|
//! | R1 | stakes are normalised, each validator's weights too |
//! | R2 | rank = sum of stake times weight; trust = stake of those with any weight on it |
//! | R3 | consensus = 1 / (1 + e^(-rho (trust - kappa))) |
//! | R4 | share = consensus times rank, normalised |

use serde::{Deserialize, Serialize};
use sim_types::fixed::I64F64;

/// Parameters of the vote. The code's values for a network; those that the main network's root
/// had were not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootVote {
    /// How steep the consensus is.
    pub rho: u16,
    /// The trust at which it is one half, in 65,535ths.
    pub kappa: u16,
}

impl Default for RootVote {
    fn default() -> Self {
        Self { rho: 10, kappa: 32_767 }
    }
}

impl RootVote {
    /// Shares of the subnets: one row of weights for each stake, one column for each subnet.
    /// `None` where no stake votes, or a row is not as long as the first.
    #[must_use]
    pub fn shares(&self, stakes: &[u64], weights: &[Vec<u16>]) -> Option<Vec<I64F64>> {
        let width = weights.first()?.len();
        if stakes.len() != weights.len() || weights.iter().any(|row| row.len() != width) {
            return None;
        }
        let stakes = normalised(stakes.iter().map(|&stake| I64F64::from(stake)).collect());
        let total: I64F64 = stakes.iter().copied().sum();
        if total == I64F64::ZERO {
            return None;
        }
        let mut ranks = vec![I64F64::ZERO; width];
        let mut trusts = ranks.clone();
        for (&stake, row) in stakes.iter().zip(weights) {
            let row = normalised(row.iter().map(|&w| I64F64::from(u64::from(w))).collect());
            for ((weight, rank), trust) in row.into_iter().zip(&mut ranks).zip(&mut trusts) {
                *rank = rank.saturating_add(stake.saturating_mul(weight));
                if weight > I64F64::ZERO {
                    *trust = trust.saturating_add(stake);
                }
            }
        }
        let kappa = I64F64::from(u64::from(self.kappa)).safe_div(I64F64::from(65_535_u64));
        let rho = I64F64::from(u64::from(self.rho));
        let share = |(trust, rank): (I64F64, I64F64)| {
            let heat = trust.safe_div(total).saturating_sub(kappa).saturating_mul(rho);
            // Beyond the range of the exponential the consensus is one, or none.
            let consensus = match exponential(I64F64::ZERO.saturating_sub(heat)) {
                Some(power) => I64F64::ONE.safe_div(I64F64::ONE.saturating_add(power)),
                None if heat > I64F64::ZERO => I64F64::ONE,
                None => I64F64::ZERO,
            };
            consensus.saturating_mul(rank)
        };
        Some(normalised(trusts.into_iter().zip(ranks).map(share).collect()))
    }
}

fn normalised(mut values: Vec<I64F64>) -> Vec<I64F64> {
    let total: I64F64 = values.iter().copied().sum();
    if total > I64F64::ZERO {
        for value in &mut values {
            *value = value.safe_div(total);
        }
    }
    values
}

/// The library's exponential in I64F64: 62 terms, inverted for a negative exponent; the
/// exponent one has the library's constant with 23 fraction bits.
fn exponential(x: I64F64) -> Option<I64F64> {
    if x == I64F64::ONE {
        return Some(I64F64::from_bits(22_802_600 << 41));
    }
    let magnitude = if x < I64F64::ZERO { I64F64::ZERO.saturating_sub(x) } else { x };
    let mut sum = magnitude.checked_add(I64F64::ONE)?;
    let mut term = magnitude;
    for n in 2..u64::from(I64F64::FRAC_BITS) {
        term = term.checked_mul(magnitude)?.checked_div(I64F64::from(n))?;
        sum = sum.checked_add(term)?;
    }
    if x < I64F64::ZERO { I64F64::ONE.checked_div(sum) } else { Some(sum) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes() {
        let vote = RootVote::default();
        // Both agree: shares are the weights, whatever the consensus.
        let shares = vote.shares(&[7, 3], &[vec![1, 3], vec![1, 3]]).unwrap();
        assert!((shares[0].to_f64() - 0.25).abs() < 1e-9);
        // A third of the stake alone: its subnet has trust 1/3, the other's has 2/3.
        let shares = vote.shares(&[1, 2], &[vec![1, 0], vec![0, 1]]).unwrap();
        let sigmoid =
            |t: f64| 1.0 / (1.0 + sim_types::math::exp(-10.0 * (t - 32_767.0 / 65_535.0)));
        let (a, b) = (sigmoid(1.0 / 3.0) / 3.0, sigmoid(2.0 / 3.0) * 2.0 / 3.0);
        assert!((shares[0].to_f64() - a / (a + b)).abs() < 1e-9, "{}", shares[0]);
        assert_eq!(vote.shares(&[], &[]), None);
        assert_eq!(vote.shares(&[0], &[vec![1]]), None);
        assert_eq!(vote.shares(&[1, 1], &[vec![1], vec![1, 2]]), None);
    }

    #[test]
    fn exponentials() {
        for x in [-20.0, -1.0, -0.3, 0.0, 0.5, 1.0, 5.0] {
            let got = exponential(I64F64::saturating_from_f64(x).unwrap()).unwrap().to_f64();
            let want = sim_types::math::exp(x);
            assert!((got - want).abs() < 1e-6 * want.max(1.0), "{x} {got} {want}");
        }
        assert_eq!(exponential(I64F64::from(60_u64)), None);
    }
}
