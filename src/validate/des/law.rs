//! Laws as cases describe them: `lognormal mean 1 cv 1.5`, `uniform(0,2)`.

use sim_core::queueing::{BadLaw, Law};
use sim_types::math;

use super::text::{Described, bad};
use crate::validate::evaluator::Stop;

/// What is known about a law beside its description.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) mean: Option<f64>,
    pub(super) second_moment: Option<f64>,
}

/// The law of a description whose moments agree with everything that is known. A description
/// can be read in more than one way (`exp(2)` names a rate or a mean); the first reading that
/// agrees counts.
pub(super) fn read(text: &str, known: Known) -> Result<Law, Stop> {
    let described = Described::new(text);
    let readings = readings(&described, known.mean);
    if readings.is_empty() {
        return Err(Stop::NotCovered(format!("no law is known by the description `{text}`")));
    }
    let said = Known { mean: known.mean.or(described.get(&["mean"])), ..known };
    let mut reason = None;
    for reading in readings {
        match reading {
            Ok(law) if agrees(&law, said) => return Ok(law),
            Ok(law) => {
                let (mean, second) = (law.mean(), law.second_moment());
                let found = format!("mean {mean} and second moment {second}");
                reason.get_or_insert(format!("`{text}` has {found}, expected {}", told(said)));
            }
            Err(error) => {
                reason.get_or_insert(format!("`{text}`: {error}"));
            }
        }
    }
    Err(bad(reason.unwrap_or_default()))
}

fn told(known: Known) -> String {
    let mean = known.mean.map_or_else(String::new, |x| format!("mean {x} "));
    mean + &known.second_moment.map_or_else(String::new, |x| format!("second moment {x}"))
}

fn agrees(law: &Law, known: Known) -> bool {
    let near = |got: f64, want: Option<f64>| want.is_none_or(|w| (got - w).abs() <= 1e-6 * w.abs());
    near(law.mean(), known.mean) && near(law.second_moment(), known.second_moment)
}

type Reading = Result<Law, BadLaw>;

/// All ways to read a description, the likeliest first.
fn readings(d: &Described, mean: Option<f64>) -> Vec<Reading> {
    let words: Vec<&str> = d.words.iter().map(String::as_str).collect();
    let is = |names: &[&str]| words.iter().any(|word| names.contains(word));
    let mean = d.get(&["mean"]).or(mean);
    let cv = d.get(&["cv"]).or_else(|| d.get(&["cv2", "scv"]).map(f64::sqrt));
    if is(&["exp", "exponential", "expo", "m"]) {
        exponential(d, mean)
    } else if is(&["deterministic", "det", "constant", "const", "fixed", "d"]) {
        let value = d.get(&["value"]).or(d.bare.first().copied()).or(mean);
        value.map(Law::deterministic).into_iter().collect()
    } else if is(&["uniform", "unif", "u"]) {
        uniform(d, mean)
    } else if is(&["erlang", "e"]) {
        erlang(d, mean)
    } else if is(&["gamma"]) {
        gamma(d, mean, cv)
    } else if is(&["hyperexp", "hyperexponential", "h"]) {
        hyperexponential(d, mean, cv)
    } else if is(&["lognormal", "lognorm"]) {
        lognormal(d, mean, cv)
    } else if is(&["pareto"]) {
        pareto(d, mean)
    } else if is(&["weibull"]) {
        weibull(d, mean)
    } else if is(&["point", "points", "twopoint", "discrete", "bernoulli"])
        || is(&["w", "wp", "prob"])
    {
        points(d, mean)
    } else {
        Vec::new()
    }
}

fn exponential(d: &Described, mean: Option<f64>) -> Vec<Reading> {
    let rate = d.get(&["rate", "lam", "lambda", "mu"]).map(f64::recip);
    let bare = d.bare.first().copied();
    // What is known of the mean stands in only where the description says nothing itself.
    let mean = if rate.or(bare).is_none() { mean } else { None };
    [rate, bare.map(f64::recip), bare, mean].into_iter().flatten().map(Law::exponential).collect()
}

fn uniform(d: &Described, mean: Option<f64>) -> Vec<Reading> {
    let named = d.get(&["a", "min"]).zip(d.get(&["b"]));
    let bare = d.bare.first().copied().zip(d.bare.get(1).copied());
    let around_mean =
        if named.or(bare).is_none() { mean.map(|mean| (0.0, 2.0 * mean)) } else { None };
    [named, bare, around_mean].into_iter().flatten().map(|(a, b)| Law::uniform(a, b)).collect()
}

