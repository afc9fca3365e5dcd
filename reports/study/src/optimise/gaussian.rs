//! A Gaussian process: what is believed of an outcome everywhere, from values at some points
//! (Rasmussen and Williams, Gaussian Processes for Machine Learning, chapters 2, 4 and 5).
//!
//! Kernel: Matérn 5/2 with a length for every parameter. A noise term, smaller where more
//! replications were run. Mean and scale follow from the values by generalised least squares;
//! lengths and noise maximise the marginal likelihood times weak priors.

use serde::{Deserialize, Serialize};
use sim_types::math::{exp, ln, sqrt};

use super::strategy::minimise;
use crate::count;
use crate::linear::{Cholesky, Matrix};
use crate::random::stream;

/// Logarithms of the lengths, in units of each range, then of the ratio of the noise variance of a
/// single replication to the variance of the outcome.
pub(crate) type Scales = Vec<f64>;

/// Prior of a length: median half the range, a factor of e either way.
const LENGTH: (f64, f64) = (-0.693, 1.0);
/// Prior of the noise ratio: median 1e-4, a factor of e⁴ either way.
const NOISE: (f64, f64) = (-9.2, 4.0);

/// A point of the unit cube, what was found there, and in how many replications.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found<'a> {
    pub(crate) unit: &'a [f64],
    pub(crate) value: f64,
    pub(crate) replications: usize,
}

/// Mean and standard deviation of what is believed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Belief {
    /// Of the outcome itself, without the noise of a run.
    pub mean: f64,
    /// Standard deviation of that.
    pub deviation: f64,
}

/// A fitted process.
#[derive(Debug, Clone)]
pub struct Process {
    points: Vec<Vec<f64>>,
    scales: Scales,
    root: Cholesky,
    /// K⁻¹ (y − mean).
    pull: Vec<f64>,
    mean: f64,
    /// Variance of the outcome.
    variance: f64,
    /// ln likelihood, less constants.
    likelihood: f64,
}

impl Process {
    /// What is believed from values at points of the unit cube, each the mean of so many
    /// replications; `None` without points.
    #[must_use]
    pub fn of(points: &[(Vec<f64>, f64, usize)], seed: u64) -> Option<Self> {
        let found: Vec<Found<'_>> = points
            .iter()
            .filter(|(_, value, _)| value.is_finite())
            .map(|(unit, value, replications)| Found {
                unit,
                value: *value,
                replications: *replications,
            })
            .collect();
        Self::fit(&found, None, seed)
    }

    /// The lengths over which the outcome changes, in units of each range: the shorter, the more
    /// the parameter matters.
    #[must_use]
    pub fn lengths(&self) -> Vec<f64> {
        let lengths = self.scales.split_last().map_or(&[][..], |(_, lengths)| lengths);
        lengths.iter().map(|l| exp(*l)).collect()
    }

