//! Welch's picture: where the answer latency levels off.

use super::{Axis, MUTED, Mark, Plot, Series, linear};
use crate::analysis::outlook::settled;
use crate::analysis::series::Kind;
use crate::analysis::welch::{average, moving_average, thin, window};
use crate::format::{number, scale};
use crate::stats::count;
use crate::tally::Tally;

/// Most points drawn.
const MOST: usize = 400;
/// Fewest answers that make a picture.
const FEWEST: usize = 100;

pub(super) fn plot(tally: &Tally) -> Option<Plot> {
    let kind = Kind::AnswerLatency;
    let all: Vec<Vec<f64>> = tally.output.iter().map(|r| r.values(kind, 0)).collect();
    let averaged = average(&all);
    if averaged.len() < FEWEST {
        return None;
    }
    let size = averaged.len().div_ceil(MOST);
    let points = thin(&averaged, size);
    let w = window(points.len());
    let smooth = moving_average(&points, w);
    let top = points.iter().copied().fold(0.0, f64::max);
    let (factor, unit) = scale(top, kind.unit());
    let place = |i: usize| (count(i) + 0.5) * count(size);
    let drawn = |values: &[f64]| -> Vec<(f64, f64)> {
        values.iter().enumerate().map(|(i, v)| (place(i), v * factor)).collect()
    };
    let texts = |points: &[(f64, f64)]| -> Vec<(String, String)> {
        let text = |&(x, y): &(f64, f64)| {
            (format!("answer {}", number(x.floor(), 12)), format!("{} {unit}", number(y, 4)))
        };
        points.iter().map(text).collect()
    };
    let x = linear("answers, in order of completion", 0.0, count(averaged.len()), false);
    let x = Axis { high: count(averaged.len()), ..x };
    let x = Axis { ticks: x.ticks.into_iter().filter(|(at, _)| *at <= x.high).collect(), ..x };
    let y = linear(&format!("mean latency ({unit})"), 0.0, top * factor, false);
    let upright = |name: String, colour: usize, at: f64| Series {
        name,
        colour,
        mark: Mark::Dashes,
        points: vec![(at, y.low), (at, y.high)],
        texts: Vec::new(),
    };
    let (raw, smooth) = (drawn(&points), drawn(&smooth));
    let mut series = vec![
        Series {
            name: if size == 1 {
                "mean over replications".to_owned()
            } else {
                format!("means of {size} answers")
            },
            colour: MUTED,
            mark: Mark::Line,
            texts: Vec::new(),
            points: raw,
        },
        Series {
            name: format!("moving average, window {}", number(count((2 * w + 1) * size), 12)),
            colour: 0,
            mark: Mark::Line,
            texts: texts(&smooth),
            points: smooth,
        },
    ];
    if let Some(cut) = settled(kind, &tally.output) {
        let n = cut.truncation.values;
        // Where there is nothing to mark, the legend says why.
        let silent =
            |why: &str| Series { points: Vec::new(), ..upright(format!("MSER-5: {why}"), 1, 0.0) };
        series.push(match n {
            _ if !cut.truncation.conclusive => silent("too short to tell"),
            0 => silent("no warm-up"),
            _ => upright(format!("MSER-5: {}", number(count(n), 12)), 1, count(n)),
        });
    }
    if let Some(left_out) = left_out(tally) {
        let name = format!("left out of means: {}", number(left_out.round(), 12));
        series.push(upright(name, 2, left_out.min(x.high)));
    }
    Some(Plot {
        name: "warmup".to_owned(),
        title: "Warm-up of the answer latency".to_owned(),
        caption: format!(
            "Latency of the users' answers in order of completion, mean over {} replications \
             (Welch's method): the system has settled where the moving average is level. The \
             broken line marks the truncation that MSER-5 chooses.",
            tally.output.len()
        ),
        x,
        y,
        right: None,
        series,
    })
}

/// Answers that the run's own warm-up leaves out, mean over replications; `None` if none.
fn left_out(tally: &Tally) -> Option<f64> {
    let counts: usize = tally
        .output
        .iter()
        .zip(&tally.cuts)
        .map(|(r, cut)| r.answers.iter().filter(|a| a.submitted < cut.ns).count())
        .sum();
    (counts > 0).then(|| count(counts) / tally.replications())
}