fn erlang(d: &Described, mean: Option<f64>) -> Vec<Reading> {
    let named = d.get(&["k", "stages", "shape"]);
    let Some(stages) = named.or(d.bare.first().copied()) else { return Vec::new() };
    let second = d.bare.get(usize::from(named.is_none())).copied();
    let rate = d.get(&["rate", "lam", "lambda", "mu"]);
    let means = [rate.map(|r| stages / r), mean, second.map(|r| stages / r), second];
    let whole = if stages.fract() == 0.0 { stages } else { 0.0 };
    means.into_iter().flatten().map(|mean| Law::gamma(whole, mean)).collect()
}

fn gamma(d: &Described, mean: Option<f64>, cv: Option<f64>) -> Vec<Reading> {
    let named = d.get(&["shape", "k", "alpha"]).or(cv.map(|cv| 1.0 / (cv * cv)));
    let Some(shape) = named.or(d.bare.first().copied()) else { return Vec::new() };
    let second = d.bare.get(usize::from(named.is_none())).copied();
    let scale = d.get(&["scale", "theta"]).map(|s| shape * s);
    let rate = d.get(&["rate"]).map(|r| shape / r);
    let means = [scale, rate, mean, second.map(|s| shape * s), second.map(|r| shape / r)];
    means.into_iter().flatten().map(|mean| Law::gamma(shape, mean)).collect()
}

fn hyperexponential(d: &Described, mean: Option<f64>, cv: Option<f64>) -> Vec<Reading> {
    let mut shares: Vec<f64> = d.all(&["p", "prob"]).collect();
    let rates: Vec<f64> = d.all(&["rate", "lam", "lambda", "mu"]).collect();
    if rates.len() == shares.len() + 1 {
        shares.push(1.0 - shares.iter().sum::<f64>());
    }
    if !rates.is_empty() && rates.len() == shares.len() {
        let branches: Vec<_> =
            shares.iter().copied().zip(rates.iter().map(|r| r.recip())).collect();
        return vec![Law::hyperexponential(&branches)];
    }
    match (mean, cv) {
        (Some(mean), Some(cv)) => vec![Law::hyperexponential_by_cv(mean, cv)],
        _ => Vec::new(),
    }
}

fn lognormal(d: &Described, mean: Option<f64>, cv: Option<f64>) -> Vec<Reading> {
    let by_cv = mean.zip(cv).map(|(mean, cv)| Law::lognormal(mean, cv));
    let by_logarithm = d.get(&["mu"]).zip(d.get(&["sigma"])).map(|(mu, sigma)| {
        let variance = sigma * sigma;
        Law::lognormal(math::exp(mu + 0.5 * variance), cv_of(variance))
    });
    let by_sigma =
        mean.zip(d.get(&["sigma"])).map(|(mean, sigma)| Law::lognormal(mean, cv_of(sigma * sigma)));
    [by_cv, by_logarithm, by_sigma].into_iter().flatten().collect()
}

/// The coefficient of variation of a lognormal law by the variance of the logarithm.
fn cv_of(variance: f64) -> f64 {
    (math::exp(variance) - 1.0).sqrt()
}

fn pareto(d: &Described, mean: Option<f64>) -> Vec<Reading> {
    let named = d.get(&["alpha", "shape", "a", "k"]);
    let Some(shape) = named.or(d.bare.first().copied()) else { return Vec::new() };
    let least =
        d.get(&["xm", "min", "scale"]).or(d.bare.get(usize::from(named.is_none())).copied());
    let by_mean = mean.map(|mean| mean * (shape - 1.0) / shape);
    [least, by_mean].into_iter().flatten().map(|least| Law::pareto(least, shape)).collect()
}

fn weibull(d: &Described, mean: Option<f64>) -> Vec<Reading> {
    let named = d.get(&["shape", "k"]);
    let Some(shape) = named.or(d.bare.first().copied()) else { return Vec::new() };
    let scale = d.get(&["scale", "lam", "lambda"]);
    let by_mean = mean.and_then(|mean| Some(mean / Law::weibull(1.0, shape).ok()?.mean()));
    [scale, by_mean].into_iter().flatten().map(|scale| Law::weibull(scale, shape)).collect()
}

