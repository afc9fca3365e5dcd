//! [`Scenario`] → [`Plan`]: names become indices, distributions become members, files are
//! opened, and every number is held against its domain.
//!
//! Nothing stops at the first mistake. What follows from a mistake already reported is not
//! reported again: each check names the parts of the scenario that it rests on.

use std::collections::BTreeSet;
use std::path::Path;

use mechanisms::market::Market;
use mechanisms::model::Metric;
use mechanisms::reward::{Reward, RewardSpec};
use mechanisms::settlement::Settlement;
use mechanisms::verification::Verification;
use reports::catalogue::{self, Definition};
use sim_core::network::{RegionId, Regions};
use sim_core::streams::Streams;
use sim_types::{Amount, Fact, Fidelity, ParamError, SimDuration, SimTime};
use sim_types::{StateMachine, units};
use workloads::demand::{Demand, DemandSpec};
use workloads::execution::Execution;

use super::choice::{Names, Ordered};
use super::hardware::HardwareTable;
use super::raw::{self, SCHEMA, Scenario};
use super::replications::{self, Asked};
use super::tree::Tree;
use super::typed::join;
use super::{compatibility, delegation, dtao, files, population, schedule};
use crate::diagnose::{Code, Diagnostic, list, nearest, quoted};
use crate::plan::{Emission, Expectation, Group, NetworkPlan, Plan};

/// Longest simulated time: ten years.
const MAX_HORIZON: SimDuration = SimDuration::from_secs(10 * 365 * 86_400);

/// The scenario under resolution and what was found wrong with it.
pub(super) struct Resolver<'a> {
    pub(super) tree: &'a Tree,
    /// Where files named by the scenario are looked for.
    pub(super) dir: &'a Path,
    pub(super) streams: Streams,
    /// Whether the scenario read without a mistake.
    pub(super) read_well: bool,
    /// Where mistakes were found so far.
    pub(super) refuted: Vec<String>,
    pub(super) errors: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
}

impl<'a> Resolver<'a> {
    /// At the beginning, of a file that read well or not.
    pub(super) fn new(tree: &'a Tree, dir: &'a Path, streams: Streams, read_well: bool) -> Self {
        let (refuted, errors, warnings) = (Vec::new(), Vec::new(), Vec::new());
        Self { tree, dir, streams, read_well, refuted, errors, warnings }
    }

    /// Whether something the scenario says at `path` is already known to be wrong.
    fn doubtful(&self, path: &str) -> bool {
        let (id, whole) = self.tree.find(path);
        self.tree.is_tainted(id) || whole && self.tree.holds_taint(id)
    }

    /// Whether nothing is wrong so far: only then is there something to draw from.
    pub(super) fn sound(&self) -> bool {
        self.read_well && self.errors.is_empty()
    }

    /// Adds a mistake at `path`, unless it follows from one at `path` or at `rests_on`.
    pub(super) fn error(&mut self, path: &str, rests_on: &[&str], item: Diagnostic) {
        let refuted = |p: &str| {
            self.refuted
                .iter()
                .any(|r| r.strip_prefix(p).is_some_and(|r| r.is_empty() || r.starts_with('.')))
        };
        if self.doubtful(path) || rests_on.iter().any(|p| self.doubtful(p) || refuted(p)) {
            return;
        }
        let item = self.placed(path, item);
        self.errors.push(item);
        self.refuted.push(path.to_owned());
    }

    /// Adds a warning at `path`.
    pub(super) fn warn(&mut self, path: &str, item: Diagnostic) {
        if !self.doubtful(path) {
            let item = self.placed(path, item);
            self.warnings.push(item);
        }
    }

    fn placed(&self, path: &str, item: Diagnostic) -> Diagnostic {
        let (id, _) = self.tree.find(path);
        item.path(path).at(self.tree.blame(id), &self.tree.origins)
    }

