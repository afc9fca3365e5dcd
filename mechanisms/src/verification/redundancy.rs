//! Several providers answer a job; those who agree with the majority pass.
//!
//! | rule | |
//! |---|---|
//! | R1 | a job is judged when every provider it was given to has answered or is missing |
//! | R2 | the answer given most often wins; of several, the one with the lowest fingerprint |
//! | R3 | who gave it is accepted and scores 1, the others are refuted and score 0 |
//! | R4 | confidence is the share of the other providers that confirmed the winner |
//! | R5 | a missing answer scores 0 at once |
//! | R6 | a probe is one validator's question to one provider: taken on trust, confidence 0; it need not be announced, so a missing answer to an unknown job counts as a probe's |
//!
//! The lowest fingerprint (R2) depends on nobody's speed, so cutting work short does not win
//! ties. A lone answer wins with confidence 0.
//!
//! It does not: look at hidden truth (agreeing liars win), ask more providers when they
//! disagree, or judge late answers: a job is forgotten when it is judged.
//!
//! Source: majority voting over replicated results with a quorum, as in BOINC: Anderson,
//! "BOINC: A System for Public-Resource Computing and Storage", GRID 2004 (redundant
//! computing).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{
    Completion, Fact, Fidelity, JobId, NodeId, Observation, Origin, ParamError, Rejected,
    StateMachine, seeded,
};

use super::{Effect, Input};

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How many providers work on each user's job; 2 to 255, odd numbers leave fewer ties.
    /// Default 3: the least that tells a majority from a minority.
    #[serde(default = "three")]
    pub replicas: u32,
}

fn three() -> u32 {
    3
}

/// A job whose answers are coming in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Open {
    expected: u32,
    answers: Vec<Answer>,
    missing: Vec<NodeId>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Answer {
    provider: NodeId,
    verifier: NodeId,
    fingerprint: u64,
    tokens: u32,
}

/// The rule and its whole state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Redundancy {
    open: BTreeMap<JobId, Open>,
}

const FULL: u32 = 1_000_000;

impl crate::Rule for Redundancy {
    const NAME: &'static str = "redundancy";
    const SUMMARY: &'static str = "Several providers answer a job; those in the majority pass.";
    const SOURCE: &'static str = "Anderson, BOINC: A System for Public-Resource Computing and \
                                  Storage, GRID 2004";

    fn example() -> Params {
        Params { replicas: three() }
    }

    fn facts(params: &Params) -> Vec<Fact> {
        vec![Fact::new(
            "verification.redundancy.replicas",
            params.replicas.to_string(),
            Fidelity::Assumed,
            "the least that tells a majority from a minority is 3",
        )]
    }
}

impl StateMachine for Redundancy {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        let fits = (2..=255).contains(&params.replicas);
        ParamError::unless(fits, "replicas", params.replicas, "2 to 255")?;
        Ok(Self { open: BTreeMap::new() })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::Assigned { job, replicas } => {
                if replicas == 0 || self.open.contains_key(&job) {
                    return Err(Rejected::NotPermitted("assigned to nobody, or twice"));
                }
                self.open.insert(job, Open { expected: replicas, ..Open::default() });
            }
            Input::Completed { completion, verifier, .. } => {
                self.answer(&completion, verifier, out)?;
            }
            // R5
            Input::Missing { job, provider, verifier, tokens } => {
                if self.open.contains_key(&job) {
                    self.still_awaited(job, provider)?.missing.push(provider);
                }
                out.push(Effect::Observed(Observation {
                    verifier,
                    subject: provider,
                    job,
                    score_ppm: 0,
                    confidence_ppm: FULL,
                    tokens,
                }));
                self.judge_if_whole(job, out);
            }
            Input::Rechecked { job, .. } | Input::RecheckLost { job, .. } => {
                return Err(Rejected::NotOpen(job.0));
            }
        }
        Ok(())
    }
}

