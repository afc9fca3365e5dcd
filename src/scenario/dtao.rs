//! `emission: { dtao: … }`: Bittensor's economy, from text to numbers.

use mechanisms::emission::economy;
use mechanisms::emission::gate::Gate;
use mechanisms::emission::issuance::MAX_SUPPLY;
use mechanisms::emission::preset::{BeforeLaunch, Date, Preset, Rules, Scheduler};
use mechanisms::emission::shares::Base;
use mechanisms::emission::tiers::Tiers;
use mechanisms::registration::subnets::NETWORK_IMMUNITY;
use mechanisms::reward::RewardSpec;
use mechanisms::reward::yuma::Schedule;
use mechanisms::trader::{AirdropFarmer, Momentum, Noise, Trader, Value, Whale};
use schemars::JsonSchema;
use serde::Deserialize;
use sim_types::fixed::U64F64;
use sim_types::{Amount, Fact, Fidelity, Share, SimDuration};

use super::choice::{Money, Ordered};
use super::population::{amount, money};
use super::raw::Scenario;
use super::resolve::{Resolver, written};
use super::typed::join;
use crate::diagnose::{Code, Diagnostic, quoted};
use crate::plan::{
    self, Group, PoolStart, Registrations, Resolution, Sales, SubnetRegistrations, TraderGroup,
};

const PATH: &str = "emission.dtao";
/// Most alpha or TAO there may be.
const CAP: &str = "at most 21000000 TAO";

/// Bittensor's economy. Under it stakes are in the subnet's alpha, and pay is in alpha, which
/// traces and reports count at the price of the pool.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dtao {
    /// The rules: those in force on this day, such as `2026-07-01`; from 2025-02-13 on.
    pub(crate) rules: String,
    /// How TAO is shared among subnets, in place of the day's own rule.
    #[serde(default)]
    pub(crate) shares: Option<SharesBy>,
    /// The gate behind the shares, in place of the day's own.
    #[serde(default)]
    pub(crate) gate: Option<GateBy>,
    /// Whether ranked tiers follow: 75% for ranks 1 to 32, 25% for 33 to 64. Default: as on the
    /// day.
    #[serde(default)]
    pub(crate) tiers: Option<bool>,
    /// TAO issued before the run; at most 21,000,000. The first halving is at 10,500,000.
    pub(crate) issuance: Amount,
    /// TAO staked on the root at the start. Default 0 TAO.
    #[serde(default = "nothing")]
    pub(crate) root: Amount,
    /// How much TAO on the root counts against alpha, of one. Default 18%, the live value.
    #[serde(default)]
    pub(crate) tao_weight: Option<Share>,
    /// The owner's cut of a subnet's alpha. Default 17.9995%, as on the chain.
    #[serde(default)]
    pub(crate) owner_cut: Option<Share>,
    /// Every subnet's pool at the start.
    pub(crate) pool: PoolBy,
    /// For how long the subnets had had emission before: the moving price of a young subnet is
    /// stiff. Default 365d.
    #[serde(default = "a_year")]
    pub(crate) age: SimDuration,
    /// The part of providers' pay that goes to the subnet owner's own hotkeys, and is burned.
    /// Default 0%.
    #[serde(default)]
    pub(crate) miner_burn: Share,
    /// What part of an epoch's pay is sold into the pool at once.
    #[serde(default)]
    pub(crate) sell: Sell,
    /// Newcomers who buy places. Default: none.
    #[serde(default)]
    pub(crate) registrations: Newcomers,
    /// Newcomers who buy subnets, of which there are as many as `subnets`: the one of the least
    /// moving price is closed, its holders have the TAO of its pool, and another opens in its
    /// place. Default: none.
    #[serde(default)]
    pub(crate) subnet_registrations: Option<NewSubnets>,
    /// Who trades, by a name of your own.
    #[serde(default)]
    pub(crate) traders: Ordered<Traders>,
}

/// A rule for shares of TAO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum SharesBy {
    /// By the moving prices of alpha.
    Price,
    /// The same, weighed by what providers keep of their pay.
    PriceBurn,
    /// The same, weighed by the root proportion too.
    PriceBurnRoot,
    /// By the moving average of TAO that users put in and take out.
    Flow,
    /// The same, less what the protocol itself put in.
    NetFlow,
    /// Evenly, whatever the subnets do.
    Even,
}

