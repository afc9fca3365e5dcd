//! The main series of a run: their means and quantiles with intervals, and the warm-up that
//! MSER-5 sees in them.

use serde::{Deserialize, Serialize};

use super::batches::{self, Batched};
use super::mser::{Truncation, mser5};
use super::order::nearest_rank;
use super::replications::{estimate, pair_means};
use super::series::{Kind, Replication};
use super::warmup::WarmUp;
use super::{Estimate, order, welch};
use crate::error::ReportError;
use crate::stats::mean;

/// Version of the form of `analysis.json`.
pub const SCHEMA: u32 = 1;

/// The output analysis of a run: the content of `analysis.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What the means of each replication leave out.
    pub warm_ups: Vec<WarmUp>,
    /// The main series.
    pub series: Vec<Outlook>,
}

impl Analysis {
    /// Analyses the series of all replications.
    #[must_use]
    pub fn of(replications: &[Replication], cuts: &[WarmUp], antithetic: bool) -> Self {
        Self { schema: SCHEMA, warm_ups: cuts.to_vec(), series: of(replications, cuts, antithetic) }
    }

    /// The content of `analysis.json`.
    ///
    /// # Errors
    /// Never in practice; the JSON writer's signature allows for it.
    pub fn to_json(&self) -> Result<String, ReportError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// What one series of a run says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// What it is of.
    pub series: String,
    /// Its unit.
    pub unit: String,
    /// Values in it after the warm-up, all replications together.
    pub values: usize,
    /// Its mean: over replications, or from one run by batch means.
    pub mean: Estimate,
    /// Its median, likewise; absent where one run is too short for it.
    pub p50: Option<Estimate>,
    /// Its 99th percentile, likewise.
    pub p99: Option<Estimate>,
    /// The median of the replications' (or pairs') means, by order statistics: a check that
    /// does not lean on normality. From two replications on.
    pub typical: Option<Estimate>,
    /// The batches of a single run: their size, lag-1 correlation, and whether it is small.
    pub batches: Option<Batched>,
    /// MSER-5 on the series averaged over replications, before anything is left out; absent
    /// for short series.
    pub settled: Option<Settled>,
}

/// Where a series settles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// By number of values.
    pub truncation: Truncation,
    /// By simulated time, ns: mean over replications.
    pub ns: u64,
}

/// The series of a run that have values, in the order of [`Kind::ALL`].
#[must_use]
pub fn of(replications: &[Replication], cuts: &[WarmUp], antithetic: bool) -> Vec<Outlook> {
    Kind::ALL.iter().filter_map(|&kind| one(kind, replications, cuts, antithetic)).collect()
}

fn one(
    kind: Kind,
    replications: &[Replication],
    cuts: &[WarmUp],
    antithetic: bool,
) -> Option<Outlook> {
    let each: Vec<Vec<f64>> = replications
        .iter()
        .zip(cuts)
        .map(|(replication, cut)| replication.values(kind, cut.ns))
        .collect();
    let over = |of: &dyn Fn(&[f64]) -> Option<f64>| -> Vec<Option<f64>> {
        each.iter().map(|series| of(series)).collect()
    };
    let over_means = over(&mean);
    let quantile = |p: f64| {
        over(&|series: &[f64]| {
            let mut sorted = series.to_vec();
            sorted.sort_by(f64::total_cmp);
            nearest_rank(&sorted, p)
        })
    };
    let single = if let [series] = &each[..] { Some(series) } else { None };
    let batches = single.and_then(|series| batches::means(series, batches::BATCHES));
    let by_quantile = |p: f64| match single {
        Some(series) => batches::quantile(series, p).map(|found| found.estimate),
        None => estimate(&quantile(p), antithetic),
    };
    let independent: Vec<f64> = if antithetic {
        pair_means(&over_means)
    } else {
        over_means.iter().flatten().copied().collect()
    };
    Some(Outlook {
        series: kind.name().to_owned(),
        unit: kind.unit().to_owned(),
        values: each.iter().map(Vec::len).sum(),
        mean: match batches {
            Some(found) => found.estimate,
            None => estimate(&over_means, antithetic)?,
        },
        p50: by_quantile(0.5),
        p99: by_quantile(0.99),
        typical: (independent.len() > 1).then(|| order::quantile(&independent, 0.5)).flatten(),
        batches,
        settled: settled(kind, replications),
    })
}

