//! The host: the only code that knows both the rules and the engine.
//!
//! It turns events into inputs, and effects into ledger entries, messages, trace rows and
//! further events. Every stage is asked through its own vocabulary; the host decides nothing
//! that a rule could decide.
//!
//! | file | does |
//! |---|---|
//! | `build` | plan → world at time zero |
//! | `event` | the closed enum of what can happen |
//! | `demand` | stage 1: draws jobs, reads request traces |
//! | `work` | stages 2 and 3: matches, messages, machines, patience |
//! | `observe` | stage 4, and from observations to weights |
//! | `chain` | stages 5 and 6: blocks, ledger, epochs, payouts |
//! | `disturb` | faults and changes of parameters |
//! | `load` | how busy the machines are |

mod build;
mod chain;
mod demand;
mod disturb;
pub mod event;
mod load;
mod observe;
mod slab;
mod work;

use mechanisms::behaviour::Behaviour;
use mechanisms::market::{self, Market};
use mechanisms::reward::{self, Reward, RewardSpec};
use mechanisms::settlement;
use mechanisms::verification::{self, Verification};
use mechanisms::weights::{self, Weights};
use serde::{Deserialize, Serialize};
use sim_core::engine::{Cx, Model};
use sim_core::ledger::Ledger;
use sim_core::network::{Network, RegionId};
use sim_core::streams::Streams;
use sim_core::trace::Trace;
use sim_types::stream::Key;
use sim_types::units::Bandwidth;
use sim_types::{
    AccountId, Amount, EpochIndex, NodeId, Rejected, SimDuration, SimTime, StateMachine, SubnetId,
    Uid,
};
use workloads::execution::{self, Execution};

use crate::plan::{ChangeAction, Role};
use chain::Chain;
use demand::Source;
use event::Event;
use load::Class;
use slab::Slab;
use work::{Job, Work};

pub use build::BuildError;

/// A network at one moment of simulated time.
///
/// The whole state is serialisable except the trace, which the host attaches anew.
#[derive(Debug, Serialize, Deserialize)]
pub struct World {
    rep: u32,
    streams: Streams,
    nodes: Vec<Node>,
    subnets: Vec<Subnet>,
    network: Network,
    wire: Wire,
    demand: Source,
    execution: Execution,
    jobs: Slab<Job>,
    works: Slab<Work>,
    chain: Chain,
    ledger: Ledger,
    accounts: Accounts,
    emission_per_block: Amount,
    disturbances: disturb::Disturbances,
    classes: Vec<Class>,
    sample_every: SimDuration,
    last_sample: SimTime,
    rejections: Rejections,
    keys: Keys,
    #[serde(skip)]
    trace: Option<Trace>,
    /// The first thing that went wrong outside the simulation: reading or writing a file.
    #[serde(skip)]
    trouble: Option<Trouble>,
    #[serde(skip)]
    buffers: Buffers,
}

/// A file that could not be read or written during a run.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The trace could not be written.
    #[error(transparent)]
    Trace(#[from] sim_core::trace::TraceError),
    /// The request trace could not be read on.
    #[error("failed to read request trace {file}: {reason}")]
    Demand {
        /// Which file.
        file: String,
        /// Line and reason.
        reason: String,
    },
}

/// Inputs that a rule refused, by stage: observations about actors, not failures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejections {
    /// By the market.
    pub market: u64,
    /// By verification.
    pub verification: u64,
    /// By settlement, and transactions whose fee nobody could pay.
    pub settlement: u64,
    /// By the reward rule: weights set too often, or without a permit.
    pub reward: u64,
}

impl Rejections {
    /// The sum by stage.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            market: self.market + other.market,
            verification: self.verification + other.verification,
            settlement: self.settlement + other.settlement,
            reward: self.reward + other.reward,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Node {
    name: String,
    group: String,
    role: Role,
    subnet: SubnetId,
    uid: Uid,
    class: usize,
    region: RegionId,
    behaviour: Behaviour,
    copies: bool,
    stake: Amount,
    account: AccountId,
    up: bool,
    /// Crashes that have not been followed by their restart.
    crashes: u32,
    /// Jobs this node has caused: probes.
    caused: u32,
    earned: Amount,
    jobs_done: u64,
    probes_done: u64,
    busy: SimDuration,
    running: u32,
    running_since: SimTime,
    keys: NodeKeys,
    weights: Option<Weights>,
}

/// Keys of a node's random streams, derived once from its name.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct NodeKeys {
    behaviour: Key,
    request: Key,
    answer: Key,
    probe: Key,
    weights: Key,
    wrong: Key,
    verify: Key,
    recheck: Key,
}

