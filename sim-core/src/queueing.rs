//! Queueing building blocks: sources, stations, routing and statistics on the engine.
//!
//! | module | holds |
//! |---|---|
//! | [`draws`] | [`Draws`]: one random stream read in order, cheaper than an address for every draw |
//! | [`law`] | [`Law`]: inter-arrival and service laws as one enum |
//! | [`alias`] | [`Alias`]: one of many with given weights, one draw each |
//! | [`rate`] | [`Rate`]: a rate that varies with time, as a formula |
//! | [`source`] | [`SourceSpec`]: renewal arrivals, thinned time-varying arrivals, batches |
//! | [`server`] | servers as pure state machines, one file a discipline |
//! | [`station`] | [`StationSpec`]: servers, buffer, service laws, what is measured |
//! | [`network`] | [`Network`]: stations, sources and routes as one model of the engine |
//! | [`stats`] | what is measured, in whole numbers and exact sums |
//!
//! Times are in seconds wherever they are floating-point numbers; a draw is rounded once to
//! the engine's nanoseconds. A model whose own unit of time is something else reads "second"
//! as that unit.
//!
//! ```
//! use sim_core::queueing::{Law, Network, Route, SourceSpec, StationSpec};
//! use sim_core::Streams;
//! use sim_types::SimTime;
//!
//! let queue = StationSpec::new(1, Law::exponential(1.0)?);
//! let arrivals = SourceSpec::renewal(Law::exponential(1.25)?, Route::To(0));
//! let mut engine = Network::new(vec![queue], vec![arrivals], &Streams::new(1, 0))?.start();
//! engine.run_until(SimTime(20_000_000_000_000), u64::MAX);
//! let now = engine.now();
//! let station = engine.model_mut().settle(now).station(0);
//! assert!((station.levels.mean() - 4.0).abs() < 1.0); // rho / (1 - rho)
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod alias;
pub mod draws;
pub mod law;
mod logarithm;
pub mod network;
pub mod rate;
pub mod server;
pub mod source;
pub mod station;
pub mod stats;

pub use alias::Alias;
pub use draws::Draws;
pub use law::{BadLaw, Law};
pub use network::{BadNetwork, Event, Network, Route};
pub use rate::{BadRate, Rate};
pub use server::{Customer, Discipline};
pub use source::{Arrivals, Batch, SourceSpec};
pub use station::{Observe, Station, StationSpec};
pub use stats::{BusyPeriods, Histogram, Levels, Tally};

/// A count or a sum as a floating-point number, rounded once.
#[expect(clippy::cast_precision_loss, reason = "statistics are read as doubles")]
pub(crate) fn float(x: u128) -> f64 {
    x as f64
}

/// Nanoseconds as seconds.
pub(crate) fn seconds(nanos: u128) -> f64 {
    float(nanos) * 1e-9
}