/// A gate that lets small shares through only in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum GateBy {
    /// No gate.
    None,
    /// The bar is the share at which the largest shares add up to this part.
    Quantile(Share),
    /// The bar is the share of this rank, from 1.
    Rank(u16),
}

/// A pool at the start, drawn for each subnet.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PoolBy {
    /// TAO in it, at least 1 TAO.
    pub(crate) tao: Money,
    /// Alpha in it, at least 1 TAO's worth of units.
    pub(crate) alpha: Money,
    /// Alpha outside it that belongs to nobody named here. Default 0 TAO.
    #[serde(default)]
    pub(crate) outside: Option<Money>,
}

/// What part of an epoch's pay is sold at once.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sell {
    /// Of providers' pay. Default 80% (assumed): machines are paid in money.
    pub(crate) miners: Share,
    /// Of validators' pay. Default 20% (assumed): about their take.
    pub(crate) validators: Share,
    /// Of the owner's cut. Default 50% (assumed).
    pub(crate) owners: Share,
    /// Of what stakers on the root earned. Default 100%: the chain's own default claims in TAO.
    pub(crate) root: Share,
}

impl Default for Sell {
    fn default() -> Self {
        Self {
            miners: Share::percent(80),
            validators: Share::percent(20),
            owners: Share::percent(50),
            root: Share::ONE,
        }
    }
}

/// Newcomers who buy places: each takes that of the provider that earned least, and behaves like
/// one drawn from its predecessor's group.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Newcomers {
    /// Attempts in one subnet in one day, on average; 0 to 7200. Default 0.
    pub(crate) per_day: f64,
    /// The most they pay; at a higher price they stay away. Default 1 TAO.
    pub(crate) at_most: Amount,
    /// Blocks during which a newcomer cannot be replaced. Default 4096.
    pub(crate) immunity: u64,
}

impl Default for Newcomers {
    fn default() -> Self {
        Self { per_day: 0.0, at_most: Amount(1_000_000_000), immunity: 4_096 }
    }
}

/// Newcomers who buy subnets, at most one in 7,200 blocks. The lock that a subnet costs becomes
/// its pool, whose price is the median of the others'; its members are like those that the
/// place had at first.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NewSubnets {
    /// Attempts in one day, on average; 0 to 7200. Default 0.
    pub(crate) per_day: f64,
    /// The most they lock; at a higher price they stay away. Default 2000 TAO.
    pub(crate) at_most: Amount,
    /// Blocks during which a new subnet cannot be closed. Default 1296000, 180 days, as on the
    /// chain.
    pub(crate) immunity: u64,
    /// What each validator of a new subnet puts into its pool at once. Default 10 TAO (assumed).
    pub(crate) stake: Amount,
}

impl Default for NewSubnets {
    fn default() -> Self {
        Self {
            per_day: 0.0,
            at_most: Amount(2_000_000_000_000),
            immunity: NETWORK_IMMUNITY,
            stake: Amount(10_000_000_000),
        }
    }
}

/// Traders of one kind.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Traders {
    /// What each of them does.
    pub(crate) rule: TraderBy,
    /// How many in each subnet; 1 to 1000. Default 1.
    #[serde(default = "one")]
    pub(crate) count: u32,
    /// Only in these subnets, from 0. Default: in all.
    #[serde(default)]
    pub(crate) subnets: Option<Vec<u16>>,
    /// TAO of each at the start. Default 0 TAO.
    #[serde(default = "nothing")]
    pub(crate) funds: Amount,
    /// Alpha of each at the start. Default 0 TAO.
    #[serde(default = "nothing")]
    pub(crate) holds: Amount,
    /// Time between two looks; at least a block. Default 1h.
    #[serde(default = "an_hour")]
    pub(crate) every: SimDuration,
}

/// A trader's rule.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum TraderBy {
    /// Buys above its own moving average of the price, sells below it.
    Momentum(MomentumBy),
    /// Buys below what it holds the subnet to be worth, sells above.
    Value(ValueBy),
    /// Buys and sells by chance.
    Noise(NoiseBy),
    /// Buys before a snapshot, sells everything after it.
    AirdropFarmer(AirdropFarmerBy),
    /// Holds, and sells everything in equal parts from a moment on.
    Whale(WhaleBy),
}

