//! The heart of CMA-ES: a normal law that learns scale and shape from which of its samples were
//! best (Hansen, The CMA Evolution Strategy: A Tutorial, arXiv:1604.00772; names and constants of
//! its table 1, without negative weights).

use serde::{Deserialize, Serialize};
use sim_types::Stream;
use sim_types::math::{exp, ln, sqrt};

use crate::count;
use crate::linear::{Matrix, eigen};

/// Mean, step size, shape and the two paths of evolution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Strategy {
    pub(crate) mean: Vec<f64>,
    pub(crate) step: f64,
    /// Row by row.
    covariance: Vec<f64>,
    step_path: Vec<f64>,
    shape_path: Vec<f64>,
    generation: usize,
}

/// Square root of the covariance and of its inverse.
struct Roots {
    values: Vec<f64>,
    vectors: Matrix,
}

impl Roots {
    /// B D^power Bᵀ z.
    fn apply(&self, z: &[f64], invert: bool) -> Vec<f64> {
        let mut out = vec![0.0; z.len()];
        for (k, value) in self.values.iter().enumerate() {
            let row = self.vectors.row(k);
            let along: f64 = row.iter().zip(z).map(|(b, z)| b * z).sum();
            let along = if invert { along / value } else { along * value };
            for (out, b) in out.iter_mut().zip(row) {
                *out += along * b;
            }
        }
        out
    }
}

impl Strategy {
    pub(crate) fn new(mean: Vec<f64>, step: f64) -> Self {
        let n = mean.len();
        Self {
            mean,
            step,
            covariance: Matrix::diagonal(n, 1.0).cells,
            step_path: vec![0.0; n],
            shape_path: vec![0.0; n],
            generation: 0,
        }
    }

    /// Samples of a generation that suffice: 4 + ⌊3 ln n⌋.
    pub(crate) fn samples(dimensions: usize) -> usize {
        let mut samples = 4;
        while 3.0 * ln(count(dimensions.max(1))) >= count(samples - 3) {
            samples += 1;
        }
        samples
    }

    fn roots(&self) -> Roots {
        let n = self.mean.len();
        let (values, vectors) = eigen(Matrix { n, cells: self.covariance.clone() });
        Roots { values: values.iter().map(|v| sqrt(v.max(1e-30))).collect(), vectors }
    }

    /// The longest axis of the law: one standard deviation.
    pub(crate) fn longest(&self) -> f64 {
        self.step * self.roots().values.iter().fold(0.0, |a, b| f64::max(a, *b))
    }

    pub(crate) fn sample(&self, samples: usize, stream: &mut Stream) -> Vec<Vec<f64>> {
        let roots = self.roots();
        (0..samples)
            .map(|_| {
                let z: Vec<f64> = self.mean.iter().map(|_| stream.normal()).collect();
                let offset = roots.apply(&z, false);
                self.mean.iter().zip(offset).map(|(m, o)| m + self.step * o).collect()
            })
            .collect()
    }

