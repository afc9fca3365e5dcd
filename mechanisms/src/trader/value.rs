//! Buys below and sells above what it holds a subnet to be worth.

use serde::{Deserialize, Serialize};
use sim_types::Share;
use sim_types::fixed::U64F64;

use super::{View, beyond, part_of};
use crate::pool::Side;

/// Has a fair price in mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// TAO for one alpha.
    pub fair: U64F64,
    /// How far the price must be from it.
    pub margin: Share,
    /// Which part of its holdings it moves at once.
    pub part: Share,
}

impl Value {
    pub(super) fn act(&self, view: &View) -> Option<(Side, u64)> {
        if view.price < beyond(self.fair, self.margin, false) {
            Some((Side::Buy, part_of(self.part, view.tao)))
        } else if view.price > beyond(self.fair, self.margin, true) {
            Some((Side::Sell, part_of(self.part, view.alpha)))
        } else {
            None
        }
    }
}
