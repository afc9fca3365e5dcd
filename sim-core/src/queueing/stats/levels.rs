//! How long a count stood at each of its levels.

use serde::{Deserialize, Serialize};
use sim_types::SimTime;

use crate::queueing::{float, seconds};

/// Time at each level of a count that moves by one: customers present, servers busy.
///
/// One addition an event. Mean, variance, tails, waiting and busy numbers are all functions
/// of these times.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Levels {
    level: u32,
    since: SimTime,
    /// Nanoseconds at each level, up to the highest seen.
    times: Vec<u64>,
}

impl Levels {
    /// The present level.
    #[must_use]
    #[inline]
    pub fn level(&self) -> u32 {
        self.level
    }

    /// One more.
    ///
    /// # Panics
    /// At 2^32.
    #[inline]
    pub fn up(&mut self, now: SimTime) {
        self.settle(now);
        self.level += 1;
    }

    /// One less.
    ///
    /// # Panics
    /// Below zero.
    #[inline]
    pub fn down(&mut self, now: SimTime) {
        self.settle(now);
        self.level -= 1;
    }

    /// Counts the time up to now.
    #[inline]
    pub fn settle(&mut self, now: SimTime) {
        let level = self.level as usize;
        if level >= self.times.len() {
            self.times.resize(level + 1, 0);
        }
        self.times[level] += now.since(self.since).0;
        self.since = now;
    }

    /// Forgets all times; the level stays.
    pub fn forget(&mut self, now: SimTime) {
        self.times.fill(0);
        self.since = now;
    }

    /// Nanoseconds counted.
    #[must_use]
    pub fn total(&self) -> u128 {
        self.times.iter().map(|&t| u128::from(t)).sum()
    }

    /// Level-nanoseconds: the integral of the level over time, exactly.
    #[must_use]
    pub fn area(&self) -> u128 {
        self.sum(|level| level)
    }

    /// The integral over time of a function of the level.
    #[must_use]
    pub fn sum(&self, of: impl Fn(u64) -> u64) -> u128 {
        (0..).zip(&self.times).map(|(n, &t)| u128::from(of(n)) * u128::from(t)).sum()
    }

    /// The mean over time of a function of the level; 0 where no time was counted.
    #[must_use]
    pub fn mean_of(&self, of: impl Fn(u64) -> u64) -> f64 {
        float(self.sum(of)) / float(self.total().max(1))
    }

    /// The mean level over time.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean_of(|n| n)
    }

    /// The variance of the level over time.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        let squares = (0_u32..).zip(&self.times).map(|(n, &t)| {
            let away = f64::from(n) - mean;
            away * away * float(u128::from(t))
        });
        squares.sum::<f64>() / float(self.total().max(1))
    }

    /// The share of time at a level or above.
    #[must_use]
    pub fn at_least(&self, level: u64) -> f64 {
        self.mean_of(|n| u64::from(n >= level))
    }

    /// The share of time at exactly this level.
    #[must_use]
    pub fn at(&self, level: u64) -> f64 {
        self.mean_of(|n| u64::from(n == level))
    }

    /// Seconds counted.
    #[must_use]
    pub fn span(&self) -> f64 {
        seconds(self.total())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_by_hand() {
        // 0 for 2 s, 1 for 3 s, 2 for 1 s, 1 for 4 s.
        let at = |s: u64| SimTime(s * 1_000_000_000);
        let mut levels = Levels::default();
        levels.up(at(2));
        levels.up(at(5));
        levels.down(at(6));
        levels.settle(at(10));
        assert_eq!(levels.area(), 9_000_000_000);
        let table = [
            (levels.mean(), 0.9),
            (levels.variance(), 0.29),
            (levels.at(0), 0.2),
            (levels.at_least(1), 0.8),
            (levels.mean_of(|n| n.saturating_sub(1)), 0.1),
            (levels.span(), 10.0),
        ];
        for (got, want) in table {
            assert!((got - want).abs() < 1e-12, "{got} for {want}");
        }
        levels.forget(at(10));
        levels.settle(at(11));
        assert_eq!((levels.level(), levels.area()), (1, 1_000_000_000));
    }
}
