//! Who gets the emission, period by period.

use std::collections::BTreeMap;

use super::throughput::wide;
use super::{Axis, Mark, Plot, Series, fold, linear};
use crate::stats::count;
use crate::tally::Tally;

/// Most points a series is drawn with.
const POINTS: u64 = 150;

/// The share of emission that went to each subnet.
pub(super) fn by_subnet(tally: &Tally) -> Option<Plot> {
    let epochs = Epochs::of(tally)?;
    let mut sums: BTreeMap<u16, Vec<f64>> = BTreeMap::new();
    for rep in &tally.reps {
        for (&(subnet, epoch), tally) in &rep.epochs {
            sums.entry(subnet).or_insert_with(|| vec![0.0; epochs.count])[epochs.index(epoch)] +=
                wide(tally.emission);
        }
    }
    let all = sums
        .into_iter()
        .map(|(subnet, values)| (format!("subnet {subnet}"), values.iter().sum(), values))
        .collect();
    epochs.plot(
        "emission_by_subnet",
        "Emission by subnet",
        "Share of the emission of a reward period that was paid in each subnet, over all \
         replications.",
        "share of emission (%)",
        fold(all),
    )
}

/// The share of the providers' incentive that went to each behaviour.
pub(super) fn by_behaviour(tally: &Tally) -> Option<Plot> {
    let epochs = Epochs::of(tally)?;
    let mut all = Vec::new();
    for (behaviour, name) in tally.behaviours.sorted() {
        let mut values = vec![0.0; epochs.count];
        for rep in &tally.reps {
            for (&(_, epoch), tally) in &rep.epochs {
                let incentive = tally.incentive.get(behaviour).copied().unwrap_or(0);
                values[epochs.index(epoch)] += wide(u128::from(incentive));
            }
        }
        let weight: f64 = values.iter().sum();
        if weight > 0.0 {
            all.push((name.to_owned(), weight, values));
        }
    }
    epochs.plot(
        "incentive_by_behaviour",
        "Incentive by behaviour",
        "Share of the providers' incentive of a reward period that went to providers of each \
         behaviour, all subnets with equal weight, over all replications.",
        "share of incentive (%)",
        fold(all),
    )
}

/// The periods of the run, grouped if there are many.
pub(super) struct Epochs {
    first: u64,
    last: u64,
    width: u64,
    pub(super) count: usize,
}

impl Epochs {
    pub(super) fn of(tally: &Tally) -> Option<Self> {
        let epochs = || tally.reps.iter().flat_map(|rep| rep.epochs.keys().map(|&(_, e)| e));
        let (first, last) = (epochs().min()?, epochs().max()?);
        let width = (last - first) / POINTS + 1;
        let count = usize::try_from((last - first) / width + 1).ok()?;
        Some(Self { first, last, width, count })
    }

    pub(super) fn index(&self, epoch: u64) -> usize {
        usize::try_from((epoch - self.first) / self.width).unwrap_or(0).min(self.count - 1)
    }

    fn plot(
        &self,
        name: &str,
        title: &str,
        caption: &str,
        label: &str,
        values: Vec<(String, Vec<f64>)>,
    ) -> Option<Plot> {
        let totals: Vec<f64> =
            (0..self.count).map(|k| values.iter().map(|(_, v)| v[k]).sum()).collect();
        if totals.iter().all(|t| *t <= 0.0) {
            return None;
        }
        let mut top = 0.0_f64;
        let series = values
            .into_iter()
            .enumerate()
            .map(|(colour, (name, values))| {
                let mut points = Vec::new();
                let mut texts = Vec::new();
                for (k, value) in values.iter().enumerate().filter(|(k, _)| totals[*k] > 0.0) {
                    let share = value / totals[k];
                    top = top.max(share);
                    points.push((self.start(k), share));
                    let period = self.words(k);
                    let share = crate::format::number(share * 100.0, 3);
                    texts.push((period, format!("{share} %")));
                }
                Series { name, colour, mark: Mark::Line, points, texts }
            })
            .collect();
        Some(Plot {
            name: name.to_owned(),
            title: title.to_owned(),
            caption: caption.to_owned(),
            x: self.axis(),
            y: linear(label, 0.0, top, true),
            right: None,
            series,
        })
    }

    /// Where the group of periods `k` begins.
    pub(super) fn start(&self, k: usize) -> f64 {
        whole(self.first + self.width * k as u64)
    }

    /// What the group of periods `k` is called.
    pub(super) fn words(&self, k: usize) -> String {
        let start = self.first + self.width * k as u64;
        if self.width == 1 {
            return format!("period {start}");
        }
        format!("periods {start} to {}", (start + self.width - 1).min(self.last))
    }

    /// Whole periods only: half a period means nothing.
    pub(super) fn axis(&self) -> Axis {
        let last = self.last.max(self.first + 1);
        let mut axis = linear("reward period", whole(self.first), whole(last), false);
        axis.ticks.retain(|(at, _)| (at - at.round()).abs() < 1e-9 && *at <= whole(last) + 0.5);
        axis.low = whole(self.first);
        axis.high = whole(last);
        axis.ticks.retain(|(at, _)| *at >= axis.low);
        axis
    }
}

fn whole(n: u64) -> f64 {
    count(usize::try_from(n).unwrap_or(usize::MAX))
}
