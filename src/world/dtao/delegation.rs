//! Stake that is not its validator's own: nominators', and what validators lend to each other.
//!
//! Parents lend parts of their stake on the subnet to children, who validate with it, keep the
//! childkey take of what it earns and pass on the rest ([`childkeys`]). Of what then falls to a
//! validator it keeps its take, and its own stake and its nominators' share the rest
//! ([`dividends`]). All of it stays staked behind the validator; only whose it is differs.

use mechanisms::yuma::childkeys::{self, Family, Parent, Stake};
use mechanisms::yuma::dividends;
use serde::{Deserialize, Serialize};
use sim_types::fixed::I96F32;
use sim_types::{Amount, PayoutReason, Share};

use super::stakes::Pay;
use crate::plan::{self, Plan};

/// The members of a subnet, by uid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::world) struct Delegation {
    members: Vec<Delegate>,
}

/// Whose a member's stake is, and with whose it validates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Delegate {
    /// Alpha staked behind it that is its nominators', smallest unit.
    nominated: u64,
    /// The part of its stake that was its nominators' at the start, and of its TAO on the root
    /// always is.
    nominated_part: Share,
    take: u16,
    childkey_take: u16,
    /// How much it lends to each child, of 2^64 - 1.
    to_children: Vec<u64>,
    /// Who lends to it, and how much.
    parents: Vec<(u16, u64)>,
}

/// Dividends of stake that was lent, on their way from the child to the parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::world) struct Passed {
    pub(in crate::world) from: u16,
    pub(in crate::world) to: u16,
    pub(in crate::world) amount: u64,
}

impl Delegation {
    /// Of the subnet of this number; `None` where all stake is the members' own and none is lent.
    pub(in crate::world) fn new(plan: &Plan, subnet: u16) -> Option<Self> {
        if plan.groups.iter().all(|group| group.delegation.is_none()) {
            return None;
        }
        let usual = plan::Delegation::default();
        let mut members = Vec::new();
        let mut lent = Vec::new();
        let size = |group: u16| plan.groups[usize::from(group)].members[usize::from(subnet)].len();
        let first = |group: u16| (0..group).map(size).sum::<usize>();
        for group in &plan.groups {
            let terms = group.delegation.as_ref().unwrap_or(&usual);
            for (place, member) in group.members[usize::from(subnet)].iter().enumerate() {
                let uid = uid(members.len());
                for child in &terms.children {
                    let to = first(child.group) + place % size(child.group).max(1);
                    lent.push((uid, to, child.proportion));
                }
                members.push(Delegate {
                    nominated: u64::try_from(terms.nominated.of(member.stake).0).unwrap_or(0),
                    nominated_part: terms.nominated,
                    take: terms.take,
                    childkey_take: terms.childkey_take,
                    to_children: terms.children.iter().map(|child| child.proportion).collect(),
                    parents: Vec::new(),
                });
            }
        }
        for (parent, child, proportion) in lent {
            members[child].parents.push((parent, proportion));
        }
        Some(Self { members })
    }

    /// What a member's stake weighs in consensus, with what it lends and borrows. `stake` is
    /// what is staked behind each, TAO on the root as that counts in alpha.
    pub(super) fn weight(&self, uid: usize, stake: impl Fn(usize) -> Stake) -> u64 {
        let parents = self.parents(uid, &stake);
        let Stake { alpha, root } = self.family(uid, stake(uid), &parents).inherited();
        alpha.saturating_add(root)
    }

    /// What the dividends of lent stake pass from children to parents. What truncation leaves
    /// stays with the child.
    pub(super) fn passed(&self, pays: &[Pay], stake: impl Fn(usize) -> Stake) -> Vec<Passed> {
        let mut passed = Vec::new();
        for pay in pays.iter().filter(|pay| pay.reason == PayoutReason::Dividend) {
            let member = usize::from(pay.uid);
            let lenders = &self.members[member].parents;
            if lenders.is_empty() {
                continue;
            }
            let parents = self.parents(member, &stake);
            let take = childkeys::take(self.members[member].childkey_take);
            let family = self.family(member, stake(member), &parents);
            // TAO is weighed already.
            let found = family.distribute(pay.amount, I96F32::ONE, take, I96F32::ZERO);
            let each = lenders.iter().zip(found.to_parents).filter(|(_, amount)| *amount > 0);
            passed.extend(each.map(|(&(to, _), amount)| Passed { from: pay.uid, to, amount }));
        }
        passed
    }

