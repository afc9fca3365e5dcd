//! Screening by elementary effects (Morris, Technometrics 33, 1991; μ* of Campolongo, Cariboni
//! and Saltelli, Environmental Modelling & Software 22, 2007).

use serde::{Deserialize, Serialize};
use sim_types::math::sqrt;

use super::Index;
use crate::distributions::t_quantile;
use crate::random::{below, shuffle, stream};
use crate::{count, mean, variance};

/// Levels of each parameter: 0, 1/3, 2/3, 1, with steps of 2/3 (Morris's choice of Δ = p / 2(p − 1)
/// for p = 4).
pub const LEVELS: usize = 4;

/// What the steps of one parameter did, in units of the outcome for the whole range of the
/// parameter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Mean effect; effects of both signs cancel.
    pub mu: f64,
    /// Mean size of the effect, with its interval (Student's t over trajectories).
    pub mu_star: Index,
    /// Standard deviation of the effects: large where the parameter bends or acts with others.
    pub sigma: f64,
}

/// Trajectories of `dimensions` + 1 points each, one after another; from point to point of a
/// trajectory one coordinate steps by 2/3, each once, in random order.
#[must_use]
pub fn design(trajectories: usize, dimensions: usize, seed: u64) -> Vec<Vec<f64>> {
    let step = LEVELS / 2;
    let place = |level: usize| count(level) / count(LEVELS - 1);
    let mut points = Vec::with_capacity(trajectories * (dimensions + 1));
    for trajectory in 0..trajectories {
        let mut stream = stream(seed, "morris", trajectory as u64);
        let mut levels: Vec<usize> = (0..dimensions).map(|_| below(LEVELS, &mut stream)).collect();
        let mut order: Vec<usize> = (0..dimensions).collect();
        shuffle(&mut order, &mut stream);
        points.push(levels.iter().map(|l| place(*l)).collect());
        for dimension in order {
            let level = &mut levels[dimension];
            *level = if *level < step { *level + step } else { *level - step };
            points.push(levels.iter().map(|l| place(*l)).collect());
        }
    }
    points
}

/// The effects, in the order of the coordinates, from the outcomes at the points of
/// [`design`]. A trajectory loses the steps from or to an outcome that is not a number.
#[must_use]
pub fn effects(points: &[Vec<f64>], outcomes: &[f64]) -> Vec<Effect> {
    let dimensions = points.first().map_or(0, Vec::len);
    let mut found = vec![Vec::new(); dimensions];
    let trajectories = points.chunks(dimensions + 1).zip(outcomes.chunks(dimensions + 1));
    for (points, outcomes) in trajectories {
        for (point, outcome) in points.windows(2).zip(outcomes.windows(2)) {
            let moved = (0..dimensions).find(|&d| (point[1][d] - point[0][d]).abs() > 1e-9);
            let Some(moved) = moved else { continue };
            let effect = (outcome[1] - outcome[0]) / (point[1][moved] - point[0][moved]);
            if effect.is_finite() {
                found[moved].push(effect);
            }
        }
    }
    found.iter().map(|effects| summary(effects)).collect()
}

fn summary(effects: &[f64]) -> Effect {
    let sizes: Vec<f64> = effects.iter().map(|e| e.abs()).collect();
    let n = sizes.len();
    let mu_star = mean(&sizes);
    let half = if n < 2 {
        f64::INFINITY
    } else {
        t_quantile(0.95, n - 1) * sqrt(variance(&sizes) / count(n))
    };
    Effect {
        mu: mean(effects),
        mu_star: Index { value: mu_star, interval: [(mu_star - half).max(0.0), mu_star + half] },
        sigma: sqrt(variance(effects)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensitivity::known::{g, ishigami};
    use proptest::prelude::*;

    fn run(f: impl Fn(&[f64]) -> f64, trajectories: usize, dimensions: usize) -> Vec<Effect> {
        let points = design(trajectories, dimensions, 5);
        let outcomes: Vec<f64> = points.iter().map(|p| f(p)).collect();
        effects(&points, &outcomes)
    }

    #[test]
    fn a_linear_outcome_has_its_coefficients() {
        let found = run(|x| 3.0 * x[0] - 2.0 * x[1] + 10.0, 8, 3);
        for (effect, want) in found.iter().zip([3.0, -2.0, 0.0_f64]) {
            assert!((effect.mu - want).abs() < 1e-12);
            assert!((effect.mu_star.value - want.abs()).abs() < 1e-12);
            assert!(effect.sigma < 1e-12);
        }
    }

    /// The exact mean size of the effects: over all places of the grid.
    fn exact(f: impl Fn(&[f64]) -> f64, dimensions: usize, of: usize) -> f64 {
        let mut sizes = Vec::new();
        for place in 0..LEVELS.pow(u32::try_from(dimensions).expect("few")) {
            let mut rest = place;
            let mut point: Vec<f64> = (0..dimensions)
                .map(|_| {
                    let level = rest % LEVELS;
                    rest /= LEVELS;
                    count(level) / 3.0
                })
                .collect();
            if point[of] < 0.5 {
                let low = f(&point);
                point[of] += 2.0 / 3.0;
                sizes.push(((f(&point) - low) * 1.5).abs());
            }
        }
        mean(&sizes)
    }

    #[test]
    fn intervals_hold_the_exact_means() {
        let a = [0.0, 1.0, 4.5, 9.0, 99.0];
        let (found, of_ishigami) = (run(|x| g(x, &a), 400, 5), run(ishigami, 400, 3));
        for (k, effect) in found.iter().enumerate() {
            let want = exact(|x| g(x, &a), 5, k);
            // Five standard errors instead of two: eight intervals, one seed.
            let half = 2.5 * (effect.mu_star.interval[1] - effect.mu_star.value) + 1e-12;
            assert!((effect.mu_star.value - want).abs() <= half, "{k}: {effect:?} for {want}");
        }
        for (k, effect) in of_ishigami.iter().enumerate() {
            let want = exact(ishigami, 3, k);
            let half = 2.5 * (effect.mu_star.interval[1] - effect.mu_star.value) + 1e-12;
            assert!((effect.mu_star.value - want).abs() <= half, "{k}: {effect:?} for {want}");
        }
        // The order of importance of the g-function is that of a.
        assert!(found.windows(2).all(|pair| pair[0].mu_star.value > pair[1].mu_star.value));
    }

    proptest! {
        #[test]
        fn each_step_moves_one_coordinate_and_each_once(k in 1_usize..12, seed: u64) {
            let points = design(5, k, seed);
            prop_assert_eq!(points.len(), 5 * (k + 1));
            for trajectory in points.chunks(k + 1) {
                let mut moved: Vec<usize> = trajectory
                    .windows(2)
                    .flat_map(|pair| (0..k).filter(|&d| (pair[0][d] - pair[1][d]).abs() > 0.5))
                    .collect();
                moved.sort_unstable();
                prop_assert_eq!(moved, (0..k).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn failed_runs_are_left_out() {
        let points = design(6, 2, 1);
        let mut outcomes: Vec<f64> = points.iter().map(|p| p[0]).collect();
        outcomes[4] = f64::NAN;
        let found = effects(&points, &outcomes);
        assert!((found[0].mu - 1.0).abs() < 1e-12 && found[1].mu.abs() < 1e-12);
    }
}
