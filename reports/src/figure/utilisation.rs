//! How busy each class of hardware is.

use super::throughput::{time_text, wide};
use super::{FOLD, Mark, Plot, Series, linear, ticks};
use crate::tally::Tally;

pub(super) fn plot(tally: &Tally) -> Option<Plot> {
    let clock = tally.clock;
    let mut classes: Vec<(&str, Vec<(u128, u128)>)> = tally
        .hardware
        .sorted()
        .into_iter()
        .filter_map(|(class, name)| Some((name, tally.series.slot_time.get(class)?.clone())))
        .filter(|(_, slots)| slots.iter().any(|&(_, offered)| offered > 0))
        .collect();
    if classes.is_empty() {
        return None;
    }
    // The classes with the most slot time keep a colour; the others are one class, since
    // shares do not add but slot time does.
    let offered = |slots: &[(u128, u128)]| slots.iter().map(|s| s.1).sum::<u128>();
    if classes.len() > FOLD {
        classes.sort_by_key(|(_, slots)| core::cmp::Reverse(offered(slots)));
        let mut rest = vec![(0, 0); clock.count];
        for (_, slots) in classes.split_off(FOLD - 1) {
            for (sum, slot) in rest.iter_mut().zip(slots) {
                *sum = (sum.0 + slot.0, sum.1 + slot.1);
            }
        }
        classes.sort_by_key(|&(name, _)| name);
        classes.push(("others", rest));
    }
    let mut top = 0.0_f64;
    let series = classes
        .into_iter()
        .enumerate()
        .map(|(colour, (name, slots))| {
            let points: Vec<(f64, f64)> = slots
                .iter()
                .enumerate()
                .filter(|(_, slot)| slot.1 > 0)
                .map(|(i, &(busy, offered))| (clock.middle(i), wide(busy) / wide(offered)))
                .collect();
            top = points.iter().fold(top, |m, p| m.max(p.1));
            let texts = points
                .iter()
                .map(|&(x, y)| (time_text(x), format!("{} %", crate::format::number(y * 100.0, 3))))
                .collect();
            Series { name: name.to_owned(), colour, mark: Mark::Line, points, texts }
        })
        .collect();
    // A busy network is seen against all it has; one at rest would be a line on the floor.
    let top = if top > 0.5 { top.max(1.0) } else { top };
    Some(Plot {
        name: "utilisation".to_owned(),
        title: "How busy the hardware is".to_owned(),
        caption: "Slot time in use of all slot time, by class of hardware, over all nodes of \
                  the class and all replications. The scale ends at 100 % where any class is \
                  more than half busy."
            .to_owned(),
        x: ticks::time(clock.end(clock.count - 1)),
        y: linear("slots in use (%)", 0.0, top, true),
        right: None,
        series,
    })
}
