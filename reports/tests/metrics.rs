//! A trace small enough to work out by hand, and traces that are wrong.

mod support;

use std::path::Path;

use reports::context::{Coin, Context, TableSummary};
use reports::{Metrics, ReportError, compute};
use sim_types::Amount;
use sim_types::record::{
    BlockRow, EconomyRow, EpochRow, FaultRow, JobRow, LoadRow, NodeRow, ObservationRow, PayoutRow,
    PeriodRow, PoolRow, TABLES,
};
use support::{Words, fresh_dir, write, write_as};

const SECOND: u64 = 1_000_000_000;
const RAO: u128 = 1_000_000_000;

fn context(replications: u32) -> Context {
    Context {
        title: "By hand".into(),
        scenario: "hand".into(),
        description: String::new(),
        seed: 1,
        replications,
        horizon_ns: 100 * SECOND,
        block_interval_ns: None,
        coin: Coin { name: "TAO".into(), smallest_units: RAO, usd: None },
        design: Vec::new(),
        calibration: None,
        facts: Vec::new(),
        verdicts: Vec::new(),
        replay: String::new(),
        plan_digest: String::new(),
        event_digest: String::new(),
        provenance: Vec::new(),
        trace: sim_types::TraceLevel::Full,
        tables: Vec::new(),
        attackers: vec!["bad".into()],
        notes: Vec::new(),
        control: reports::context::Control::default(),
    }
}

fn node(node: u32, role: &'static str, behaviour: &'static str, coins: u128, busy: u64) -> NodeRow {
    let provider = role == "provider";
    NodeRow {
        rep: 0,
        node,
        name: format!("n{node}"),
        group: if matches!(behaviour, "lazy" | "copying") { "bad".into() } else { "g".into() },
        role,
        subnet: 1,
        uid: 0,
        hardware: if provider { "H100 SXM".into() } else { "cpu".into() },
        region: "eu".into(),
        behaviour,
        slots: if provider { 2 } else { 0 },
        initial_stake: Amount(0),
        stake: Amount(match node {
            10 => 100,
            11 => 50,
            _ => 0,
        }),
        earned: Amount(coins * RAO),
        jobs: 0,
        probes: 0,
        busy: busy * SECOND,
    }
}

/// Times in seconds; `answer` and `end` count from the submission.
fn job(
    submitted: u64,
    provider: Option<u32>,
    answer: Option<u64>,
    end: Option<u64>,
    outcome: &'static str,
    truth: &'static str,
    quality_ppm: u32,
) -> JobRow {
    JobRow {
        rep: 0,
        job: submitted,
        subnet: 1,
        kind: "inference",
        prompt_tokens: 10,
        output_tokens: 100,
        via: None,
        provider,
        hardware: "",
        replicas: 1,
        submitted: submitted * SECOND,
        started: answer.map(|_| (submitted + 1) * SECOND),
        completed: answer.map(|t| (submitted + t) * SECOND),
        included: end,
        finalised: end.map(|t| (submitted + t) * SECOND),
        price: Amount(1),
        outcome,
        truth,
        quality_ppm,
    }
}

fn observation(subject: u32, probe: bool, score_ppm: u32) -> ObservationRow {
    ObservationRow {
        rep: 0,
        time: SECOND,
        subnet: 1,
        verifier: 10,
        subject,
        job: 0,
        probe,
        score_ppm,
        confidence_ppm: 0,
        latency: 1,
    }
}

fn epoch(epoch: u64, node: u32, stake: u128, consensus: u16, incentive: u16) -> EpochRow {
    EpochRow {
        rep: 0,
        subnet: 1,
        epoch,
        height: epoch,
        time: epoch * SECOND,
        uid: 0,
        node,
        stake: Amount(stake),
        consensus,
        incentive,
        dividends: 0,
        validator_trust: 0,
        validator_permit: true,
        emission: Amount(RAO / 4),
    }
}

fn payout(node: Option<u32>, coins: u128, reason: &'static str) -> PayoutRow {
    PayoutRow {
        rep: 0,
        time: 50 * SECOND,
        subnet: None,
        epoch: None,
        job: None,
        node,
        amount: Amount(coins * RAO),
        reason,
    }
}

fn load(time: u64, hardware: &'static str, slots: u32, busy: u64, waiting: u32) -> LoadRow {
    LoadRow {
        rep: 0,
        time: time * SECOND,
        hardware,
        nodes: 1,
        slots,
        busy: busy * SECOND,
        running: 0,
        waiting,
    }
}

