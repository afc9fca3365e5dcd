//! The two resolutions of one network agree on a day, and the economy is the same on any number
//! of threads and from any saved moment.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use arable::plan::Plan;
use arable::run::{self, Options, Run};
use arable::world::World;
use arrow::array::{Array, Decimal128Array, UInt16Array, UInt32Array, UInt64Array};
use arrow::ipc::reader::FileReader;
use arrow::record_batch::RecordBatch;
use common::{Scratch, plan};

/// Providers of many qualities, on machines and in places of their own: no two alike, so that a
/// rank says something.
fn network(resolution: &str, more: &[(&str, &str)]) -> Plan {
    let qualities = (8..=20).map(|k| {
        let quality = k * 5;
        format!("{{ parts: 1, behaviour: {{ honest: {{ quality: {quality}% }} }} }}")
    });
    let lazy = "{ parts: 2, behaviour: { lazy: { rate: 50%, effort: 40% } } }".to_owned();
    let mix: Vec<String> = qualities.chain([lazy]).collect();
    let behaviour = format!("{{ mix: [ {} ] }}", mix.join(", "));
    let mut set = vec![
        ("resolution", resolution),
        ("subnets", "2"),
        ("trace", "full"),
        ("demand.poisson.rate_per_second", "0.05"),
        ("population.miners.behaviour", behaviour.as_str()),
        ("population.miners.count", "60"),
        ("verification.scoring.latency_target", "200ms"),
        ("sample_every", "4h"),
        ("expect", "{}"),
    ];
    set.extend(more);
    plan("scenarios/systems/bittensor-mainnet.yaml", &set)
}

fn lived(plan: &Plan, threads: usize, scratch: &Scratch) -> Run {
    let options = Options { out: scratch.path(), threads, ..Options::default() };
    run::run(plan, &options).expect("a run")
}

fn batches(run: &Run, table: &str) -> Vec<RecordBatch> {
    let path = run.dir.join("trace").join(format!("{table}.arrow"));
    let file = std::fs::File::open(Path::new(&path)).expect("a table");
    let reader = FileReader::try_new(file, None).expect("an Arrow file");
    reader.map(|batch| batch.expect("a batch")).collect()
}

fn column<'a, T: Array + 'static>(batch: &'a RecordBatch, name: &str) -> &'a T {
    let found = batch.column_by_name(name).expect("a column");
    found.as_any().downcast_ref().expect("of this type")
}

/// What each provider was paid, by node.
fn incomes(run: &Run) -> Vec<(u32, i128)> {
    let mut incomes = BTreeMap::new();
    for batch in batches(run, "payouts") {
        let nodes: &UInt32Array = column(&batch, "node");
        let amounts: &Decimal128Array = column(&batch, "amount");
        for (node, amount) in nodes.iter().zip(amounts) {
            // The treasury is no node.
            let Some(node) = node else { continue };
            *incomes.entry(node).or_insert(0) += amount.expect("an amount");
        }
    }
    // Uids 0 to 19 of each subnet are validators; 60 providers follow.
    incomes.into_iter().filter(|(node, _)| node % 80 >= 20).collect()
}

/// TAO emitted in the first 19 periods, by subnet: the 20th closes in blocks that are not final
/// by the end of the detailed day.
fn emitted(run: &Run) -> Vec<f64> {
    let mut sums = vec![0.0; 2];
    for batch in batches(run, "pools") {
        let subnets: &UInt16Array = column(&batch, "subnet");
        let epochs: &UInt64Array = column(&batch, "epoch");
        let amounts: &Decimal128Array = column(&batch, "emitted");
        for row in (0..batch.num_rows()).filter(|&row| epochs.value(row) < 19) {
            #[expect(clippy::cast_precision_loss, reason = "compared to one part in a hundred")]
            let amount = amounts.value(row) as f64;
            sums[usize::from(subnets.value(row))] += amount;
        }
    }
    sums
}

fn ranks(incomes: &[(u32, i128)]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..incomes.len()).collect();
    order.sort_by_key(|&i| (incomes[i].1, incomes[i].0));
    let mut ranks = vec![0.0; incomes.len()];
    for (rank, i) in (0_u32..).zip(order) {
        ranks[i] = rank.into();
    }
    ranks
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let count = f64::from(u32::try_from(a.len()).expect("few"));
    let mean = |x: &[f64]| x.iter().sum::<f64>() / count;
    let (ma, mb) = (mean(a), mean(b));
    let product = |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum()
    };
    product(a, ma, b, mb) / (product(a, ma, a, ma) * product(b, mb, b, mb)).sqrt()
}

