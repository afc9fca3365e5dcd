//! How long users wait: the distribution of answer and finality latency.

use sim_types::math::ln;

use super::{Axis, Mark, Plot, Series, ticks};
use crate::stats::{self, count};
use crate::tally::Tally;

/// Steps of the drawn distribution, and millionths in one.
const STEPS: u32 = 200;
const STEP_PPM: u32 = 1_000_000 / STEPS;

pub(super) fn plot(tally: &Tally) -> Option<Plot> {
    let pooled = |of: &dyn Fn(&crate::tally::Rep) -> &Vec<u64>| {
        let mut all: Vec<u64> = tally.reps.iter().flat_map(|rep| of(rep).iter().copied()).collect();
        all.sort_unstable();
        all
    };
    let kinds = [
        ("answer", pooled(&|rep| &rep.jobs.answer_ns)),
        ("finality", pooled(&|rep| &rep.jobs.final_ns)),
    ];
    let mut series = Vec::new();
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    for (colour, (name, sorted)) in kinds.iter().enumerate() {
        let at = |ppm: u32| stats::percentile(sorted, ppm).map(seconds);
        let (Some(p50), Some(p99)) = (at(500_000), at(990_000)) else { continue };
        let mut points = Vec::new();
        let mut texts = Vec::new();
        for ppm in (0..=STEPS).map(|k| k * STEP_PPM) {
            let Some(value) = at(ppm) else { continue };
            low = low.min(value);
            high = high.max(value);
            points.push((ln(value), f64::from(ppm) / 1e6));
            let share = crate::format::number(f64::from(ppm) / 1e4, 4);
            texts.push((format!("{share} % within"), ticks::seconds(value)));
        }
        series.push(Series {
            name: format!("{name}: p50 {}, p99 {}", ticks::seconds(p50), ticks::seconds(p99)),
            colour,
            mark: Mark::Line,
            points,
            texts,
        });
    }
    if series.is_empty() {
        return None;
    }
    let total = count(kinds[0].1.len());
    let y_ticks = [0.0, 0.25, 0.5, 0.75, 0.9, 0.99];
    Some(Plot {
        name: "latency".to_owned(),
        title: "How long users wait".to_owned(),
        caption: format!(
            "Share of jobs served within a time since submission, over {} answers of all \
             replications: until the answer arrives, and until its settling block is final. \
             Time is logarithmic.",
            crate::format::number(total, 12)
        ),
        x: ticks::log_seconds("time since submission", low, high),
        y: Axis {
            label: "share of jobs (%)".to_owned(),
            low: 0.0,
            high: 1.0,
            ticks: y_ticks.iter().map(|&y| (y, crate::format::number(y * 100.0, 3))).collect(),
        },
        right: None,
        series,
    })
}

/// Seconds, at least one nanosecond so that a logarithm exists.
#[expect(clippy::cast_precision_loss, reason = "drawn")]
fn seconds(ns: u64) -> f64 {
    ns.max(1) as f64 / 1e9
}
