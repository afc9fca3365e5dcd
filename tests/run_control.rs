//! Run control: what a scenario asks of its replications is what it gets, on any machine.

mod common;

use std::path::Path;
use std::process::Command;

use arable::experiment::{Experiment, evaluate};
use arable::manifest::Outcome;
use arable::plan::Plan;
use arable::run::{self, Options, Run};
use arable::scenario::Source;
use common::{Scratch, plan};
use reports::analysis::Method;
use reports::analysis::stopping::Decision;

const TUTORIAL: &str = "scenarios/tutorial/06-until-it-is-sure.yaml";
/// Half an hour of it, quickly.
const SHORT: [(&str, &str); 2] = [("horizon", "20min"), ("warmup", "5min")];

fn run(plan: &Plan, threads: usize) -> (Run, Scratch) {
    let scratch = Scratch::new();
    let options = Options { out: scratch.path(), threads, ..Options::default() };
    (run::run(plan, &options).expect("the scenario runs"), scratch)
}

fn stopped(run: &Run) -> &Decision {
    run.manifest.context.control.stopped.as_ref().expect("a rule for stopping")
}

fn changed(more: &[(&str, &str)]) -> Plan {
    let mut set = SHORT.to_vec();
    set.extend_from_slice(more);
    plan(TUTORIAL, &set)
}

/// The decision, the digests and every metric are the same on one thread and on three, whose
/// rounds run more replications than count; and no trace is left of those.
#[test]
fn stopping_does_not_depend_on_threads() {
    let plan = changed(&[("replications.until.half_width", "12%"), ("replications.min", "3")]);
    let (one, _kept) = run(&plan, 1);
    let (three, _kept_too) = run(&plan, 3);
    let outcome = |run: &Run| -> Outcome { run.manifest.result.clone() };
    assert_eq!(outcome(&one), outcome(&three));
    assert_eq!(one.metrics, three.metrics);
    let decision = stopped(&one);
    assert_eq!(decision, stopped(&three));
    assert!(decision.reached && decision.replications >= 3, "{decision:?}");
    assert_eq!(one.metrics.replications, decision.replications);
    for found in [&one, &three] {
        let names = std::fs::read_dir(found.dir.join("trace")).unwrap();
        for entry in names {
            let name = entry.unwrap().file_name().to_string_lossy().into_owned();
            assert_eq!(name.matches('.').count(), 1, "a part is left: {name}");
        }
    }
    // The interval is as narrow as was asked for, and one replication fewer was not.
    let metric = one.metrics.get("answer_latency_mean").unwrap();
    let [low, high] = metric.interval.unwrap();
    assert!((high - low) / 2.0 <= 0.12 * metric.value);
    assert!(metric.after_warmup && metric.method == Some(Method::Replications));
    let n = metric.per_replication.len();
    let fewer: Vec<f64> = metric.per_replication[..n - 1].iter().flatten().copied().collect();
    if n > 3 {
        let [low, high] = reports::stats::interval95(&fewer).unwrap();
        assert!((high - low) / 2.0 > 0.12 * reports::stats::mean(&fewer).unwrap());
    }
}

/// Two replications of a fixed number are the first two of a longer run: nothing that a rule
/// does changes what a replication is.
#[test]
fn a_rule_that_is_never_satisfied_stops_at_the_most() {
    let plan = changed(&[(
        "replications",
        "{min: 2, max: 3, until: {metric: answer_latency_mean, half_width: 1ns}}",
    )]);
    let (sequential, _kept) = run(&plan, 2);
    let decision = stopped(&sequential);
    assert_eq!((decision.replications, decision.reached), (3, false));
    let (fixed, _kept_too) = run(&changed(&[("replications", "3")]), 2);
    assert_eq!(sequential.manifest.result.events, fixed.manifest.result.events);
    assert_eq!(sequential.metrics, fixed.metrics);
    assert_eq!(fixed.manifest.context.control.stopped, None);
}

/// An even replication is the one that it always was; an odd one mirrors it: where the arrivals
/// of one bunch, those of the other thin out. Intervals stand on pairs.
#[test]
fn antithetic_replications_come_in_pairs() {
    let settings = [("replications", "8"), ("demand.poisson.rate_per_second", "1")];
    let (plain, _kept) = run(&changed(&settings), 2);
    let mut set = settings.to_vec();
    set.push(("antithetic", "true"));
    let (mirrored, _kept_too) = run(&changed(&set), 2);
    let values = |run: &Run, name: &str| -> Vec<f64> {
        let metric = run.metrics.get(name).unwrap();
        metric.per_replication.iter().map(|v| v.expect("defined")).collect()
    };
    let (before, after) = (values(&plain, "jobs_submitted"), values(&mirrored, "jobs_submitted"));
    for pair in 0..4 {
        assert_eq!(before[2 * pair].to_bits(), after[2 * pair].to_bits());
        assert_ne!(before[2 * pair + 1].to_bits(), after[2 * pair + 1].to_bits());
    }
    // Counts of a Poisson process with inverted gaps are negatively correlated: over 1,200
    // expected arrivals the deviations of a pair nearly cancel. A plain pair has a standard
    // deviation of √2400 = 49 in its sum; four of them within 150 in all would be chance.
    let sums: f64 = after.chunks(2).map(|pair| (pair[0] + pair[1] - 2_400.0).powi(2)).sum();
    let plain_sums: f64 = before.chunks(2).map(|pair| (pair[0] + pair[1] - 2_400.0).powi(2)).sum();
    assert!(sums < plain_sums, "{sums} {plain_sums}");
    let metric = mirrored.metrics.get("jobs_submitted").unwrap();
    assert_eq!(metric.method, Some(Method::AntitheticPairs));
}

