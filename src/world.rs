//! The host: the only code that knows both the rules and the engine.
//!
//! It turns events into inputs, and effects into ledger entries, messages, trace rows and
//! further events. Every stage is asked through its own vocabulary; the host decides nothing
//! that a rule could decide.
//!
//! A [`World`] is a hub with islands around it. An island is one subnet with all that happens
//! in it, in an engine of its own; the hub is what they share: the chain, the demand, scheduled
//! faults and changes, the clock of samples. Islands reach each other through the chain alone,
//! so between two events of the hub they run side by side, on as many threads as there are,
//! and whatever they leave is put into one order (`rows`) that no number of threads changes.
//!
//! | file | does | where |
//! |---|---|---|
//! | `aggregate` | periods of subnets without their jobs | subnets, instead of islands |
//! | `build` | plan → world at time zero | both |
//! | `event` | the closed enums of what can happen | both |
//! | `demand` | stage 1: draws jobs, reads request traces | hub |
//! | `chain` | stage 5: transactions and blocks | hub |
//! | `dtao` | pools, traders, newcomers; who holds a subnet's coin | hub; stakes in islands |
//! | `disturb` | faults and changes of parameters | hub; crashes in islands |
//! | `load` | how busy the machines are | islands; summed in the hub |
//! | `rows` | rows and transactions of all islands in one order | hub |
//! | `island` | one subnet | island |
//! | `work` | stages 2 and 3: matches, messages, machines, patience | island |
//! | `observe` | stage 4, and from observations to weights | island |
//! | `finality` | stage 6: payments, emission, epochs, payouts | island |

mod aggregate;
mod build;
mod chain;
mod demand;
mod disturb;
mod dtao;
pub mod event;
mod finality;
mod island;
mod load;
mod observe;
mod rows;
mod sub_mechanisms;
mod work;

use mechanisms::settlement;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sim_core::determinism::{Log, Watch};
use sim_core::digest::Digest;
use sim_core::engine::{Cx, Engine, Model};
use sim_core::fault::EngineError;
use sim_core::ledger::Ledger;
use sim_core::network::Regions;
use sim_core::trace::Trace;
use sim_types::stream::Key;
use sim_types::{Amount, Rejected, SimDuration, SimTime, StateMachine};

use aggregate::Aggregate;
use chain::Chain;
use demand::Source;
use dtao::Dtao;
use event::NetworkEvent;
use island::Island;

pub use build::BuildError;

/// A network at one moment of simulated time.
///
/// The whole state is serialisable except the trace, which the host attaches anew.
#[derive(Debug, Serialize, Deserialize)]
pub struct World {
    /// How many replications the plan has.
    replications: u32,
    rep: u32,
    /// By subnet; none in the aggregate resolution.
    islands: Vec<Engine<Island>>,
    /// The subnets in the aggregate resolution.
    aggregate: Option<Aggregate>,
    regions: Regions,
    demand: Source,
    chain: Chain,
    emission_per_block: Amount,
    /// The economy that issues instead, if there is one.
    dtao: Option<Box<Dtao>>,
    disturbances: disturb::Disturbances,
    sample_every: SimDuration,
    last_sample: SimTime,
    /// Transactions that settlement refused.
    refused: u64,
    keys: Keys,
    #[serde(skip)]
    trace: Option<Trace>,
    /// The first thing that went wrong outside the simulation: reading or writing a file.
    #[serde(skip)]
    trouble: Option<Trouble>,
    /// Kept to spare allocations. Empty between events.
    #[serde(skip)]
    effects: Vec<settlement::Effect>,
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

/// Keys of the random streams that belong to no subnet.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Keys {
    arrivals: Key,
    subnet: Key,
}

/// What a run amounts to so far, over the hub and all islands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// BLAKE3 over the event digests of the hub and of every island, in order.
    pub events: Digest,
    /// Events handled.
    pub handled: u64,
    /// Events of different sources at the same moment, ordered by source alone.
    pub ties: u64,
}