    /// Reports a parameter that its own rule refuses.
    pub(super) fn param<T>(&mut self, rule: &str, result: Result<T, ParamError>) -> Option<T> {
        result
            .map_err(|error| {
                let path = join(rule, error.field);
                let item = Diagnostic::error(
                    Code::OutOfRange,
                    format!("{} is out of range", quoted(&path)),
                )
                .found(quoted(&error.found))
                .expected(error.expected);
                self.error(&path, &[], item);
            })
            .ok()
    }

    /// Reports a number outside its domain.
    pub(super) fn unless(
        &mut self,
        ok: bool,
        path: &str,
        found: impl core::fmt::Display,
        expected: &str,
    ) {
        if !ok {
            let item =
                Diagnostic::error(Code::OutOfRange, format!("{} is out of range", quoted(path)))
                    .found(quoted(&found.to_string()))
                    .expected(expected);
            self.error(path, &[], item);
        }
    }

    /// Reports a name that is not in a list.
    pub(super) fn unknown<'k>(
        &mut self,
        path: &str,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        let item =
            Diagnostic::error(Code::UnknownName, format!("there is no {what} {}", quoted(name)))
                .found(quoted(name))
                .expected(format!("one of {}", list(known.iter().copied())))
                .maybe_help(nearest(name, known).map(|near| format!("did you mean `{near}`?")));
        self.error(path, &[], item);
    }

    /// Names to indices with their parts, by `find`; unknown names are reported.
    pub(super) fn weighed(
        &mut self,
        path: &str,
        what: &str,
        names: &Names,
        known: &[&str],
        mut find: impl FnMut(&str) -> Option<u16>,
    ) -> Vec<(u16, u64)> {
        let mut found = Vec::new();
        match names {
            Names::One(name) => match find(name) {
                Some(index) => found.push((index, 1)),
                None => self.unknown(path, what, name, known.iter().copied()),
            },
            Names::Mix(parts) => {
                for (name, part) in parts {
                    if let Some(index) = find(name) {
                        found.push((index, u64::from(*part)));
                    } else {
                        let path = format!("{path}.mix.{name}");
                        self.unknown_key(&path, what, name, known);
                    }
                }
                let total: u64 = parts.iter().map(|(_, part)| u64::from(*part)).sum();
                self.unless(
                    total > 0,
                    &format!("{path}.mix"),
                    "no parts",
                    "parts of at least 1 in all",
                );
            }
        }
        found
    }

    /// As [`Self::unknown`], but for a name that stands as a key.
    pub(super) fn unknown_key(&mut self, path: &str, what: &str, name: &str, known: &[&str]) {
        let before = self.errors.len();
        self.unknown(path, what, name, known.iter().copied());
        self.move_to_key(path, before);
    }

    /// As [`Self::error`], but about the key that stands there.
    pub(super) fn error_at_key(&mut self, path: &str, item: Diagnostic) {
        let before = self.errors.len();
        self.error(path, &[], item);
        self.move_to_key(path, before);
    }

    /// Moves the newest mistake from a value to its key, if there are more than `before`.
    fn move_to_key(&mut self, path: &str, before: usize) {
        if self.errors.len() > before {
            let (id, _) = self.tree.find(path);
            if let (Some(span), Some(item)) = (self.tree.key_span(id), self.errors.pop()) {
                self.errors.push(item.at(span, &self.tree.origins));
            }
        }
    }
}

