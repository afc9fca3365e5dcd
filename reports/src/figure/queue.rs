//! How many jobs wait.

use super::throughput::{time_text, whole};
use super::{Mark, Plot, Series, fold, linear, ticks};
use crate::tally::Tally;

pub(super) fn plot(tally: &Tally) -> Option<Plot> {
    let clock = tally.clock;
    let classes: Vec<(String, f64, Vec<f64>)> = tally
        .hardware
        .sorted()
        .into_iter()
        .filter_map(|(class, name)| {
            let samples = tally.series.waiting.get(class)?;
            if samples.iter().all(|&(_, n)| n == 0) {
                return None;
            }
            let values: Vec<f64> = samples
                .iter()
                .map(|&(sum, n)| if n == 0 { f64::NAN } else { whole(sum) / whole(n) })
                .collect();
            let weight = values.iter().filter(|v| v.is_finite()).sum();
            Some((name.to_owned(), weight, values))
        })
        .collect();
    if classes.is_empty() {
        return None;
    }
    let mut top = 1.0_f64;
    let series = fold(classes)
        .into_iter()
        .enumerate()
        .map(|(colour, (name, values))| {
            let points: Vec<(f64, f64)> = values
                .iter()
                .enumerate()
                .filter(|(_, value)| value.is_finite())
                .map(|(i, &value)| (clock.middle(i), value))
                .collect();
            top = points.iter().fold(top, |m, p| m.max(p.1));
            let texts = points
                .iter()
                .map(|&(x, y)| (time_text(x), format!("{} jobs", crate::format::number(y, 3))))
                .collect();
            Series { name, colour, mark: Mark::Line, points, texts }
        })
        .collect();
    Some(Plot {
        name: "queue".to_owned(),
        title: "Jobs waiting at providers".to_owned(),
        caption: "Jobs waiting at all nodes of a class of hardware, mean over the samples of an \
                  interval and over replications."
            .to_owned(),
        x: ticks::time(clock.end(clock.count - 1)),
        y: linear("jobs waiting", 0.0, top, false),
        right: None,
        series,
    })
}
