//! A plan becomes a world at time zero; a world at its horizon writes its last rows.

use std::collections::VecDeque;

use mechanisms::market::{self, Market};
use mechanisms::reward::{self, Reward, RewardSpec};
use mechanisms::settlement::Settlement;
use mechanisms::verification::Verification;
use mechanisms::weights::{self, Weights, WeightsSpec};
use sim_core::engine::Engine;
use sim_core::faults::{self, Fault};
use sim_core::ledger::Ledger;
use sim_core::network::{Network, RegionId};
use sim_core::slab::Slab;
use sim_core::streams::Streams;
use sim_types::stream::Key;
use sim_types::{
    AccountId, Amount, EpochIndex, Height, NodeId, ParamError, SimDuration, SimTime, StateMachine,
    Stream, SubnetId, Uid, split_exactly,
};
use workloads::demand::{Demand, DemandSpec};
use workloads::execution::{self, Execution};

use super::aggregate::Aggregate;
use super::chain::{CHAIN_LAST, Chain};
use super::demand::{Source, TraceFile};
use super::disturb::Disturbances;
use super::dtao::{Delegation, Dtao, Stakes};
use super::event::{CHAIN, HORIZON, NETWORK_ENTITIES, NetworkEvent, entities};
use super::island::{self, Accounts, Alpha, Buffers, Island, Node, NodeKeys, Wire};
use super::load::Class;
use super::rows::{Rows, Stamp};
use super::sub_mechanisms::Mechanisms;
use super::{Keys, Rejections, World};
use crate::plan::{Emission, FaultPlan, Plan, Resolution, Role};

/// A plan that no world can be built from. Checked plans never meet it.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A rule refused its parameters.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// A fault ends before it begins.
    #[error(transparent)]
    Fault(#[from] faults::BadFault),
    /// More members than ids.
    #[error("{0} members in one subnet, expected at most 65,535")]
    TooMany(usize),
}

impl World {
    /// Builds replication `rep` of a plan and schedules its first events.
    ///
    /// # Errors
    /// See [`BuildError`].
    ///
    /// # Panics
    /// When a plan was not checked: more nodes than 32 bits count.
    pub fn start(plan: &Plan, rep: u32) -> Result<Engine<Self>, BuildError> {
        let streams = if plan.antithetic {
            Streams::antithetic(plan.seed, rep)
        } else {
            Streams::new(plan.seed, rep)
        };
        let mut islands = Vec::new();
        let mut base = 0;
        let aggregate = match plan.resolution {
            Resolution::Detailed => None,
            Resolution::Aggregate => Some(Aggregate::new(plan, streams, rep)?),
        };
        let detailed = if aggregate.is_some() { 0 } else { plan.subnets };
        for subnet in 0..detailed {
            let island = Island::new(plan, rep, streams, SubnetId(subnet), base)?;
            let nodes = u32::try_from(island.nodes.len()).expect("uids are 16 bits");
            base += nodes;
            let mut engine = Engine::new(island, entities(nodes));
            engine.outside(|island, cx| island.open(plan, cx));
            islands.push(engine);
        }
        let disturbances = disturbances(plan, &islands)?;
        let world = Self {
            replications: plan.replications,
            rep,
            islands,
            aggregate,
            regions: plan.network.table.clone(),
            demand: source(plan)?,
            chain: Chain::new(Settlement::new(plan.settlement.clone())?),
            emission_per_block: match plan.emission {
                Emission::PerBlock(amount) => amount,
                Emission::Dtao(_) => Amount::ZERO,
            },
            dtao: economy(plan, streams, rep)?.map(Box::new),
            disturbances,
            last_sample: SimTime::ZERO,
            sample_every: plan.sample_every.max(SimDuration(1)),
            refused: 0,
            keys: Keys {
                arrivals: streams.key("users", "arrivals"),
                subnet: streams.key("users", "subnet"),
            },
            trace: None,
            trouble: None,
            effects: Vec::new(),
        };
        let mut engine = Engine::new(world, NETWORK_ENTITIES);
        engine.outside(|world, cx| {
            if world.aggregate.is_some() {
                world.start_blocks(cx);
            } else {
                world.start_chain(cx);
            }
            world.schedule_disturbances(cx);
            cx.after_with(CHAIN, world.sample_every, CHAIN_LAST, NetworkEvent::SampleDue);
            let rest = plan.horizon.since(cx.now());
            cx.after_with(HORIZON, rest, CHAIN_LAST, NetworkEvent::HorizonReached);
        });
        Ok(engine)
    }

