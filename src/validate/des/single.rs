//! One server: M/M/1, M/G/1, GI/M/1, disciplines, batches, busy periods, what arrivals see.

use sim_core::queueing::{
    Alias, Batch, Discipline, Law, Network, Observe, Route, SourceSpec, StationSpec,
};
use sim_types::SimDuration;

use super::estimate::{Wanted, estimate};
use super::law::{self, Known};
use super::steady::{Steady, exponential, poisson};
use super::text::{Described, bad, float, positive, share};
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// A positive input.
pub(super) fn rate(inputs: &Inputs<'_>, name: &str) -> Result<f64, Stop> {
    positive(name, inputs.read(name)?)
}

/// Poisson arrivals of rate `lam` before one server.
fn m_g_1_of(lam: f64, service: Law, discipline: Discipline) -> Result<Steady, Stop> {
    let (load, squared_cv) = (lam * service.mean(), service.squared_cv());
    let station = StationSpec::new(1, service).with_discipline(discipline);
    // Sojourn times in insensitive disciplines, too, vary with the service times.
    Steady::open(vec![station], vec![poisson(lam)?], lam, load, squared_cv)
}

fn discipline(inputs: &Inputs<'_>) -> Result<Discipline, Stop> {
    let text = inputs.optional::<String>("discipline")?.unwrap_or_else(|| "FIFO".to_owned());
    match text.to_uppercase().replace(['_', ' '], "-").as_str() {
        "FIFO" | "FCFS" => Ok(Discipline::Fifo),
        "LCFS-PR" => Ok(Discipline::LastPreemptive),
        "PS" => Ok(Discipline::Sharing),
        _ => Err(Stop::NotCovered(format!("discipline `{text}`; FIFO, LCFS-PR and PS are built"))),
    }
}

pub(super) fn m_m_1(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (lam, mu) = (rate(inputs, "lam")?, rate(inputs, "mu")?);
    let mut model = m_g_1_of(lam, exponential(mu)?, discipline(inputs)?)?;
    model.stations[0].observe = Observe {
        sojourn_beyond: SimDuration::from_secs_f64(2.0 / mu),
        quantiles: true,
        ..Observe::default()
    };
    let quantities = [
        ("L", 0.005),
        ("W", 0.005),
        ("Wq", 0.005),
        ("Lq", 0.005),
        ("P0", 0.005),
        ("P(N>=5)", 0.0125),
        ("P(sojourn>2/mu)", 0.005),
        ("sojourn_p95", 0.0075),
        ("mean_interdeparture", 0.0025),
    ];
    estimate(inputs, &Wanted { quantities, most: model.most }, |streams| {
        let network = model.run(&streams)?;
        let station = network.station(0);
        let between = station.departures.map_or(f64::NAN, |(first, last)| {
            last.since(first).seconds() / float(station.served().saturating_sub(1))
        });
        Ok([
            station.levels.mean(),
            station.sojourns[0].mean(),
            station.waits[0].mean(),
            station.mean_waiting(),
            station.levels.at(0),
            station.levels.at_least(5),
            station.sojourns[0].share_beyond(),
            station.histogram.quantile(0.95).unwrap_or(f64::NAN),
            between,
        ])
    })
}

/// The service law that a case describes, with the moments that it states.
pub(super) fn service(inputs: &Inputs<'_>) -> Result<Law, Stop> {
    let known = Known { mean: inputs.optional("ES")?, second_moment: inputs.optional("ES2")? };
    law::read(&inputs.read::<String>("service")?, known)
}

pub(super) fn m_g_1(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let model = m_g_1_of(rate(inputs, "lam")?, service(inputs)?, discipline(inputs)?)?;
    let quantities = [("Wq", 0.0075), ("W", 0.0075), ("Lq", 0.0075), ("P0", 0.0025)];
    estimate(inputs, &Wanted { quantities, most: model.most }, |streams| {
        let network = model.run(&streams)?;
        let station = network.station(0);
        Ok([
            station.waits[0].mean(),
            station.sojourns[0].mean(),
            station.mean_waiting(),
            station.levels.at(0),
        ])
    })
}

fn sojourn_and_number(inputs: &Inputs<'_>, discipline: Discipline) -> Result<Quantities, Stop> {
    let model = m_g_1_of(rate(inputs, "lam")?, service(inputs)?, discipline)?;
    let quantities = [("W", 0.01), ("L", 0.01)];
    estimate(inputs, &Wanted { quantities, most: model.most }, |streams| {
        let network = model.run(&streams)?;
        let station = network.station(0);
        Ok([station.sojourns[0].mean(), station.levels.mean()])
    })
}

pub(super) fn sharing(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    sojourn_and_number(inputs, Discipline::Sharing)
}

pub(super) fn last_preemptive(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    sojourn_and_number(inputs, Discipline::LastPreemptive)
}

/// `E2/M/1 lam=.8`: what stands before each slash, and the numbers named after the last.
struct Kendall {
    arrivals: String,
    service: String,
    servers: u32,
    named: Described,
}