/// Half the tasks are checked: which ones of a pair's second replication are those that were not
/// of its first, so together they are exactly half.
#[test]
fn replications_of_a_model_come_in_pairs() {
    let experiment = |text: &str| {
        let text = format!(
            "schema: 1\ntitle: t\nsteps: 101\nmodel: {{ slash: {{ audit: 0.5, collusion: 0 }} }}\n{text}"
        );
        Source::from_text("pairs.yaml", &text).expect("YAML").experiment().map(|(e, _)| e)
    };
    let mirrored = experiment("replications: 4\nantithetic: true\n").expect("sound");
    let plain = experiment("replications: 4\n").expect("sound");
    let caught = |experiment: &Experiment, replication: u32| {
        let values = evaluate(experiment, 1, replication).expect("runs");
        values.iter().find(|value| value.name == "caught").expect("defined").value
    };
    for even in [0, 2] {
        assert_eq!(caught(&mirrored, even).to_bits(), caught(&plain, even).to_bits());
        let both = caught(&mirrored, even) + caught(&mirrored, even + 1);
        assert!((both - 1.0).abs() < 1e-12, "{both}");
        let both = caught(&plain, even) + caught(&plain, even + 1);
        assert!((both - 1.0).abs() > 1e-3, "{both}");
    }
    let Experiment::Model(model) = mirrored else { panic!("a network") };
    let scratch = Scratch::new();
    let options = Options { out: scratch.path(), ..Options::default() };
    let run = run::model::run(&model, &options).expect("runs");
    let metric = run.metrics.get("caught").expect("defined");
    assert_eq!(metric.method, Some(Method::AntitheticPairs));
    assert_eq!(options.done.load(std::sync::atomic::Ordering::Relaxed), 4 * 101);
    let odd = experiment("replications: 3\nantithetic: true\n").expect_err("no whole pairs");
    assert!(odd.render(false).contains("come in pairs"));
}

/// A fixed warm-up leaves means out and totals in.
#[test]
fn a_warm_up_changes_means_and_no_totals() {
    let one = ("replications", "1");
    let (cut, _kept) = run(&changed(&[one]), 1);
    let (whole, _kept_too) = run(&changed(&[one, ("warmup", "0s")]), 1);
    assert_eq!(cut.manifest.result.events, whole.manifest.result.events);
    let value = |run: &Run, name: &str| run.metrics.get(name).unwrap().value;
    for total in ["jobs_submitted", "jobs_final", "emission_total", "payouts_total", "blocks_count"]
    {
        assert_eq!(value(&cut, total).to_bits(), value(&whole, total).to_bits(), "{total}");
    }
    for name in ["answer_latency_mean", "queue_mean", "utilisation_total", "throughput_jobs"] {
        assert_ne!(value(&cut, name).to_bits(), value(&whole, name).to_bits(), "{name}");
        assert!(cut.metrics.get(name).unwrap().after_warmup, "{name}");
    }
    // The machines start empty, so they are busier without the start.
    assert!(value(&cut, "utilisation_total") > value(&whole, "utilisation_total"));
    let (found, _kept_three) = run(&changed(&[one, ("warmup", "mser5")]), 1);
    assert_eq!(found.manifest.result.events, whole.manifest.result.events);
    let page = std::fs::read_to_string(found.dir.join("report.html")).unwrap();
    assert!(page.contains("MSER-5") && page.contains("Output analysis"));
    assert!(found.dir.join("figures/warmup.svg").exists());
}

/// The run is repeated from its manifest, and from the line that it prints.
#[test]
fn the_replay_line_asks_for_the_same_run() {
    let scratch = Scratch::new();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(TUTORIAL);
    let output = Command::new(env!("CARGO_BIN_EXE_arable"))
        .args(["run", "--quiet", "--out"])
        .arg(scratch.path())
        .arg(&file)
        .args(["--set", "horizon=12min", "--set", "warmup=2min"])
        .args(["--set", "replications.until.half_width=60%"])
        .output()
        .expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        text.contains(
            "stopped  6 replications: the half width of answer_latency_mean is within 60%"
        ),
        "{text}"
    );
    assert!(text.contains("warm-up  2min left out"), "{text}");
    let replay = text.lines().find(|line| line.contains("replay")).expect("a replay line");
    assert!(!replay.contains("--replications"), "{replay}");
    let dir = std::fs::read_dir(scratch.path()).unwrap().next().unwrap().unwrap().path();
    let again = Command::new(env!("CARGO_BIN_EXE_arable"))
        .args(["replay", "--quiet"])
        .arg(&dir)
        .output()
        .expect("the program runs");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
}
