//! One subnet with everything that happens in it.
//!
//! Islands share nothing. Whatever one of them does reaches another only through the chain,
//! which acts at its own scheduled events alone; between two of those, islands run side by
//! side. What an island has to say to the chain waits in its outbox, what the chain has to say
//! to it in its inbox.
//!
//! Within an island nodes are numbered from 0, in the order of their uids. Trace rows and job
//! names carry the number within the whole network ([`Island::global`]).

use std::collections::VecDeque;

use mechanisms::behaviour::Behaviour;
use mechanisms::market::{self, Market};
use mechanisms::reward::{self, Reward};
use mechanisms::verification::{self, Verification};
use mechanisms::weights::{self, Weights};
use serde::{Deserialize, Serialize};
use sim_core::engine::{Cx, DEFAULT_PRIORITY, Engine, Model};
use sim_core::ledger::Ledger;
use sim_core::network::{Network, RegionId};
use sim_core::slab::Slab;
use sim_core::trace::Row;
use sim_types::stream::Key;
use sim_types::units::Bandwidth;
use sim_types::{
    AccountId, Amount, EpochIndex, Height, NodeId, SimDuration, SimTime, SubnetId, Uid,
};
use workloads::execution::{self, Execution};

use super::Rejections;
use super::chain::Transaction;
use super::dtao::{Due, Pay, Stakes};
use super::event::Event;
use super::finality::Letter;
use super::load::Class;
use super::rows::{Place, Rows, Stamp};
use super::sub_mechanisms::Mechanisms;
use super::work::{Job, Work};
use crate::plan::Role;

/// A subnet at one moment of simulated time.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Island {
    pub(super) rep: u32,
    pub(super) subnet: SubnetId,
    /// Nodes of the whole network before the first of this subnet.
    pub(super) base: u32,
    /// By uid.
    pub(super) nodes: Vec<Node>,
    pub(super) validators: Vec<NodeId>,
    pub(super) market: Market,
    pub(super) verification: Verification,
    pub(super) reward: Reward,
    pub(super) mechanisms: Mechanisms,
    pub(super) execution: Execution,
    pub(super) replicas: u32,
    pub(super) epoch: EpochIndex,
    pub(super) keys: Keys,
    pub(super) network: Network,
    pub(super) wire: Wire,
    pub(super) jobs: Slab<Job>,
    pub(super) works: Slab<Work>,
    pub(super) ledger: Ledger,
    /// The subnet's own coin, if it has one.
    pub(super) alpha: Option<Alpha>,
    pub(super) accounts: Accounts,
    pub(super) classes: Vec<Class>,
    /// Time between blocks.
    pub(super) interval: SimDuration,
    /// The block that is final and applied.
    pub(super) applied: Height,
    pub(super) rejections: Rejections,
    /// From the chain, not yet read.
    pub(super) inbox: VecDeque<(SimTime, Letter)>,
    /// To the chain, not yet taken.
    pub(super) outbox: Vec<(Stamp, Transaction)>,
    /// Fees of final blocks, not yet taken.
    pub(super) fees: Vec<Amount>,
    /// Where what happens now stands among what happens elsewhere.
    pub(super) stamp: Stamp,
    /// Whether rows are wanted.
    #[serde(skip)]
    pub(super) traced: bool,
    #[serde(skip)]
    pub(super) rows: Rows,
    #[serde(skip)]
    pub(super) buffers: Buffers,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) group: String,
    pub(super) role: Role,
    pub(super) class: usize,
    pub(super) region: RegionId,
    pub(super) behaviour: Behaviour,
    pub(super) stake: Amount,
    /// Stake now.
    pub(super) staked: Amount,
    pub(super) account: AccountId,
    pub(super) up: bool,
    /// Crashes that have not been followed by their restart.
    pub(super) crashes: u32,
    /// Jobs this node has caused: probes.
    pub(super) caused: u32,
    pub(super) earned: Amount,
    pub(super) jobs_done: u64,
    pub(super) probes_done: u64,
    pub(super) busy: SimDuration,
    pub(super) running: u32,
    pub(super) running_since: SimTime,
    pub(super) keys: NodeKeys,
    pub(super) weights: Option<Weights>,
}

/// Keys of a node's random streams, derived once from its name.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct NodeKeys {
    pub(super) behaviour: Key,
    pub(super) temper: Key,
    pub(super) request: Key,
    pub(super) answer: Key,
    pub(super) probe: Key,
    pub(super) weights: Key,
    pub(super) wrong: Key,
    pub(super) verify: Key,
    pub(super) recheck: Key,
}