/// The engine's context, under the name the hub's files use.
type Now<'a> = Cx<'a, NetworkEvent>;

impl Model for World {
    type Event = NetworkEvent;

    fn handle(&mut self, event: NetworkEvent, cx: &mut Now<'_>) {
        let now = cx.now();
        let before = match event {
            // People act first, then the block closes.
            NetworkEvent::SlotDue
            | NetworkEvent::SampleDue
            | NetworkEvent::HorizonReached
            | NetworkEvent::BlocksDue => Some(now),
            // What strikes at a moment strikes before anybody acts at it.
            NetworkEvent::FaultDue { .. } | NetworkEvent::ChangeDue { .. } => {
                now.0.checked_sub(1).map(SimTime)
            }
        };
        if let Some(before) = before {
            self.advance(before);
            if let Some((subnet, error)) = self.failure() {
                cx.fail(format!("subnet {subnet} failed: {error}"));
                return;
            }
        }
        self.record_opening();
        match event {
            NetworkEvent::SlotDue => self.slot_due(cx),
            NetworkEvent::FaultDue { index } => self.fault_due(index, cx),
            NetworkEvent::ChangeDue { index } => self.change_due(index, now),
            NetworkEvent::SampleDue => self.sample_due(cx),
            NetworkEvent::HorizonReached => {}
            NetworkEvent::BlocksDue => self.blocks_due(cx),
        }
        self.flush();
    }
}

impl World {
    /// Lets every island live up to and including `until`, side by side.
    fn advance(&mut self, until: SimTime) {
        if self.aggregate.is_some() {
            return;
        }
        self.send_jobs(until);
        let live = |island: &mut Engine<Island>| island::advance(island, until);
        // Replications come first: while they keep every thread busy, a thread that waited
        // here would take up yet another of them.
        if self.islands.len() > 1 && (self.replications as usize) < rayon::current_num_threads() {
            // One by one: an epoch that closes makes one island's share the largest by far.
            self.islands.par_iter_mut().with_max_len(1).for_each(live);
        } else {
            self.islands.iter_mut().for_each(live);
        }
        self.flush();
        self.record_final_blocks();
    }

    /// Lets islands live one after the other: other runs have the other threads.
    pub(crate) fn keep_to_this_thread(&mut self) {
        self.replications = u32::MAX;
    }

    /// What a run amounts to so far.
    #[must_use]
    pub fn totals(engine: &Engine<Self>) -> Totals {
        let islands = &engine.model().islands;
        let mut bytes = b"arable run digest 1".to_vec();
        bytes.extend(engine.digest().0);
        bytes.extend(islands.iter().flat_map(|island| island.digest().0));
        Totals {
            events: Digest::of(&bytes),
            handled: Self::handled(engine),
            ties: engine.ties() + islands.iter().map(Engine::ties).sum::<u64>(),
        }
    }

    /// Events handled so far.
    #[must_use]
    pub fn handled(engine: &Engine<Self>) -> u64 {
        let islands = engine.model().islands.iter().map(Engine::events_handled);
        engine.events_handled() + islands.sum::<u64>()
    }

    /// Keeps a log of the events of the hub and of every island.
    #[must_use]
    pub fn watched(engine: Engine<Self>, watch: &Watch) -> Engine<Self> {
        let mut engine = engine.watched(watch.clone());
        let world = engine.model_mut();
        let islands = core::mem::take(&mut world.islands).into_iter();
        world.islands = islands.map(|island| island.watched(watch.clone())).collect();
        engine
    }

    /// The logs kept since [`World::watched`]: of the hub, then of every island.
    #[must_use]
    pub fn logs(engine: &Engine<Self>) -> Vec<Log> {
        let islands = engine.model().islands.iter().map(Engine::log);
        core::iter::once(engine.log()).chain(islands).collect()
    }

    /// The first subnet that failed, by time and then by number, and why.
    #[must_use]
    pub fn failure(&self) -> Option<(usize, &EngineError)> {
        let errors = self.islands.iter().map(Engine::error).enumerate();
        let failed = errors.filter_map(|(subnet, error)| Some((subnet, error?)));
        // The first of those that failed at the same moment.
        failed.min_by_key(|(_, error)| error.time)
    }

