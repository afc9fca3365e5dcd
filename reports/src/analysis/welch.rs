//! Welch's picture of the warm-up: average the series over replications, smooth by a moving
//! average, look where it levels off (Welch, "The statistical analysis of simulation results",
//! in Lavenberg (ed.), Computer Performance Modeling Handbook, Academic Press 1983, section
//! 6.5.1; Law, Simulation Modeling and Analysis, section 9.5.1).

use crate::stats::{count, mean};

/// The average over replications, value by value, as far as the shortest reaches. Empty when
/// there is no replication.
#[must_use]
pub fn average(replications: &[Vec<f64>]) -> Vec<f64> {
    let length = replications.iter().map(Vec::len).min().unwrap_or(0);
    (0..length)
        .filter_map(|i| {
            let column: Vec<f64> = replications.iter().map(|series| series[i]).collect();
            mean(&column)
        })
        .collect()
}

/// Welch's moving average with window `w`: the mean of the 2w + 1 values about each, and near
/// the start of as many as there are on either side. The last `w` values have none.
#[must_use]
pub fn moving_average(series: &[f64], w: usize) -> Vec<f64> {
    (0..series.len().saturating_sub(w))
        .filter_map(|i| {
            let reach = w.min(i);
            mean(&series[i - reach..=i + reach])
        })
        .collect()
}

/// Means of `size` neighbours, so that a long series can be drawn; a rest at the end is left
/// out.
#[must_use]
pub fn thin(series: &[f64], size: usize) -> Vec<f64> {
    series.chunks_exact(size.max(1)).filter_map(mean).collect()
}

/// A window for a series of this length: a twentieth, at least 1. Law recommends at most a
/// quarter, and the smallest that gives a smooth line.
#[must_use]
pub fn window(length: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below length")]
    let w = (count(length) / 20.0) as usize;
    w.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_window_opens_at_the_start_and_stops_before_the_end() {
        let series = [1.0, 2.0, 6.0, 4.0, 12.0, 8.0];
        assert_eq!(moving_average(&series, 1), [1.0, 3.0, 4.0, 22.0 / 3.0, 8.0]);
        assert_eq!(moving_average(&series, 2), [1.0, 3.0, 5.0, 32.0 / 5.0]);
        assert_eq!(moving_average(&series, 9), [0.0; 0]);
    }

    #[test]
    fn replications_average_as_far_as_the_shortest() {
        assert_eq!(average(&[vec![1.0, 2.0, 9.0], vec![3.0, 6.0]]), [2.0, 4.0]);
        assert_eq!(average(&[]), [0.0; 0]);
        assert_eq!(thin(&[1.0, 3.0, 5.0, 7.0, 9.0], 2), [2.0, 6.0]);
    }

    proptest! {
        /// A moving average keeps straight lines, and with window 0 everything.
        #[test]
        fn straight_lines_stay(slope in -5.0..5.0_f64, n in 1..100_usize, w in 0..30_usize) {
            let line: Vec<f64> = (0..n).map(|i| slope * count(i)).collect();
            for (i, value) in moving_average(&line, w).into_iter().enumerate() {
                prop_assert!((value - line[i]).abs() < 1e-9);
            }
            prop_assert_eq!(moving_average(&line, 0), line);
        }
    }
}
