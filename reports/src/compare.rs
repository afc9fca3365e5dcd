//! Designs side by side, under the same demand, hardware and random numbers.
//!
//! Replication `r` of every design draws the same random numbers, so designs are compared
//! within replications: the difference of two designs varies less than either, the more so
//! the more they have in common. (Law, Simulation Modeling and Analysis, section 11.2.)

mod curves;
mod page;
mod text;

use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

pub use curves::Curves;

use crate::analysis::replications;
use crate::catalogue::METRICS;
use crate::context::Context;
use crate::error::ReportError;
use crate::metrics::{Metric, Metrics};
use crate::stats::{self, count};

/// One design and what it gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Design {
    /// How to call it.
    pub name: String,
    /// Its run.
    pub context: Context,
    /// Its metrics.
    pub metrics: Metrics,
    /// Its economy, where it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curves: Option<Curves>,
}

/// Designs compared metric by metric, each to the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Names of the designs; the first is the base.
    pub designs: Vec<String>,
    /// Scenario and plan digest of each.
    pub runs: Vec<[String; 2]>,
    /// Whether replications are paired: all designs have the same seed, the same number of
    /// replications, and antithetic pairs all or none.
    pub paired: bool,
    /// Why they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpaired: Option<String>,
    /// The metrics that at least one design has, in the order of the catalogue.
    pub rows: Vec<Row>,
    /// The economies, by design; empty where none has one of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curves: Vec<Option<Curves>>,
}

/// One metric over all designs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Name of the metric.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// What it means.
    pub meaning: String,
    /// By design; absent where the design does not define the metric.
    pub cells: Vec<Option<Cell>>,
}

/// A metric of one design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Mean over replications.
    pub value: f64,
    /// Its 95 % interval, from two replications on.
    pub interval: Option<[f64; 2]>,
    /// To the base; absent for the base itself and where the base lacks the metric or counts
    /// it in another unit.
    pub difference: Option<Difference>,
}

/// A design's difference to the base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Mean of design − base.
    pub mean: f64,
    /// Its 95 % interval, from two replications on.
    pub interval: Option<[f64; 2]>,
    /// Whether the interval leaves out zero. One metric in twenty does so by chance.
    pub significant: bool,
    /// By how much pairing shrinks the variance of the difference: 1 − Var(b − a) / (Var a +
    /// Var b); negative where pairing does harm.
    pub variance_reduction: Option<f64>,
}

/// Compares designs to the first of them.
///
/// # Errors
/// With fewer than two designs, or two of the same name.
pub fn compare(designs: &[Design]) -> Result<Comparison, ReportError> {
    let Some((base, others)) = designs.split_first() else {
        return Err(ReportError::Compare("none given".to_owned()));
    };
    if others.is_empty() {
        return Err(ReportError::Compare(format!("only `{}` given", base.name)));
    }
    for (i, design) in designs.iter().enumerate() {
        if designs[..i].iter().any(|other| other.name == design.name) {
            return Err(ReportError::Compare(format!("two are named `{}`", design.name)));
        }
    }
    let unpaired = others.iter().find_map(|other| why_not(base, other));
    let paired = unpaired.is_none();
    let mut curves: Vec<_> = designs.iter().map(|d| d.curves.clone()).collect();
    if curves.iter().all(Option::is_none) {
        curves.clear();
    }
    Ok(Comparison {
        designs: designs.iter().map(|d| d.name.clone()).collect(),
        runs: designs
            .iter()
            .map(|d| [d.context.scenario.clone(), d.context.plan_digest.clone()])
            .collect(),
        paired,
        unpaired,
        rows: names(designs).iter().map(|name| row(designs, name, paired)).collect(),
        curves,
    })
}

/// Why the replications of two designs cannot be paired, if they cannot.
fn why_not(base: &Design, other: &Design) -> Option<String> {
    let of = |design: &Design| {
        let (name, seed, n) = (&design.name, design.context.seed, design.metrics.replications);
        let pairs = if design.context.control.antithetic { " in antithetic pairs" } else { "" };
        let many = if n == 1 { "" } else { "s" };
        (seed, n, pairs, format!("`{name}` has seed {seed} and {n} replication{many}{pairs}"))
    };
    let (a, b) = (of(base), of(other));
    ((a.0, a.1, a.2) != (b.0, b.1, b.2)).then(|| format!("{}, {}", a.3, b.3))
}

