//! A sample of the answers is computed again by a verifier.
//!
//! | rule | |
//! |---|---|
//! | R1 | an answer is drawn for a check with probability `sample` |
//! | R2 | one that is not drawn is accepted and counts as perfect, with confidence 0 |
//! | R3 | one that is drawn waits until its verifier has computed it again |
//! | R4 | the check takes a right answer for a wrong one with probability `false_alarm`, and a wrong one (lazy, substituted or noisy) for right with probability `miss` |
//! | R5 | what passes is accepted, score 1, confidence `1 - miss`; what fails is refuted, score 0, confidence `1 - false_alarm` |
//! | R6 | nobody checks itself: where provider and verifier are one, R2 holds |
//! | R7 | a check that came to nothing ends as R2; a missing answer scores 0 |
//!
//! It does not: punish beyond the score, sample by reputation, or forgive noise: an honest
//! answer that came out wrong fails like a dishonest one. Every [`Effect::Recheck`] must be
//! answered by [`Input::Rechecked`] or [`Input::RecheckLost`]; the waiting answers are kept until then.
//!
//! Source: random spot-checking: Sarmenta, "Sabotage-Tolerance Mechanisms for Volunteer
//! Computing Systems", Future Generation Computer Systems 18(4), 2002 (spot-checking).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{
    Fact, Fidelity, JobId, NodeId, Observation, ParamError, Rejected, Share, StateMachine, Stream,
    Truth, seeded,
};

use super::{Effect, Input};

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Share of the answers that are computed again; 0% to 100%. Default 5% (assumed): one
    /// twentieth of the work on top.
    #[serde(default = "twentieth")]
    pub sample: Share,
    /// Probability that a check fails a right answer; 0% to 100%. Default 0%: computing again
    /// reproduces a right answer exactly. Floating-point nondeterminism raises it.
    #[serde(default)]
    pub false_alarm: Share,
    /// Probability that a check passes a wrong answer; 0% to 100%. Default 0%.
    #[serde(default)]
    pub miss: Share,
}

fn twentieth() -> Share {
    Share::percent(5)
}

impl Default for Params {
    fn default() -> Self {
        Self { sample: twentieth(), false_alarm: Share::ZERO, miss: Share::ZERO }
    }
}

/// An answer that waits for its check.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Waiting {
    provider: NodeId,
    verifier: NodeId,
    truth: Truth,
    tokens: u32,
}

/// The rule and its whole state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SpotCheck {
    params: Params,
    waiting: BTreeMap<JobId, Vec<Waiting>>,
}

const FULL: u32 = 1_000_000;

impl crate::Rule for SpotCheck {
    const NAME: &'static str = "spot_check";
    const SUMMARY: &'static str = "A sample of the answers is computed again by a verifier.";
    const SOURCE: &'static str = "Sarmenta, Sabotage-Tolerance Mechanisms for Volunteer Computing \
                                  Systems, FGCS 18(4), 2002";

    fn example() -> Params {
        Params::default()
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let assumed = |name: &str, share: Share| {
            let why = "a choice of the design; no network publishes it";
            let value = format!("{} ppm", share.ppm());
            Fact::new(format!("verification.spot_check.{name}"), value, Fidelity::Assumed, why)
        };
        vec![
            assumed("sample", params.sample),
            assumed("false_alarm", params.false_alarm),
            assumed("miss", params.miss),
        ]
    }
}

impl StateMachine for SpotCheck {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        Ok(Self { params, waiting: BTreeMap::new() })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::Assigned { .. } => {}
            Input::Completed { completion, verifier, mut stream } => {
                let (job, provider) = (completion.job, completion.provider);
                let waiting = self.waiting.get(&job);
                if waiting.is_some_and(|w| w.iter().any(|a| a.provider == provider)) {
                    return Err(Rejected::NotPermitted("answered already"));
                }
                let (truth, tokens) = (completion.truth, completion.tokens);
                let answer = Waiting { provider, verifier, truth, tokens };
                // R6, R1
                if verifier != provider && stream.chance(self.params.sample) {
                    // R3
                    self.waiting.entry(job).or_default().push(answer);
                    out.push(Effect::Recheck { job, provider, verifier });
                } else {
                    verdict(job, answer, true, 0, out);
                }
            }
            // R7
            Input::Missing { job, provider, verifier, tokens } => {
                let (score_ppm, confidence_ppm) = (0, FULL);
                out.push(Effect::Observed(Observation {
                    verifier,
                    subject: provider,
                    job,
                    score_ppm,
                    confidence_ppm,
                    tokens,
                }));
            }
            Input::RecheckLost { job, provider } => {
                let answer = self.take(job, provider).ok_or(Rejected::NotOpen(job.0))?;
                verdict(job, answer, true, 0, out);
            }
            Input::Rechecked { job, provider, stream } => {
                let answer = self.take(job, provider).ok_or(Rejected::NotOpen(job.0))?;
                let passed = self.check(answer.truth, stream);
                let error = if passed { self.params.miss } else { self.params.false_alarm };
                verdict(job, answer, passed, FULL - error.ppm(), out);
            }
        }
        Ok(())
    }
}

