//! Traces of an economy small enough to work out by hand, and one as long as a year.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::path::Path;

use reports::compare::{Curves, Design, compare};
use reports::context::{Coin, Context, TableSummary};
use reports::{ReportError, Tally, compute, figure};
use sim_types::Amount;
use sim_types::record::{
    EconomyRow, EpochRow, JobRow, NodeRow, PayoutRow, PeriodRow, PoolRow, TABLES,
};
use support::{fresh_dir, write};

const RAO: u128 = 1_000_000_000;
const DAY: u64 = 86_400_000_000_000;

fn context(days: u64, tables: &[&str]) -> Context {
    let table = |name: &&str| TableSummary {
        name: (*name).to_owned(),
        rows: u64::from(*name != "jobs"),
        digest: String::new(),
    };
    Context {
        title: "An economy".into(),
        scenario: "economy".into(),
        description: String::new(),
        seed: 1,
        replications: 1,
        horizon_ns: days * DAY,
        block_interval_ns: None,
        coin: Coin { name: "TAO".into(), smallest_units: RAO, usd: Some(300.0) },
        design: Vec::new(),
        calibration: None,
        facts: Vec::new(),
        verdicts: Vec::new(),
        replay: String::new(),
        plan_digest: String::new(),
        event_digest: String::new(),
        provenance: Vec::new(),
        trace: sim_types::TraceLevel::Full,
        tables: tables.iter().map(table).collect(),
        notes: Vec::new(),
        control: reports::context::Control::default(),
        attackers: Vec::new(),
    }
}

/// A period that closes at `time`, with a price in billionths.
fn pool(subnet: u16, time: u64, price: u64) -> PoolRow {
    PoolRow {
        rep: 0,
        subnet,
        epoch: time,
        height: time,
        time,
        tao: Amount(1_000 * RAO),
        alpha: Amount(1),
        alpha_out: Amount(1),
        price,
        moving_price: price,
        share_ppb: 0,
        emitted: Amount(0),
        bought: Amount(0),
        sold: Amount(0),
        owner: Amount(0),
        miners: Amount(0),
        validators: Amount(0),
        root: Amount(0),
        burned: Amount(0),
        burn_price: Amount(0),
        registered: 0,
    }
}

fn economy(time: u64, issuance: u128, emission: u128) -> EconomyRow {
    EconomyRow {
        rep: 0,
        time,
        height: time,
        issuance: Amount(issuance),
        emission: Amount(emission),
        liquid: Amount(issuance - 60 * RAO),
        root: Amount(30 * RAO),
        pools: Amount(20 * RAO),
        lost: Amount(10 * RAO),
        price_sum: 1_500_000_000,
        bar_ppb: 0,
        lock_cost: Amount(7 * RAO),
    }
}

fn period(subnet: u16, epoch: u64, permits: u16, agreed: u16, replaced: u16) -> PeriodRow {
    PeriodRow {
        rep: 0,
        subnet,
        epoch,
        height: epoch,
        time: epoch,
        permits,
        agreed,
        rewarded: agreed,
        top_incentive: 0,
        replaced,
    }
}

fn node(node: u32, subnet: u16, name: &str) -> NodeRow {
    NodeRow {
        rep: 0,
        node,
        name: name.to_owned(),
        group: "g".into(),
        role: "provider",
        subnet,
        uid: 0,
        hardware: String::new(),
        region: String::new(),
        behaviour: "honest",
        slots: 0,
        initial_stake: Amount(0),
        stake: Amount(0),
        earned: Amount(RAO),
        jobs: 0,
        probes: 0,
        busy: 0,
    }
}