    /// Writes what only the horizon decides: open jobs, blocks not final, nodes, last sample.
    /// Checks the ledgers one last time.
    ///
    /// # Panics
    /// When money is not conserved: a bug in a rule or in the host.
    pub fn close(&mut self, now: SimTime) {
        self.close_aggregate(now);
        self.record_unfinal_blocks();
        self.sample(now);
        for island in &mut self.islands {
            let island = island.model_mut();
            island.stamp = Stamp { time: now, priority: CHAIN_LAST };
            island.record_open_jobs();
            island.record_nodes(now);
        }
        self.flush();
        for (subnet, ledger) in self.ledgers().enumerate() {
            if let Err(unbalanced) = ledger.audit() {
                panic!("money is conserved in subnet {subnet}: {unbalanced}");
            }
        }
        if let Some(Err(unbalanced)) = self.dtao.as_ref().map(|dtao| dtao.audit()) {
            panic!("money is conserved: {unbalanced}");
        }
    }
}

impl Island {
    /// A subnet at time zero, before anybody has joined; its nodes follow `base` others.
    fn new(
        plan: &Plan,
        rep: u32,
        streams: Streams,
        subnet: SubnetId,
        base: u32,
    ) -> Result<Self, BuildError> {
        let place = usize::from(subnet.0);
        let size: usize = plan.groups.iter().map(|g| g.members[place].len()).sum();
        // Nodes without an account of another kind come first: one for every uid.
        let accounts_before =
            u16::try_from(size).map_err(|_| BuildError::TooMany(size)).map(u32::from)?;
        let mut ledger = Ledger::new(accounts_before);
        let [users, escrow, treasury, fees, pending] = ACCOUNTS.map(|name| ledger.open(name));
        let accounts = Accounts { users, escrow, treasury, fees, pending };
        let even = vec![1; usize::from(plan.subnets)];
        let funds = split_exactly(plan.user_funds, &even).unwrap_or_default();
        ledger.mint(accounts.users, funds[place]);
        let name = format!("subnet{place}");
        let key = |purpose| streams.key(&name, purpose);
        let regions: Vec<_> = plan.network.user_regions.iter().map(|r| RegionId(r.0)).collect();
        let mut island = Self {
            rep,
            subnet,
            base,
            nodes: Vec::with_capacity(size),
            validators: Vec::new(),
            market: Market::new(plan.market.clone())?,
            verification: Verification::new(plan.verification.clone())?,
            reward: Reward::new(plan.reward.clone())?,
            mechanisms: Mechanisms::default(),
            execution: Execution::new(plan.execution.clone())?,
            replicas: plan.verification.replicas(),
            epoch: EpochIndex(0),
            keys: island::Keys {
                market: key("market"),
                verifier: key("verifier"),
                answer: key("answer"),
                epoch: key("epoch"),
                region: streams.key("users", "region"),
            },
            network: Network::new(plan.network.table.clone(), plan.network.loss),
            wire: Wire {
                bandwidth: plan.network.bandwidth,
                bytes_per_token: plan.network.bytes_per_token.0,
                user_regions: regions,
                user_weights: plan.network.user_regions.iter().map(|r| r.1).collect(),
            },
            jobs: Slab::default(),
            works: Slab::default(),
            ledger,
            alpha: None,
            accounts,
            classes: plan.hardware.iter().map(|h| Class::new(&h.name)).collect(),
            interval: plan.settlement.block_interval(),
            applied: Height(0),
            rejections: Rejections::default(),
            inbox: VecDeque::new(),
            outbox: Vec::new(),
            fees: Vec::new(),
            stamp: Stamp::default(),
            traced: false,
            rows: Rows::default(),
            buffers: Buffers::default(),
        };
        island.add_members(plan, streams)?;
        if let Emission::Dtao(_) = plan.emission {
            let mut ledger = Ledger::new(accounts_before);
            for name in ACCOUNTS {
                ledger.open(name);
            }
            let stakes = island.nodes.iter().map(|node| small(node.stake)).collect();
            let stakes = Stakes::new(stakes, Delegation::new(plan, subnet.0));
            island.alpha = Some(Alpha { ledger, stakes, due: None, pays: Vec::new() });
        }
        Ok(island)
    }