/// Values and probabilities in either order; the last probability may be left out.
fn points(d: &Described, mean: Option<f64>) -> Vec<Reading> {
    let named: Vec<f64> = d.all(&["p", "prob"]).collect();
    let mut out = Vec::new();
    let mut offer = |values: &[f64], shares: &[f64]| {
        let mut shares = shares.to_vec();
        if shares.len() + 1 == values.len() {
            shares.push(1.0 - shares.iter().sum::<f64>());
        }
        let sum: f64 = shares.iter().sum();
        if !values.is_empty() && shares.len() == values.len() && (sum - 1.0).abs() < 1e-9 {
            let points: Vec<_> = shares.into_iter().zip(values.iter().copied()).collect();
            out.push(Law::discrete(&points));
        }
    };
    offer(&d.bare, &named);
    if let [first, second] = d.bare[..]
        && let [p] = named[..]
    {
        offer(&[second, first], &[p]);
    }
    let firsts: Vec<f64> = d.bare.iter().step_by(2).copied().collect();
    let seconds: Vec<f64> = d.bare.iter().skip(1).step_by(2).copied().collect();
    offer(&firsts, &seconds);
    offer(&seconds, &firsts);
    if let [a, b, p] = d.bare[..] {
        // Two values and a probability, or a value, its probability and the other value.
        for (values, share) in [([a, b], p), ([b, a], p), ([a, p], b), ([b, p], a), ([p, b], a)] {
            offer(&values, &[share]);
        }
    }
    // A mean decides between readings; put those that have it first.
    if let Some(mean) = mean {
        let has = |reading: &Reading| {
            reading.as_ref().is_ok_and(|law| (law.mean() - mean).abs() <= 1e-6 * mean.abs())
        };
        out.sort_by_key(|reading| !has(reading));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_have_the_moments_they_name() {
        let table = [
            ("exp(1)", 1.0, 2.0),
            ("exp rate 0.5", 2.0, 8.0),
            ("exponential mean 3", 3.0, 18.0),
            ("deterministic(1)", 1.0, 1.0),
            ("uniform(0,2)", 1.0, 4.0 / 3.0),
            ("U(0,2.5)", 1.25, 6.25 / 3.0),
            ("erlang k=2 rate 2", 1.0, 1.5),
            ("erlang-4 mean 1", 1.0, 1.25),
            ("erlang(3, 3)", 1.0, 4.0 / 3.0),
            ("gamma shape 0.5 mean 1", 1.0, 3.0),
            ("gamma shape 4 mean 1", 1.0, 1.25),
            ("hyperexp p=.9 rate 2, p=.1 rate 2/11 (mean 1)", 1.0, 6.5),
            ("hyperexp mean 1 cv 2", 1.0, 5.0),
            ("lognormal mean 1 cv 1.5", 1.0, 3.25),
            ("pareto alpha=4 xm=0.75 (mean 1)", 1.0, 1.125),
            ("pareto alpha=3 mean 1", 1.0, 4.0 / 3.0),
            ("two-point 0.2 w.p. 0.75, 3.4 w.p. 0.25", 1.0, 2.92),
            ("two-point {0.2: .75, 3.4: .25}", 1.0, 2.92),
            ("two-point p=.75 at 0.2 else 3.4", 1.0, 2.92),
        ];
        for (text, mean, second) in table {
            let law = read(text, Known::default()).unwrap();
            assert!((law.mean() - mean).abs() < 1e-9, "{text}: {law:?}");
            assert!((law.second_moment() - second).abs() < 1e-9, "{text}: {law:?}");
        }
    }

    #[test]
    fn what_is_known_decides_between_readings() {
        let known = |mean, second| Known { mean: Some(mean), second_moment: Some(second) };
        assert_eq!(read("exp(2)", known(2.0, 8.0)), Ok(Law::exponential(2.0).unwrap()));
        assert_eq!(read("exp(2)", known(0.5, 0.5)), Ok(Law::exponential(0.5).unwrap()));
        let law = read("two-point(.25, 3.4, .2)", known(1.0, 2.92)).unwrap();
        assert!((law.second_moment() - 2.92).abs() < 1e-9);
        assert!(matches!(read("exp(2)", known(3.0, 18.0)), Err(Stop::BadInput(_))));
        assert!(matches!(read("zipf 2", Known::default()), Err(Stop::NotCovered(_))));
        assert!(matches!(read("uniform(3,2)", Known::default()), Err(Stop::BadInput(_))));
    }
}
