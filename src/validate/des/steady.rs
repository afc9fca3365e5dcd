//! One replication of a queueing model in its steady state.

use sim_core::Streams;
use sim_core::queueing::{Law, Network, Route, SourceSpec, StationSpec};
use sim_types::SimTime;

use super::text::bad;
use crate::validate::evaluator::Stop;

/// Customers in all replications of a case together, at most: what the cases suggest (twenty
/// replications of two million).
pub(super) const MOST_CUSTOMERS: f64 = 4e7;

/// A model and for how long it is watched.
#[derive(Debug, Clone)]
pub(super) struct Steady {
    pub(super) stations: Vec<StationSpec>,
    pub(super) sources: Vec<SourceSpec>,
    /// Customers put into the first station at the start.
    pub(super) placed: u32,
    /// Seconds that are watched, after a tenth as many that are not.
    pub(super) seconds: f64,
    /// Replications at most.
    pub(super) most: u32,
}

impl Steady {
    /// Customers of rate `rate` before stations of which the busiest has load `load`, with
    /// service times of a squared coefficient of variation of `squared_cv`.
    ///
    /// A tenth of a replication is some 25 relaxation times, 4 / (1 - load)^2 services each
    /// (Cohen, "The single server queue", 1982, section III.7.3, for M/M/1), so nothing is left
    /// of the empty start.
    pub(super) fn open(
        stations: Vec<StationSpec>,
        sources: Vec<SourceSpec>,
        rate: f64,
        load: f64,
        squared_cv: f64,
    ) -> Result<Self, Stop> {
        // Written so that NaN fails, too.
        if !(load > 0.0 && load < 1.0) {
            return Err(bad(format!("the load is {load}, expected a number between 0 and 1")));
        }
        let idle = 1.0 - load;
        let spread = (0.5 * (1.0 + squared_cv)).clamp(1.0, 20.0);
        let customers = (1_000.0 * spread / (idle * idle)).clamp(50_000.0, 1e7);
        Ok(Self { stations, sources, placed: 0, seconds: customers / rate, most: most(customers) })
    }

    /// A model whose state never grows, passed by `rate` customers a second.
    pub(super) fn bounded(stations: Vec<StationSpec>, sources: Vec<SourceSpec>, rate: f64) -> Self {
        let customers = 200_000.0;
        Self { stations, sources, placed: 0, seconds: customers / rate, most: most(customers) }
    }

    /// Warms up, watches, and hands over the network.
    pub(super) fn run(&self, streams: &Streams) -> Result<Network, Stop> {
        let network = self.network(streams)?;
        let mut engine = network.start();
        engine.outside(|network, cx| network.place(0, self.placed, cx));
        let warm = moment(0.1 * self.seconds)?;
        engine.run_until(warm, u64::MAX);
        engine.model_mut().forget(warm);
        let end = moment(1.1 * self.seconds)?;
        engine.run_until(end, u64::MAX);
        engine.model_mut().settle(end);
        Ok(engine.into_model())
    }

    /// The network before anything has happened.
    pub(super) fn network(&self, streams: &Streams) -> Result<Network, Stop> {
        Network::new(self.stations.clone(), self.sources.clone(), streams).map_err(bad)
    }
}

/// Replications of so many customers that stay within the most customers.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn most(customers: f64) -> u32 {
    (MOST_CUSTOMERS / customers) as u32
}

/// A moment so many seconds after the start.
pub(super) fn moment(seconds: f64) -> Result<SimTime, Stop> {
    /// Half of what the clock reaches.
    const LONGEST: f64 = 9e9;
    if seconds.is_finite() && (0.0..LONGEST).contains(&seconds) {
        return Ok(SimTime::ZERO + sim_types::SimDuration::from_secs_f64(seconds));
    }
    Err(bad(format!("{seconds} time units, expected at most {LONGEST}: scale the rates")))
}

/// A Poisson source of `rate` customers a second, to the first station.
pub(super) fn poisson(rate: f64) -> Result<SourceSpec, Stop> {
    Ok(SourceSpec::renewal(exponential(rate)?, Route::To(0)))
}

/// Exponential with so many events a second.
pub(super) fn exponential(rate: f64) -> Result<Law, Stop> {
    Law::exponential(1.0 / rate).map_err(bad)
}