/// Follows the price.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MomentumBy {
    /// Looks after which a step of the price has entered the average by 63%; at least 1.
    pub(crate) memory: u32,
    /// How far the price must be from the average.
    pub(crate) threshold: Share,
    /// Which part of its holdings it moves at once.
    pub(crate) part: Share,
}

/// Follows a worth of its own.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValueBy {
    /// The worth of one alpha, as a multiple of the price at the start; above 0, at most 1000.
    pub(crate) worth: f64,
    /// How far the price must be from it.
    pub(crate) margin: Share,
    /// Which part of its holdings it moves at once.
    pub(crate) part: Share,
}

/// Follows nothing.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoiseBy {
    /// The chance of a trade at each look.
    pub(crate) chance: Share,
    /// The most it moves of its holdings.
    pub(crate) part: Share,
}

/// Is there for a snapshot.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AirdropFarmerBy {
    /// When it buys.
    pub(crate) from: SimDuration,
    /// When the snapshot is taken.
    pub(crate) snapshot: SimDuration,
    /// Which part of its TAO it puts in.
    pub(crate) part: Share,
}

/// Leaves.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhaleBy {
    /// When it sells first.
    pub(crate) leaves_at: SimDuration,
    /// In how many parts; at least 1.
    pub(crate) parts: u32,
    /// Time between them.
    pub(crate) every: SimDuration,
}

const fn nothing() -> Amount {
    Amount::ZERO
}

const fn one() -> u32 {
    1
}

const fn a_year() -> SimDuration {
    SimDuration::from_secs(365 * 86_400)
}

const fn an_hour() -> SimDuration {
    SimDuration::from_secs(3_600)
}

/// The plan of an economy; `None` if something is wrong with it.
pub(super) fn resolve(
    raw: &Scenario,
    dtao: &Dtao,
    groups: Option<&[Group]>,
    r: &mut Resolver<'_>,
) -> Option<plan::Dtao> {
    let tempo = compatible(raw, dtao, r);
    let preset = preset(dtao, r);
    let small = |amount: Amount| amount.0 <= u128::from(MAX_SUPPLY);
    for (key, found) in [("issuance", dtao.issuance), ("root", dtao.root)] {
        r.unless(small(found), &join(PATH, key), written(found), CAP);
    }
    for (key, found) in [
        ("tao", Some(&dtao.pool.tao)),
        ("alpha", Some(&dtao.pool.alpha)),
        ("outside", dtao.pool.outside.as_ref()),
    ] {
        money(&join(&join(PATH, "pool"), key), found, r);
    }
    let newcomers = dtao.registrations;
    r.unless(
        (0.0..=7_200.0).contains(&newcomers.per_day),
        "emission.dtao.registrations.per_day",
        newcomers.per_day,
        "0 to 7200",
    );
    r.unless(
        small(newcomers.at_most),
        "emission.dtao.registrations.at_most",
        written(newcomers.at_most),
        CAP,
    );
    let subnet_registrations = subnet_registrations(dtao, r);
    let interval = raw.settlement.block_interval();
    let blocks = |time: SimDuration| time.0 / interval.0.max(1);
    let pools = r.sound().then(|| draw_pools(raw, dtao, r));
    let traders = traders(raw, dtao, pools.as_deref(), &blocks, r);
    let (preset, mut pools, traders) = (preset?, pools?, traders?);
    let members = groups?;
    for (subnet, pool) in pools.iter_mut().enumerate() {
        let staked: u128 = members.iter().flat_map(|g| &g.members[subnet]).map(|m| m.stake.0).sum();
        let place = u16::try_from(subnet).unwrap_or(u16::MAX);
        let of_group = |g: &TraderGroup| {
            if g.subnets.contains(&place) { u128::from(g.alpha) * u128::from(g.count) } else { 0 }
        };
        let held: u128 = traders.iter().map(of_group).sum();
        let outside = u128::from(pool.outside) + staked + held;
        let whole = outside + u128::from(pool.alpha);
        if whole > u128::from(MAX_SUPPLY) {
            let item = Diagnostic::error(
                Code::OutOfRange,
                format!("subnet {subnet} has more alpha than a subnet can have"),
            )
            .found(written(Amount(whole)))
            .expected("at most 21000000 TAO in its pool, staked, held by traders and outside")
            .help("lower `emission.dtao.pool`, the stakes of the population, or `holds`");
            r.error(PATH, &["population", "initial_state"], item);
            return None;
        }
        pool.outside = u64::try_from(outside).unwrap_or(u64::MAX);
    }
    affordable(dtao, &pools, &traders, r)?;
    // Blocks are counted so that the schedule by number begins as in an economy of its own.
    let age = blocks(dtao.age).next_multiple_of(tempo + 1);
    let mut economy = economy::Params::new(rules(&preset, dtao), units(dtao.issuance));
    economy.block = age;
    if let Some(cut) = dtao.owner_cut {
        let cut = u64::from(cut.ppb()) * u64::from(u16::MAX) / u64::from(Share::ONE.ppb());
        economy.owner_cut = u16::try_from(cut).unwrap_or(u16::MAX);
    }
    if let Some(weight) = dtao.tao_weight {
        let weight = u128::from(weight.ppb()) * u128::from(u64::MAX);
        economy.tao_weight =
            u64::try_from(weight / u128::from(Share::ONE.ppb())).unwrap_or(u64::MAX);
    }
    Some(plan::Dtao {
        preset: preset.name.to_owned(),
        economy,
        root: units(dtao.root),
        pools,
        age: blocks(dtao.age),
        miner_burn: dtao.miner_burn,
        sales: Sales {
            miners: dtao.sell.miners,
            validators: dtao.sell.validators,
            owners: dtao.sell.owners,
            root: dtao.sell.root,
        },
        registrations: Registrations {
            per_day: newcomers.per_day,
            at_most: units(newcomers.at_most),
            immunity: newcomers.immunity,
        },
        traders,
        subnet_registrations,
    })
}

