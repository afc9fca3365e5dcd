//! Every answer is taken on trust.
//!
//! | rule | |
//! |---|---|
//! | R1 | an answer is accepted and counts as perfect, on nobody's word but the provider's: confidence 0 |
//! | R2 | a missing answer says nothing |
//!
//! It does not: look at answers, or tell who never delivers from who was never asked.
//!
//! Source: the baseline against which the other rules are compared.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, Observation, ParamError, Rejected, StateMachine};

use super::{Effect, Input};

/// Nothing to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {}

/// The rule; it remembers nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct None {}

impl crate::Rule for None {
    const NAME: &'static str = "none";
    const SUMMARY: &'static str = "Every answer is taken on trust.";
    const SOURCE: &'static str = "the baseline of the comparison";

    fn example() -> Params {
        Params {}
    }

    fn facts(_: &Params) -> Vec<Fact> {
        vec![]
    }
}

impl StateMachine for None {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(_: Params) -> Result<Self, ParamError> {
        Ok(Self {})
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            // R1
            Input::Completed { completion, .. } => {
                let (job, provider) = (completion.job, completion.provider);
                out.push(Effect::Accepted { job, provider });
                out.push(Effect::Observed(Observation {
                    verifier: provider,
                    subject: provider,
                    job,
                    score_ppm: 1_000_000,
                    confidence_ppm: 0,
                    tokens: completion.tokens,
                }));
            }
            // R2
            Input::Assigned { .. } | Input::Missing { .. } => {}
            Input::Rechecked { job, .. } | Input::RecheckLost { job, .. } => {
                return Err(Rejected::NotOpen(job.0));
            }
        }
        Ok(())
    }
}
