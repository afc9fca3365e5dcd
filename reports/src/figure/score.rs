//! What verifiers think of each kind of provider.

use super::{Axis, Mark, Plot, Series, linear};
use crate::stats::count;
use crate::tally::Tally;

pub(super) fn plot(tally: &Tally) -> Option<Plot> {
    let found: Vec<(&str, &crate::tally::Histogram)> = tally
        .behaviours
        .sorted()
        .into_iter()
        .filter_map(|(behaviour, name)| Some((name, tally.series.scores.get(behaviour)?)))
        .filter(|(_, scores)| scores.count > 0)
        .collect();
    if found.is_empty() {
        return None;
    }
    let rows = found.len();
    let mut series = Vec::new();
    let mut ticks = Vec::new();
    for (i, (name, scores)) in found.into_iter().enumerate() {
        let y = count(rows - 1 - i);
        ticks.push((y, name.to_owned()));
        let q = |ppm: u32| scores.quantile(ppm);
        let mean = ratio(scores.sum, scores.count);
        series.push(Series {
            name: name.to_owned(),
            colour: i % super::FOLD,
            mark: Mark::Ranges(vec![[q(50_000), q(250_000), q(750_000), q(950_000)]]),
            points: vec![(mean, y)],
            texts: vec![(
                format!("mean {}", crate::format::number(mean, 3)),
                format!(
                    "median {}, middle half {} to {}, {} observations",
                    q(500_000),
                    q(250_000),
                    q(750_000),
                    crate::format::number(count(usize::try_from(scores.count).unwrap_or(0)), 12)
                ),
            )],
        });
    }
    Some(Plot {
        name: "scores".to_owned(),
        title: "Scores by behaviour".to_owned(),
        caption: "Scores that verifiers gave to providers of each hidden behaviour, over all \
                  observations: mean (dot), middle half (band), 5 % to 95 % (line). Verification \
                  works where they part."
            .to_owned(),
        x: linear("score", 0.0, 1.0, false),
        y: Axis { label: String::new(), low: -0.6, high: count(rows) - 0.4, ticks },
        right: None,
        series,
    })
}

#[expect(clippy::cast_precision_loss, reason = "drawn")]
fn ratio(sum: u64, n: u64) -> f64 {
    sum as f64 / 1e6 / n as f64
}
