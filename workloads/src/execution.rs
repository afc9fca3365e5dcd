//! Stage three: how long work takes, where.
//!
//! One instance serves the whole network: it holds a serving machine for every node, each
//! with a number of slots and a waiting line, and a cost model that says how long a job
//! occupies a slot.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{
    Fact, HardwareProfile, NodeId, ParamError, Rejected, Share, SimDuration, StateMachine,
};

use crate::RuleInfo;

mod cost;
mod machine;
mod memo;
pub mod roofline;

/// The execution rule of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ExecutionSpec {
    /// Every step of a model costs what a smooth roofline of the hardware says.
    Roofline(roofline::Params),
}

/// The serving machines of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Execution {
    /// See [`roofline`].
    Roofline(roofline::Roofline),
}

/// One piece of work on one machine: chosen by the host, returned in the effects.
pub type Ticket = u64;

/// What can happen to the machines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// A node joins; nodes join in the order of their ids, from 0.
    NodeJoined {
        /// Who.
        node: NodeId,
        /// What it runs on.
        profile: HardwareProfile,
    },
    /// Work reaches a node. A ticket is used once.
    Submitted {
        /// Where.
        node: NodeId,
        /// Its name.
        ticket: Ticket,
        /// Tokens of the prompt.
        prompt_tokens: u32,
        /// Tokens to generate.
        output_tokens: u32,
        /// Share of the asked work that is really done: it takes this share of the time.
        work: Share,
    },
    /// A job's slot time is over: the answer to [`Effect::Started`].
    Finished {
        /// Where.
        node: NodeId,
        /// Which.
        ticket: Ticket,
    },
    /// Nobody waits for this job any more: it leaves the line, or its slot runs on for
    /// nothing (a started answer is computed to its end).
    Abandoned {
        /// Where.
        node: NodeId,
        /// Which.
        ticket: Ticket,
    },
    /// The node loses everything it was doing.
    Crashed {
        /// Who.
        node: NodeId,
    },
}

/// What the machines can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// A job occupies a slot for this long; call back with [`Input::Finished`].
    Started {
        /// Where.
        node: NodeId,
        /// Which.
        ticket: Ticket,
        /// How long.
        takes: SimDuration,
    },
    /// All slots are busy: the job waits in line.
    Queued {
        /// Where.
        node: NodeId,
        /// Which.
        ticket: Ticket,
    },
    /// The line is full, or the job's context would never fit into the machine's memory.
    Refused {
        /// Where.
        node: NodeId,
        /// Which.
        ticket: Ticket,
    },
    /// The node crashed under this job, running or waiting.
    Lost {
        /// Where.
        node: NodeId,
        /// Which.
        ticket: Ticket,
    },
}

/// How loaded a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Load {
    /// Slots it has.
    pub slots: u32,
    /// Jobs in slots.
    pub running: u32,
    /// Jobs in line.
    pub waiting: u32,
}

impl ExecutionSpec {
    /// The rules of this stage, in the order of registration.
    #[must_use]
    pub fn catalogue() -> Vec<RuleInfo> {
        vec![roofline::INFO]
    }

    /// The key of the chosen rule.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Roofline(_) => roofline::INFO.name,
        }
    }

    /// Numbers from the world that the chosen rule carries.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Roofline(params) => params.facts(),
        }
    }

    /// Whether a node with this hardware can serve at all; one that cannot refuses all work.
    ///
    /// # Errors
    /// What stands against it.
    pub fn supports(&self, hardware: &HardwareProfile) -> Result<(), ParamError> {
        match self {
            Self::Roofline(params) => params.supports(hardware),
        }
    }

    /// How long a call takes on this hardware as one of `running` equal calls.
    #[must_use]
    pub fn service_time(
        &self,
        hardware: &HardwareProfile,
        prompt_tokens: u32,
        output_tokens: u32,
        running: u32,
    ) -> SimDuration {
        match self {
            Self::Roofline(params) => {
                params.service_time(hardware, prompt_tokens, output_tokens, running)
            }
        }
    }
}

impl Execution {
    /// How loaded a node is; all zero for one that has not joined.
    #[must_use]
    pub fn load(&self, node: NodeId) -> Load {
        match self {
            Self::Roofline(rule) => rule.load(node),
        }
    }
}

impl StateMachine for Execution {
    type Params = ExecutionSpec;
    type Input = Input;
    type Effect = Effect;

    fn new(spec: ExecutionSpec) -> Result<Self, ParamError> {
        Ok(match spec {
            ExecutionSpec::Roofline(params) => Self::Roofline(roofline::Roofline::new(params)?),
        })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match self {
            Self::Roofline(rule) => rule.apply(input, out),
        }
    }
}
