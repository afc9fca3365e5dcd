//! A large holder that leaves.

use serde::{Deserialize, Serialize};
use sim_types::ParamError;

use super::View;
use crate::pool::Side;

/// Sells everything it holds, in equal parts at equal distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whale {
    /// The block of the first sale.
    pub leaves_at: u64,
    /// How many parts.
    pub parts: u32,
    /// Blocks between them.
    pub every: u64,
    /// How many were sold.
    #[serde(default)]
    pub sold: u32,
}

impl Whale {
    pub(super) fn check(&self) -> Result<(), ParamError> {
        ParamError::unless(self.parts > 0, "whale.parts", self.parts, "at least 1")
    }

    pub(super) fn act(&mut self, view: &View) -> Option<(Side, u64)> {
        let next = self.every.saturating_mul(self.sold.into()).saturating_add(self.leaves_at);
        if view.block < next || self.sold >= self.parts {
            return None;
        }
        // The part of what is left: the last sale takes all.
        let left = u64::from(self.parts - self.sold);
        self.sold += 1;
        Some((Side::Sell, view.alpha / left))
    }
}