    /// The nominators' part of a validator's dividends, of which `alpha` were earned by alpha
    /// and the rest by TAO on the root; `staked` is the alpha behind it.
    pub(super) fn nominators(&self, uid: usize, staked: u64, alpha: u64, root: u64) -> u64 {
        let member = &self.members[uid];
        let own = staked.saturating_sub(member.nominated);
        let rest = |earned| dividends::cut(I96F32::from(earned), member.take).nominators;
        let by_alpha = dividends::among(rest(alpha), &[own, member.nominated]).0[1];
        let by_root = member.nominated_part.of(Amount(rest(root).into())).0;
        by_alpha + u64::try_from(by_root).unwrap_or(0)
    }

    /// Alpha that is staked now because it was earned: the nominators' part of it is theirs from
    /// now on. `staked` is what was behind the validator before.
    pub(super) fn grow(&mut self, uid: usize, staked: u64, earned: u64) {
        let theirs = self.nominators(uid, staked, earned, 0);
        self.members[uid].nominated += theirs;
    }

    /// Alpha of a member's nominators.
    #[cfg(test)]
    pub(super) fn nominated(&self, uid: usize) -> u64 {
        self.members[uid].nominated
    }

    /// Others have come into all places, with this alpha behind each: nominators' parts are
    /// those of the start.
    pub(super) fn reopen(&mut self, alpha: &[u64]) {
        for (member, &alpha) in self.members.iter_mut().zip(alpha) {
            let theirs = member.nominated_part.of(Amount(alpha.into())).0;
            member.nominated = u64::try_from(theirs).unwrap_or(0);
        }
    }

    fn parents(&self, uid: usize, stake: &impl Fn(usize) -> Stake) -> Vec<Parent> {
        let lenders = self.members[uid].parents.iter();
        // Groups are of different owners.
        let parent = |&(parent, proportion): &(u16, u64)| Parent {
            stake: stake(parent.into()),
            proportion,
            same_owner: false,
        };
        lenders.map(parent).collect()
    }

    fn family<'a>(&'a self, uid: usize, stake: Stake, parents: &'a [Parent]) -> Family<'a> {
        Family { stake, to_children: &self.members[uid].to_children, parents }
    }
}

