//! The coin of the whole network.

use crate::context::{Coin, Context};
use crate::figure::scale::{Scale, coins_text, priced};
use crate::figure::throughput::time_text;
use crate::figure::{Axis, MUTED, Mark, Plot, Series, linear, ticks};
use crate::tally::{CoinSample, Level, Tally};

/// Nanoseconds of a day.
const DAY: f64 = 86_400e9;

/// One value at the last sample of each interval, in coins.
fn samples(tally: &Tally, coin: &Coin, of: fn(&CoinSample) -> u128) -> Vec<(u64, f64)> {
    let found = tally.economy.sampled(tally.clock, of);
    found.into_iter().map(|(time, value)| (time, coin.coins_of_mean(value))).collect()
}

pub(super) fn issuance(tally: &Tally, context: &Context) -> Option<Plot> {
    let coin = &context.coin;
    let values = samples(tally, coin, |sample| sample.issuance);
    let y = over(&values, &format!("{} issued", coin.name), |low, _| low)?;
    let (series, halved) = with_halvings(tally, &y, line("issued", &values, coin));
    Some(plot(
        tally,
        context,
        ["issuance", "Issuance"],
        &format!("{} issued, less those recycled.{halved}", coin.name),
        y,
        series,
    ))
}

pub(super) fn block_emission(tally: &Tally, context: &Context) -> Option<Plot> {
    let coin = &context.coin;
    let values = samples(tally, coin, |sample| sample.emission);
    let y = over(&values, &format!("{} a block", coin.name), |_, _| 0.0)?;
    let mut line = line("minted by a block", &values, coin);
    // It holds until the next sample shows another.
    let steps = line.points.windows(2).zip(line.texts.windows(2)).flat_map(|(points, texts)| {
        let [(_, before), (x, _)] = [points[0], points[1]];
        [((x, before), (texts[1].0.clone(), texts[0].1.clone())), (points[1], texts[1].clone())]
    });
    let first = line.points.iter().copied().zip(line.texts.iter().cloned()).take(1);
    (line.points, line.texts) = first.chain(steps).unzip();
    let (series, halved) = with_halvings(tally, &y, line);
    Some(plot(
        tally,
        context,
        ["block_emission", "Emission of a block"],
        &format!("{} that the next block mints.{halved}", coin.name),
        y,
        series,
    ))
}

