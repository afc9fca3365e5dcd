//! What flows between the six stages: [`JobSpec`], [`Match`],
//! [`Completion`], [`Observation`], [`Finalised`], [`Payout`], plus the words for how work can go wrong.

use serde::{Deserialize, Serialize};

use crate::id::{EpochIndex, Height, JobId, NodeId, SubnetId, TxId};
use crate::money::Amount;
use crate::time::{SimDuration, SimTime};

/// What kind of work a job is. Append only: the order is stored in traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// One call of a language model: a prompt in, tokens out.
    Inference,
}

/// Who wants a job. Append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// A paying user.
    User,
    /// A validator testing a provider.
    Probe(NodeId),
}

/// One piece of work somebody wants. Produced by *demand*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// Its name.
    pub id: JobId,
    /// Kind of work.
    pub kind: JobKind,
    /// Who wants it.
    pub origin: Origin,
    /// Where it is wanted.
    pub subnet: SubnetId,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens to generate.
    pub output_tokens: u32,
    /// How long the customer waits for the answer before giving up.
    pub patience: SimDuration,
}

/// Who does a job and for how much. Produced by *market*. One job, one or more providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// The job.
    pub job: JobId,
    /// The validator the request travels through, if the market has such.
    pub via: Option<NodeId>,
    /// Who works on it: several where verification asks for replicas.
    pub providers: Vec<NodeId>,
    /// What the customer pays each provider for an accepted answer.
    pub price: Amount,
}

/// The hidden truth about an answer, which verification can only sense. Append only.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// The work that was asked for.
    #[default]
    Right,
    /// Less work than asked: cut short or cached.
    Lazy,
    /// Another, cheaper model.
    Substituted,
    /// Honest work that came out wrong.
    Noisy,
}

/// An answer that came back. Produced by *execution*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The job.
    pub job: JobId,
    /// Who wants it.
    pub origin: Origin,
    /// Who worked.
    pub provider: NodeId,
    /// Hidden ground truth.
    pub truth: Truth,
    /// Hidden quality of the answer in parts per million, 1,000,000 = perfect.
    pub quality_ppm: u32,
    /// Fingerprint of the answer: equal for all right answers to one job.
    pub answer: u64,
    /// From the request's departure to the answer's arrival.
    pub latency: SimDuration,
    /// Tokens asked for, prompt and output together: the size of the work.
    pub tokens: u32,
}

/// Why a job ended without an answer. Append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Nobody could serve it: no provider is up, or the kind is not served here.
    Unserved,
    /// The answer did not come within the customer's patience.
    TimedOut,
    /// The provider's queue was full.
    Refused,
    /// The answer came and verification rejected it.
    Rejected,
}

/// What a verifier says of a subject. Produced by *verification*; the one currency between
/// verification and reward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Who says it. Equal to the subject where an answer is taken on trust.
    pub verifier: NodeId,
    /// Of whom.
    pub subject: NodeId,
    /// On what occasion.
    pub job: JobId,
    /// Verdict or score in parts per million: 0 = worthless, 1,000,000 = perfect.
    pub score_ppm: u32,
    /// How sure the verifier is, in parts per million: 0 = taken on trust.
    pub confidence_ppm: u32,
    /// Size of the work observed, in tokens.
    pub tokens: u32,
}

/// A ledger transaction that counts from now on. Produced by *settlement*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finalised {
    /// The transaction.
    pub tx: TxId,
    /// The block that carries it.
    pub height: Height,
    /// When it became final.
    pub at: SimTime,
}

/// Why money was paid. Append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutReason {
    /// Reward for work, from emission.
    Incentive,
    /// Reward for verifying, from emission.
    Dividend,
    /// A customer's payment for one job.
    Price,
    /// A transaction fee.
    Fee,
    /// Emission that nobody earned, kept in the treasury.
    Withheld,
    /// What a validator's stake earned for those who staked behind it.
    Nominators,
}

/// Money that reached somebody. Produced by *reward* (with an epoch) or by a job's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    /// Who received it; `None` is the treasury.
    pub to: Option<NodeId>,
    /// How much.
    pub amount: Amount,
    /// Why.
    pub reason: PayoutReason,
    /// The reward period that caused it.
    pub epoch: Option<EpochIndex>,
    /// The job that caused it.
    pub job: Option<JobId>,
}
