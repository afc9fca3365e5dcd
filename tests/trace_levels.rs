//! The trace level decides what is written, never what happens.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arable::plan::Plan;
use arable::run::{self, Options, Run};
use common::{Scratch, plan};
use reports::level::{Standing, standing};
use reports::table::Table;
use sim_core::trace::table_path;
use sim_types::TraceLevel;
use sim_types::record::TABLES;

const SCENARIO: &str = "scenarios/tutorial/03-spot-checks.yaml";
const LEVELS: [&str; 5] = ["off", "summary", "{sampled: 1/16}", "{sampled: 1/4}", "full"];

fn at_level(level: &str, out: &Scratch) -> (Plan, Run) {
    let set = [
        ("trace", level),
        ("replications", "2"),
        // Users who pay, so that payouts have jobs.
        ("users", "{funds: 100000 TAO}"),
        ("market.validator_dispatch.price_per_million_tokens", "1 TAO"),
        ("expect", "{}"),
    ];
    let plan = plan(SCENARIO, &set);
    let options = Options { out: out.path(), ..Options::default() };
    let run = run::run(&plan, &options).expect("the scenario runs");
    (plan, run)
}

/// The jobs that a table names, with how many rows each has.
fn jobs(dir: &Path, table: &str) -> BTreeMap<u64, u32> {
    let mut found = BTreeMap::new();
    let rows = Table::open(&dir.join("trace"), table, &["job"]).expect("a table");
    rows.for_each(|batch| {
        let column: Vec<u64> = if table == "payouts" {
            let jobs = batch.opt_u64("job")?;
            (0..batch.rows()).filter_map(|row| jobs.get(row)).collect()
        } else {
            batch.u64("job")?.to_vec()
        };
        for job in column {
            *found.entry(job).or_default() += 1;
        }
        Ok(())
    })
    .expect("a whole table");
    found
}

#[test]
fn events_are_the_same_at_every_level_and_no_run_is_taken_for_another() {
    let scratch = Scratch::new();
    let runs: Vec<(Plan, Run)> = LEVELS.iter().map(|level| at_level(level, &scratch)).collect();
    let (_, full) = runs.last().expect("five levels");
    let dirs: BTreeSet<_> = runs.iter().map(|(_, run)| run.dir.clone()).collect();
    assert_eq!(dirs.len(), LEVELS.len(), "a directory a level");
    for (plan, run) in &runs {
        let (now, before) = (&run.manifest.result, &full.manifest.result);
        assert_eq!(now.events, before.events);
        assert_eq!(now.plan, before.plan);
        assert_eq!(now.checkpoints, before.checkpoints);
        assert_eq!(run.manifest.context.trace, plan.trace);
        assert!(!run.unchanged);
        let written: Vec<&str> = TABLES
            .iter()
            .map(|table| table.0)
            .filter(|table| table_path(&run.dir.join("trace"), table).exists())
            .collect();
        let named: Vec<&String> = now.tables.keys().collect();
        assert_eq!(written.iter().collect::<BTreeSet<_>>().len(), named.len());
        assert!(named.iter().all(|name| written.contains(&name.as_str())));
        // Tables whose every row is kept are the same to the byte.
        for table in ["nodes", "blocks", "epochs", "load", "faults"] {
            if plan.trace != TraceLevel::Off {
                assert_eq!(now.tables[table], before.tables[table], "{table}");
            }
        }
        assert!(run.manifest.holds(&run.dir).is_ok());
        assert!(run.dir.join("report.html").exists());
    }
    // Again: each finds its own directory.
    for level in LEVELS {
        assert!(at_level(level, &scratch).1.unchanged, "{level}");
    }
}

#[test]
fn a_sample_keeps_whole_jobs_that_join_in_every_table() {
    let scratch = Scratch::new();
    let full = at_level("full", &scratch).1.dir;
    let mut sizes = Vec::new();
    for level in ["{sampled: 1/16}", "{sampled: 1/4}"] {
        let (plan, run) = at_level(level, &scratch);
        for table in ["jobs", "observations", "payouts"] {
            let expected: BTreeMap<u64, u32> = jobs(&full, table)
                .into_iter()
                .filter(|&(job, _)| plan.trace.keeps_row(Some(job)))
                .collect();
            assert_eq!(jobs(&run.dir, table), expected, "{table} {level}");
            sizes.push(expected.len());
        }
    }
    assert!(sizes[0] > 10 && sizes[3] > 2 * sizes[0], "{sizes:?}");
    // A summary has payouts, but none for a job.
    let summary = at_level("summary", &scratch).1.dir;
    assert_eq!(jobs(&summary, "payouts"), BTreeMap::new());
    assert!(!jobs(&full, "payouts").is_empty());
}

#[test]
fn metrics_below_full_are_those_of_the_full_trace_or_marked_or_withheld() {
    let scratch = Scratch::new();
    let full = at_level("full", &scratch).1.metrics;
    for level in LEVELS {
        let (plan, run) = at_level(level, &scratch);
        for metric in &run.metrics.metrics {
            let want = full.get(&metric.name).expect("known to the full trace");
            match standing(&metric.name, plan.trace) {
                Standing::Exact => assert_eq!(metric, want, "{level}"),
                Standing::Estimated => {
                    assert!(metric.meaning.contains("Estimated from 1 job in"), "{metric:?}");
                }
                Standing::Withheld => panic!("{level}: {} is not known", metric.name),
            }
        }
        let names: BTreeSet<&str> = run.metrics.metrics.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names.contains("jobs_submitted"), plan.trace.is_full());
        let told = run.manifest.context.notes.join(" ");
        assert_eq!(told.contains("jobs_submitted"), level != "off" && !plan.trace.is_full());
        assert_eq!(names.is_empty(), level == "off");
        let exact = ["blocks_count", "emission_total", "gini.provider", "utilisation_total"];
        assert!(level == "off" || exact.iter().all(|name| names.contains(name)), "{names:?}");
    }
}

#[test]
fn an_expectation_that_the_level_cannot_judge_is_neither_met_nor_broken() {
    let scratch = Scratch::new();
    let set = [
        ("trace", "summary"),
        ("expect", "{jobs_submitted: {at_least: 1}, blocks_count: {at_least: 1}}"),
    ];
    let options = Options { out: scratch.path(), ..Options::default() };
    let run = run::run(&plan(SCENARIO, &set), &options).expect("the scenario runs");
    let context = run.manifest.context;
    let judged: Vec<_> = context.verdicts.iter().map(|v| (v.name.as_str(), v.pass)).collect();
    assert_eq!(judged, [("blocks_count", true)]);
    assert!(context.notes.iter().any(|n| n.contains("Not judged") && n.contains("jobs_submitted")));
}
