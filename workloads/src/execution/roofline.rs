//! Serving machines whose every step costs what a smooth roofline of the hardware says.
//!
//! Each node serves one model with a number of slots (concurrent sequences) and a waiting
//! line, first come, first served; a job's context must fit beside the weights. How long a
//! job takes is fixed when it starts.
//!
//! # How long
//! One operation of `F` FLOP on `B` bytes takes
//! `t0 + ((F / (ec P))^q + (B / (em BW))^q)^(1/q)`, see [`HardwareProfile`]. A forward step
//! through `L` layers has `5 L + 1` of them: four matrix products and the attention of every
//! layer, and the head. A call with prompt `P` and answer `O` that starts as one of `n` busy
//! slots takes `prefill(P) + (O - 1) decode(n, C) + (n - 1) O r`: its own prefill, the steps
//! that it shares with `n - 1` neighbours (`C`: the context of all of them), and their
//! prefills (`r`: seconds of prefill for every token answered, over all calls this node has
//! started). `n` and `C` are frozen at the start. Left out: norms, sampling, the host's own
//! time, chunks and preemptions of the engine, several accelerators a node.
//!
//! # How near
//! Against real engines, from their requests alone, nothing fitted (`tests/real_engines.rs`):
//!
//! | deployment | whole run | mean request |
//! |---|---|---|
//! | Llama 3.1 8B on RTX 4090, vLLM 0.19, 300 requests at 10/s, memory short | +0.6 % | -3.5 % |
//! | the same on RTX PRO 6000, 128 slots, memory ample | -1.4 % | -32 % |
//! | Qwen3 32B fp8 on H100, TensorRT-LLM 1.0, 32 at a time | | -8 % |
//!
//! Throughput is right; a request is too fast while the machine fills up behind it, since its
//! occupancy is frozen. That matters with many slots and bursts, little with the few slots of
//! the default.
//!
//! | | input | effect |
//! |---|---|---|
//! | R1 | node joins | – |
//! | R2 | work submitted, slot and memory free, nobody waits | started |
//! | R3 | work submitted, otherwise, room in line | queued |
//! | R4 | work submitted, line full, or too long for the memory | refused |
//! | R5 | running work finished | the first in line started, while it fits |
//! | R6 | waiting work abandoned | as R5; running work runs on |
//! | R7 | node crashed | all its work lost |

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{
    Fact, Fidelity, HardwareProfile, NodeId, ParamError, Rejected, Share, SimDuration, StateMachine,
};

use super::cost::{self, Cost, Crowd};
use super::machine::{Admission, Job, Machine};
use super::{Effect, Input, Load, Ticket};
use crate::RuleInfo;
use crate::models::{Model, float};

/// Its entry in the catalogue.
pub const INFO: RuleInfo = RuleInfo {
    stage: "execution",
    name: "roofline",
    summary: "Every step of a model costs what a smooth roofline of the hardware says.",
    source: "Williams, Waterman, Patterson, Roofline (CACM 52(4), 2009), with a rounded corner; \
             step composition after microsoft/vidur @ 7d475133",
};

/// What a scenario may set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// The model that every node serves.
    pub model: Model,
    /// Bytes of a weight: 2 for bf16, 1 for fp8, 0.56 for 4 bits with scales; 0.1 to 4.
    /// Products are charged at the bf16 peak whatever the weights are stored as.
    pub weight_bytes: f64,
    /// Concurrent sequences of a node, 1 to 1024.
    pub slots: u32,
    /// Jobs that may wait in line at a node, at most 1,000,000.
    pub queue_limit: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self { model: Model::default(), weight_bytes: 2.0, slots: 8, queue_limit: 1024 }
    }
}

impl Params {
    /// Numbers that describe the world.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let assumed = |what, value: String, reason| {
            Fact::new(format!("execution.roofline.{what}"), value, Fidelity::Assumed, reason)
        };
        let mut facts = self.model.shape().facts();
        facts.extend([
            assumed("weight_bytes", self.weight_bytes.to_string(), "chosen by the scenario"),
            assumed("slots", self.slots.to_string(), "chosen by the scenario"),
            assumed("queue_limit", self.queue_limit.to_string(), "chosen by the scenario"),
            Fact::new(
                "execution.roofline.memory_share",
                "90%",
                Fidelity::Published,
                "vLLM, default of gpu_memory_utilization",
            ),
            assumed(
                "attention_efficiency",
                "as matrix products".to_owned(),
                "no fit for every accelerator",
            ),
        ]);
        facts
    }

    /// Whether a node with this hardware can serve the model at all.
    ///
    /// # Errors
    /// `hardware` if a number of the profile is out of its domain; `model` if its weights
    /// leave no room for a single token of context.
    pub fn supports(&self, hardware: &HardwareProfile) -> Result<(), ParamError> {
        let fraction = |x: f64| x > 0.0 && x <= 1.0;
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let sound = positive(hardware.peak_flops)
            && positive(hardware.memory_bandwidth)
            && fraction(hardware.compute_efficiency)
            && fraction(hardware.memory_efficiency)
            && hardware.overhead_seconds >= 0.0
            && hardware.overhead_seconds.is_finite()
            && (1.0..=1000.0).contains(&hardware.sharpness);
        let numbers = "positive limits, efficiencies in 0..1, overhead from 0, sharpness 1 to 1000";
        ParamError::unless(sound, "hardware", &hardware.name, numbers)?;
        let shape = self.model.shape();
        let room = cost::room(hardware, shape, self.weight_bytes);
        let gigabytes = self.weight_bytes * float(shape.total_params()) / 1e9;
        let found = format!("{} ({gigabytes:.1} GB of weights) on {}", self.model, hardware.name);
        ParamError::unless(room > 0, "model", found, "weights below 90% of the memory")
    }

    /// How long a call takes on this hardware as one of `running` equal calls (clamped to 1
    /// up to the slots).
    #[must_use]
    pub fn service_time(
        &self,
        hardware: &HardwareProfile,
        prompt_tokens: u32,
        output_tokens: u32,
        running: u32,
    ) -> SimDuration {
        let slots = self.slots.max(1);
        let mut cost = Cost::new(hardware.clone(), self.model.shape(), self.weight_bytes, slots);
        let prefill = cost.prefill(prompt_tokens);
        let running = running.clamp(1, slots);
        let crowd = Crowd::of_equals(prefill, prompt_tokens, output_tokens, running);
        cost::scaled(cost.call(prefill, output_tokens, &crowd), Share::ONE)
    }
}

