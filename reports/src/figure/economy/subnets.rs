//! Subnet by subnet: the few with the most emission as lines, where there are many the others
//! as a band.

use super::BILLIONTH;
use crate::context::Context;
use crate::figure::scale::{Scale, coins_text, priced};
use crate::figure::throughput::time_text;
use crate::figure::{FOLD, MUTED, Mark, Plot, Series, linear, ticks};
use crate::format::number;
use crate::metrics::depth as depth_of;
use crate::stats;
use crate::tally::{Economy, Level, Tally};

/// Subnets with a line of their own where there are too many for all.
const LINES: usize = 5;

/// Values of a subnet by interval.
type Values = Vec<Option<f64>>;

/// A line, and the lower edge of a band whose upper edge it is.
struct Line {
    name: String,
    colour: usize,
    mark: Mark,
    /// By interval.
    values: Values,
    floor: Option<Values>,
}

pub(super) fn emission(tally: &Tally) -> Option<Plot> {
    let economy = &tally.economy;
    let order = economy.largest();
    let rates: Vec<Values> =
        order.iter().map(|&subnet| economy.rates(subnet, |cell| cell.emitted)).collect();
    let totals: Vec<f64> =
        (0..tally.clock.count).map(|i| rates.iter().filter_map(|rate| rate[i]).sum()).collect();
    if totals.iter().all(|total| *total <= 0.0) {
        return None;
    }
    let share = |rate: Values| -> Values {
        let parts = rate.into_iter().zip(&totals);
        parts.map(|(rate, &total)| rate.filter(|_| total > 0.0).map(|r| r / total)).collect()
    };
    let shares: Vec<Values> = rates.into_iter().map(share).collect();
    let lines = lines(&order, shares);
    let top = values_of(&lines).fold(0.0, f64::max);
    let many = order.len() > FOLD;
    Some(Plot {
        name: "emission_share".to_owned(),
        title: "Emission by subnet".to_owned(),
        caption: format!(
            "Share of the emission that reached each subnet’s pool, by injection or purchase; \
             means over intervals of {} and all replications.{}",
            crate::format::duration(tally.clock.step),
            folded(many)
        ),
        x: ticks::time(tally.clock.end(tally.clock.count - 1)),
        y: linear("share of emission (%)", 0.0, top, true),
        right: None,
        series: drawn(tally, lines, Scale::Linear, &|v| format!("{} %", number(v * 100.0, 3))),
    })
}

pub(super) fn prices(tally: &Tally, context: &Context) -> Option<Plot> {
    level(
        tally,
        context,
        |economy, subnet| {
            let billionths = economy.levels(subnet, |cell| cell.price);
            billionths.into_iter().map(|v| v.map(|v| v * BILLIONTH)).collect()
        },
        [
            "alpha_price",
            "Price of alpha",
            "for one alpha",
            "Price of one alpha at the pool of its subnet",
        ],
    )
}

pub(super) fn depth(tally: &Tally, context: &Context) -> Option<Plot> {
    level(
        tally,
        context,
        |economy, subnet| {
            let coins = coins(economy, subnet, |cell| cell.coin, context);
            coins.into_iter().map(|v| v.map(depth_of)).collect()
        },
        [
            "pool_depth",
            "Pool depth",
            "to raise the price by 1 %",
            "What it takes to raise the price of alpha by 1 %, by the constant product (an \
             approximation where a pool has other weights)",
        ],
    )
}

pub(super) fn burn_price(tally: &Tally, context: &Context) -> Option<Plot> {
    level(
        tally,
        context,
        |economy, subnet| coins(economy, subnet, |cell| cell.burn_price, context),
        [
            "burn_price",
            "Price of a place in a subnet",
            "for the next place",
            "What the next newcomer pays",
        ],
    )
}

/// A level of a subnet in coins.
fn coins(economy: &Economy, subnet: usize, of: Level, context: &Context) -> Values {
    let levels = economy.levels(subnet, of).into_iter();
    levels.map(|v| v.map(|v| context.coin.coins_of_mean(v))).collect()
}

