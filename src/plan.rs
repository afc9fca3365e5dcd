//! A scenario resolved to numbers: no names to look up, no files to find, no units to read.
//!
//! `scenario text → Raw (with positions) → Plan → World`. A plan is complete: two equal plans
//! give equal runs. Its digest names the run directory.

mod delegation;
mod dtao;
mod model;
mod text;

pub use delegation::{Child, Delegation};
pub use dtao::{Dtao, PoolStart, Registrations, Sales, SubnetRegistrations, TraderGroup};
pub use model::ModelPlan;

use std::path::PathBuf;

use mechanisms::behaviour::Behaviour;
use mechanisms::market::MarketSpec;
use mechanisms::reward::RewardSpec;
use mechanisms::settlement::SettlementSpec;
use mechanisms::verification::VerificationSpec;
use mechanisms::weights::WeightsSpec;
use reports::analysis::{stopping, warmup};
use serde::{Deserialize, Serialize};
use sim_core::network::Regions;
use sim_types::units::{Bandwidth, Bytes, Usd};
use sim_types::{Amount, Fact, HardwareProfile, Share, SimDuration, SimTime, TraceLevel};
use workloads::demand::DemandSpec;
use workloads::execution::ExecutionSpec;

/// A complete, checked experiment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// File name of the scenario without directory and extension.
    pub name: String,
    /// Shown in reports.
    pub title: String,
    /// The only source of randomness.
    pub seed: u64,
    /// How many replications, at least 1; the most, where a rule stops them.
    pub replications: u32,
    /// When fewer are enough. The keys of output analysis are left out of the digest where they
    /// ask for nothing, so that plans from before them keep their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping: Option<stopping::Rule>,
    /// Whether replication 2k + 1 mirrors replication 2k.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub antithetic: bool,
    /// What means over time and jobs leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup: Option<warmup::Setting>,
    /// Simulated time at which a run ends.
    pub horizon: SimTime,
    /// How finely it is followed.
    #[serde(default, skip_serializing_if = "Resolution::is_detailed")]
    pub resolution: Resolution,
    /// Copies of the population, each with its own market, verification and reward.
    pub subnets: u16,
    /// Members of every subnet, by group, in the order written.
    pub groups: Vec<Group>,
    /// Hardware profiles used, in order of first use.
    pub hardware: Vec<HardwareProfile>,
    /// Where nodes are and how messages travel.
    pub network: NetworkPlan,
    /// Stage 1.
    pub demand: DemandSpec,
    /// The request trace that stage 1 reads, resolved against the scenario's directory.
    pub demand_file: Option<DemandFile>,
    /// Stage 2.
    pub market: MarketSpec,
    /// Stage 3.
    pub execution: ExecutionSpec,
    /// Stage 4.
    pub verification: VerificationSpec,
    /// Stage 5.
    pub settlement: SettlementSpec,
    /// Stage 6.
    pub reward: RewardSpec,
    /// New money.
    pub emission: Emission,
    /// Money that the users hold at the start, together.
    pub user_funds: Amount,
    /// A stated price of one coin, for figures in dollars; never used by the simulation.
    pub token_price: Option<Usd>,
    /// Scheduled faults, in order of time.
    pub faults: Vec<FaultPlan>,
    /// Parameters that change during the run, in order of time.
    pub changes: Vec<Change>,
    /// Interval at which the load of the machines is sampled.
    pub sample_every: SimDuration,
    /// How much of the run its trace keeps. Not part of the digest: the events are the same.
    #[serde(default, skip_serializing_if = "TraceLevel::is_full")]
    pub trace: TraceLevel,
    /// What the scenario demands of its own outcome.
    pub expect: Vec<Expectation>,
    /// Every number from the world that the plan carries.
    pub facts: Vec<Fact>,
}

/// What a member of a group does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Verifies, and sets weights.
    Validator,
    /// Works.
    Provider,
}

/// One group of the population, resolved to its members.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    /// Its name in the scenario.
    pub name: String,
    /// What its members do.
    pub role: Role,
    /// Whether figures count it among the attackers; the simulation does not look.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub attacks: bool,
    /// How validators of this group arrive at weights; `None` for providers.
    pub weights: Option<WeightsSpec>,
    /// Whose their stake is and to whom they lend it, if it is not all their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<Delegation>,
    /// Members in one subnet; the outer index is the subnet.
    pub members: Vec<Vec<Member>>,
}

/// One member of one subnet, drawn by name from the scenario's distributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Stake at the start.
    pub stake: Amount,
    /// Free balance at the start.
    pub balance: Amount,
    /// Index into [`Plan::hardware`].
    pub hardware: u16,
    /// Index into the region table.
    pub region: u16,
    /// How it treats its jobs; honest for validators.
    pub behaviour: Behaviour,
}

/// Where nodes are and how messages travel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NetworkPlan {
    /// The regions and the latencies between them.
    pub table: Regions,
    /// Share of messages lost once on the way.
    pub loss: Share,
    /// Bandwidth of every node, up and down, where the table states none.
    pub bandwidth: Bandwidth,
    /// Bytes on the wire for one token of prompt or answer.
    pub bytes_per_token: Bytes,
    /// Regions of the users with their weights, by index into the table.
    pub user_regions: Vec<(u16, u64)>,
}

/// How finely a run follows what happens.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// Every job, message and machine.
    #[default]
    Detailed,
    /// Every block and every reward period; what validators see is drawn from the distributions
    /// that the detailed form shows.
    Aggregate,
}

impl Resolution {
    /// Whether it is the default.
    #[must_use]
    pub fn is_detailed(&self) -> bool {
        *self == Self::Detailed
    }
}

/// New money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Emission {
    /// So much in every block for the whole network, split evenly among the subnets.
    PerBlock(Amount),
    /// As Bittensor issues it: TAO by halvings, into the subnets' pools by shares, and each
    /// subnet's own alpha.
    Dtao(Box<Dtao>),
}

/// A request trace on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemandFile {
    /// Where it is.
    pub path: PathBuf,
    /// BLAKE3 of its bytes, so that a plan digest covers what is read.
    pub digest: String,
}

/// A scheduled fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultPlan {
    /// Members of a group stop and lose what they were doing.
    Crash {
        /// When.
        at: SimTime,
        /// When they come back, if they do.
        restart: Option<SimTime>,
        /// Nodes concerned, by group index, subnet and place in the group.
        who: Vec<(u16, u16, u32)>,
    },
    /// No message passes between the named regions and the rest.
    Partition {
        /// When.
        at: SimTime,
        /// When it heals.
        heal: SimTime,
        /// Regions on one side, by index.
        regions: Vec<u16>,
    },
}

/// A parameter that takes another value during the run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: SimTime,
    /// What, as written: `emission.per_block`.
    pub path: String,
    /// To what, as written.
    pub value: String,
    /// The effect.
    pub action: ChangeAction,
}

/// The parameters that may change during a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum ChangeAction {
    /// `emission.per_block`.
    EmissionPerBlock(Amount),
    /// `network.loss`.
    Loss(Share),
    /// `reward.…`: the rule is rebuilt with these parameters and keeps its state.
    Reward(RewardSpec),
}

/// One demand of a scenario on its own outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// The metric.
    pub metric: String,
    /// Smallest acceptable value.
    pub at_least: Option<f64>,
    /// Largest acceptable value.
    pub at_most: Option<f64>,
}
