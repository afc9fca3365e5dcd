//! What of an economy is compared as a curve.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::ReportError;
use crate::figure::{FOLD, Mark, Plot, Series, linear, time};
use crate::format::{duration, number};
use crate::stats::{self, count};
use crate::tally::Tally;

/// The curves of one run with an economy of its own; means over replications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// Name of the coin.
    pub coin: String,
    /// Simulated time, ns.
    pub horizon_ns: u64,
    /// Share of the emission by subnet, the largest first.
    pub emission: Vec<f64>,
    /// Time in ns, and the price of one alpha then, median over subnets, in coins.
    pub price: Vec<(u64, f64)>,
    /// Time in ns, and the coins issued by then.
    pub issuance: Vec<(u64, f64)>,
}

impl Curves {
    /// The curves of the trace in a directory; none where it has no pools.
    ///
    /// # Errors
    /// As [`Tally::read`].
    pub fn read(trace_dir: &Path, context: &Context) -> Result<Option<Self>, ReportError> {
        let tally = Tally::read_economy(trace_dir, context)?;
        let economy = &tally.economy;
        if !economy.has_pools() {
            return Ok(None);
        }
        let order = economy.largest();
        let emitted = economy.emitted();
        let total: f64 = emitted.iter().sum();
        let shares = order.iter().filter(|_| total > 0.0).map(|&s| emitted[s] / total).collect();
        let prices: Vec<Vec<Option<f64>>> =
            order.iter().map(|&subnet| economy.levels(subnet, |cell| cell.price)).collect();
        let median = |interval: usize| {
            let here: Vec<f64> = prices.iter().filter_map(|values| values[interval]).collect();
            let price = stats::quantile(&here, 500_000)? * 1e-9;
            Some((middle(tally.clock.middle(interval)), price))
        };
        let coins = |(at, smallest)| (at, context.coin.coins_of_mean(smallest));
        let issued = economy.sampled(tally.clock, |sample| sample.issuance);
        Ok(Some(Self {
            coin: context.coin.name.clone(),
            horizon_ns: context.horizon_ns,
            emission: shares,
            price: (0..tally.clock.count).filter_map(median).collect(),
            issuance: issued.into_iter().map(coins).collect(),
        }))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside the horizon")]
fn middle(ns: f64) -> u64 {
    ns as u64
}

/// Plots of all designs that have such curves, if any has.
pub(super) fn plots(designs: &[String], curves: &[Option<Curves>]) -> Vec<Plot> {
    let found: Vec<(usize, &String, &Curves)> = designs
        .iter()
        .zip(curves)
        .enumerate()
        .filter_map(|(i, (name, curves))| Some((i, name, curves.as_ref()?)))
        .take(FOLD)
        .collect();
    let Some((_, _, first)) = found.first() else { return Vec::new() };
    let coin = first.coin.as_str();
    let horizon = found.iter().map(|(.., curves)| curves.horizon_ns).max().unwrap_or(1);
    let draw = |what: &dyn Fn(&Curves) -> Vec<(f64, f64)>,
                texts: &dyn Fn(f64, f64) -> (String, String)| {
        let series = found.iter().map(|&(i, name, curves)| {
            let points = what(curves);
            let texts = points.iter().map(|&(x, y)| texts(x, y)).collect();
            Series { name: name.clone(), colour: i % FOLD, mark: Mark::Line, points, texts }
        });
        series.filter(|series| !series.points.is_empty()).collect::<Vec<_>>()
    };
    let in_time = |points: &[(u64, f64)]| -> Vec<(f64, f64)> {
        points.iter().map(|&(at, value)| (whole(at), value)).collect()
    };
    let coins = |x: f64, y: f64| (duration(middle(x)), format!("{} {coin}", number(y, 5)));
    let ranked = |curves: &Curves| -> Vec<(f64, f64)> {
        curves.emission.iter().enumerate().map(|(i, &share)| (count(i + 1), share)).collect()
    };
    let share =
        |x: f64, y: f64| (format!("rank {}", number(x, 6)), format!("{} %", number(y * 100.0, 3)));
    let subnets = found.iter().map(|(.., curves)| curves.emission.len()).max().unwrap_or(1);
    let mut ranks = linear("rank of the subnet", 1.0, count(subnets.max(2)), false);
    ranks.ticks.retain(|(at, _)| *at >= 1.0 && (at - at.round()).abs() < 1e-9);
    (ranks.low, ranks.high) = (1.0, ranks.high.min(count(subnets.max(2))));
    ranks.ticks.retain(|(at, _)| *at <= ranks.high);
    let drawn = [
        (
            ["compare_curve_emission", "Emission by subnet"],
            "Share of the emission over the whole run that reached each subnet’s pool, the \
             largest first.",
            ranks,
            "share of emission (%)".to_owned(),
            draw(&ranked, &share),
        ),
        (
            ["compare_curve_price", "Price of alpha"],
            "Price of one alpha at the pool, median over subnets.",
            time(whole(horizon)),
            format!("{coin} for one alpha"),
            draw(&|curves| in_time(&curves.price), &coins),
        ),
        (
            ["compare_curve_issuance", "Issuance"],
            "Coins issued, less those recycled.",
            time(whole(horizon)),
            format!("{coin} issued"),
            draw(&|curves| in_time(&curves.issuance), &coins),
        ),
    ];
    drawn
        .into_iter()
        .filter(|(.., series)| !series.is_empty())
        .map(|([name, title], caption, x, label, series)| {
            let heights = || series.iter().flat_map(|s| &s.points).map(|(_, y)| *y);
            let (low, high) = (
                heights().fold(f64::INFINITY, f64::min),
                heights().fold(f64::NEG_INFINITY, f64::max),
            );
            let percent = name == "compare_curve_emission";
            let low = if !percent && high < 2.0 * low { low } else { 0.0 };
            Plot {
                name: name.to_owned(),
                title: title.to_owned(),
                caption: format!("{caption} Means over replications."),
                x,
                y: linear(&label, low, high, percent),
                right: None,
                series,
            }
        })
        .collect()
}

fn whole(n: u64) -> f64 {
    count(usize::try_from(n).unwrap_or(usize::MAX))
}