fn subnet_registrations(dtao: &Dtao, r: &mut Resolver<'_>) -> Option<SubnetRegistrations> {
    let NewSubnets { per_day, at_most, immunity, stake } = dtao.subnet_registrations?;
    let path = join(PATH, "subnet_registrations");
    r.unless((0.0..=7_200.0).contains(&per_day), &join(&path, "per_day"), per_day, "0 to 7200");
    for (key, found) in [("at_most", at_most), ("stake", stake)] {
        let small = found.0 <= u128::from(MAX_SUPPLY);
        r.unless(small, &join(&path, key), written(found), CAP);
    }
    let (at_most, stake) = (units(at_most), units(stake));
    Some(SubnetRegistrations { per_day, at_most, immunity, stake })
}

fn units(amount: Amount) -> u64 {
    u64::try_from(amount.0).unwrap_or(u64::MAX)
}

/// What the economy needs of the rest of the scenario; the tempo of the subnets.
fn compatible(raw: &Scenario, dtao: &Dtao, r: &mut Resolver<'_>) -> u64 {
    let RewardSpec::Yuma(yuma) = &raw.reward else {
        let item = Diagnostic::error(
            Code::Incompatible,
            "`dtao` pays subnets that Yuma divides, and the reward is another",
        )
        .found(quoted(raw.reward.name()))
        .expected("`reward: { yuma: {} }`")
        .help("or `emission: { per_block: 1 TAO }`");
        r.error(PATH, &["reward"], item);
        return 360;
    };
    if dtao.registrations.per_day > 0.0 && raw.resolution == Resolution::Detailed {
        let item = Diagnostic::error(
            Code::Incompatible,
            "newcomers are modelled in the aggregate resolution only",
        )
        .help("set `resolution: aggregate`, or remove `registrations`");
        r.error("emission.dtao.registrations", &["resolution"], item);
    }
    if dtao.subnet_registrations.is_some() && raw.resolution == Resolution::Detailed {
        let item = Diagnostic::error(
            Code::Incompatible,
            "subnets open and close in the aggregate resolution only",
        )
        .help("set `resolution: aggregate`, or remove `subnet_registrations`");
        r.error("emission.dtao.subnet_registrations", &["resolution"], item);
    }
    if yuma.tempo > u64::from(u16::MAX) {
        r.unless(false, "reward.yuma.tempo", yuma.tempo, "at most 65535 under `dtao`");
    }
    yuma.tempo
}

