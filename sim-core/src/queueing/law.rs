//! Laws of positive durations: inter-arrival times and service times.

use serde::{Deserialize, Serialize};
use sim_types::{SimDuration, math};

use super::alias::Alias;
use super::draws::Draws;

/// A law of durations, in seconds. Built by the functions below, which check what they are
/// given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Law {
    /// Always the same.
    Deterministic {
        /// That value.
        value: f64,
    },
    /// Memoryless.
    Exponential {
        /// The mean.
        mean: f64,
    },
    /// Equally likely in an interval.
    Uniform {
        /// Its lower end.
        least: f64,
        /// Its upper end.
        greatest: f64,
    },
    /// A sum of independent exponentials of one rate.
    Erlang {
        /// How many.
        stages: u32,
        /// The mean of the sum.
        mean: f64,
    },
    /// Gamma of a shape that need not be an integer.
    Gamma {
        /// The shape.
        shape: f64,
        /// Mean over shape.
        scale: f64,
    },
    /// One of several exponentials.
    Hyperexponential {
        /// Which one.
        branch: Alias,
        /// Their probabilities.
        shares: Vec<f64>,
        /// Their means.
        means: Vec<f64>,
    },
    /// The exponential of a normal variate.
    Lognormal {
        /// Mean of the logarithm.
        mu: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Pareto of the first kind.
    Pareto {
        /// Least value.
        least: f64,
        /// The shape: moments below it are finite.
        shape: f64,
    },
    /// Weibull.
    Weibull {
        /// The scale.
        scale: f64,
        /// The shape: 1 is exponential.
        shape: f64,
    },
    /// One of several values.
    Discrete {
        /// Which one.
        branch: Alias,
        /// Their probabilities.
        shares: Vec<f64>,
        /// The values.
        values: Vec<f64>,
    },
}

/// Parameters that make no law of durations.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{law}: {parameter} is {found}, expected {expected}")]
pub struct BadLaw {
    law: &'static str,
    parameter: &'static str,
    found: f64,
    expected: &'static str,
}

fn positive(law: &'static str, parameter: &'static str, found: f64) -> Result<f64, BadLaw> {
    if found.is_finite() && found > 0.0 {
        return Ok(found);
    }
    Err(BadLaw { law, parameter, found, expected: "a positive number" })
}

fn not_negative(law: &'static str, parameter: &'static str, found: f64) -> Result<f64, BadLaw> {
    if found.is_finite() && found >= 0.0 {
        return Ok(found);
    }
    Err(BadLaw { law, parameter, found, expected: "zero or a positive number" })
}

/// Stages up to which a gamma law of an integer shape is drawn as a product of uniforms.
const MAX_STAGES: u32 = 64;

/// Uniforms whose product is sure to stay a normal double: each is at least 2^-54.
const FACTORS: u32 = 16;

impl Law {
    /// Always `value`.
    ///
    /// # Errors
    /// When it is negative or not finite.
    pub fn deterministic(value: f64) -> Result<Self, BadLaw> {
        Ok(Self::Deterministic { value: not_negative("deterministic", "the value", value)? })
    }

    /// Exponential.
    ///
    /// # Errors
    /// When the mean is not positive.
    pub fn exponential(mean: f64) -> Result<Self, BadLaw> {
        Ok(Self::Exponential { mean: positive("exponential", "the mean", mean)? })
    }

    /// Uniform.
    ///
    /// # Errors
    /// When the ends are negative or in the wrong order.
    pub fn uniform(least: f64, greatest: f64) -> Result<Self, BadLaw> {
        not_negative("uniform", "the lower end", least)?;
        if !(greatest.is_finite() && greatest >= least) {
            let expected = "at least the lower end";
            return Err(BadLaw {
                law: "uniform",
                parameter: "the upper end",
                found: greatest,
                expected,
            });
        }
        Ok(Self::Uniform { least, greatest })
    }

    /// Gamma; Erlang where the shape is a small integer.
    ///
    /// # Errors
    /// When shape or mean are not positive.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
    pub fn gamma(shape: f64, mean: f64) -> Result<Self, BadLaw> {
        positive("gamma", "the shape", shape)?;
        positive("gamma", "the mean", mean)?;
        if shape <= f64::from(MAX_STAGES) && shape.fract().abs() < f64::EPSILON {
            return Ok(Self::Erlang { stages: shape as u32, mean });
        }
        Ok(Self::Gamma { shape, scale: mean / shape })
    }