/// The metrics that a scenario can name.
pub(super) enum Metrics {
    /// Those of networks: some stand for one for each class.
    Catalogue(&'static [Definition]),
    /// Those of a model.
    Model(&'static [Metric]),
}

impl Metrics {
    pub(super) fn of_networks() -> Self {
        Self::Catalogue(catalogue::METRICS)
    }

    /// The unit of a metric by its full name, if there is such a metric.
    pub(super) fn unit(&self, name: &str) -> Option<String> {
        match self {
            Self::Catalogue(_) => {
                catalogue::definition(name).map(|d| d.unit.replace("coin", units::COINS[0].0))
            }
            Self::Model(metrics) => {
                metrics.iter().find(|m| m.name == name).map(|m| m.unit.to_owned())
            }
        }
    }

    /// All names, without classes.
    pub(super) fn names(&self) -> Vec<&'static str> {
        match self {
            Self::Catalogue(definitions) => definitions.iter().map(Definition::base).collect(),
            Self::Model(metrics) => metrics.iter().map(|m| m.name).collect(),
        }
    }
}

/// Checks the keys with which every file begins.
pub(super) fn head(schema: u32, title: &str, r: &mut Resolver<'_>) {
    if schema != SCHEMA {
        let item = Diagnostic::error(
            Code::UnsupportedSchema,
            format!("this is version {schema} of the format"),
        )
        .found(quoted(&schema.to_string()))
        .expected(format!("`{SCHEMA}`, the version that this program reads"))
        .help(format!("write `schema: {SCHEMA}`"));
        r.error("schema", &[], item);
    }
    if title.trim().is_empty() {
        let item = Diagnostic::error(Code::OutOfRange, "the title is empty")
            .expected("one line that says what the scenario shows");
        r.error("title", &[], item);
    }
}

/// Resolves a scenario. The plan is there unless something is wrong with it.
pub(super) fn resolve(raw: &Scenario, name: &str, resolver: &mut Resolver<'_>) -> Option<Plan> {
    let r = resolver;
    head(raw.schema, &raw.title, r);
    let horizon = raw.horizon;
    r.unless(
        horizon > SimDuration::ZERO && horizon <= MAX_HORIZON,
        "horizon",
        horizon,
        "more than 0s, at most 3650d",
    );
    let Asked { replications, stopping, warmup } = replications::resolve(raw, r);
    r.unless(raw.subnets >= 1, "subnets", raw.subnets, "1 to 65535");

    let network = network(&raw.network, r);
    let mut hardware = HardwareTable::new(&raw.hardware_profiles, r);
    let groups = population::groups(raw, &network.table, &mut hardware, r);
    let demand = r.param(&join("demand", raw.demand.name()), Demand::new(raw.demand.clone()));
    stage(r, "market", raw.market.name(), Market::new(raw.market.clone()));
    stage(r, "execution", raw.execution.name(), Execution::new(raw.execution.clone()));
    stage(r, "verification", raw.verification.name(), Verification::new(raw.verification.clone()));
    stage(r, "settlement", raw.settlement.name(), Settlement::new(raw.settlement.clone()));
    stage(r, "reward", raw.reward.name(), Reward::new(raw.reward.clone()));
    let demand_file = demand.and_then(|_| files::request_trace(&raw.demand, r));
    compatibility::check(raw, hardware.used(), r);

    let (emission, reward) = emission(raw, groups.as_deref(), r);
    r.unless(
        small(raw.users.funds),
        "users.funds",
        written(raw.users.funds),
        "below 2^63 of the smallest unit",
    );
    let faults = schedule::faults(raw, &network.table, r);
    let changes = schedule::changes(raw, r);
    let sample_every = sample_every(raw, r);
    bounded(raw, r);
    let expect = expectations(&raw.expect, &Metrics::of_networks(), r);
    let facts = facts(raw, &hardware, &network, r);
    if !r.sound() {
        return None;
    }
    Some(Plan {
        name: name.to_owned(),
        title: raw.title.clone(),
        seed: raw.seed,
        replications,
        stopping,
        antithetic: raw.antithetic,
        warmup,
        horizon: SimTime::ZERO + horizon,
        resolution: raw.resolution,
        subnets: raw.subnets,
        groups: groups?,
        hardware: hardware.into_used(),
        network,
        demand: raw.demand.clone(),
        demand_file,
        market: raw.market.clone(),
        execution: raw.execution.clone(),
        verification: raw.verification.clone(),
        settlement: raw.settlement.clone(),
        reward,
        emission: emission?,
        user_funds: raw.users.funds,
        token_price: raw.token_price,
        faults,
        changes,
        sample_every,
        trace: raw.trace,
        expect,
        facts,
    })
}

/// Amounts that rules can count.
fn small(amount: Amount) -> bool {
    amount.0 < 1 << 63
}

/// New money, and the reward whose periods go with it.
fn emission(
    raw: &Scenario,
    groups: Option<&[Group]>,
    r: &mut Resolver<'_>,
) -> (Option<Emission>, RewardSpec) {
    match &raw.emission {
        raw::Emission::PerBlock(amount) => {
            let found = written(*amount);
            let expected = "below 2^63 of the smallest unit";
            r.unless(small(*amount), "emission.per_block", found, expected);
            (Some(Emission::PerBlock(*amount)), raw.reward.clone())
        }
        raw::Emission::Dtao(dtao) => match dtao::resolve(raw, dtao, groups, r) {
            None => (None, raw.reward.clone()),
            Some(mut plan) => {
                let reward = dtao::reward(raw, &mut plan, r);
                (Some(Emission::Dtao(Box::new(plan))), reward)
            }
        },
    }
}

fn stage<T>(r: &mut Resolver<'_>, stage: &str, rule: &str, built: Result<T, ParamError>) {
    let _ = r.param(&join(stage, rule), built);
}

/// Money as it is written.
pub(super) fn written(amount: Amount) -> String {
    serde_json::to_value(amount)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_else(|| format!("{} rao", amount.0))
}

fn network(raw: &raw::Network, r: &mut Resolver<'_>) -> NetworkPlan {
    let table = match raw.regions {
        raw::Regions::Aws => Regions::aws(),
        raw::Regions::Simblock2019 => Regions::simblock_2019(),
        raw::Regions::Single(latency) => Regions::single(latency),
    };
    if let raw::Regions::Single(latency) = raw.regions {
        // A message that takes no time would be there before it was sent in the order of events.
        r.unless(
            latency > SimDuration::ZERO && latency <= SimDuration::from_secs(60),
            "network.regions.single",
            latency,
            "more than 0s, at most 60s",
        );
    }
    r.unless(raw.bandwidth.0 > 0, "network.bandwidth", raw.bandwidth.0, "more than 0bit");
    let half = units::Bytes(1 << 30);
    r.unless(
        raw.bytes_per_token <= half,
        "network.bytes_per_token",
        raw.bytes_per_token.0,
        "at most 1GiB",
    );
    r.unless(raw.loss.ppb() < 1_000_000_000, "network.loss", "100%", "below 100%");
    let user_regions = match &raw.users {
        Some(names) => regions("network.users", names, &table, r),
        None => table.ids().map(|id| (id.0, 1)).collect(),
    };
    NetworkPlan {
        table,
        loss: raw.loss,
        bandwidth: raw.bandwidth,
        bytes_per_token: raw.bytes_per_token,
        user_regions,
    }
}

/// Names of regions to indices with their parts.
pub(super) fn regions(
    path: &str,
    names: &Names,
    table: &Regions,
    r: &mut Resolver<'_>,
) -> Vec<(u16, u64)> {
    if r.doubtful("network.regions") {
        return Vec::new();
    }
    let known: Vec<&str> = region_names(table).collect();
    r.weighed(path, "region", names, &known, |name| table.find(name).map(|RegionId(i)| i))
}

/// Names in a table of regions.
pub(super) fn region_names(table: &Regions) -> impl Iterator<Item = &str> {
    table.ids().map(|id| table.region(id).name.as_str())
}

/// Runs that would not end before anybody's patience does: blocks and jobs are counted first.
fn bounded(raw: &Scenario, r: &mut Resolver<'_>) {
    let interval = raw.settlement.block_interval();
    if interval > SimDuration::ZERO {
        r.unless(
            raw.horizon.0 / interval.0 <= 100_000_000,
            &format!("settlement.{}.block_interval", raw.settlement.name()),
            interval,
            "at most a hundred million blocks within the horizon",
        );
    }
    if let DemandSpec::Poisson(params) = &raw.demand {
        r.unless(
            params.rate_per_second * raw.horizon.seconds() <= 1e9,
            "demand.poisson.rate_per_second",
            params.rate_per_second,
            "at most a thousand million jobs within the horizon",
        );
    }
}

fn sample_every(raw: &Scenario, r: &mut Resolver<'_>) -> SimDuration {
    let second = SimDuration::from_secs(1);
    let Some(every) = raw.sample_every else {
        return SimDuration(raw.horizon.0 / 288).max(second);
    };
    if every == SimDuration::ZERO {
        r.unless(false, "sample_every", every, "more than 0s");
        return every;
    }
    let samples = raw.horizon.0 / every.0;
    r.unless(
        samples <= 1_000_000,
        "sample_every",
        every,
        "at most a million samples within the horizon",
    );
    every
}

pub(super) fn expectations(
    raw: &Ordered<raw::Bounds>,
    metrics: &Metrics,
    r: &mut Resolver<'_>,
) -> Vec<Expectation> {
    let mut expect = Vec::new();
    for (metric, bounds) in &raw.0 {
        let path = format!("expect.{metric}");
        if metrics.unit(metric).is_none() {
            r.unknown_key(&path, "metric", metric, &metrics.names());
        }
        if bounds.at_least.is_none() && bounds.at_most.is_none() {
            let item =
                Diagnostic::error(Code::MissingKey, format!("{} has no bound", quoted(&path)))
                    .expected("`at_least`, `at_most` or both");
            r.error(&path, &[], item);
        }
        if let (Some(low), Some(high)) = (bounds.at_least, bounds.at_most) {
            let expected = format!("at least `at_least`, {low}");
            r.unless(low <= high, &format!("{path}.at_most"), high, &expected);
        }
        expect.push(Expectation {
            metric: metric.clone(),
            at_least: bounds.at_least,
            at_most: bounds.at_most,
        });
    }
    expect
}

/// Every number from the world that the plan carries, rules first.
fn facts(
    raw: &Scenario,
    hardware: &HardwareTable,
    network: &NetworkPlan,
    r: &Resolver<'_>,
) -> Vec<Fact> {
    let mut facts = raw.demand.facts();
    facts.extend(raw.market.facts());
    facts.extend(raw.execution.facts());
    facts.extend(raw.verification.facts());
    for (_, group) in &raw.population.0 {
        facts.extend(group.weights.iter().flat_map(mechanisms::weights::WeightsSpec::facts));
    }
    facts.extend(raw.settlement.facts());
    facts.extend(raw.reward.facts());
    facts.extend(hardware.facts());
    facts.extend_from_slice(network.table.facts());
    let as_written = |path: &str, default: String| {
        let (id, whole) = r.tree.find(path);
        let source = if whole { "chosen by the scenario" } else { "default of scenarios" };
        let value = if whole { r.tree.show(id) } else { default };
        Fact::new(path, value, Fidelity::Assumed, source)
    };
    facts.push(as_written("network.loss", "0%".to_owned()));
    facts.push(as_written("network.bandwidth", "200Mbit".to_owned()));
    facts.push(as_written("network.bytes_per_token", "6B".to_owned()));
    facts.push(as_written("network.users", "evenly over all regions".to_owned()));
    match &raw.emission {
        raw::Emission::PerBlock(_) => {
            facts.push(as_written("emission.per_block", "0 TAO".to_owned()));
        }
        raw::Emission::Dtao(dtao) => facts.extend(dtao::facts(dtao, r)),
    }
    facts.extend(delegation::facts(raw, r));
    facts.push(as_written("users.funds", "0 TAO".to_owned()));
    if raw.token_price.is_some() {
        facts.push(as_written("token_price", String::new()));
    }
    for (name, group) in &raw.population.0 {
        let path = |what: &str| format!("population.{name}.{what}");
        facts.push(as_written(&path("count"), group.count.to_string()));
        facts.push(as_written(&path("stake"), "0 TAO".to_owned()));
        facts.push(as_written(&path("hardware"), String::new()));
        facts.push(as_written(&path("region"), "evenly over all regions".to_owned()));
        if group.role == crate::plan::Role::Provider {
            facts.push(as_written(&path("behaviour"), "honest".to_owned()));
        }
    }
    // The same number is often carried by several rules.
    let mut seen = BTreeSet::new();
    facts.retain(|fact| seen.insert((fact.name.clone(), fact.value.clone())));
    facts
}