fn preset(dtao: &Dtao, r: &mut Resolver<'_>) -> Option<Preset> {
    let path = join(PATH, "rules");
    let date = match dtao.rules.parse::<Date>() {
        Ok(date) => date,
        Err(error) => {
            let names: Vec<&str> = Preset::all().into_iter().map(|p| p.name).collect();
            if let Some(preset) = Preset::named(&dtao.rules) {
                return Some(preset);
            }
            let item = Diagnostic::error(Code::WrongType, "this is neither a day nor a preset")
                .found(quoted(&error.found))
                .expected(format!(
                    "a day such as `2026-07-01`, or one of {}",
                    crate::diagnose::list(names.iter().copied())
                ))
                .maybe_help(
                    crate::diagnose::nearest(&dtao.rules, names)
                        .map(|near| format!("did you mean `{near}`?")),
                );
            r.error(&path, &[], item);
            return None;
        }
    };
    match Preset::on(date) {
        Ok(preset) => Some(preset),
        Err(BeforeLaunch { date, first }) => {
            let item = Diagnostic::error(
                Code::OutOfRange,
                format!("there were no pools on {date}: dTAO started on {first}"),
            )
            .found(quoted(&date.to_string()))
            .expected(format!("a day from `{first}` on"))
            .help("before, set `emission: { per_block: 1 TAO }`");
            r.error(&path, &[], item);
            None
        }
    }
}

/// The day's rules, with what the scenario puts in their place.
fn rules(preset: &Preset, dtao: &Dtao) -> Rules {
    let mut rules = preset.rules;
    if let Some(shares) = dtao.shares {
        rules.base = match shares {
            SharesBy::Price => Base::Price,
            SharesBy::PriceBurn => Base::PriceBurn,
            SharesBy::PriceBurnRoot => Base::PriceBurnRoot,
            SharesBy::Flow => Base::Flow,
            SharesBy::NetFlow => Base::NetFlow,
            SharesBy::Even => Base::Given,
        };
    }
    let exponent = rules.gate.unwrap_or_default().exponent;
    match dtao.gate {
        None => {}
        Some(GateBy::None) => rules.gate = None,
        Some(GateBy::Quantile(share)) => {
            let one = u128::from(Share::ONE.ppb());
            let quantile = U64F64::from_bits((u128::from(share.ppb()) << 64) / one);
            rules.gate = Some(Gate { quantile, exponent, rank: 0 });
        }
        Some(GateBy::Rank(rank)) => {
            rules.gate = Some(Gate { exponent, rank, ..Gate::default() });
        }
    }
    match dtao.tiers {
        None => {}
        Some(false) => rules.tiers = None,
        Some(true) => rules.tiers = Some(Tiers::default()),
    }
    rules
}

fn draw_pools(raw: &Scenario, dtao: &Dtao, r: &mut Resolver<'_>) -> Vec<PoolStart> {
    /// Below it the weighted pool refuses every trade.
    const LEAST: u64 = 1_000_000_000;
    let mut pools = Vec::new();
    for subnet in 0..raw.subnets {
        let entity = format!("subnet{subnet}");
        let draw = |money: Money, purpose: &str| {
            units(amount(money, r.streams.stream(&entity, purpose, 0)))
        };
        let pool = PoolStart {
            tao: draw(dtao.pool.tao, "pool tao"),
            alpha: draw(dtao.pool.alpha, "pool alpha"),
            outside: dtao.pool.outside.map_or(0, |money| draw(money, "outside")),
        };
        for (key, found) in [("tao", pool.tao), ("alpha", pool.alpha)] {
            let path = join(&join(PATH, "pool"), key);
            let ok = (LEAST..=MAX_SUPPLY).contains(&found);
            r.unless(ok, &path, written(Amount(found.into())), "1 TAO to 21000000 TAO");
        }
        pools.push(pool);
    }
    pools
}

