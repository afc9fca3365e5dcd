//! What shipped designs must show, whatever the seed: laws of whole runs.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use arable::plan::Plan;
use arable::run::{self, Options, Run, RunError};
use common::{Scratch, plan};
use reports::table::Table;

fn run(plan: &Plan) -> (Run, Scratch) {
    let scratch = Scratch::new();
    let options = Options { out: scratch.path(), ..Options::default() };
    (run::run(plan, &options).expect("the scenario runs"), scratch)
}

fn metric(run: &Run, name: &str) -> f64 {
    run.metrics.get(name).unwrap_or_else(|| panic!("no metric {name}")).value
}

/// Yuma over real observations: honest providers out-earn dishonest ones, consensus exists,
/// and every rao issued is paid or withheld or still pending.
#[test]
fn yuma_pays_honest_providers_and_loses_nothing() {
    let set = [("horizon", "6h"), ("subnets", "1"), ("expect", "{}")];
    let (run, _scratch) = run(&plan("scenarios/systems/bittensor.yaml", &set));
    assert!(metric(&run, "epochs_per_subnet_min") >= 4.0);
    assert!((metric(&run, "consensus_nonzero_share") - 1.0).abs() < 1e-12);
    assert!(metric(&run, "quality_income_correlation") > 0.3);
    assert!(metric(&run, "probes_count") > 40_000.0);
}

#[test]
fn an_interrupted_run_leaves_no_directory_that_looks_complete() {
    let plan = plan("scenarios/systems/bittensor.yaml", &[("subnets", "1")]);
    let scratch = Scratch::new();
    let options = Options { out: scratch.path(), ..Options::default() };
    options.interrupt.store(true, std::sync::atomic::Ordering::Relaxed);
    let error = run::run(&plan, &options).unwrap_err();
    assert!(matches!(error, RunError::Interrupted(_)), "{error}");
    assert!(!run::directory(&scratch.path(), &plan).exists());
    for entry in std::fs::read_dir(scratch.path()).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(name.to_string_lossy().contains(".partial-"), "{name:?}");
    }
}

/// Overload, crashes, a partition and lossy links under every verification: no job outlives its
/// user's patience and the chain's finality, and money reaches providers only for final jobs.
#[test]
fn every_job_ends_and_only_final_jobs_are_paid_for() {
    for verification in ["{none: {}}", "{redundancy: {replicas: 3}}", "{spot_check: {sample: 40%}}"]
    {
        let set = [
            ("verification", verification),
            ("horizon", "8h"),
            ("replications", "1"),
            ("demand.poisson.rate_per_second", "1.5"),
            ("network.loss", "2%"),
            ("market.validator_dispatch.price_per_million_tokens", "1 TAO"),
            ("users", "{funds: 100000 TAO}"),
            ("expect", "{}"),
        ];
        let plan = plan("scenarios/tutorial/05-faults-and-changes.yaml", &set);
        let (run, _scratch) = run(&plan);
        let trace = run.dir.join("trace");
        let mut paid = BTreeSet::new();
        let payouts = Table::open(&trace, "payouts", &["job", "reason"]).expect("a table");
        let collect = payouts.for_each(|batch| {
            let (jobs, reasons) = (batch.opt_u64("job")?, batch.words("reason")?);
            let prices = (0..batch.rows()).filter(|&row| reasons.get(row) == "price");
            paid.extend(prices.filter_map(|row| jobs.get(row)));
            Ok(())
        });
        collect.expect("a whole table");

        let (mut open_late, mut settled) = (0, BTreeSet::new());
        let mut outcomes = BTreeSet::new();
        let columns = ["job", "outcome", "submitted"];
        let jobs = Table::open(&trace, "jobs", &columns).expect("a table");
        let read = jobs.for_each(|batch| {
            let (names, submitted) = (batch.u64("job")?, batch.u64("submitted")?);
            let words = batch.words("outcome")?;
            for row in 0..batch.rows() {
                outcomes.insert(words.get(row).to_owned());
                match words.get(row) {
                    "final" => drop(settled.insert(names[row])),
                    // A minute of patience, a recheck, a block and its finality.
                    "open" if submitted[row] + 300_000_000_000 < plan.horizon.0 => open_late += 1,
                    _ => {}
                }
            }
            Ok(())
        });
        read.expect("a whole table");
        assert_eq!(open_late, 0, "{verification}: {outcomes:?}");
        let stray = paid.symmetric_difference(&settled).count();
        assert_eq!(stray, 0, "{verification}: jobs paid for and not final, or the reverse");
        assert!(paid.len() > 1_000, "{verification}");
        assert!(outcomes.contains("timed_out"), "{verification}: {outcomes:?}");
    }
}

