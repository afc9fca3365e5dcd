//! A plan becomes a world at time zero; a world at its horizon writes its last rows.

use mechanisms::market::{self, Market};
use mechanisms::reward::{self, Reward};
use mechanisms::settlement::Settlement;
use mechanisms::verification::Verification;
use mechanisms::weights::{self, Weights, WeightsSpec};
use sim_core::engine::Engine;
use sim_core::faults::{self, Fault};
use sim_core::ledger::Ledger;
use sim_core::network::{Network, RegionId};
use sim_core::streams::Streams;
use sim_types::{
    Amount, EpochIndex, NodeId, ParamError, SimDuration, SimTime, StateMachine, SubnetId, Uid,
};
use workloads::demand::{Demand, DemandSpec};
use workloads::execution::{self, Execution};

use super::chain::Chain;
use super::demand::{Source, TraceFile};
use super::disturb::Disturbances;
use super::event::{CHAIN, Event, entities};
use super::load::Class;
use super::slab::Slab;
use super::{Accounts, Buffers, Keys, Node, NodeKeys, Now, Rejections, Subnet, Wire, World, chain};
use crate::plan::{FaultPlan, Plan, Role};

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
        let mut world = Self::empty(plan, rep, streams)?;
        world.add_members(plan)?;
        world.disturbances = disturbances(plan, &world)?;
        let nodes = u32::try_from(world.nodes.len()).expect("a plan has at most 2^20 nodes");
        let mut engine = Engine::new(world, entities(nodes));
        engine.outside(|world, cx| world.open(plan, cx));
        Ok(engine)
    }

    /// Writes what only the horizon decides: open jobs, blocks not final, nodes, last sample.
    /// Checks the ledger one last time.
    ///
    /// # Panics
    /// When money is not conserved: a bug in a rule or in the host.
    pub fn close(&mut self, now: SimTime) {
        self.record_unfinal_blocks();
        self.record_open_jobs();
        self.sample(now);
        self.record_nodes(now);
        if let Err(unbalanced) = self.ledger.audit() {
            panic!("money is conserved: {unbalanced}");
        }
    }

    fn empty(plan: &Plan, rep: u32, streams: Streams) -> Result<Self, BuildError> {
        let size: usize = plan.groups.iter().flat_map(|g| &g.members).map(Vec::len).sum();
        let mut ledger = Ledger::new(u32::try_from(size).map_err(|_| BuildError::TooMany(size))?);
        let accounts = Accounts {
            users: ledger.open("users"),
            escrow: ledger.open("escrow"),
            treasury: ledger.open("treasury"),
            fees: ledger.open("fees"),
        };
        ledger.mint(accounts.users, plan.user_funds);
        let regions: Vec<_> = plan.network.user_regions.iter().map(|r| RegionId(r.0)).collect();
        let interval = plan.settlement.block_interval();
        Ok(Self {
            rep,
            streams,
            nodes: Vec::with_capacity(size),
            subnets: Vec::new(),
            network: Network::new(plan.network.table.clone(), plan.network.loss),
            wire: Wire {
                bandwidth: plan.network.bandwidth,
                bytes_per_token: plan.network.bytes_per_token.0,
                user_regions: regions,
                user_weights: plan.network.user_regions.iter().map(|r| r.1).collect(),
            },
            demand: source(plan)?,
            execution: Execution::new(plan.execution.clone())?,
            jobs: Slab::default(),
            works: Slab::default(),
            chain: Chain::new(Settlement::new(plan.settlement.clone())?, interval),
            ledger,
            accounts,
            emission_per_block: plan.emission.per_block,
            disturbances: Disturbances::default(),
            classes: plan.hardware.iter().map(|h| Class::new(&h.name)).collect(),
            last_sample: SimTime::ZERO,
            sample_every: plan.sample_every.max(SimDuration(1)),
            rejections: Rejections::default(),
            keys: Keys {
                arrivals: streams.key("users", "arrivals"),
                subnet: streams.key("users", "subnet"),
                region: streams.key("users", "region"),
            },
            trace: None,
            trouble: None,
            buffers: Buffers::default(),
        })
    }

    /// Fills the subnets: uids follow the groups in the order written.
    fn add_members(&mut self, plan: &Plan) -> Result<(), BuildError> {
        for index in 0..usize::from(plan.subnets) {
            let name = format!("subnet{index}");
            let key = |purpose| self.streams.key(&name, purpose);
            let mut subnet = Subnet {
                members: Vec::new(),
                validators: Vec::new(),
                market: Market::new(plan.market.clone())?,
                verification: Verification::new(plan.verification.clone())?,
                reward: Reward::new(plan.reward.clone())?,
                replicas: plan.verification.replicas(),
                pending: self.ledger.open(&format!("{name}/pending")),
                epoch: EpochIndex(0),
                market_key: key("market"),
                verifier_key: key("verifier"),
                answer_key: key("answer"),
                epoch_key: key("epoch"),
            };
            for group in &plan.groups {
                for (number, member) in group.members[index].iter().enumerate() {
                    let id = NodeId(u32::try_from(self.nodes.len()).expect("counted before"));
                    let uid = u16::try_from(subnet.members.len())
                        .map_err(|_| BuildError::TooMany(subnet.members.len()))?;
                    let name = format!("{name}/{}/{number}", group.name);
                    let keys = self.node_keys(&name);
                    let account = sim_types::AccountId(id.0);
                    self.ledger.mint(account, member.balance);
                    let adapter = group.weights.clone().map(Weights::new).transpose()?;
                    let class = usize::from(member.hardware);
                    self.classes[class].nodes.push(id);
                    subnet.members.push(id);
                    if group.role == Role::Validator {
                        subnet.validators.push(id);
                    }
                    self.nodes.push(Node {
                        name,
                        group: group.name.clone(),
                        role: group.role,
                        subnet: SubnetId(u16::try_from(index).expect("a loop over u16")),
                        uid: Uid(uid),
                        class,
                        region: RegionId(member.region),
                        behaviour: member.behaviour,
                        copies: matches!(group.weights, Some(WeightsSpec::Copied(_))),
                        stake: member.stake,
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
            self.subnets.push(subnet);
        }
        Ok(())
    }

    fn node_keys(&self, name: &str) -> NodeKeys {
        let key = |purpose| self.streams.key(name, purpose);
        NodeKeys {
            behaviour: key("behaviour"),
            request: key("request"),
            answer: key("answer"),
            probe: key("probe"),
            weights: key("weights"),
            wrong: key("wrong"),
            verify: key("verify"),
            recheck: key("recheck"),
        }
    }

    /// Time zero: everybody joins, the chain starts, the first job is drawn.
    fn open(&mut self, plan: &Plan, cx: &mut Now<'_>) {
        for index in 0..self.nodes.len() {
            let profile = plan.hardware[self.nodes[index].class].clone();
            let node = NodeId(u32::try_from(index).expect("node ids are 32 bits"));
            self.ask_execution(execution::Input::NodeJoined { node, profile }, cx);
        }
        for index in 0..self.subnets.len() {
            let members = self.subnets[index].members.clone();
            for &node in &members {
                let entry = &self.nodes[node.index()];
                let stake = small(entry.stake);
                let input = match entry.role {
                    Role::Validator => market::Input::ValidatorJoined { node, stake },
                    Role::Provider => market::Input::ProviderJoined { node },
                };
                self.ask_market(index, input, cx);
            }
            let size = u16::try_from(members.len()).expect("uids are 16 bits");
            for &node in &members {
                if let Some(adapter) = &mut self.nodes[node.index()].weights {
                    let opened = weights::Input::Opened { members: size };
                    // An adapter that refuses to open will refuse everything else, counted.
                    let _ = adapter.apply(opened, &mut self.buffers.weights);
                }
            }
            let stakes = members.iter().map(|n| small(self.nodes[n.index()].stake)).collect();
            let subnet = chain::subnet_id(index).0;
            self.ask_reward(index, reward::Input::Opened { subnet, stakes }, cx);
        }
        self.start_chain(cx);
        self.schedule_disturbances(cx);
        cx.after_with(CHAIN, self.sample_every, chain::CHAIN_LAST, Event::SampleDue);
        self.next_job(cx);
    }
}

/// Stakes as rules take them. Plans are checked to stay below 2^64.
fn small(amount: Amount) -> u64 {
    u64::try_from(amount.0).unwrap_or(u64::MAX)
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

fn disturbances(plan: &Plan, world: &World) -> Result<Disturbances, BuildError> {
    let mut list = Vec::new();
    for fault in &plan.faults {
        match fault {
            FaultPlan::Crash { at, restart, who } => {
                for &(group, subnet, number) in who {
                    let group = &plan.groups[usize::from(group)].name;
                    let node = world
                        .nodes
                        .iter()
                        .zip(0..)
                        .filter(|(node, _)| node.subnet.0 == subnet && node.group == *group);
                    if let Some((_, node)) = node.into_iter().nth(number as usize) {
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
