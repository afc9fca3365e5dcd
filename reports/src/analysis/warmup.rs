//! What of a run is left out of its means because the system had not settled yet.
//!
//! A cut is a moment of simulated time. Means over jobs leave out the jobs that were submitted
//! before it, means over time the samples and blocks that began before it. Counts, totals,
//! maxima and everything about income cover the whole run: money that was paid was paid.

use serde::{Deserialize, Serialize};

use super::mser::mser5;
use super::series::{Kind, Replication};

/// How the cut is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// At a given time, ns.
    Fixed(u64),
    /// By MSER-5 on the answer latencies of each replication, in order of completion.
    Mser5,
}

/// The cut of one replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WarmUp {
    /// Its length, ns; 0 leaves nothing out.
    pub ns: u64,
    /// False where MSER-5 found the run too short to tell: then nothing is left out.
    pub conclusive: bool,
}

/// The metrics that leave the warm-up out, by their names without class. Utilisation is read
/// from the samples of the load, which count all machines of a class together: where validators
/// share a class with providers it covers the whole run.
pub const LEFT_OUT: [&str; 26] = [
    "jobs_final_share",
    "jobs_unserved_share",
    "jobs_timed_out_share",
    "jobs_refused_share",
    "jobs_rejected_share",
    "jobs_open_share",
    "goodput_share",
    "goodput_jobs",
    "answers_right_share",
    "answer_quality_mean",
    "throughput_jobs",
    "throughput_tokens",
    "answer_latency_p50",
    "answer_latency_p90",
    "answer_latency_p99",
    "answer_latency_mean",
    "start_latency_mean",
    "finality_latency_p50",
    "finality_latency_p90",
    "finality_latency_p99",
    "finality_latency_mean",
    "queue_mean",
    "block_interval_mean",
    "block_finality_mean",
    "utilisation_total",
    "utilisation",
];

/// Whether a metric, by its full name, leaves the warm-up out.
#[must_use]
pub fn leaves_out(metric: &str) -> bool {
    let base = metric.split('.').next().unwrap_or(metric);
    LEFT_OUT.contains(&base)
}

/// The cut of each replication.
#[must_use]
pub fn cuts(setting: Option<Setting>, replications: &[Replication]) -> Vec<WarmUp> {
    replications
        .iter()
        .map(|replication| match setting {
            None => WarmUp { ns: 0, conclusive: true },
            Some(Setting::Fixed(ns)) => WarmUp { ns, conclusive: true },
            Some(Setting::Mser5) => found(replication),
        })
        .collect()
}

/// The moment at which the last of the answers to leave out arrived.
fn found(replication: &Replication) -> WarmUp {
    let latencies = replication.values(Kind::AnswerLatency, 0);
    let Some(cut) = mser5(&latencies).filter(|cut| cut.conclusive) else {
        return WarmUp { ns: 0, conclusive: false };
    };
    let last = cut.values.checked_sub(1).and_then(|i| replication.moment(Kind::AnswerLatency, i));
    WarmUp { ns: last.unwrap_or(0), conclusive: true }
}

#[cfg(test)]
mod tests {
    use super::super::series::Answer;
    use super::*;
    use crate::catalogue::METRICS;

    const SECOND: u64 = 1_000_000_000;

    /// Answers a second apart with these latencies in seconds.
    fn answers(latency: impl Fn(u64) -> u64, n: u64) -> Replication {
        let answers = (0..n)
            .map(|i| Answer { submitted: i * SECOND, completed: i * SECOND + latency(i) })
            .collect();
        Replication { answers, samples: Vec::new() }
    }

    #[test]
    fn the_cut_is_where_the_last_slow_answer_arrived() {
        let settled = |i: u64| SECOND / 10 * (1 + i % 2);
        let slow = answers(|i| if i < 50 { SECOND * 9 / 10 } else { settled(i) }, 400);
        let even = answers(settled, 400);
        let short = answers(settled, 20);
        let cuts = cuts(Some(Setting::Mser5), &[slow, even, short]);
        assert_eq!(cuts[0], WarmUp { ns: 49 * SECOND + SECOND * 9 / 10, conclusive: true });
        assert_eq!(cuts[1], WarmUp { ns: 0, conclusive: true });
        assert_eq!(cuts[2], WarmUp { ns: 0, conclusive: false });
    }

    #[test]
    fn a_fixed_cut_is_the_same_for_all() {
        let two = [Replication::default(), Replication::default()];
        let got = cuts(Some(Setting::Fixed(7)), &two);
        assert_eq!(got, [WarmUp { ns: 7, conclusive: true }; 2]);
        assert_eq!(cuts(None, &two), [WarmUp { ns: 0, conclusive: true }; 2]);
    }

    #[test]
    fn every_name_is_in_the_catalogue() {
        for name in LEFT_OUT {
            assert!(METRICS.iter().any(|d| d.base() == name), "{name}");
        }
        assert!(leaves_out("utilisation.rtx_4090") && !leaves_out("utilisation_peak.rtx_4090"));
        assert!(!leaves_out("emission_total"));
    }
}