    /// Inputs that rules refused so far.
    pub fn rejections(&self) -> Rejections {
        let chain = Rejections { settlement: self.refused, ..Rejections::default() };
        let chain = self.aggregate.as_ref().map_or(chain, |a| chain.plus(a.rejections()));
        self.islands.iter().map(|island| island.model().rejections).fold(chain, Rejections::plus)
    }

    /// What went wrong outside the simulation, once.
    pub fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// Whether something went wrong outside the simulation.
    pub fn in_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// The integer ledgers, by subnet.
    pub fn ledgers(&self) -> impl Iterator<Item = &Ledger> {
        self.islands.iter().flat_map(|island| {
            let island = island.model();
            core::iter::once(&island.ledger).chain(island.alpha.as_ref().map(|a| &a.ledger))
        })
    }

    /// Attaches the trace that rows go to from now on.
    pub fn attach(&mut self, trace: Trace) {
        self.trace = Some(trace);
        self.islands.iter_mut().for_each(|island| island.model_mut().traced = true);
        self.trace_subnets(true);
    }

    /// Takes the trace off again, to be finished.
    pub fn detach(&mut self) -> Option<Trace> {
        self.islands.iter_mut().for_each(|island| island.model_mut().traced = false);
        self.trace_subnets(false);
        self.trace.take()
    }

    /// The trace that is attached.
    pub(crate) fn trace_mut(&mut self) -> Option<&mut Trace> {
        self.trace.as_mut()
    }

    /// The coin before the first block, once.
    fn record_opening(&mut self) {
        if let Some(row) = self.dtao.as_mut().and_then(|dtao| dtao.opening()) {
            self.record(row);
        }
    }

    fn record(&mut self, row: impl sim_core::trace::Row) {
        let Some(trace) = &mut self.trace else { return };
        if let Err(error) = trace.push(row) {
            self.lose_trace(error);
        }
    }

    /// Brings the rows of the islands to the trace.
    fn flush(&mut self) {
        let Some(trace) = &mut self.trace else { return };
        if let Err(error) = rows::flush(&mut self.islands, trace) {
            self.lose_trace(error);
        }
    }

    #[cold]
    fn lose_trace(&mut self, error: sim_core::trace::TraceError) {
        drop(self.detach());
        self.trouble.get_or_insert(error.into());
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sim_core::engine::Stop;

    use super::*;

    fn three_subnets() -> Engine<World> {
        let file = "scenarios/tutorial/01-one-miner.yaml";
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let told = |d: crate::diagnose::Diagnostics| d.render(false);
        let planned = crate::scenario::Source::load(&file).and_then(|mut source| {
            source.set("subnets", "3")?;
            source.plan()
        });
        let (plan, _) = planned.map_err(told).expect("a shipped scenario");
        World::start(&plan, 0).expect("a checked plan")
    }

    #[test]
    fn the_first_subnet_that_fails_is_the_culprit() {
        let mut engine = three_subnets();
        let hour = SimTime(3_600_000_000_000);
        assert_eq!(engine.run_until(hour, 100), Stop::Budget);
        for subnet in [2, 1] {
            let now = engine.now();
            let island = &mut engine.model_mut().islands[subnet];
            let broken = format!("broken on purpose in {subnet}");
            island::at_moment(island, now, chain::CHAIN_LAST, |_, cx| cx.fail(broken));
        }
        assert_eq!(engine.run_until(hour, u64::MAX), Stop::Failed);
        let (subnet, error) = engine.model().failure().expect("it failed");
        assert_eq!(subnet, 1);
        assert!(error.to_string().contains("broken on purpose in 1"), "{error}");
        let told = engine.error().expect("it failed").to_string();
        assert!(told.contains("subnet 1 failed"), "{told}");
        assert_eq!(engine.run_until(hour, u64::MAX), Stop::Failed);
    }
}