/// Every metric's name, in the order of the catalogue and then of the alphabet.
fn names(designs: &[Design]) -> Vec<String> {
    let mut names: Vec<String> =
        designs.iter().flat_map(|d| d.metrics.metrics.iter().map(|m| m.name.clone())).collect();
    let place = |name: &str| {
        let base = name.split('.').next().unwrap_or(name);
        METRICS.iter().position(|d| d.base() == base).unwrap_or(METRICS.len())
    };
    names.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.cmp(b)));
    names.dedup();
    names
}

fn row(designs: &[Design], name: &str, paired: bool) -> Row {
    let metrics: Vec<Option<&Metric>> = designs.iter().map(|d| d.metrics.get(name)).collect();
    let first = metrics.iter().flatten().next();
    let base = metrics[0];
    let differences = match base {
        Some(base) => metrics[1..]
            .iter()
            .zip(&designs[1..])
            .map(|(other, design)| {
                let other = other.filter(|other| other.unit == base.unit)?;
                let mirrored =
                    [designs[0].context.control.antithetic, design.context.control.antithetic];
                if paired {
                    pairwise(base, other, mirrored[0])
                } else {
                    independent(base, other, mirrored)
                }
            })
            .collect(),
        None => vec![None; designs.len() - 1],
    };
    let cells = metrics
        .iter()
        .zip(core::iter::once(None).chain(differences))
        .map(|(metric, difference)| {
            metric.map(|m| Cell { value: m.value, interval: m.interval, difference })
        })
        .collect();
    Row {
        metric: name.to_owned(),
        unit: first.map(|m| m.unit.clone()).unwrap_or_default(),
        meaning: first.map(|m| m.meaning.clone()).unwrap_or_default(),
        cells,
    }
}

/// From the replications that define the metric in both designs.
fn pairwise(base: &Metric, other: &Metric, antithetic: bool) -> Option<Difference> {
    let found = replications::estimate(
        &replications::differences(&base.per_replication, &other.per_replication),
        antithetic,
    )?;
    let pairs: Vec<[f64; 2]> = base
        .per_replication
        .iter()
        .zip(&other.per_replication)
        .filter_map(|(a, b)| Some([(*a)?, (*b)?]))
        .collect();
    // Replications × designs.
    let samples = DMatrix::from_fn(pairs.len(), 2, |r, c| pairs[r][c]);
    let variance_reduction = covariance(&samples).and_then(|c| {
        let (single, shared) = (c[(0, 0)] + c[(1, 1)], 2.0 * c[(0, 1)]);
        (single > 0.0).then(|| shared / single)
    });
    Some(Difference {
        mean: found.value,
        interval: found.interval,
        significant: found.interval.is_some_and(excludes_zero),
        variance_reduction,
    })
}

/// Sample covariance of the columns; `None` for fewer than two rows. Sums run in row order, so
/// that the bits do not depend on the machine, which a blocked product would not promise.
fn covariance(samples: &DMatrix<f64>) -> Option<DMatrix<f64>> {
    let rows = samples.nrows();
    if rows < 2 {
        return None;
    }
    let mut centred = samples.clone();
    for mut column in centred.column_iter_mut() {
        let mean = column.iter().sum::<f64>() / count(rows);
        column.iter_mut().for_each(|value| *value -= mean);
    }
    let product = |i: usize, j: usize| -> f64 {
        centred.column(i).iter().zip(centred.column(j).iter()).map(|(a, b)| a * b).sum()
    };
    Some(DMatrix::from_fn(samples.ncols(), samples.ncols(), |i, j| product(i, j) / count(rows - 1)))
}

