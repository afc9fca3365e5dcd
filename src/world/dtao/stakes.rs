//! Who of a subnet's members holds how much of its alpha.
//!
//! What validators keep of an epoch's pay stays staked and counts in the next one. After
//! `distribute_dividends_and_incentives` of opentensor/subtensor @ 14bc6f9f
//! (`coinbase/run_coinbase.rs`): a validator's dividends were earned by its alpha and by TAO
//! staked on the root in the proportion of the two, and the validators' pot is shared by the
//! first part alone. The chain cuts takes from the root's pot too, which here the root has whole.
//! What providers keep lies idle: it is not staked on their hotkeys, so that
//! a rich miner does not become a validator (assumed).

use mechanisms::yuma::childkeys::Stake;
use serde::{Deserialize, Serialize};
use sim_types::{Amount, PayoutReason, split_exactly};

use super::Due;
use super::delegation::{Delegation, Passed};

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
    /// Whose the stakes are, where they are not all the members' own.
    delegation: Option<Delegation>,
}

impl Stakes {
    pub(in crate::world) fn new(stakes: Vec<u64>, delegation: Option<Delegation>) -> Self {
        let root_parts = stakes.iter().map(|&stake| u128::from(stake)).sum();
        Self { root: stakes.clone(), alpha: stakes, root_parts, idle: 0, delegation }
    }

    /// What each member's stake weighs when the subnet opens: its alpha.
    pub(in crate::world) fn opening(&self) -> Vec<u64> {
        let Some(delegation) = &self.delegation else { return self.alpha.clone() };
        let stake = |uid: usize| Stake { alpha: self.alpha[uid], root: 0 };
        (0..self.alpha.len()).map(|uid| delegation.weight(uid, stake)).collect()
    }

    /// What a member's stake weighs in consensus: its alpha, and its part of the TAO on the
    /// root as that counts.
    pub(in crate::world) fn weight(&self, uid: usize, due: &Due) -> u64 {
        let stake = |uid: usize| self.stake(uid, due);
        if let Some(delegation) = &self.delegation {
            return delegation.weight(uid, stake);
        }
        let Stake { alpha, root } = stake(uid);
        alpha.saturating_add(root)
    }

    /// What is staked behind a member, TAO on the root as it counts in alpha.
    fn stake(&self, uid: usize, due: &Due) -> Stake {
        Stake { alpha: self.alpha[uid], root: self.on_root(uid, due) }
    }

    /// Whether stake belongs to others than the members behind whom it is, or is lent.
    pub(in crate::world) fn delegated(&self) -> bool {
        self.delegation.is_some()
    }

    /// Dividends of lent stake go from children to their parents: the payments are what
    /// everybody has afterwards.
    pub(in crate::world) fn pass_on(&self, due: &Due, pays: &mut Vec<Pay>) -> Vec<Passed> {
        let Some(delegation) = &self.delegation else { return Vec::new() };
        let passed = delegation.passed(pays, |uid| self.stake(uid, due));
        for &Passed { from, to, amount } in &passed {
            let mut at = |uid| {
                let of = |pay: &Pay| pay.uid == uid && pay.reason == PayoutReason::Dividend;
                pays.iter().position(of).unwrap_or_else(|| {
                    pays.push(Pay { uid, amount: 0, reason: PayoutReason::Dividend });
                    pays.len() - 1
                })
            };
            let (from, to) = (at(from), at(to));
            pays[from].amount -= amount;
            pays[to].amount += amount;
        }
        passed
    }

    /// What of a payment belongs to those who staked behind its receiver.
    pub(in crate::world) fn nominators(&self, due: &Due, pay: &Pay) -> u64 {
        let Some(delegation) = &self.delegation else { return 0 };
        if pay.reason != PayoutReason::Dividend {
            return 0;
        }
        let uid = usize::from(pay.uid);
        let alpha = self.by_alpha(due, pay);
        delegation.nominators(uid, self.alpha[uid], alpha, pay.amount - alpha)
    }

    /// The part of a dividend that alpha earned.
    fn by_alpha(&self, due: &Due, pay: &Pay) -> u64 {
        let Stake { alpha, root } = self.stake(pay.uid.into(), due);
        let whole = u128::from(alpha) + u128::from(root);
        let part = u128::from(pay.amount) * u128::from(alpha) / whole.max(1);
        u64::try_from(part).unwrap_or(pay.amount)
    }

    fn on_root(&self, uid: usize, due: &Due) -> u64 {
        let part = u128::from(due.root_weighted) * u128::from(self.root[uid]);
        u64::try_from(part / self.root_parts.max(1)).unwrap_or(u64::MAX)
    }

    /// What a member has staked of the subnet's alpha.
    pub(in crate::world) fn staked(&self, uid: usize) -> u64 {
        self.alpha[uid]
    }

    /// What of that is its nominators'.
    #[cfg(test)]
    pub(super) fn nominated(&self, uid: usize) -> u64 {
        self.delegation.as_ref().map_or(0, |delegation| delegation.nominated(uid))
    }

    /// A newcomer takes a place; what its predecessor had staked lies idle.
    pub(in crate::world) fn replace(&mut self, uid: usize) {
        self.idle += core::mem::take(&mut self.alpha[uid]);
        self.root_parts -= u128::from(core::mem::take(&mut self.root[uid]));
    }

    /// Another subnet has opened in this place, of which these members have staked so much
    /// together, evenly; on the root stands what stood there at the start.
    pub(in crate::world) fn reopen(&mut self, staked: u64, members: &[u16]) {
        self.alpha.fill(0);
        self.idle = 0;
        match split_exactly(Amount(staked.into()), &vec![1; members.len()]) {
            Some(parts) => {
                for (&uid, part) in members.iter().zip(parts) {
                    self.alpha[usize::from(uid)] = u64::try_from(part.0).unwrap_or(staked);
                }
            }
            None => self.idle = staked,
        }
        if let Some(delegation) = &mut self.delegation {
            delegation.reopen(&self.alpha);
        }
    }

    /// Shares an epoch's pay, after [`Stakes::pass_on`].
    ///
    /// # Panics
    /// When a unit is made or lost.
    pub(in crate::world) fn share(&mut self, due: &Due, pays: &[Pay]) {
        let dividends = pays.iter().filter(|pay| pay.reason == PayoutReason::Dividend);
        let (uids, parts): (Vec<usize>, Vec<u64>) =
            dividends.map(|pay| (usize::from(pay.uid), self.by_alpha(due, pay))).unzip();
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
                    let share = u64::try_from(share.0).unwrap_or(u64::MAX);
                    if let Some(delegation) = &mut self.delegation {
                        delegation.grow(uid, self.alpha[uid], share);
                    }
                    self.alpha[uid] += share;
                }
            }
            None => self.idle += staked,
        }
        let found = self.alpha.iter().sum::<u64>() + self.idle;
        assert_eq!(found, due.members, "alpha of subnet {}'s members", due.subnet);
    }
}
