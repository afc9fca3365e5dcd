//! The metrics of a run: a value for each replication, their mean, and how sure it is.

mod economy;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sim_types::TraceLevel;

use crate::analysis::{Method, replications, warmup};
use crate::catalogue::METRICS;
use crate::context::{Coin, Context};
use crate::error::ReportError;
use crate::level::{Standing, standing};
use crate::stats::{self, count};
use crate::tally::{EconomyRep, JobTally, Node, Nodes, Periods, Rep, Tally};

pub(crate) use economy::depth;

/// Version of the form of `metrics.json`.
pub const SCHEMA: u32 = 1;

/// One metric of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name, with the class after a dot where there is one.
    pub name: String,
    /// Its unit; money in the coin of the run.
    pub unit: String,
    /// Mean over the replications in which it is defined; over whole antithetic pairs where the
    /// run has such.
    pub value: f64,
    /// 95 % confidence interval of that mean, from two replications on.
    pub interval: Option<[f64; 2]>,
    /// What the interval stands on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Whether it leaves the warm-up out.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub after_warmup: bool,
    /// By replication; absent where undefined, as a share of nothing is.
    pub per_replication: Vec<Option<f64>>,
    /// What it means.
    pub meaning: String,
}

/// All metrics of a run, in the order of the catalogue. A metric that no replication defines
/// is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Replications.
    pub replications: u32,
    /// The metrics.
    pub metrics: Vec<Metric>,
}

impl Metrics {
    /// A metric by its full name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// The content of `metrics.json`.
    ///
    /// # Errors
    /// Never in practice; the JSON writer's signature allows for it.
    pub fn to_json(&self) -> Result<String, ReportError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// The metrics of the trace in a directory.
///
/// # Errors
/// As [`Tally::read`].
pub fn compute(trace_dir: &Path, context: &Context) -> Result<Metrics, ReportError> {
    Ok(Tally::read(trace_dir, context)?.metrics(context))
}

/// Values of one replication by full name.
type Values = BTreeMap<String, f64>;
/// The intervals of those values that have one within a replication.
type Intervals = BTreeMap<String, [f64; 2]>;

pub(crate) fn of(tally: &Tally, context: &Context) -> Metrics {
    let (mut columns, intervals): (Vec<Values>, Vec<Intervals>) = tally
        .reps
        .iter()
        .zip(&tally.economy.reps)
        .map(|(rep, economy)| of_replication(tally, rep, economy, context))
        .unzip();
    for values in &mut columns {
        values.retain(|name, _| standing(name, context.trace) != Standing::Withheld);
    }
    let names: BTreeSet<&String> = columns.iter().flat_map(BTreeMap::keys).collect();
    let mut metrics = Vec::with_capacity(names.len());
    let cut = tally.cuts.iter().any(|cut| cut.ns > 0);
    let unmixed = tally.reps.iter().all(unmixed);
    for definition in METRICS {
        for name in &names {
            let class = name.strip_prefix(definition.base()).map(|rest| rest.strip_prefix('.'));
            let matches = match class {
                Some(Some(_)) => definition.by_class(),
                Some(None) => name.as_str() == definition.name,
                None => false,
            };
            if !matches {
                continue;
            }
            let per_replication: Vec<Option<f64>> =
                columns.iter().map(|values| values.get(*name).copied()).collect();
            let Some(found) = replications::estimate(&per_replication, context.control.antithetic)
            else {
                continue;
            };
            // What one replication knows of its own certainty.
            let within = match intervals.as_slice() {
                [only] => only.get(*name).map(|&interval| (interval, Method::RankCorrelation)),
                _ => None,
            };
            let certainty = found.interval.map(|interval| (interval, found.method)).or(within);
            metrics.push(Metric {
                name: (*name).clone(),
                unit: definition.unit.replace("coin", &context.coin.name),
                value: found.value,
                interval: certainty.map(|c| c.0),
                method: certainty.map(|c| c.1),
                after_warmup: cut && warmup::leaves_out(name) && (unmixed || !utilises(name)),
                per_replication,
                meaning: match (standing(name, context.trace), context.trace) {
                    (Standing::Estimated, TraceLevel::Sampled(one_in)) => {
                        format!("{} Estimated from 1 job in {}.", definition.meaning, one_in.0)
                    }
                    _ => definition.meaning.to_owned(),
                },
            });
        }
    }
    debug_assert_eq!(metrics.len(), names.len(), "every value has its line in the catalogue");
    Metrics { schema: SCHEMA, replications: context.replications, metrics }
}

/// Collects values, leaving out what is undefined.
#[derive(Default)]
struct Sheet(Values, Intervals);

impl Sheet {
    fn put(&mut self, name: &str, value: Option<f64>) {
        if let Some(value) = value.filter(|v| v.is_finite()) {
            self.0.insert(name.to_owned(), value);
        }
    }