/// Three subnets of which one closed no period, over three days of two periods.
fn write_three_days(trace: &Path) {
    let half = DAY / 2;
    let row = |subnet: u16, k: u64, price: u64, emitted: u128| PoolRow {
        tao: Amount(u128::from(subnet + 1) * 1_000 * RAO),
        emitted: Amount(emitted * RAO),
        bought: Amount(5 * RAO),
        sold: Amount(if subnet == 0 { 8 * RAO } else { 0 }),
        burned: Amount(2 * RAO),
        burn_price: Amount(u128::from(k) * RAO),
        registered: u32::from(subnet == 0 && k >= 5) * 2,
        // Just before noon and midnight.
        ..pool(subnet, k * half - 1, price)
    };
    // Days end at 2, 4, 8 and at 4, 4, 2 billionths.
    let prices = [[1, 2, 9, 4, 9, 8], [4, 4, 4, 4, 2, 2]];
    write(
        trace,
        (1..=6).flat_map(|k| {
            let price = |subnet: usize| prices[subnet][usize::try_from(k).unwrap() - 1];
            [row(0, k, price(0), 30), row(1, k, price(1), 10)]
        }),
    );
    write(trace, (0..3).map(|subnet| node(subnet.into(), subnet, "first")));
    write(
        trace,
        [
            economy(DAY, 10_000 * RAO, RAO),
            economy(2 * DAY, 10_100 * RAO, RAO),
            economy(3 * DAY, 10_200 * RAO, RAO / 2),
        ],
    );
}

const POOLS: [&str; 3] = ["nodes", "pools", "economy"];

#[test]
fn metrics_are_those_worked_out_by_hand() {
    let trace = fresh_dir("economy_hand").join("trace");
    write_three_days(&trace);
    write(&trace, [period(0, 0, 3, 3, 1), period(0, 1, 3, 0, 2), period(1, 0, 0, 0, 0)]);
    let context = context(3, &["nodes", "pools", "economy", "periods"]);
    let metrics = compute(&trace, &context).unwrap();
    let ln2 = core::f64::consts::LN_2;
    let table: &[(&str, f64)] = &[
        ("issuance_end", 10_200.0),
        // 2 % in two days.
        ("issuance_growth_year", 1.02_f64.powf(182.5) - 1.0),
        ("block_emission_end", 0.5),
        ("halvings_count", 1.0),
        ("coin_liquid", 10_140.0),
        ("coin_on_root", 30.0),
        ("coin_in_pools", 20.0),
        ("coin_lost", 10.0),
        ("price_sum_end", 1.5),
        ("lock_cost_end", 7.0),
        // 0, 60, 180: (−2·0 + 0·60 + 2·180) / (3 · 240).
        ("emission_gini", 0.5),
        ("emission_nakamoto", 1.0),
        ("emission_largest_share", 0.75),
        ("subnets_without_emission", 1.0),
        // (y + d)² / k is 1.01 y² / k.
        ("pool_depth_median", 1_000.0 * (1.01_f64.sqrt() - 1.0)),
        ("pool_depth_min", 1_000.0 * (1.01_f64.sqrt() - 1.0)),
        ("price_median_end", 2e-9),
        // ln 2 and ln 2 a day; 0 and −ln 2.
        ("price_return_day_mean", ln2 / 4.0),
        ("price_volatility_day", ln2 / 2.0_f64.sqrt() / 2.0),
        ("hold_return_median", -0.5),
        ("hold_return_p10", -0.5),
        ("hold_return_p90", 7.0),
        ("hold_return_mean", 3.25),
        ("hold_gain_usd", 975_000.0),
        ("users_bought", 60.0),
        ("users_sold", 48.0),
        ("users_net_flow", 12.0),
        ("alpha_burned", 24.0),
        ("places_bought", 4.0),
        ("place_price_mean", 5.5),
        ("members_replaced", 3.0),
    ];
    for &(name, want) in table {
        let found = metrics.get(name).unwrap_or_else(|| panic!("{name} is missing")).value;
        assert!((found - want).abs() <= 1e-12 * want.abs().max(1.0), "{name}: {found} not {want}");
    }
    for definition in reports::catalogue::METRICS.iter().filter(|d| d.section == "Economy") {
        assert!(table.iter().any(|(name, _)| *name == definition.name), "{}", definition.name);
    }
}

