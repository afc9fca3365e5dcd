//! Is there for a snapshot and gone after it.

use serde::{Deserialize, Serialize};
use sim_types::{ParamError, Share};

use super::{View, part_of};
use crate::pool::Side;

/// Holds a subnet's alpha only while it counts for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AirdropFarmer {
    /// The block from which it buys.
    pub from: u64,
    /// The block of the snapshot: from the next it sells.
    pub snapshot: u64,
    /// Which part of its TAO it puts in, once.
    pub part: Share,
    /// Whether it has bought.
    #[serde(default)]
    pub bought: bool,
}

impl AirdropFarmer {
    pub(super) fn check(&self) -> Result<(), ParamError> {
        ParamError::unless(
            self.from <= self.snapshot,
            "airdrop_farmer.from",
            self.from,
            "a block not after `snapshot`",
        )
    }

    pub(super) fn act(&mut self, view: &View) -> Option<(Side, u64)> {
        if view.block > self.snapshot {
            return Some((Side::Sell, view.alpha));
        }
        if view.block < self.from || self.bought {
            return None;
        }
        self.bought = true;
        Some((Side::Buy, part_of(self.part, view.tao)))
    }
}
