//! Whether income follows hidden quality: every provider a dot.

use std::collections::BTreeMap;

use super::throughput::wide;
use super::{FOLD, MUTED, Mark, Plot, Series, linear};
use crate::format::number;
use crate::metrics::Metrics;
use crate::stats::count;
use crate::tally::{Node, Tally};

/// Most dots drawn.
const DOTS: usize = 800;

/// Income by quality in replication 0. Incomes are set beside the mean of the subnet, since
/// subnets pay differently for the same quality.
pub(super) fn plot(tally: &Tally, metrics: &Metrics) -> Option<Plot> {
    let correlation = metrics.get("quality_income_correlation")?;
    let providers: Vec<&Node> =
        tally.reps.first()?.nodes.list.iter().filter(|n| n.provider).collect();
    let mut means: BTreeMap<u16, (u128, usize)> = BTreeMap::new();
    for node in &providers {
        let mean = means.entry(node.subnet).or_default();
        *mean = (mean.0 + node.earned, mean.1 + 1);
    }
    let every = providers.len().div_ceil(DOTS).max(1);
    let mut series = Vec::new();
    for (party, name) in tally.parties.sorted() {
        let (mut points, mut texts) = (Vec::new(), Vec::new());
        for node in providers.iter().step_by(every).filter(|n| n.party == party) {
            let (earned, members) = means[&node.subnet];
            let (sum, answers) = (wide(node.quality.0.into()), wide(node.quality.1.into()));
            if answers > 0.0 && earned > 0 {
                let quality = sum / 1e6 / answers;
                let income = wide(node.earned) * count(members) / wide(earned);
                points.push((quality, income));
                let quality = number(100.0 * quality, 3);
                texts.push((
                    format!("quality {quality} %"),
                    format!("{} times the mean income", number(income, 3)),
                ));
            }
        }
        if !points.is_empty() && series.len() < FOLD {
            let colour = series.len();
            series.push(Series { name: name.to_owned(), colour, mark: Mark::Dots, points, texts });
        }
    }
    if series.is_empty() {
        return None;
    }
    let all = || series.iter().flat_map(|s| &s.points);
    let high = all().map(|p| p.1).fold(1.0, f64::max);
    let (low, best) =
        all().map(|p| p.0).fold((1.0, 0.0), |(low, best), q| (f64::min(low, q), f64::max(best, q)));
    let label = "hidden quality of answers to users (%)";
    let x = linear(label, low.min(best - 0.05), best, true);
    let (left, right) = (x.low, x.high);
    let interval = correlation.interval.map_or_else(String::new, |[low, high]| {
        format!(" (95 %: {} to {})", number(low, 2), number(high, 2))
    });
    series.push(Series {
        name: "mean income".to_owned(),
        colour: MUTED,
        mark: Mark::Dashes,
        points: vec![(left, 1.0), (right, 1.0)],
        texts: Vec::new(),
    });
    Some(Plot {
        name: "income_by_quality".to_owned(),
        title: "Income against quality".to_owned(),
        caption: format!(
            "Spearman’s rank correlation is {}{interval}. ",
            number(correlation.value, 2)
        ) + "Each dot is a provider: the mean hidden quality of its answers to users, and \
                  its income as a multiple of the mean of its subnet, by behaviour. Incentives \
                  reward quality where the dots rise to the right."
            + &if every > 1 {
                format!(" One provider in {every} is drawn.")
            } else {
                String::new()
            },
        x,
        y: linear("income, mean of the subnet = 1", 0.0, high, false),
        right: None,
        series,
    })
}
