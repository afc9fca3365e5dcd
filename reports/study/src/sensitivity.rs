//! Which parameters matter: designs of points in the unit cube, and what the outcomes at these
//! points say.
//!
//! | method | runs | tells |
//! |---|---|---|
//! | [`morris`] | trajectories · (k + 1) | which of many parameters matter at all, and which act together or bend |
//! | [`sobol`] | points · (k + 2) | shares of the variance, alone and with all others, with intervals |
//! | [`one_at_a_time`] | points · k | the curve of each parameter, all others held |

pub mod morris;
pub mod one_at_a_time;
pub mod sobol;

use serde::{Deserialize, Serialize};

/// An estimate with a 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// The estimate.
    pub value: f64,
    /// Lower and upper end of the interval.
    pub interval: [f64; 2],
}

/// Functions whose indices are known in closed form.
#[cfg(test)]
pub(crate) mod known {
    use core::f64::consts::PI;

    /// Ishigami and Homma (1990): sin x₁ + a sin² x₂ + b x₃⁴ sin x₁ on (−π, π)³, a = 7, b = 0.1.
    pub(crate) fn ishigami(unit: &[f64]) -> f64 {
        let x: Vec<f64> = unit.iter().map(|u| (2.0 * u - 1.0) * PI).collect();
        let (s1, s2) = (libm::sin(x[0]), libm::sin(x[1]));
        s1 + 7.0 * s2 * s2 + 0.1 * x[2] * x[2] * x[2] * x[2] * s1
    }

    /// Its first and total indices, from the integrals.
    pub(crate) fn ishigami_indices() -> [[f64; 2]; 3] {
        let (a, b) = (7.0, 0.1);
        let pi4 = PI * PI * PI * PI;
        let v1 = 0.5 * (1.0 + b * pi4 / 5.0) * (1.0 + b * pi4 / 5.0);
        let v2 = a * a / 8.0;
        let v13 = b * b * pi4 * pi4 * (1.0 / 18.0 - 1.0 / 50.0);
        let v = v1 + v2 + v13;
        [[v1 / v, (v1 + v13) / v], [v2 / v, v2 / v], [0.0, v13 / v]]
    }

    /// Saltelli and Sobol (1995): the product of (|4x − 2| + a) / (1 + a).
    pub(crate) fn g(unit: &[f64], a: &[f64]) -> f64 {
        unit.iter().zip(a).map(|(x, a)| ((4.0 * x - 2.0).abs() + a) / (1.0 + a)).product()
    }

    /// Its first and total indices: Vᵢ = 1 / (3 (1 + aᵢ)²), V = Π (1 + Vᵢ) − 1.
    pub(crate) fn g_indices(a: &[f64]) -> Vec<[f64; 2]> {
        let parts: Vec<f64> = a.iter().map(|a| 1.0 / (3.0 * (1.0 + a) * (1.0 + a))).collect();
        let all: f64 = parts.iter().map(|v| 1.0 + v).product();
        parts.iter().map(|v| [v / (all - 1.0), v * all / (1.0 + v) / (all - 1.0)]).collect()
    }
}
