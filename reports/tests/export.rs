//! Exports hold what the tables hold.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use reports::Context;
use reports::context::Coin;
use reports::export::{Timeline, parquet, perfetto};
use reports::table::Table;
use serde_json::Value;
use sim_types::record::{
    BlockRow, EconomyRow, EpochRow, FaultRow, JobRow, LoadRow, NodeRow, ObservationRow, PayoutRow,
    PeriodRow, PoolRow, TABLES, VERSION_KEY,
};
use sim_types::{Amount, TraceLevel};
use support::{fresh_dir, write};

fn context() -> Context {
    Context {
        title: "Exported".into(),
        scenario: "exported \"and quoted\"".into(),
        description: String::new(),
        seed: 3,
        replications: 2,
        horizon_ns: 1_000_000_000_000,
        block_interval_ns: None,
        coin: Coin { name: "TAO".into(), smallest_units: 1, usd: None },
        design: vec![],
        calibration: None,
        facts: vec![],
        verdicts: vec![],
        replay: String::new(),
        plan_digest: "ab".into(),
        event_digest: "cd".into(),
        provenance: vec![],
        trace: TraceLevel::Full,
        tables: vec![],
        attackers: Vec::new(),
        notes: vec![],
        control: reports::context::Control::default(),
    }
}

fn job(
    rep: u32,
    job: u64,
    provider: Option<u32>,
    times: (u64, Option<u64>, Option<u64>),
) -> JobRow {
    JobRow {
        rep,
        job,
        subnet: 1,
        kind: "inference",
        prompt_tokens: 10,
        output_tokens: 20,
        via: None,
        provider,
        hardware: "l40s",
        replicas: 1,
        submitted: times.0,
        started: times.1,
        completed: times.2,
        included: None,
        finalised: None,
        price: Amount(10_u128.pow(38) - 1),
        outcome: if times.2.is_some() { "final" } else { "timed_out" },
        truth: "right",
        quality_ppm: 1_000_000,
    }
}

fn node(rep: u32, node: u32, name: &str) -> NodeRow {
    NodeRow {
        rep,
        node,
        name: name.into(),
        group: "miners".into(),
        role: "provider",
        subnet: 1,
        uid: 0,
        hardware: "l40s".into(),
        region: "tokyo".into(),
        behaviour: "honest",
        slots: 2,
        initial_stake: Amount(0),
        stake: Amount(0),
        earned: Amount(5),
        jobs: 1,
        probes: 0,
        busy: 9,
    }
}

/// A trace with a row or more in nearly every table, and these jobs.
fn trace(dir: &Path, jobs: Vec<JobRow>) {
    write(dir, jobs);
    write(dir, [node(0, 4, "subnet1/\"miners\"/0"), node(0, 5, "idle"), node(1, 4, "other")]);
    write(dir, Vec::<ObservationRow>::new());
    let block = |rep, height| BlockRow {
        rep,
        height,
        time: height * 12_000_000_001,
        finalised: (height > 1).then_some(7),
        transactions: 3,
        backlog: 0,
        fees: Amount(1),
        minted: Amount(0),
    };
    write(dir, (1..5).map(|height| block(0, height)).chain([block(1, 1)]));
    let epoch = |subnet, uid| EpochRow {
        rep: 0,
        subnet,
        epoch: 0,
        height: 3,
        time: 77,
        uid,
        node: 4,
        stake: Amount(1),
        consensus: 1,
        incentive: 2,
        dividends: 3,
        validator_trust: 4,
        validator_permit: uid == 0,
        emission: Amount(u128::from(u64::MAX)),
    };
    write(dir, [epoch(0, 0), epoch(0, 1), epoch(1, 0)]);
    let payout = |job| PayoutRow {
        rep: 0,
        time: 9,
        subnet: None,
        epoch: None,
        job,
        node: Some(4),
        amount: Amount(3),
        reason: "price",
    };
    write(dir, [payout(None), payout(Some(1))]);
    let load = LoadRow {
        rep: 0,
        time: 1500,
        hardware: "l40s",
        nodes: 1,
        slots: 2,
        busy: 1,
        running: 2,
        waiting: 6,
    };
    write(dir, [load]);
    write(dir, [FaultRow { rep: 0, time: 5, kind: "crash", target: "node \"4\"".into() }]);
    write(dir, Vec::<PoolRow>::new());
    write(dir, Vec::<EconomyRow>::new());
    let period = PeriodRow {
        rep: 1,
        subnet: 2,
        epoch: 3,
        height: 4,
        time: 5,
        permits: 6,
        agreed: 7,
        rewarded: 8,
        top_incentive: u16::MAX,
        replaced: 0,
    };
    write(dir, [period]);
}