/// From independent values: those of replications, or of antithetic pairs.
fn independent(base: &Metric, other: &Metric, antithetic: [bool; 2]) -> Option<Difference> {
    let values = |metric: &Metric, antithetic: bool| -> Vec<f64> {
        if antithetic {
            return replications::pair_means(&metric.per_replication);
        }
        metric.per_replication.iter().flatten().copied().collect()
    };
    let (a, b) = (values(base, antithetic[0]), values(other, antithetic[1]));
    let interval = stats::welch_interval95(&a, &b);
    Some(Difference {
        mean: stats::mean(&b)? - stats::mean(&a)?,
        interval,
        significant: interval.is_some_and(excludes_zero),
        variance_reduction: None,
    })
}

fn excludes_zero([low, high]: [f64; 2]) -> bool {
    low > 0.0 || high < 0.0
}

impl Comparison {
    /// The content of a `comparison.json`.
    ///
    /// # Errors
    /// Never in practice; the JSON writer's signature allows for it.
    pub fn to_json(&self) -> Result<String, ReportError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// A table for the terminal.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::table(self)
    }

    /// A page of its own.
    ///
    /// # Errors
    /// When a figure cannot be drawn.
    pub fn to_html(&self) -> Result<String, ReportError> {
        page::render(self)
    }

    /// What the intervals stand on, in words.
    pub(crate) fn method(&self) -> String {
        let how = match &self.unpaired {
            None => "Replications are paired on common random numbers: the same seed gives every \
                     design the same draws, and intervals of differences are those of paired \
                     differences."
                .to_owned(),
            Some(why) => format!(
                "Replications are not paired, since they do not draw the same random numbers: \
                 {why}. Differences are those of independent samples (Welch); run both \
                 with one --seed and one number of --replications, antithetic both or neither, \
                 to pair them."
            ),
        };
        format!(
            "{how} Intervals are Student’s 95 %. Marked differences leave out zero; one in \
             twenty does so by chance."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(per_replication: &[Option<f64>]) -> Metric {
        let defined: Vec<f64> = per_replication.iter().flatten().copied().collect();
        Metric {
            name: "throughput_jobs".to_owned(),
            unit: "jobs/s".to_owned(),
            value: stats::mean(&defined).unwrap(),
            interval: stats::interval95(&defined),
            method: None,
            after_warmup: false,
            per_replication: per_replication.to_vec(),
            meaning: String::new(),
        }
    }

    #[test]
    fn pairing_takes_out_what_both_share() {
        let base = metric(&[Some(10.0), Some(20.0), Some(30.0), Some(7.0), None]);
        let other = metric(&[Some(11.0), Some(22.0), Some(31.0), None, Some(9.0)]);
        // Differences 1, 2, 1: mean 4/3, s = 1/√3, t(2) = 4.302653, half = 4.302653 / 3.
        let d = pairwise(&base, &other, false).unwrap();
        assert!((d.mean - 4.0 / 3.0).abs() < 1e-12);
        let [low, high] = d.interval.unwrap();
        assert!((low - (4.0 - 4.302_653) / 3.0).abs() < 1e-6, "{low}");
        assert!((high - (4.0 + 4.302_653) / 3.0).abs() < 1e-6, "{high}");
        assert!(!d.significant);
        // Variances 100 and 301/3, of the difference 1/3: 1 − (1/3) / (601/3).
        assert!((d.variance_reduction.unwrap() - 600.0 / 601.0).abs() < 1e-12);
        // Without pairing the same numbers say nothing.
        let unpaired = independent(&base, &other, [false; 2]).unwrap();
        assert!(unpaired.interval.unwrap()[0] < -10.0 && !unpaired.significant);
    }

    #[test]
    fn a_constant_shift_is_significant_and_one_replication_never_is() {
        let d = pairwise(&metric(&[Some(1.0), Some(5.0)]), &metric(&[Some(2.0), Some(6.0)]), false);
        assert_eq!(d.map(|d| (d.interval, d.significant)), Some((Some([1.0, 1.0]), true)));
        let d = pairwise(&metric(&[Some(1.0)]), &metric(&[Some(9.0)]), false);
        assert_eq!(d.map(|d| (d.mean, d.significant)), Some((8.0, false)));
        let d = pairwise(&metric(&[Some(1.0), None]), &metric(&[None, Some(2.0)]), false);
        assert_eq!(d, None);
    }
}