/// A plot of levels in coins: name, title, what the coins are for, and what is shown.
fn level(
    tally: &Tally,
    context: &Context,
    of: impl Fn(&Economy, usize) -> Values,
    [name, title, what_for, what]: [&str; 4],
) -> Option<Plot> {
    let order = tally.economy.largest();
    let all: Vec<Values> = order.iter().map(|&subnet| of(&tally.economy, subnet)).collect();
    let lines = lines(&order, all);
    values_of(&lines).next()?;
    let coin = &context.coin;
    let scale = Scale::of(values_of(&lines));
    let y = scale.axis(&format!("{} {what_for}", coin.name), values_of(&lines));
    let logarithmic = if scale == Scale::Logarithmic { " Logarithmic scale." } else { "" };
    Some(Plot {
        name: name.to_owned(),
        title: title.to_owned(),
        caption: format!(
            "{what}; means over the closes of reward periods in intervals of {} and all \
             replications.{}{logarithmic}{}",
            crate::format::duration(tally.clock.step),
            folded(order.len() > FOLD),
            priced(coin)
        ),
        x: ticks::time(tally.clock.end(tally.clock.count - 1)),
        right: scale.dollars(coin, &y),
        y,
        series: drawn(tally, lines, scale, &|v| coins_text(v, coin)),
    })
}

fn folded(many: bool) -> String {
    if many {
        format!(" Lines: the {LINES} subnets with the most emission over the run.")
    } else {
        String::new()
    }
}

/// Lines and band for the values of each subnet of `order`.
fn lines(order: &[usize], mut all: Vec<Values>) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut shown = order.len();
    if order.len() > FOLD {
        shown = LINES;
        let across = |ppm: u32| -> Values {
            let intervals = all.first().map_or(0, Vec::len);
            (0..intervals)
                .map(|i| {
                    let here: Vec<f64> = all.iter().filter_map(|values| values[i]).collect();
                    stats::quantile(&here, ppm)
                })
                .collect()
        };
        lines.push(Line {
            name: "10 % to 90 % of subnets".to_owned(),
            colour: MUTED,
            mark: Mark::Band(Vec::new()),
            values: across(900_000),
            floor: Some(across(100_000)),
        });
        lines.push(Line {
            name: format!("median of {}", order.len()),
            colour: FOLD - 1,
            mark: Mark::Dashes,
            values: across(500_000),
            floor: None,
        });
    }
    for (colour, (subnet, values)) in order.iter().zip(all.drain(..shown)).enumerate() {
        let name = format!("subnet {subnet}");
        lines.push(Line { name, colour, mark: Mark::Line, values, floor: None });
    }
    lines
}

/// All values that are drawn.
fn values_of(lines: &[Line]) -> impl Iterator<Item = f64> + Clone {
    lines
        .iter()
        .flat_map(|line| line.values.iter().chain(line.floor.iter().flatten()))
        .flatten()
        .copied()
}

fn drawn(
    tally: &Tally,
    lines: Vec<Line>,
    scale: Scale,
    text: &dyn Fn(f64) -> String,
) -> Vec<Series> {
    lines
        .into_iter()
        .map(|Line { name, colour, mut mark, values, floor }| {
            let (mut points, mut texts, mut lower) = (Vec::new(), Vec::new(), Vec::new());
            for (i, value) in values.into_iter().enumerate() {
                let Some(value) = value else { continue };
                let x = tally.clock.middle(i);
                points.push((x, scale.height(value)));
                let from = floor.as_ref().and_then(|floor| floor[i]);
                lower.extend(from.map(|from| scale.height(from)));
                let from = from.map(|from| format!("{} to ", text(from)));
                texts.push((time_text(x), from.unwrap_or_default() + &text(value)));
            }
            if let Mark::Band(floor) = &mut mark {
                *floor = lower;
            }
            Series { name, colour, mark, points, texts }
        })
        .collect()
}