#[test]
fn parquet_reads_back_as_the_arrow_tables() {
    let dir = fresh_dir("export_parquet");
    let tables = dir.join("trace");
    let jobs = (0..9).map(|i| job(0, i, (i % 2 == 0).then_some(4), (i, Some(i), None)));
    trace(&tables, jobs.collect());
    let files = parquet(&tables, &dir.join("out")).expect("exports");
    assert_eq!(files.len(), TABLES.len());
    for (file, (table, version, ..)) in files.iter().zip(TABLES) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).expect("there"));
        let reader = reader.expect("Parquet");
        let metadata = reader.metadata().file_metadata().key_value_metadata().expect("some");
        let stated = metadata.iter().find(|pair| pair.key == VERSION_KEY).expect("a version");
        assert_eq!(stated.value.as_deref(), Some(version.to_string().as_str()));
        let schema = reader.schema().clone();
        let found: Vec<RecordBatch> =
            reader.build().expect("readable").map(|batch| batch.expect("a batch")).collect();
        let whole = Table::whole(&tables, table).expect("the Arrow table");
        assert_eq!(schema.fields(), whole.schema().fields(), "{table}");
        let want: Vec<RecordBatch> = whole.batches().map(|batch| batch.expect("ok")).collect();
        let one = |batches: &[RecordBatch]| concat_batches(&schema, batches).expect("one batch");
        assert_eq!(format!("{:?}", one(&found)), format!("{:?}", one(&want)), "{table}");
    }
    let before = std::fs::read(&files[0]).expect("readable");
    parquet(&tables, &dir.join("out")).expect("exports again");
    assert!(std::fs::read(&files[0]).expect("readable") == before, "the same bytes again");
    assert_eq!(std::fs::read_dir(dir.join("out")).expect("there").count(), TABLES.len());
}

#[test]
fn a_trace_that_is_not_there_or_a_place_that_cannot_be_written_is_an_error_that_names_it() {
    let dir = fresh_dir("export_errors");
    trace(&dir.join("trace"), vec![]);
    std::fs::write(dir.join("file"), "").expect("writes");
    let error = parquet(&dir.join("trace"), &dir.join("file")).expect_err("a file is no folder");
    assert!(error.to_string().contains("file"), "{error}");
    std::fs::write(dir.join("trace/jobs.arrow"), "not Arrow").expect("writes");
    let error = parquet(&dir.join("trace"), &dir.join("out")).expect_err("damaged");
    assert!(error.to_string().contains("jobs.arrow"), "{error}");
    assert!(!dir.join("out/jobs.parquet").exists());
}

/// What the format asks of every event: its fields by phase, and their types.
fn check_event(event: &Value) {
    let fields: BTreeSet<&str> =
        event.as_object().expect("an object").keys().map(String::as_str).collect();
    let phase = event["ph"].as_str().expect("a phase");
    let want: &[&str] = match phase {
        "X" => &["name", "cat", "ph", "ts", "dur", "pid", "tid", "args"],
        "i" => &["name", "ph", "ts", "pid", "tid", "s", "args"],
        "C" => &["name", "ph", "ts", "pid", "args"],
        "M" => &["name", "ph", "pid", "tid", "args"],
        other => panic!("no such phase here: {other}"),
    };
    assert_eq!(fields, want.iter().copied().collect(), "{event}");
    assert!(event["name"].is_string() && event["pid"].is_u64() && event["args"].is_object());
    for number in ["ts", "dur"] {
        let field = &event[number];
        assert!(field.is_null() || field.as_f64().is_some_and(|n| n >= 0.0), "{event}");
    }
    match phase {
        "M" => assert!(event["args"]["name"].is_string()),
        "i" => assert_eq!(event["s"], "t"),
        "C" => {
            let values = event["args"].as_object().expect("series");
            assert!(values.values().all(Value::is_number));
        }
        _ => {}
    }
}

fn timeline(dir: &Path, show: Timeline) -> Value {
    let file = dir.join("timeline.json");
    perfetto(&dir.join("trace"), &context(), show, &file).expect("exports");
    let text = std::fs::read_to_string(&file).expect("readable");
    let all: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(all["displayTimeUnit"], "ms");
    all["traceEvents"].as_array().expect("events").iter().for_each(check_event);
    all
}