impl SpotCheck {
    fn take(&mut self, job: JobId, provider: NodeId) -> Option<Waiting> {
        let answers = self.waiting.get_mut(&job)?;
        let at = answers.iter().position(|a| a.provider == provider)?;
        let answer = answers.remove(at);
        if answers.is_empty() {
            self.waiting.remove(&job);
        }
        Some(answer)
    }

    /// R4: whether the check passes.
    fn check(&self, truth: Truth, mut stream: Stream) -> bool {
        let Params { false_alarm, miss, .. } = self.params;
        let (false_alarm, miss) =
            seeded!(ErrorsExchanged, (miss, false_alarm), (false_alarm, miss));
        if truth == Truth::Right { !stream.chance(false_alarm) } else { stream.chance(miss) }
    }
}

/// R2 and R5.
fn verdict(job: JobId, answer: Waiting, passed: bool, confidence_ppm: u32, out: &mut Vec<Effect>) {
    let Waiting { provider, verifier, tokens, .. } = answer;
    out.push(if passed {
        Effect::Accepted { job, provider }
    } else {
        Effect::Refuted { job, provider }
    });
    out.push(Effect::Observed(Observation {
        verifier,
        subject: provider,
        job,
        score_ppm: if passed { FULL } else { 0 },
        confidence_ppm,
        tokens,
    }));
}

#[cfg(test)]
mod tests {
    use sim_types::{Completion, Origin, SimDuration};

    use super::*;

    const VERIFIER: NodeId = NodeId(9);

    fn answered(job: u64, truth: Truth, verifier: NodeId) -> Input {
        Input::Completed {
            completion: Completion {
                job: JobId(job),
                origin: Origin::User,
                provider: NodeId(1),
                truth,
                quality_ppm: 0,
                answer: 0,
                latency: SimDuration::ZERO,
                tokens: 10,
            },
            verifier,
            stream: Stream::new(1, job),
        }
    }

    fn rechecked(job: u64) -> Input {
        Input::Rechecked { job: JobId(job), provider: NodeId(1), stream: Stream::new(2, job) }
    }

    /// Of 20,000 answers of each kind, the shares checked and failed are the parameters,
    /// within five standard deviations (at most 355).
    #[test]
    fn rates_are_the_stated_ones() {
        let params = Params {
            sample: Share::percent(50),
            false_alarm: Share::percent(10),
            miss: Share::percent(30),
        };
        let kinds = [Truth::Right, Truth::Lazy, Truth::Substituted, Truth::Noisy];
        let table = [0.1, 0.7, 0.7, 0.7];
        for (truth, fails) in kinds.into_iter().zip(table) {
            let mut rule = SpotCheck::new(params).unwrap();
            let (mut checked, mut failed) = (0_i32, 0_i32);
            for job in 0..20_000 {
                let mut out = vec![];
                rule.apply(answered(job, truth, VERIFIER), &mut out).unwrap();
                let recheck =
                    Effect::Recheck { job: JobId(job), provider: NodeId(1), verifier: VERIFIER };
                if out == [recheck] {
                    checked += 1;
                    out.clear();
                    rule.apply(rechecked(job), &mut out).unwrap();
                    let Effect::Observed(seen) = out[1] else { panic!("observed second") };
                    let refuted = matches!(out[0], Effect::Refuted { .. });
                    assert_eq!(seen.score_ppm, if refuted { 0 } else { FULL });
                    assert_eq!(seen.confidence_ppm, if refuted { 900_000 } else { 700_000 });
                    failed += i32::from(refuted);
                } else {
                    let Effect::Observed(seen) = out[1] else { panic!("observed second") };
                    assert_eq!((seen.score_ppm, seen.confidence_ppm), (FULL, 0));
                }
            }
            assert!(rule.waiting.is_empty());
            assert!((checked - 10_000).abs() < 355, "{truth:?}: {checked} checked");
            let share = f64::from(failed) / f64::from(checked);
            assert!((share - fails).abs() < 0.025, "{truth:?}: {share} failed");
        }
    }

    #[test]
    fn nobody_checks_itself_and_a_lost_check_ends_in_trust() {
        let params = Params { sample: Share::ONE, ..Params::default() };
        let mut rule = SpotCheck::new(params).unwrap();
        let mut out = vec![];
        rule.apply(answered(0, Truth::Lazy, NodeId(1)), &mut out).unwrap();
        assert!(matches!(out[0], Effect::Accepted { .. }));
        out.clear();
        rule.apply(answered(1, Truth::Lazy, VERIFIER), &mut out).unwrap();
        assert!(rule.apply(answered(1, Truth::Lazy, VERIFIER), &mut out).is_err());
        let lost = Input::RecheckLost { job: JobId(1), provider: NodeId(1) };
        out.clear();
        rule.apply(lost, &mut out).unwrap();
        assert!(matches!(out[0], Effect::Accepted { .. }));
        assert_eq!(rule.apply(rechecked(1), &mut out), Err(Rejected::NotOpen(1)));
    }
}
