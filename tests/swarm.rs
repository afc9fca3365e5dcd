//! Whole scenarios drawn from a seed, held to the laws that every run obeys.
//!
//! A few seeds by default; `SWARM_SEEDS=1000` for many, `SWARM_SEED=17` for one. A seed that
//! fails leaves its scenario in the temporary directory and prints the line that repeats it.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use arable::plan::Plan;
use arable::run::{self, Options};
use arable::scenario::Source;
use common::Scratch;
use reports::table::Table;
use sim_types::Stream;

/// Seeds without a word from outside.
const FEW: u64 = 12;

/// Draws from lists and ranges.
struct Draw(Stream);

impl Draw {
    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.0.below(of.len() as u64)).expect("an index")]
    }
    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.0.below(high - low + 1)
    }
    fn chance(&mut self, percent: u64) -> bool {
        self.0.below(100) < percent
    }
}

#[expect(clippy::too_many_lines, reason = "one scenario, from top to bottom")]
/// A scenario as somebody might write it: population, latencies, rules and faults all drawn.
fn scenario(seed: u64) -> String {
    let mut d = Draw(Stream::new(seed, 0));
    let minutes = d.between(12, 45);
    let (validators, miners) = (d.between(1, 6), d.between(2, 24));
    let regions = ["{ single: 35ms }", "aws", "simblock_2019"];
    let regions = d.one(&regions);
    let hardware =
        d.one(&["rtx_4090", "a100_sxm", "{ mix: { rtx_4090: 3, l40s: 1, h100_sxm: 1 } }"]);
    let behaviour = d.one(&[
        "{ honest: {} }",
        "{ mix: [{ parts: 3, behaviour: { honest: {} } }, { parts: 1, behaviour: { lazy: { rate: 60%, effort: 30% } } }] }",
        "{ mix: [{ parts: 1, behaviour: { honest: {} } }, { parts: 1, behaviour: { substituting: { rate: 80%, cost: 25%, quality: 60% } } }, { parts: 1, behaviour: { noisy: { error_rate: 20% } } }] }",
        "{ mix: [{ parts: 1, behaviour: { spoofing: { recognises: 90%, cost: 25%, quality: 40% } } }, { parts: 2, behaviour: { changing: { low: 20%, every: 7min, announces: true } } }] }",
    ]);
    let yuma = d.chance(50);
    let weights = if yuma {
        d.one(&[
            "\n    weights: { moving_average: { alpha: 30% } }",
            "\n    weights: { moving_average: { alpha: 100% } }",
            "\n    weights: { selective_copy: { window: 2, tolerance: 20% } }",
            "\n    weights: { self_weighting: { share: 60% } }",
            "\n    weights: { sided: { favours: [miners], share: 70%, deviation: 40% } }",
        ])
    } else {
        ""
    };
    let dispatch = format!(
        "{{ validator_dispatch: {{ route: {}, price_per_million_tokens: {} TAO }} }}",
        d.one(&["uniform", "least_outstanding", "standing"]),
        d.between(0, 3)
    );
    let posted = "{ posted_price: { price_per_million_tokens: 2 TAO, price_spread: 20% } }";
    let market = if yuma || d.chance(60) { dispatch.as_str() } else { posted };
    let verification = if yuma {
        d.one(&["{ scoring: {} }", "{ scoring: { latency_weight: 50%, noise: 20% } }"])
    } else {
        d.one(&[
            "{ none: {} }",
            "{ redundancy: { replicas: 2 } }",
            "{ redundancy: { replicas: 3 } }",
            "{ spot_check: { sample: 30%, miss: 5% } }",
            "{ scoring: {} }",
        ])
    };
    let (interval, finality) = (d.one(&["1s", "6s", "12s"]), d.between(0, 3));
    let capacity = d.one(&["1000", "20", "3"]);
    let fee = d.one(&["0 TAO", "0.000001 TAO"]);
    let reward = if yuma {
        format!("{{ yuma: {{ tempo: {}, max_validators: 64 }} }}", d.between(5, 40))
    } else {
        format!("{{ proportional: {{ epoch_blocks: {} }} }}", d.between(1, 40))
    };
    let mut faults = String::new();
    if d.chance(60) {
        let (at, length) = (d.between(1, 10), d.between(1, 300));
        let (group, share) = (d.one(&["miners", "validators"]), d.between(1, 100));
        faults += &format!(
            "\n  - crash: {{ at: {at}min, for: {length}s, group: {group}, share: {share}% }}"
        );
    }
    if d.chance(40) && regions == "aws" {
        let (at, length) = (d.between(1, 10), d.between(1, 300));
        let who = d.one(&["[tokyo]", "[frankfurt, tokyo]"]);
        faults += &format!("\n  - partition: {{ at: {at}min, for: {length}s, regions: {who} }}");
    }
    let faults = if faults.is_empty() { " []".to_owned() } else { faults };
    let changes = if d.chance(40) {
        format!("\n  - at: {}min\n    set: {{ emission.per_block: 0.3 TAO }}", d.between(1, 10))
    } else {
        " []".to_owned()
    };
    format!(
        "schema: 1
title: Swarm {seed}
seed: {seed}
horizon: {minutes}min
replications: {}
subnets: {}
population:
  validators:
    role: validator
    count: {validators}
    stake: {{ lognormal: {{ median: 2000 TAO, p90: 9000 TAO }} }}
    hardware: a100_sxm{weights}
  miners:
    role: provider
    count: {miners}
    hardware: {hardware}
    behaviour: {behaviour}
network: {{ regions: {regions}, loss: {}% }}
demand:
  poisson:
    rate_per_second: 0.{}
    prompt_tokens: {{ lognormal: {{ median: 300, p90: 1200 }} }}
    output_tokens: {{ lognormal: {{ median: 80, p90: 300 }} }}
market: {market}
execution: {{ roofline: {{ model: llama_3_1_8b, weight_bytes: 2, slots: {} }} }}
verification: {verification}
settlement: {{ slots: {{ block_interval: {interval}, finality_blocks: {finality}, capacity: {capacity}, fee: {fee} }} }}
reward: {reward}
emission: {{ per_block: 1 TAO }}
users: {{ funds: {} TAO }}
faults:{faults}
changes:{changes}
",
        d.between(1, 2),
        d.between(1, 4),
        d.between(0, 5),
        d.between(1, 9),
        d.between(1, 8),
        d.one(&["100000", "0.001", "0"]),
    )
}

