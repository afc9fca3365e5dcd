//! From the dividends of an epoch to the hands of validators and their nominators.
//!
//! Validators earn on two kinds of stake: alpha on the subnet and TAO on root. What a subnet
//! sets aside for either is shared by the part of each validator's dividends that this kind of
//! stake earned; then the validator cuts its take, and the rest belongs to all who stake
//! behind it.
//!
//! After `calculate_dividend_distribution` and `distribute_dividends_and_incentives` of
//! opentensor/subtensor @ 14bc6f9f, `coinbase/run_coinbase.rs`; as in
//! [`childkeys`], [`I96F32`] stands for U96F32.

use sim_types::fixed::I96F32;

use super::childkeys::{self, Stake};

/// A validator at the end of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validator {
    /// Its stake and its nominators'.
    pub stake: Stake,
    /// Dividends, after those of children went to their parents.
    pub dividends: u64,
}

/// What is set aside for validators, smallest unit of alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// For stake in alpha.
    pub alpha: u64,
    /// For stake on root.
    pub root: u64,
}

/// Shares of one validator in [`Pending`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shares {
    /// Of what stake in alpha earned.
    pub alpha: I96F32,
    /// Of what stake on root earned.
    pub root: I96F32,
}

/// Shares what is pending among validators.
#[must_use]
pub fn share(pending: Pending, tao_weight: I96F32, validators: &[Validator]) -> Vec<Shares> {
    let earned: Vec<Shares> = validators
        .iter()
        .map(|validator| {
            let dividends = I96F32::from(validator.dividends);
            let alpha = I96F32::from(validator.stake.alpha);
            let root = I96F32::from(validator.stake.root).saturating_mul(tao_weight);
            let by_root = root.safe_div(alpha.saturating_add(root));
            let root = dividends.saturating_mul(by_root);
            Shares { alpha: dividends.saturating_sub(root).max(I96F32::ZERO), root }
        })
        .collect();
    let total = |of: fn(&Shares) -> I96F32| earned.iter().map(of).sum::<I96F32>();
    let (all_alpha, all_root) = (total(|e| e.alpha), total(|e| e.root));
    let (alpha, root) = (I96F32::from(pending.alpha), I96F32::from(pending.root));
    earned
        .iter()
        .map(|earned| Shares {
            alpha: alpha.saturating_mul(earned.alpha.safe_div(all_alpha)),
            root: root.saturating_mul(earned.root.safe_div(all_root)),
        })
        .collect()
}

/// A share divided between a validator and all who stake behind it, whole units; truncation
/// may leave one to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The validator's take.
    pub take: u64,
    /// The nominators' part, the validator's own stake among them.
    pub nominators: u64,
}

/// Cuts a validator's take, of 65,535, from a share.
#[must_use]
pub fn cut(share: I96F32, take: u16) -> Cut {
    let taken = childkeys::take(take).saturating_mul(share);
    Cut { take: taken.to_u64(), nominators: share.saturating_sub(taken).max(I96F32::ZERO).to_u64() }
}

/// Divides an amount among stakes, in proportion and rounded down; the remainder stays in the
/// pool and is returned last. Everything stays if there is no stake.
///
/// The chain raises the value of a share in the pool instead and divides when somebody leaves,
/// with the same result but for rounding.
#[must_use]
pub fn among(amount: u64, stakes: &[u64]) -> (Vec<u64>, u64) {
    let total: u128 = stakes.iter().map(|&stake| u128::from(stake)).sum();
    let part = |&stake: &u64| {
        let part = u128::from(amount) * u128::from(stake) / total.max(1);
        u64::try_from(part).unwrap_or(amount)
    };
    let parts: Vec<u64> = stakes.iter().map(part).collect();
    let left = amount - parts.iter().sum::<u64>();
    (parts, left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_kind_of_stake_earns_its_own() {
        let validator =
            |alpha, root, dividends| Validator { stake: Stake { alpha, root }, dividends };
        let shares = share(
            Pending { alpha: 900, root: 100 },
            I96F32::from_bits(1 << 31),
            &[validator(100, 0, 50), validator(0, 100, 50), validator(50, 100, 100)],
        );
        // Earned on alpha 50, 0, 50; on root 0, 50, 50.
        let whole =
            |of: fn(&Shares) -> I96F32| shares.iter().map(|s| of(s).to_u64()).collect::<Vec<_>>();
        assert_eq!(whole(|s| s.alpha), [450, 0, 450]);
        assert_eq!(whole(|s| s.root), [0, 50, 50]);
        assert_eq!(cut(I96F32::from(1_000), u16::MAX), Cut { take: 1_000, nominators: 0 });
        // 11,796 of 65,535 is 17.9995%.
        assert_eq!(cut(I96F32::from(1_000), 11_796), Cut { take: 179, nominators: 820 });
        assert_eq!(among(10, &[1, 2, 0]), (vec![3, 6, 0], 1));
        assert_eq!(among(10, &[]), (vec![], 10));
        assert_eq!(among(10, &[0]), (vec![0], 10));
    }

    proptest! {
        #[test]
        fn no_more_is_shared_than_is_pending(
            validators in proptest::collection::vec((0..1_u64 << 50, 0..1_u64 << 50, 0..1_u64 << 50), 0..9),
            pending in (0..1_u64 << 50, 0..1_u64 << 50),
            tao_weight in 0_i128..=1 << 32,
            taken in any::<u16>(),
            stakes in proptest::collection::vec(any::<u64>(), 0..5),
        ) {
            let validators: Vec<_> = validators.iter().map(|&(alpha, root, dividends)| Validator {
                stake: Stake { alpha, root }, dividends,
            }).collect();
            let pending = Pending { alpha: pending.0, root: pending.1 };
            let shares = share(pending, I96F32::from_bits(tao_weight), &validators);
            let sum = |of: fn(&Shares) -> I96F32| shares.iter().map(of).sum::<I96F32>();
            prop_assert!(sum(|s| s.alpha) <= I96F32::from(pending.alpha));
            prop_assert!(sum(|s| s.root) <= I96F32::from(pending.root));
            for share in shares {
                let cut = cut(share.alpha, taken);
                let both = cut.take + cut.nominators;
                prop_assert!(both <= share.alpha.to_u64() && both + 1 >= share.alpha.to_u64());
                let (parts, left) = among(cut.nominators, &stakes);
                prop_assert_eq!(parts.iter().sum::<u64>() + left, cut.nominators);
            }
        }
    }
}
