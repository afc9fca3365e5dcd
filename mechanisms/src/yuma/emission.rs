//! R12: what each uid is due.

use sim_types::fixed::{I32F32, I96F32};

use super::normalise::{normalise, normalise_by};

/// Emission in the smallest unit, each truncated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Emission {
    /// For incentive and dividends together.
    pub combined: Vec<u64>,
    /// For serving.
    pub server: Vec<u64>,
    /// For validating.
    pub validator: Vec<u64>,
}

/// Splits `total` by incentive and dividends. Where both are zero everywhere, validators
/// share all of it by active stake, and if there is none of that, by stake.
#[must_use]
pub fn split(
    incentive: &[I32F32],
    dividends: &[I32F32],
    active_stake: &[I32F32],
    stake: &[I32F32],
    total: u64,
) -> Emission {
    let mut combined: Vec<_> =
        incentive.iter().zip(dividends).map(|(&i, &d)| i.saturating_add(d)).collect();
    let sum: I32F32 = combined.iter().copied().sum();
    if sum == I32F32::ZERO {
        let inactive = active_stake.iter().copied().sum::<I32F32>() == I32F32::ZERO;
        let due = amounts(if inactive { stake } else { active_stake }, total);
        return Emission { combined: due.clone(), server: vec![0; stake.len()], validator: due };
    }
    let (mut server, mut validator) = (incentive.to_vec(), dividends.to_vec());
    normalise_by(&mut server, sum);
    normalise_by(&mut validator, sum);
    normalise(&mut combined);
    Emission {
        combined: amounts(&combined, total),
        server: amounts(&server, total),
        validator: amounts(&validator, total),
    }
}

fn amounts(shares: &[I32F32], total: u64) -> Vec<u64> {
    let total = I96F32::from(total);
    shares.iter().map(|&share| I96F32::from(share).saturating_mul(total).to_u64()).collect()
}
