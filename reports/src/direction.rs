//! Which way a metric is better, where one way is.
//!
//! Most metrics have none: more emission or fewer jobs is neither good nor bad by itself.

use serde::{Deserialize, Serialize};

/// The better side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// Metrics with a better side, by name without the class.
const DIRECTIONS: &[(Better, &[&str])] = &[
    (
        Better::Higher,
        &[
            "answer_quality_mean",
            "answers_right_share",
            "consensus_nonzero_share",
            "goodput_jobs",
            "goodput_share",
            "honest_emission_share",
            "honest_retention",
            "jobs_final",
            "jobs_final_share",
            "quality_income_correlation",
            "score_income_correlation",
            "throughput_jobs",
            "throughput_tokens",
        ],
    ),
    (
        Better::Lower,
        &[
            "answer_latency_mean",
            "answer_latency_p50",
            "answer_latency_p90",
            "answer_latency_p99",
            "attack_profit_ratio",
            "backlog_max",
            "block_finality_mean",
            "copier_dividend_ratio",
            "dishonest_income_ratio",
            "dishonest_income_share",
            "emission_per_job",
            "finality_latency_mean",
            "finality_latency_p50",
            "finality_latency_p90",
            "finality_latency_p99",
            "jobs_open_share",
            "jobs_refused_share",
            "jobs_rejected_share",
            "jobs_timed_out_share",
            "jobs_unserved_share",
            "queue_max",
            "queue_mean",
            "start_latency_mean",
        ],
    ),
];

/// The better side of a metric, by its full name.
///
/// ```
/// use reports::direction::{Better, better};
/// assert_eq!(better("goodput_share"), Some(Better::Higher));
/// assert_eq!(better("attack_profit_ratio.provider"), Some(Better::Lower));
/// assert_eq!(better("emission_total"), None);
/// ```
#[must_use]
pub fn better(metric: &str) -> Option<Better> {
    let base = metric.split('.').next().unwrap_or(metric);
    DIRECTIONS.iter().find(|(_, names)| names.contains(&base)).map(|&(side, _)| side)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::METRICS;

    #[test]
    fn every_name_is_a_metric_and_has_one_side() {
        let mut seen = std::collections::BTreeSet::new();
        for name in DIRECTIONS.iter().flat_map(|(_, names)| names.iter()) {
            assert!(METRICS.iter().any(|d| d.base() == *name), "{name}");
            assert!(seen.insert(name), "{name} twice");
        }
    }
}
