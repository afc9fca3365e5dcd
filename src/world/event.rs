//! Everything that can happen, as two closed enums: in a subnet, and to the whole network.

use serde::{Deserialize, Serialize};
use sim_core::engine::{Entity, EventWord};
use sim_types::NodeId;

/// The entity that stands for all users of a subnet.
pub const USERS: Entity = Entity(0);
/// The entity that stands for the chain and everything else that reaches all subnets.
pub const CHAIN: Entity = Entity(1);
/// The entity that ends the run. It comes after [`CHAIN`], so that a slot at the horizon is
/// still handled.
pub const HORIZON: Entity = Entity(2);
/// How many entities the whole network has besides those of its subnets.
pub const NETWORK_ENTITIES: u32 = 3;
/// Entities of a subnet below this number are not nodes.
const FIRST_NODE: u32 = 2;

/// The entity of a node.
#[must_use]
pub fn entity(node: NodeId) -> Entity {
    Entity(node.0 + FIRST_NODE)
}

/// How many entities a subnet of so many nodes has.
#[must_use]
pub fn entities(nodes: u32) -> u32 {
    nodes + FIRST_NODE
}

/// What can happen in a subnet. Append only: the order is part of the event digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A user sends a job with so many tokens, patience in nanoseconds.
    JobSubmitted {
        /// Jobs that users of the whole network had sent before.
        count: u32,
        /// Tokens of the prompt.
        prompt_tokens: u32,
        /// Tokens to generate.
        output_tokens: u32,
        /// Nanoseconds.
        patience: u64,
    },
    /// A validator's next probe is due.
    ProbeDue {
        /// Whose.
        validator: NodeId,
    },
    /// A request reaches a provider, or a recheck begins at a verifier.
    RequestArrived {
        /// Where.
        node: NodeId,
        /// Which piece of work.
        work: u64,
    },
    /// A slot time is over.
    ServiceDone {
        /// Where.
        node: NodeId,
        /// Which piece of work.
        work: u64,
    },
    /// An answer reaches the one who waits for it: a validator, or else the users.
    AnswerArrived {
        /// Which piece of work.
        work: u64,
        /// The verifier it travels to or through, if any.
        at: Option<NodeId>,
    },
    /// The customer's patience is over.
    PatienceOver {
        /// Which job.
        job: u64,
    },
    /// A validator publishes its weights.
    WeightsDue {
        /// Who.
        validator: NodeId,
    },
    /// A provider has changed its model, and says so.
    ModelChanged {
        /// Who.
        node: NodeId,
    },
}

/// What can happen to the whole network. Append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkEvent {
    /// The chain's next slot.
    SlotDue,
    /// A scheduled fault or its end, by its number in the plan's order.
    FaultDue {
        /// Which.
        index: u32,
    },
    /// A scheduled change of a parameter.
    ChangeDue {
        /// Which.
        index: u32,
    },
    /// The load is sampled.
    SampleDue,
    /// The run ends.
    HorizonReached,
    /// In the aggregate resolution: the next blocks are due, all at once.
    BlocksDue,
}

impl EventWord for Event {
    fn entity(&self) -> Entity {
        match *self {
            Self::JobSubmitted { .. } | Self::PatienceOver { .. } => USERS,
            Self::AnswerArrived { at, .. } => at.map_or(USERS, entity),
            Self::ProbeDue { validator } | Self::WeightsDue { validator } => entity(validator),
            Self::RequestArrived { node, .. }
            | Self::ServiceDone { node, .. }
            | Self::ModelChanged { node } => entity(node),
        }
    }

    fn word(&self) -> u64 {
        let (kind, content): (u64, u64) = match *self {
            Self::JobSubmitted { count, prompt_tokens, output_tokens, patience } => {
                let tokens = u64::from(prompt_tokens) << 32 | u64::from(output_tokens);
                (0, patience ^ tokens ^ u64::from(count).rotate_left(48))
            }
            Self::ProbeDue { .. } => (1, 0),
            Self::RequestArrived { work, .. } => (2, work),
            Self::ServiceDone { work, .. } => (3, work),
            Self::AnswerArrived { work, .. } => (4, work),
            Self::PatienceOver { job } => (5, job),
            Self::WeightsDue { .. } => (6, 0),
            Self::ModelChanged { .. } => (12, 0),
        };
        content.rotate_left(8) ^ kind
    }
}

impl EventWord for NetworkEvent {
    fn entity(&self) -> Entity {
        match self {
            Self::HorizonReached => HORIZON,
            _ => CHAIN,
        }
    }

    fn word(&self) -> u64 {
        let (kind, content): (u64, u64) = match *self {
            Self::SlotDue => (7, 0),
            Self::FaultDue { index } => (8, index.into()),
            Self::ChangeDue { index } => (9, index.into()),
            Self::SampleDue => (10, 0),
            Self::HorizonReached => (11, 0),
            Self::BlocksDue => (12, 0),
        };
        content.rotate_left(8) ^ kind
    }
}

/// Events are copied in and out of queues.
const _: () = assert!(size_of::<Event>() <= 24);
