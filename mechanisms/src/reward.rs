//! Stage six: who is paid, how much, and why.
//!
//! One instance serves one subnet. Members are addressed by uid, dense from 0. New emission
//! reaches the rule block by block and must leave it again to the unit: paid or withheld.

use serde::{Deserialize, Serialize};
use sim_types::{
    Amount, EpochIndex, Height, Observation, PayoutReason, Rejected, SimDuration, Uid,
};

pub mod fisher_rank;
pub mod proportional;
mod split;
pub mod yuma;

crate::stage! {
    /// The reward rule of a scenario.
    "reward": RewardSpec => Reward {
        /// Pays by the work observed, weighed by its score.
        proportional::Proportional,
        /// Yuma consensus over the weights that validators publish, as Bittensor computes it.
        yuma::Yuma,
        /// Peers rank each other by Fisher information and are paid where a majority trusts them.
        fisher_rank::FisherRank,
    }
}

/// What can happen to a reward rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// The subnet opens with these members; the index is the uid.
    Opened {
        /// The subnet's number, which staggers epochs.
        subnet: u16,
        /// Stake by uid, smallest unit.
        stakes: Vec<u64>,
    },
    /// A parameter changed: the same rule goes on with these parameters and its old state.
    Reconfigured {
        /// The new parameters, of the same rule.
        spec: Box<RewardSpec>,
    },
    /// The stake of a member changed.
    StakeChanged {
        /// Who.
        uid: Uid,
        /// Its stake from now on, smallest unit.
        stake: u64,
    },
    /// A place was taken over by a new member.
    Registered {
        /// Which place.
        uid: Uid,
        /// In which block.
        height: Height,
        /// Its stake, smallest unit.
        stake: u64,
    },
    /// A validator published its weights.
    WeightsSet {
        /// Who.
        by: Uid,
        /// For which of the subnet's mechanisms, from 0; 0 where there is one.
        mechanism: u8,
        /// In which block.
        height: Height,
        /// Uid and weight, uids ascending; only ratios matter.
        row: Vec<(Uid, u16)>,
    },
    /// A provider published new metadata on the chain, such as those of a new model.
    MetadataPublished {
        /// Who.
        uid: Uid,
    },
    /// Something was observed; `subject` by uid.
    Observed {
        /// Of whom.
        subject: Uid,
        /// What.
        observation: Observation,
    },
    /// A block was produced and this subnet's part of its emission accrued.
    BlockProduced {
        /// Its number.
        height: Height,
        /// Newly accrued, smallest unit.
        emission: Amount,
    },
}

/// What a reward rule can ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Pay a member out of the accrued emission.
    Pay {
        /// Who.
        to: Uid,
        /// How much.
        amount: Amount,
        /// Why.
        reason: PayoutReason,
    },
    /// Keep this part of the accrued emission in the treasury.
    Withhold {
        /// How much.
        amount: Amount,
    },
    /// A period closed with these figures.
    EpochClosed {
        /// Which, from 0.
        epoch: EpochIndex,
        /// At which block.
        height: Height,
        /// One entry a member, by uid.
        members: Vec<MemberFigures>,
    },
    /// A validator's weights may influence the next period only if set within this subnet's
    /// epoch: the epoch closes in so many blocks. Sent when a period begins.
    EpochOpened {
        /// Which, from 0.
        epoch: EpochIndex,
        /// The block at which it will close.
        closes_at: Height,
    },
}

/// What an epoch said of one member; vectors of 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MemberFigures {
    /// Stake, smallest unit.
    pub stake: u64,
    /// Agreed weight.
    pub consensus: u16,
    /// Share of the providers' reward.
    pub incentive: u16,
    /// Share of the validators' reward.
    pub dividends: u16,
    /// Weight within consensus.
    pub validator_trust: u16,
    /// Whether its weights count next period.
    pub validator_permit: bool,
    /// Paid for this period, smallest unit.
    pub emission: Amount,
}

impl RewardSpec {
    /// Blocks in one period.
    #[must_use]
    pub fn epoch_blocks(&self) -> u64 {
        match self {
            Self::Proportional(p) => p.epoch_blocks,
            Self::Yuma(p) => p.epoch_blocks(),
            Self::FisherRank(p) => p.epoch_blocks,
        }
    }

    /// The mechanisms of a subnet; empty where one weighs everybody.
    #[must_use]
    pub fn mechanisms(&self) -> &[yuma::Mechanism] {
        match self {
            Self::Yuma(params) => &params.mechanisms,
            Self::Proportional(_) | Self::FisherRank(_) => &[],
        }
    }

    /// The length of a period under this block interval.
    #[must_use]
    pub fn epoch_length(&self, block_interval: SimDuration) -> SimDuration {
        block_interval.times(self.epoch_blocks())
    }
}

impl Reward {
    /// What the weights that are public at this moment would agree on, by uid, of 65535; `None`
    /// where the rule takes no weights. Changes nothing.
    #[must_use]
    pub fn visible_consensus(&mut self) -> Option<Vec<u16>> {
        match self {
            Self::Yuma(rule) => Some(rule.visible_consensus()),
            Self::Proportional(_) | Self::FisherRank(_) => None,
        }
    }
}

/// A subnet opens once, with 1 to 65535 members.
fn may_open(members: usize, newcomers: usize) -> Result<(), Rejected> {
    if members > 0 {
        return Err(Rejected::NotPermitted("opened already"));
    }
    match newcomers {
        0 => Err(Rejected::NotPermitted("a subnet has members")),
        1..=0xffff => Ok(()),
        _ => Err(Rejected::Full("a subnet has at most 65535 members")),
    }
}

/// A member's index.
fn member(uid: Uid, members: usize) -> Result<usize, Rejected> {
    let index = usize::from(uid.0);
    if index < members {
        return Ok(index);
    }
    Err(Rejected::UnknownUid { got: uid.0, members: u16::try_from(members).unwrap_or(u16::MAX) })
}

/// Blocks come to an open subnet, in ascending order.
fn may_follow(height: Height, last: Height, members: usize) -> Result<(), Rejected> {
    if members == 0 {
        return Err(Rejected::NotPermitted("the subnet is not open"));
    }
    if height <= last {
        return Err(Rejected::NotPermitted("blocks ascend"));
    }
    Ok(())
}