fn block(height: u64, time: u64, finalised: Option<u64>, backlog: u32) -> BlockRow {
    BlockRow {
        rep: 0,
        height,
        time: time * SECOND,
        finalised: finalised.map(|t| t * SECOND),
        transactions: 3,
        backlog,
        fees: Amount(RAO / 2),
        minted: Amount(4 * RAO),
    }
}

fn write_hand_trace(dir: &Path, words: Words, batch: usize) {
    write_as(
        dir,
        [
            node(0, "provider", "honest", 6, 100),
            node(1, "provider", "honest", 3, 60),
            node(2, "provider", "lazy", 1, 40),
            node(3, "provider", "noisy", 2, 0),
            node(10, "validator", "honest", 4, 0),
            node(11, "validator", "copying", 4, 0),
        ],
        words,
        batch,
    );
    write_as(
        dir,
        [
            job(0, Some(0), Some(2), Some(10), "final", "right", 1_000_000),
            job(1, Some(1), Some(4), Some(20), "final", "right", 900_000),
            job(2, Some(2), Some(1), Some(30), "final", "lazy", 200_000),
            job(3, Some(3), Some(3), None, "rejected", "noisy", 300_000),
            job(4, None, None, None, "unserved", "", 0),
            job(5, None, None, None, "timed_out", "", 0),
            job(6, None, None, None, "refused", "", 0),
            job(99, Some(0), None, None, "open", "", 0),
        ],
        words,
        batch,
    );
    write_as(
        dir,
        [
            observation(0, true, 800_000),
            observation(0, false, 1_000_000),
            observation(1, true, 700_000),
            observation(2, true, 100_000),
            observation(3, false, 500_000),
        ],
        words,
        batch,
    );
    let blocks = [block(1, 12, Some(30), 0), block(2, 24, Some(44), 7), block(3, 40, None, 2)];
    write_as(dir, blocks, words, batch);
    write_as(
        dir,
        [
            epoch(0, 0, 0, 0, 0),
            epoch(0, 10, 100, 0, 0),
            epoch(0, 11, 50, 0, 0),
            epoch(1, 0, 0, 65_535, 65_535),
            epoch(1, 10, 100, 0, 0),
            epoch(1, 11, 50, 0, 0),
        ],
        words,
        batch,
    );
    write_as(
        dir,
        [
            payout(Some(0), 5, "incentive"),
            payout(Some(10), 4, "dividend"),
            payout(Some(11), 1, "dividend"),
            payout(None, 2, "withheld"),
            payout(Some(0), 1, "price"),
        ],
        words,
        batch,
    );
    write_as(
        dir,
        [
            load(10, "H100 SXM", 8, 20, 3),
            load(10, "cpu", 1, 0, 1),
            load(30, "H100 SXM", 8, 120, 0),
            load(30, "cpu", 1, 20, 0),
        ],
        words,
        batch,
    );
    let fault = FaultRow { rep: 0, time: 1, kind: "crash", target: "node 3".into() };
    write_as(dir, [fault], words, batch);
    // Those of an economy are worked out in `economy.rs`.
    write_as(dir, Vec::<PoolRow>::new(), words, batch);
    write_as(dir, Vec::<EconomyRow>::new(), words, batch);
    write_as(dir, Vec::<PeriodRow>::new(), words, batch);
}

#[expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
fn hand(words: Words, batch: usize, name: &str) -> Metrics {
    let trace = fresh_dir(name).join("trace");
    write_hand_trace(&trace, words, batch);
    compute(&trace, &context(1)).unwrap()
}

