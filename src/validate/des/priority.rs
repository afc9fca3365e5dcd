//! Two or more classes before one server.

use sim_core::queueing::{Discipline, Law, SourceSpec, Station, StationSpec, Tally};

use super::estimate::{Wanted, estimate};
use super::single::rate;
use super::steady::{Steady, exponential, poisson};
use super::text::{bad, positive};
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// Classes `lam1`, `lam2`, …, served at `mu` or at `mu1`, `mu2`, …
fn model(inputs: &Inputs<'_>, discipline: Discipline) -> Result<(Steady, usize), Stop> {
    let mut rates: Vec<f64> = Vec::new();
    let mut services: Vec<Law> = Vec::new();
    let (mut load, mut work) = (0.0, 0.0);
    for class in 1..=NAMES.len() {
        let Some(lam) = inputs.optional::<f64>(&format!("lam{class}"))? else { break };
        let lam = positive("lam", lam)?;
        let mu = match inputs.optional::<f64>(&format!("mu{class}"))? {
            Some(mu) => positive("mu", mu)?,
            None => rate(inputs, "mu")?,
        };
        load += lam / mu;
        work += 2.0 * lam / (mu * mu);
        rates.push(lam);
        services.push(exponential(mu)?);
    }
    if rates.len() < 2 {
        return Err(bad("inputs `lam1` and `lam2` are missing"));
    }
    let sources: Result<Vec<SourceSpec>, Stop> = (0_u16..)
        .zip(&rates)
        .map(|(class, &lam)| Ok(SourceSpec { class, ..poisson(lam)? }))
        .collect();
    let total: f64 = rates.iter().sum();
    let mean = load / total;
    let spread = work / total / (mean * mean) - 1.0;
    let station = StationSpec {
        services,
        ..StationSpec::new(1, exponential(1.0)?).with_discipline(discipline)
    };
    Ok((Steady::open(vec![station], sources?, total, load, spread)?, rates.len()))
}

/// Names of the quantities by class.
const NAMES: [(&str, &str); 4] = [("Wq1", "W1"), ("Wq2", "W2"), ("Wq3", "W3"), ("Wq4", "W4")];

/// Mean waiting and sojourn times of all classes. Those of classes that the case has not are
/// measured as zero, and nobody asks for them.
fn means(inputs: &Inputs<'_>, discipline: Discipline) -> Result<Quantities, Stop> {
    let (model, classes) = model(inputs, discipline)?;
    let target = |class: usize| if class < classes { 0.0075 } else { f64::INFINITY };
    let quantities: [(&str, f64); 2 * NAMES.len()] = core::array::from_fn(|i| {
        let names = NAMES[i / 2];
        (if i % 2 == 0 { names.0 } else { names.1 }, target(i / 2))
    });
    estimate(inputs, &Wanted { quantities, most: model.most }, |streams| {
        let network = model.run(&streams)?;
        let station: &Station = network.station(0);
        Ok(core::array::from_fn(|i| {
            let tallies = if i % 2 == 0 { &station.waits } else { &station.sojourns };
            tallies.get(i / 2).map_or(0.0, Tally::mean)
        }))
    })
}

pub(super) fn non_preemptive(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    means(inputs, Discipline::Priority)
}

pub(super) fn preemptive_resume(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    means(inputs, Discipline::PreemptivePriority)
}