    /// Erlang with so many stages and this mean.
    ///
    /// # Errors
    /// When either is not positive.
    pub fn erlang(stages: u32, mean: f64) -> Result<Self, BadLaw> {
        positive("Erlang", "the number of stages", f64::from(stages))?;
        Self::gamma(f64::from(stages), mean)
    }

    /// One of several exponentials: `(probability, mean)`.
    ///
    /// # Errors
    /// When a probability is negative, none is positive, or a mean is not positive. The
    /// probabilities are scaled to sum to one.
    pub fn hyperexponential(branches: &[(f64, f64)]) -> Result<Self, BadLaw> {
        for &(_, mean) in branches {
            positive("hyperexponential", "a mean", mean)?;
        }
        let (branch, shares) = choice("hyperexponential", branches)?;
        let means = branches.iter().map(|b| b.1).collect();
        Ok(Self::Hyperexponential { branch, shares, means })
    }

    /// Two exponentials with balanced means (each branch carries half the load) that have this
    /// mean and coefficient of variation; exponential where the coefficient is 1.
    ///
    /// # Errors
    /// When the mean is not positive or the coefficient below 1.
    pub fn hyperexponential_by_cv(mean: f64, cv: f64) -> Result<Self, BadLaw> {
        positive("hyperexponential", "the mean", mean)?;
        let square = cv * cv;
        if !(square.is_finite() && cv >= 1.0) {
            let expected = "at least 1";
            let parameter = "the coefficient of variation";
            return Err(BadLaw { law: "hyperexponential", parameter, found: cv, expected });
        }
        let p = 0.5 * (1.0 + math::sqrt((square - 1.0) / (square + 1.0)));
        Self::hyperexponential(&[(p, 0.5 * mean / p), (1.0 - p, 0.5 * mean / (1.0 - p))])
    }

    /// Lognormal of this mean and coefficient of variation.
    ///
    /// # Errors
    /// When the mean is not positive or the coefficient negative.
    pub fn lognormal(mean: f64, cv: f64) -> Result<Self, BadLaw> {
        positive("lognormal", "the mean", mean)?;
        not_negative("lognormal", "the coefficient of variation", cv)?;
        let variance = math::ln(1.0 + cv * cv);
        Ok(Self::Lognormal { mu: math::ln(mean) - 0.5 * variance, sigma: math::sqrt(variance) })
    }

    /// Pareto.
    ///
    /// # Errors
    /// When either parameter is not positive.
    pub fn pareto(least: f64, shape: f64) -> Result<Self, BadLaw> {
        positive("Pareto", "the least value", least)?;
        Ok(Self::Pareto { least, shape: positive("Pareto", "the shape", shape)? })
    }

    /// Weibull.
    ///
    /// # Errors
    /// When either parameter is not positive.
    pub fn weibull(scale: f64, shape: f64) -> Result<Self, BadLaw> {
        positive("Weibull", "the scale", scale)?;
        Ok(Self::Weibull { scale, shape: positive("Weibull", "the shape", shape)? })
    }

    /// One of several values: `(probability, value)`.
    ///
    /// # Errors
    /// When a probability is negative, none is positive, or a value is negative. The
    /// probabilities are scaled to sum to one.
    pub fn discrete(points: &[(f64, f64)]) -> Result<Self, BadLaw> {
        for &(_, value) in points {
            not_negative("discrete", "a value", value)?;
        }
        let (branch, shares) = choice("discrete", points)?;
        Ok(Self::Discrete { branch, shares, values: points.iter().map(|p| p.1).collect() })
    }

    /// A duration in seconds.
    #[inline]
    pub fn draw(&self, draws: &mut Draws) -> f64 {
        match *self {
            Self::Deterministic { value } => value,
            Self::Exponential { mean } => mean * draws.exponential(),
            Self::Uniform { least, greatest } => least + (greatest - least) * draws.uniform(),
            Self::Erlang { stages, mean } => erlang(stages, draws) * (mean / f64::from(stages)),
            Self::Gamma { shape, scale } => scale * gamma(shape, draws),
            Self::Hyperexponential { ref branch, ref means, .. } => {
                let mean = means[branch.pick(draws)];
                mean * draws.exponential()
            }
            Self::Lognormal { mu, sigma } => math::exp(mu + sigma * normal(draws)),
            Self::Pareto { least, shape } => least * math::pow(draws.uniform(), -1.0 / shape),
            Self::Weibull { scale, shape } => scale * math::pow(draws.exponential(), 1.0 / shape),
            Self::Discrete { ref branch, ref values, .. } => values[branch.pick(draws)],
        }
    }

