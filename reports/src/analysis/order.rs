//! Quantiles of independent values, with intervals between order statistics: no assumption on
//! their law, and the level is exact.
//!
//! The number of n values below the quantile of order p is binomial, so
//! P(X₍l₎ ≤ ξ ≤ X₍u₎) ≥ P(l ≤ B ≤ u − 1), with equality for a continuous law (David and
//! Nagaraja, Order Statistics, 3rd edition, section 7.1; Conover, Practical Nonparametric
//! Statistics, section 3.2).

use super::distributions::binomial_at_most;
use super::{Estimate, Method};

/// Ranks, from 1, of the two order statistics, and the probability that the quantile lies
/// between them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranks {
    /// Rank of the lower end.
    pub low: usize,
    /// Rank of the upper end.
    pub high: usize,
    /// Its probability, at least what was asked for.
    pub level: f64,
}

/// The ranks between which the quantile of order `probability` of `n` values lies with at
/// least `level`, with at most (1 − level) / 2 on either side. `None` when `n` is too small for
/// that, or a probability not between 0 and 1.
///
/// ```
/// let ranks = reports::analysis::order::ranks(20, 0.5, 0.95).unwrap();
/// assert_eq!((ranks.low, ranks.high), (6, 15));
/// ```
#[must_use]
pub fn ranks(n: usize, probability: f64, level: f64) -> Option<Ranks> {
    let inside = |p: f64| p > 0.0 && p < 1.0;
    if !inside(probability) || !inside(level) {
        return None;
    }
    let trials = u64::try_from(n).ok()?;
    let at_most = |k: u64| binomial_at_most(k, trials, probability);
    let tail = (1.0 - level) / 2.0;
    // Tails grow with the rank, so both ends are found by bisection.
    let first = |holds: &dyn Fn(f64) -> bool| {
        let (mut from, mut to) = (0, trials);
        while from < to {
            let middle = u64::midpoint(from, to);
            if holds(at_most(middle)?) {
                to = middle;
            } else {
                from = middle + 1;
            }
        }
        Some(from)
    };
    // P(B ≤ low − 1) ≤ tail, and low + 1 would break it.
    let low = first(&|p| p > tail)?;
    // P(B ≤ high − 1) ≥ 1 − tail, and high − 1 would break it.
    let high = first(&|p| p >= 1.0 - tail)? + 1;
    if low == 0 || high > trials {
        return None;
    }
    Some(Ranks {
        low: usize::try_from(low).ok()?,
        high: usize::try_from(high).ok()?,
        level: at_most(high - 1)? - at_most(low - 1)?,
    })
}

/// The quantile of order `probability` (nearest rank) of independent values, and its interval
/// of at least 95 %. `None` of nothing; without an interval where there are too few values.
#[must_use]
pub fn quantile(values: &[f64], probability: f64) -> Option<Estimate> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some(Estimate {
        value: nearest_rank(&sorted, probability)?,
        interval: ranks(sorted.len(), probability, 0.95)
            .map(|r| [sorted[r.low - 1], sorted[r.high - 1]]),
        method: Method::OrderStatistics,
        pieces: sorted.len(),
    })
}

/// The smallest value that at least a share `probability` of the values does not exceed.
/// `sorted` must be ascending; `None` if it is empty.
#[must_use]
pub fn nearest_rank(sorted: &[f64], probability: f64) -> Option<f64> {
    // A share such as 0.99 is not exact, and neither is its product with the number of values.
    let rank = (crate::stats::count(sorted.len()) * probability - 1e-9).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let index = (rank as usize).max(1) - 1;
    sorted.get(index.min(sorted.len().checked_sub(1)?)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranks_of_the_median_are_those_of_the_binomial_table() {
        // Cumulative binomial probabilities with p = 1/2, from the coefficients: for n = 10,
        // 11 of 1024 lie below 2 on either side; for n = 6, 1 of 64; for n = 20, 21,700 of
        // 2^20 lie at 5 or below.
        let table = [
            (6, 1, 6, 1.0 - 2.0 / 64.0),
            (10, 2, 9, 1.0 - 22.0 / 1024.0),
            (20, 6, 15, 1.0 - 2.0 * 21_700.0 / 1_048_576.0),
        ];
        for (n, low, high, level) in table {
            let got = ranks(n, 0.5, 0.95).unwrap();
            assert_eq!((got.low, got.high), (low, high), "{n}");
            assert!((got.level - level).abs() < 1e-9, "{n}: {}", got.level);
        }
        assert_eq!(ranks(5, 0.5, 0.95), None);
        assert_eq!(ranks(0, 0.5, 0.95), None);
        assert_eq!(ranks(100, 1.0, 0.95), None);
    }

    #[test]
    fn a_high_quantile_needs_enough_values() {
        // The largest of n exceeds the 99th percentile with 1 − 0.99^n ≥ 0.975 from 368 on.
        assert_eq!(ranks(367, 0.99, 0.95), None);
        assert_eq!(ranks(368, 0.99, 0.95).map(|r| r.high), Some(368));
        let few = quantile(&[3.0, 1.0, 2.0], 0.5).unwrap();
        assert_eq!((few.value, few.interval), (2.0, None));
    }

    proptest! {
        /// The stated level holds by a count of its own, and the ends cannot be drawn in.
        #[test]
        fn ranks_are_as_tight_as_the_level_allows(n in 8..200_usize, p in 0.1..0.9_f64) {
            if let Some(r) = ranks(n, p, 0.9) {
                prop_assert!(r.low < r.high && r.level >= 0.9 - 1e-9);
                let at_most = |k: usize| binomial_at_most(k as u64, n as u64, p).unwrap();
                prop_assert!(at_most(r.low - 1) <= 0.05 + 1e-9 && at_most(r.low) > 0.05 - 1e-9);
                prop_assert!(at_most(r.high - 1) >= 0.95 - 1e-9);
                prop_assert!(r.high < 2 || at_most(r.high - 2) < 0.95 + 1e-9);
            }
        }
    }
}