fn traders(
    raw: &Scenario,
    dtao: &Dtao,
    pools: Option<&[PoolStart]>,
    blocks: &impl Fn(SimDuration) -> u64,
    r: &mut Resolver<'_>,
) -> Option<Vec<TraderGroup>> {
    let mut groups = Vec::new();
    for (name, group) in &dtao.traders.0 {
        let path = format!("{PATH}.traders.{name}");
        let at = |key: &str| join(&path, key);
        r.unless((1..=1_000).contains(&group.count), &at("count"), group.count, "1 to 1000");
        r.unless(blocks(group.every) > 0, &at("every"), group.every, "at least one block");
        for (key, found) in [("funds", group.funds), ("holds", group.holds)] {
            r.unless(found.0 <= u128::from(MAX_SUPPLY), &at(key), written(found), CAP);
        }
        let subnets = match &group.subnets {
            None => (0..raw.subnets).collect(),
            Some(listed) => {
                for (index, &subnet) in listed.iter().enumerate() {
                    let path = format!("{path}.subnets.{index}");
                    let expected = format!("0 to {}", raw.subnets.saturating_sub(1));
                    r.unless(subnet < raw.subnets, &path, subnet, &expected);
                }
                listed.clone()
            }
        };
        if let TraderBy::Value(value) = group.rule {
            let ok = value.worth > 0.0 && value.worth <= 1_000.0;
            r.unless(ok, &at("rule.value.worth"), value.worth, "above 0, at most 1000");
        }
        let first = PoolStart { tao: 1, alpha: 1, outside: 0 };
        r.param(&at("rule"), rule(group.rule, &first, blocks).check());
        let rules = pools.unwrap_or_default().iter();
        groups.push(TraderGroup {
            name: name.clone(),
            rules: rules.map(|pool| rule(group.rule, pool, blocks)).collect(),
            count: group.count,
            subnets,
            tao: units(group.funds),
            alpha: units(group.holds),
            every: blocks(group.every).max(1),
        });
    }
    r.sound().then_some(groups)
}

fn rule(by: TraderBy, pool: &PoolStart, blocks: &impl Fn(SimDuration) -> u64) -> Trader {
    match by {
        TraderBy::Momentum(MomentumBy { memory, threshold, part }) => {
            Trader::Momentum(Momentum { memory, threshold, part, average: None })
        }
        TraderBy::Value(ValueBy { worth, margin, part }) => {
            let price = U64F64::from(pool.tao).safe_div(U64F64::from(pool.alpha));
            let worth = U64F64::saturating_from_f64(worth).unwrap_or(U64F64::ONE);
            Trader::Value(Value { fair: price.saturating_mul(worth), margin, part })
        }
        TraderBy::Noise(NoiseBy { chance, part }) => Trader::Noise(Noise { chance, part }),
        TraderBy::AirdropFarmer(AirdropFarmerBy { from, snapshot, part }) => {
            let (from, snapshot) = (blocks(from), blocks(snapshot));
            Trader::AirdropFarmer(AirdropFarmer { from, snapshot, part, bought: false })
        }
        TraderBy::Whale(WhaleBy { leaves_at, parts, every }) => {
            let (leaves_at, every) = (blocks(leaves_at), blocks(every));
            Trader::Whale(Whale { leaves_at, parts, every, sold: 0 })
        }
    }
}

/// What pools, root and traders hold is part of the issuance.
fn affordable(
    dtao: &Dtao,
    pools: &[PoolStart],
    traders: &[TraderGroup],
    r: &mut Resolver<'_>,
) -> Option<()> {
    let pooled: u128 = pools.iter().map(|pool| u128::from(pool.tao)).sum();
    let traded: u128 = traders
        .iter()
        .map(|g| u128::from(g.tao) * u128::from(g.count) * g.subnets.len() as u128)
        .sum();
    let needed = pooled + traded + dtao.root.0;
    if needed <= dtao.issuance.0 {
        return Some(());
    }
    let item = Diagnostic::error(Code::OutOfRange, "more TAO is placed than was issued")
        .found(format!(
            "{} in pools, {} on the root, {} with traders",
            written(Amount(pooled)),
            written(dtao.root),
            written(Amount(traded))
        ))
        .expected(format!("together at most the issuance, {}", written(dtao.issuance)))
        .help("raise `issuance`, or lower `pool.tao`, `root` or `funds`");
    r.error("emission.dtao.issuance", &[], item);
    None
}

