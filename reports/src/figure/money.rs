//! Where the money comes from and where it goes.

use super::scale::{Scale, dollars, priced};
use super::throughput::{time_text, wide};
use super::{FOLD, Mark, Plot, Series, linear, ticks};
use crate::context::Context;
use crate::tally::Tally;

pub(super) fn plot(tally: &Tally, context: &Context) -> Option<Plot> {
    let clock = tally.clock;
    let coin = &context.coin;
    let mut flows: Vec<(String, &Vec<u128>)> = Vec::new();
    if tally.series.minted.iter().any(|&amount| amount > 0) {
        flows.push(("newly issued".to_owned(), &tally.series.minted));
    }
    for (reason, name) in tally.reasons.sorted() {
        let amounts = tally.series.payouts.get(reason).filter(|amounts| !amounts.is_empty());
        if let Some(amounts) = amounts.filter(|_| flows.len() < FOLD) {
            flows.push((format!("paid: {name}"), amounts));
        }
    }
    if flows.is_empty() {
        return None;
    }
    let mut top = 0.0_f64;
    let series = flows
        .into_iter()
        .enumerate()
        .map(|(i, (name, amounts))| {
            let mut sum = 0_u128;
            let mut points = vec![(0.0, 0.0)];
            for (k, amount) in amounts.iter().enumerate() {
                sum += amount;
                // Members are told at samples what they were paid since the last.
                if tally.is_aggregate() && *amount == 0 {
                    continue;
                }
                let coins = wide(sum) / wide(coin.smallest_units.max(1)) / tally.replications();
                points.push((clock.end(k), coins));
            }
            top = points.iter().fold(top, |m, p| m.max(p.1));
            let texts = points
                .iter()
                .map(|&(x, y)| {
                    let usd = coin.usd.map(|price| format!(" = {}", dollars(y * price)));
                    let amount = crate::format::number(y, 5);
                    (time_text(x), format!("{amount} {}{}", coin.name, usd.unwrap_or_default()))
                })
                .collect();
            let mark = if name == "newly issued" { Mark::Dashes } else { Mark::Line };
            Series { name, colour: if i == 0 { 6 } else { i - 1 }, mark, points, texts }
        })
        .collect();
    let y = linear(&format!("{} since the start", coin.name), 0.0, top, false);
    Some(Plot {
        name: "money".to_owned(),
        title: "Money issued and paid".to_owned(),
        caption: format!(
            "{} newly issued in blocks and paid out by reason, cumulative, nominal; mean over \
             replications.{}{}",
            coin.name,
            if tally.is_aggregate() {
                " Payments of many periods are told at samples."
            } else {
                ""
            },
            priced(coin)
        ),
        x: ticks::time(clock.end(clock.count - 1)),
        right: Scale::Linear.dollars(coin, &y),
        y,
        series,
    })
}