/// Issue of the aggregate form: a day of it is a day of the detailed one.
#[test]
fn a_day_in_detail_and_in_the_aggregate_agree() {
    let scratch = Scratch::new();
    let day = [("horizon", "24h")];
    let detailed = lived(&network("detailed", &day), 2, &scratch);
    let aggregate = lived(&network("aggregate", &day), 2, &scratch);
    let (a, b) = (incomes(&detailed), incomes(&aggregate));
    assert_eq!(a.len(), 120);
    assert!(a.iter().map(|x| x.0).eq(b.iter().map(|x| x.0)));
    // Within each subnet: what subnets earn differs far more than what members do.
    for subnet in [0..60, 60..120] {
        let found = correlation(&ranks(&a[subnet.clone()]), &ranks(&b[subnet]));
        println!("rank correlation of incentives {found:.4}");
        assert!(found >= 0.98, "{found}");
    }
    for (a, b) in emitted(&detailed).into_iter().zip(emitted(&aggregate)) {
        println!("TAO emitted {:.6} and {:.6}", a / 1e9, b / 1e9);
        assert!(a > 0.0 && (a / b - 1.0).abs() < 0.01, "{a} {b}");
    }
}

fn newcomers() -> Plan {
    let market = "{ dtao: { rules: 2026-07-27, issuance: 11000000 TAO, root: 5500000 TAO, \
                  pool: { tao: 15000 TAO, alpha: 1200000 TAO }, registrations: { per_day: 8 }, \
                  miner_burn: 10%, traders: { noise: { rule: { noise: { chance: 50%, part: 5% } }, \
                  funds: 100 TAO, holds: 2000 TAO } } } }";
    let set = [("horizon", "2d"), ("emission", market), ("subnets", "3"), ("replications", "2")];
    network("aggregate", &set)
}

#[test]
fn the_aggregate_is_the_same_on_any_number_of_threads() {
    let plan = newcomers();
    let one = Scratch::new();
    let first = lived(&plan, 1, &one);
    let places: u64 = batches(&first, "pools")
        .iter()
        .flat_map(|batch| column::<UInt32Array>(batch, "registered").iter())
        .map(|count| u64::from(count.unwrap()))
        .sum();
    assert!(places > 10, "{places} newcomers");
    for threads in [2, 4] {
        let scratch = Scratch::new();
        let other = lived(&plan, threads, &scratch);
        assert_eq!(first.manifest.result, other.manifest.result);
    }
    // More threads than replications: subnets side by side.
    let alone = network("aggregate", &[("horizon", "2d"), ("subnets", "3")]);
    let results = [1, 4].map(|threads| {
        let scratch = Scratch::new();
        lived(&alone, threads, &scratch).manifest.result
    });
    assert_eq!(results[0], results[1]);
}

/// A founder would come every day, and the price is right in some.
fn founders() -> Plan {
    let found = "{ per_day: 2, at_most: 2500 TAO, immunity: 7200, stake: 100 TAO }";
    let set = [
        ("horizon", "20d"),
        ("subnets", "3"),
        ("sample_every", "1d"),
        ("emission.dtao.subnet_registrations", found),
        ("emission.dtao.registrations", "{ per_day: 8 }"),
        ("expect", "{}"),
    ];
    plan("scenarios/systems/subnet-turnover.yaml", &set)
}

