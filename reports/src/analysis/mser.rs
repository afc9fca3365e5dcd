//! Where the warm-up of a series ends, by the marginal standard error rule MSER-5.
//!
//! Of all truncations choose the one that makes the interval of what remains narrowest: it
//! minimises Σ(yᵢ − ȳ)² / (m − d)² over the values left when d of m are dropped (White, "An
//! effective truncation heuristic for bias reduction in simulation output", Simulation 69,
//! 1997). The rule is applied to means of five values (White, Cobb and Spratt, "A comparison of
//! five steady-state truncation heuristics for simulation", Winter Simulation Conference 2000).
//!
//! Two cautions from the literature are part of it. The last five batches are never candidates,
//! since a handful of nearly equal values would win (Hoad, Robinson and Davies, Journal of the
//! Operational Research Society 61, 2010). A truncation in the second half means that the
//! series is too short to tell (White, Cobb and Spratt 2000): it is not conclusive.

use serde::{Deserialize, Serialize};

use crate::stats::{count, mean};

/// Values averaged into one before the rule is applied.
pub const BATCH: usize = 5;

/// Batches at the end that are never dropped.
const KEPT: usize = 5;

/// Fewest batches that are judged at all.
const FEWEST: usize = 20;

/// Where a series settles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Truncation {
    /// Values to leave out, from the first.
    pub values: usize,
    /// Values in the series.
    pub of: usize,
    /// The minimum of the rule's statistic, the square of a standard error.
    pub statistic: f64,
    /// Whether it lies in the first half. If not, the series is too short to say.
    pub conclusive: bool,
}

/// Applies MSER-5. `None` for fewer than a hundred values.
#[must_use]
pub fn mser5(series: &[f64]) -> Option<Truncation> {
    let batches: Vec<f64> = series.chunks_exact(BATCH).filter_map(mean).collect();
    let m = batches.len();
    if m < FEWEST {
        return None;
    }
    // From the end: mean and sum of squares of what remains, by Welford's recursion.
    let (mut centre, mut squares) = (0.0, 0.0);
    let mut best = (f64::INFINITY, 0);
    for (d, &value) in batches.iter().enumerate().rev() {
        let left = count(m - d);
        let step = value - centre;
        centre += step / left;
        squares += step * (value - centre);
        if m - d <= KEPT {
            continue;
        }
        let statistic = squares / (left * left);
        // At equal statistics the shorter truncation wins.
        if statistic <= best.0 {
            best = (statistic, d);
        }
    }
    let (statistic, d) = best;
    Some(Truncation { values: d * BATCH, of: series.len(), statistic, conclusive: 2 * d <= m })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, term by term.
    fn by_definition(series: &[f64]) -> usize {
        let batches: Vec<f64> = series.chunks_exact(BATCH).filter_map(mean).collect();
        let m = batches.len();
        let statistic = |d: usize| {
            let rest = &batches[d..];
            let centre = mean(rest).unwrap();
            rest.iter().map(|y| (y - centre) * (y - centre)).sum::<f64>() / count(m - d).powi(2)
        };
        (0..m - KEPT).min_by(|&a, &b| statistic(a).total_cmp(&statistic(b))).unwrap() * BATCH
    }

    #[test]
    fn a_step_is_cut_where_it_is() {
        // 40 values high, 160 that alternate about zero, in batches of five: −1/5, 1/5, …
        let series: Vec<f64> =
            (0..200).map(|i| if i < 40 { 10.0 } else { f64::from(i % 2) * 2.0 - 1.0 }).collect();
        let got = mser5(&series).unwrap();
        assert_eq!((got.values, got.of, got.conclusive), (40, 200, true));
        // 32 means of ±1/5 about zero: 32 · 0.04 / 32².
        assert!((got.statistic - 0.04 / 32.0).abs() < 1e-12, "{}", got.statistic);
    }

    #[test]
    fn a_constant_needs_no_cut_and_a_long_ramp_is_not_conclusive() {
        assert_eq!(mser5(&[3.0; 200]).map(|t| (t.values, t.conclusive)), Some((0, true)));
        let ramp: Vec<f64> = (0..400).map(f64::from).collect();
        assert_eq!(mser5(&ramp).map(|t| t.conclusive), Some(false));
        assert_eq!(mser5(&[1.0; 99]), None);
    }

    proptest! {
        #[test]
        fn the_recursion_is_the_definition(
            series in proptest::collection::vec(-1.0..1.0_f64, 100..300), high in 0..80_usize,
        ) {
            let mut series = series;
            series[..high].iter_mut().for_each(|v| *v += 2.5);
            prop_assert_eq!(mser5(&series).unwrap().values, by_definition(&series));
        }
    }
}
