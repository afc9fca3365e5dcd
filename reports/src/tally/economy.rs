//! The coin of the whole network, and the pool of each subnet, period by period: summed up by
//! subnet and interval, so that a year of 128 subnets takes a few megabytes.
//!
//! What flowed in a period is spread evenly over it, to the unit: periods and intervals do not
//! end together, and an interval with two closes did not see twice the flow. Levels (prices,
//! reserves) are means over the closes in an interval.

use std::collections::BTreeMap;
use std::path::Path;

use sim_types::math;

use super::{Clock, Tally, at};
use crate::error::ReportError;
use crate::stats::count;
use crate::table::{Batch, Table};

const DAY: u64 = 86_400_000_000_000;

/// The economy of a run.
#[derive(Debug, Default)]
pub(crate) struct Economy {
    /// By replication.
    pub(crate) reps: Vec<EconomyRep>,
    /// By subnet, then interval; over all replications.
    pub(crate) intervals: Vec<Vec<Cell>>,
    /// By time of sample; over all replications.
    pub(crate) samples: BTreeMap<u64, Coin>,
}

/// One replication.
#[derive(Debug, Default)]
pub(crate) struct EconomyRep {
    /// By subnet; absent where none of its periods closed.
    pub(crate) subnets: Vec<Option<Subnet>>,
    /// First and last sample.
    pub(crate) ends: Option<[(u64, Coin); 2]>,
    /// Samples between which a block's emission fell by more than a third, ns.
    pub(crate) halvings: Vec<[u64; 2]>,
    pub(crate) periods: Periods,
}

/// One subnet over the whole run. Money in smallest units.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subnet {
    /// Closes, of the first and the last period, ns.
    pub(crate) closed: [u64; 2],
    /// Prices at them, 10^-9 coins.
    pub(crate) prices: [u64; 2],
    /// In the pool at the last close.
    pub(crate) coin: u128,
    pub(crate) emitted: u128,
    pub(crate) bought: u128,
    pub(crate) sold: u128,
    pub(crate) burned: u128,
    pub(crate) registered: u64,
    /// Price of the next place, times places bought in the period.
    pub(crate) places: u128,
    /// Logarithms of one day's last price to that of the day before.
    pub(crate) returns: Moments,
    /// Number of the day, and the last price of the day before.
    day: (u64, Option<u64>),
}

/// Sums over the closes of one subnet in one interval, and over its parts of periods.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    pub(crate) closes: u64,
    /// 10^-9 coins.
    pub(crate) price: u128,
    pub(crate) coin: u128,
    pub(crate) burn_price: u128,
    /// Time that closed periods cover, ns.
    pub(crate) covered: u128,
    pub(crate) emitted: u128,
    pub(crate) bought: u128,
    pub(crate) sold: u128,
}

/// The coin at one moment, smallest units; over replications, their sums.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Coin {
    pub(crate) count: u64,
    pub(crate) issuance: u128,
    pub(crate) emission: u128,
    pub(crate) liquid: u128,
    pub(crate) root: u128,
    pub(crate) pools: u128,
    pub(crate) lost: u128,
    /// 10^-9 coins.
    pub(crate) price_sum: u128,
    pub(crate) lock_cost: u128,
}

/// What consensus made of all reward periods.
#[derive(Debug, Clone, Default)]
pub(crate) struct Periods {
    /// Closed, by subnet.
    pub(crate) closed: BTreeMap<u16, u64>,
    /// Those in which any member held a permit.
    pub(crate) permitted: u64,
    /// Those in which any member reached consensus above zero.
    pub(crate) agreed: u64,
    pub(crate) replaced: u64,
}

/// Mean and spread of numbers that come one by one (Welford 1962).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moments {
    count: usize,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let off = value - self.mean;
        self.mean += off / count(self.count);
        self.squares += off * (value - self.mean);
    }

    /// Their mean.
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Their standard deviation, from two on.
    pub(crate) fn deviation(&self) -> Option<f64> {
        (self.count > 1).then(|| math::sqrt(self.squares / count(self.count - 1)))
    }
}

