//! Arrivals alone: renewal processes, inspection, thinning, splitting, and servers without
//! number that start empty.

use sim_core::Streams;
use sim_core::queueing::{Draws, Law, Network, Rate, Route, SourceSpec, StationSpec};

use super::estimate::{Wanted, estimate, mean_and_variance};
use super::law::{self, Known};
use super::single::{rate, service};
use super::steady::{exponential, moment, poisson};
use super::text::{bad, float, positive, share};
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

fn gaps(inputs: &Inputs<'_>) -> Result<Law, Stop> {
    let law = law::read(&inputs.read::<String>("interarrival")?, Known::default())?;
    positive("mean of interarrival", law.mean())?;
    Ok(law)
}

/// Replications at most, each of them a batch of [`BATCH`] runs.
const MOST_BATCHES: u32 = 2_000;

/// Runs to a replication, where what is asked for is a variance over runs.
const BATCH: u32 = 100;

/// Mean and variance over independent runs of what `run` measures at time `t`, named by the
/// pattern with `t` in place of `{}`.
fn moments_at(
    inputs: &Inputs<'_>,
    (mean, variance): (&'static str, &'static str),
    (mean_target, variance_target): (f64, f64),
    t: f64,
    run: impl Fn(&Streams) -> Result<f64, Stop> + Sync,
) -> Result<Quantities, Stop> {
    let quantities = [(mean, mean_target), (variance, variance_target)];
    let all = estimate(inputs, &Wanted { quantities, most: MOST_BATCHES }, |streams| {
        let runs: Result<Vec<f64>, Stop> = (0..BATCH)
            .map(|i| run(&Streams::new(streams.key("batch", "runs").word(), i)))
            .collect();
        let (mean, variance, _) = mean_and_variance(runs?.into_iter());
        Ok([mean, variance])
    })?;
    Ok(named_at(&all, &[mean, variance], t))
}

/// Each quantity under its name with the time written into it: `E[N({})]` is `E[N(10)]`.
fn named_at(all: &Quantities, patterns: &[&str], t: f64) -> Quantities {
    let rename = |out: Quantities, pattern: &&str| match all.get(pattern) {
        Some(computed) => out.and(pattern.replace("{}", &t.to_string()), computed.clone()),
        None => out,
    };
    patterns.iter().fold(Quantities::default(), rename)
}

/// Customers of one source up to time `t`.
fn number_by(source: &SourceSpec, t: f64, streams: &Streams) -> Result<f64, Stop> {
    let network = Network::new(Vec::new(), vec![source.clone()], streams).map_err(bad)?;
    let mut engine = network.start();
    engine.run_until(moment(t)?, u64::MAX);
    Ok(float(engine.model().source(0).customers))
}

pub(super) fn function(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let t = rate(inputs, "t")?;
    let source = SourceSpec::renewal(gaps(inputs)?, Route::Exit);
    moments_at(inputs, ("M({})", "Var[N({})]"), (0.0025, f64::INFINITY), t, |streams| {
        number_by(&source, t, streams)
    })
}

pub(super) fn central_limit(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let t = rate(inputs, "t")?;
    let source = SourceSpec::renewal(gaps(inputs)?, Route::Exit);
    let names = ("E[N(t)] (leading)", "Var[N(t)] (sigma^2 t/mu^3)");
    moments_at(inputs, names, (0.0005, 0.03), t, |streams| number_by(&source, t, streams))
}

pub(super) fn thinned(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let until = rate(inputs, "T")?;
    let text: String = inputs.read("rate")?;
    let rate: Rate = text.parse().map_err(bad)?;
    let (least, greatest) = rate.bounds(0.0, until);
    if !greatest.is_finite() || greatest <= 0.0 {
        return Err(bad(format!("rate `{text}` lies between {least} and {greatest}")));
    }
    let source = SourceSpec::varying(rate, until, Route::Exit);
    moments_at(inputs, ("E[N({})]", "Var[N({})]"), (0.0025, 0.01), until, |streams| {
        number_by(&source, until, streams)
    })
}

/// Poisson arrivals before infinitely many servers, from an empty start.
pub(super) fn transient(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    if inputs.optional::<String>("start")?.is_some_and(|start| start != "empty") {
        return Err(Stop::NotCovered("a start other than empty".to_owned()));
    }
    let (lam, t) = (rate(inputs, "lam")?, rate(inputs, "t")?);
    let station = StationSpec::infinite(service(inputs)?);
    let source = poisson(lam)?;
    let end = moment(t)?;
    moments_at(inputs, ("E[N({})]", "Var[N({})]"), (0.0025, 0.0075), t, |streams| {
        let network = Network::new(vec![station.clone()], vec![source.clone()], streams);
        let mut engine = network.map_err(bad)?.start();
        engine.run_until(end, u64::MAX);
        Ok(f64::from(engine.model().station(0).levels.level()))
    })
}

