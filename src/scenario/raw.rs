//! A scenario as it is written: the shape of the YAML file, and the source of its schema.
//!
//! Every type refuses unknown keys. Alternatives are maps with one key, serde's default shape:
//! nothing here is flattened, untagged or tagged from the inside, since positions die there.

use mechanisms::market::MarketSpec;
use mechanisms::reward::RewardSpec;
use mechanisms::settlement::SettlementSpec;
use mechanisms::verification::VerificationSpec;
use mechanisms::weights::WeightsSpec;
use schemars::JsonSchema;
use serde::Deserialize;
use sim_types::units::{Bandwidth, Bytes, Usd};
use sim_types::{Amount, Share, SimDuration, TraceLevel};
use workloads::demand::DemandSpec;
use workloads::execution::ExecutionSpec;

use super::choice::{Behaviours, Money, Names, Ordered};
use super::delegation::Delegation;
use super::dtao::Dtao;
use super::replications::{Replications, WarmUp};
use crate::plan::{Resolution, Role};

/// The version of this format.
pub(crate) const SCHEMA: u32 = 1;

/// An experiment: a population, six stages that serve it, and what disturbs it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Arable scenario", inline)]
pub(crate) struct Scenario {
    /// The version of this format: 1.
    pub(crate) schema: u32,
    /// One line that says what the scenario shows.
    pub(crate) title: String,
    /// The only source of randomness. Default 1.
    #[serde(default = "one_u64")]
    pub(crate) seed: u64,
    /// Simulated time at which a run ends: above 0, at most 10 years.
    pub(crate) horizon: SimDuration,
    /// Runs on different random numbers, 1 to 10,000; or as many as it takes until a metric is
    /// known well enough. Default 1.
    #[serde(default)]
    pub(crate) replications: Replications,
    /// Whether every second replication draws the mirror image of the random numbers of the one
    /// before it; intervals are then those of pair means. Default false.
    #[serde(default)]
    pub(crate) antithetic: bool,
    /// What means over time and over jobs leave out at the start: a time, or `mser5` to find it.
    /// Default: nothing.
    #[serde(default)]
    pub(crate) warmup: Option<WarmUp>,
    /// How finely the run follows what happens: `detailed`, every job, message and machine, or
    /// `aggregate`, every block and every reward period. Default `detailed`.
    #[serde(default)]
    pub(crate) resolution: Resolution,
    /// Copies of the population, each with its own market, verification and reward: 1 to
    /// 65,535. Default 1.
    #[serde(default = "one_u16")]
    pub(crate) subnets: u16,
    /// Groups of members, in the order written; counts are for one subnet.
    pub(crate) population: Ordered<Group>,
    /// Stakes and balances from a table instead of the groups' distributions.
    #[serde(default)]
    pub(crate) initial_state: Option<InitialState>,
    /// Hardware profiles from files, each under the name that `hardware` takes: small letters,
    /// digits and `_`, a letter first, and none of the built-in ones.
    #[serde(default)]
    pub(crate) hardware_profiles: Ordered<HardwareFile>,
    /// Where nodes are and how messages travel.
    #[serde(default)]
    pub(crate) network: Network,
    /// Stage 1: what is wanted.
    pub(crate) demand: DemandSpec,
    /// Stage 2: who serves whom, at what price.
    pub(crate) market: MarketSpec,
    /// Stage 3: how long it takes.
    pub(crate) execution: ExecutionSpec,
    /// Stage 4: whether it was really done.
    pub(crate) verification: VerificationSpec,
    /// Stage 5: when it counts.
    pub(crate) settlement: SettlementSpec,
    /// Stage 6: who is paid, how much, and why.
    pub(crate) reward: RewardSpec,
    /// New money.
    #[serde(default)]
    pub(crate) emission: Emission,
    /// The customers, together.
    #[serde(default)]
    pub(crate) users: Users,
    /// The price of one coin, for figures in dollars; never used by the simulation.
    #[serde(default)]
    pub(crate) token_price: Option<Usd>,
    /// What breaks, and when.
    #[serde(default)]
    pub(crate) faults: Vec<Fault>,
    /// Parameters that take another value during the run.
    #[serde(default)]
    pub(crate) changes: Vec<Change>,
    /// Interval at which the load of the machines is sampled. Default: the horizon over 288
    /// (five minutes of a day), at least 1s.
    #[serde(default)]
    pub(crate) sample_every: Option<SimDuration>,
    /// How much of the run its trace keeps; the events are the same at every level. Default
    /// `full`.
    #[serde(default)]
    pub(crate) trace: TraceLevel,
    /// What the scenario demands of its own outcome, by metric.
    #[serde(default)]
    pub(crate) expect: Ordered<Bounds>,
}