impl Redundancy {
    fn answer(
        &mut self,
        completion: &Completion,
        verifier: NodeId,
        out: &mut Vec<Effect>,
    ) -> Result<(), Rejected> {
        let &Completion { job, provider, tokens, answer: fingerprint, .. } = completion;
        let answer = Answer { provider, verifier, fingerprint, tokens };
        if let Origin::Probe(_) = completion.origin {
            // R6
            self.open.remove(&job);
            pass(job, answer, 0, out);
            return Ok(());
        }
        self.still_awaited(job, provider)?.answers.push(answer);
        self.judge_if_whole(job, out);
        Ok(())
    }

    /// The open job, if this provider's answer is neither here nor given up.
    fn still_awaited(&mut self, job: JobId, provider: NodeId) -> Result<&mut Open, Rejected> {
        let open = self.open.get_mut(&job).ok_or(Rejected::NotOpen(job.0))?;
        let known =
            open.missing.contains(&provider) || open.answers.iter().any(|a| a.provider == provider);
        if known { Err(Rejected::NotPermitted("answered or given up already")) } else { Ok(open) }
    }

    /// R1 to R4.
    fn judge_if_whole(&mut self, job: JobId, out: &mut Vec<Effect>) {
        let whole = |open: &Open| {
            let known = open.answers.len() + open.missing.len();
            seeded!(QuorumOffByOne, known + 1, known) >= open.expected as usize
        };
        if !self.open.get(&job).is_some_and(whole) {
            return;
        }
        let Some(open) = self.open.remove(&job) else { return };
        let mut votes: BTreeMap<u64, u32> = BTreeMap::new();
        for answer in &open.answers {
            *votes.entry(answer.fingerprint).or_default() += 1;
        }
        // R2: the last of equal maxima in descending order is the lowest fingerprint.
        let winner = votes.iter().rev().max_by_key(|&(_, &count)| count);
        let winner = seeded!(ChangedTieRule, votes.iter().max_by_key(|&(_, &count)| count), winner);
        let Some((&winner, &agreeing)) = winner else { return };
        let others = u64::from(open.expected - 1).max(1);
        let confirmed = u64::from(agreeing - 1) * u64::from(FULL) / others;
        let confidence_ppm = u32::try_from(confirmed).expect("at most a million");
        for answer in open.answers {
            if answer.fingerprint == winner {
                pass(job, answer, confidence_ppm, out);
                continue;
            }
            out.push(Effect::Refuted { job, provider: answer.provider });
            out.push(observed(job, answer, 0, confidence_ppm));
        }
    }
}

fn observed(job: JobId, answer: Answer, score_ppm: u32, confidence_ppm: u32) -> Effect {
    let Answer { provider: subject, verifier, tokens, .. } = answer;
    Effect::Observed(Observation { verifier, subject, job, score_ppm, confidence_ppm, tokens })
}

fn pass(job: JobId, answer: Answer, confidence_ppm: u32, out: &mut Vec<Effect>) {
    out.push(Effect::Accepted { job, provider: answer.provider });
    out.push(observed(job, answer, FULL, confidence_ppm));
}

#[cfg(test)]
mod tests {
    use sim_types::{SimDuration, Stream, Truth};

    use super::*;

    fn answered(provider: u32, answer: u64, origin: Origin) -> Input {
        Input::Completed {
            completion: Completion {
                job: JobId(1),
                origin,
                provider: NodeId(provider),
                truth: Truth::Right,
                quality_ppm: FULL,
                answer,
                latency: SimDuration::ZERO,
                tokens: 10,
            },
            verifier: NodeId(99),
            stream: Stream::new(0, 0),
        }
    }

    fn missing(provider: u32) -> Input {
        let (job, provider, verifier) = (JobId(1), NodeId(provider), NodeId(99));
        Input::Missing { job, provider, verifier, tokens: 10 }
    }

