//! Groups to members.
//!
//! Every member is drawn by its name (`subnet3/miners/17`) and the purpose of the draw, under
//! replication 0: the population is part of the plan, the same in every replication, and
//! adding a group or a member moves nobody else's draws.

use mechanisms::behaviour::Behaviour;
use mechanisms::reward::RewardSpec;
use mechanisms::weights::{Weights, WeightsSpec};
use sim_core::network::Regions;
use sim_types::{Amount, StateMachine, Stream, math};

use super::choice::{Behaviours, Distribution, Money};
use super::hardware::HardwareTable;
use super::raw::{self, Scenario};
use super::resolve::{Resolver, regions, written};
use super::{delegation, files};
use crate::diagnose::{Code, Diagnostic, quoted};
use crate::plan::{self, Group, Member, Role};

/// Most nodes of a plan, over all subnets.
const MAX_NODES: u64 = 1_000_000;
/// Most members of one subnet: uids are 16 bits, and one value is kept free.
const MAX_MEMBERS: u64 = 65_535;

/// The groups with their members; `None` if they cannot be drawn.
pub(super) fn groups(
    raw: &Scenario,
    table: &Regions,
    hardware: &mut HardwareTable,
    r: &mut Resolver<'_>,
) -> Option<Vec<Group>> {
    if raw.population.0.is_empty() {
        let item = Diagnostic::error(Code::MissingKey, "the population has no group")
            .help("add `miners: { role: provider, count: 10, hardware: rtx_4090 }`");
        r.error("population", &[], item);
    }
    let mut plans = Vec::new();
    for (name, group) in &raw.population.0 {
        plans.push(group_plan(raw, name, group, table, hardware, r));
    }
    let members: u64 = raw.population.0.iter().map(|(_, g)| u64::from(g.count)).sum();
    let counts: Vec<String> =
        raw.population.names().map(|name| format!("population.{name}.count")).collect();
    let rests_on: Vec<&str> = counts.iter().map(String::as_str).chain(["subnets"]).collect();
    let too_many = if members > MAX_MEMBERS {
        Some((members, "in one subnet", MAX_MEMBERS))
    } else {
        let nodes = members * u64::from(raw.subnets);
        (nodes > MAX_NODES).then_some((nodes, "in all subnets", MAX_NODES))
    };
    if let Some((found, what, most)) = too_many {
        let item = Diagnostic::error(Code::OutOfRange, format!("too many members {what}"))
            .found(found.to_string())
            .expected(format!("at most {most}"))
            .help("lower a `count:`");
        r.error("population", &rests_on, item);
        return None;
    }
    if !r.sound() {
        // Without sound distributions there is nobody to draw.
        if let Some(state) = &raw.initial_state {
            files::initial_state(state, raw, &mut [], r);
        }
        return None;
    }
    let mut groups: Vec<Group> = plans
        .into_iter()
        .map(|plan| Group {
            members: (0..raw.subnets)
                .map(|subnet| (0..plan.count).map(|index| plan.draw(subnet, index, r)).collect())
                .collect(),
            name: plan.name,
            role: plan.role,
            attacks: plan.attacks,
            weights: plan.weights,
            delegation: plan.delegation,
        })
        .collect();
    if let Some(state) = &raw.initial_state {
        files::initial_state(state, raw, &mut groups, r);
    }
    check_stakes(raw, &groups, r);
    Some(groups)
}

/// A group ready to draw its members from.
struct GroupPlan {
    name: String,
    role: Role,
    attacks: bool,
    count: u32,
    stake: Money,
    balance: Money,
    hardware: Vec<(u16, u64)>,
    regions: Vec<(u16, u64)>,
    behaviours: Vec<(Behaviour, u64)>,
    weights: Option<WeightsSpec>,
    delegation: Option<plan::Delegation>,
}

fn group_plan(
    raw: &Scenario,
    name: &str,
    group: &raw::Group,
    table: &Regions,
    hardware: &mut HardwareTable,
    r: &mut Resolver<'_>,
) -> GroupPlan {
    let path = format!("population.{name}");
    let at = |what: &str| format!("{path}.{what}");
    let named_well = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !named_well {
        let item =
            Diagnostic::error(Code::WrongType, format!("{} cannot name a group", quoted(name)))
                .expected("small letters, digits and `_`, a letter first");
        r.error(&path, &[], item);
    }
    r.unless(group.count >= 1, &at("count"), group.count, "at least 1");
    money(&at("stake"), group.stake.as_ref(), r);
    money(&at("balance"), group.balance.as_ref(), r);
    let known = hardware.names();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let hardware = r.weighed(&at("hardware"), "hardware profile", &group.hardware, &known, |n| {
        hardware.index(n)
    });
    let places = match &group.region {
        Some(names) => regions(&at("region"), names, table, r),
        None => table.ids().map(|id| (id.0, 1)).collect(),
    };
    let behaviours = behaviours(&at("behaviour"), group, r);
    let weights = weights(raw, &path, group, r);
    let delegation = delegation::resolve(raw, name, group, r);
    if group.role == Role::Validator && group.stake.is_none() && raw.initial_state.is_none() {
        let item = Diagnostic::error(
            Code::MissingKey,
            format!("{} has no stake, and validators count by stake", quoted(&path)),
        )
        .help("add `stake: 1000 TAO`, or a distribution");
        r.error(&path, &[&at("role")], item);
    }
    GroupPlan {
        name: name.to_owned(),
        role: group.role,
        attacks: group.attacks,
        count: group.count,
        stake: group.stake.unwrap_or(Money::Fixed(Amount::ZERO)),
        balance: group.balance.unwrap_or(Money::Fixed(Amount::ZERO)),
        hardware,
        regions: places,
        behaviours,
        weights,
        delegation,
    }
}

