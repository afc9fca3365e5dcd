//! Stage one: what is wanted.
//!
//! One instance serves the whole network and produces one job at a time, in the order of
//! arrival. A generator never opens a file: it asks the host for the next line of a request
//! trace and is handed it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, ParamError, Rejected, SimDuration, SimTime, StateMachine, Stream};

use crate::RuleInfo;
use crate::request_trace::{Format, Request};

pub mod lengths;
pub mod poisson;
pub mod trace;

/// The demand rule of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DemandSpec {
    /// Independent users: exponential gaps, lognormal lengths.
    Poisson(poisson::Params),
    /// A recorded request trace, replayed.
    Trace(trace::Params),
}

/// A demand generator.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Demand {
    /// See [`poisson`].
    Poisson(poisson::Poisson),
    /// See [`trace`].
    Trace(trace::Trace),
}

/// What can happen to a generator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// The next job is wanted; it may arrive no earlier than `now`.
    Next {
        /// The arrival of the job before, or the start.
        now: SimTime,
        /// Draws for this job.
        stream: Stream,
    },
    /// The host read the request that [`Effect::ReadRequest`] asked for.
    Read {
        /// The arrival of the job before, or the start.
        now: SimTime,
        /// The request, or `None` at the end of the trace.
        request: Option<Request>,
    },
}

/// What a generator can ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// A job arrives.
    Arrives {
        /// When, never before the previous one.
        at: SimTime,
        /// Tokens of the prompt, at least 1.
        prompt_tokens: u32,
        /// Tokens to generate, at least 1.
        output_tokens: u32,
        /// How long the user waits for the answer.
        patience: SimDuration,
    },
    /// Read the next request of the trace and hand it in as [`Input::Read`].
    ReadRequest,
    /// Start reading the trace from its beginning; a [`Effect::ReadRequest`] follows.
    Rewind,
    /// There will be no further job.
    Ended,
}

impl DemandSpec {
    /// The rules of this stage, in the order of registration.
    #[must_use]
    pub fn catalogue() -> Vec<RuleInfo> {
        vec![poisson::INFO, trace::INFO]
    }

    /// The key of the chosen rule.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Poisson(_) => poisson::INFO.name,
            Self::Trace(_) => trace::INFO.name,
        }
    }

    /// Numbers from the world that the chosen rule carries.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Poisson(params) => params.facts(),
            Self::Trace(params) => params.facts(),
        }
    }

    /// The request trace to read, as written in the scenario, and its format; `None` where
    /// the rule reads none, or where the format is neither stated nor told by the file's
    /// extension (which [`Demand::new`] reports).
    #[must_use]
    pub fn file(&self) -> Option<(&str, Format)> {
        match self {
            Self::Poisson(_) => None,
            Self::Trace(params) => Some((&params.file, params.format()?)),
        }
    }
}

impl StateMachine for Demand {
    type Params = DemandSpec;
    type Input = Input;
    type Effect = Effect;

    fn new(spec: DemandSpec) -> Result<Self, ParamError> {
        Ok(match spec {
            DemandSpec::Poisson(params) => Self::Poisson(poisson::Poisson::new(params)?),
            DemandSpec::Trace(params) => Self::Trace(trace::Trace::new(params)?),
        })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match self {
            Self::Poisson(rule) => rule.apply(input, out),
            Self::Trace(rule) => rule.apply(input, out),
        }
    }
}

/// How long a user waits unless the scenario says otherwise.
fn patience() -> SimDuration {
    SimDuration::from_secs(60)
}

fn check_patience(patience: SimDuration) -> Result<(), ParamError> {
    ParamError::unless(patience > SimDuration::ZERO, "patience", patience, "above 0")
}