    /// Fits lengths and noise from `start`, or from the prior, and then the process; `None`
    /// without points.
    pub(crate) fn fit(found: &[Found<'_>], start: Option<&Scales>, seed: u64) -> Option<Self> {
        let dimensions = found.first()?.unit.len();
        let mut from = vec![LENGTH.0; dimensions];
        from.push(NOISE.0);
        let cost = |scales: &[f64]| Self::with(found, scales).map_or(1e12, |p| p.cost());
        // One look at a smooth outcome and one at a noisy one: the likelihood may have both peaks.
        let mut noisy = from.clone();
        noisy[dimensions] = -1.0;
        let best = [start.cloned(), Some(from), Some(noisy)]
            .into_iter()
            .flatten()
            .map(|scales| (cost(&scales), scales))
            .min_by(|a, b| a.0.total_cmp(&b.0))?
            .1;
        let calls = 60 + 30 * dimensions;
        let mut stream = stream(seed, "likelihood", found.len() as u64);
        let (scales, _) = minimise(cost, &best, 0.7, calls, &mut stream);
        Self::with(found, &scales)
    }

    /// The process with these scales.
    pub(crate) fn with(found: &[Found<'_>], scales: &[f64]) -> Option<Self> {
        let dimensions = found.first()?.unit.len();
        let n = found.len();
        let noise = exp(scales[dimensions].clamp(-23.0, 3.0));
        let mut matrix = Matrix::diagonal(n, 0.0);
        let scales: Scales = scales.to_vec();
        for i in 0..n {
            for j in 0..i {
                matrix.cells[i * n + j] = kernel(&scales, found[i].unit, found[j].unit);
            }
            matrix.cells[i * n + i] = 1.0 + noise / count(found[i].replications.max(1)) + 1e-9;
        }
        let root = Cholesky::of(matrix)?;
        let ones = root.forward(&vec![1.0; n]);
        let values: Vec<f64> = found.iter().map(|f| f.value).collect();
        let seen = root.forward(&values);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mean = dot(&ones, &seen) / dot(&ones, &ones);
        let rest: Vec<f64> = values.iter().map(|v| v - mean).collect();
        let white = root.forward(&rest);
        // Equal values leave a process of no height; it must still have one.
        let variance = (dot(&white, &white) / count(n)).max(1e-18 * (1.0 + mean * mean));
        let likelihood = -0.5 * (count(n) * ln(variance) + root.ln_determinant());
        let pull = root.solve(&rest);
        let points = found.iter().map(|f| f.unit.to_vec()).collect();
        Some(Self { points, scales, root, pull, mean, variance, likelihood })
    }

    /// Minus the logarithm of likelihood and priors.
    fn cost(&self) -> f64 {
        let (noise, lengths) = self.scales.split_last().unwrap_or((&0.0, &[]));
        let prior = |value: f64, (centre, spread): (f64, f64)| {
            let off = (value - centre) / spread;
            0.5 * off * off
        };
        let lengths: f64 = lengths.iter().map(|l| prior(*l, LENGTH)).sum();
        lengths + prior(*noise, NOISE) - self.likelihood
    }

    pub(crate) fn scales(&self) -> &Scales {
        &self.scales
    }

    /// What is believed at a point of the unit cube.
    #[must_use]
    pub fn belief(&self, unit: &[f64]) -> Belief {
        let near: Vec<f64> = self.points.iter().map(|p| kernel(&self.scales, p, unit)).collect();
        let mean = self.mean + near.iter().zip(&self.pull).map(|(k, a)| k * a).sum::<f64>();
        let white = self.root.forward(&near);
        let known: f64 = white.iter().map(|v| v * v).sum();
        Belief { mean, deviation: sqrt(self.variance * (1.0 - known).max(0.0)) }
    }

    /// Standard deviation of the noise of so many replications.
    pub(crate) fn noise(&self, replications: usize) -> f64 {
        let ratio = exp(self.scales.last().copied().unwrap_or(0.0).clamp(-23.0, 3.0));
        sqrt(self.variance * ratio / count(replications.max(1)))
    }
}

/// Matérn 5/2: (1 + √5 r + 5/3 r²) exp(−√5 r), r being the distance in lengths.
fn kernel(scales: &[f64], a: &[f64], b: &[f64]) -> f64 {
    let square: f64 = a
        .iter()
        .zip(b)
        .zip(scales)
        .map(|((a, b), l)| {
            let off = (a - b) / exp(l.clamp(-4.6, 4.6));
            off * off
        })
        .sum();
    let r = sqrt(5.0 * square);
    (1.0 + r + r * r / 3.0) * exp(-r)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design;

    fn fit(points: &[Vec<f64>], values: &[f64]) -> Process {
        let found: Vec<Found<'_>> = points
            .iter()
            .zip(values)
            .map(|(unit, &value)| Found { unit, value, replications: 1 })
            .collect();
        Process::fit(&found, None, 1).expect("points")
    }

    /// Without noise it meets its points and comes close between them.
    #[test]
    fn a_smooth_function_is_learnt() {
        let f = |x: &[f64]| libm::sin(6.0 * x[0]) + x[1] * x[1];
        let points = design::sobol(40, 2, 1);
        let process = fit(&points, &points.iter().map(|p| f(p)).collect::<Vec<_>>());
        for point in &points {
            assert!((process.belief(point).mean - f(point)).abs() < 1e-2);
        }
        let mut inside = 0;
        for point in design::sobol(200, 2, 2) {
            let belief = process.belief(&point);
            assert!((belief.mean - f(&point)).abs() < 0.08, "{point:?}");
            inside += usize::from((belief.mean - f(&point)).abs() < 2.0 * belief.deviation + 1e-6);
        }
        assert!(inside > 150, "{inside} of 200 within two deviations");
    }

    /// The fitted noise is the noise that was added, and the truth lies within the belief.
    #[test]
    fn noise_is_told_from_shape() {
        let points = design::sobol(120, 1, 4);
        let mut chance = stream(5, "noise", 0);
        let values: Vec<f64> = points.iter().map(|p| 2.0 * p[0] + 0.2 * chance.normal()).collect();
        let process = fit(&points, &values);
        let noise = process.noise(1);
        assert!((0.16..0.25).contains(&noise), "{noise}");
        assert!((process.noise(4) * 2.0 - noise).abs() < 1e-12);
        for place in 0..=10 {
            let x = f64::from(place) / 10.0;
            let belief = process.belief(&[x]);
            assert!((belief.mean - 2.0 * x).abs() < 4.0 * belief.deviation.max(0.02));
        }
    }

    #[test]
    fn equal_values_are_believed_everywhere() {
        let points = design::sobol(8, 2, 1);
        let belief = fit(&points, &[3.0; 8]).belief(&[0.3, 0.9]);
        assert!((belief.mean - 3.0).abs() < 1e-6 && belief.deviation < 1e-6);
    }
}
