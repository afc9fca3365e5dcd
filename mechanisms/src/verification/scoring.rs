//! A verifier scores every answer it receives.
//!
//! | rule | |
//! |---|---|
//! | R1 | speed is full marks up to `latency_target`, beyond it `latency_target / latency` |
//! | R2 | merit = `(1 - latency_weight)` quality `+ latency_weight` speed |
//! | R3 | score = merit + normal noise of standard deviation `noise`, kept within 0 and 1 |
//! | R4 | an answer that scores below `accept_above` is refuted, any other accepted |
//! | R5 | a missing answer scores 0 |
//!
//! The score senses hidden quality, not hidden truth: what a lazy answer loses is what it is
//! worth less. Confidence is `1 - noise`. Keeping scores within bounds (R3) pulls the mean of a
//! perfect answer below 1, by 0.4 standard deviations, and that of a worthless one above 0.
//!
//! It does not: remember, compare answers, or spend the verifier's machine time.
//!
//! Source: stands for the scoring functions of Bittensor subnets, each of which has its own;
//! the form is assumed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{
    Completion, Fact, Fidelity, Observation, ParamError, Rejected, Share, SimDuration,
    StateMachine, Stream,
};

use super::{Effect, Input};

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How much of the score is speed, the rest being quality; 0% to 100%. Default 20%
    /// (assumed): speed matters, but a fast wrong answer stays a bad one.
    #[serde(default = "fifth")]
    pub latency_weight: Share,
    /// The latency up to which speed earns full marks, from the request's departure to the
    /// answer's arrival; more than 0. Default 5s (assumed).
    #[serde(default = "five_seconds")]
    pub latency_target: SimDuration,
    /// Standard deviation of the error of a score; 0% to 100% of the full mark. Default 5%
    /// (assumed).
    #[serde(default = "twentieth")]
    pub noise: Share,
    /// Score below which a user's answer does not count; 0% to 100%. Default 0%: all count.
    #[serde(default)]
    pub accept_above: Share,
}

fn fifth() -> Share {
    Share::percent(20)
}

fn five_seconds() -> SimDuration {
    SimDuration::from_secs(5)
}

fn twentieth() -> Share {
    Share::percent(5)
}

impl Default for Params {
    fn default() -> Self {
        Self {
            latency_weight: fifth(),
            latency_target: five_seconds(),
            noise: twentieth(),
            accept_above: Share::ZERO,
        }
    }
}

const FULL: u32 = 1_000_000;

/// The rule; it remembers nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scoring {
    params: Params,
}

impl crate::Rule for Scoring {
    const NAME: &'static str = "scoring";
    const SUMMARY: &'static str =
        "A verifier scores every answer by its quality and speed, with some error.";
    const SOURCE: &'static str =
        "stands for the scoring functions of Bittensor subnets; the form is assumed";

    fn example() -> Params {
        Params::default()
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let assumed = |name: &str, value: String| {
            let why = "every subnet has its own scoring function";
            Fact::new(format!("verification.scoring.{name}"), value, Fidelity::Assumed, why)
        };
        vec![
            assumed("latency_weight", format!("{} ppm", params.latency_weight.ppm())),
            assumed("latency_target", params.latency_target.to_string()),
            assumed("noise", format!("{} ppm", params.noise.ppm())),
        ]
    }
}

impl StateMachine for Scoring {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        let positive = params.latency_target > SimDuration::ZERO;
        ParamError::unless(positive, "latency_target", params.latency_target, "more than 0s")?;
        Ok(Self { params })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::Assigned { .. } => {}
            Input::Completed { completion, verifier, stream } => {
                let (job, provider) = (completion.job, completion.provider);
                let score_ppm = with_noise(self.merit(&completion), self.params.noise, stream);
                // R4
                out.push(if score_ppm < self.params.accept_above.ppm() {
                    Effect::Refuted { job, provider }
                } else {
                    Effect::Accepted { job, provider }
                });
                out.push(Effect::Observed(Observation {
                    verifier,
                    subject: provider,
                    job,
                    score_ppm,
                    confidence_ppm: FULL - self.params.noise.ppm(),
                    tokens: completion.tokens,
                }));
            }
            // R5
            Input::Missing { job, provider, verifier, tokens } => {
                out.push(Effect::Observed(Observation {
                    verifier,
                    subject: provider,
                    job,
                    score_ppm: 0,
                    confidence_ppm: FULL,
                    tokens,
                }));
            }
            Input::Rechecked { job, .. } | Input::RecheckLost { job, .. } => {
                return Err(Rejected::NotOpen(job.0));
            }
        }
        Ok(())
    }
}

impl Scoring {
    fn merit(&self, completion: &Completion) -> u32 {
        self.params.merit(completion.quality_ppm, completion.latency)
    }
}