/// With a warm-up, jobs submitted before it and samples and blocks begun before it leave the
/// means; totals stay.
#[test]
fn a_warm_up_leaves_means_and_not_totals() {
    let trace = fresh_dir("warmup").join("trace");
    write_hand_trace(&trace, Words::Dictionary32, 2);
    let at = |seconds: u64| {
        let mut context = context(1);
        context.control.warmup = Some(reports::analysis::warmup::Setting::Fixed(seconds * SECOND));
        compute(&trace, &context).unwrap()
    };
    // Six jobs are left, among them one final and two answers, after 1 s and 3 s; one sample,
    // from 10 s to 30 s.
    let two = at(2);
    let table: &[(&str, f64)] = &[
        ("jobs_submitted", 8.0),
        ("jobs_final", 3.0),
        ("jobs_final_share", 1.0 / 6.0),
        ("jobs_open_share", 1.0 / 6.0),
        ("goodput_share", 0.0),
        ("answers_right_share", 0.0),
        ("answer_quality_mean", 0.25),
        ("throughput_jobs", 1.0 / 98.0),
        ("answer_latency_mean", 2.0),
        ("finality_latency_p50", 30.0),
        ("utilisation_total", 0.75),
        ("utilisation.h100_sxm", 0.75),
        ("utilisation_peak.cpu", 1.0),
        ("queue_mean", 0.0),
        ("queue_max", 4.0),
        ("block_interval_mean", 14.0),
        ("emission_per_job", 4.0),
        ("payouts_total", 13.0),
    ];
    for &(name, want) in table {
        let metric = two.get(name).unwrap_or_else(|| panic!("{name}"));
        assert!((metric.value - want).abs() < 1e-12, "{name}: {} for {want}", metric.value);
        assert_eq!(metric.after_warmup, reports::analysis::warmup::leaves_out(name), "{name}");
    }
    // Two blocks are left, 16 s apart, one of them final after 20 s; no sample.
    let later = at(20);
    let value = |name: &str| later.get(name).map(|m| m.value);
    assert_eq!(value("block_interval_mean"), Some(16.0));
    assert_eq!(value("block_finality_mean"), Some(20.0));
    assert_eq!((value("utilisation_total"), value("queue_mean")), (None, None));
    assert_eq!(value("blocks_count"), Some(3.0));
}

/// Samples of the load count all machines of a class: where a validator has the providers'
/// hardware, utilisation is that of the whole run, and says so.
#[test]
fn utilisation_of_a_mixed_class_covers_the_whole_run() {
    let trace = fresh_dir("warmup-mixed").join("trace");
    write_hand_trace(&trace, Words::Dictionary32, 2);
    let validator =
        NodeRow { hardware: "H100 SXM".into(), ..node(10, "validator", "honest", 4, 0) };
    write(&trace, [node(0, "provider", "honest", 6, 100), validator]);
    let mut context = context(1);
    context.control.warmup = Some(reports::analysis::warmup::Setting::Fixed(2 * SECOND));
    let metrics = compute(&trace, &context).unwrap();
    let metric = metrics.get("utilisation_total").unwrap();
    // 100 s of two slots for 100 s.
    assert!((metric.value - 0.5).abs() < 1e-12 && !metric.after_warmup);
}

