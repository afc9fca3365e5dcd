//! Who of a subnet's members holds how much of its alpha.
//!
//! What validators keep of an epoch's pay stays staked and counts in the next one. After
//! `distribute_dividends_and_incentives` of opentensor/subtensor @ 14bc6f9f
//! (`coinbase/run_coinbase.rs`): a validator's dividends were earned by its alpha and by TAO
//! staked on the root in the proportion of the two, and the validators' pot is shared by the
//! first part alone. What providers keep lies idle: it is not staked on their hotkeys, so that
//! a rich miner does not become a validator (assumed).

use serde::{Deserialize, Serialize};
use sim_types::{Amount, PayoutReason, split_exactly};

use super::Due;

/// A payment that consensus ordered, in alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::world) struct Pay {
    pub(in crate::world) uid: u16,
    pub(in crate::world) amount: u64,
    pub(in crate::world) reason: PayoutReason,
}

/// Alpha of a subnet's members, smallest unit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::world) struct Stakes {
    /// Staked, by uid.
    alpha: Vec<u64>,
    /// Parts in the TAO on the root, by uid: as staked at the start.
    root: Vec<u64>,
    root_parts: u128,
    /// Kept and not staked.
    idle: u64,
}

impl Stakes {
    pub(in crate::world) fn new(stakes: Vec<u64>) -> Self {
        let root_parts = stakes.iter().map(|&stake| u128::from(stake)).sum();
        Self { root: stakes.clone(), alpha: stakes, root_parts, idle: 0 }
    }

    /// What a member's stake weighs in consensus: its alpha, and its part of the TAO on the
    /// root as that counts.
    pub(in crate::world) fn weight(&self, uid: usize, due: &Due) -> u64 {
        self.alpha[uid].saturating_add(self.on_root(uid, due))
    }

    fn on_root(&self, uid: usize, due: &Due) -> u64 {
        let part = u128::from(due.root_weighted) * u128::from(self.root[uid]);
        u64::try_from(part / self.root_parts.max(1)).unwrap_or(u64::MAX)
    }

    /// What a member has staked of the subnet's alpha.
    pub(in crate::world) fn staked(&self, uid: usize) -> u64 {
        self.alpha[uid]
    }

    /// A newcomer takes a place; what its predecessor had staked lies idle.
    pub(in crate::world) fn replace(&mut self, uid: usize) {
        self.idle += core::mem::take(&mut self.alpha[uid]);
        self.root_parts -= u128::from(core::mem::take(&mut self.root[uid]));
    }

    /// Shares an epoch's pay.
    ///
    /// # Panics
    /// When a unit is made or lost.
    pub(in crate::world) fn share(&mut self, due: &Due, pays: &[Pay]) {
        let dividends = pays.iter().filter(|pay| pay.reason == PayoutReason::Dividend);
        let (uids, parts): (Vec<usize>, Vec<u64>) = dividends
            .map(|pay| {
                let uid = usize::from(pay.uid);
                let whole = u128::from(self.alpha[uid]) + u128::from(self.on_root(uid, due));
                let part = u128::from(pay.amount) * u128::from(self.alpha[uid]) / whole.max(1);
                (uid, u64::try_from(part).unwrap_or(pay.amount))
            })
            .unzip();
        // With nobody to be paid for work, validators have all of it.
        let works = pays.iter().any(|pay| pay.reason == PayoutReason::Incentive);
        let (idle, staked) = if works {
            (due.kept_miners, due.kept_validators)
        } else {
            (0, due.kept_miners + due.kept_validators)
        };
        self.idle += idle;
        match split_exactly(Amount(staked.into()), &parts) {
            Some(shares) => {
                for (uid, share) in uids.into_iter().zip(shares) {
                    self.alpha[uid] += u64::try_from(share.0).unwrap_or(u64::MAX);
                }
            }
            None => self.idle += staked,
        }
        let found = self.alpha.iter().sum::<u64>() + self.idle;
        assert_eq!(found, due.members, "alpha of subnet {}'s members", due.subnet);
    }
}