impl Subnet {
    /// Another price, at a later close.
    fn price_seen(&mut self, time: u64, price: u64) {
        let (day, before) = self.day;
        let [_, last] = self.prices;
        if time / DAY > day {
            self.day_over(before, last);
            // A day without a close leaves no return of one day.
            self.day = (time / DAY, (time / DAY == day + 1).then_some(last));
        }
        self.prices[1] = price;
        self.closed[1] = time;
    }

    /// A day ended with price `last`, the day before with `before`.
    fn day_over(&mut self, before: Option<u64>, last: u64) {
        if let Some(before) = before.filter(|&before| before > 0 && last > 0) {
            self.returns.add(math::ln(whole(last) / whole(before)));
        }
    }
}

impl Cell {
    /// Its mean over closes.
    fn mean(&self, sum: u128) -> Option<f64> {
        (self.closes > 0).then(|| wide(sum) / whole(self.closes))
    }
}

/// A level of a subnet, from one interval.
pub(crate) type Level = fn(&Cell) -> u128;

impl Economy {
    /// Whether any subnet's pool was seen.
    pub(crate) fn has_pools(&self) -> bool {
        !self.intervals.is_empty()
    }

    /// Whether reward periods have their own table: the aggregate resolution.
    pub(crate) fn has_periods(&self) -> bool {
        self.reps.iter().any(|rep| !rep.periods.closed.is_empty())
    }

    /// A level of a subnet by interval: the mean over closes, that of the interval before where
    /// none closed, absent before the first close.
    pub(crate) fn levels(&self, subnet: usize, of: Level) -> Vec<Option<f64>> {
        let mut last = None;
        let cells = self.intervals[subnet].iter();
        cells
            .map(|cell| {
                last = cell.mean(of(cell)).or(last);
                last
            })
            .collect()
    }

    /// A flow of a subnet by interval, smallest units a nanosecond; absent where no closed
    /// period covers any of the interval.
    pub(crate) fn rates(&self, subnet: usize, of: Level) -> Vec<Option<f64>> {
        let cells = self.intervals[subnet].iter();
        cells.map(|c| (c.covered > 0).then(|| wide(of(c)) / wide(c.covered))).collect()
    }

    /// One value at the last sample of each interval, mean over replications.
    pub(crate) fn sampled(&self, clock: Clock, of: fn(&Coin) -> u128) -> Vec<(u64, f64)> {
        let interval = |time: u64| clock.index(time.saturating_sub(1));
        let mut found: Vec<(u64, f64)> = Vec::new();
        for (&time, sample) in &self.samples {
            let mean = wide(of(sample)) / whole(sample.count.max(1));
            match found.last_mut() {
                Some(last) if interval(last.0) == interval(time) => *last = (time, mean),
                _ => found.push((time, mean)),
            }
        }
        found
    }

    /// Emission over the whole run by subnet, mean over replications, smallest units.
    pub(crate) fn emitted(&self) -> Vec<f64> {
        let reps = count(self.reps.len().max(1));
        let sum = |cells: &Vec<Cell>| cells.iter().map(|cell| cell.emitted).sum();
        self.intervals.iter().map(|cells| wide(sum(cells)) / reps).collect()
    }

    /// Numbers of the subnets that were seen, those with the most emission first.
    pub(crate) fn largest(&self) -> Vec<usize> {
        let emitted = self.emitted();
        let seen = |subnet: &usize| self.intervals[*subnet].iter().any(|cell| cell.closes > 0);
        let mut order: Vec<usize> = (0..emitted.len()).filter(seen).collect();
        order.sort_by(|&a, &b| emitted[b].total_cmp(&emitted[a]).then(a.cmp(&b)));
        order
    }
}

/// Divides an amount over the intervals that a period covers, in proportion and to the unit.
fn spread(clock: Clock, from: u64, to: u64, amount: u128, mut put: impl FnMut(usize, u128)) {
    let length = u128::from(to.saturating_sub(from));
    let last = clock.index(to.saturating_sub(1).max(from));
    let (mut index, mut given) = (clock.index(from), 0);
    while index < last {
        let so_far = u128::from(clock.step * (index as u64 + 1) - from);
        // Times fit 64 bits and amounts 64 bits in every chain there is.
        let due = amount.saturating_mul(so_far) / length;
        put(index, due - given);
        given = due;
        index += 1;
    }
    put(last, amount - given);
}