fn of_phase<'a>(all: &'a Value, phase: &str) -> Vec<&'a Value> {
    all["traceEvents"].as_array().expect("events").iter().filter(|e| e["ph"] == phase).collect()
}

#[test]
fn a_timeline_shows_jobs_on_their_nodes_and_the_chain_beside() {
    let dir = fresh_dir("export_timeline");
    let jobs = vec![
        job(0, 1, Some(4), (0, Some(1_000), Some(5_001))),
        job(0, 2, Some(4), (0, Some(2_000), Some(3_000))),
        job(0, 3, Some(4), (0, Some(3_000), Some(9_000))),
        job(0, 4, Some(4), (0, Some(5_000), None)),
        job(0, 5, None, (0, None, None)),
        job(1, 6, Some(4), (0, Some(1_000), Some(2_000))),
    ];
    trace(&dir.join("trace"), jobs);
    let all = timeline(&dir, Timeline::default());
    let slices: Vec<_> = of_phase(&all, "X")
        .iter()
        .map(|e| {
            let at = |field: &str| e[field].as_f64().expect("a number");
            (e["name"].as_str().expect("a name"), at("ts"), at("dur"), e["tid"].as_u64())
        })
        .collect();
    let want = [
        ("job 1", 1.0, 4.001, Some(1)),
        ("job 2", 2.0, 1.0, Some(2)),
        ("job 3", 3.0, 6.0, Some(2)),
    ];
    assert_eq!(slices, want);
    let names: Vec<&str> = of_phase(&all, "M")
        .iter()
        .filter(|e| e["name"] == "process_name")
        .map(|e| e["args"]["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["chain", "load", "subnet1/\"miners\"/0 (l40s, honest)"]);
    let instants: Vec<&str> =
        of_phase(&all, "i").iter().map(|e| e["name"].as_str().expect("a name")).collect();
    let want = ["crash", "epoch 0 of subnet 0", "epoch 0 of subnet 1"];
    assert_eq!(instants[..3], want);
    assert_eq!(instants[3..], ["block 1", "block 2", "block 3", "block 4"]);
    let emission = &of_phase(&all, "i")[1]["args"]["emission"];
    assert_eq!(emission, &Value::from((2 * u128::from(u64::MAX)).to_string()));
    let counter = of_phase(&all, "C")[0];
    assert_eq!((&counter["args"]["waiting"], &counter["args"]["running"]), (&6.into(), &2.into()));
    let about = &all["otherData"];
    assert_eq!(about["scenario"], "exported \"and quoted\"");
    assert_eq!((&about["jobs_sampled"], &about["replication"]), (&"1/1".into(), &"0".into()));
    let other = timeline(&dir, Timeline { replication: 1, ..Timeline::default() });
    assert_eq!(of_phase(&other, "X").len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Never more slices than asked for, the sampled jobs and no others, in the order of time
    /// on every track, and no two of one thread at once.
    #[test]
    fn slices_are_capped_ordered_and_apart(
        times in prop::collection::vec((0_u64..50_000, 0_u64..9_000), 0..300),
        most in 1_usize..120,
    ) {
        let dir = fresh_dir("export_capped");
        let rows = times.iter().zip(0..).map(|(&(start, long), i)| {
            job(0, i, Some(4), (0, Some(start), Some(start + long)))
        });
        trace(&dir.join("trace"), rows.collect());
        let all = timeline(&dir, Timeline { most, replication: 0 });
        let rate = all["otherData"]["jobs_sampled"].as_str().expect("a rate");
        let rate: sim_types::OneIn = rate.parse().expect("a rate");
        let slices = of_phase(&all, "X");
        let kept = (0..times.len() as u64).filter(|&i| rate.keeps(i)).count();
        prop_assert_eq!(slices.len(), kept);
        prop_assert!(slices.len() <= most);
        if rate.0.get() > 1 {
            let larger = sim_types::OneIn((rate.0.get() / 2).try_into().expect("above 0"));
            prop_assert!((0..times.len() as u64).filter(|&i| larger.keeps(i)).count() > most);
        }
        let mut ends: BTreeMap<u64, f64> = BTreeMap::new();
        for slice in slices {
            let (start, long) = (slice["ts"].as_f64(), slice["dur"].as_f64());
            let (start, long) = (start.expect("ts"), long.expect("dur"));
            let end = ends.entry(slice["tid"].as_u64().expect("tid")).or_default();
            prop_assert!(start + 1e-9 >= *end, "{} after {}", start, end);
            *end = start + long;
        }
    }
}
