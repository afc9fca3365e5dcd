//! What validators earn on their stake, and what an attack leaves to the others.

use super::incentive::Epochs;
use super::throughput::wide;
use super::{FOLD, MUTED, Mark, Plot, Series, linear};
use crate::context::Context;
use crate::format::number;
use crate::tally::Tally;

/// Part and whole of something by group of periods.
type Parts = Vec<(u128, u128)>;
/// What a read-out says of points, x and y.
type Texts = Vec<(String, String)>;

/// Points where there is a whole, and what they say.
fn points(
    epochs: &Epochs,
    parts: &Parts,
    scale: f64,
    text: impl Fn(f64) -> String,
) -> (Vec<(f64, f64)>, Texts) {
    let defined = parts.iter().enumerate().filter(|(_, part)| part.1 > 0);
    defined
        .map(|(k, part)| {
            let value = scale * wide(part.0) / wide(part.1);
            ((epochs.start(k), value), (epochs.words(k), text(value)))
        })
        .unzip()
}

fn top(series: &[Series]) -> f64 {
    series.iter().flat_map(|s| &s.points).map(|p| p.1).fold(0.0, f64::max)
}

/// Earnings per 1,000 coins of stake, by the behaviour of validators.
pub(super) fn by_behaviour(tally: &Tally, context: &Context) -> Option<Plot> {
    let epochs = Epochs::of(tally)?;
    let mut series = Vec::new();
    for (party, name) in tally.parties.sorted() {
        let mut parts: Parts = vec![(0, 0); epochs.count];
        for rep in &tally.reps {
            for (&(_, epoch), tally) in &rep.epochs {
                if let Some(&(paid, stake)) = tally.validators.get(party) {
                    let part = &mut parts[epochs.index(epoch)];
                    *part = (part.0 + paid, part.1 + stake);
                }
            }
        }
        let coin = &context.coin.name;
        let (points, texts) = points(&epochs, &parts, 1e3, |v| format!("{} {coin}", number(v, 4)));
        if !points.is_empty() && series.len() < FOLD {
            let colour = series.len();
            series.push(Series { name: name.to_owned(), colour, mark: Mark::Line, points, texts });
        }
    }
    let high = top(&series);
    if high <= 0.0 {
        return None;
    }
    Some(Plot {
        name: "dividends_by_behaviour".to_owned(),
        title: format!("Dividends per 1,000 {} of stake", context.coin.name),
        caption: "What validators of each behaviour earn in a reward period for every 1,000 coins \
                  of their stake, over all subnets and replications."
            .to_owned(),
        x: epochs.axis(),
        y: linear(&format!("{} per 1,000 {0}", context.coin.name), 0.0, high, false),
        right: None,
        series,
    })
}

/// What members that are not marked as attackers keep of the emission, beside their stake.
pub(super) fn retention(tally: &Tally) -> Option<Plot> {
    if !tally.reps.iter().any(|rep| rep.nodes.contested()) {
        return None;
    }
    let epochs = Epochs::of(tally)?;
    let (mut emission, mut stake) = (vec![(0, 0); epochs.count], vec![(0, 0); epochs.count]);
    for rep in &tally.reps {
        for (&(_, epoch), tally) in &rep.epochs {
            let add = |parts: &mut Parts, part: u128, whole: u128| {
                let sum = &mut parts[epochs.index(epoch)];
                *sum = (sum.0 + part, sum.1 + whole);
            };
            add(&mut emission, tally.honest.0, tally.emission);
            add(&mut stake, tally.honest.1, tally.stake);
        }
    }
    let percent = |v: f64| format!("{} %", number(100.0 * v, 3));
    let series: Vec<Series> = [
        ("share of emission", 0, Mark::Line, &emission),
        ("share of stake", MUTED, Mark::Dashes, &stake),
    ]
    .into_iter()
    .map(|(name, colour, mark, parts)| {
        let (points, texts) = points(&epochs, parts, 1.0, percent);
        Series { name: name.to_owned(), colour, mark, points, texts }
    })
    .collect();
    if series[0].points.is_empty() {
        return None;
    }
    Some(Plot {
        name: "honest_retention".to_owned(),
        title: "What the honest side keeps".to_owned(),
        caption: "Share of the emission paid in a reward period that went to members not marked \
                  as attackers, and their share of the stake. Consensus protects them where the \
                  line is not below the dashes."
            .to_owned(),
        x: epochs.axis(),
        y: linear("honest side (%)", 0.0, 1.0, true),
        right: None,
        series,
    })
}
