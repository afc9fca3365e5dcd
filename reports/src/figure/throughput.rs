//! How much work goes through.

use super::{Mark, Plot, Series, linear, ticks};
use crate::tally::Tally;

pub(super) fn plot(tally: &Tally) -> Option<Plot> {
    let clock = tally.clock;
    let kinds = [
        ("submitted", &tally.series.submitted),
        ("answered", &tally.series.answered),
        ("final", &tally.series.finalised),
    ];
    if kinds[0].1.iter().all(|&n| n == 0) {
        return None;
    }
    let mut top = 0.0_f64;
    let series = kinds
        .into_iter()
        .enumerate()
        .map(|(colour, (name, counts))| {
            let points: Vec<(f64, f64)> = counts
                .iter()
                .enumerate()
                .map(|(i, &n)| {
                    (clock.middle(i), whole(n) / tally.replications() / clock.seconds(i))
                })
                .collect();
            top = points.iter().fold(top, |m, p| m.max(p.1));
            let texts = points
                .iter()
                .map(|&(x, y)| (time_text(x), format!("{} jobs/s", crate::format::number(y, 3))))
                .collect();
            Series { name: name.to_owned(), colour, mark: Mark::Line, points, texts }
        })
        .collect();
    Some(Plot {
        name: "throughput".to_owned(),
        title: "Work going through".to_owned(),
        caption: format!(
            "User jobs per second, each counted when it was submitted, answered and made final; \
             means over intervals of {} and all replications.",
            crate::format::duration(clock.step)
        ),
        x: ticks::time(clock.end(clock.count - 1)),
        y: linear("jobs per second", 0.0, top, false),
        right: None,
        series,
    })
}

/// A moment for the read-out.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside the horizon")]
pub(super) fn time_text(ns: f64) -> String {
    crate::format::duration(ns as u64)
}

#[expect(clippy::cast_precision_loss, reason = "drawn")]
pub(super) fn whole(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "drawn")]
pub(super) fn wide(n: u128) -> f64 {
    n as f64
}