impl Kendall {
    fn new(text: &str) -> Result<Self, Stop> {
        let wrong = || bad(format!("model `{text}`, expected the form `M/M/1 lam=0.8`"));
        let parts: Vec<&str> = text.splitn(2, ' ').collect();
        let (model, rest) = (parts[0], parts.get(1).copied().unwrap_or_default());
        let fields: Vec<&str> = model.rsplitn(3, '/').collect();
        let [servers, service, arrivals] = fields[..] else { return Err(wrong()) };
        Ok(Self {
            arrivals: arrivals.to_owned(),
            service: service.to_owned(),
            servers: servers.parse().map_err(|_| wrong())?,
            named: Described::new(rest),
        })
    }

    /// The law of the gaps: `lam` is its rate where it is not complete without.
    fn gaps(&self, text: &str) -> Result<Law, Stop> {
        let mean = self.named.get(&["lam", "lambda"]).map(f64::recip);
        // What follows the model belongs to the gaps: `H2/M/1 lam=.7 cv=2`.
        let rest = text.split_once(' ').map_or("", |(_, rest)| rest);
        let rest = rest.split("lam").next().unwrap_or_default().to_owned()
            + " "
            + rest.split_once("lam").map_or("", |(_, after)| {
                after.trim_start_matches(|c: char| "bda=.0123456789".contains(c))
            });
        law::read(&format!("{} {rest}", self.arrivals), Known { mean, second_moment: None })
    }
}

pub(super) fn gi_m_1(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let text: String = inputs.read("model")?;
    let kendall = Kendall::new(&text)?;
    if kendall.service.to_uppercase() != "M" || kendall.servers != 1 {
        return Err(Stop::NotCovered(format!("model `{text}`, expected GI/M/1")));
    }
    let gaps = kendall.gaps(&text)?;
    let mu = rate(inputs, "mu")?;
    let (lam, spread) = (1.0 / gaps.mean(), gaps.squared_cv());
    let station = StationSpec::new(1, exponential(mu)?);
    let source = SourceSpec::renewal(gaps, Route::To(0));
    let model = Steady::open(vec![station], vec![source], lam, lam / mu, spread)?;
    let quantities = [("sigma = P(arrival waits)", 0.005), ("Wq", 0.0075), ("W", 0.0075)];
    estimate(inputs, &Wanted { quantities, most: model.most }, |streams| {
        let network = model.run(&streams)?;
        let station = network.station(0);
        Ok([
            1.0 - float(station.found_empty) / float(station.offered.max(1)),
            station.waits[0].mean(),
            station.sojourns[0].mean(),
        ])
    })
}

pub(super) fn pasta(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let text: String = inputs.read("model")?;
    let kendall = Kendall::new(&text)?;
    if kendall.arrivals.to_uppercase() != "M" {
        return Err(Stop::NotCovered(format!("model `{text}`, expected Poisson arrivals: M/G/c")));
    }
    let lam = positive("lam", kendall.named.get(&["lam", "lambda"]).unwrap_or(f64::NAN))?;
    let mu = positive("mu", kendall.named.get(&["mu"]).unwrap_or(1.0))?;
    let known = Known { mean: Some(1.0 / mu), second_moment: None };
    let service = law::read(&kendall.service, known)?;
    let (load, spread) = (lam / mu / f64::from(kendall.servers.max(1)), service.squared_cv());
    let station = StationSpec::new(kendall.servers, service);
    let model = Steady::open(vec![station], vec![poisson(lam)?], lam, load, spread)?;
    let quantities = [("fraction of arrivals finding system empty", 0.005)];
    estimate(inputs, &Wanted { quantities, most: model.most }, |streams| {
        let network = model.run(&streams)?;
        let station = network.station(0);
        Ok([float(station.found_empty) / float(station.offered.max(1))])
    })
}

/// Batch sizes as cases describe them, with their mean and second moment.
fn batch(text: &str) -> Result<(Batch, f64, f64), Stop> {
    let described = Described::new(text);
    let is = |names: &[&str]| described.words.iter().any(|word| names.contains(&word.as_str()));
    if is(&["geometric", "geom", "geo"]) {
        let p = described.get(&["p"]).or(described.bare.first().copied());
        let mean = described.get(&["mean"]).map(f64::recip);
        let p = p.or(mean).unwrap_or(f64::NAN);
        if p >= 1.0 {
            return Ok((Batch::Fixed(1), 1.0, 1.0));
        }
        share("batch p", p)?;
        return Ok((Batch::Geometric { p }, 1.0 / p, (2.0 - p) / (p * p)));
    }
    let sizes: Option<Vec<u32>> = described.bare.iter().map(|&x| size(x)).collect();
    let sizes = sizes.filter(|sizes| !sizes.is_empty());
    let Some(sizes) = sizes else { return weighted(&described, text) };
    if is(&["uniform", "discrete"]) {
        let (least, greatest) = (sizes[0], sizes[sizes.len() - 1]);
        if least > greatest {
            return Err(bad(format!("batch `{text}`: sizes from {least} to {greatest}")));
        }
        let n = f64::from(greatest - least) + 1.0;
        let mean = 0.5 * (f64::from(least) + f64::from(greatest));
        return Ok((Batch::Uniform { least, greatest }, mean, mean * mean + (n * n - 1.0) / 12.0));
    }
    match sizes[..] {
        [one] => Ok((Batch::Fixed(one), f64::from(one), f64::from(one) * f64::from(one))),
        _ => weighted(&described, text),
    }
}

