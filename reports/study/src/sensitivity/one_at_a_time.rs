//! One parameter moves, all others stay: the curve of each about a base.
//!
//! It sees no interaction and depends on the base, so it shows shapes; shares of the variance are
//! [`super::sobol`]'s.

use serde::{Deserialize, Serialize};

use crate::count;

/// The outcomes along one parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Place in the unit cube, and outcome there, in ascending order; failed runs are left out.
    pub points: Vec<(f64, f64)>,
    /// Smallest outcome less that at the base, and largest: the bar of a tornado chart.
    pub swing: [f64; 2],
}

/// The base, then for each coordinate `points` even places from 0 to 1, at least 2.
#[must_use]
pub fn design(points: usize, base: &[f64]) -> Vec<Vec<f64>> {
    let points = points.max(2);
    let mut design = vec![base.to_vec()];
    for dimension in 0..base.len() {
        for place in 0..points {
            let mut point = base.to_vec();
            point[dimension] = count(place) / count(points - 1);
            design.push(point);
        }
    }
    design
}

/// The curves, in the order of the coordinates, from the outcomes at the points of [`design`].
#[must_use]
pub fn curves(points: &[Vec<f64>], outcomes: &[f64]) -> Vec<Curve> {
    let dimensions = points.first().map_or(0, Vec::len);
    let (Some(base), Some(places)) =
        (outcomes.first(), points.len().saturating_sub(1).checked_div(dimensions))
    else {
        return Vec::new();
    };
    let of = |dimension: usize| {
        let from = 1 + dimension * places;
        let points: Vec<(f64, f64)> = points
            .iter()
            .zip(outcomes)
            .skip(from)
            .take(places)
            .map(|(point, outcome)| (point[dimension], *outcome))
            .filter(|(_, outcome)| outcome.is_finite())
            .collect();
        let offsets = || points.iter().map(|(_, outcome)| outcome - base);
        let swing = [offsets().fold(0.0, f64::min), offsets().fold(0.0, f64::max)];
        Curve { points, swing }
    };
    (0..dimensions).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_follow_the_function() {
        let f = |x: &[f64]| 4.0 * x[0] + (x[1] - 0.5) * (x[1] - 0.5);
        let points = design(5, &[0.25, 0.5]);
        assert_eq!(points.len(), 11);
        let outcomes: Vec<f64> = points.iter().map(|p| f(p)).collect();
        let curves = curves(&points, &outcomes);
        let want = [(0.0, 0.0), (0.25, 1.0), (0.5, 2.0), (0.75, 3.0), (1.0, 4.0)];
        let near = |found: (f64, f64), want: (f64, f64)| {
            assert!((found.0 - want.0).abs() < 1e-12 && (found.1 - want.1).abs() < 1e-12);
        };
        for (found, want) in curves[0].points.iter().zip(want) {
            near(*found, want);
        }
        near(curves[0].swing.into(), (-1.0, 3.0));
        near(curves[1].swing.into(), (0.0, 0.25));
    }
}
