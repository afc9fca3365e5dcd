//! Packets through hops that store each before they send it on.

use sim_core::Streams;
use sim_core::queueing::{Law, Network, Route, StationSpec};

use super::single::rate;
use super::text::{bad, float, positive};
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// The engine's nanosecond stands for a picosecond, so that a rounded transmission time is
/// exact to far more digits than the case asks for.
const SCALE: f64 = 1e3;

pub(super) fn pipeline(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let hops = inputs.read::<u64>("hops")?;
    let packets = u32::try_from(inputs.read::<u64>("packets")?).map_err(bad)?;
    let transmission = rate(inputs, "packet_bits")? / rate(inputs, "bandwidth_bps")?;
    let propagation: f64 = inputs.read("propagation_s")?;
    if hops == 0 || hops > 10_000 || packets == 0 {
        return Err(bad("`hops` must be 1 to 10000, `packets` at least 1"));
    }
    let total = (float(hops) + f64::from(packets)) * transmission + float(hops) * propagation;
    if positive("duration", total)? > 1e6 {
        return Err(bad(format!("{total} s, expected at most 1e6 s")));
    }
    // A hop is a link that sends one packet at a time, and a way that any number is on.
    let mut stations = Vec::new();
    for hop in 0..u32::try_from(hops).map_err(bad)? {
        let (way, next) = (2 * hop + 1, 2 * hop + 2);
        let link = Law::deterministic(transmission * SCALE).map_err(bad)?;
        stations.push(StationSpec::new(1, link).with_route(Route::To(way)));
        let onward = if u64::from(hop) + 1 < hops { Route::To(next) } else { Route::Exit };
        let way = Law::deterministic(propagation * SCALE).map_err(bad)?;
        stations.push(StationSpec::infinite(way).with_route(onward));
    }
    let network = Network::new(stations, Vec::new(), &Streams::new(0, 0)).map_err(bad)?;
    let mut engine = network.start();
    engine.outside(|network, cx| network.place(0, packets, cx));
    engine.run_until(sim_types::SimTime::MAX, u64::MAX);
    Ok(Quantities::one("last packet arrival", engine.now().seconds() / SCALE))
}
