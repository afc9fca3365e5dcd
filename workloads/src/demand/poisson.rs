//! Independent users: a Poisson process of requests.
//!
//! Each gap is exponential with mean `1 / rate_per_second`; the lengths of prompt and answer
//! are drawn independently of it and of each other. Draws for a job, in this order: gap,
//! prompt, answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, Fidelity, ParamError, Rejected, SimDuration, StateMachine, seeded};

use super::lengths::{Lengths, Sampler};
use super::{Effect, Input};
use crate::RuleInfo;

/// Its entry in the catalogue.
pub const INFO: RuleInfo = RuleInfo {
    stage: "demand",
    name: "poisson",
    summary: "Independent users: exponential gaps, lengths drawn from a distribution.",
    source: "Kingman, Poisson Processes (1993), section 4.1",
};

/// What a scenario may set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Requests a second in the mean, above 0 and at most 1e9.
    pub rate_per_second: f64,
    /// Tokens of a prompt.
    pub prompt_tokens: Lengths,
    /// Tokens of an answer.
    pub output_tokens: Lengths,
    /// How long a user waits for the whole answer, above 0.
    #[serde(default = "super::patience")]
    pub patience: SimDuration,
}

impl Params {
    /// Numbers that describe the world.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let fact = |what, value, reason| {
            Fact::new(format!("demand.poisson.{what}"), value, Fidelity::Assumed, reason)
        };
        let chosen = "chosen by the scenario";
        vec![
            fact("rate_per_second", self.rate_per_second.to_string(), chosen),
            fact("prompt_tokens", self.prompt_tokens.to_string(), chosen),
            fact("output_tokens", self.output_tokens.to_string(), chosen),
            fact("patience", self.patience.to_string(), "no published figure was found"),
        ]
    }
}

/// The generator: without memory, as the process is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Poisson {
    mean_gap: f64,
    prompt: Sampler,
    output: Sampler,
    patience: SimDuration,
}

impl StateMachine for Poisson {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        let rate = params.rate_per_second;
        ParamError::unless(
            rate > 0.0 && rate <= 1e9,
            "rate_per_second",
            rate,
            "above 0 and at most 1e9",
        )?;
        super::check_patience(params.patience)?;
        Ok(Self {
            mean_gap: 1.0 / rate,
            prompt: params.prompt_tokens.sampler("prompt_tokens")?,
            output: params.output_tokens.sampler("output_tokens")?,
            patience: params.patience,
        })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        let Input::Next { now, mut stream } = input else {
            return Err(Rejected::NotPermitted("poisson demand reads no trace"));
        };
        let gap = SimDuration::from_secs_f64(stream.exponential(self.mean_gap));
        let gap = seeded!(GapTruncated, SimDuration(gap.0 - gap.0 % 1_000_000), gap);
        out.push(Effect::Arrives {
            at: now + gap,
            prompt_tokens: self.prompt.draw(&mut stream),
            output_tokens: self.output.draw(&mut stream),
            patience: self.patience,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim_types::{SimTime, Stream};

    fn params(rate_per_second: f64) -> Params {
        Params {
            rate_per_second,
            prompt_tokens: Lengths::Fixed(7),
            output_tokens: Lengths::Fixed(3),
            patience: SimDuration::from_secs(60),
        }
    }

    #[test]
    fn parameters_outside_the_domain_are_named() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e10] {
            let error = Poisson::new(params(rate)).expect_err("outside");
            assert_eq!(error.field, "rate_per_second");
        }
        let hasty = Params { patience: SimDuration::ZERO, ..params(1.0) };
        assert_eq!(Poisson::new(hasty).expect_err("outside").field, "patience");
    }

    #[test]
    fn what_a_scenario_leaves_out_has_a_default() {
        let text = r#"{"rate_per_second": 2, "prompt_tokens": {"fixed": 7},
            "output_tokens": {"lognormal": {"median": 100, "p90": 400}}}"#;
        let params: Params = serde_json::from_str(text).expect("valid");
        assert_eq!(params.patience, SimDuration::from_secs(60));
        let Lengths::Lognormal(lengths) = params.output_tokens else { panic!("as written") };
        assert_eq!(lengths.max, 131_072);
    }

    #[test]
    fn a_read_request_is_rejected() {
        let mut rule = Poisson::new(params(1.0)).expect("valid");
        let mut out = Vec::new();
        let input = Input::Read { now: SimTime::ZERO, request: None };
        assert!(rule.apply(input, &mut out).is_err());
        assert!(out.is_empty());
    }

    /// Counts in windows of a Poisson process have equal mean and variance, both rate times
    /// window. 20,000 windows of 5 expected arrivals: the mean's standard error is
    /// sqrt(5 / 20000), the variance's sqrt((5 + 2 * 25) / 20000).
    #[test]
    fn counts_are_poisson() {
        let (rate, n) = (5.0, 20_000.0);
        let mut rule = Poisson::new(params(rate)).expect("valid");
        let mut counts = vec![0.0_f64; 20_000];
        let mut now = SimTime::ZERO;
        for job in 0.. {
            let mut out = Vec::new();
            let stream = Stream::new(11, job);
            rule.apply(Input::Next { now, stream }, &mut out).expect("valid input");
            let [Effect::Arrives { at, .. }] = out[..] else { panic!("one arrival") };
            assert!(at >= now);
            now = at;
            match counts.get_mut(usize::try_from(now.0 / 1_000_000_000).expect("small")) {
                Some(count) => *count += 1.0,
                None => break,
            }
        }
        let mean = counts.iter().sum::<f64>() / n;
        let variance = counts.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / (n - 1.0);
        assert!((mean - rate).abs() < 5.0 * (rate / n).sqrt(), "{mean}");
        let error = ((rate + 2.0 * rate * rate) / n).sqrt();
        assert!((variance - rate).abs() < 5.0 * error, "{variance}");
    }
}