/// Subnets close and open, the coin adds up to the rao in every row, and periods are counted on.
#[test]
fn subnets_close_and_open_without_a_rao_lost() {
    let scratch = Scratch::new();
    let run = lived(&founders(), 1, &scratch);
    let openings: usize = batches(&run, "faults").iter().map(RecordBatch::num_rows).sum();
    assert!(openings >= 4, "{openings} openings");
    let mut rows = 0;
    for batch in batches(&run, "economy") {
        let sums: Vec<&Decimal128Array> =
            ["liquid", "root", "pools", "lost"].map(|name| column(&batch, name)).into();
        let issuance: &Decimal128Array = column(&batch, "issuance");
        for row in 0..batch.num_rows() {
            let held: i128 = sums.iter().map(|column| column.value(row)).sum();
            assert_eq!(held, issuance.value(row), "row {row}");
            rows += 1;
        }
    }
    assert!(rows >= 20, "{rows} rows");
    let mut periods: BTreeMap<u16, Vec<u64>> = BTreeMap::new();
    for batch in batches(&run, "periods") {
        let subnets: &UInt16Array = column(&batch, "subnet");
        let epochs: &UInt64Array = column(&batch, "epoch");
        for (subnet, epoch) in subnets.iter().zip(epochs) {
            periods.entry(subnet.unwrap()).or_default().push(epoch.unwrap());
        }
    }
    assert_eq!(periods.len(), 3);
    for (subnet, epochs) in periods {
        let count = u64::try_from(epochs.len()).unwrap();
        assert!(count > 380 && epochs.into_iter().eq(0..count), "periods of subnet {subnet}");
    }
    let scratch = Scratch::new();
    let other = lived(&founders(), 4, &scratch);
    assert_eq!(run.manifest.result, other.manifest.result, "on any number of threads");
}

#[test]
fn the_aggregate_goes_on_from_any_saved_moment() {
    goes_on(&newcomers());
    goes_on(&founders());
}

fn goes_on(plan: &Plan) {
    let mut whole = World::start(plan, 0).expect("a world");
    whole.run_until(plan.horizon, u64::MAX);
    let text = serde_json::to_string(whole.model()).expect("text");
    for part in [3, 20, 100] {
        let mut first = World::start(plan, 0).expect("a world");
        first.run_until(plan.horizon, part);
        let saved = serde_json::to_string(&first).expect("text");
        let mut second: sim_core::engine::Engine<World> =
            serde_json::from_str(&saved).expect("a world");
        second.run_until(plan.horizon, u64::MAX);
        assert_eq!(second.digest(), whole.digest());
        assert!(
            serde_json::to_string(second.model()).expect("text") == text,
            "after {part} events"
        );
    }
}

/// Issuance grows by what blocks mint and shrinks by nothing here; pools, root and accounts hold
/// all of it. The chain's own rule says what 7,200 blocks mint.
#[test]
fn the_coin_adds_up_to_the_rao() {
    let scratch = Scratch::new();
    let run = lived(&network("aggregate", &[("horizon", "24h")]), 1, &scratch);
    for batch in batches(&run, "economy") {
        let sums: Vec<&Decimal128Array> =
            ["liquid", "root", "pools", "lost"].map(|name| column(&batch, name)).into();
        let issuance: &Decimal128Array = column(&batch, "issuance");
        let heights: &UInt64Array = column(&batch, "height");
        for row in 0..batch.num_rows() {
            let held: i128 = sums.iter().map(|column| column.value(row)).sum();
            assert_eq!(held, issuance.value(row), "block {}", heights.value(row));
            let most = 11_000_000_000_000_000 + i128::from(heights.value(row)) * 500_000_000;
            let left = most - issuance.value(row);
            // Emission that rounding leaves over is not issued: less than a rao a subnet-block.
            assert!((0..=i128::from(heights.value(row)) * 4).contains(&left), "{left}");
        }
    }
}
