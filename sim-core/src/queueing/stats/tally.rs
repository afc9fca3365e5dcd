//! Durations counted and summed.

use serde::{Deserialize, Serialize};
use sim_types::SimDuration;

use crate::queueing::{float, seconds};

/// Durations of customers: how many, how long together, how many beyond a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    count: u64,
    /// Nanoseconds together.
    sum: u128,
    threshold: SimDuration,
    beyond: u64,
}

impl Tally {
    /// A tally that also counts durations longer than `threshold`.
    #[must_use]
    pub fn beyond(threshold: SimDuration) -> Self {
        Self { threshold, ..Self::default() }
    }

    /// Counts one.
    #[inline]
    pub fn add(&mut self, duration: SimDuration) {
        self.count += 1;
        self.sum += u128::from(duration.0);
        self.beyond += u64::from(duration > self.threshold);
    }

    /// Forgets everything but the threshold.
    pub fn forget(&mut self) {
        *self = Self::beyond(self.threshold);
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Nanoseconds together, exactly.
    #[must_use]
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// Seconds in the mean; 0 of none.
    #[must_use]
    pub fn mean(&self) -> f64 {
        seconds(self.sum) / float(u128::from(self.count.max(1)))
    }

    /// The share longer than the threshold, which is zero unless set.
    #[must_use]
    pub fn share_beyond(&self) -> f64 {
        float(u128::from(self.beyond)) / float(u128::from(self.count.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_durations() {
        let mut tally = Tally::beyond(SimDuration::from_secs(2));
        for s in [0, 1, 2, 5] {
            tally.add(SimDuration::from_secs(s));
        }
        assert_eq!((tally.count(), tally.sum()), (4, 8_000_000_000));
        assert!((tally.mean() - 2.0).abs() < 1e-12 && (tally.share_beyond() - 0.25).abs() < 1e-12);
        tally.forget();
        assert_eq!(tally, Tally::beyond(SimDuration::from_secs(2)));
        assert!(tally.mean().abs() < 1e-12);
    }
}