/// Where the coins are, one on the other.
pub(super) fn places(tally: &Tally, context: &Context) -> Option<Plot> {
    type Place = (&'static str, fn(&CoinSample) -> u128);
    const PLACES: [Place; 4] = [
        ("staked on the root", |sample| sample.root),
        ("in pools", |sample| sample.pools),
        ("in accounts", |sample| sample.liquid),
        ("burned or stranded", |sample| sample.lost),
    ];
    let coin = &context.coin;
    let found = PLACES.map(|(name, of)| (name, samples(tally, coin, of)));
    let times = found[0].1.len();
    let mut floor = vec![0.0; times];
    let mut total = vec![0.0; times];
    for (_, values) in &found {
        values.iter().zip(&mut total).for_each(|((_, value), total)| *total += value);
    }
    let top = total.iter().copied().fold(0.0, f64::max);
    if times < 2 || top <= 0.0 {
        return None;
    }
    let mut series = Vec::new();
    for (colour, (name, values)) in found.into_iter().enumerate() {
        if values.iter().all(|(_, value)| *value <= 0.0) {
            continue;
        }
        let mut points = Vec::new();
        let mut texts = Vec::new();
        let below = floor.clone();
        for (i, (time, value)) in values.into_iter().enumerate() {
            floor[i] += value;
            points.push((at(time), floor[i]));
            let share = crate::format::number(value / total[i] * 100.0, 3);
            texts.push((time_text(at(time)), format!("{}, {share} %", coins_text(value, coin))));
        }
        let name = name.to_owned();
        series.push(Series { name, colour, mark: Mark::Stack(below), points, texts });
    }
    Some(plot(
        tally,
        context,
        ["coin_places", "Where the coins are"],
        &format!("{} by place, one on the other.", coin.name),
        linear(&coin.name, 0.0, top, false),
        series,
    ))
}

/// What users pay into pools and take out.
pub(super) fn flows(tally: &Tally, context: &Context) -> Option<Plot> {
    let coin = &context.coin;
    let economy = &tally.economy;
    let daily = |of: Level| -> Vec<Option<f64>> {
        let mut sums = vec![None; tally.clock.count];
        for subnet in 0..economy.intervals.len() {
            for (sum, rate) in sums.iter_mut().zip(economy.rates(subnet, of)) {
                if let Some(rate) = rate {
                    *sum = Some(sum.unwrap_or(0.0) + coin.coins_of_mean(rate * DAY));
                }
            }
        }
        sums
    };
    let (bought, sold) = (daily(|cell| cell.bought), daily(|cell| cell.sold));
    let all = || bought.iter().chain(&sold).flatten().copied();
    if all().all(|value| value <= 0.0) {
        return None;
    }
    let net: Vec<Option<f64>> =
        bought.iter().zip(&sold).map(|(b, s)| b.zip(*s).map(|(b, s)| b - s)).collect();
    let low = net.iter().flatten().copied().fold(0.0, f64::min);
    let high = all().fold(0.0, f64::max);
    let named = [
        ("paid in", Mark::Line, &bought),
        ("taken out", Mark::Line, &sold),
        ("net", Mark::Dashes, &net),
    ];
    let series = named
        .into_iter()
        .zip([0, 1, 6])
        .map(|((name, mark, values), colour)| {
            let found = values.iter().enumerate().filter_map(|(i, v)| Some((i, (*v)?)));
            let (points, texts) = found
                .map(|(i, value)| {
                    let x = tally.clock.middle(i);
                    ((x, value), (time_text(x), coins_text(value, coin) + " a day"))
                })
                .unzip();
            Series { name: name.to_owned(), colour, mark, points, texts }
        })
        .collect();
    Some(plot(
        tally,
        context,
        ["user_flows", "Users’ flows into and out of pools"],
        &format!(
            "{} that users pay into pools and take out, all subnets together; what flowed in a \
             reward period is spread evenly over it, then over intervals of {}.",
            coin.name,
            crate::format::duration(tally.clock.step)
        ),
        linear(&format!("{} a day", coin.name), low, high, false),
        series,
    ))
}

fn plot(
    tally: &Tally,
    context: &Context,
    [name, title]: [&str; 2],
    caption: &str,
    y: Axis,
    series: Vec<Series>,
) -> Plot {
    let coin = &context.coin;
    let mean = if tally.reps.len() > 1 { " Mean over replications." } else { "" };
    Plot {
        name: name.to_owned(),
        title: title.to_owned(),
        caption: format!("{caption}{mean}{}", priced(coin)),
        x: ticks::time(tally.clock.end(tally.clock.count - 1)),
        right: Scale::Linear.dollars(coin, &y),
        y,
        series,
    }
}

/// An axis over at least two samples; from where, by the smallest and the largest.
fn over(values: &[(u64, f64)], label: &str, from: fn(f64, f64) -> f64) -> Option<Axis> {
    let low = values.iter().map(|v| v.1).fold(f64::INFINITY, f64::min);
    let high = values.iter().map(|v| v.1).fold(0.0, f64::max);
    (values.len() > 1 && high > 0.0).then(|| linear(label, from(low, high), high, false))
}

fn line(name: &str, values: &[(u64, f64)], coin: &Coin) -> Series {
    let (points, texts) = values
        .iter()
        .map(|&(time, value)| ((at(time), value), (time_text(at(time)), coins_text(value, coin))))
        .unzip();
    Series { name: name.to_owned(), colour: 0, mark: Mark::Line, points, texts }
}

/// The line, an upright for each halving between two samples, and what the caption says.
fn with_halvings(tally: &Tally, y: &Axis, line: Series) -> (Vec<Series>, &'static str) {
    let mut found: Vec<[u64; 2]> =
        tally.economy.reps.iter().flat_map(|rep| rep.halvings.iter().copied()).collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() {
        return (vec![line], "");
    }
    let mut series = vec![line];
    for (i, [from, to]) in found.into_iter().enumerate() {
        let x = f64::midpoint(at(from), at(to));
        series.push(Series {
            // One line in the legend stands for all.
            name: if i == 0 { "halving".to_owned() } else { String::new() },
            colour: MUTED,
            mark: Mark::Dashes,
            points: vec![(x, y.low), (x, y.high)],
            texts: Vec::new(),
        });
    }
    (series, " A halving stands midway between the two samples that show it.")
}

fn at(time: u64) -> f64 {
    crate::figure::throughput::whole(time)
}
