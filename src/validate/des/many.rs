//! Many servers, limited room, no waiting: Erlang's formulas and their relatives.

use sim_core::queueing::{Law, Observe, StationSpec};
use sim_types::SimDuration;

use super::estimate::{Wanted, estimate};
use super::single::{rate, service};
use super::steady::{Steady, exponential, poisson};
use super::text::{bad, float};
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// A number of servers or places.
fn number(inputs: &Inputs<'_>, name: &str) -> Result<u32, Stop> {
    match inputs.read::<u64>(name)? {
        n @ 1..=1_000_000 => Ok(u32::try_from(n).unwrap_or(1)),
        n => Err(bad(format!("input `{name}` is {n}, expected 1 to 1000000"))),
    }
}

pub(super) fn m_m_c(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (c, lam, mu) = (number(inputs, "c")?, rate(inputs, "lam")?, rate(inputs, "mu")?);
    if inputs.optional::<String>("discipline")?.is_some_and(|d| d != "FIFO" && d != "FCFS") {
        return Err(Stop::NotCovered("a discipline other than FIFO".to_owned()));
    }
    let observe = Observe { wait_beyond: SimDuration::from_secs_f64(0.5), ..Observe::default() };
    let station = StationSpec::new(c, exponential(mu)?).with_observe(observe);
    let load = lam / mu / f64::from(c);
    let model = Steady::open(vec![station], vec![poisson(lam)?], lam, load, 1.0)?;
    let quantities = [
        ("P(wait) ErlangC", 0.0075),
        ("Wq", 0.015),
        ("W", 0.0075),
        ("L", 0.0075),
        ("utilisation", 0.0025),
        // May be rarer than any run is long.
        ("P(Wq>0.5)", 0.015),
    ];
    estimate(inputs, &Wanted { quantities, most: model.most }, |streams| {
        let network = model.run(&streams)?;
        let station = network.station(0);
        Ok([
            float(station.found_busy) / float(station.offered.max(1)),
            station.waits[0].mean(),
            station.sojourns[0].mean(),
            station.levels.mean(),
            station.mean_busy() / f64::from(c),
            station.waits[0].share_beyond(),
        ])
    })
}

/// Servers without room to wait.
fn loss_system(c: u32, lam: f64, service: Law) -> Result<Steady, Stop> {
    let station = StationSpec::new(c, service).with_capacity(c);
    Ok(Steady::bounded(vec![station], vec![poisson(lam)?], lam))
}

pub(super) fn erlang_b(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (c, lam, mu) = (number(inputs, "c")?, rate(inputs, "lam")?, rate(inputs, "mu")?);
    let model = loss_system(c, lam, exponential(mu)?)?;
    let quantities = [("P(block)", 0.01), ("mean_busy", 0.0025)];
    estimate(inputs, &Wanted { quantities, most: model.most }, |streams| {
        let network = model.run(&streams)?;
        let station = network.station(0);
        Ok([float(station.lost) / float(station.offered.max(1)), station.mean_busy()])
    })
}

pub(super) fn insensitivity(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (c, lam) = (number(inputs, "c")?, rate(inputs, "lam")?);
    let model = loss_system(c, lam, service(inputs)?)?;
    let quantities = [("P(block)", 0.01)];
    estimate(inputs, &Wanted { quantities, most: model.most }, |streams| {
        let network = model.run(&streams)?;
        let station = network.station(0);
        Ok([float(station.lost) / float(station.offered.max(1))])
    })
}

pub(super) fn m_m_1_k(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (lam, mu) = (rate(inputs, "lam")?, rate(inputs, "mu")?);
    let station = StationSpec::new(1, exponential(mu)?).with_capacity(number(inputs, "K")?);
    let model = Steady::bounded(vec![station], vec![poisson(lam)?], lam);
    let quantities =
        [("P(loss)", 0.0075), ("L", 0.005), ("W_accepted", 0.005), ("throughput", 0.0025)];
    estimate(inputs, &Wanted { quantities, most: model.most }, |streams| {
        let network = model.run(&streams)?;
        let station = network.station(0);
        Ok([
            float(station.lost) / float(station.offered.max(1)),
            station.levels.mean(),
            station.sojourns[0].mean(),
            float(station.served()) / station.levels.span(),
        ])
    })
}

pub(super) fn m_m_inf(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (lam, mu) = (rate(inputs, "lam")?, rate(inputs, "mu")?);
    let station = StationSpec::infinite(exponential(mu)?);
    let model = Steady::bounded(vec![station], vec![poisson(lam)?], lam);
    let quantities = [("L", 0.0025), ("Var(N)", 0.0125), ("P0", 0.025)];
    estimate(inputs, &Wanted { quantities, most: model.most }, |streams| {
        let network = model.run(&streams)?;
        let levels = &network.station(0).levels;
        Ok([levels.mean(), levels.variance(), levels.at(0)])
    })
}