pub(super) fn read_pools(tally: &mut Tally, dir: &Path) -> Result<(), ReportError> {
    const COLUMNS: [&str; 12] = [
        "rep",
        "subnet",
        "time",
        "tao",
        "price",
        "emitted",
        "bought",
        "sold",
        "burned",
        "burn_price",
        "registered",
        "epoch",
    ];
    let clock = tally.clock;
    Table::open(dir, "pools", &COLUMNS)?.for_each(|batch| {
        let reps = tally.reps(batch)?;
        let (subnets, epochs) = (batch.u16("subnet")?, batch.u64("epoch")?);
        let (times, prices) = (batch.u64("time")?, batch.u64("price")?);
        let (coins, burn_prices) = (batch.amount("tao")?, batch.amount("burn_price")?);
        let (emitted, burned) = (batch.amount("emitted")?, batch.amount("burned")?);
        let (bought, sold) = (batch.amount("bought")?, batch.amount("sold")?);
        let registered = batch.u32("registered")?;
        let economy = &mut tally.economy;
        for row in 0..batch.rows() {
            let number = usize::from(subnets[row]);
            let (time, price) = (times[row], prices[row]);
            let place = at(&mut economy.reps[reps[row] as usize].subnets, number);
            let from = match place {
                None => {
                    *place = Some(Subnet {
                        closed: [time; 2],
                        prices: [price; 2],
                        day: (time / DAY, None),
                        ..Subnet::default()
                    });
                    0
                }
                Some(subnet) => {
                    let before = subnet.closed[1];
                    if time <= before {
                        return Err(out_of_order(batch, subnets[row], epochs[row]));
                    }
                    subnet.price_seen(time, price);
                    before
                }
            };
            let Some(subnet) = place else { continue };
            let (emitted, bought, sold) = (emitted.get(row), bought.get(row), sold.get(row));
            subnet.coin = coins.get(row);
            subnet.emitted += emitted;
            subnet.bought += bought;
            subnet.sold += sold;
            subnet.burned += burned.get(row);
            subnet.registered += u64::from(registered[row]);
            subnet.places += u128::from(registered[row]) * burn_prices.get(row);

            let cells = at(&mut economy.intervals, number);
            cells.resize(clock.count, Cell::default());
            let cell = &mut cells[clock.index(time.saturating_sub(1))];
            cell.closes += 1;
            cell.price += u128::from(price);
            cell.coin += coins.get(row);
            cell.burn_price += burn_prices.get(row);
            let mut over = |amount, what: fn(&mut Cell) -> &mut u128| {
                spread(clock, from, time, amount, |i, part| *what(&mut cells[i]) += part);
            };
            over(u128::from(time - from), |cell| &mut cell.covered);
            over(emitted, |cell| &mut cell.emitted);
            over(bought, |cell| &mut cell.bought);
            over(sold, |cell| &mut cell.sold);
        }
        Ok(())
    })?;
    let subnets = tally.economy.reps.iter_mut().flat_map(|rep| rep.subnets.iter_mut().flatten());
    // The horizon ends the last day, where it does not cut it short.
    for subnet in subnets.filter(|subnet| clock.horizon / DAY > subnet.day.0) {
        subnet.day_over(subnet.day.1, subnet.prices[1]);
    }
    Ok(())
}

fn out_of_order(batch: &Batch, subnet: u16, epoch: u64) -> ReportError {
    let what = format!("period {epoch} of subnet {subnet} does not close after the one before it");
    batch.value_error("time", what)
}

