//! Networks of stations: open, closed, and machines that break.

use sim_core::queueing::{Law, Route, SourceSpec, Station, StationSpec};

use super::estimate::{Wanted, estimate, estimate_all};
use super::single::rate;
use super::steady::{Steady, exponential};
use super::text::{bad, float, positive};
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

pub(super) fn open(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let external: Vec<f64> = inputs.read("external")?;
    let routing: Vec<Vec<f64>> = inputs.read("routing")?;
    let mu: Vec<f64> = inputs.read("mu")?;
    let servers: Vec<u64> = inputs.optional("servers")?.unwrap_or_else(|| vec![1; external.len()]);
    let n = external.len();
    if n == 0 || mu.len() != n || servers.len() != n || routing.len() != n {
        return Err(bad("`external`, `routing`, `mu` and `servers` must be of one length"));
    }
    if routing.iter().any(|row| row.len() != n) {
        return Err(bad("`routing` must be square"));
    }
    let mut stations = Vec::new();
    for ((row, &mu), &servers) in routing.iter().zip(&mu).zip(&servers) {
        let servers = u32::try_from(servers).map_err(bad)?;
        let service = exponential(positive("mu", mu)?)?;
        stations.push(StationSpec::new(servers, service).with_route(route(row)?));
    }
    let mut sources = Vec::new();
    for (to, &rate) in (0_u32..).zip(&external) {
        if rate != 0.0 {
            let gaps = exponential(positive("external", rate)?)?;
            sources.push(SourceSpec::renewal(gaps, Route::To(to)));
        }
    }
    let flows = flows(&external, &routing)?;
    let loads = flows.iter().zip(&mu).zip(&servers).map(|((flow, mu), &c)| flow / mu / float(c));
    let load = loads.fold(0.0, f64::max);
    let model = Steady::open(stations, sources, external.iter().sum(), load, 1.0)?;
    let quantities: Vec<(String, f64)> = (1..=n)
        .flat_map(|i| [(format!("lam{i}"), 0.0025), (format!("L{i}"), 0.01)])
        .chain([("mean network sojourn".to_owned(), 0.0075)])
        .collect();
    estimate_all(inputs, &quantities, model.most, |streams| {
        let network = model.run(&streams)?;
        let station = network.stations().iter().flat_map(|station| {
            [float(station.offered) / station.levels.span(), station.levels.mean()]
        });
        Ok(station.chain([network.sojourn.mean()]).collect::<Vec<f64>>())
    })
}

/// To station `i` with probability `row[i]`, out with what is left.
fn route(row: &[f64]) -> Result<Route, Stop> {
    let sum: f64 = row.iter().sum();
    if row.iter().any(|p| !(0.0..=1.0).contains(p)) || sum > 1.0 + 1e-9 {
        return Err(bad(format!("`routing` has the row {row:?}, expected probabilities")));
    }
    let mut choices: Vec<(f64, Option<u32>)> =
        (0_u32..).zip(row).map(|(to, &p)| (p, Some(to))).filter(|choice| choice.0 > 0.0).collect();
    let out = 1.0 - sum;
    if out > 1e-12 || choices.is_empty() {
        choices.push((out.max(1e-12), None));
    }
    match choices[..] {
        [(_, None)] => Ok(Route::Exit),
        [(_, Some(to))] => Ok(Route::To(to)),
        _ => Route::random(&choices).map_err(bad),
    }
}

/// What flows through each station in the long run, to judge whether it can.
fn flows(external: &[f64], routing: &[Vec<f64>]) -> Result<Vec<f64>, Stop> {
    /// Passes after which what still moves never leaves.
    const PASSES: usize = 100_000;
    let (mut flows, mut moving) = (external.to_vec(), external.to_vec());
    for _ in 0..PASSES {
        if moving.iter().sum::<f64>() < 1e-12 {
            return Ok(flows);
        }
        let arriving = |to: usize| moving.iter().zip(routing).map(|(x, row)| x * row[to]).sum();
        moving = (0..moving.len()).map(arriving).collect();
        flows.iter_mut().zip(&moving).for_each(|(flow, more)| *flow += more);
    }
    Err(bad("`routing` lets nobody out"))
}

