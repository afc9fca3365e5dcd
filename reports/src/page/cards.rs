//! The few numbers that say most, large.

use crate::context::Context;
use crate::figure::dollars;
use crate::format::{escape, number, with_unit};
use crate::metrics::{Metric, Metrics};

/// One card: a metric and what to call it; below it another metric and the words after it.
pub(super) struct Card {
    metric: &'static str,
    label: &'static str,
    below: &'static str,
    words: &'static str,
}

pub(super) const fn card(
    metric: &'static str,
    label: &'static str,
    below: &'static str,
    words: &'static str,
) -> Card {
    Card { metric, label, below, words }
}

pub(super) const RUN: [Card; 10] = [
    card("jobs_final_share", "Jobs served to finality", "jobs_submitted", "submitted"),
    card("goodput_share", "Served and right", "answers_right_share", "of answers right"),
    card("answer_latency_p50", "Answer, median", "answer_latency_p99", "at the 99th percentile"),
    card("finality_latency_p50", "Final, median", "finality_latency_p99", "at the 99th percentile"),
    card("throughput_tokens", "Throughput", "throughput_jobs", ""),
    card("utilisation_total", "Hardware in use", "queue_mean", "waiting on average"),
    card("emission_total", "Newly issued", "emission_per_job", ""),
    card(
        "dishonest_income_ratio",
        "Cheater’s income, honest = 1",
        "dishonest_income_share",
        "of provider income",
    ),
    card("gini.provider", "Gini of providers", "nakamoto.provider", "earn more than half"),
    card(
        "consensus_nonzero_share",
        "Periods with consensus",
        "epochs_per_subnet_min",
        "at least per subnet",
    ),
];

/// The cards of the metrics that the run has.
pub(super) fn cards(cards: &[Card], context: &Context, metrics: &Metrics) -> String {
    let mut out = String::from("<div class=\"cards\">\n");
    for &Card { metric: name, label, below, words } in cards {
        let Some(metric) = metrics.get(name) else { continue };
        let (value, unit) = with_unit(metric.value, &metric.unit);
        let mut lines = Vec::new();
        // A constant needs no interval.
        if let Some((low, high)) = interval(metric).filter(|(low, high)| low != high) {
            lines.push(format!("95 %: {low} to {high}"));
        }
        if ["emission_total", "issuance_end", "coin_in_pools", "users_net_flow"].contains(&name)
            && let Some(price) = context.coin.usd
        {
            lines.push(format!("{} at ${}", dollars(metric.value * price), number(price, 4)));
        }
        if let Some(other) = metrics.get(below) {
            let (value, unit) = with_unit(other.value, &other.unit);
            lines.push(format!("{value} {unit} {words}").trim().replace("  ", " "));
        }
        let lines: String =
            lines.iter().map(|l| format!("<div class=\"sub\">{}</div>", escape(l))).collect();
        out += &format!(
            "<div class=\"panel card\" title=\"{}\"><div class=\"label\">{label}</div>\
             <div class=\"value\">{value}<small>{}</small></div>{lines}</div>\n",
            escape(&metric.meaning),
            escape(&unit)
        );
    }
    out + "</div>\n"
}

/// The ends of a metric's interval, in the unit in which its value is shown.
pub(super) fn interval(metric: &Metric) -> Option<(String, String)> {
    let [low, high] = metric.interval?;
    let (scale, _) = crate::format::scale(metric.value, &metric.unit);
    Some((number(low * scale, 4), number(high * scale, 4)))
}