pub(super) fn read_coin(tally: &mut Tally, dir: &Path) -> Result<(), ReportError> {
    const COLUMNS: [&str; 10] = [
        "rep",
        "time",
        "issuance",
        "emission",
        "liquid",
        "root",
        "pools",
        "lost",
        "price_sum",
        "lock_cost",
    ];
    Table::open(dir, "economy", &COLUMNS)?.for_each(|batch| {
        let reps = tally.reps(batch)?;
        let (times, price_sums) = (batch.u64("time")?, batch.u64("price_sum")?);
        let (issuance, emission) = (batch.amount("issuance")?, batch.amount("emission")?);
        let (liquid, root) = (batch.amount("liquid")?, batch.amount("root")?);
        let (pools, lost) = (batch.amount("pools")?, batch.amount("lost")?);
        let lock_costs = batch.amount("lock_cost")?;
        for row in 0..batch.rows() {
            let coin = Coin {
                count: 1,
                issuance: issuance.get(row),
                emission: emission.get(row),
                liquid: liquid.get(row),
                root: root.get(row),
                pools: pools.get(row),
                lost: lost.get(row),
                price_sum: price_sums[row].into(),
                lock_cost: lock_costs.get(row),
            };
            let time = times[row];
            tally.economy.reps[reps[row] as usize].sampled(time, coin);
            tally.economy.samples.entry(time).or_default().add(&coin);
        }
        Ok(())
    })
}

impl EconomyRep {
    /// Another sample, at a later time.
    fn sampled(&mut self, time: u64, coin: Coin) {
        let Some([_, (before, last)]) = &mut self.ends else {
            self.ends = Some([(time, coin); 2]);
            return;
        };
        if coin.emission.saturating_mul(3) < last.emission.saturating_mul(2) {
            self.halvings.push([*before, time]);
        }
        (*before, *last) = (time, coin);
    }
}

impl Coin {
    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.issuance += other.issuance;
        self.emission += other.emission;
        self.liquid += other.liquid;
        self.root += other.root;
        self.pools += other.pools;
        self.lost += other.lost;
        self.price_sum += other.price_sum;
        self.lock_cost += other.lock_cost;
    }
}

pub(super) fn read_periods(tally: &mut Tally, dir: &Path) -> Result<(), ReportError> {
    let columns = ["rep", "subnet", "permits", "agreed", "replaced"];
    Table::open(dir, "periods", &columns)?.for_each(|batch| {
        let reps = tally.reps(batch)?;
        let (subnets, permits) = (batch.u16("subnet")?, batch.u16("permits")?);
        let (agreed, replaced) = (batch.u16("agreed")?, batch.u16("replaced")?);
        for row in 0..batch.rows() {
            let periods = &mut tally.economy.reps[reps[row] as usize].periods;
            *periods.closed.entry(subnets[row]).or_default() += 1;
            periods.permitted += u64::from(permits[row] > 0);
            periods.agreed += u64::from(agreed[row] > 0);
            periods.replaced += u64::from(replaced[row]);
        }
        Ok(())
    })
}

#[expect(clippy::cast_precision_loss, reason = "shown to a few digits")]
fn whole(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "shown to a few digits")]
fn wide(n: u128) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_spread_adds_up_and_follows_time(
            horizon in 1_000..1_000_000_u64, from in 0..999_999_u64, length in 1..500_000_u64,
            amount in 0..u64::MAX,
        ) {
            let clock = Clock::new(horizon);
            let from = from % horizon;
            let to = (from + length).min(horizon).max(from + 1);
            let mut parts = vec![0_u128; clock.count];
            spread(clock, from, to, amount.into(), |i, part| parts[i] += part);
            prop_assert_eq!(parts.iter().sum::<u128>(), u128::from(amount));
            for (i, part) in parts.iter().enumerate() {
                let start = clock.step * i as u64;
                let inside = to.min(start + clock.step).saturating_sub(from.max(start));
                let want = u128::from(amount) * u128::from(inside) / u128::from(to - from);
                prop_assert!(part.abs_diff(want) <= 1, "{} not {}", part, want);
            }
        }

        #[test]
        fn moments_are_those_of_the_two_pass_formulas(
            values in proptest::collection::vec(-10.0..10.0_f64, 2..50),
        ) {
            let mut moments = Moments::default();
            for &value in &values {
                moments.add(value);
            }
            let mean = crate::stats::mean(&values).unwrap();
            prop_assert!((moments.mean().unwrap() - mean).abs() < 1e-9);
            let deviation = crate::stats::std_dev(&values).unwrap();
            prop_assert!((moments.deviation().unwrap() - deviation).abs() < 1e-9);
        }
    }
}