/// What the chain itself mints in a block at an issuance (opentensor/subtensor,
/// `pallets/subtensor/src/coinbase/block_emission.rs`): five halvings until 31/32 of all coins
/// are out, the last two of them between two samples.
#[test]
fn halvings_are_those_of_the_chains_own_table() {
    let trace = fresh_dir("economy_halvings").join("trace");
    let table: [(u128, u128); 5] = [
        (10_500_000 * RAO - 1, 1_000_000_000),
        (10_500_000 * RAO, 500_000_000),
        (15_750_000 * RAO, 250_000_000),
        (18_375_000 * RAO, 125_000_000),
        (20_343_750 * RAO, 31_250_000),
    ];
    write(
        &trace,
        (1..).zip(table).map(|(day, (issued, minted))| economy(day * DAY, issued, minted)),
    );
    write(&trace, [pool(0, 1, 1)]);
    let context = context(5, &["pools", "economy"]);
    let tally = Tally::read(&trace, &context).unwrap();
    let metrics = tally.metrics(&context);
    let halvings = metrics.get("halvings_count").unwrap().value;
    assert!((halvings - 5.0).abs() < 1e-12, "{halvings}");
    let figures = figure::all(&tally, &metrics, &context).unwrap();
    for name in ["issuance", "block_emission"] {
        let svg = &figures.iter().find(|f| f.name == name).unwrap().svg;
        // Four uprights for the four gaps, and one line in the legend.
        assert_eq!(svg.matches("data-s=\"7\"").count(), 4, "{name}");
        assert_eq!(svg.matches(">halving<").count(), 1, "{name}");
    }
}

/// The aggregate resolution samples its members; periods have a table of their own.
#[test]
fn periods_of_their_own_decide_over_sampled_members() {
    let trace = fresh_dir("economy_periods").join("trace");
    let member = |epoch: u64| EpochRow {
        rep: 0,
        subnet: 0,
        epoch,
        height: epoch,
        time: epoch,
        uid: 0,
        node: 0,
        stake: Amount(1),
        consensus: 1,
        incentive: 1,
        dividends: 0,
        validator_trust: 0,
        validator_permit: true,
        emission: Amount(RAO),
    };
    let paid = |reason: &'static str, coins: u128| PayoutRow {
        rep: 0,
        time: DAY,
        subnet: Some(0),
        epoch: Some(9),
        job: None,
        node: Some(0),
        amount: Amount(coins * RAO),
        reason,
    };
    write(&trace, [node(0, 0, "a"), node(1, 1, "b"), node(2, 2, "c")]);
    write(&trace, [member(9)]);
    write(&trace, [paid("incentive", 40), paid("dividend", 30), paid("withheld", 5)]);
    write(&trace, (0..10).map(|epoch| period(0, epoch, 1, u16::from(epoch % 2 == 0), 0)));
    write(&trace, Vec::<JobRow>::new());
    let tables = ["nodes", "epochs", "payouts", "periods", "jobs"];
    let of = |tables: &[&str]| {
        let metrics = compute(&trace, &context(1, tables)).unwrap();
        ["epochs_per_subnet_min", "consensus_nonzero_share", "emission_paid", "jobs_submitted"]
            .map(|name| metrics.get(name).map(|metric| metric.value))
    };
    // Subnets 1 and 2 closed none.
    assert_eq!(of(&tables), [Some(0.0), Some(0.5), Some(70.0), None]);
    write(&trace, (0..6).map(|k| period(k % 3, u64::from(k), 1, 1, 0)));
    assert_eq!(of(&tables), [Some(2.0), Some(1.0), Some(70.0), None]);
    // Without it members are all there is.
    let members = ["nodes", "epochs", "payouts", "jobs"];
    assert_eq!(of(&members), [Some(0.0), Some(1.0), Some(1.0), Some(0.0)]);
    let context = context(1, &tables);
    let tally = Tally::read(&trace, &context).unwrap();
    let metrics = tally.metrics(&context);
    let figures = figure::all(&tally, &metrics, &context).unwrap();
    let page = reports::page::render(&context, &metrics, &tally.analysis(&context), &figures);
    assert!(page.contains("aggregate resolution") && !page.contains("href=\"#economy\""));
}