    /// Fills the subnet: uids follow the groups in the order written.
    fn add_members(&mut self, plan: &Plan, streams: Streams) -> Result<(), BuildError> {
        let place = usize::from(self.subnet.0);
        for group in &plan.groups {
            for (number, member) in group.members[place].iter().enumerate() {
                let id = NodeId(u32::try_from(self.nodes.len()).expect("counted before"));
                let name = format!("subnet{place}/{}/{number}", group.name);
                let keys = node_keys(streams, &name);
                let account = AccountId(id.0);
                self.ledger.mint(account, member.balance);
                let adapter = group.weights.clone().map(Weights::new).transpose()?;
                let class = usize::from(member.hardware);
                self.classes[class].nodes.push(id);
                if group.role == Role::Validator {
                    self.validators.push(id);
                }
                self.nodes.push(Node {
                    name,
                    group: group.name.clone(),
                    role: group.role,
                    class,
                    region: RegionId(member.region),
                    behaviour: member.behaviour,
                    stake: member.stake,
                    staked: member.stake,
                    account,
                    up: true,
                    crashes: 0,
                    caused: 0,
                    earned: Amount::ZERO,
                    jobs_done: 0,
                    probes_done: 0,
                    busy: SimDuration::ZERO,
                    running: 0,
                    running_since: SimTime::ZERO,
                    keys,
                    weights: adapter,
                });
            }
        }
        Ok(())
    }

    /// Time zero: everybody joins.
    fn open(&mut self, plan: &Plan, cx: &mut island::Now<'_>) {
        let size = u16::try_from(self.nodes.len()).expect("uids are 16 bits");
        for node in (0..size).map(|uid| NodeId(uid.into())) {
            let profile = plan.hardware[self.nodes[node.index()].class].clone();
            self.ask_execution(execution::Input::NodeJoined { node, profile }, cx);
        }
        for node in (0..size).map(|uid| NodeId(uid.into())) {
            let entry = &self.nodes[node.index()];
            let stake = small(entry.stake);
            let input = match entry.role {
                Role::Validator => market::Input::ValidatorJoined { node, stake },
                Role::Provider => market::Input::ProviderJoined { node },
            };
            self.ask_market(input, cx);
        }
        let groups: Vec<(String, Role)> =
            self.nodes.iter().map(|node| (node.group.clone(), node.role)).collect();
        let members: Vec<(&str, Role)> =
            groups.iter().map(|(group, role)| (group.as_str(), *role)).collect();
        let names: Vec<&str> = members.iter().map(|member| member.0).collect();
        self.mechanisms = Mechanisms::new(plan.reward.mechanisms(), &names);
        let adapters = self.nodes.iter_mut().map(|node| (node.keys.weights, node.weights.as_mut()));
        introduce(plan, &members, adapters, &mut self.buffers.weights);
        for node in (0..size).map(|uid| NodeId(uid.into())) {
            self.schedule_announcement(node, cx);
        }
        let stakes = match &self.alpha {
            Some(alpha) => alpha.stakes.opening(),
            None => self.nodes.iter().map(|node| small(node.stake)).collect(),
        };
        // Subnets with a coin of their own are numbered as on the chain: 0 is the root.
        let subnet = self.subnet.0 + u16::from(self.alpha.is_some());
        self.ask_reward(reward::Input::Opened { subnet, stakes }, cx);
    }
}

/// Accounts of no node, in the order of [`Accounts`].
const ACCOUNTS: [&str; 5] = ["users", "escrow", "treasury", "fees", "pending"];

