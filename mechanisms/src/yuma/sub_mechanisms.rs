//! Several mechanisms in one subnet: each has weights, bonds and incentive of its own and a
//! part of the emission.
//!
//! After opentensor/subtensor @ 14bc6f9f, `subnets/mechanism.rs` (`split_emissions` and
//! `epoch_with_mechanisms`). Payments add up; proportions, and the combined emission that
//! decides who is pruned, are summed weighted by the mechanisms' emission, each sum truncated.
//! Incentive is summed likewise, though the chain only keeps it by mechanism.

use sim_types::fixed::U64F64;

use super::inputs::EpochOutputs;

/// How many mechanisms a subnet may have at most.
pub const MOST: usize = 16;

/// Splits emission among `count` mechanisms: by proportions of 65,535, of which the missing
/// count as zero, or evenly. What truncation leaves goes to the first.
#[must_use]
pub fn split(emission: u64, count: usize, proportions: Option<&[u16]>) -> Vec<u64> {
    let part = |&proportion: &u16| {
        let part = u128::from(emission) * u128::from(proportion) / u128::from(u16::MAX);
        u64::try_from(part).unwrap_or(emission)
    };
    let mut parts: Vec<u64> = match proportions {
        Some(proportions) => proportions.iter().map(part).collect(),
        None => vec![emission / (count as u64).max(1); count],
    };
    parts.resize(count, 0);
    let left = emission.saturating_sub(parts.iter().fold(0, |sum, &x| sum.saturating_add(x)));
    if let Some(first) = parts.first_mut() {
        *first = first.saturating_add(left);
    }
    parts
}

/// The outputs of a subnet from those of its mechanisms and the emission of each. Permits and
/// activity hold if they hold in any; bonds stay with the mechanisms, so that none are given.
#[must_use]
pub fn merge(mechanisms: &[(EpochOutputs, u64)]) -> EpochOutputs {
    let total = mechanisms.iter().fold(0_u64, |sum, m| sum.saturating_add(m.1));
    let weights = mechanisms.iter().enumerate().map(|(i, m)| {
        if total > 0 {
            U64F64::from(m.1).safe_div(U64F64::from(total))
        } else if i == 0 {
            U64F64::ONE
        } else {
            U64F64::ZERO
        }
    });
    let mut merged = EpochOutputs::default();
    for (weight, (outputs, _)) in weights.zip(mechanisms) {
        let n = outputs.active.len();
        merged.resize(n);
        for uid in 0..n {
            let add = |sum: &mut u16, x: u16| {
                let x = U64F64::from(u64::from(x)).saturating_mul(weight);
                *sum = U64F64::from(u64::from(*sum)).saturating_add(x).to_u16();
            };
            add(&mut merged.consensus[uid], outputs.consensus[uid]);
            add(&mut merged.incentive[uid], outputs.incentive[uid]);
            add(&mut merged.dividends[uid], outputs.dividends[uid]);
            add(&mut merged.validator_trust[uid], outputs.validator_trust[uid]);
            add(&mut merged.stake_weight[uid], outputs.stake_weight[uid]);
            merged.active[uid] |= outputs.active[uid];
            merged.permits[uid] |= outputs.permits[uid];
            let x = U64F64::from(outputs.emission[uid]).saturating_mul(weight);
            merged.emission[uid] = U64F64::from(merged.emission[uid]).saturating_add(x).to_u64();
            let add = |sum: &mut u64, x: u64| *sum = sum.saturating_add(x);
            add(&mut merged.server_emission[uid], outputs.server_emission[uid]);
            add(&mut merged.validator_emission[uid], outputs.validator_emission[uid]);
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn splits_and_their_remainders() {
        assert_eq!(split(101, 2, None), [51, 50]);
        assert_eq!(split(100, 2, Some(&[u16::MAX / 4, u16::MAX - u16::MAX / 4])), [25, 75]);
        assert_eq!(split(100, 3, Some(&[u16::MAX])), [100, 0, 0]);
        assert_eq!(split(100, 2, Some(&[])), [100, 0]);
        assert!(split(5, 0, None).is_empty());
    }

    #[test]
    fn outputs_are_weighted_by_emission() {
        let outputs = |x: u16, permit| EpochOutputs {
            active: vec![permit],
            consensus: vec![x],
            incentive: vec![x],
            dividends: vec![x],
            validator_trust: vec![x],
            permits: vec![permit],
            bonds: vec![vec![]],
            emission: vec![x.into()],
            server_emission: vec![x.into()],
            validator_emission: vec![1],
            stake_weight: vec![x],
        };
        let merged = merge(&[(outputs(101, false), 300), (outputs(1_001, true), 100)]);
        // 75.75 truncates to 75, and 75 + 250.25 to 325.
        assert_eq!((merged.consensus[0], merged.emission[0]), (325, 325));
        assert_eq!((merged.server_emission[0], merged.validator_emission[0]), (1_102, 2));
        assert!(merged.permits[0] && merged.active[0]);
        let idle = merge(&[(outputs(7, false), 0), (outputs(1_001, false), 0)]);
        assert_eq!(idle.consensus, [7]);
        assert_eq!(merge(&[]), EpochOutputs::default());
    }

    proptest! {
        #[test]
        fn splits_are_whole(
            emission in any::<u64>(), count in 1..=MOST, cuts in proptest::option::of(any::<u16>()),
        ) {
            let proportions = cuts.map(|cut| [cut, u16::MAX - cut]);
            let count = if proportions.is_some() { count.max(2) } else { count };
            let parts = split(emission, count, proportions.as_ref().map(|p| &p[..]));
            prop_assert_eq!(parts.len(), count);
            prop_assert_eq!(parts.iter().map(|&p| u128::from(p)).sum::<u128>(), emission.into());
        }
    }
}