/// Twice into one directory, on one thread and on two: a second run that gave other digests
/// would be refused.
fn obeys_the_laws(seed: u64, plan: &Plan) {
    let scratch = Scratch::new();
    let on = |threads| Options { out: scratch.path(), threads, ..Options::default() };
    let first = run::run(plan, &on(1)).unwrap_or_else(|error| panic!("first run: {error}"));
    let second = run::run(plan, &on(2)).unwrap_or_else(|error| panic!("second run: {error}"));
    assert!(second.unchanged, "seed {seed}: the second run found the first one damaged");
    let trace = first.dir.join("trace");
    let minted = blocks_follow_each_other(&trace);
    let jobs = jobs_are_in_order(&trace);
    money_goes_where_it_is_due(&trace, &minted, &jobs);
}

/// Heights count up by one, times never fall, finality comes after production. Returns what
/// each replication has minted.
fn blocks_follow_each_other(trace: &Path) -> BTreeMap<u64, u128> {
    let mut minted: BTreeMap<u64, u128> = BTreeMap::new();
    let mut last: Option<(u64, u64, u64)> = None;
    let columns = ["rep", "height", "time", "finalised", "minted"];
    let blocks = Table::open(trace, "blocks", &columns).expect("a table");
    let read = blocks.for_each(|batch| {
        let (reps, heights) = (batch.u32("rep")?, batch.u64("height")?);
        let (times, finals) = (batch.u64("time")?, batch.opt_u64("finalised")?);
        let amounts = batch.amount("minted")?;
        for row in 0..batch.rows() {
            let (rep, height, time) = (u64::from(reps[row]), heights[row], times[row]);
            if let Some((before, number, moment)) = last.filter(|&(before, ..)| before == rep) {
                assert!(height == number + 1 && time >= moment, "{before}: block {height}");
            }
            assert!(finals.get(row).is_none_or(|at| at >= time), "block {height} final before");
            last = Some((rep, height, time));
            *minted.entry(rep).or_default() += amounts.get(row);
        }
        Ok(())
    });
    read.expect("a whole table");
    minted
}

/// Jobs by replication and name.
#[derive(Default)]
struct Jobs {
    /// Final, and not for free.
    priced: BTreeSet<(u64, u64)>,
    /// Several providers work on it, and the horizon came before the last was paid.
    under_way: BTreeSet<(u64, u64)>,
}