    fn class(&mut self, base: &str, class: &str, value: Option<f64>) {
        self.put(&format!("{base}.{}", class_name(class)), value);
    }
}

/// A class as it stands in a metric's name: lower case, `_` for everything that is neither
/// letter nor digit.
#[must_use]
pub fn class_name(class: &str) -> String {
    class.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

fn of_replication(
    tally: &Tally,
    rep: &Rep,
    economy: &EconomyRep,
    context: &Context,
) -> (Values, Intervals) {
    let mut sheet = Sheet::default();
    let seconds = whole(context.horizon_ns.saturating_sub(rep.from)) / 1e9;
    // Without jobs, messages and blocks their counts would be zeros that mean nothing.
    let detailed = !tally.is_aggregate();
    if detailed && tally.has("jobs") {
        service(&mut sheet, &rep.jobs, seconds);
        latency(&mut sheet, &rep.jobs);
    }
    if tally.has("nodes") {
        utilisation(&mut sheet, tally, rep, context.horizon_ns);
        fairness(&mut sheet, tally, rep);
    }
    if tally.has("load") {
        load(&mut sheet, tally, rep);
    }
    if tally.has("faults") {
        sheet.put("faults_count", Some(whole(rep.faults)));
    }
    if detailed && tally.has("observations") {
        sheet.put("observations_count", Some(whole(rep.observations)));
        sheet.put("probes_count", Some(whole(rep.probes)));
        sheet.put("probes_share", share(rep.probes, rep.observations));
    }
    if detailed && tally.has("blocks") {
        settlement(&mut sheet, rep, &context.coin);
        if tally.has("jobs") {
            let minted = context.coin.coins(rep.chain.minted);
            sheet.put("emission_per_job", ratio(minted, whole(rep.jobs.whole_run.1)));
        }
    }
    if tally.has("epochs") {
        epochs(&mut sheet, tally, rep, &economy.periods, &context.coin);
    }
    economy::put(&mut sheet, tally, economy, context);
    if tally.has("payouts") {
        let paid = |reason: usize| rep.payouts.get(reason).copied().unwrap_or(0);
        sheet.put("payouts_total", Some(context.coin.coins(rep.payouts.iter().sum())));
        for (reason, name) in tally.reasons.sorted() {
            sheet.class("payouts", name, Some(context.coin.coins(paid(reason))));
        }
    }
    (sheet.0, sheet.1)
}

fn service(sheet: &mut Sheet, jobs: &JobTally, seconds: f64) {
    let all = jobs.submitted;
    sheet.put("jobs_submitted", Some(whole(jobs.whole_run.0)));
    sheet.put("jobs_final", Some(whole(jobs.whole_run.1)));
    for (name, part) in [
        ("jobs_final_share", jobs.settled),
        ("jobs_unserved_share", jobs.unserved),
        ("jobs_timed_out_share", jobs.timed_out),
        ("jobs_refused_share", jobs.refused),
        ("jobs_rejected_share", jobs.rejected),
        ("jobs_open_share", jobs.open),
        ("goodput_share", jobs.settled_right),
    ] {
        sheet.put(name, share(part, all));
    }
    sheet.put("answers_right_share", share(jobs.answers_right, jobs.answers));
    sheet.put("answer_quality_mean", ratio(whole(jobs.quality) / 1e6, whole(jobs.answers)));
    sheet.put("goodput_jobs", ratio(whole(jobs.settled_right), seconds));
    sheet.put("throughput_jobs", ratio(whole(jobs.settled), seconds));
    sheet.put("throughput_tokens", ratio(whole(jobs.tokens), seconds));
}

fn latency(sheet: &mut Sheet, jobs: &JobTally) {
    for (base, sorted) in
        [("answer_latency", &jobs.answer_ns), ("finality_latency", &jobs.final_ns)]
    {
        for (suffix, ppm) in [("p50", 500_000), ("p90", 900_000), ("p99", 990_000)] {
            let value = stats::percentile(sorted, ppm).map(|ns| whole(ns) / 1e9);
            sheet.put(&format!("{base}_{suffix}"), value);
        }
        let sum: u128 = sorted.iter().map(|&ns| u128::from(ns)).sum();
        let mean = ratio(wide(sum) / 1e9, count(sorted.len()));
        sheet.put(&format!("{base}_mean"), mean);
    }
    let (sum, started) = jobs.start_ns;
    sheet.put("start_latency_mean", ratio(wide(sum) / 1e9, whole(started)));
}

fn utilisation(sheet: &mut Sheet, tally: &Tally, rep: &Rep, horizon_ns: u64) {
    let of = |wanted: &dyn Fn(&Node) -> bool| {
        let (mut busy, mut offered) = (0, 0);
        if rep.from > 0 && unmixed(rep) {
            for (class, load) in rep.load.iter().enumerate() {
                let here = |n: &Node| n.provider && n.hardware == class && wanted(n);
                if rep.nodes.list.iter().any(here) {
                    busy += load.after.0;
                    offered += load.after.1;
                }
            }
            return ratio(wide(busy), wide(offered));
        }
        for node in rep.nodes.list.iter().filter(|n| n.provider && wanted(n)) {
            busy += u128::from(node.busy);
            offered += u128::from(node.slots) * u128::from(horizon_ns);
        }
        ratio(wide(busy), wide(offered))
    };
    sheet.put("utilisation_total", of(&|_| true));
    for (class, name) in tally.hardware.sorted() {
        sheet.class("utilisation", name, of(&|node| node.hardware == class));
    }
}

/// Whether a metric is read from the samples of the load once there is a warm-up.
fn utilises(name: &str) -> bool {
    name.starts_with("utilisation")
}

/// Whether the providers' classes of hardware have nobody else in them: samples of the load
/// count all machines of a class.
fn unmixed(rep: &Rep) -> bool {
    let classes = |provider: bool| -> BTreeSet<usize> {
        rep.nodes.list.iter().filter(|n| n.provider == provider).map(|n| n.hardware).collect()
    };
    classes(true).is_disjoint(&classes(false))
}

fn load(sheet: &mut Sheet, tally: &Tally, rep: &Rep) {
    for (class, name) in tally.hardware.sorted() {
        let peak = rep.load.get(class).and_then(|load| load.peak);
        sheet.class(
            "utilisation_peak",
            name,
            peak.and_then(|(busy, offered)| ratio(wide(busy), wide(offered))),
        );
    }
    // A sample counts where its interval begins after the warm-up, as the loads do.
    let mut begins = 0;
    let mut counted = (0, 0);
    for (&end, &waiting) in &rep.waiting {
        if begins >= rep.from {
            counted = (counted.0 + waiting, counted.1 + 1);
        }
        begins = end;
    }
    sheet.put("queue_mean", share(counted.0, counted.1));
    sheet.put("queue_max", rep.waiting.values().max().map(|&n| whole(n)));
}

fn settlement(sheet: &mut Sheet, rep: &Rep, coin: &Coin) {
    let chain = &rep.chain;
    sheet.put("blocks_count", Some(whole(chain.blocks)));
    let gaps = chain.after.saturating_sub(1);
    let span = chain.last.saturating_sub(chain.first);
    sheet.put("block_interval_mean", ratio(whole(span) / 1e9, whole(gaps)));
    let (sum, closed) = chain.finality;
    sheet.put("block_finality_mean", ratio(wide(sum) / 1e9, whole(closed)));
    sheet.put("transactions_count", Some(whole(chain.transactions)));
    sheet.put("backlog_max", Some(f64::from(chain.backlog_max)));
    sheet.put("fees_total", Some(coin.coins(chain.fees)));
    sheet.put("emission_total", Some(coin.coins(chain.minted)));
}

/// Where periods have a table of their own, the one of the members holds only some of them.
fn epochs(sheet: &mut Sheet, tally: &Tally, rep: &Rep, periods: &Periods, coin: &Coin) {
    // A subnet that never closed a period shows in the population only.
    let mut closed: BTreeMap<u16, u64> =
        rep.nodes.list.iter().map(|node| (node.subnet, 0)).collect();
    let (permitted, agreed, paid);
    if tally.is_aggregate() {
        closed.extend(&periods.closed);
        (permitted, agreed) = (periods.permitted, periods.agreed);
        let reasons = ["incentive", "dividend", "nominators"].map(|name| tally.reasons.find(name));
        let of = |reason: usize| rep.payouts.get(reason).copied().unwrap_or(0);
        paid = tally.has("payouts").then(|| reasons.into_iter().flatten().map(of).sum::<u128>());
    } else {
        rep.epochs.keys().for_each(|&(subnet, _)| *closed.entry(subnet).or_default() += 1);
        permitted = rep.epochs.values().filter(|epoch| epoch.permitted).count() as u64;
        agreed = rep.epochs.values().filter(|epoch| epoch.agreed).count() as u64;
        paid = Some(rep.epochs.values().map(|epoch| epoch.emission).sum());
    }
    sheet.put("epochs_per_subnet_min", closed.values().min().map(|&n| whole(n)));
    sheet.put("consensus_nonzero_share", share(agreed, permitted));
    sheet.put("emission_paid", paid.map(|paid| coin.coins(paid)));
}

fn fairness(sheet: &mut Sheet, tally: &Tally, rep: &Rep) {
    let nodes = &rep.nodes.list;
    for (role, earned) in [
        (crate::tally::PROVIDER, earnings(nodes, |n| n.provider)),
        (crate::tally::VALIDATOR, earnings(nodes, |n| n.validator)),
    ] {
        sheet.class("gini", role, stats::gini(&earned));
        sheet.class("nakamoto", role, stats::nakamoto(&earned).map(count));
        let stakes: Vec<u128> = nodes.iter().filter(|n| n.is(role)).map(|n| n.stake).collect();
        sheet.class("stake_gini", role, stats::gini(&stakes));
        sheet.class("stake_nakamoto", role, stats::nakamoto(&stakes).map(count));
    }
    let providers: Vec<&Node> = nodes.iter().filter(|n| n.provider).collect();
    let income: u128 = providers.iter().map(|n| n.earned).sum();
    for (behaviour, name) in tally.behaviours.sorted() {
        let (mut members, mut earned, mut scores) = (0, 0, (0, 0));
        for node in providers.iter().filter(|n| n.behaviour == behaviour) {
            members += 1;
            earned += node.earned;
            scores = (scores.0 + node.scores.0, scores.1 + node.scores.1);
        }
        if members > 0 {
            let part = ratio(wide(earned), wide(income));
            sheet.class("provider_income_share", name, part);
            let part = ratio(count(members), count(providers.len()));
            sheet.class("provider_population_share", name, part);
            sheet.class("score_mean", name, ratio(whole(scores.0) / 1e6, whole(scores.1)));
        }
    }
    honesty(sheet, tally, &providers, income);
    dividends(sheet, tally, nodes);
    attack(sheet, &rep.nodes);
    correlations(sheet, &providers);
}

fn earnings(nodes: &[Node], of: impl Fn(&Node) -> bool) -> Vec<u128> {
    nodes.iter().filter(|n| of(n)).map(|n| n.earned).collect()
}

fn honesty(sheet: &mut Sheet, tally: &Tally, providers: &[&Node], income: u128) {
    let honest = tally.behaviours.find("honest");
    let neither = ["noisy", "changing"].map(|word| tally.behaviours.find(word));
    let (mut fair, mut cheating) = ((0, 0_u128), (0, 0_u128));
    for node in providers {
        let side = if Some(node.behaviour) == honest {
            &mut fair
        } else if neither.contains(&Some(node.behaviour)) {
            continue;
        } else {
            &mut cheating
        };
        side.0 += 1;
        side.1 += node.earned;
    }
    sheet.put("dishonest_income_share", ratio(wide(cheating.1), wide(income)));
    let each = |(members, earned): (usize, u128)| ratio(wide(earned), count(members));
    if let (Some(cheat), Some(honest)) = (each(cheating), each(fair)) {
        sheet.put("dishonest_income_ratio", ratio(cheat, honest));
    }
}

fn dividends(sheet: &mut Sheet, tally: &Tally, nodes: &[Node]) {
    let per_stake = |behaviour: usize| {
        let (mut dividends, mut stake) = (0, 0);
        for node in nodes.iter().filter(|n| n.validator && n.behaviour == behaviour) {
            dividends += node.dividends;
            stake += node.stake_epochs;
        }
        ratio(wide(dividends), wide(stake))
    };
    let paid = nodes.iter().any(|n| n.validator && n.dividends > 0);
    for (behaviour, name) in tally.behaviours.sorted().into_iter().filter(|_| paid) {
        let thousand = per_stake(behaviour).map(|each| 1e3 * each);
        sheet.class("dividends_per_thousand", name, thousand);
    }
    let of = |word: &str| tally.behaviours.find(word).and_then(per_stake);
    if let (Some(copying), Some(honest)) = (of("copying"), of("honest")) {
        sheet.put("copier_dividend_ratio", ratio(copying, honest));
    }
}

/// Those marked as attackers beside all others, where there are both.
fn attack(sheet: &mut Sheet, all: &Nodes) {
    let nodes = &all.list;
    if !nodes.iter().any(|node| node.attacks) {
        return;
    }
    let sum = |wanted: &dyn Fn(&Node) -> bool, what: &dyn Fn(&Node) -> u128| -> f64 {
        wide(nodes.iter().filter(|n| wanted(n)).map(what).sum())
    };
    let earned = |n: &Node| n.earned;
    let profit = |attacks: bool, role: &str, per: &dyn Fn(&Node) -> u128| {
        let member = |n: &Node| n.is(role) && n.attacks == attacks;
        ratio(sum(&member, &earned), sum(&member, per))
    };
    let mut compare = |role: &str, per: &dyn Fn(&Node) -> u128| {
        if let (Some(attack), Some(honest)) = (profit(true, role, per), profit(false, role, per)) {
            sheet.class("attack_profit_ratio", role, ratio(attack, honest));
        }
    };
    compare(crate::tally::PROVIDER, &|_| 1);
    compare(crate::tally::VALIDATOR, &|n| n.stake_epochs);
    if !all.contested() {
        return;
    }
    let kept =
        |what: &dyn Fn(&Node) -> u128| ratio(sum(&|n| !n.attacks, what), sum(&|_| true, what));
    let (emission, stake) = (kept(&|n| n.incentive + n.dividends), kept(&|n| n.stake_epochs));
    sheet.put("honest_emission_share", emission);
    sheet.put("honest_stake_share", stake);
    if let (Some(emission), Some(stake)) = (emission, stake) {
        sheet.put("honest_retention", ratio(emission, stake));
    }
}

/// Within each subnet, since subnets pay differently for the same quality.
fn correlations(sheet: &mut Sheet, providers: &[&Node]) {
    let mut subnets: BTreeMap<u16, Vec<&Node>> = BTreeMap::new();
    for node in providers {
        subnets.entry(node.subnet).or_default().push(node);
    }
    let mut put = |name: &str, what: &dyn Fn(&Node) -> (u64, u64)| {
        let found: Vec<(f64, usize)> = subnets
            .values()
            .filter_map(|members| {
                let pairs: Vec<(f64, f64)> = members
                    .iter()
                    .filter_map(|node| {
                        let (sum, n) = what(node);
                        Some((ratio(whole(sum), whole(n))?, wide(node.earned)))
                    })
                    .collect();
                let (quality, income): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
                Some((stats::spearman(&quality, &income)?, income.len()))
            })
            .collect();
        let each: Vec<f64> = found.iter().map(|group| group.0).collect();
        sheet.put(name, stats::mean(&each));
        if let Some(interval) = stats::rank_correlation_interval95(&found) {
            sheet.1.insert(name.to_owned(), interval);
        }
    };
    put("quality_income_correlation", &|node| node.quality);
    put("score_income_correlation", &|node| node.scores);
}

fn share(part: u64, all: u64) -> Option<f64> {
    ratio(whole(part), whole(all))
}

fn ratio(part: f64, all: f64) -> Option<f64> {
    (all > 0.0).then(|| part / all)
}

#[expect(clippy::cast_precision_loss, reason = "metrics are rounded to 53 bits, once")]
fn whole(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "metrics are rounded to 53 bits, once")]
fn wide(n: u128) -> f64 {
    n as f64
}
