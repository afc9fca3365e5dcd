//! A recorded request trace, replayed.
//!
//! A request that the trace holds at offset `o` arrives at `start + o / speed`, where `start`
//! is the time of the first call: the first request arrives at once. With `repeat`, the trace
//! begins again one mean gap of its own after its last request. A trace whose requests all
//! share one time has no mean gap and is not repeated.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, Fidelity, ParamError, Rejected, SimDuration, SimTime, StateMachine};

use super::{Effect, Input};
use crate::RuleInfo;
use crate::request_trace::Format;

/// Its entry in the catalogue.
pub const INFO: RuleInfo = RuleInfo {
    stage: "demand",
    name: "trace",
    summary: "A recorded request trace, replayed at its own pace or faster.",
    source: "Azure/AzurePublicDataset @ b469a113 (Splitwise, ISCA 2024); \
             kvcache-ai/Mooncake @ 3b5a5941 (FAST 2025)",
};

/// What a scenario may set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The trace, relative to the scenario's directory.
    pub file: String,
    /// How it is written; by its extension if left out.
    #[serde(default)]
    pub format: Option<Format>,
    /// Whether it begins again after its end.
    #[serde(default)]
    pub repeat: bool,
    /// How many times faster than recorded it is replayed: 1e-6 to 1e6.
    #[serde(default = "recorded_speed")]
    pub speed: f64,
    /// How long a user waits for the whole answer, above 0.
    #[serde(default = "super::patience")]
    pub patience: SimDuration,
}

fn recorded_speed() -> f64 {
    1.0
}

impl Params {
    /// The format stated, or told by the file's extension.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        self.format.or_else(|| Format::of_file(&self.file))
    }

    /// Numbers that describe the world.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let fact = |what, value, class, source| {
            Fact::new(format!("demand.trace.{what}"), value, class, source)
        };
        let mut facts = vec![
            fact("file", self.file.clone(), Fidelity::Measured, "recorded requests"),
            fact(
                "patience",
                self.patience.to_string(),
                Fidelity::Assumed,
                "traces record no user who gave up",
            ),
        ];
        #[expect(clippy::float_cmp, reason = "the default is exact")]
        if self.speed != recorded_speed() {
            let speed = self.speed.to_string();
            facts.push(fact("speed", speed, Fidelity::Assumed, "chosen by the scenario"));
        }
        facts
    }
}

/// The generator. Offsets and gaps are in replayed time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    repeat: bool,
    speed: f64,
    patience: SimDuration,
    phase: Phase,
    /// When the current lap's offset 0 is.
    start: SimTime,
    /// Requests of the current lap, and the offset of the latest.
    requests: u64,
    latest: SimDuration,
}

/// What is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Unstarted,
    Idle,
    Reading,
    Ended,
}

impl Trace {
    /// Replayed time of a recorded offset.
    fn replayed(&self, offset: SimDuration) -> SimDuration {
        #[expect(clippy::float_cmp, reason = "the default is exact, and then offsets are kept")]
        if self.speed == recorded_speed() {
            offset
        } else {
            SimDuration::from_secs_f64(offset.seconds() / self.speed)
        }
    }

    /// Where the next lap starts, one mean gap behind the latest request; `None` if there is
    /// none.
    fn next_lap(&self) -> Option<SimTime> {
        let gaps = self.requests.checked_sub(1).filter(|&gaps| gaps > 0)?;
        let mean = self.latest.0 / gaps;
        (self.repeat && mean > 0).then(|| self.start + self.latest + SimDuration(mean))
    }
}

