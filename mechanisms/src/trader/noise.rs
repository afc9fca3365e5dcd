//! Trades for reasons of its own.

use serde::{Deserialize, Serialize};
use sim_types::{Share, Stream};

use super::{View, part_of};
use crate::pool::Side;

/// Buys or sells with equal chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noise {
    /// The chance of a trade at each look.
    pub chance: Share,
    /// The most it moves of its holdings; how much of that is uniform.
    pub part: Share,
}

impl Noise {
    pub(super) fn act(self, view: &View, stream: &mut Stream) -> Option<(Side, u64)> {
        // Always the same draws, so that a change of the chance moves no later one.
        let (trades, buys, size) =
            (stream.chance(self.chance), stream.below(2) == 0, stream.bits());
        if !trades {
            return None;
        }
        let (direction, held) = if buys { (Side::Buy, view.tao) } else { (Side::Sell, view.alpha) };
        let most = part_of(self.part, held);
        let amount = (u128::from(most) * u128::from(size)) >> 64;
        Some((direction, u64::try_from(amount).unwrap_or(most)))
    }
}
