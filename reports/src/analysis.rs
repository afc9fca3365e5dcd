//! Output analysis: what a run says of the quantity behind it, and how sure that is.
//!
//! | module | answers |
//! |---|---|
//! | [`distributions`] | quantiles and tails of t, normal, chi-square, beta, binomial |
//! | [`replications`] | the mean over replications, single or in antithetic pairs |
//! | [`batches`] | the mean and the quantiles of one long series |
//! | [`order`] | quantiles of independent values, by order statistics |
//! | [`proportion`], [`variance`] | shares of independent trials, spread of normal values |
//! | [`mser`], [`welch`] | where the warm-up ends |
//! | [`warmup`] | what of a run is left out of its means |
//! | [`series`] | the series of a run, from its trace |
//! | [`outlook`] | the main series of a run with their warm-up and intervals |
//! | [`stopping`] | whether enough replications are done |
//!
//! Which interval stands where, with sources and limits: `docs/statistics.md`.

pub mod batches;
pub mod distributions;
pub mod mser;
pub mod order;
pub mod outlook;
pub mod proportion;
pub mod replications;
pub mod series;
pub mod stopping;
pub mod variance;
pub mod warmup;
pub mod welch;

use serde::{Deserialize, Serialize};

/// What an interval stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Student's t over independent replications.
    Replications,
    /// Student's t over the means of antithetic pairs of replications.
    AntitheticPairs,
    /// Student's t over the means of batches of one series.
    BatchMeans,
    /// Student's t over the quantiles of batches of one series.
    BatchQuantiles,
    /// A pair of order statistics, by the binomial law: exact.
    OrderStatistics,
    /// The normal law of Fisher's transform of a rank correlation, over the nodes of one
    /// replication.
    RankCorrelation,
}

impl Method {
    /// In words, after "95 % interval:".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Replications => "Student over replications",
            Self::AntitheticPairs => "Student over antithetic pairs",
            Self::BatchMeans => "batch means",
            Self::BatchQuantiles => "batch quantiles",
            Self::OrderStatistics => "order statistics",
            Self::RankCorrelation => "Fisher's transform over nodes",
        }
    }
}

/// An estimate and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value estimated.
    pub value: f64,
    /// Its 95 % interval; absent where there is too little to say.
    pub interval: Option<[f64; 2]>,
    /// What the interval stands on.
    pub method: Method,
    /// Independent pieces it stands on: replications, pairs, batches or values.
    pub pieces: usize,
}

impl Estimate {
    /// Half the width of the interval.
    #[must_use]
    pub fn half_width(&self) -> Option<f64> {
        self.interval.map(|[low, high]| (high - low) / 2.0)
    }
}