/// One group of the population.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// What its members do.
    pub(crate) role: Role,
    /// Members in one subnet, at least 1.
    pub(crate) count: u32,
    /// Stake at the start. Default 0 TAO for providers; validators must have some.
    #[serde(default)]
    pub(crate) stake: Option<Money>,
    /// Free balance at the start. Default 0 TAO.
    #[serde(default)]
    pub(crate) balance: Option<Money>,
    /// What its machines are: a hardware profile, built in or of `hardware_profiles`, or a mix
    /// by parts.
    pub(crate) hardware: Names,
    /// Where they are: a region, or a mix by parts. Default: evenly over all regions.
    #[serde(default)]
    pub(crate) region: Option<Names>,
    /// How providers treat their jobs. Default honest.
    #[serde(default)]
    pub(crate) behaviour: Option<Behaviours>,
    /// Whether figures and metrics count the group among the attackers, to set their profit
    /// beside that of all others. Without effect on the run. Default false.
    #[serde(default)]
    pub(crate) attacks: bool,
    /// How validators arrive at the weights they publish. Default for a reward that needs
    /// weights: `moving_average: {}`.
    #[serde(default)]
    pub(crate) weights: Option<WeightsSpec>,
    /// Nominators behind validators, takes, and stake that they lend to other validators; under
    /// `emission: { dtao: … }`. Default: all stake is the validators' own.
    #[serde(default)]
    pub(crate) delegation: Option<Delegation>,
}

/// Stakes and balances from a table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InitialState {
    /// A CSV file, relative to the scenario, with the header
    /// `subnet,group,index,stake,balance`. Money is written with its unit; an empty field
    /// keeps what was drawn.
    pub(crate) file: String,
}

/// A hardware profile from a file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HardwareFile {
    /// A JSON file, relative to the scenario, as `arable kernels profile --from-bench` prints
    /// it. Its `name` gives way to the one here.
    pub(crate) file: String,
}

/// Where nodes are and how messages travel.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Network {
    /// The table of regions and latencies. Default `aws`.
    pub(crate) regions: Regions,
    /// Share of messages lost once on the way. Default 0%.
    pub(crate) loss: Share,
    /// Bandwidth of a node, up and down, where the table gives none. Default 200Mbit.
    pub(crate) bandwidth: Bandwidth,
    /// Bytes on the wire for one token. Default 6B.
    pub(crate) bytes_per_token: Bytes,
    /// Where the users are: a region, or a mix by parts. Default: evenly over all regions.
    pub(crate) users: Option<Names>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            regions: Regions::Aws,
            loss: Share::ZERO,
            bandwidth: Bandwidth(200_000_000),
            bytes_per_token: Bytes(6),
            users: None,
        }
    }
}

/// A table of regions.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Regions {
    /// Thirteen AWS regions, 5 to 161 ms apart.
    Aws,
    /// Six world regions with the bandwidth of homes in 2019.
    #[serde(rename = "simblock_2019")]
    Simblock2019,
    /// One region, `everywhere`, in which every message takes this long.
    Single(SimDuration),
}

/// New money.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Emission {
    /// Newly issued in every block, for all subnets together, evenly. Default 0 TAO.
    PerBlock(Amount),
    /// Bittensor's economy: TAO by halvings into the subnets' pools, and a coin for each subnet.
    Dtao(Box<Dtao>),
}

impl Default for Emission {
    fn default() -> Self {
        Self::PerBlock(Amount::ZERO)
    }
}

/// The customers, together.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Users {
    /// Money they hold at the start. Default 0 TAO.
    pub(crate) funds: Amount,
}

impl Default for Users {
    fn default() -> Self {
        Self { funds: Amount::ZERO }
    }
}

/// Something that breaks.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Fault {
    /// Members stop and lose what they were doing.
    Crash(Crash),
    /// No message passes between some regions and the rest.
    Partition(Partition),
}

/// Members that stop.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Crash {
    /// When, before the horizon.
    pub(crate) at: SimDuration,
    /// How long they stay away. Default: for good.
    #[serde(default)]
    pub(crate) r#for: Option<SimDuration>,
    /// Which group.
    pub(crate) group: String,
    /// How much of the group, drawn by chance. Default 100%.
    #[serde(default)]
    pub(crate) share: Option<Share>,
    /// Only in this subnet, from 0. Default: in all.
    #[serde(default)]
    pub(crate) subnet: Option<u16>,
    /// Only this member, by its place in the group, from 0. Excludes `share`.
    #[serde(default)]
    pub(crate) index: Option<u32>,
}

/// Regions cut off.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Partition {
    /// When, before the horizon.
    pub(crate) at: SimDuration,
    /// How long, above 0.
    pub(crate) r#for: SimDuration,
    /// The regions on one side, at least one and not all.
    pub(crate) regions: Vec<String>,
}

/// Parameters that take another value.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// When: a time, or else `block`.
    #[serde(default)]
    pub(crate) at: Option<SimDuration>,
    /// When: the time at which this block is due, or else `at`.
    #[serde(default)]
    pub(crate) block: Option<u64>,
    /// What: `emission.per_block`, `network.loss`, or a parameter of the reward rule in use
    /// such as `reward.yuma.kappa`, with the new value.
    #[expect(dead_code, reason = "read from the tree, whose paths and positions it needs")]
    pub(crate) set: Ordered<Anything>,
}

/// A value of any shape: what it may be depends on the path it is set at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anything;

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl JsonSchema for Anything {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Anything".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!(true)
    }
}

/// Bounds on a metric; at least one of the two.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bounds {
    /// Smallest acceptable value.
    #[serde(default)]
    pub(crate) at_least: Option<f64>,
    /// Largest acceptable value.
    #[serde(default)]
    pub(crate) at_most: Option<f64>,
}

const fn one_u16() -> u16 {
    1
}

const fn one_u64() -> u64 {
    1
}
