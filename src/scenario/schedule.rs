//! What happens to the world on the way: faults, and parameters that change.

use mechanisms::reward::{Reward, RewardSpec};
use serde::Deserialize;
use sim_core::network::{RegionId, Regions};
use sim_types::{Amount, Share, SimDuration, SimTime, StateMachine};

use super::choice::Names;
use super::raw::{self, Fault, Scenario};
use super::resolve::{Resolver, regions};
use super::tree::{Entry, NodeId, Tree};
use super::typed::{self, join};
use crate::diagnose::{Code, Diagnostic, quoted};
use crate::plan::{Change, ChangeAction, FaultPlan};

/// The faults in order of time, their members drawn.
pub(super) fn faults(raw: &Scenario, table: &Regions, r: &mut Resolver<'_>) -> Vec<FaultPlan> {
    let mut plans = Vec::new();
    for (number, fault) in raw.faults.iter().enumerate() {
        match fault {
            Fault::Crash(crash) => {
                let path = format!("faults.{number}.crash");
                when(&join(&path, "at"), crash.at, raw, r);
                lasts(&join(&path, "for"), crash.r#for, r);
                let who = victims(&path, number, crash, raw, r);
                let at = SimTime::ZERO + crash.at;
                plans.push(FaultPlan::Crash { at, restart: crash.r#for.map(|d| at + d), who });
            }
            Fault::Partition(partition) => {
                let path = format!("faults.{number}.partition");
                when(&join(&path, "at"), partition.at, raw, r);
                lasts(&join(&path, "for"), Some(partition.r#for), r);
                let at = SimTime::ZERO + partition.at;
                let regions = side(&join(&path, "regions"), partition, table, r);
                plans.push(FaultPlan::Partition { at, heal: at + partition.r#for, regions });
            }
        }
    }
    plans.sort_by_key(|plan| match plan {
        FaultPlan::Crash { at, .. } | FaultPlan::Partition { at, .. } => *at,
    });
    plans
}

fn when(path: &str, at: SimDuration, raw: &Scenario, r: &mut Resolver<'_>) {
    if at >= raw.horizon {
        let item =
            Diagnostic::error(Code::OutOfRange, format!("{} is never reached", quoted(path)))
                .found(quoted(&at.to_string()))
                .expected(format!("before the horizon, {}", raw.horizon));
        r.error(path, &["horizon"], item);
    }
}

fn lasts(path: &str, length: Option<SimDuration>, r: &mut Resolver<'_>) {
    r.unless(length != Some(SimDuration::ZERO), path, "0s", "more than 0s");
}

/// Who crashes: group, subnet and place. Drawn by the fault's number, under replication 0.
fn victims(
    path: &str,
    number: usize,
    crash: &raw::Crash,
    raw: &Scenario,
    r: &mut Resolver<'_>,
) -> Vec<(u16, u16, u32)> {
    let at = |what: &str| join(path, what);
    let Some(group) = raw.population.names().position(|name| name == crash.group) else {
        r.unknown(&at("group"), "group", &crash.group, raw.population.names());
        return Vec::new();
    };
    let count = raw.population.0[group].1.count;
    if let Some(subnet) = crash.subnet
        && subnet >= raw.subnets
    {
        let item = Diagnostic::error(Code::OutOfRange, format!("there is no subnet {subnet}"))
            .found(quoted(&subnet.to_string()))
            .expected(format!("0 to {}", raw.subnets.saturating_sub(1)));
        r.error(&at("subnet"), &["subnets"], item);
    }
    if let Some(index) = crash.index
        && index >= count
    {
        let message = format!("{} has no member {index}", quoted(&crash.group));
        let item = Diagnostic::error(Code::OutOfRange, message)
            .found(quoted(&index.to_string()))
            .expected(format!("0 to {}", count.saturating_sub(1)));
        r.error(&at("index"), &[&format!("population.{}.count", crash.group)], item);
    }
    if crash.index.is_some() && crash.share.is_some() {
        let message = format!("{} names one member and a share of all", quoted(path));
        let item = Diagnostic::error(Code::Incompatible, message)
            .expected("`index` or `share`")
            .help("remove one of the two");
        r.error(&at("share"), &[], item);
    }
    let total = u64::from(count) * u64::from(raw.subnets);
    if !r.sound() || total > 1_000_000 {
        return Vec::new();
    }
    let subnets = match crash.subnet {
        Some(subnet) => subnet..subnet + 1,
        None => 0..raw.subnets,
    };
    let group = u16::try_from(group).unwrap_or(u16::MAX);
    let mut who: Vec<(u16, u16, u32)> = match crash.index {
        Some(index) => subnets.map(|subnet| (group, subnet, index)).collect(),
        None => subnets.flat_map(|s| (0..count).map(move |i| (group, s, i))).collect(),
    };
    if let Some(share) = crash.share {
        // A share of anything above nothing hits somebody.
        let all = who.len() as u64;
        let hit = (all * u64::from(share.ppb()) + 500_000_000) / 1_000_000_000;
        let hit = if share > Share::ZERO { hit.max(1) } else { 0 };
        let mut stream = r.streams.stream(&format!("faults/{number}"), "crash", 0);
        for place in 0..hit {
            // Fisher and Yates: the first places hold a fair draw without replacement.
            let other = place + stream.below(all - place);
            if let (Ok(a), Ok(b)) = (usize::try_from(place), usize::try_from(other)) {
                who.swap(a, b);
            }
        }
        who.truncate(usize::try_from(hit).unwrap_or(usize::MAX));
        who.sort_unstable();
    }
    who
}

/// The regions on one side of a cut.
fn side(path: &str, partition: &raw::Partition, table: &Regions, r: &mut Resolver<'_>) -> Vec<u16> {
    let mut side: Vec<u16> = Vec::new();
    for (place, name) in partition.regions.iter().enumerate() {
        let path = format!("{path}.{place}");
        for (index, _) in regions(&path, &Names::One(name.clone()), table, r) {
            if side.contains(&index) {
                let item = Diagnostic::error(
                    Code::DuplicateKey,
                    format!("region {} is named twice", quoted(name)),
                )
                .help("remove one of the two");
                r.error(&path, &[], item);
            } else {
                side.push(index);
            }
        }
    }
    if partition.regions.is_empty() || side.len() == table.len() {
        let item =
            Diagnostic::error(Code::OutOfRange, format!("{} cuts nothing off", quoted(path)))
                .found(if side.is_empty() { "no region" } else { "every region" })
                .expected("some of the regions, not all");
        r.error(path, &["network.regions"], item);
    }
    side.sort_unstable();
    debug_assert!(side.iter().all(|&i| table.ids().any(|RegionId(j)| i == j)));
    side
}

/// Paths that may change, for messages.
const CHANGEABLE: &str = "`emission.per_block`, `network.loss` or a parameter of the reward rule";

/// The changes in order of time; of several at one time, in the order written.
pub(super) fn changes(raw: &Scenario, r: &mut Resolver<'_>) -> Vec<Change> {
    let interval = raw.settlement.block_interval();
    let mut moments: Vec<(SimTime, usize)> = Vec::new();
    for (number, change) in raw.changes.iter().enumerate() {
        let path = format!("changes.{number}");
        let at = match (change.at, change.block) {
            (Some(at), None) => {
                when(&join(&path, "at"), at, raw, r);
                at
            }
            (None, Some(block)) => {
                let at = interval.times(block);
                if at >= raw.horizon {
                    let message = format!("block {block} is never reached");
                    let item = Diagnostic::error(Code::OutOfRange, message)
                        .found(format!("block {block}, due at {at}"))
                        .expected(format!("before the horizon, {}", raw.horizon));
                    r.error(&join(&path, "block"), &["horizon", "settlement"], item);
                }
                at
            }
            (Some(_), Some(_)) => {
                let message = format!("{} has two times", quoted(&path));
                let item = Diagnostic::error(Code::Incompatible, message)
                    .expected("`at` or `block`")
                    .help("remove one of the two");
                r.error(&join(&path, "block"), &[], item);
                SimDuration::ZERO
            }
            (None, None) => {
                let message = format!("{} has no time", quoted(&path));
                let item = Diagnostic::error(Code::MissingKey, message)
                    .expected("`at` or `block`")
                    .help("add `at: 12h` or `block: 3600`");
                r.error(&path, &[], item);
                SimDuration::ZERO
            }
        };
        moments.push((SimTime::ZERO + at, number));
    }
    moments.sort();
    // A change of one reward parameter keeps those that changed before it.
    let mut tree = r.tree.clone();
    let mut reward = raw.reward.clone();
    let mut plans = Vec::new();
    for (at, number) in moments {
        let set = join(&format!("changes.{number}"), "set");
        let (id, _) = r.tree.find(&set);
        for entry in r.tree.entries(id).to_vec() {
            let path = join(&set, &entry.key);
            let action = action(raw, &entry, &path, (&mut tree, &mut reward), r);
            if let Some(action) = action {
                let value = r.tree.show(entry.value);
                plans.push(Change { at, path: entry.key.clone(), value, action });
            }
        }
    }
    plans
}

/// What one entry of a change does. Rewards are as the changes before it left them, with the
/// text that they were read from.
fn action(
    raw: &Scenario,
    entry: &Entry,
    path: &str,
    (tree, reward): (&mut Tree, &mut RewardSpec),
    r: &mut Resolver<'_>,
) -> Option<ChangeAction> {
    let dtao = matches!(raw.emission, raw::Emission::Dtao(_));
    match entry.key.as_str() {
        "emission.per_block" if !dtao => value::<Amount>(r, entry.value, path)
            .filter(|amount| {
                let small = amount.0 < 1 << 63;
                r.unless(small, path, amount.0, "below 2^63 of the smallest unit");
                small
            })
            .map(ChangeAction::EmissionPerBlock),
        "network.loss" if raw.resolution.is_detailed() => value::<Share>(r, entry.value, path)
            .filter(|share| {
                let some_arrive = *share < Share::ONE;
                r.unless(some_arrive, path, "100%", "below 100%");
                some_arrive
            })
            .map(ChangeAction::Loss),
        key if dtao && !key.starts_with("reward.") => {
            let message = format!("{} cannot change under `dtao`", quoted(key));
            refused(r, path, entry.key_span, message, "a parameter of the reward rule");
            None
        }
        "reward.yuma.tempo" | "reward.yuma.schedule" if dtao => {
            let message =
                format!("{} cannot change: the economy's epochs go by it", quoted(&entry.key));
            refused(r, path, entry.key_span, message, "another parameter of the reward rule");
            None
        }
        key if key.starts_with("reward.yuma.mechanisms") => {
            let message = format!("{} cannot change during a run", quoted(key));
            refused(r, path, entry.key_span, message, "another parameter of the reward rule");
            None
        }
        key if key.starts_with("reward.") => {
            let changed = changed_reward(tree, key, entry.value, path, reward, r);
            changed.map(|spec| {
                *reward = spec.clone();
                ChangeAction::Reward(spec)
            })
        }
        key => {
            let message = format!("{} cannot change during a run", quoted(key));
            let item =
                Diagnostic::error(Code::UnknownKey, message).expected(CHANGEABLE).maybe_help(
                    crate::diagnose::nearest(key, ["emission.per_block", "network.loss"])
                        .map(|near| format!("did you mean `{near}`?")),
                );
            let item = item.path(path).at(entry.key_span, &r.tree.origins);
            r.errors.push(item);
            None
        }
    }
}

fn refused(
    r: &mut Resolver<'_>,
    path: &str,
    span: crate::diagnose::Span,
    message: String,
    expected: &str,
) {
    let item = Diagnostic::error(Code::Incompatible, message).expected(expected);
    let item = item.path(path).at(span, &r.tree.origins);
    r.errors.push(item);
}

/// Reads one value on its own.
fn value<T: for<'de> Deserialize<'de>>(r: &mut Resolver<'_>, id: NodeId, path: &str) -> Option<T> {
    if r.tree.is_tainted(id) {
        return None;
    }
    let mut tree = r.tree.clone();
    let (value, items) = typed::read_at::<T>(&mut tree, id);
    let good = items.is_empty();
    r.errors.extend(items.into_iter().map(|item| item.path(path)));
    value.filter(|_| good)
}

/// The reward with one parameter changed.
fn changed_reward(
    tree: &mut Tree,
    key: &str,
    value: NodeId,
    path: &str,
    before: &RewardSpec,
    r: &mut Resolver<'_>,
) -> Option<RewardSpec> {
    let rule = before.name();
    let inside = key.strip_prefix("reward.").and_then(|rest| rest.strip_prefix(rule));
    let Some(inside) = inside.and_then(|rest| rest.strip_prefix('.')) else {
        let (id, _) = r.tree.find(path);
        let item = Diagnostic::error(
            Code::UnknownKey,
            format!("{} is not a parameter of the reward rule in use, `{rule}`", quoted(key)),
        )
        .expected(format!("a path that begins with `reward.{rule}.`"))
        .help("the rule itself stays the same during a run");
        let span = r.tree.key_span(id).unwrap_or_else(|| r.tree.blame(id));
        r.errors.push(item.path(path).at(span, &r.tree.origins));
        return None;
    };
    if r.tree.is_tainted(value) || r.tree.holds_taint(r.tree.find("reward").0) {
        return None;
    }
    let (mut at, _) = tree.find(&format!("reward.{rule}"));
    let segments: Vec<&str> = inside.split('.').collect();
    let (last, above) = segments.split_last()?;
    for segment in above {
        at = tree.child(at, segment).unwrap_or(at);
    }
    let key_span = r.tree.key_span(value).unwrap_or_default();
    tree.put_entry(at, last, key_span, value);
    let (root, _) = tree.find("reward");
    let (spec, items) = typed::read_at::<RewardSpec>(tree, root);
    if !items.is_empty() {
        r.errors.extend(items.into_iter().map(|item| item.path(path)));
        return None;
    }
    let spec = spec?;
    if let Err(error) = Reward::new(spec.clone()) {
        let message = format!("{} is out of range", quoted(key));
        let item = Diagnostic::error(Code::OutOfRange, message)
            .found(quoted(&error.found))
            .expected(error.expected);
        r.error(path, &[], item);
        return None;
    }
    Some(spec)
}
