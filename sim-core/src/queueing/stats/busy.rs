//! Periods during which somebody is there.

use serde::{Deserialize, Serialize};
use sim_types::SimTime;

use crate::queueing::{float, seconds};

/// Whole busy periods: from an arrival to an empty system to the departure that empties it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BusyPeriods {
    began: Option<SimTime>,
    /// Customers of the present period.
    present: u64,
    periods: u64,
    customers: u64,
    sum: u128,
    /// Square nanoseconds.
    squares: u128,
}

impl BusyPeriods {
    /// A customer came; `empty` if nobody was there.
    #[inline]
    pub fn arrival(&mut self, now: SimTime, empty: bool) {
        if empty {
            self.began = Some(now);
            self.present = 0;
        }
        self.present += 1;
    }

    /// The last customer left.
    #[inline]
    pub fn emptied(&mut self, now: SimTime) {
        let Some(began) = self.began.take() else { return };
        let length = u128::from(now.since(began).0);
        self.periods += 1;
        self.customers += self.present;
        self.sum += length;
        self.squares += length * length;
    }

    /// Forgets everything; a period under way is not counted.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Periods counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.periods
    }

    /// Seconds in the mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        seconds(self.sum) / self.n()
    }

    /// Square seconds: the variance of the length.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        (float(self.squares) * 1e-18 / self.n() - mean * mean).max(0.0)
    }

    /// Customers served in a period, in the mean.
    #[must_use]
    pub fn customers(&self) -> f64 {
        float(u128::from(self.customers)) / self.n()
    }

    fn n(&self) -> f64 {
        float(u128::from(self.periods.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_periods_and_one_under_way() {
        let at = |s: u64| SimTime(s * 1_000_000_000);
        let mut busy = BusyPeriods::default();
        busy.arrival(at(1), true);
        busy.emptied(at(3));
        busy.arrival(at(10), true);
        busy.arrival(at(11), false);
        busy.emptied(at(16));
        busy.arrival(at(20), true);
        assert_eq!(busy.count(), 2);
        for (got, want) in [(busy.mean(), 4.0), (busy.variance(), 4.0), (busy.customers(), 1.5)] {
            assert!((got - want).abs() < 1e-9, "{got} for {want}");
        }
    }
}
