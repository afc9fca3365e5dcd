//! Little's law as an identity of one window: the integral of the number present over time is
//! the time that customers spend in the window, to the nanosecond, whatever the discipline.

use sim_core::Streams;
use sim_core::queueing::{
    Discipline, Law, Network, Route, SourceSpec, Station, StationSpec, Tally,
};
use sim_types::SimTime;

use super::estimate::SEED;
use super::steady::{exponential, moment, poisson};
use super::text::bad;
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// The windows' start and end, in mean service times.
const WINDOW: (f64, f64) = (1_000.0, 51_000.0);

/// The largest difference over several stable models, each station on its own.
pub(super) fn identity(_: &Inputs<'_>) -> Result<Quantities, Stop> {
    let disciplines = [
        (Discipline::Fifo, 1),
        (Discipline::Fifo, 3),
        (Discipline::Priority, 1),
        (Discipline::PreemptivePriority, 1),
        (Discipline::LastPreemptive, 1),
        (Discipline::Sharing, 1),
    ];
    let mut worst: f64 = 0.0;
    for (discipline, servers) in disciplines {
        let h2 = Law::hyperexponential_by_cv(1.0, 2.0).map_err(bad)?;
        let station = StationSpec::new(servers, h2).with_discipline(discipline);
        // The served come back with probability 1/4, and the line has an end.
        let again = Route::random(&[(0.25, Some(0)), (0.75, None)]).map_err(bad)?;
        let station = station.with_route(again).with_capacity(30);
        let rate = 0.6 * f64::from(servers);
        let classes = [poisson(0.5 * rate)?, SourceSpec { class: 1, ..poisson(0.2 * rate)? }];
        let streams = Streams::new(SEED, 0);
        let network = Network::new(vec![station], classes.to_vec(), &streams).map_err(bad)?;
        worst = worst.max(difference(network)?);
    }
    let tandem = StationSpec::new(1, exponential(1.0)?);
    let stations = vec![tandem.clone().with_route(Route::To(1)), tandem];
    let streams = Streams::new(SEED, 1);
    let network = Network::new(stations, vec![poisson(0.8)?], &streams).map_err(bad)?;
    worst = worst.max(difference(network)?);
    Ok(Quantities::one("L - lambda*W (edge corrected)", worst))
}

/// `L - lambda W` of the station where it is farthest from zero, customers at the edges
/// counted for the part of their stay that lies in the window.
fn difference(network: Network) -> Result<f64, Stop> {
    let (start, end) = (moment(WINDOW.0)?, moment(WINDOW.1)?);
    let mut engine = network.start();
    engine.run_until(start, u64::MAX);
    engine.model_mut().forget(start);
    let stay = |station: &Station, at: SimTime| -> u128 {
        station.present().iter().map(|c| u128::from(at.since(c.arrived).0)).sum()
    };
    let early: Vec<u128> = engine.model().stations().iter().map(|s| stay(s, start)).collect();
    engine.run_until(end, u64::MAX);
    engine.model_mut().settle(end);
    let mut worst: f64 = 0.0;
    for (station, early) in engine.model().stations().iter().zip(early) {
        if station.served() < 1_000 {
            return Err(bad("nobody was served: Little's law would hold of nothing"));
        }
        let left: u128 = station.sojourns.iter().map(Tally::sum).sum();
        let inside = left + stay(station, end) - early;
        #[expect(clippy::cast_precision_loss, reason = "a difference of almost nothing")]
        let apart = station.levels.area().abs_diff(inside) as f64;
        worst = worst.max(apart * 1e-9 / station.levels.span());
    }
    Ok(worst)
}