/// The numbers of an economy that come from the world.
pub(super) fn facts(dtao: &Dtao, r: &Resolver<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    let date = dtao.rules.parse::<Date>().ok();
    let preset = match date {
        Some(date) => Preset::on(date).ok(),
        None => Preset::named(&dtao.rules),
    };
    if let Some(preset) = preset {
        let value = format!("{}, since {}", preset.name, preset.from);
        facts.push(Fact::new(join(PATH, "rules"), value, preset.class, preset.source));
        for open in preset.open {
            facts.push(Fact::new(
                join(PATH, "rules.open"),
                *open,
                Fidelity::Assumed,
                preset.source,
            ));
        }
    }
    let assumed = [
        ("issuance", ""),
        ("root", "0 TAO"),
        ("pool.tao", ""),
        ("pool.alpha", ""),
        ("pool.outside", "0 TAO"),
        ("age", "365d"),
        ("miner_burn", "0%"),
        ("sell.miners", "80%"),
        ("sell.validators", "20%"),
        ("sell.owners", "50%"),
        ("registrations.per_day", "0"),
    ];
    for (key, default) in assumed {
        let path = join(PATH, key);
        let (id, whole) = r.tree.find(&path);
        let source = if whole { "chosen by the scenario" } else { "default of scenarios" };
        let value = if whole { r.tree.show(id) } else { default.to_owned() };
        facts.push(Fact::new(path, value, Fidelity::Assumed, source));
    }
    let chain = "opentensor/subtensor runtime/src/lib.rs @14bc6f9f";
    let docs = "RaoFoundation/subtensor docs/concepts/emissions.mdx @1d1de96a";
    for (key, given, usual, source) in [
        ("owner_cut", dtao.owner_cut, "11796 of 65535", chain),
        ("tao_weight", dtao.tao_weight, "18%", docs),
    ] {
        let path = join(PATH, key);
        facts.push(match given {
            None => Fact::new(path, usual, Fidelity::Published, source),
            Some(share) => Fact::new(
                path,
                format!("{} ppm", share.ppm()),
                Fidelity::Assumed,
                "chosen by the scenario",
            ),
        });
    }
    if let Some(found) = &dtao.subnet_registrations {
        let path = |key: &str| join(&join(PATH, "subnet_registrations"), key);
        let chosen = |key: &str, value: String| {
            Fact::new(path(key), value, Fidelity::Assumed, "chosen by the scenario")
        };
        facts.push(chosen("per_day", found.per_day.to_string()));
        facts.push(chosen("at_most", written(found.at_most)));
        facts.push(chosen("stake", written(found.stake)));
        let immunity = found.immunity.to_string();
        facts.push(if found.immunity == NETWORK_IMMUNITY {
            Fact::new(path("immunity"), immunity, Fidelity::Published, chain)
        } else {
            chosen("immunity", immunity)
        });
    }
    for (name, group) in &dtao.traders.0 {
        let path = format!("{PATH}.traders.{name}");
        let value = format!("{} a subnet", group.count);
        facts.push(Fact::new(path, value, Fidelity::Assumed, "a stylised type of trader"));
    }
    facts
}

/// The reward under an economy: its epochs run when the day's scheduler says so, or the
/// economy's when the scenario's own schedule does.
pub(super) fn reward(raw: &Scenario, dtao: &mut plan::Dtao, r: &Resolver<'_>) -> RewardSpec {
    let RewardSpec::Yuma(mut params) = raw.reward.clone() else { return raw.reward.clone() };
    let (_, stated) = r.tree.find("reward.yuma.schedule");
    let scheduler = &mut dtao.economy.rules.scheduler;
    match (stated, params.schedule) {
        (true, Schedule::Stateless) => *scheduler = Scheduler::ByNumber,
        (true, Schedule::Stateful) => *scheduler = Scheduler::Stateful,
        (false, _) => {
            params.schedule = match scheduler {
                Scheduler::ByNumber => Schedule::Stateless,
                Scheduler::Stateful => Schedule::Stateful,
            };
        }
    }
    RewardSpec::Yuma(params)
}
