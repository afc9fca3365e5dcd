//! How many tokens a prompt or an answer has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{ParamError, Stream, math};

/// The 90th percentile of the standard normal distribution.
const Z90: f64 = 1.281_551_565_544_600_4;

/// Longest context of the models in the table ([`crate::models`]): 128 Ki tokens.
const LONGEST: u32 = 131_072;

/// A distribution of token counts, as a map with one key.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Lengths {
    /// Always this many, at least 1.
    Fixed(u32),
    /// Many short ones and a long tail.
    Lognormal(Lognormal),
}

/// A lognormal distribution by two of its quantiles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lognormal {
    /// Half of the requests have fewer tokens than this; at least 1.
    pub median: f64,
    /// Nine in ten have fewer than this; at least the median.
    pub p90: f64,
    /// Longer draws count as this many tokens.
    #[serde(default = "longest")]
    pub max: u32,
}

fn longest() -> u32 {
    LONGEST
}

/// A distribution ready to draw from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sampler {
    mu: f64,
    sigma: f64,
    max: u32,
}

impl Lengths {
    /// Checks the domain and computes the parameters of the draws: `mu = ln(median)`,
    /// `sigma = ln(p90 / median) / z90`.
    ///
    /// # Errors
    /// `field` with what was found, when a quantile is below 1 or not a number, or the two
    /// are out of order.
    pub fn sampler(&self, field: &'static str) -> Result<Sampler, ParamError> {
        match *self {
            Self::Fixed(tokens) => {
                ParamError::unless(tokens >= 1, field, tokens, "at least 1 token")?;
                Ok(Sampler { mu: math::ln(f64::from(tokens)), sigma: 0.0, max: tokens })
            }
            Self::Lognormal(Lognormal { median, p90, max }) => {
                let ordered = median >= 1.0 && p90 >= median && p90.is_finite();
                let found = format!("lognormal with median {median} and p90 {p90}");
                ParamError::unless(ordered, field, found, "1 <= median <= p90")?;
                ParamError::unless(max >= 1, field, format!("max {max}"), "a max of at least 1")?;
                Ok(Sampler { mu: math::ln(median), sigma: math::ln(p90 / median) / Z90, max })
            }
        }
    }
}

impl core::fmt::Display for Lengths {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Fixed(tokens) => write!(f, "{tokens}"),
            Self::Lognormal(l) => {
                write!(f, "lognormal, median {}, p90 {}, max {}", l.median, l.p90, l.max)
            }
        }
    }
}

impl Sampler {
    /// A number of tokens, at least 1.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    pub fn draw(&self, stream: &mut Stream) -> u32 {
        if self.sigma == 0.0 {
            return (math::exp(self.mu).round() as u32).clamp(1, self.max);
        }
        (stream.lognormal(self.mu, self.sigma).round() as u32).clamp(1, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shapes_outside_the_domain_are_named() {
        let lognormal = |median, p90, max| Lengths::Lognormal(Lognormal { median, p90, max });
        let table = [
            (Lengths::Fixed(0), "prompt_tokens is 0, expected at least 1 token"),
            (
                lognormal(100.0, 50.0, 9),
                "prompt_tokens is lognormal with median 100 and p90 50, expected 1 <= median <= p90",
            ),
            (
                lognormal(f64::NAN, 50.0, 9),
                "prompt_tokens is lognormal with median NaN and p90 50, expected 1 <= median <= p90",
            ),
            (lognormal(1.0, 2.0, 0), "prompt_tokens is max 0, expected a max of at least 1"),
        ];
        for (lengths, message) in table {
            let error = lengths.sampler("prompt_tokens").expect_err("outside");
            assert_eq!(error.to_string(), message);
        }
    }

    /// Of 40,000 draws, the share below a quantile lies within five standard errors of it.
    #[test]
    fn quantiles_are_as_written() {
        let lengths = Lognormal { median: 1_469.0, p90: 4_800.0, max: LONGEST };
        let sampler = Lengths::Lognormal(lengths).sampler("x").expect("valid");
        let draws: Vec<u32> =
            (0..40_000).map(|job| sampler.draw(&mut Stream::new(5, job))).collect();
        for (quantile, tokens) in [(0.5_f64, 1_469), (0.9, 4_800)] {
            let below: f64 =
                draws.iter().map(|&t| if t < tokens { 1.0 / 40_000.0 } else { 0.0 }).sum();
            let error = (quantile * (1.0 - quantile) / 40_000.0).sqrt();
            assert!((below - quantile).abs() < 5.0 * error, "{below} for {quantile}");
        }
    }

    proptest! {
        #[test]
        fn draws_stay_within_the_cap(
            median in 1.0..1e6_f64, wider in 1.0..100.0_f64, max in 1..200_000_u32, key: u64,
        ) {
            let lengths = Lengths::Lognormal(Lognormal { median, p90: median * wider, max });
            let tokens = lengths.sampler("x").expect("valid").draw(&mut Stream::new(key, 0));
            prop_assert!((1..=max).contains(&tokens));
        }

        #[test]
        fn fixed_is_fixed(tokens in 1..u32::MAX, key: u64) {
            let sampler = Lengths::Fixed(tokens).sampler("x").expect("valid");
            prop_assert_eq!(sampler.draw(&mut Stream::new(key, 0)), tokens);
        }
    }
}