/// Keys of the random streams that belong to no node.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Keys {
    arrivals: Key,
    subnet: Key,
    region: Key,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Subnet {
    /// Nodes by uid.
    members: Vec<NodeId>,
    validators: Vec<NodeId>,
    market: Market,
    verification: Verification,
    reward: Reward,
    replicas: u32,
    /// Emission accrued and not yet paid.
    pending: AccountId,
    epoch: EpochIndex,
    market_key: Key,
    /// Who verifies, where the market leaves it open.
    verifier_key: Key,
    /// Fingerprints of right answers.
    answer_key: Key,
    epoch_key: Key,
}

/// What messages weigh and where users are.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Wire {
    bandwidth: Bandwidth,
    bytes_per_token: u64,
    user_regions: Vec<RegionId>,
    user_weights: Vec<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Accounts {
    users: AccountId,
    escrow: AccountId,
    treasury: AccountId,
    fees: AccountId,
}

/// Effect buffers, kept to spare allocations. Empty between events.
#[derive(Debug, Default)]
struct Buffers {
    market: Vec<market::Effect>,
    execution: Vec<execution::Effect>,
    verification: Vec<verification::Effect>,
    settlement: Vec<settlement::Effect>,
    reward: Vec<reward::Effect>,
    weights: Vec<weights::Effect>,
}

/// The engine's context, under the name the host's files use.
type Now<'a> = Cx<'a, Event>;

impl Model for World {
    type Event = Event;

    fn handle(&mut self, event: Event, cx: &mut Now<'_>) {
        match event {
            Event::JobSubmitted { prompt_tokens, output_tokens, patience } => {
                self.job_submitted(prompt_tokens, output_tokens, SimDuration(patience), cx);
            }
            Event::ProbeDue { validator } => self.probe_due(validator, cx),
            Event::RequestArrived { node, work } => self.request_arrived(node, work, cx),
            Event::ServiceDone { node, work } => self.service_done(node, work, cx),
            Event::AnswerArrived { work, .. } => self.answer_arrived(work, cx),
            Event::PatienceOver { job } => self.patience_over(job, cx),
            Event::WeightsDue { validator } => self.weights_due(validator, cx),
            Event::SlotDue => self.slot_due(cx),
            Event::FaultDue { index } => self.fault_due(index, cx),
            Event::ChangeDue { index } => self.change_due(index, cx.now()),
            Event::SampleDue => self.sample_due(cx),
        }
    }
}

impl World {
    /// Inputs that rules refused so far.
    pub fn rejections(&self) -> Rejections {
        self.rejections
    }

    /// What went wrong outside the simulation, once.
    pub fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// Whether something went wrong outside the simulation.
    pub fn in_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// The integer ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Attaches the trace that rows go to from now on.
    pub fn attach(&mut self, trace: Trace) {
        self.trace = Some(trace);
    }

    /// Takes the trace off again, to be finished.
    pub fn detach(&mut self) -> Option<Trace> {
        self.trace.take()
    }

    /// The trace that is attached.
    pub(crate) fn trace_mut(&mut self) -> Option<&mut Trace> {
        self.trace.as_mut()
    }

    fn record(&mut self, row: impl sim_core::trace::Row) {
        if let Some(trace) = &mut self.trace
            && let Err(error) = trace.push(row)
        {
            self.trace = None;
            self.trouble.get_or_insert(error.into());
        }
    }

    fn apply_change(&mut self, action: ChangeAction) {
        match action {
            ChangeAction::EmissionPerBlock(amount) => self.emission_per_block = amount,
            ChangeAction::Loss(share) => self.network.set_loss(share),
            // Blocks that are out already keep the parameters they were made under.
            ChangeAction::Reward(spec) => self.chain.rewards.push(spec),
        }
    }

    fn reconfigure_rewards(&mut self, spec: &RewardSpec, cx: &mut Now<'_>) {
        for subnet in 0..self.subnets.len() {
            let input = reward::Input::Reconfigured { spec: Box::new(spec.clone()) };
            self.ask_reward(subnet, input, cx);
        }
    }
}

/// Gives a rule its input and counts a refusal.
fn ask<R: StateMachine>(
    rule: &mut R,
    input: R::Input,
    out: &mut Vec<R::Effect>,
    refused: &mut u64,
) -> Result<(), Rejected> {
    rule.apply(input, out).inspect_err(|_| *refused += 1)
}