fn behaviours(path: &str, group: &raw::Group, r: &mut Resolver<'_>) -> Vec<(Behaviour, u64)> {
    if group.role == Role::Validator && group.behaviour.is_some() {
        let item = Diagnostic::error(
            Code::Incompatible,
            format!("{} is set for validators", quoted(path)),
        )
        .expected("providers, who treat jobs")
        .help("remove it; `weights: { copied: {} }` makes a validator idle");
        r.error(path, &[&path.replace(".behaviour", ".role")], item);
    }
    match &group.behaviour {
        None => vec![(Behaviour::default(), 1)],
        Some(Behaviours::One(behaviour)) => {
            r.param(path, behaviour.check());
            vec![(*behaviour, 1)]
        }
        Some(Behaviours::Mix(parts)) => {
            for (index, part) in parts.iter().enumerate() {
                r.param(&format!("{path}.mix.{index}.behaviour"), part.behaviour.check());
            }
            let total: u64 = parts.iter().map(|p| u64::from(p.parts)).sum();
            r.unless(total > 0, &format!("{path}.mix"), "no parts", "parts of at least 1 in all");
            parts.iter().map(|p| (p.behaviour, u64::from(p.parts))).collect()
        }
    }
}

fn weights(
    raw: &Scenario,
    path: &str,
    group: &raw::Group,
    r: &mut Resolver<'_>,
) -> Option<WeightsSpec> {
    let path = format!("{path}.weights");
    match (&group.weights, group.role) {
        (Some(_), Role::Provider) => {
            let item = Diagnostic::error(
                Code::Incompatible,
                format!("{} is set for providers", quoted(&path)),
            )
            .expected("validators, who publish weights")
            .help("remove it, or make the group `role: validator`");
            r.error(&path, &[&path.replace(".weights", ".role")], item);
            None
        }
        (Some(spec), Role::Validator) => {
            let rule = format!("{path}.{}", spec.name());
            r.param(&rule, Weights::new(spec.clone()));
            provider_groups(raw, &format!("{rule}.favours"), spec.favours(), r);
            Some(spec.clone())
        }
        (None, Role::Validator) if matches!(raw.reward, RewardSpec::Yuma(_)) => {
            Some(WeightsSpec::MovingAverage(
                <mechanisms::weights::moving_average::MovingAverage as mechanisms::Rule>::example(),
            ))
        }
        (None, _) => None,
    }
}

/// Groups that are given weights: they exist, and work.
pub(super) fn provider_groups(raw: &Scenario, path: &str, names: &[String], r: &mut Resolver<'_>) {
    let groups = &raw.population.0;
    let providers = || groups.iter().filter(|(_, group)| group.role == Role::Provider);
    for (index, name) in names.iter().enumerate() {
        if providers().any(|(known, _)| known == name) {
            continue;
        }
        let path = format!("{path}.{index}");
        if groups.iter().any(|(known, _)| known == name) {
            let message = format!("{} is a group of validators", quoted(name));
            let item = Diagnostic::error(Code::Incompatible, message)
                .found(quoted(name))
                .expected("a group with `role: provider`: weights are given to providers");
            r.error(&path, &["population"], item);
        } else {
            let known = providers().map(|(known, _)| known.as_str());
            r.unknown(&path, "group of providers", name, known);
        }
    }
}

/// Holds the parameters of a distribution against their domains.
pub(super) fn money(path: &str, money: Option<&Money>, r: &mut Resolver<'_>) {
    // Sums of a subnet's stakes must stay below 2^64 of the smallest unit.
    const BOUND: &str = "below 2^63 of the smallest unit";
    let small = |amount: Amount| amount.0 < 1 << 63;
    match money {
        None => {}
        Some(Money::Fixed(amount)) => r.unless(small(*amount), path, written(*amount), BOUND),
        Some(Money::Drawn(Distribution::Pareto(p))) => {
            let at = |what: &str| format!("{path}.pareto.{what}");
            r.unless(p.min > Amount::ZERO, &at("min"), written(p.min), "more than 0 TAO");
            r.unless(
                p.shape > 0.0 && p.shape <= 100.0,
                &at("shape"),
                p.shape,
                "more than 0, at most 100",
            );
            r.unless(
                small(p.max) && p.max >= p.min,
                &at("max"),
                written(p.max),
                "at least `min`, below 2^63 of the smallest unit",
            );
        }
        Some(Money::Drawn(Distribution::Uniform(u))) => {
            let at = |what: &str| format!("{path}.uniform.{what}");
            r.unless(
                small(u.max) && u.max >= u.min,
                &at("max"),
                written(u.max),
                "at least `min`, below 2^63 of the smallest unit",
            );
        }
        Some(Money::Drawn(Distribution::Lognormal(l))) => {
            let at = |what: &str| format!("{path}.lognormal.{what}");
            r.unless(l.median > Amount::ZERO, &at("median"), written(l.median), "more than 0 TAO");
            r.unless(l.p90 >= l.median, &at("p90"), written(l.p90), "at least the median");
            r.unless(
                small(l.max) && l.max >= l.median,
                &at("max"),
                written(l.max),
                "at least the median, below 2^63 of the smallest unit",
            );
        }
    }
}