/// The serving machines of all nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Roofline {
    params: Params,
    /// One for every different hardware.
    costs: Vec<Cost>,
    /// By node, with the index of its cost model.
    nodes: Vec<(u32, Machine)>,
}

impl Roofline {
    /// How loaded a node is; all zero for one that has not joined.
    #[must_use]
    pub fn load(&self, node: NodeId) -> Load {
        self.nodes.get(node.0 as usize).map_or(Load::default(), |(_, machine)| Load {
            slots: self.params.slots,
            running: machine.running(),
            waiting: machine.waiting(),
        })
    }

    fn joined(&mut self, node: NodeId, profile: HardwareProfile) -> Result<(), Rejected> {
        if node.0 as usize != self.nodes.len() {
            return Err(Rejected::NotPermitted("nodes join in the order of their ids"));
        }
        let known = self.costs.iter().position(|cost| cost.is_of(&profile));
        let index = known.unwrap_or_else(|| {
            let Params { model, weight_bytes, slots, .. } = self.params;
            self.costs.push(Cost::new(profile, model.shape(), weight_bytes, slots));
            self.costs.len() - 1
        });
        let room = self.costs[index].room();
        let machine = Machine::new(self.params.slots, self.params.queue_limit, room);
        let index = u32::try_from(index).expect("fewer than nodes, whose ids are u32");
        self.nodes.push((index, machine));
        Ok(())
    }

    fn node(&mut self, node: NodeId) -> Result<(&mut Cost, &mut Machine), Rejected> {
        let (cost, machine) =
            self.nodes.get_mut(node.0 as usize).ok_or(Rejected::UnknownNode(node))?;
        Ok((&mut self.costs[*cost as usize], machine))
    }
}

/// The start of a job that has just taken its slot.
fn started(cost: &mut Cost, machine: &mut Machine, node: NodeId, job: &Job) -> Effect {
    let prefill = cost.prefill(job.prompt_tokens);
    let crowd = machine.crowd(SimDuration::from_secs_f64(prefill), job.output_tokens);
    let seconds = cost.call(prefill, job.output_tokens, &crowd);
    Effect::Started { node, ticket: job.ticket, takes: cost::scaled(seconds, job.work) }
}

/// Starts from the line while there is room.
fn refill(cost: &mut Cost, machine: &mut Machine, node: NodeId, out: &mut Vec<Effect>) {
    while let Some(job) = machine.start_next() {
        out.push(started(cost, machine, node, &job));
    }
}

impl StateMachine for Roofline {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        let bytes = params.weight_bytes;
        ParamError::unless((0.1..=4.0).contains(&bytes), "weight_bytes", bytes, "0.1 to 4")?;
        ParamError::unless((1..=1024).contains(&params.slots), "slots", params.slots, "1 to 1024")?;
        let limit = params.queue_limit;
        ParamError::unless(limit <= 1_000_000, "queue_limit", limit, "at most 1000000")?;
        Ok(Self { params, costs: Vec::new(), nodes: Vec::new() })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::NodeJoined { node, profile } => self.joined(node, profile)?,
            Input::Submitted { node, ticket, prompt_tokens, output_tokens, work } => {
                let (cost, machine) = self.node(node)?;
                let job = Job { ticket, prompt_tokens, output_tokens, work };
                out.push(match machine.submit(job) {
                    Admission::Started => started(cost, machine, node, &job),
                    Admission::Queued => Effect::Queued { node, ticket },
                    Admission::Refused => Effect::Refused { node, ticket },
                });
            }
            Input::Finished { node, ticket } => {
                let (cost, machine) = self.node(node)?;
                machine.finish(ticket)?;
                refill(cost, machine, node, out);
            }
            Input::Abandoned { node, ticket } => {
                let (cost, machine) = self.node(node)?;
                machine.abandon(ticket)?;
                refill(cost, machine, node, out);
            }
            Input::Crashed { node } => {
                let (_, machine) = self.node(node)?;
                out.extend(machine.crash().map(|ticket: Ticket| Effect::Lost { node, ticket }));
            }
        }
        Ok(())
    }
}