/// What a job has gone through lies in the order of its stages.
fn jobs_are_in_order(trace: &Path) -> Jobs {
    let mut found = Jobs::default();
    let columns = [
        "rep",
        "job",
        "submitted",
        "started",
        "completed",
        "finalised",
        "price",
        "outcome",
        "replicas",
    ];
    let jobs = Table::open(trace, "jobs", &columns).expect("a table");
    let read = jobs.for_each(|batch| {
        let (reps, names) = (batch.u32("rep")?, batch.u64("job")?);
        let (submitted, started) = (batch.u64("submitted")?, batch.opt_u64("started")?);
        let (completed, finals) = (batch.opt_u64("completed")?, batch.opt_u64("finalised")?);
        let (amounts, outcomes) = (batch.amount("price")?, batch.words("outcome")?);
        let replicas = batch.u32("replicas")?;
        for row in 0..batch.rows() {
            let stages =
                [Some(submitted[row]), started.get(row), completed.get(row), finals.get(row)];
            assert!(stages.iter().flatten().is_sorted(), "job {}: {stages:?}", names[row]);
            let is_final = outcomes.get(row) == "final";
            assert_eq!(finals.get(row).is_some(), is_final, "job {}", names[row]);
            let name = (u64::from(reps[row]), names[row]);
            if is_final && amounts.get(row) > 0 {
                found.priced.insert(name);
            }
            if outcomes.get(row) == "open" && replicas[row] > 1 {
                found.under_way.insert(name);
            }
        }
        Ok(())
    });
    read.expect("a whole table");
    found
}

/// Providers are paid the price of final jobs and of no others; periods pay no more than was
/// minted.
fn money_goes_where_it_is_due(trace: &Path, minted: &BTreeMap<u64, u128>, jobs: &Jobs) {
    let mut issued: BTreeMap<u64, u128> = BTreeMap::new();
    let mut paid = BTreeSet::new();
    let columns = ["rep", "job", "amount", "reason"];
    let payouts = Table::open(trace, "payouts", &columns).expect("a table");
    let read = payouts.for_each(|batch| {
        let (reps, names) = (batch.u32("rep")?, batch.opt_u64("job")?);
        let (amounts, reasons) = (batch.amount("amount")?, batch.words("reason")?);
        for (row, &rep) in reps.iter().enumerate() {
            let rep = u64::from(rep);
            match (reasons.get(row), names.get(row)) {
                ("price", Some(job)) => drop(paid.insert((rep, job))),
                _ => *issued.entry(rep).or_default() += amounts.get(row),
            }
        }
        Ok(())
    });
    read.expect("a whole table");
    let due = |job: &&(u64, u64)| jobs.priced.contains(*job) || jobs.under_way.contains(*job);
    let stray = paid.iter().filter(|job| !due(job)).count();
    assert_eq!(stray, 0, "payments for jobs that are not final");
    let unpaid = jobs.priced.difference(&paid).count();
    assert_eq!(unpaid, 0, "final jobs that nobody was paid for");
    for (rep, paid) in issued {
        let minted = minted.get(&rep).copied().unwrap_or(0);
        assert!(paid <= minted, "replication {rep} paid {paid} of {minted} minted");
    }
}

/// What a seed has come to.
enum Verdict {
    Obeyed,
    /// The rules drawn do not go together, and the plan says so.
    Refused(String),
    Failed(String),
}

fn judge(seed: u64) -> Verdict {
    let scratch = Scratch::new();
    let file = scratch.path().join("swarm.yaml");
    std::fs::write(&file, scenario(seed)).expect("a scratch file");
    let plan = match Source::load(&file).and_then(|source| source.plan()) {
        Ok((plan, _)) => plan,
        Err(why) => return Verdict::Refused(format!("seed {seed}: {}", why.render(false))),
    };
    match catch_unwind(AssertUnwindSafe(|| obeys_the_laws(seed, &plan))) {
        Ok(()) => Verdict::Obeyed,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            let kept = std::env::temp_dir().join(format!("swarm-{seed}.yaml"));
            let _ = std::fs::copy(&file, &kept);
            Verdict::Failed(format!(
                "seed {seed}: {}\n  replay: SWARM_SEED={seed} cargo test --test swarm\n  or: arable run {}",
                text.unwrap_or_default(),
                kept.display()
            ))
        }
    }
}

#[test]
fn every_drawn_scenario_obeys_the_laws() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("SWARM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SWARM_SEEDS").unwrap_or(FEW),
    };
    let count = seeds.end - seeds.start;
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let judge_some = || -> Vec<Verdict> {
        let turns = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        turns.take_while(|seed| seeds.contains(seed)).map(judge).collect()
    };
    let verdicts: Vec<Verdict> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(judge_some)).collect();
        all.into_iter().flat_map(|some| some.join().expect("panics are verdicts")).collect()
    });
    let failures: Vec<&str> = verdicts
        .iter()
        .filter_map(|v| if let Verdict::Failed(text) = v { Some(text.as_str()) } else { None })
        .collect();
    assert!(failures.is_empty(), "{} of {count} seeds:\n{}", failures.len(), failures.join("\n"));
    let refused: Vec<&str> = verdicts
        .iter()
        .filter_map(|v| if let Verdict::Refused(text) = v { Some(text.as_str()) } else { None })
        .collect();
    let obeyed = count - refused.len() as u64;
    assert!(obeyed * 4 >= count * 3, "most scenarios were refused:\n{}", refused.join("\n"));
}
