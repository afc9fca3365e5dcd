//! Parents and children: a validator (parent) lends parts of its stake on one subnet to other
//! hotkeys (children), which validate with it and pass on what it earns.
//!
//! After `get_inherited_for_hotkey_on_subnet` and `get_stake_weights_for_network`
//! (`staking/stake_utils.rs`) and `get_parent_child_dividends_distribution`
//! (`coinbase/run_coinbase.rs`) of opentensor/subtensor @ 14bc6f9f. The chain computes in
//! U96F32; what occurs here is far from both ends of [`I96F32`], so that the bits are the same.

use sim_types::fixed::{I64F64, I96F32};

/// The stake of one hotkey, of its own and its nominators', smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stake {
    /// On the subnet, in its alpha.
    pub alpha: u64,
    /// On root, in TAO.
    pub root: u64,
}

/// A hotkey that lends stake to the one in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// All of its stake.
    pub stake: Stake,
    /// How much of it is lent, of 2^64 − 1.
    pub proportion: u64,
    /// Whether both hotkeys belong to the same coldkey: then nothing is taken.
    pub same_owner: bool,
}

/// A hotkey with all that is lent to and by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family<'a> {
    /// Its stake, lent parts included.
    pub stake: Stake,
    /// How much of it is lent to each child, of 2^64 − 1; they sum to at most that.
    pub to_children: &'a [u64],
    /// From whom it borrows.
    pub parents: &'a [Parent],
}

/// A proportion stored as u64, 2^64 − 1 standing for one.
#[must_use]
pub fn proportion(x: u64) -> I96F32 {
    I96F32::from(x).safe_div(I96F32::from(u64::MAX))
}

/// A proportion stored as u16, 65,535 standing for one.
#[must_use]
pub fn take(x: u16) -> I96F32 {
    I96F32::from(u64::from(x)).safe_div(I96F32::from(u64::from(u16::MAX)))
}

/// `a - b`, at least zero, as subtraction of unsigned numbers saturates.
fn less(a: I96F32, b: I96F32) -> I96F32 {
    a.saturating_sub(b).max(I96F32::ZERO)
}

impl Family<'_> {
    /// Stake that validates: its own, less what it lends, and what it borrows.
    #[must_use]
    pub fn inherited(&self) -> Stake {
        let inherited = |of: fn(&Stake) -> u64| {
            let own = I96F32::from(of(&self.stake));
            let lent: I96F32 =
                self.to_children.iter().map(|&part| own.saturating_mul(proportion(part))).sum();
            let borrowed: I96F32 = self
                .parents
                .iter()
                .map(|p| I96F32::from(of(&p.stake)).saturating_mul(proportion(p.proportion)))
                .sum();
            less(own, lent).saturating_add(borrowed).to_u64()
        };
        Stake { alpha: inherited(|s| s.alpha), root: inherited(|s| s.root) }
    }

    /// Stake as an epoch takes it: alpha, and TAO times its weight.
    #[must_use]
    pub fn stake_weight(&self, tao_weight: I96F32) -> I64F64 {
        let Stake { alpha, root } = self.inherited();
        let tao_weight = I64F64::from_bits(tao_weight.to_bits().saturating_mul(1 << 32));
        I64F64::from(alpha).saturating_add(I64F64::from(root).saturating_mul(tao_weight))
    }

    /// Shares the hotkey's dividends with its parents, by what each contributes. From parents
    /// of another owner the child keeps its take, and `burn` is destroyed.
    #[must_use]
    pub fn distribute(
        &self,
        dividends: u64,
        tao_weight: I96F32,
        take: I96F32,
        burn: I96F32,
    ) -> Distribution {
        let kept =
            self.to_children.iter().fold(I96F32::ONE, |kept, &part| less(kept, proportion(part)));
        let contribution = |stake: Stake, part: I96F32| {
            let alpha = I96F32::from(stake.alpha).saturating_mul(part);
            let root = I96F32::from(stake.root).saturating_mul(part).saturating_mul(tao_weight);
            alpha.saturating_add(root)
        };
        // Of its own contribution the chain counts whole units.
        let own = I96F32::from(contribution(self.stake, kept).to_u64());
        let contributions: Vec<_> =
            self.parents.iter().map(|p| contribution(p.stake, proportion(p.proportion))).collect();
        let total = contributions.iter().fold(own, |sum, &c| sum.saturating_add(c));

        let dividends = I96F32::from(dividends);
        let (mut left, mut taken, mut burned) = (dividends, I96F32::ZERO, 0_u64);
        let to_parents = self.parents.iter().zip(contributions).map(|(parent, contribution)| {
            let mut due = dividends.saturating_mul(contribution.safe_div(total));
            left = less(left, due);
            if !parent.same_owner {
                let (burn, take) = (burn.saturating_mul(due), take.saturating_mul(due));
                due = less(less(due, burn), take);
                taken = taken.saturating_add(take);
                burned = burned.saturating_add(burn.to_u64());
            }
            due.to_u64()
        });
        let to_parents = to_parents.collect();
        Distribution { to_parents, own: left.saturating_add(taken).to_u64(), burned }
    }
}