/// What the groups were paid, by group and reason.
fn incomes(run: &Run) -> BTreeMap<(String, String), u128> {
    let trace = run.dir.join("trace");
    let mut groups = BTreeMap::new();
    let nodes = Table::open(&trace, "nodes", &["node", "group"]).expect("a table");
    let collect = nodes.for_each(|batch| {
        let (nodes, names) = (batch.u32("node")?, batch.words("group")?);
        groups.extend((0..batch.rows()).map(|row| (nodes[row], names.get(row).to_owned())));
        Ok(())
    });
    collect.expect("a whole table");
    let mut incomes = BTreeMap::new();
    let payouts = Table::open(&trace, "payouts", &["node", "amount", "reason"]).expect("a table");
    let collect = payouts.for_each(|batch| {
        let (nodes, reasons) = (batch.opt_u32("node")?, batch.words("reason")?);
        let amounts = batch.amount("amount")?;
        for row in 0..batch.rows() {
            let group = nodes.get(row).map_or_else(String::new, |node| groups[&node].clone());
            let reason = reasons.get(row).to_owned();
            *incomes.entry((group, reason)).or_default() += amounts.get(row);
        }
        Ok(())
    });
    collect.expect("a whole table");
    incomes
}

fn of(incomes: &BTreeMap<(String, String), u128>, group: &str, reason: &str) -> f64 {
    let amount = incomes.get(&(group.to_owned(), reason.to_owned())).copied().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "compared to parts in a million")]
    let amount = amount as f64;
    amount
}

/// In either resolution a mechanism's providers share its part of the emission, 3 of 4 here,
/// whatever their number: the second has 16383 of 65535, rounded down, the first the rest.
#[test]
fn mechanisms_pay_their_parts() {
    for resolution in ["detailed", "aggregate"] {
        let set = [("resolution", resolution), ("horizon", "6h"), ("expect", "{}")];
        let (run, _scratch) = run(&plan("scenarios/systems/one-subnet.yaml", &set));
        let incomes = incomes(&run);
        let [text, images] = ["text", "images"].map(|group| of(&incomes, group, "incentive"));
        let want = 49_152.0 / 16_383.0;
        assert!((text / images / want - 1.0).abs() < 1e-6, "{resolution}: {text} and {images}");
    }
}

/// Without takes nominators have their part of the dividends, in either resolution; and a fund
/// that lends all of its stake, as large as the other's, is passed on half of the dividends less
/// the childkey take. What is earned stays staked, so that the two drift apart slowly.
#[test]
fn nominators_and_parents_have_their_part() {
    for resolution in ["detailed", "aggregate"] {
        let lends = "{ take: 0%, children: [ { group: validators, part: 100% } ] }";
        let set = [
            ("resolution", resolution),
            ("horizon", "6h"),
            ("population.validators.count", "1"),
            ("population.validators.stake", "100000 TAO"),
            (
                "population.validators.delegation",
                "{ nominated: 80%, take: 0%, childkey_take: 18% }",
            ),
            ("population.fund.count", "1"),
            ("population.fund.delegation", lends),
            ("expect", "{}"),
        ];
        let (run, _scratch) = run(&plan("scenarios/systems/one-subnet.yaml", &set));
        let incomes = incomes(&run);
        let own = of(&incomes, "validators", "dividend");
        let nominators = of(&incomes, "validators", "nominators");
        assert!((nominators / (own + nominators) - 0.8).abs() < 1e-6, "{resolution}: {own}");
        let fund = of(&incomes, "fund", "dividend");
        let part = fund / (fund + own + nominators);
        assert!((part - 0.5 * 0.82).abs() < 0.01, "{resolution}: {part}");
    }
}