impl StateMachine for Trace {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        ParamError::unless(!params.file.is_empty(), "file", "empty", "the path of a trace")?;
        ParamError::unless(
            params.format().is_some(),
            "format",
            format!("not stated for `{}`", params.file),
            "`azure_csv`, `mooncake_jsonl`, or a file named .csv or .jsonl",
        )?;
        let speed = params.speed;
        ParamError::unless((1e-6..=1e6).contains(&speed), "speed", speed, "1e-6 to 1e6")?;
        super::check_patience(params.patience)?;
        Ok(Self {
            repeat: params.repeat,
            speed,
            patience: params.patience,
            phase: Phase::Unstarted,
            start: SimTime::ZERO,
            requests: 0,
            latest: SimDuration::ZERO,
        })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match (input, self.phase) {
            (Input::Next { .. }, Phase::Ended) => out.push(Effect::Ended),
            (Input::Next { now, .. }, Phase::Unstarted | Phase::Idle) => {
                if self.phase == Phase::Unstarted {
                    self.start = now;
                }
                self.phase = Phase::Reading;
                out.push(Effect::ReadRequest);
            }
            (Input::Next { .. }, Phase::Reading) => {
                return Err(Rejected::NotPermitted("a request is being read"));
            }
            (Input::Read { now, request: Some(request) }, Phase::Reading) => {
                // A decoder never goes back in time; a reader that does is held in order.
                self.latest = self.latest.max(self.replayed(request.offset));
                self.requests += 1;
                self.phase = Phase::Idle;
                out.push(Effect::Arrives {
                    at: now.max(self.start + self.latest),
                    prompt_tokens: request.prompt_tokens,
                    output_tokens: request.output_tokens,
                    patience: self.patience,
                });
            }
            (Input::Read { request: None, .. }, Phase::Reading) => {
                if let Some(start) = self.next_lap() {
                    self.start = start;
                    self.requests = 0;
                    self.latest = SimDuration::ZERO;
                    out.extend([Effect::Rewind, Effect::ReadRequest]);
                } else {
                    self.phase = Phase::Ended;
                    out.push(Effect::Ended);
                }
            }
            (Input::Read { .. }, _) => {
                return Err(Rejected::NotPermitted("no request was asked for"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request_trace::Request;
    use proptest::prelude::*;
    use sim_types::Stream;

    fn params(repeat: bool, speed: f64) -> Params {
        let file = "requests.csv".to_owned();
        Params { file, format: None, repeat, speed, patience: SimDuration::from_secs(60) }
    }

    /// Plays the host: up to `jobs` arrivals of a trace with these offsets, starting at
    /// `start`.
    fn arrivals(params: Params, start: SimTime, offsets: &[u64], jobs: usize) -> Vec<u64> {
        let mut rule = Trace::new(params).expect("valid");
        let (mut now, mut at, mut reads) = (start, Vec::new(), offsets.iter());
        let mut pending = Vec::new();
        while at.len() < jobs {
            let stream = Stream::new(0, 0);
            rule.apply(Input::Next { now, stream }, &mut pending).expect("valid input");
            while !pending.is_empty() {
                match pending.remove(0) {
                    Effect::Ended => return at,
                    Effect::Rewind => reads = offsets.iter(),
                    Effect::ReadRequest => {
                        let request = reads.next().map(|&offset| Request {
                            offset: SimDuration(offset),
                            prompt_tokens: 1,
                            output_tokens: 1,
                        });
                        rule.apply(Input::Read { now, request }, &mut pending).expect("asked for");
                    }
                    Effect::Arrives { at: next, .. } => {
                        assert!(next >= now);
                        now = next;
                        at.push(now.0);
                    }
                }
            }
        }
        at
    }

    #[test]
    fn replays_scale_and_repeat() {
        type Case = (bool, f64, &'static [u64], usize, &'static [u64]);
        let start = SimTime(1_000);
        let table: [Case; 6] = [
            (false, 1.0, &[0, 10, 40], 9, &[1_000, 1_010, 1_040]),
            (false, 2.0, &[0, 10, 40], 9, &[1_000, 1_005, 1_020]),
            (true, 1.0, &[0, 10, 40], 5, &[1_000, 1_010, 1_040, 1_060, 1_070]),
            (true, 0.5, &[0, 10], 4, &[1_000, 1_020, 1_040, 1_060]),
            (true, 1.0, &[0, 0, 0], 9, &[1_000, 1_000, 1_000]),
            (true, 1.0, &[], 9, &[]),
        ];
        for (repeat, speed, offsets, jobs, want) in table {
            assert_eq!(arrivals(params(repeat, speed), start, offsets, jobs), want);
        }
    }

    #[test]
    fn parameters_outside_the_domain_are_named() {
        let file = |file: &str| Params { file: file.to_owned(), ..params(false, 1.0) };
        let table = [
            (file(""), "file"),
            (file("requests.parquet"), "format"),
            (params(false, 0.0), "speed"),
            (params(false, f64::NAN), "speed"),
            (Params { patience: SimDuration::ZERO, ..params(false, 1.0) }, "patience"),
        ];
        for (params, field) in table {
            assert_eq!(Trace::new(params).expect_err("outside").field, field);
        }
        let stated = Params { format: Some(Format::AzureCsv), ..file("requests.parquet") };
        assert!(Trace::new(stated).is_ok());
    }

    #[test]
    fn inputs_out_of_turn_change_nothing() {
        let mut rule = Trace::new(params(false, 1.0)).expect("valid");
        let mut out = Vec::new();
        let now = SimTime::ZERO;
        let next = || Input::Next { now, stream: Stream::new(0, 0) };
        let before = rule.clone();
        assert!(rule.apply(Input::Read { now, request: None }, &mut out).is_err());
        assert_eq!((&rule, out.len()), (&before, 0));
        rule.apply(next(), &mut out).expect("first");
        let before = rule.clone();
        assert!(rule.apply(next(), &mut out).is_err());
        assert_eq!((&rule, out.len()), (&before, 1));
    }

    proptest! {
        /// Every request arrives once in every lap, in order, and laps have one length.
        #[test]
        fn laps_repeat(gaps in prop::collection::vec(0..1_000_u64, 1..20), speed in 0.1..10.0_f64) {
            prop_assume!(gaps.iter().sum::<u64>() > 100 * gaps.len() as u64);
            let mut offsets = vec![0];
            offsets.extend(gaps.iter().scan(0, |sum, gap| { *sum += gap; Some(*sum) }));
            let n = offsets.len();
            let at = arrivals(params(true, speed), SimTime(5), &offsets, 3 * n);
            prop_assert_eq!(at.len(), 3 * n);
            let lap = at[n] - at[0];
            for (first, second) in at.iter().zip(&at[n..]) {
                prop_assert_eq!(second - first, lap);
            }
        }
    }
}