impl Params {
    /// R1 and R2: what an answer of this hidden quality that took so long merits, both in parts
    /// per million.
    ///
    /// # Panics
    /// Never: a mean of two numbers up to a million.
    #[must_use]
    pub fn merit(&self, quality_ppm: u32, latency: SimDuration) -> u32 {
        let (target, latency) = (self.latency_target.0, latency.0);
        let speed = u128::from(FULL) * u128::from(target) / u128::from(latency.max(target));
        let quality = u128::from(quality_ppm.min(FULL));
        let (one, weight) = (u128::from(Share::ONE.ppb()), u128::from(self.latency_weight.ppb()));
        let merit = (quality * (one - weight) + speed * weight) / one;
        u32::try_from(merit).expect("a mean of two numbers up to a million")
    }
}

/// R3.
fn with_noise(merit: u32, noise: Share, mut stream: Stream) -> u32 {
    if noise == Share::ZERO {
        return merit;
    }
    let error = stream.normal() * f64::from(noise.ppm());
    let score = (f64::from(merit) + error).round_ties_even();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0..=1e6")]
    let score = score.clamp(0.0, f64::from(FULL)) as u32;
    score
}

#[cfg(test)]
mod tests {
    use sim_types::{JobId, NodeId, Origin, Truth};

    use super::*;

    fn completion(quality_ppm: u32, latency: SimDuration) -> Completion {
        Completion {
            job: JobId(1),
            origin: Origin::User,
            provider: NodeId(2),
            truth: Truth::Right,
            quality_ppm,
            answer: 3,
            latency,
            tokens: 100,
        }
    }

    #[test]
    fn merit_blends_quality_and_speed() {
        let scoring = |weight| {
            Scoring::new(Params { latency_weight: Share::percent(weight), ..Params::default() })
                .unwrap()
        };
        let seconds = SimDuration::from_secs;
        // (share of speed, quality, latency in s, merit) at a target of 5 s.
        let table = [
            (0, 700_000, 50, 700_000),
            (100, 700_000, 5, 1_000_000),
            (100, 700_000, 10, 500_000),
            (100, 700_000, 50, 100_000),
            (20, 1_000_000, 10, 900_000),
            (20, 0, 1, 200_000),
            (20, 1_000_000, 0, 1_000_000),
        ];
        for (weight, quality, latency, merit) in table {
            let got = scoring(weight).merit(&completion(quality, seconds(latency)));
            assert_eq!(got, merit, "{weight} {quality} {latency}");
        }
    }

    /// 40,000 scores of merit one half: mean and deviation within five standard errors.
    #[test]
    fn noise_is_as_wide_as_stated_and_centred() {
        let noise = Share::percent(5);
        let scores: Vec<f64> = (0..40_000)
            .map(|event| f64::from(with_noise(500_000, noise, Stream::new(4, event))))
            .collect();
        let mean = scores.iter().sum::<f64>() / 40_000.0;
        let variance = scores.iter().map(|s| (s - mean) * (s - mean)).sum::<f64>() / 40_000.0;
        assert!((mean - 500_000.0).abs() < 5.0 * 50_000.0 / 200.0, "{mean}");
        assert!((variance.sqrt() - 50_000.0).abs() < 5.0 * 50_000.0 / 282.8, "{variance}");
    }

    #[test]
    fn scores_stay_within_bounds_and_decide_acceptance() {
        let params = Params {
            noise: Share::percent(100),
            accept_above: Share::percent(50),
            ..Params::default()
        };
        let mut scoring = Scoring::new(params).unwrap();
        let mut seen = [0; 2];
        for event in 0..200 {
            let mut out = vec![];
            let completion = completion(1_000_000, SimDuration::ZERO);
            let stream = Stream::new(1, event);
            let input = Input::Completed { completion, verifier: NodeId(9), stream };
            scoring.apply(input, &mut out).unwrap();
            let Effect::Observed(observation) = out[1] else { panic!("observed second") };
            assert!(observation.score_ppm <= 1_000_000);
            assert_eq!(observation.confidence_ppm, 0);
            let accepted = matches!(out[0], Effect::Accepted { .. });
            assert_eq!(accepted, observation.score_ppm >= 500_000);
            seen[usize::from(accepted)] += 1;
        }
        assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    }

    #[test]
    fn no_answer_scores_nothing() {
        let mut out = vec![];
        let missing =
            Input::Missing { job: JobId(1), provider: NodeId(2), verifier: NodeId(9), tokens: 7 };
        Scoring::new(Params::default()).unwrap().apply(missing, &mut out).unwrap();
        let want = Observation {
            verifier: NodeId(9),
            subject: NodeId(2),
            job: JobId(1),
            score_ppm: 0,
            confidence_ppm: FULL,
            tokens: 7,
        };
        assert_eq!(out, [Effect::Observed(want)]);
    }
}
