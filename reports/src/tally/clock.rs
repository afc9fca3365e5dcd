//! Intervals of equal, readable length that cover the horizon.

/// Most intervals in a time series.
const MOST: u64 = 150;
/// Lengths to choose from, in seconds, above one second.
const SECONDS: [u64; 20] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 172_800, 604_800,
];
const SECOND: u64 = 1_000_000_000;

/// Divides the horizon.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Length of an interval, ns.
    pub(crate) step: u64,
    /// How many.
    pub(crate) count: usize,
    /// The horizon, ns.
    pub(crate) horizon: u64,
}

impl Clock {
    pub(crate) fn new(horizon: u64) -> Self {
        let horizon = horizon.max(1);
        let step = if horizon <= MOST * SECOND {
            let mut step = 1;
            while horizon.div_ceil(step) > MOST {
                step *= 10;
            }
            step
        } else {
            let fits = SECONDS.iter().map(|s| s * SECOND).find(|s| horizon.div_ceil(*s) <= MOST);
            fits.unwrap_or(horizon.div_ceil(MOST))
        };
        let count = usize::try_from(horizon.div_ceil(step)).unwrap_or(1);
        Self { step, count, horizon }
    }

    /// The interval of a moment; what happens after the horizon counts to the last one.
    pub(crate) fn index(&self, time: u64) -> usize {
        usize::try_from(time / self.step).unwrap_or(usize::MAX).min(self.count - 1)
    }

    /// Middle of an interval, ns.
    #[expect(clippy::cast_precision_loss, reason = "drawn")]
    pub(crate) fn middle(&self, index: usize) -> f64 {
        let start = self.step * index as u64;
        f64::midpoint(start as f64, self.end(index))
    }

    /// End of an interval, ns.
    #[expect(clippy::cast_precision_loss, reason = "drawn")]
    pub(crate) fn end(&self, index: usize) -> f64 {
        (self.step * (index as u64 + 1)).min(self.horizon) as f64
    }

    /// Length of an interval in seconds; the last may be shorter.
    #[expect(clippy::cast_precision_loss, reason = "drawn")]
    pub(crate) fn seconds(&self, index: usize) -> f64 {
        (self.end(index) - (self.step * index as u64) as f64) / SECOND as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_cut_into_ten_minutes_and_every_moment_has_its_place() {
        let table = [
            (86_400 * SECOND, 600 * SECOND, 144),
            (3_600 * SECOND, 30 * SECOND, 120),
            (10 * SECOND, SECOND / 10, 100),
            (1, 1, 1),
            (365 * 86_400 * SECOND, 604_800 * SECOND, 53),
        ];
        for (horizon, step, count) in table {
            let clock = Clock::new(horizon);
            assert_eq!((clock.step, clock.count), (step, count), "{horizon}");
            assert_eq!(clock.index(0), 0);
            assert_eq!(clock.index(horizon - 1), count - 1);
            assert_eq!(clock.index(u64::MAX), count - 1);
        }
    }
}
