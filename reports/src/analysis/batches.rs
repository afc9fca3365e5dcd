//! Means and quantiles of one long series, by batches that do not overlap.
//!
//! Values of a simulated series depend on their neighbours, so their own spread says too little.
//! The means of long batches hardly do (Law, Simulation Modeling and Analysis, section 9.5.3;
//! Schmeiser, "Batch size effects in the analysis of simulation output", Operations Research
//! 30, 1982: 10 to 30 batches serve any length). Whether they do is tested by the lag-1
//! correlation of the batches in von Neumann's form.

use serde::{Deserialize, Serialize};

use super::distributions::normal_quantile;
use super::order::nearest_rank;
use super::{Estimate, Method};
use crate::stats::{count, interval95, mean};

/// Batches that a series is cut into unless said otherwise.
pub const BATCHES: usize = 20;

/// Values beyond a quantile that every batch must hold for its own quantile to mean anything.
const BEYOND: f64 = 10.0;

/// A series cut into batches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Batched {
    /// What it estimates.
    pub estimate: Estimate,
    /// Values in one batch.
    pub size: usize,
    /// Lag-1 correlation of the batches.
    pub lag1: f64,
    /// Whether that correlation is what chance alone would leave (one-sided test at 5 %). If
    /// not, the interval is too narrow and the series too short.
    pub independent: bool,
}

/// The mean of a series by `batches` batches of equal size; the values left over are the first.
/// `None` for fewer than three batches or fewer values than batches.
#[must_use]
pub fn means(values: &[f64], batches: usize) -> Option<Batched> {
    cut(values, batches, Method::BatchMeans, mean)
}

/// The quantile of order `probability` of a series, by the quantiles of [`BATCHES`] batches.
/// `None` where a batch would hold fewer than ten values on either side of it.
#[must_use]
pub fn quantile(values: &[f64], probability: f64) -> Option<Batched> {
    let size = count(values.len() / BATCHES);
    if size * probability.min(1.0 - probability) < BEYOND - 1e-9 {
        return None;
    }
    cut(values, BATCHES, Method::BatchQuantiles, |batch| {
        let mut sorted = batch.to_vec();
        sorted.sort_by(f64::total_cmp);
        nearest_rank(&sorted, probability)
    })
}

fn cut(
    values: &[f64],
    batches: usize,
    method: Method,
    of: impl Fn(&[f64]) -> Option<f64>,
) -> Option<Batched> {
    if batches < 3 || values.len() < batches {
        return None;
    }
    let size = values.len() / batches;
    let used = &values[values.len() - size * batches..];
    let each: Vec<f64> = used.chunks_exact(size).map(of).collect::<Option<_>>()?;
    let lag1 = lag1_correlation(&each);
    Some(Batched {
        estimate: Estimate {
            value: mean(&each)?,
            interval: interval95(&each),
            method,
            pieces: batches,
        },
        size,
        lag1,
        independent: looks_independent(lag1, batches),
    })
}

/// Lag-1 correlation in the form 1 − Σ(yᵢ − yᵢ₊₁)² / 2Σ(yᵢ − ȳ)², whose mean is 0 and whose
/// variance is (k − 2) / (k² − 1) for k independent normal values (von Neumann, Annals of
/// Mathematical Statistics 12, 1941; Young, the same volume; its use on batches: Fishman, Management Science 24,
/// 1978). 0 for a constant series.
#[must_use]
pub fn lag1_correlation(values: &[f64]) -> f64 {
    let Some(centre) = mean(values) else { return 0.0 };
    let squares: f64 = values.iter().map(|v| (v - centre) * (v - centre)).sum();
    let steps: f64 = values.windows(2).map(|w| (w[0] - w[1]) * (w[0] - w[1])).sum();
    if squares > 0.0 { 1.0 - steps / (2.0 * squares) } else { 0.0 }
}

/// Whether the lag-1 correlation of `k` values is no larger than independence leaves in 95 of
/// 100 cases.
#[must_use]
pub fn looks_independent(lag1: f64, k: usize) -> bool {
    let k = count(k);
    let spread = ((k - 2.0).max(0.0) / (k * k - 1.0).max(1.0)).sqrt();
    normal_quantile(0.95).is_some_and(|z| lag1 <= z * spread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn batches_by_hand() {
        // The first value is left over; batches (1, 3), (5, 7), (9, 11).
        let got = means(&[99.0, 1.0, 3.0, 5.0, 7.0, 9.0, 11.0], 3).unwrap();
        assert_eq!((got.estimate.value, got.size), (6.0, 2));
        // s = 4, t(2) = 4.302653: half width 4.302653 · 4 / √3.
        let half = got.estimate.half_width().unwrap();
        assert!((half - 4.302_653 * 4.0 / 3.0_f64.sqrt()).abs() < 1e-5, "{half}");
        // Steps 16 + 16, squares 16 + 0 + 16: 1 − 32 / 64.
        assert!((got.lag1 - 0.5).abs() < 1e-12);
        assert_eq!(means(&[1.0, 2.0], 3), None);
        assert_eq!(means(&[1.0, 2.0, 3.0], 2), None);
    }

    #[test]
    fn a_trend_is_not_taken_for_independence() {
        let trend: Vec<f64> = (0..200).map(f64::from).collect();
        let got = means(&trend, BATCHES).unwrap();
        assert!(got.lag1 > 0.8 && !got.independent);
        let constant = means(&[2.5; 100], BATCHES).unwrap();
        assert_eq!(constant.estimate.interval, Some([2.5, 2.5]));
        assert!(constant.independent);
    }

    #[test]
    fn a_quantile_needs_ten_values_beyond_it_in_every_batch() {
        let series: Vec<f64> = (0..20_000).map(|i| f64::from(i % 1_000)).collect();
        // Every batch holds 0 … 999 once: its 99th percentile is the 990th smallest.
        let p99 = quantile(&series, 0.99).unwrap().estimate;
        assert_eq!((p99.value, p99.interval), (989.0, Some([989.0, 989.0])));
        assert_eq!(quantile(&series[..19_000], 0.99), None);
        assert!(quantile(&series[..19_000], 0.5).is_some());
    }

    proptest! {
        #[test]
        fn means_of_batches_average_to_the_mean_of_what_they_use(
            values in proptest::collection::vec(-10.0..10.0_f64, 3..300), batches in 3..12_usize,
        ) {
            if let Some(got) = means(&values, batches) {
                let used = &values[values.len() - got.size * batches..];
                prop_assert!((got.estimate.value - mean(used).unwrap()).abs() < 1e-9);
                prop_assert!(values.len() - used.len() < batches);
                prop_assert!((-1.0 - 1e-9..=1.0).contains(&got.lag1));
            }
        }
    }
}
