//! The mathematics of studies: which points to try, what the outcomes say about the parameters,
//! and where to look next.
//!
//! | module | holds |
//! |---|---|
//! | [`space`] | [`Parameter`], [`Space`]: ranges, logarithmic and whole, and the unit cube |
//! | [`design`] | Latin hypercube, Owen-scrambled Sobol points |
//! | [`sensitivity`] | Morris screening, Sobol indices, one-at-a-time curves |
//! | [`optimise`] | evolution strategy, Bayesian optimisation, Pareto fronts, thresholds |
//! | [`distributions`] | normal law, Student's t |
//!
//! Nothing here simulates, reads a file or a clock. The same arguments give the same bits on
//! every machine: chance comes from named streams, `exp`, `ln` and `pow` from one pinned `libm`,
//! and linear algebra is plain loops, because libraries that choose fused instructions at run
//! time round differently from processor to processor.

pub mod design;
pub mod distributions;
mod linear;
pub mod optimise;
mod random;
pub mod sensitivity;
pub mod space;

pub use space::{Parameter, Space};

/// A count as a number.
#[expect(clippy::cast_precision_loss, reason = "counts of things in memory")]
pub(crate) fn count(n: usize) -> f64 {
    n as f64
}

/// Arithmetic mean; 0 of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len().max(1))
}

/// Variance with the divisor n − 1; 0 for fewer than two values.
pub(crate) fn variance(values: &[f64]) -> f64 {
    let centre = mean(values);
    let squares: f64 = values.iter().map(|v| (v - centre) * (v - centre)).sum();
    squares / count(values.len().saturating_sub(1).max(1))
}