#[test]
fn metrics_are_those_worked_out_by_hand() {
    let metrics = hand(Words::Dictionary32, 2, "hand");
    let table: &[(&str, f64)] = &[
        ("jobs_submitted", 8.0),
        ("jobs_final", 3.0),
        ("jobs_final_share", 3.0 / 8.0),
        ("jobs_unserved_share", 0.125),
        ("jobs_timed_out_share", 0.125),
        ("jobs_refused_share", 0.125),
        ("jobs_rejected_share", 0.125),
        ("jobs_open_share", 0.125),
        // Two of the final jobs are right; two of four known truths.
        ("goodput_share", 0.25),
        ("goodput_jobs", 0.02),
        ("answers_right_share", 0.5),
        ("answer_quality_mean", 0.6),
        ("throughput_jobs", 0.03),
        ("throughput_tokens", 3.0),
        // Answers after 1, 2, 3, 4 s; finality after 10, 20, 30 s.
        ("answer_latency_p50", 2.0),
        ("answer_latency_p90", 4.0),
        ("answer_latency_p99", 4.0),
        ("answer_latency_mean", 2.5),
        ("start_latency_mean", 1.0),
        ("finality_latency_p50", 20.0),
        ("finality_latency_p90", 30.0),
        ("finality_latency_p99", 30.0),
        ("finality_latency_mean", 20.0),
        // 200 s of 4 providers × 2 slots × 100 s.
        ("utilisation_total", 0.25),
        ("utilisation.h100_sxm", 0.25),
        // 20 of 8 × 10, then 120 of 8 × 20; 0 of 10, then 20 of 20.
        ("utilisation_peak.h100_sxm", 0.75),
        ("utilisation_peak.cpu", 1.0),
        ("queue_mean", 2.0),
        ("queue_max", 4.0),
        ("faults_count", 1.0),
        ("observations_count", 5.0),
        ("probes_count", 3.0),
        ("probes_share", 0.6),
        ("score_mean.honest", (0.8 + 1.0 + 0.7) / 3.0),
        ("score_mean.lazy", 0.1),
        ("score_mean.noisy", 0.5),
        ("blocks_count", 3.0),
        ("block_interval_mean", 14.0),
        ("block_finality_mean", 19.0),
        ("transactions_count", 9.0),
        ("backlog_max", 7.0),
        ("fees_total", 1.5),
        ("epochs_per_subnet_min", 2.0),
        ("consensus_nonzero_share", 0.5),
        ("emission_total", 12.0),
        ("emission_paid", 1.5),
        ("emission_per_job", 4.0),
        ("payouts_total", 13.0),
        ("payouts.dividend", 5.0),
        ("payouts.incentive", 5.0),
        ("payouts.price", 1.0),
        ("payouts.withheld", 2.0),
        // 1, 2, 3, 6: (−3·1 − 2 + 3 + 3·6) / (4 · 12).
        ("gini.provider", 1.0 / 3.0),
        ("gini.validator", 0.0),
        // 6 of 12 is not more than half.
        ("nakamoto.provider", 2.0),
        ("nakamoto.validator", 2.0),
        ("provider_income_share.honest", 0.75),
        ("provider_income_share.lazy", 1.0 / 12.0),
        ("provider_income_share.noisy", 1.0 / 6.0),
        ("provider_population_share.honest", 0.5),
        ("provider_population_share.lazy", 0.25),
        ("provider_population_share.noisy", 0.25),
        ("dishonest_income_share", 1.0 / 12.0),
        ("dishonest_income_ratio", 1.0 / 4.5),
        // 1 coin on a stake of 50 twice, against 4 on 100 twice.
        ("copier_dividend_ratio", 0.5),
        ("dividends_per_thousand.honest", 1e3 * 4e9 / 200.0),
        ("dividends_per_thousand.copying", 1e3 * 1e9 / 100.0),
        ("stake_gini.validator", 1.0 / 6.0),
        ("stake_nakamoto.validator", 1.0),
        // 1 coin against a mean of 11/3; 4 coins on 50 twice against 4 on 100 twice.
        ("attack_profit_ratio.provider", 3.0 / 11.0),
        ("attack_profit_ratio.validator", 2.0),
        // The copier has one of ten coins of emission, on a third of the stake.
        ("honest_emission_share", 0.9),
        ("honest_stake_share", 2.0 / 3.0),
        ("honest_retention", 1.35),
        // Quality 1, 0.9, 0.2, 0.3 and income 6, 3, 1, 2 in the same order; scores too.
        ("quality_income_correlation", 1.0),
        ("score_income_correlation", 1.0),
    ];
    for &(name, want) in table {
        let metric = metrics.get(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert!((metric.value - want).abs() < 1e-12, "{name}: {} not {want}", metric.value);
        assert_eq!(metric.per_replication, [Some(metric.value)]);
        assert_eq!(metric.interval, None);
    }
    let names: Vec<&str> = metrics.metrics.iter().map(|m| m.name.as_str()).collect();
    for name in &names {
        assert!(table.iter().any(|(known, _)| known == name), "{name} is not in this table");
        assert!(reports::catalogue::definition(name).is_some(), "{name}");
    }
    for definition in reports::catalogue::METRICS.iter().filter(|d| d.section != "Economy") {
        let found = names.iter().any(|n| n.split('.').next() == Some(definition.base()));
        assert!(found, "{} is never computed", definition.name);
    }
    assert_eq!(metrics.get("payouts.price").unwrap().unit, "TAO");
    assert_eq!(metrics.get("emission_per_job").unwrap().unit, "TAO/job");
}

#[test]
fn neither_the_encoding_of_words_nor_the_size_of_batches_matters() {
    let want = hand(Words::Dictionary32, 1000, "encoding_a");
    assert_eq!(hand(Words::Dictionary16, 3, "encoding_b"), want);
    assert_eq!(hand(Words::Plain, 1, "encoding_c"), want);
}

#[test]
fn replications_are_kept_apart_and_undefined_values_are_absent() {
    let trace = fresh_dir("replications").join("trace");
    let job = |rep: u32, answer: Option<u64>, outcome| JobRow {
        rep,
        ..job(0, None, answer, None, outcome, "", 0)
    };
    write(
        &trace,
        [
            job(0, Some(1), "open"),
            job(0, Some(5), "open"),
            job(2, Some(3), "open"),
            job(1, None, "unserved"),
        ],
    );
    let mut context = context(3);
    let jobs = TableSummary { name: "jobs".into(), rows: 4, digest: String::new() };
    context.tables = vec![jobs];
    let metrics = compute(&trace, &context).unwrap();
    let mean = metrics.get("answer_latency_mean").unwrap();
    assert_eq!(mean.per_replication, [Some(3.0), None, Some(3.0)]);
    assert_eq!((mean.value, mean.interval), (3.0, Some([3.0, 3.0])));
    let submitted = metrics.get("jobs_submitted").unwrap();
    assert_eq!(submitted.per_replication, [Some(2.0), Some(1.0), Some(1.0)]);
    // 4/3 ± t(2) · (1/√3) / √3 = 4/3 ± 4.302653 / 3.
    let [low, high] = submitted.interval.unwrap();
    assert!((low + 0.100_884).abs() < 1e-6 && (high - 2.767_551).abs() < 1e-6, "{low} {high}");
    assert!(
        metrics.get("gini.provider").is_none() && metrics.get("finality_latency_p50").is_none()
    );
    // Figures that have nothing to show are left out, and the page still stands.
    let tally = reports::Tally::read(&trace, &context).unwrap();
    let figures = reports::figure::all(&tally, &metrics, &context).unwrap();
    let names: Vec<&str> = figures.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["latency", "throughput"]);
    context.title = "</script><script>alert(1)</script>".into();
    context.replay = "a & b < \"c\"".into();
    let page = reports::page::render(&context, &metrics, &tally.analysis(&context), &figures);
    assert!(!page.contains("<script>alert") && page.contains("a &amp; b &lt; &quot;c&quot;"));
    assert!(page.contains("uncalibrated"));
}