/// Whoever takes a place has a number of its own.
#[test]
fn a_newcomer_has_a_row_and_nobody_has_two() {
    let trace = fresh_dir("economy_places").join("trace");
    write(&trace, [node(0, 0, "old"), node(1, 0, "other"), node(7, 0, "new")]);
    let metrics = compute(&trace, &context(1, &["nodes"])).unwrap();
    assert_eq!(metrics.get("nakamoto.provider").map(|m| m.value), Some(2.0));
    write(&trace, [node(0, 0, "same"), node(0, 0, "same")]);
    let error = compute(&trace, &context(1, &["nodes"])).unwrap_err();
    assert!(error.to_string().contains("0 appears twice"), "{error}");
}

#[test]
fn periods_out_of_order_are_named() {
    let trace = fresh_dir("economy_order").join("trace");
    write(&trace, [pool(3, 7, 1), pool(3, 7, 1)]);
    let error = compute(&trace, &context(1, &["pools"])).unwrap_err();
    assert!(matches!(error, ReportError::Value { .. }));
    assert!(error.to_string().contains("period 7 of subnet 3"), "{error}");
}

/// Prices that walk at random with 3 % a day: what is found is what was put in.
#[test]
fn volatility_is_that_of_the_walk() {
    let trace = fresh_dir("economy_walk").join("trace");
    let mut rows = Vec::new();
    for subnet in 0..32_u16 {
        let mut stream = sim_types::Stream::new(7, subnet.into());
        let mut log = 0.0_f64;
        for day in 1..=200_u64 {
            // Twenty steps a day.
            for step in 1..=20 {
                log += 0.03 / 20.0_f64.sqrt() * stream.normal();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "positive"
                )]
                let price = (log.exp() * 1e12) as u64;
                rows.push(pool(subnet, (day - 1) * DAY + step * (DAY / 20) - 1, price));
            }
        }
    }
    write(&trace, rows);
    let metrics = compute(&trace, &context(200, &["pools"])).unwrap();
    let value = |name: &str| metrics.get(name).unwrap().value;
    // 32 × 199 returns: standard errors 0.03 / √6368 = 0.00038, and 0.00027 of the deviation;
    // five of them.
    assert!((value("price_volatility_day") - 0.03).abs() < 0.0014);
    assert!(value("price_return_day_mean").abs() < 0.0019);
}

/// A run of many subnets: lines for few, a band for all, the same bytes twice.
#[test]
fn many_subnets_stay_readable() {
    let trace = fresh_dir("economy_many").join("trace");
    let rows = (1..=40_u64).flat_map(|k| {
        (0..128_u16).map(move |subnet| PoolRow {
            emitted: Amount(RAO * u128::from(subnet + 1)),
            bought: Amount(RAO),
            sold: Amount(RAO / 2),
            burn_price: Amount(RAO),
            ..pool(subnet, k * DAY / 4 - 1, 1_000_000 * u64::from(subnet + 1) + k * 1_000)
        })
    });
    write(&trace, rows);
    write(&trace, (1..=10).map(|day| economy(day * DAY, (1_000 + u128::from(day)) * RAO, RAO)));
    let context = context(10, &["pools", "economy", "jobs"]);
    write(&trace, Vec::<JobRow>::new());
    let draw = || {
        let tally = Tally::read(&trace, &context).unwrap();
        let metrics = tally.metrics(&context);
        let figures = figure::all(&tally, &metrics, &context).unwrap();
        let page = reports::page::render(&context, &metrics, &tally.analysis(&context), &figures);
        (figures, page)
    };
    let (figures, page) = draw();
    assert!(draw().1 == page);
    let of_economy: Vec<&str> =
        figures.iter().filter(|f| f.section == figure::ECONOMY).map(|f| f.name.as_str()).collect();
    assert_eq!(
        of_economy,
        [
            "emission_share",
            "alpha_price",
            "pool_depth",
            "user_flows",
            "issuance",
            "block_emission",
            "coin_places",
            "burn_price"
        ]
    );
    let share = &figures.iter().find(|f| f.name == "emission_share").unwrap();
    assert_eq!(share.svg.matches("class=\"key\"").count(), 7);
    assert!(share.svg.contains(">subnet 127<") && share.svg.contains(">median of 128<"));
    // 128 / (1 + … + 128) in every interval.
    let largest = share.hover.series.iter().find(|s| s.name == "subnet 127").unwrap();
    assert!(largest.points.iter().all(|(.., text)| text == "1.55 %"), "{:?}", largest.points);
    assert!(page.contains("href=\"#economy\"") && page.contains("No job was submitted"));
    assert!(!page.contains("NaN") && page.contains("median of 128"));
}