/// Keys of a subnet's random streams that belong to no node.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Keys {
    pub(super) market: Key,
    /// Who verifies, where the market leaves it open.
    pub(super) verifier: Key,
    /// Fingerprints of right answers.
    pub(super) answer: Key,
    pub(super) epoch: Key,
    /// Where users are; the same in every subnet.
    pub(super) region: Key,
}

/// What messages weigh and where users are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Wire {
    pub(super) bandwidth: Bandwidth,
    pub(super) bytes_per_token: u64,
    pub(super) user_regions: Vec<RegionId>,
    pub(super) user_weights: Vec<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Accounts {
    pub(super) users: AccountId,
    pub(super) escrow: AccountId,
    pub(super) treasury: AccountId,
    pub(super) fees: AccountId,
    /// Emission accrued and not yet paid.
    pub(super) pending: AccountId,
}

/// A subnet's own coin: who was paid, and who holds how much.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Alpha {
    /// Pay by account, before sales: accounts are numbered as in the other ledger.
    pub(super) ledger: Ledger,
    pub(super) stakes: Stakes,
    /// The epoch that is being paid.
    pub(super) due: Option<Due>,
    /// Its payments so far.
    #[serde(skip)]
    pub(super) pays: Vec<Pay>,
}

/// Effect buffers, kept to spare allocations. Empty between events.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) market: Vec<market::Effect>,
    pub(super) execution: Vec<execution::Effect>,
    pub(super) verification: Vec<verification::Effect>,
    pub(super) reward: Vec<reward::Effect>,
    pub(super) weights: Vec<weights::Effect>,
}

/// The engine's context, under the name the host's files use.
pub(super) type Now<'a> = Cx<'a, Event>;

impl Model for Island {
    type Event = Event;

    fn handle(&mut self, event: Event, cx: &mut Now<'_>) {
        self.stamp = Stamp::of(cx.key());
        match event {
            Event::JobSubmitted { count, prompt_tokens, output_tokens, patience } => {
                self.job_submitted(count, prompt_tokens, output_tokens, SimDuration(patience), cx);
            }
            Event::ProbeDue { validator } => self.probe_due(validator, cx),
            Event::RequestArrived { node, work } => self.request_arrived(node, work, cx),
            Event::ServiceDone { node, work } => self.service_done(node, work, cx),
            Event::AnswerArrived { work, .. } => self.answer_arrived(work, cx),
            Event::PatienceOver { job } => self.patience_over(job, cx),
            Event::WeightsDue { validator } => self.weights_due(validator),
            Event::ModelChanged { node } => self.model_changed(node, cx),
        }
    }
}

impl Island {
    /// The number of a node within the whole network.
    pub(super) fn global(&self, node: NodeId) -> NodeId {
        NodeId(self.base + node.0)
    }

    /// Sends a ledger transaction on its way to the chain.
    pub(super) fn submit(&mut self, transaction: Transaction) {
        self.outbox.push((self.stamp, transaction));
    }

    pub(super) fn record<R: Place + Row>(&mut self, row: R) {
        if self.traced {
            R::place(&mut self.rows).push((self.stamp, row));
        }
    }
}

/// Lets an island read its letters, each at its moment, and then live up to and including
/// `until`. A failure shows in the engine.
pub(super) fn advance(island: &mut Engine<Island>, until: SimTime) {
    while let Some((at, letter)) = island.model_mut().inbox.pop_front() {
        at_moment(island, at, super::chain::CHAIN_LAST, |island, cx| island.read(letter, cx));
    }
    island.run_until(until, u64::MAX);
}

/// Acts on an island that has lived up to this moment.
pub(super) fn at_moment<R>(
    island: &mut Engine<Island>,
    at: SimTime,
    priority: u8,
    act: impl FnOnce(&mut Island, &mut Now<'_>) -> R,
) -> R {
    island
        .outside_at(at, |island, cx| {
            island.stamp = Stamp { time: at, priority };
            act(island, cx)
        })
        .expect("an island never lives further than the chain has come")
}

/// The priority of what befalls an island from outside, other than the chain.
pub(super) const BEFALLS: u8 = DEFAULT_PRIORITY;

/// The uid of a node: its number within the subnet.
pub(super) fn uid(node: NodeId) -> Uid {
    Uid(u16::try_from(node.0).expect("a subnet has at most 65,535 members"))
}