/// Who has what of a hotkey's dividends. Truncation may leave a few units to nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Each parent's part, in their order.
    pub to_parents: Vec<u64>,
    /// The hotkey's own part, with what it took.
    pub own: u64,
    /// What was destroyed.
    pub burned: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HALF: u64 = u64::MAX / 2;

    #[test]
    fn stake_moves_from_parents_to_children() {
        let of = |alpha, root| Stake { alpha, root };
        let parent = Parent { stake: of(1_000, 400), proportion: HALF, same_owner: false };
        let child = Family { stake: of(10, 20), to_children: &[], parents: &[parent] };
        assert_eq!(child.inherited(), of(509, 219), "a half in u64 is a little less");
        let whole = Parent { proportion: u64::MAX, ..parent };
        let child = Family { parents: &[whole], ..child };
        assert_eq!(child.inherited(), of(1_010, 420));
        let parent = Family { stake: of(1_000, 400), to_children: &[u64::MAX], parents: &[] };
        assert_eq!(parent.inherited(), of(0, 0));
        let half = I96F32::from_bits(1 << 31);
        assert_eq!(child.stake_weight(half), I64F64::from(1_010 + 210));
    }

    proptest! {
        /// Nothing is paid that was not there, and only truncation is lost.
        #[test]
        fn dividends_are_conserved(
            own in (0..1_u64 << 50, 0..1_u64 << 50),
            parents in proptest::collection::vec(
                (0..1_u64 << 50, 0..1_u64 << 50, any::<u64>(), any::<bool>()), 0..6),
            dividends in 0..1_u64 << 50,
            taken in any::<u16>(),
            burn in 0..=u64::MAX / 4,
        ) {
            let parents: Vec<_> = parents.iter().map(|&(alpha, root, proportion, same_owner)| {
                Parent { stake: Stake { alpha, root }, proportion, same_owner }
            }).collect();
            let family = Family {
                stake: Stake { alpha: own.0, root: own.1 },
                to_children: &[],
                parents: &parents,
            };
            // Take and burn together at most one, as on the chain, where takes end at 18%.
            let (take, burn) = (take(taken / 2), proportion(burn));
            let out = family.distribute(dividends, I96F32::ONE, take, burn);
            let paid = out.to_parents.iter().sum::<u64>() + out.own + out.burned;
            prop_assert!(paid <= dividends);
            // Each parent loses up to one unit and a 2^-32 part of the dividends, twice.
            let lost = 3 * parents.len() as u64 + 1 + ((parents.len() as u64 * dividends) >> 31);
            prop_assert!(dividends - paid <= lost, "{} of {dividends}", dividends - paid);
        }
    }
}