    /// Learns from samples in the order from best to worst.
    pub(crate) fn learn(&mut self, ranked: &[Vec<f64>]) {
        let n = count(self.mean.len());
        let parents = ranked.len() / 2;
        let half = f64::midpoint(count(ranked.len()), 1.0);
        let raw: Vec<f64> = (1..=parents).map(|i| ln(half) - ln(count(i))).collect();
        let sum: f64 = raw.iter().sum();
        let weights: Vec<f64> = raw.iter().map(|w| w / sum).collect();
        let mass = 1.0 / weights.iter().map(|w| w * w).sum::<f64>();
        let c_step = (mass + 2.0) / (n + mass + 5.0);
        let damping = 1.0 + 2.0 * (sqrt((mass - 1.0).max(0.0) / (n + 1.0)) - 1.0).max(0.0) + c_step;
        let c_shape = (4.0 + mass / n) / (n + 4.0 + 2.0 * mass / n);
        let c_one = 2.0 / ((n + 1.3) * (n + 1.3) + mass);
        let c_many = (2.0 * (mass - 2.0 + 1.0 / mass) / ((n + 2.0) * (n + 2.0) + mass))
            .clamp(0.0, 1.0 - c_one);
        let length = sqrt(n) * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));

        let moves: Vec<Vec<f64>> = ranked[..parents]
            .iter()
            .map(|x| x.iter().zip(&self.mean).map(|(x, m)| (x - m) / self.step).collect())
            .collect();
        let combined: Vec<f64> = (0..self.mean.len())
            .map(|d| moves.iter().zip(&weights).map(|(y, w)| w * y[d]).sum())
            .collect();
        let whitened = self.roots().apply(&combined, true);
        let keep = sqrt(c_step * (2.0 - c_step) * mass);
        for (path, w) in self.step_path.iter_mut().zip(whitened) {
            *path = (1.0 - c_step) * *path + keep * w;
        }
        self.generation += 1;
        let norm = sqrt(self.step_path.iter().map(|p| p * p).sum());
        let decay = (1..=2 * self.generation).fold(1.0, |power, _| power * (1.0 - c_step));
        let stalled = norm / sqrt(1.0 - decay) >= (1.4 + 2.0 / (n + 1.0)) * length;
        let heed = if stalled { 0.0 } else { 1.0 };
        let keep = heed * sqrt(c_shape * (2.0 - c_shape) * mass);
        for (path, y) in self.shape_path.iter_mut().zip(&combined) {
            *path = (1.0 - c_shape) * *path + keep * y;
        }
        let lost = (1.0 - heed) * c_one * c_shape * (2.0 - c_shape);
        let width = self.mean.len();
        for i in 0..width {
            for j in 0..width {
                let many: f64 = moves.iter().zip(&weights).map(|(y, w)| w * y[i] * y[j]).sum();
                let cell = &mut self.covariance[i * width + j];
                *cell = (1.0 - c_one - c_many + lost) * *cell
                    + c_one * self.shape_path[i] * self.shape_path[j]
                    + c_many * many;
            }
        }
        for (m, y) in self.mean.iter_mut().zip(combined) {
            *m += self.step * y;
        }
        // A step may not leave what doubles can tell apart.
        self.step = (self.step * exp(c_step / damping * (norm / length - 1.0))).clamp(1e-12, 1e6);
    }
}

/// The smallest of a function near `start`, with so many calls.
pub(crate) fn minimise(
    mut f: impl FnMut(&[f64]) -> f64,
    start: &[f64],
    step: f64,
    calls: usize,
    stream: &mut Stream,
) -> (Vec<f64>, f64) {
    let mut best = (start.to_vec(), f(start));
    let mut strategy = Strategy::new(start.to_vec(), step);
    let samples = Strategy::samples(start.len());
    for _ in 0..calls / samples {
        let mut tried: Vec<(f64, Vec<f64>)> =
            strategy.sample(samples, stream).into_iter().map(|x| (f(&x), x)).collect();
        tried.sort_by(|a, b| a.0.total_cmp(&b.0));
        if tried[0].0 < best.1 {
            best = (tried[0].1.clone(), tried[0].0);
        }
        let ranked: Vec<Vec<f64>> = tried.into_iter().map(|(_, x)| x).collect();
        strategy.learn(&ranked);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    #[test]
    fn samples_are_as_the_table_says() {
        let table = [(1, 4), (2, 6), (3, 7), (5, 8), (10, 10), (20, 12), (100, 17)];
        for (dimensions, samples) in table {
            assert_eq!(Strategy::samples(dimensions), samples, "{dimensions}");
        }
    }

    /// Hansen's standard functions: a long ellipsoid, turned, and Rosenbrock's valley.
    #[test]
    fn standard_functions_are_solved() {
        let ellipsoid = |x: &[f64]| {
            let (a, b) = (0.8 * x[0] + 0.6 * x[1] - 1.0, 0.6 * x[0] - 0.8 * x[1]);
            a * a + 1e6 * b * b
        };
        let rosenbrock = |x: &[f64]| {
            x.windows(2)
                .map(|p| {
                    100.0 * (p[1] - p[0] * p[0]) * (p[1] - p[0] * p[0])
                        + (1.0 - p[0]) * (1.0 - p[0])
                })
                .sum::<f64>()
        };
        for seed in 0..5 {
            let (at, value) =
                minimise(ellipsoid, &[3.0, -4.0], 1.0, 3_000, &mut stream(seed, "test", 0));
            assert!(value < 1e-12, "{at:?} {value}");
            let (at, value) = minimise(
                rosenbrock,
                &[-0.5, 0.5, 0.2, -0.1],
                0.5,
                8_000,
                &mut stream(seed, "test", 1),
            );
            assert!(value < 1e-10 || value < 4.0 && at[0] < 0.0, "{at:?} {value}");
        }
    }
}