    /// A duration, rounded once to the nanosecond.
    #[inline]
    pub fn duration(&self, draws: &mut Draws) -> SimDuration {
        SimDuration::from_secs_f64(self.draw(draws))
    }

    /// The mean, in seconds; infinite for a Pareto law of shape 1 or less.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.moment(1)
    }

    /// The second moment, in square seconds; infinite for a Pareto law of shape 2 or less.
    #[must_use]
    pub fn second_moment(&self) -> f64 {
        self.moment(2)
    }

    /// The squared coefficient of variation.
    #[must_use]
    pub fn squared_cv(&self) -> f64 {
        let mean = self.mean();
        self.second_moment() / (mean * mean) - 1.0
    }

    /// The first or second moment.
    fn moment(&self, order: u8) -> f64 {
        let k = f64::from(order);
        let power = |x: f64| if order == 1 { x } else { x * x };
        match *self {
            Self::Deterministic { value } => power(value),
            Self::Exponential { mean } => k * power(mean),
            Self::Uniform { least: a, greatest: b } if order == 1 => 0.5 * (a + b),
            Self::Uniform { least: a, greatest: b } => (a * a + a * b + b * b) / 3.0,
            Self::Erlang { mean, .. } if order == 1 => mean,
            Self::Erlang { stages, mean } => mean * mean * (1.0 + 1.0 / f64::from(stages)),
            Self::Gamma { shape, scale } if order == 1 => shape * scale,
            Self::Gamma { shape, scale } => shape * (shape + 1.0) * scale * scale,
            Self::Hyperexponential { ref shares, ref means, .. } => {
                shares.iter().zip(means).map(|(p, m)| p * k * power(*m)).sum()
            }
            Self::Lognormal { mu, sigma } => math::exp(k * mu + 0.5 * k * k * sigma * sigma),
            Self::Pareto { least, shape } if shape > k => shape * power(least) / (shape - k),
            Self::Pareto { .. } => f64::INFINITY,
            Self::Weibull { scale, shape } => power(scale) * math::exp(ln_gamma(1.0 + k / shape)),
            Self::Discrete { ref shares, ref values, .. } => {
                shares.iter().zip(values).map(|(p, v)| p * power(*v)).sum()
            }
        }
    }
}

/// Probabilities of `(probability, _)`, as a table and scaled to sum to one.
fn choice(law: &'static str, branches: &[(f64, f64)]) -> Result<(Alias, Vec<f64>), BadLaw> {
    let weights: Vec<f64> = branches.iter().map(|b| b.0).collect();
    let total: f64 = weights.iter().sum();
    let bad = |_| BadLaw {
        law,
        parameter: "the sum of probabilities",
        found: total,
        expected: "a positive number, of terms none of which is negative",
    };
    let table = Alias::new(&weights).map_err(bad)?;
    Ok((table, weights.iter().map(|w| w / total).collect()))
}

/// A sum of `stages` exponentials of mean 1: one logarithm for every [`FACTORS`] of them.
#[inline]
fn erlang(stages: u32, draws: &mut Draws) -> f64 {
    let mut sum = 0.0;
    let mut left = stages;
    while left > 0 {
        let take = left.min(FACTORS);
        let product: f64 = (0..take).map(|_| draws.uniform()).product();
        sum -= math::ln(product);
        left -= take;
    }
    sum
}

/// Standard normal (Box and Muller's cosine half).
fn normal(draws: &mut Draws) -> f64 {
    let radius = math::sqrt(2.0 * draws.exponential());
    radius * math::cos(core::f64::consts::TAU * draws.uniform())
}