/// An inspector who comes at independent times and looks at the interval they find.
pub(super) fn inspection(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    const INSPECTIONS: u32 = 20_000;
    let law = gaps(inputs)?;
    let mean = law.mean();
    let source = SourceSpec::renewal(law, Route::Exit);
    let quantities = [
        ("mean length of inspected interval", 0.0075),
        ("mean residual life", 0.0075),
        ("renewal rate", 0.0025),
    ];
    estimate(inputs, &Wanted { quantities, most: 400 }, |streams| {
        let network = Network::new(Vec::new(), vec![source.clone()], &streams).map_err(bad)?;
        let mut engine = network.start();
        let mut visits = Draws::new(streams.key("inspector", "visits"));
        let between = exponential(0.5 / mean)?;
        // The first interval starts at time zero; a thousand later, nothing is left of that.
        let start = moment(1_000.0 * mean)?;
        engine.run_until(start, u64::MAX);
        engine.model_mut().forget(start);
        let (mut length, mut residual) = (0_u128, 0_u128);
        let mut now = start;
        for _ in 0..INSPECTIONS {
            now += between.duration(&mut visits);
            engine.run_until(now, u64::MAX);
            let source = engine.model().source(0);
            length += u128::from(source.next.since(source.last).0);
            residual += u128::from(source.next.since(now).0);
        }
        #[expect(clippy::cast_precision_loss, reason = "a mean of nanoseconds")]
        let mean_of = |sum: u128| sum as f64 * 1e-9 / f64::from(INSPECTIONS);
        let renewals = float(engine.model().source(0).batches) / now.since(start).seconds();
        Ok([mean_of(length), mean_of(residual), renewals])
    })
}

/// A Poisson process whose customers are kept with probability `p`.
pub(super) fn split(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    const WINDOWS: u32 = 2_000;
    let (rate, p) = (rate(inputs, "rate")?, share("p", inputs.read("p")?)?);
    let route = Route::random(&[(p, Some(0)), (1.0 - p, Some(1))]).map_err(bad)?;
    let source = SourceSpec::renewal(exponential(rate)?, route);
    let counter = StationSpec::infinite(Law::deterministic(0.0).map_err(bad)?);
    let quantities = [
        ("kept rate", 0.0025),
        ("dropped rate", 0.0025),
        // Zero is what is expected: only the standard error judges it.
        ("corr(kept,dropped counts)", f64::INFINITY),
    ];
    // A window sees ten customers in the mean.
    let window = 10.0 / rate;
    estimate(inputs, &Wanted { quantities, most: 400 }, |streams| {
        let stations = vec![counter.clone(), counter.clone()];
        let network = Network::new(stations, vec![source.clone()], &streams).map_err(bad)?;
        let mut engine = network.start();
        let mut before = [0; 2];
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for i in 1..=WINDOWS {
            engine.run_until(moment(f64::from(i) * window)?, u64::MAX);
            let now = [0, 1].map(|i| engine.model().station(i).offered);
            kept.push(float(now[0] - before[0]));
            dropped.push(float(now[1] - before[1]));
            before = now;
        }
        let span = f64::from(WINDOWS) * window;
        let correlation = correlation(&kept, &dropped);
        Ok([float(before[0]) / span, float(before[1]) / span, correlation])
    })
}

/// Pearson's correlation.
fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let (mean_x, var_x, n) = mean_and_variance(x.iter().copied());
    let (mean_y, var_y, _) = mean_and_variance(y.iter().copied());
    let products: f64 = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    products / (n - 1.0) / (var_x * var_y).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::evaluator::Computed;

    #[test]
    fn correlations_by_hand() {
        assert!((correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]) - 1.0).abs() < 1e-12);
        assert!((correlation(&[1.0, 2.0, 3.0], &[1.0, 0.0, 1.0])).abs() < 1e-12);
    }

    #[test]
    fn times_are_written_into_names() {
        let all = Quantities::one("E[N({})]", Computed::PValue(0.5));
        assert!(named_at(&all, &["E[N({})]"], 10.0).get("E[N(10)]").is_some());
        assert!(named_at(&all, &["E[N({})]"], 0.5).get("E[N(0.5)]").is_some());
    }
}
