//! Who earns how much: income of nodes sorted from the poorest to the richest.

use super::{MUTED, Mark, Plot, Series, linear};
use crate::metrics::Metrics;
use crate::stats::{self, count};
use crate::tally::{Node, PROVIDER, Tally, VALIDATOR};

const POINTS: usize = 100;

pub(super) fn plot(tally: &Tally, metrics: &Metrics) -> Option<Plot> {
    type Held = fn(&Node) -> u128;
    let curves: [(&str, &str, &str, Held); 3] = [
        ("providers", PROVIDER, "gini", |n| n.earned),
        ("validators", VALIDATOR, "gini", |n| n.earned),
        ("validators’ stake", VALIDATOR, "stake_gini", |n| n.stake),
    ];
    let mut series = Vec::new();
    for (colour, (name, role, metric, held)) in curves.into_iter().enumerate() {
        // The mean of the curves, whose area is the mean of the coefficients.
        let curves: Vec<Vec<f64>> = tally
            .reps
            .iter()
            .map(|rep| {
                let members = rep.nodes.list.iter().filter(|n| n.is(role));
                stats::lorenz(&members.map(held).collect::<Vec<u128>>(), POINTS)
            })
            .filter(|curve| !curve.is_empty())
            .collect();
        let Some(gini) = metrics.get(&format!("{metric}.{role}")) else { continue };
        if curves.is_empty() {
            continue;
        }
        let points: Vec<(f64, f64)> = (0..=POINTS)
            .map(|k| {
                let sum: f64 = curves.iter().map(|curve| curve[k]).sum();
                (count(k) / count(POINTS), sum / count(curves.len()))
            })
            .collect();
        let percent = |v: f64| crate::format::number(v * 100.0, 3);
        let texts = points
            .iter()
            .map(|&(x, y)| {
                (
                    format!("poorest {} %", percent(x)),
                    format!(
                        "{} % of {}",
                        percent(y),
                        if metric == "gini" { "income" } else { "stake" }
                    ),
                )
            })
            .collect();
        series.push(Series {
            name: format!("{name}: Gini {}", crate::format::number(gini.value, 2)),
            colour,
            mark: Mark::Line,
            points,
            texts,
        });
    }
    if series.is_empty() {
        return None;
    }
    series.push(Series {
        name: "all earn the same".to_owned(),
        colour: MUTED,
        mark: Mark::Dashes,
        points: vec![(0.0, 0.0), (1.0, 1.0)],
        texts: Vec::new(),
    });
    Some(Plot {
        name: "income".to_owned(),
        title: "Who earns how much".to_owned(),
        caption: "Nodes sorted from the poorest to the richest, and the share of their role's \
                  income that they earn together (Lorenz curve), mean over replications; for \
                  validators also their stake, which dividends follow. The further below the diagonal, the fewer earn the most."
            .to_owned(),
        x: linear("share of nodes, poorest first (%)", 0.0, 1.0, true),
        y: linear("share of income (%)", 0.0, 1.0, true),
        right: None,
        series,
    })
}