    /// (accepted providers, refuted providers, confidence of the verdicts).
    fn verdicts(out: &[Effect]) -> (Vec<u32>, Vec<u32>, u32) {
        let (mut accepted, mut refuted, mut confidence) = (vec![], vec![], 0);
        for effect in out {
            match effect {
                Effect::Accepted { provider, .. } => accepted.push(provider.0),
                Effect::Refuted { provider, .. } => refuted.push(provider.0),
                Effect::Observed(o) => {
                    let passed = accepted.contains(&o.subject.0);
                    assert_eq!(o.score_ppm, if passed { FULL } else { 0 });
                    confidence = o.confidence_ppm;
                }
                Effect::Recheck { .. } => panic!("never rechecks"),
            }
        }
        (accepted, refuted, confidence)
    }

    #[test]
    fn the_majority_wins_and_ties_go_to_the_lowest_fingerprint() {
        // (answers by provider, `None` missing) -> (accepted, refuted, confidence)
        type Row = (&'static [Option<u64>], &'static [u32], &'static [u32], u32);
        let table: [Row; 6] = [
            (&[Some(7), Some(7), Some(7)], &[0, 1, 2], &[], 1_000_000),
            (&[Some(3), Some(7), Some(7)], &[1, 2], &[0], 500_000),
            (&[Some(9), Some(7), Some(8)], &[1], &[0, 2], 0),
            (&[None, Some(8), Some(7)], &[2], &[1], 0),
            (&[None, None, Some(7)], &[2], &[], 0),
            (&[Some(9), Some(2), Some(9), Some(2)], &[1, 3], &[0, 2], 333_333),
        ];
        for (answers, accepted, refuted, confidence) in table {
            let mut rule = Redundancy::new(Params { replicas: 3 }).unwrap();
            let replicas = u32::try_from(answers.len()).unwrap();
            rule.apply(Input::Assigned { job: JobId(1), replicas }, &mut vec![]).unwrap();
            let mut out = vec![];
            for (provider, answer) in (0..).zip(answers) {
                assert!(verdicts(&out).0.is_empty(), "not before all are in");
                let input =
                    answer.map_or(missing(provider), |a| answered(provider, a, Origin::User));
                rule.apply(input, &mut out).unwrap();
            }
            let want = (accepted.to_vec(), refuted.to_vec(), confidence);
            assert_eq!(verdicts(&out), want, "{answers:?}");
            assert!(rule.open.is_empty(), "a judged job is forgotten");
            let late = rule.apply(answered(0, 7, Origin::User), &mut vec![]);
            assert_eq!(late, Err(Rejected::NotOpen(1)));
        }
    }

    #[test]
    fn nobody_answers_twice_or_after_being_given_up() {
        let mut rule = Redundancy::new(Params { replicas: 3 }).unwrap();
        let assigned = Input::Assigned { job: JobId(1), replicas: 3 };
        rule.apply(assigned.clone(), &mut vec![]).unwrap();
        assert!(rule.apply(assigned, &mut vec![]).is_err());
        rule.apply(answered(0, 1, Origin::User), &mut vec![]).unwrap();
        rule.apply(missing(1), &mut vec![]).unwrap();
        for provider in [0, 1] {
            assert!(rule.apply(answered(provider, 2, Origin::User), &mut vec![]).is_err());
            assert!(rule.apply(missing(provider), &mut vec![]).is_err());
        }
    }

    #[test]
    fn a_probe_is_taken_on_trust_whether_announced_or_not() {
        for announced in [false, true] {
            let mut rule = Redundancy::new(Params { replicas: 3 }).unwrap();
            if announced {
                let assigned = Input::Assigned { job: JobId(1), replicas: 1 };
                rule.apply(assigned, &mut vec![]).unwrap();
            }
            let mut out = vec![];
            rule.apply(answered(4, 1, Origin::Probe(NodeId(99))), &mut out).unwrap();
            assert_eq!(verdicts(&out), (vec![4], vec![], 0));
            assert!(rule.open.is_empty());
        }
        let mut out = vec![];
        Redundancy::new(Params { replicas: 3 }).unwrap().apply(missing(4), &mut out).unwrap();
        assert!(matches!(out[..], [Effect::Observed(Observation { score_ppm: 0, .. })]));
    }
}