/// MSER-5 on the average over replications of a whole series.
#[must_use]
pub fn settled(kind: Kind, replications: &[Replication]) -> Option<Settled> {
    let all: Vec<Vec<f64>> = replications.iter().map(|r| r.values(kind, 0)).collect();
    let truncation = mser5(&welch::average(&all))?;
    let Some(last) = truncation.values.checked_sub(1) else {
        return Some(Settled { truncation, ns: 0 });
    };
    let moments: Vec<u64> = replications.iter().filter_map(|r| r.moment(kind, last)).collect();
    let sum: u128 = moments.iter().map(|&ns| u128::from(ns)).sum();
    let ns = u64::try_from(sum.checked_div(moments.len() as u128)?).ok()?;
    Some(Settled { truncation, ns })
}

#[cfg(test)]
mod tests {
    use super::super::Method;
    use super::super::series::Answer;
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Answers a second apart: slow at first, then 1 s, 1 s, 4 s and so on.
    fn replication(slow: u64, n: u64) -> Replication {
        let latency = |i: u64| {
            if i < slow {
                20
            } else if i % 3 == 2 {
                4
            } else {
                1
            }
        };
        let mut answers: Vec<Answer> = (0..n)
            .map(|i| Answer { submitted: i * SECOND, completed: (i + latency(i)) * SECOND })
            .collect();
        answers.sort_by_key(|a| a.completed);
        Replication { answers, samples: Vec::new() }
    }

    #[test]
    fn one_run_is_judged_by_batches_and_several_by_replications() {
        let cut = WarmUp { ns: 100 * SECOND, conclusive: true };
        let single = of(&[replication(60, 1_100)], &[cut], false);
        assert_eq!(single.len(), 1, "no samples, no series of them");
        let only = &single[0];
        assert_eq!(
            (only.values, only.mean.method, only.mean.pieces),
            (1_000, Method::BatchMeans, 20)
        );
        // 333 of them take 4 s.
        assert!((only.mean.value - 1.999).abs() < 1e-9);
        assert_eq!(only.p50.map(|e| (e.value, e.method)), Some((1.0, Method::BatchQuantiles)));
        assert_eq!((only.p99, only.typical), (None, None));
        // Sixty slow answers, and those that overtook them.
        let settled = only.settled.unwrap();
        assert!(settled.truncation.conclusive);
        assert!((60 * SECOND..=90 * SECOND).contains(&settled.ns), "{settled:?}");

        let several: Vec<_> = [40, 60, 50].map(|slow| replication(slow, 500)).into();
        let cuts = vec![WarmUp { ns: 0, conclusive: true }; 3];
        let several = &of(&several, &cuts, false)[0];
        // Sums 1719, 2078 and 1900 over 500 answers each.
        assert!((several.mean.value - 5697.0 / 1500.0).abs() < 1e-9);
        assert_eq!((several.mean.method, several.mean.pieces), (Method::Replications, 3));
        assert_eq!(several.p99.map(|e| (e.value, e.interval)), Some((20.0, Some([20.0, 20.0]))));
        assert_eq!(several.typical.map(|e| (e.value, e.interval)), Some((3.8, None)));
        assert_eq!(several.batches, None);
    }

    #[test]
    fn nothing_answered_is_no_series() {
        let cut = [WarmUp { ns: 0, conclusive: false }];
        assert_eq!(of(&[Replication::default()], &cut, false), []);
    }
}