/// Uids are 16 bits.
fn uid(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use mechanisms::emission::economy::Payout;
    use mechanisms::yuma::dividends::{Pending, Validator};
    use sim_types::Stream;
    use sim_types::fixed::U64F64;

    use super::super::{Due, Stakes};
    use super::*;

    const UNIT: u64 = 1_000_000;
    const HALF: u64 = u64::MAX / 2;

    fn delegate(nominated: u64, take: u16, childkey_take: u16) -> Delegate {
        Delegate {
            nominated,
            nominated_part: Share::ZERO,
            take,
            childkey_take,
            to_children: Vec::new(),
            parents: Vec::new(),
        }
    }

    /// The first lends half of its stake to the second.
    fn family(parent: Delegate, child: Delegate) -> Delegation {
        let parent = Delegate { to_children: vec![HALF], ..parent };
        let child = Delegate { parents: vec![(0, HALF)], ..child };
        Delegation { members: vec![parent, child] }
    }

    fn due(kept_validators: u64, members: u64, root_weighted: u64) -> Due {
        Due {
            subnet: 0,
            epoch: 0,
            height: 1,
            payout: Payout::default(),
            price: U64F64::ONE,
            miner_burn: Share::ZERO,
            kept_miners: 0,
            kept_validators,
            members,
            root: 0,
            root_weighted,
            newcomers: Vec::new(),
            opened: None,
        }
    }

    fn dividend(uid: u16, amount: u64) -> Pay {
        Pay { uid, amount, reason: PayoutReason::Dividend }
    }

    #[track_caller]
    fn near(found: u64, want: u64) {
        assert!(found.abs_diff(want) <= 3, "{found}, expected about {want}");
    }

    /// A parent of 1,000 lends 500 to a child of 3,000. Of what the child earns a seventh is the
    /// parent's, less a childkey take of 6553 of 65535; of what the parent then has it keeps 18%,
    /// and four fifths of the rest are its nominators'.
    #[test]
    fn an_epoch_by_hand() {
        let delegation = family(delegate(800 * UNIT, 11_796, 0), delegate(0, 11_796, 6_553));
        let mut stakes = Stakes::new(vec![1_000 * UNIT, 3_000 * UNIT], Some(delegation));
        let opening = stakes.opening();
        near(opening[0], 500 * UNIT);
        near(opening[1], 3_500 * UNIT);

        let due = due(8_000_000, 4_000 * UNIT + 8_000_000, 0);
        let mut pays = vec![dividend(0, 1_000_000), dividend(1, 7_000_000)];
        let passed = stakes.pass_on(&due, &mut pays);
        let kept = 1_000_000 * 6_553 / 65_535;
        assert_eq!(passed.len(), 1);
        assert_eq!((passed[0].from, passed[0].to), (1, 0));
        near(passed[0].amount, 1_000_000 - kept);
        near(pays[0].amount, 2_000_000 - kept);
        assert_eq!(pays[0].amount + pays[1].amount, 8_000_000);

        let take = pays[0].amount * 11_796 / 65_535;
        let theirs = (pays[0].amount - take) * 4 / 5;
        near(stakes.nominators(&due, &pays[0]), theirs);
        assert_eq!(stakes.nominators(&due, &pays[1]), 0, "nobody nominates the child");
        stakes.share(&due, &pays);
        assert_eq!(stakes.staked(0), 1_000 * UNIT + pays[0].amount);
        assert_eq!(stakes.staked(1), 3_000 * UNIT + pays[1].amount);
        near(stakes.nominated(0), 800 * UNIT + theirs);
        assert_eq!(stakes.nominated(1), 0);
    }

    /// What a parent without dividends of its own is passed on, it is paid.
    #[test]
    fn whoever_lends_everything_lives_on_what_is_passed_on() {
        let mut delegation = family(delegate(0, 0, 0), delegate(0, 0, 0));
        delegation.members[0].to_children = vec![u64::MAX];
        delegation.members[1].parents = vec![(0, u64::MAX)];
        let stakes = Stakes::new(vec![UNIT, UNIT], Some(delegation));
        assert_eq!(stakes.opening(), [0, 2 * UNIT]);
        let mut pays = vec![dividend(1, 1_000)];
        stakes.pass_on(&due(0, 0, 0), &mut pays);
        near(pays[0].amount, 500);
        assert_eq!((pays[1].uid, pays[0].amount + pays[1].amount), (0, 1_000));
    }

    /// On the root nominators share by the part that is theirs there.
    #[test]
    fn nominators_on_the_root_have_their_part() {
        let member = Delegate { nominated_part: Share::percent(25), ..delegate(0, 0, 0) };
        let delegation = Delegation { members: vec![member] };
        assert_eq!(delegation.nominators(0, UNIT, 1_000, 400), 100);
    }

    /// The pot is shared as the chain's own rule shares it.
    #[test]
    fn shares_are_those_of_the_chain() {
        let mut stream = Stream::new(4, 2);
        for _ in 0..50 {
            let mut draw = |below: u64| 1 + stream.below(below);
            let alpha = vec![draw(1 << 45), draw(1 << 45)];
            let weighted = draw(1 << 45);
            let terms = family(delegate(0, 11_796, 0), delegate(alpha[1] / 2, 9_000, 5_000));
            let mut stakes = Stakes::new(alpha.clone(), Some(terms));
            let pot = draw(1 << 40);
            let due = due(pot, alpha[0] + alpha[1] + pot, weighted);
            let mut pays = vec![dividend(0, draw(1 << 38)), dividend(1, draw(1 << 38))];
            stakes.pass_on(&due, &mut pays);
            let whole = u128::from(alpha[0]) + u128::from(alpha[1]);
            let validators: Vec<Validator> = [0, 1]
                .map(|uid: usize| {
                    let root = u128::from(weighted) * u128::from(alpha[uid]) / whole;
                    let root = u64::try_from(root).unwrap();
                    let stake = Stake { alpha: alpha[uid], root };
                    Validator { stake, dividends: pays[uid].amount }
                })
                .into();
            let pending = Pending { alpha: pot, root: 0 };
            let shares = dividends::share(pending, I96F32::ONE, &validators);
            stakes.share(&due, &pays);
            for uid in [0, 1] {
                let (found, want) = (stakes.staked(uid) - alpha[uid], shares[uid].alpha.to_u64());
                assert!(found.abs_diff(want) <= 2 + (pot >> 24), "{found}, expected {want}");
            }
        }
    }
}
