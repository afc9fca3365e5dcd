//! How long until `k` of `n` messages have come.

use sim_core::Streams;
use sim_core::queueing::{Network, StationSpec};
use sim_types::SimTime;

use super::estimate::{Wanted, estimate};
use super::law::{self, Known};
use super::text::bad;
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// Messages leave together and travel alone: so many customers before as many servers. The
/// engine stops at the `k`-th to come out.
pub(super) fn latency(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    const RUNS: u32 = 100;
    let n = u32::try_from(inputs.read::<u64>("n")?).map_err(bad)?;
    let k: u64 = inputs.read("k")?;
    if k == 0 || k > u64::from(n) || n > 100_000 {
        return Err(bad(format!("`k` is {k} of {n}, expected 1 to n, and n at most 100000")));
    }
    let law = law::read(&inputs.read::<String>("delay")?, Known::default())?;
    let station = StationSpec::infinite(law);
    estimate(
        inputs,
        &Wanted { quantities: [("E[k-th arrival]", 0.0015)], most: 2_000 },
        |streams| {
            let mut sum = 0.0;
            for run in 0..RUNS {
                let streams = Streams::new(streams.key("quorum", "runs").word(), run);
                let network = Network::new(vec![station.clone()], Vec::new(), &streams);
                let mut engine = network.map_err(bad)?.start();
                engine.outside(|network, cx| network.place(0, n, cx));
                engine.run_until(SimTime::MAX, k);
                sum += engine.now().seconds();
            }
            Ok([sum / f64::from(RUNS)])
        },
    )
}
