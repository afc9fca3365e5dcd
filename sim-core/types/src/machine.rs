//! The contract every rule fulfils.

use crate::id::NodeId;

/// A rule as a pure state machine: same parameters, same inputs, same effects.
///
/// Implementors hold no clock, no random source and no handle to the world. What they need
/// arrives in `Input` (randomness as a [`crate::Stream`]); what they want done leaves in
/// `Effect`. The whole state is `Clone` and serialisable, since snapshots and replicas live
/// on it.
pub trait StateMachine:
    Clone + core::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned
{
    /// What a scenario may set.
    type Params;
    /// Everything that can happen to the rule.
    type Input;
    /// Everything the rule can ask for.
    type Effect;

    /// Version of the serialised state; raised whenever its shape changes.
    const STATE_VERSION: u32 = 1;

    /// Builds the initial state.
    ///
    /// # Errors
    /// Names the parameter that is out of its domain.
    fn new(params: Self::Params) -> Result<Self, ParamError>;

    /// Takes one step, appending to `out`.
    ///
    /// # Errors
    /// A rejected input is an observation about an actor, not a failure of the run: it is
    /// counted and traced, and the state and `out` are left untouched.
    fn apply(&mut self, input: Self::Input, out: &mut Vec<Self::Effect>) -> Result<(), Rejected>;
}

/// A parameter outside its domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {found}, expected {expected}")]
pub struct ParamError {
    /// The field as written in the scenario, relative to the rule: `kappa`, `probe.every`.
    pub field: &'static str,
    /// What was found.
    pub found: String,
    /// What would be acceptable.
    pub expected: &'static str,
}

impl ParamError {
    /// A parameter error from its three parts.
    pub fn new(
        field: &'static str,
        found: impl core::fmt::Display,
        expected: &'static str,
    ) -> Self {
        Self { field, found: found.to_string(), expected }
    }

    /// Fails unless `ok`.
    ///
    /// # Errors
    /// The error described by the arguments, when `ok` is false.
    pub fn unless(
        ok: bool,
        field: &'static str,
        found: impl core::fmt::Display,
        expected: &'static str,
    ) -> Result<(), Self> {
        if ok { Ok(()) } else { Err(Self::new(field, found, expected)) }
    }
}

/// An input that the rule's own protocol forbids. Counted and traced, never fatal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The actor is not part of this rule.
    #[error("unknown node {0}")]
    UnknownNode(NodeId),
    /// A uid beyond the members of the subnet.
    #[error("uid {got} where members end at {members}")]
    UnknownUid {
        /// The uid received.
        got: u16,
        /// How many members there are.
        members: u16,
    },
    /// The same uid twice in one row, or rows out of ascending order.
    #[error("uid {0} repeated or out of order")]
    UidOrder(u16),
    /// Not allowed to do this now.
    #[error("not permitted: {0}")]
    NotPermitted(&'static str),
    /// A reference to something that is not open (any more).
    #[error("nothing open under this name: {0}")]
    NotOpen(u64),
    /// A queue or block has no room.
    #[error("full: {0}")]
    Full(&'static str),
}