pub(super) fn closed(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let mu: Vec<f64> = inputs.read("mu")?;
    let visits: Vec<f64> = inputs.read("visits")?;
    let customers = u32::try_from(inputs.read::<u64>("N")?).map_err(bad)?;
    let servers: Vec<u64> = inputs.optional("servers")?.unwrap_or_else(|| vec![1; mu.len()]);
    if mu.is_empty() || visits.len() != mu.len() || servers.len() != mu.len() || customers == 0 {
        return Err(bad("`mu` and `visits` must be of one length, and `N` at least 1"));
    }
    // Whoever leaves a station goes on in proportion to the visits, wherever they were: these
    // are the visit ratios asked for, and the means depend on nothing else.
    let choices: Vec<_> = (0_u32..).zip(&visits).map(|(to, &v)| (v, Some(to))).collect();
    let route = Route::random(&choices).map_err(bad)?;
    let mut stations = Vec::new();
    for (&mu, &servers) in mu.iter().zip(&servers) {
        let servers = u32::try_from(servers).map_err(bad)?;
        let service = exponential(positive("mu", mu)?)?;
        stations.push(StationSpec::new(servers, service).with_route(route.clone()));
    }
    let sum: f64 = visits.iter().sum();
    // The bottleneck bounds the flow.
    let flow = mu.iter().zip(&visits).map(|(mu, v)| mu * sum / v).fold(f64::INFINITY, f64::min);
    let model = Steady { placed: customers, ..Steady::bounded(stations, Vec::new(), flow) };
    let quantities: Vec<(String, f64)> = [("throughput at visit 1".to_owned(), 0.005)]
        .into_iter()
        .chain((1..=mu.len()).map(|i| (format!("L{i}"), 0.0075)))
        .collect();
    estimate_all(inputs, &quantities, model.most, |streams| {
        let network = model.run(&streams)?;
        let all: u64 = network.stations().iter().map(Station::served).sum();
        let throughput = float(all) / sum / network.station(0).levels.span();
        let numbers = network.stations().iter().map(|station| station.levels.mean());
        Ok([throughput].into_iter().chain(numbers).collect::<Vec<f64>>())
    })
}

pub(super) fn machine_repair(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (lam, mu) = (rate(inputs, "lam")?, rate(inputs, "mu")?);
    let machines = u32::try_from(inputs.read::<u64>("N")?).map_err(bad)?;
    let repairmen = u32::try_from(inputs.optional::<u64>("c")?.unwrap_or(1)).map_err(bad)?;
    if machines == 0 {
        return Err(bad("input `N` is 0, expected at least 1"));
    }
    let up: Law = exponential(lam)?;
    let stations = vec![
        StationSpec::infinite(up).with_route(Route::To(1)),
        StationSpec::new(repairmen, exponential(mu)?).with_route(Route::To(0)),
    ];
    let flow = (f64::from(machines) * lam).min(f64::from(repairmen) * mu);
    let model = Steady { placed: machines, ..Steady::bounded(stations, Vec::new(), flow) };
    let quantities = [("mean broken", 0.005), ("repairman utilisation", 0.0025)];
    estimate(inputs, &Wanted { quantities, most: model.most }, |streams| {
        let network = model.run(&streams)?;
        let repair = network.station(1);
        Ok([repair.levels.mean(), repair.mean_busy() / f64::from(repairmen)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_solve_the_traffic_equations() {
        let got = flows(&[0.6], &[vec![0.25]]).unwrap();
        assert!((got[0] - 0.8).abs() < 1e-9, "{got:?}");
        assert!(flows(&[1.0, 0.0], &[vec![0.0, 1.0], vec![1.0, 0.0]]).is_err());
    }

    #[test]
    fn rows_become_routes() {
        assert_eq!(route(&[0.0, 0.0]), Ok(Route::Exit));
        assert_eq!(route(&[0.0, 1.0]), Ok(Route::To(1)));
        assert!(matches!(route(&[0.25, 0.25]), Ok(Route::Random { .. })));
        assert!(route(&[0.9, 0.9]).is_err() && route(&[-0.1, 0.2]).is_err());
    }
}