/// Gamma of scale 1: Marsaglia and Tsang, "A simple method for generating gamma variables"
/// (ACM TOMS 26, 2000), with their power of a uniform for shapes below 1.
fn gamma(shape: f64, draws: &mut Draws) -> f64 {
    let boost = if shape < 1.0 { math::pow(draws.uniform(), 1.0 / shape) } else { 1.0 };
    let d = if shape < 1.0 { shape + 1.0 } else { shape } - 1.0 / 3.0;
    let spread = 1.0 / math::sqrt(9.0 * d);
    loop {
        let x = normal(draws);
        let root = 1.0 + spread * x;
        if root <= 0.0 {
            continue;
        }
        let cube = root * root * root;
        if math::ln(draws.uniform()) < 0.5 * x * x + d - d * cube + d * math::ln(cube) {
            return d * cube * boost;
        }
    }
}

/// Logarithm of the gamma function for arguments of 1 and above: the recurrence up to 12, then
/// Stirling's series (Abramowitz and Stegun 6.1.41) to an error below 1e-13.
fn ln_gamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < 12.0 {
        below += math::ln(x);
        x += 1.0;
    }
    let r = 1.0 / (x * x);
    let series = (1.0 / 12.0 - r * (1.0 / 360.0 - r * (1.0 / 1260.0 - r / 1680.0))) / x;
    (x - 0.5) * math::ln(x) - x + 0.5 * math::ln(core::f64::consts::TAU) + series - below
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moments by hand, and 200,000 draws of each law within five standard errors of both.
    #[test]
    fn moments_are_as_stated() {
        let table = [
            (Law::deterministic(2.0), 2.0, 4.0),
            (Law::exponential(2.0), 2.0, 8.0),
            (Law::uniform(1.0, 3.0), 2.0, 13.0 / 3.0),
            (Law::erlang(2, 1.0), 1.0, 1.5),
            (Law::erlang(40, 1.0), 1.0, 1.025),
            (Law::gamma(0.5, 1.0), 1.0, 3.0),
            (Law::gamma(2.5, 5.0), 5.0, 35.0),
            (Law::hyperexponential(&[(0.9, 0.5), (0.1, 5.5)]), 1.0, 6.5),
            (Law::hyperexponential_by_cv(1.0, 2.0), 1.0, 5.0),
            (Law::lognormal(1.0, 0.5), 1.0, 1.25),
            (Law::pareto(0.75, 4.0), 1.0, 1.125),
            (Law::weibull(1.0, 2.0), 0.886_226_925_452_758, 1.0),
            (Law::discrete(&[(3.0, 0.5), (1.0, 2.5)]), 1.0, 1.75),
        ];
        for (law, mean, second) in table {
            let law = law.unwrap();
            assert!((law.mean() - mean).abs() < 1e-12 * mean, "{law:?} {}", law.mean());
            assert!((law.second_moment() - second).abs() < 1e-12 * second, "{law:?}");
            let mut draws = Draws::new(5);
            let n = 200_000;
            let sum: f64 = (0..n).map(|_| law.draw(&mut draws)).sum();
            let error = (law.squared_cv().max(0.0) / f64::from(n)).sqrt() * mean;
            assert!((sum / f64::from(n) - mean).abs() <= 5.0 * error + 1e-12, "{law:?} {sum}");
        }
    }

    #[test]
    fn heavy_tails_have_no_moments() {
        let law = Law::pareto(1.0, 1.5).unwrap();
        assert!((law.mean() - 3.0).abs() < 1e-12);
        assert!(law.second_moment().is_infinite());
    }

    #[test]
    fn senseless_parameters_are_refused() {
        let table = [
            Law::deterministic(-1.0),
            Law::exponential(0.0),
            Law::exponential(f64::NAN),
            Law::uniform(2.0, 1.0),
            Law::uniform(-1.0, 1.0),
            Law::erlang(0, 1.0),
            Law::gamma(1.0, f64::INFINITY),
            Law::hyperexponential(&[(0.5, 1.0), (0.5, 0.0)]),
            Law::hyperexponential(&[]),
            Law::hyperexponential_by_cv(1.0, 0.5),
            Law::lognormal(0.0, 1.0),
            Law::pareto(1.0, 0.0),
            Law::weibull(1.0, -1.0),
            Law::discrete(&[(-0.1, 1.0), (1.1, 2.0)]),
        ];
        for law in table {
            assert!(law.is_err(), "{law:?}");
        }
        assert_eq!(
            Law::exponential(-2.0).unwrap_err().to_string(),
            "exponential: the mean is -2, expected a positive number"
        );
    }
}