#[test]
fn every_fault_of_a_file_is_named() {
    let dir = fresh_dir("faults");
    let trace = dir.join("trace");
    write_hand_trace(&trace, Words::Dictionary32, 1000);
    let jobs = trace.join("jobs.arrow");
    let whole = std::fs::read(&jobs).unwrap();
    let message = |change: &dyn Fn()| {
        change();
        let error = compute(&trace, &context(1)).unwrap_err();
        std::fs::write(&jobs, &whole).unwrap();
        assert!(error.to_string().contains("jobs.arrow"), "{error}");
        error
    };
    assert!(matches!(message(&|| std::fs::remove_file(&jobs).unwrap()), ReportError::Open { .. }));
    // Cut anywhere, the file is found to be damaged, and nothing panics.
    for keep in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
        let error = message(&|| std::fs::write(&jobs, &whole[..keep]).unwrap());
        assert!(matches!(error, ReportError::Damaged { .. }), "{keep}: {error}");
    }
    let version = message(&|| {
        let mut other = whole.clone();
        let key = sim_types::record::VERSION_KEY.as_bytes();
        // The key stands in the head and in the footer; a reader uses the footer.
        let places: Vec<usize> =
            (0..whole.len() - key.len()).filter(|&i| whole[i..].starts_with(key)).collect();
        for place in places {
            other[place] = b'X';
        }
        std::fs::write(&jobs, other).unwrap();
    });
    assert!(matches!(version, ReportError::Version { .. }), "{version}");
    let column = message(&|| {
        let mut other = whole.clone();
        for place in 0..whole.len() - 9 {
            if whole[place..].starts_with(b"completed") {
                other[place] = b'X';
            }
        }
        std::fs::write(&jobs, other).unwrap();
    });
    let ReportError::NoColumn { column, .. } = &column else { panic!("{column}") };
    assert_eq!(column, "completed");
    let rep = message(&|| {
        let row = JobRow { rep: 1, ..job(0, None, None, None, "open", "", 0) };
        write(&trace, [row]);
    });
    assert!(rep.to_string().contains("`rep`: replication 1"), "{rep}");
    let word = message(&|| {
        write(&trace, [job(0, None, None, None, "lost", "", 0)]);
    });
    assert!(word.to_string().contains("unknown word `lost`"), "{word}");
    assert!(compute(&trace, &context(1)).is_ok());
    assert!(compute(&trace, &context(0)).is_err());
}

#[test]
fn a_column_of_another_type_is_named_and_so_is_an_unknown_table() {
    use reports::table::Table;
    let trace = fresh_dir("types").join("trace");
    write_hand_trace(&trace, Words::Dictionary32, 1000);
    let read = |column: &'static str| {
        let mut result = None;
        Table::open(&trace, "jobs", &["rep", "outcome", "completed"])
            .and_then(|table| {
                table.for_each(|batch| {
                    result = Some(batch.u64(column).map(<[u64]>::len));
                    Ok(())
                })
            })
            .unwrap();
        result.unwrap().unwrap_err()
    };
    assert!(matches!(read("rep"), ReportError::ColumnType { .. }));
    assert!(matches!(read("outcome"), ReportError::ColumnType { .. }));
    // Empty cells where none are allowed.
    assert!(matches!(read("completed"), ReportError::Value { .. }));
    // Not asked for, so not read.
    assert!(matches!(read("price"), ReportError::NoColumn { .. }));
    assert!(matches!(Table::open(&trace, "nonsense", &[]), Err(ReportError::UnknownTable(_))));
    assert_eq!(TABLES.len(), 11);
}
