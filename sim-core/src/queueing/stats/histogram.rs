//! Durations by size, for quantiles.

use serde::{Deserialize, Serialize};
use sim_types::SimDuration;

use crate::queueing::float;

/// Counts of durations in buckets whose width is at most 1/128 of their lower edge; below
/// 128 ns every nanosecond has its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

/// Binary digits kept below the leading one.
const DIGITS: u32 = 7;

impl Histogram {
    /// Counts one.
    #[inline]
    pub fn add(&mut self, duration: SimDuration) {
        let bucket = bucket(duration.0);
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        self.counts.fill(0);
        self.total = 0;
    }

    /// The duration, in seconds, that a share `q` of all do not exceed, by linear
    /// interpolation within its bucket; `None` of none.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if self.total == 0 {
            return None;
        }
        let rank = q.clamp(0.0, 1.0) * float(u128::from(self.total));
        let mut below = 0.0;
        let mut last = 0.0;
        for (bucket, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let count = float(u128::from(count));
            let (from, to) = (edge(bucket), edge(bucket + 1));
            if below + count >= rank {
                return Some((from + (to - from) * (rank - below) / count) * 1e-9);
            }
            below += count;
            last = to;
        }
        Some(last * 1e-9)
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "below 2^8 once shifted")]
fn bucket(nanos: u64) -> usize {
    // The leading digit's place, and the digits after it.
    let shift = (64 - nanos.leading_zeros()).saturating_sub(DIGITS + 1);
    ((shift as usize) << DIGITS) + (nanos >> shift) as usize
}

/// The least value of a bucket.
#[expect(clippy::cast_precision_loss, reason = "below 2^53 in steps of the bucket")]
fn edge(bucket: usize) -> f64 {
    let shift = (bucket >> DIGITS).saturating_sub(1);
    ((bucket - (shift << DIGITS)) as f64) * (1_u64 << shift.min(63)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_lies_in_its_bucket(nanos in 0_u64..1 << 50) {
            let at = bucket(nanos);
            let value = float(u128::from(nanos));
            prop_assert!(edge(at) <= value && value < edge(at + 1));
            prop_assert!(edge(at + 1) - edge(at) <= (value / 128.0).max(1.0));
        }
    }

    #[test]
    fn quantiles_of_a_ramp() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        for ms in 1..=1000 {
            histogram.add(SimDuration::from_millis(ms));
        }
        for q in [0.1, 0.5, 0.95] {
            let got = histogram.quantile(q).unwrap();
            assert!((got - q).abs() < 0.01 * q + 0.001, "{got} for {q}");
        }
    }
}
