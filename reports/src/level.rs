//! What a trace that is not full still says: metrics that are exact all the same, metrics that
//! a sample of the jobs estimates, and those that are withheld.
//!
//! A metric that neither list names is withheld below `full`: a new metric is silent there
//! until somebody has thought about it. Nothing is scaled up.

use sim_types::TraceLevel;

use crate::catalogue::METRICS;

/// Metrics that rest on tables kept whole from the level `summary` on, or on the payouts of
/// periods, which are.
const EXACT: &[&str] = &[
    "utilisation_total",
    "utilisation.*",
    "utilisation_peak.*",
    "queue_mean",
    "queue_max",
    "faults_count",
    "blocks_count",
    "block_interval_mean",
    "block_finality_mean",
    "transactions_count",
    "backlog_max",
    "fees_total",
    "epochs_per_subnet_min",
    "consensus_nonzero_share",
    "emission_total",
    "emission_paid",
    "gini.*",
    "nakamoto.*",
    "provider_income_share.*",
    "provider_population_share.*",
    "dishonest_income_share",
    "dishonest_income_ratio",
    "copier_dividend_ratio",
    "stake_gini.*",
    "stake_nakamoto.*",
    "dividends_per_thousand.*",
    "attack_profit_ratio.*",
    "honest_emission_share",
    "honest_stake_share",
    "honest_retention",
    "issuance_end",
    "issuance_growth_year",
    "block_emission_end",
    "halvings_count",
    "coin_liquid",
    "coin_on_root",
    "coin_in_pools",
    "coin_lost",
    "price_sum_end",
    "lock_cost_end",
    "emission_gini",
    "emission_nakamoto",
    "emission_largest_share",
    "subnets_without_emission",
    "pool_depth_median",
    "pool_depth_min",
    "price_median_end",
    "price_return_day_mean",
    "price_volatility_day",
    "hold_return_median",
    "hold_return_p10",
    "hold_return_p90",
    "hold_return_mean",
    "hold_gain_usd",
    "users_bought",
    "users_sold",
    "users_net_flow",
    "alpha_burned",
    "places_bought",
    "place_price_mean",
    "members_replaced",
];

/// Shares, means and percentiles over jobs or observations: the sample's own are estimates of
/// them, since its jobs are chosen by a hash that knows nothing of their fate. What sums over
/// jobs (`jobs_final`, `throughput_jobs`) or sets single nodes side by side
/// (`score_income_correlation`) is not among them.
const ESTIMATED: &[&str] = &[
    "jobs_final_share",
    "jobs_unserved_share",
    "jobs_timed_out_share",
    "jobs_refused_share",
    "jobs_rejected_share",
    "jobs_open_share",
    "goodput_share",
    "answers_right_share",
    "answer_quality_mean",
    "answer_latency_p50",
    "answer_latency_p90",
    "answer_latency_p99",
    "answer_latency_mean",
    "start_latency_mean",
    "finality_latency_p50",
    "finality_latency_p90",
    "finality_latency_p99",
    "finality_latency_mean",
    "probes_share",
    "score_mean.*",
];

/// Reasons of payment that a period causes, never a job: complete from `summary` on.
const OF_PERIODS: &[&str] = &["incentive", "dividend", "nominators", "withheld"];

/// How far a metric can be trusted at a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is what the full trace gives.
    Exact,
    /// It is an estimate from a sample of the jobs.
    Estimated,
    /// The trace does not hold it.
    Withheld,
}

/// The standing of a metric, by its full name or its name in the catalogue.
#[must_use]
pub fn standing(metric: &str, level: TraceLevel) -> Standing {
    let base = metric.split_once('.').map_or(metric, |(base, _)| base);
    let named = |list: &[&str]| {
        list.iter().any(|name| name.strip_suffix(".*").map_or(*name == metric, |n| n == base))
    };
    let of_period = metric.strip_prefix("payouts.").is_some_and(of_periods);
    match level {
        TraceLevel::Full => Standing::Exact,
        TraceLevel::Summary | TraceLevel::Sampled(_) if named(EXACT) || of_period => {
            Standing::Exact
        }
        TraceLevel::Sampled(_) if named(ESTIMATED) => Standing::Estimated,
        TraceLevel::Off | TraceLevel::Summary | TraceLevel::Sampled(_) => Standing::Withheld,
    }
}

/// Whether all payments of a reason are kept from the level `summary` on.
#[must_use]
pub fn of_periods(reason: &str) -> bool {
    OF_PERIODS.contains(&reason)
}

/// What a reader of a run at this level must know; nothing about a full trace.
#[must_use]
pub fn note(level: TraceLevel) -> Option<String> {
    let what = match level {
        TraceLevel::Full => return None,
        TraceLevel::Off => {
            return Some(
                "Trace level off: no tables were written, so there are no metrics and no \
                 figures, only the digest of the events and what the engine counts."
                    .to_owned(),
            );
        }
        TraceLevel::Summary => {
            "Trace level summary: jobs, observations and payments for jobs were not written."
                .to_owned()
        }
        TraceLevel::Sampled(one_in) => format!(
            "Trace sampled 1 in {}: of jobs, observations and payments for jobs only those of \
             the sampled jobs were written. Shares, latencies and scores are estimates from \
             them; everything else shown is exact.",
            one_in.0
        ),
    };
    let withheld: Vec<&str> = METRICS
        .iter()
        .map(|metric| metric.name)
        .filter(|name| standing(name, level) == Standing::Withheld)
        .collect();
    Some(format!("{what} Withheld: {}.", withheld.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim_types::trace_level::USUAL_SAMPLE;

    #[test]
    fn every_name_is_in_the_catalogue_and_in_one_list() {
        for (i, name) in EXACT.iter().chain(ESTIMATED).enumerate() {
            assert!(METRICS.iter().any(|metric| metric.name == *name), "{name}");
            assert!(!EXACT.iter().chain(ESTIMATED).take(i).any(|other| other == name), "{name}");
        }
    }

    #[test]
    fn what_a_level_does_not_hold_is_withheld() {
        use Standing::{Estimated, Exact, Withheld};
        let sampled = TraceLevel::Sampled(USUAL_SAMPLE);
        let table = [
            ("jobs_submitted", [Withheld, Withheld, Withheld, Exact]),
            ("throughput_jobs", [Withheld, Withheld, Withheld, Exact]),
            ("jobs_final_share", [Withheld, Withheld, Estimated, Exact]),
            ("score_mean.honest", [Withheld, Withheld, Estimated, Exact]),
            ("score_income_correlation", [Withheld, Withheld, Withheld, Exact]),
            ("gini.provider", [Withheld, Exact, Exact, Exact]),
            ("dividends_per_thousand.honest", [Withheld, Exact, Exact, Exact]),
            ("honest_retention", [Withheld, Exact, Exact, Exact]),
            ("quality_income_correlation", [Withheld, Withheld, Withheld, Exact]),
            ("emission_paid", [Withheld, Exact, Exact, Exact]),
            ("emission_per_job", [Withheld, Withheld, Withheld, Exact]),
            ("payouts.dividend", [Withheld, Exact, Exact, Exact]),
            ("payouts.price", [Withheld, Withheld, Withheld, Exact]),
            ("payouts_total", [Withheld, Withheld, Withheld, Exact]),
            ("a_metric_to_come", [Withheld, Withheld, Withheld, Exact]),
        ];
        for (metric, want) in table {
            let levels = [TraceLevel::Off, TraceLevel::Summary, sampled, TraceLevel::Full];
            assert_eq!(levels.map(|level| standing(metric, level)), want, "{metric}");
        }
    }
}
