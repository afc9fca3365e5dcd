//! Stage two: who serves whom, at what price.
//!
//! One instance serves one subnet. The host tells it who is there, what is wanted and what
//! became of it; the rule answers with matches, or says that nobody can serve.

use serde::{Deserialize, Serialize};
use sim_types::{JobId, JobSpec, Match, NodeId, SimDuration, Stream};

pub mod posted_price;
mod price;
mod roster;
pub mod validator_dispatch;

crate::stage! {
    /// The market rule of a scenario.
    "market": MarketSpec => Market {
        /// Providers post prices; customers take the best offer they happen to see.
        posted_price::PostedPrice,
        /// Jobs travel through validators, which also probe every provider once an epoch.
        validator_dispatch::ValidatorDispatch,
    }
}

/// What can happen to a market.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// A provider is there from now on.
    ProviderJoined {
        /// Who.
        node: NodeId,
    },
    /// A validator is there from now on.
    ValidatorJoined {
        /// Who.
        node: NodeId,
        /// Its stake, which decides how much traffic it attracts.
        stake: u64,
    },
    /// A participant went down: it is given no work until it is up again.
    NodeDown {
        /// Who.
        node: NodeId,
    },
    /// A participant is up again.
    NodeUp {
        /// Who.
        node: NodeId,
    },
    /// Somebody wants work done.
    JobArrived {
        /// What.
        job: JobSpec,
        /// How many providers verification wants on it, at least 1.
        replicas: u32,
        /// Draws for this job.
        stream: Stream,
    },
    /// A provider is done with a job or probe it was given, successfully or not.
    JobClosed {
        /// Which.
        job: JobId,
        /// Who.
        provider: NodeId,
    },
    /// The reward published new standings: shares of 65535 by provider.
    StandingsPublished {
        /// Member and standing, for every provider; validators among them are passed over.
        standings: Vec<(NodeId, u16)>,
    },
    /// A reward period began.
    EpochStarted {
        /// How long it will last.
        length: SimDuration,
        /// Draws for this period.
        stream: Stream,
    },
    /// A validator's next probe is due: the answer to [`Effect::ProbeAfter`].
    ProbeDue {
        /// Whose.
        validator: NodeId,
        /// Draws for this probe.
        stream: Stream,
    },
}

/// What a market can ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// These providers shall work on this job.
    Matched(Match),
    /// Nobody can serve this job.
    Unserved {
        /// Which.
        job: JobId,
    },
    /// Send a probe of this size from a validator to a provider.
    Probe {
        /// From whom.
        validator: NodeId,
        /// To whom.
        provider: NodeId,
        /// Tokens of the prompt.
        prompt_tokens: u32,
        /// Tokens to generate.
        output_tokens: u32,
        /// How long the validator waits for the answer.
        patience: SimDuration,
    },
    /// Call back with [`Input::ProbeDue`] for this validator.
    ProbeAfter {
        /// Whose probe.
        validator: NodeId,
        /// In how long.
        after: SimDuration,
    },
}
