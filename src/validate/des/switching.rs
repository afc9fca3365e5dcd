//! Machines that are up or down.

use sim_core::queueing::{Network, Route, StationSpec};

use super::estimate::{Wanted, estimate};
use super::single::rate;
use super::steady::{exponential, moment};
use super::text::bad;
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// Independent machines in one replication.
const MACHINES: u32 = 1_000;

/// Machines that start up, looked at after one time unit and in the long run.
pub(super) fn two_states(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (down, up) = (rate(inputs, "up_to_down")?, rate(inputs, "down_to_up")?);
    let stations = vec![
        StationSpec::infinite(exponential(down)?).with_route(Route::To(1)),
        StationSpec::infinite(exponential(up)?).with_route(Route::To(0)),
    ];
    // The start is forgotten at the rate of both moves together.
    let forgotten = 20.0 / (down + up);
    let quantities = [("availability", 0.001), ("P(up at t=1 | up at 0)", 0.002)];
    estimate(inputs, &Wanted { quantities, most: 10_000 }, |streams| {
        let network = Network::new(stations.clone(), Vec::new(), &streams).map_err(bad)?;
        let mut engine = network.start();
        engine.outside(|network, cx| network.place(0, MACHINES, cx));
        let one = moment(1.0)?;
        engine.run_until(one, u64::MAX);
        let up = f64::from(engine.model().station(0).levels.level()) / f64::from(MACHINES);
        let start = moment(1.0 + forgotten)?;
        engine.run_until(start, u64::MAX);
        engine.model_mut().forget(start);
        let end = moment(1.0 + 3.0 * forgotten)?;
        engine.run_until(end, u64::MAX);
        let levels = &engine.model_mut().settle(end).station(0).levels;
        Ok([levels.mean() / f64::from(MACHINES), up])
    })
}
