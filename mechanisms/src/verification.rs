//! Stage four: was the work really done?
//!
//! One instance serves one subnet. It sees completions, whose hidden truth it may sense only
//! through its own error rates, and turns them into observations.

use serde::{Deserialize, Serialize};
use sim_types::{Completion, JobId, NodeId, Observation, Stream};

pub mod none;
pub mod redundancy;
pub mod scoring;
pub mod spot_check;

crate::stage! {
    /// The verification rule of a scenario.
    "verification": VerificationSpec => Verification {
        /// Every answer is taken on trust.
        none::None,
        /// Several providers answer; those that agree with the majority pass.
        redundancy::Redundancy,
        /// A verifier scores the answers it receives.
        scoring::Scoring,
        /// A sample of the answers is computed again by a verifier.
        spot_check::SpotCheck,
    }
}

/// What can happen to a verification rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// A job was given to providers: what the rule may need to know before answers come.
    Assigned {
        /// The job.
        job: JobId,
        /// How many answers to expect.
        replicas: u32,
    },
    /// An answer came back.
    Completed {
        /// The answer, with its hidden truth.
        completion: Completion,
        /// Who received it and may verify it: a validator, or the provider itself where the
        /// design has no verifiers (its word is then taken on trust).
        verifier: NodeId,
        /// Draws for this answer.
        stream: Stream,
    },
    /// No answer came: timed out, refused, or the provider crashed.
    Missing {
        /// The job.
        job: JobId,
        /// Who did not answer.
        provider: NodeId,
        /// Who waited.
        verifier: NodeId,
        /// Tokens asked for.
        tokens: u32,
    },
    /// A verifier finished computing an answer again: the reply to [`Effect::Recheck`].
    Rechecked {
        /// The job.
        job: JobId,
        /// Whose answer.
        provider: NodeId,
        /// Draws for this check.
        stream: Stream,
    },
    /// A recheck came to nothing: the verifier crashed or had no room. The rule must still
    /// decide: the answer is accepted or refuted without it.
    RecheckLost {
        /// The job.
        job: JobId,
        /// Whose answer.
        provider: NodeId,
    },
}

/// What a verification rule can ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Something is now believed of somebody.
    Observed(Observation),
    /// The answer of `provider` counts: the customer pays it. At most once a job and provider.
    Accepted {
        /// The job.
        job: JobId,
        /// Whose answer.
        provider: NodeId,
    },
    /// The answer of `provider` does not count.
    Refuted {
        /// The job.
        job: JobId,
        /// Whose answer.
        provider: NodeId,
    },
    /// Let `verifier` compute the job again (it costs the verifier the full work), then
    /// report [`Input::Rechecked`].
    Recheck {
        /// The job.
        job: JobId,
        /// Whose answer is in doubt.
        provider: NodeId,
        /// Who computes.
        verifier: NodeId,
    },
}

impl VerificationSpec {
    /// How many providers should work on each user job.
    #[must_use]
    pub fn replicas(&self) -> u32 {
        match self {
            Self::Redundancy(p) => p.replicas,
            Self::None(_) | Self::Scoring(_) | Self::SpotCheck(_) => 1,
        }
    }
}