/// `1 w.p. .5, 3 w.p. .5`.
fn weighted(described: &Described, text: &str) -> Result<(Batch, f64, f64), Stop> {
    let unknown = || Stop::NotCovered(format!("no batch sizes are known by `{text}`"));
    let named: Vec<f64> = described.all(&["p", "prob"]).collect();
    let (sizes, shares): (Vec<f64>, Vec<f64>) = if named.is_empty() {
        described.bare.chunks_exact(2).map(|pair| (pair[0], pair[1])).unzip()
    } else {
        (described.bare.clone(), named)
    };
    let whole: Option<Vec<u32>> = sizes.iter().map(|&x| size(x)).collect();
    let whole = whole.filter(|whole| !whole.is_empty() && whole.len() == shares.len());
    let table = Alias::new(&shares).map_err(bad)?;
    let sum: f64 = shares.iter().sum();
    let moment = |k: i32| sizes.iter().zip(&shares).map(|(x, p)| p / sum * x.powi(k)).sum();
    let sizes = whole.ok_or_else(unknown)?;
    Ok((Batch::Weighted { table, sizes }, moment(1), moment(2)))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
fn size(x: f64) -> Option<u32> {
    (x.fract() == 0.0 && (1.0..1e6).contains(&x)).then_some(x as u32)
}

pub(super) fn batches(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (lam, mu) = (rate(inputs, "lam_batches")?, rate(inputs, "mu")?);
    let (batch, mean, second) = batch(&inputs.read::<String>("batch")?)?;
    let station = StationSpec::new(1, exponential(mu)?);
    let source = SourceSpec { batch, ..poisson(lam)? };
    // Batches spread the load as service times of that many customers would.
    let spread = second / mean;
    let (rate, load) = (lam * mean, lam * mean / mu);
    let model = Steady::open(vec![station], vec![source], rate, load, spread)?;
    let quantities = [("L", 0.01), ("W", 0.01)];
    estimate(inputs, &Wanted { quantities, most: model.most }, |streams| {
        let network = model.run(&streams)?;
        let station = network.station(0);
        Ok([station.levels.mean(), station.sojourns[0].mean()])
    })
}

pub(super) fn busy_period(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (lam, mu) = (rate(inputs, "lam")?, rate(inputs, "mu")?);
    let mut model = m_g_1_of(lam, exponential(mu)?, Discipline::Fifo)?;
    model.stations[0].observe = Observe { busy_periods: true, ..Observe::default() };
    let quantities =
        [("E[B]", 0.0075), ("Var[B]", 0.035), ("E[customers per busy period]", 0.0075)];
    estimate(inputs, &Wanted { quantities, most: model.most }, |streams| {
        let network: Network = model.run(&streams)?;
        let busy = &network.station(0).busy;
        Ok([busy.mean(), busy.variance(), busy.customers()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_have_the_moments_they_name() {
        let table = [
            ("geometric p=.5 on {1,2,..}", 2.0, 6.0),
            ("constant 3", 3.0, 9.0),
            ("uniform on {1,2,3}", 2.0, 14.0 / 3.0),
            ("uniform 1..4", 2.5, 7.5),
            ("1 w.p. .5, 3 w.p. .5", 2.0, 5.0),
        ];
        for (text, mean, second) in table {
            let (_, got_mean, got_second) = batch(text).unwrap();
            assert!(
                (got_mean - mean).abs() < 1e-12 && (got_second - second).abs() < 1e-12,
                "{text}"
            );
        }
        assert!(batch("geometric p=0").is_err() && batch("many").is_err());
    }

    #[test]
    fn gaps_of_a_model_are_read_with_its_rate() {
        for (text, mean, squared_cv) in [
            ("E2/M/1 lam=.8", 1.25, 0.5),
            ("D/M/1 lam=.8", 1.25, 0.0),
            ("U(0,2.5)/M/1", 1.25, 1.0 / 3.0),
            ("D(1.25)/M/1", 1.25, 0.0),
            ("H2/M/1 lam=.8 cv=2", 1.25, 4.0),
            ("H2/M/1 cv=2, lam=.8", 1.25, 4.0),
        ] {
            let law = Kendall::new(text).unwrap().gaps(text).unwrap();
            assert!((law.mean() - mean).abs() < 1e-9, "{text} {law:?}");
            assert!((law.squared_cv() - squared_cv).abs() < 1e-9, "{text} {law:?}");
        }
        assert!(Kendall::new("M/M").is_err());
    }
}