#[test]
fn two_economies_are_drawn_over_each_other() {
    let design = |name: &str, factor: u128| {
        let trace = fresh_dir(&format!("economy_{name}")).join("trace");
        write_three_days(&trace);
        write(&trace, (1..=3).map(|d| economy(d * DAY, (100 + factor * u128::from(d)) * RAO, RAO)));
        let context = context(3, &POOLS);
        let metrics = compute(&trace, &context).unwrap();
        let curves = Curves::read(&trace, &context).unwrap();
        Design { name: name.to_owned(), context, metrics, curves }
    };
    let designs = [design("slow", 1), design("fast", 9)];
    let curves = designs[1].curves.as_ref().unwrap();
    assert_eq!(curves.emission, [0.75, 0.25]);
    assert_eq!(curves.issuance.last(), Some(&(3 * DAY, 127.0)));
    let compared = compare(&designs).unwrap();
    let html = compared.to_html().unwrap();
    for name in ["compare_curve_emission", "compare_curve_price", "compare_curve_issuance"] {
        assert!(html.contains(&format!("data-figure=\"{name}\"")), "{name}");
    }
    let json: reports::compare::Comparison =
        serde_json::from_str(&compared.to_json().unwrap()).unwrap();
    assert!(json == compared);
    // A run without pools has none.
    let trace = fresh_dir("economy_none").join("trace");
    write(&trace, Vec::<PoolRow>::new());
    assert!(Curves::read(&trace, &context(1, &["pools"])).unwrap().is_none());
    assert!(TABLES.iter().any(|(name, ..)| *name == "pools"));
}

/// 128 subnets of 7,300 periods: `cargo test --release -p arable-reports --test economy --
/// --ignored --nocapture`.
#[test]
#[ignore = "writes 934,400 rows"]
fn a_year_of_128_subnets_is_read_in_seconds() {
    let trace = fresh_dir("economy_year").join("trace");
    let period = 365 * DAY / 7_300;
    let rows = (1..=7_300_u64).flat_map(|k| {
        (0..128_u16).map(move |subnet| PoolRow {
            emitted: Amount(RAO + u128::from(subnet)),
            bought: Amount(RAO),
            sold: Amount(RAO / 2),
            ..pool(
                subnet,
                k * period - 1 - u64::from(subnet),
                1_000_000 * u64::from(subnet + 1) + k,
            )
        })
    });
    write(&trace, rows);
    let started = std::time::Instant::now();
    let tally = Tally::read(&trace, &context(365, &["pools"])).unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    println!("{seconds:.2} s, {peak}");
    let metrics = tally.metrics(&context(365, &["pools"]));
    let bought = metrics.get("users_bought").unwrap().value;
    assert!((bought - 934_400.0).abs() < 1e-6, "{bought}");
}
