//! Buys what rises and sells what falls.

use serde::{Deserialize, Serialize};
use sim_types::fixed::U64F64;
use sim_types::{ParamError, Share};

use super::{View, beyond, part_of};
use crate::pool::Side;

/// Compares the price with a moving average that it keeps itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Momentum {
    /// Looks after which a step of the price has entered the average by 63%.
    pub memory: u32,
    /// How far the price must be from the average.
    pub threshold: Share,
    /// Which part of its holdings it moves at once.
    pub part: Share,
    /// The average; none before the first look.
    #[serde(default)]
    pub average: Option<U64F64>,
}

impl Momentum {
    pub(super) fn check(&self) -> Result<(), ParamError> {
        ParamError::unless(self.memory > 0, "momentum.memory", self.memory, "at least 1")
    }

    pub(super) fn act(&mut self, view: &View) -> Option<(Side, u64)> {
        let memory = U64F64::from(u64::from(self.memory.max(1)));
        let average = self.average.unwrap_or(view.price);
        let (far, near) = (average.max(view.price), average.min(view.price));
        let step = far.saturating_sub(near).safe_div(memory);
        self.average = Some(if view.price > average {
            average.saturating_add(step)
        } else {
            average.saturating_sub(step)
        });
        if view.price > beyond(average, self.threshold, true) {
            Some((Side::Buy, part_of(self.part, view.tao)))
        } else if view.price < beyond(average, self.threshold, false) {
            Some((Side::Sell, part_of(self.part, view.alpha)))
        } else {
            None
        }
    }
}