/// Validators' adapters learn how many members there are, and who is who. `members` and
/// `adapters` are by uid: group and role; key of the weights and the adapter, if there is one.
pub(super) fn introduce<'a>(
    plan: &Plan,
    members: &[(&str, Role)],
    adapters: impl Iterator<Item = (Key, Option<&'a mut Weights>)>,
    effects: &mut Vec<weights::Effect>,
) {
    let of = |wanted: &dyn Fn(&(&str, Role)) -> bool| -> Vec<Uid> {
        let all = (0..).zip(members);
        all.filter(|(_, member)| wanted(member)).map(|(uid, _)| Uid(uid)).collect()
    };
    let providers = of(&|member| member.1 == Role::Provider);
    // By group, since its members favour the same.
    let favoured: Vec<Vec<Uid>> = plan
        .groups
        .iter()
        .map(|group| {
            let names = group.weights.as_ref().map_or(&[][..], WeightsSpec::favours);
            of(&|member| names.iter().any(|name| name == member.0))
        })
        .collect();
    let size = u16::try_from(members.len()).unwrap_or(u16::MAX);
    for (uid, (key, adapter)) in (0..).zip(adapters) {
        let Some(adapter) = adapter else { continue };
        let own = members[usize::from(uid)].0;
        let group = plan.groups.iter().position(|group| group.name == own);
        let introduced = weights::Input::Introduced {
            oneself: Uid(uid),
            providers: providers.clone(),
            favoured: group.map(|at| favoured[at].clone()).unwrap_or_default(),
            stream: Stream::new(key, LIKING),
        };
        for input in [weights::Input::Opened { members: size }, introduced] {
            // An adapter that refuses to open will refuse everything else, counted.
            let _ = adapter.apply(input, effects);
        }
    }
}

/// The occasion, under the key of a validator's weights, on which it draws whom it likes how
/// much; 0 is that of when it publishes.
const LIKING: u64 = 1;

fn node_keys(streams: Streams, name: &str) -> NodeKeys {
    let key = |purpose| streams.key(name, purpose);
    NodeKeys {
        behaviour: key("behaviour"),
        temper: key("temper"),
        request: key("request"),
        answer: key("answer"),
        probe: key("probe"),
        weights: key("weights"),
        wrong: key("wrong"),
        verify: key("verify"),
        recheck: key("recheck"),
    }
}

/// Stakes as rules take them. Plans are checked to stay below 2^64.
fn small(amount: Amount) -> u64 {
    u64::try_from(amount.0).unwrap_or(u64::MAX)
}

/// The economy of a plan that has one.
fn economy(plan: &Plan, streams: Streams, rep: u32) -> Result<Option<Dtao>, BuildError> {
    let Emission::Dtao(dtao) = &plan.emission else { return Ok(None) };
    let staked = (0..usize::from(plan.subnets)).map(|subnet| {
        let members = plan.groups.iter().flat_map(|group| &group.members[subnet]);
        members.map(|member| small(member.stake)).sum()
    });
    let staked: Vec<u64> = staked.collect();
    let validators = (0..usize::from(plan.subnets)).map(|subnet| {
        let groups = plan.groups.iter().filter(|group| group.role == Role::Validator);
        groups.map(|group| group.members[subnet].len() as u64).sum()
    });
    let validators: Vec<u64> = validators.collect();
    let interval = plan.settlement.block_interval();
    let tempo = match &plan.reward {
        RewardSpec::Yuma(params) => params.tempo,
        other => other.epoch_blocks(),
    };
    Ok(Some(Dtao::new(dtao, &staked, &validators, tempo, interval, streams, rep)?))
}

fn source(plan: &Plan) -> Result<Source, BuildError> {
    let rule = Demand::new(plan.demand.clone())?;
    let file = match (&plan.demand, &plan.demand_file) {
        (DemandSpec::Trace(params), Some(file)) => {
            params.format().map(|format| TraceFile::new(file.path.clone(), format))
        }
        _ => None,
    };
    Ok(Source::new(rule, file))
}

fn disturbances(plan: &Plan, islands: &[Engine<Island>]) -> Result<Disturbances, BuildError> {
    let mut list = Vec::new();
    for fault in &plan.faults {
        match fault {
            FaultPlan::Crash { at, restart, who } => {
                for &(group, subnet, number) in who {
                    let group = &plan.groups[usize::from(group)].name;
                    let island = islands[usize::from(subnet)].model();
                    let nodes = (island.base..).zip(&island.nodes);
                    let mut members = nodes.filter(|(_, node)| node.group == *group);
                    if let Some((node, _)) = members.nth(number as usize) {
                        list.push(Fault::Crash { node: NodeId(node), at: *at, restart: *restart });
                    }
                }
            }
            FaultPlan::Partition { at, heal, regions } => list.push(Fault::Partition {
                regions: regions.iter().map(|&r| RegionId(r)).collect(),
                at: *at,
                heal: Some(*heal),
            }),
        }
    }
    Ok(Disturbances { faults: faults::expand(&list)?, changes: plan.changes.clone() })
}