impl GroupPlan {
    fn draw(&self, subnet: u16, index: u32, r: &Resolver<'_>) -> Member {
        let entity = format!("subnet{subnet}/{}/{index}", self.name);
        let stream = |purpose: &str| r.streams.stream(&entity, purpose, 0);
        let pick = |purpose: &str, parts: &[u64]| {
            if parts.len() == 1 { 0 } else { stream(purpose).weighted(parts).unwrap_or(0) }
        };
        let parts = |list: &[(u16, u64)]| list.iter().map(|p| p.1).collect::<Vec<_>>();
        let behaviours: Vec<u64> = self.behaviours.iter().map(|p| p.1).collect();
        let behaviour = self.behaviours[pick("behaviour", &behaviours)].0;
        Member {
            stake: amount(self.stake, stream("stake")),
            balance: amount(self.balance, stream("balance")),
            hardware: self.hardware[pick("hardware", &parts(&self.hardware))].0,
            region: self.regions[pick("region", &parts(&self.regions))].0,
            behaviour,
        }
    }
}

/// One draw from a distribution of amounts.
pub(super) fn amount(money: Money, mut stream: Stream) -> Amount {
    /// The 90th percentile of the standard normal distribution.
    const Z90: f64 = 1.281_551_565_544_600_4;
    match money {
        Money::Fixed(amount) => amount,
        Money::Drawn(Distribution::Uniform(u)) => {
            let width = u64::try_from(u.max.0 - u.min.0).unwrap_or(u64::MAX - 1);
            Amount(u.min.0 + u128::from(stream.below(width + 1)))
        }
        Money::Drawn(Distribution::Pareto(p)) => {
            whole(stream.pareto(float(p.min), p.shape)).clamp(p.min, p.max)
        }
        Money::Drawn(Distribution::Lognormal(l)) => {
            let sigma = math::ln(float(l.p90) / float(l.median)) / Z90;
            whole(stream.lognormal(math::ln(float(l.median)), sigma)).min(l.max)
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a draw is a draw to one part in 2^53")]
fn float(amount: Amount) -> f64 {
    amount.0 as f64
}

/// The nearest whole amount; beyond the range saturates, NaN is zero.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole(units: f64) -> Amount {
    Amount((units + 0.5) as u128)
}

/// The stakes of each subnet fit into 64 bits, and validators have some.
fn check_stakes(raw: &Scenario, groups: &[Group], r: &mut Resolver<'_>) {
    /// All that Bittensor will ever issue, of its coin and of each subnet's own.
    const CAP: Amount = Amount(21_000_000_000_000_000);
    let capped = matches!(raw.reward, RewardSpec::Yuma(_));
    for subnet in 0..groups.first().map_or(0, |g| g.members.len()) {
        let total: u128 = groups.iter().flat_map(|g| &g.members[subnet]).map(|m| m.stake.0).sum();
        if total >= 1 << 64 {
            let item = Diagnostic::error(
                Code::OutOfRange,
                format!("the stakes of subnet {subnet} are too large together"),
            )
            .found(written(Amount(total)))
            .expected("below 2^64 of the smallest unit");
            r.error("population", &[], item);
            return;
        }
        if capped && total > CAP.0 {
            let of = |group: &Group| group.members[subnet].iter().map(|m| m.stake.0).sum::<u128>();
            let most = groups.iter().max_by_key(|group| of(group)).map_or("", |g| &g.name);
            let message = format!("subnet {subnet} holds more stake than there will ever be");
            let item = Diagnostic::error(Code::OutOfRange, message)
                .found(written(Amount(total)))
                .expected(format!("at most {}, the cap of issuance", written(CAP)))
                .help("lower `stake`, or `count`");
            r.error(&format!("population.{most}.stake"), &["initial_state"], item);
            return;
        }
    }
    let validators: Vec<&Group> = groups.iter().filter(|g| g.role == Role::Validator).collect();
    let staked =
        validators.iter().flat_map(|g| &g.members).flatten().any(|m| m.stake > Amount::ZERO);
    if let (Some(first), false) = (validators.first(), staked) {
        let path = format!("population.{}.stake", first.name);
        let item = Diagnostic::error(Code::OutOfRange, "no validator has any stake")
            .found("0 TAO")
            .expected("more than 0 TAO for some validator");
        r.error(&path, &["initial_state"], item);
    }
}
