//! Sweeps and stores: the same bytes however a sweep came to its end, and clear words where it
//! cannot go on.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use arable::experiment::evaluate;
use arable::store::{Shard, StoreError};
use arable::sweep::Sweep;
use arable::sweep::run::{Options, Report, SweepError, forecast, run};
use common::Scratch;
use sim_types::Stream;

const MODEL: &str = "\
schema: 1
title: A model
seed: 3
model: { ten_variables: {} }
steps: 50
";

/// A sweep file beside a scenario.
fn files(scratch: &Scratch, sweep: &str) -> PathBuf {
    fs::write(scratch.path().join("model.yaml"), MODEL).expect("writable");
    let path = scratch.path().join("sweep.yaml");
    fs::write(&path, sweep).expect("writable");
    path
}

fn head(rest: &str) -> String {
    format!("schema: 1\ntitle: A sweep\nscenario: model.yaml\n{rest}")
}

fn load(scratch: &Scratch, rest: &str) -> Sweep {
    let loaded = Sweep::load(&files(scratch, &head(rest)));
    loaded.unwrap_or_else(|wrong| panic!("{}", wrong.render(false)))
}

fn to(out: PathBuf) -> Options {
    Options { out, threads: 2, ..Options::default() }
}

fn store(sweep: &Sweep, out: &Path) -> Report {
    run(sweep, &to(out.to_owned())).unwrap_or_else(|error| panic!("{error}"))
}

/// Names and contents of everything in a store.
fn bytes(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).expect("readable").map(|entry| entry.expect("an entry"));
    let name = |path: &Path| path.file_name().expect("named").to_string_lossy().into_owned();
    entries.map(|e| (name(&e.path()), fs::read(e.path()).expect("readable"))).collect()
}

#[track_caller]
fn assert_same(found: &Path, expected: &Path) {
    let (found, expected) = (bytes(found), bytes(expected));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    for (name, want) in &expected {
        assert!(found[name] == *want, "{name} differs");
    }
}

const GAIN: &str = "model.ten_variables.gain";
const NOISE: &str = "model.ten_variables.noise";

/// Axes make the points that their words say; numbers of points counted by hand.
#[test]
fn designs_make_the_points_that_they_say() {
    type Points = (u32, &'static [&'static str]);
    let table: &[(&str, u32, &[Points])] = &[
        ("", 1, &[(0, &[])]),
        (
            "axes: { steps: [1, 2, 3], seed: [7, 8] }",
            6,
            &[(0, &["1", "7"]), (1, &["1", "8"]), (5, &["3", "8"])],
        ),
        (
            "axes: { steps: [1, 2], seed: [7, 8] }\ndesign: zipped",
            2,
            &[(0, &["1", "7"]), (1, &["2", "8"])],
        ),
        (
            "design: { listed: [{ steps: 5, seed: 1 }, { seed: 2, steps: 6 }] }",
            2,
            &[(0, &["5", "1"]), (1, &["6", "2"])],
        ),
        (
            "axes: { steps: { from: 10, to: 1000, points: 3, scale: log } }",
            3,
            &[(0, &["10"]), (1, &["100"]), (2, &["1000"])],
        ),
        (
            "axes: { steps: [1, 2, 3], seed: [1, 2, 3] }\nconstraints: [steps < seed, seed != 2]",
            2,
            &[(0, &["1", "3"]), (1, &["2", "3"])],
        ),
        (
            "axes: { steps: { from: 1, to: 100, whole: true }, seed: [1, 2, 3, 4] }\n\
             design: { latin_hypercube: { points: 8 } }",
            8,
            &[],
        ),
        (
            "axes: { steps: { from: 1, to: 100, whole: true } }\ndesign: { sobol: { points: 16 } }",
            16,
            &[],
        ),
    ];
    for (rest, points, rows) in table {
        let scratch = Scratch::new();
        let sweep = load(&scratch, rest);
        assert_eq!(sweep.points(), *points, "{rest}");
        for (point, values) in *rows {
            assert_eq!(sweep.parameters(*point), *values, "{rest}");
        }
    }
}

/// Of a Latin hypercube each tenth of a range holds a tenth of the points, and each value of a
/// list its part.
#[test]
fn a_latin_hypercube_fills_ranges_and_lists() {
    let scratch = Scratch::new();
    let sweep = load(
        &scratch,
        "axes: { model.ten_variables.gain: { from: 0, to: 1 }, steps: [10, 20, 30, 40, 50] }\n\
         design: { latin_hypercube: { points: 50, seed: 9 } }",
    );
    let (mut tenths, mut steps) = (BTreeMap::new(), BTreeMap::new());
    for point in 0..50 {
        let values = sweep.parameters(point);
        let gain: f64 = values[0].parse().expect("a number");
        *tenths.entry(format!("{:.0}", (gain * 10.0).floor())).or_insert(0) += 1;
        *steps.entry(values[1].clone()).or_insert(0) += 1;
    }
    assert!(tenths.len() == 10 && tenths.values().all(|n| *n == 5), "{tenths:?}");
    assert!(steps.len() == 5 && steps.values().all(|n| *n == 10), "{steps:?}");
}

/// Every mistake is told apart and comes with advice, at its line.
#[test]
fn bad_sweeps_are_refused_with_advice() {
    let table = [
        ("axes: { model.ten_variables.gian: [1] }", 4, "did you mean `gain`?"),
        ("axes: { gain: [1] }", 4, "the scenario has no key `gain`"),
        ("axes: { modl.ten_variables: [1] }", 4, "did you mean `model`?"),
        ("axes: { ten_varaibles: [1] }", 4, "did you mean `model.ten_variables`?"),
        ("axes: { stesp: [1] }", 4, "did you mean `steps`?"),
        ("axes: { steps.of: [1] }", 4, "has no parts"),
        ("axes: { steps: [0] }", 4, "`steps` is out of range"),
        ("axes: { steps: [] }", 4, "an empty list"),
        ("axes: { steps: 5 }", 4, "a list of values"),
        ("axes: { steps: { from: 1, to: 9 } }", 4, "add `points: 5`"),
        ("axes: { steps: { from: 9, to: 1, points: 3 } }", 4, "`from` below `to`"),
        ("axes: { steps: { from: 1s, to: 1, points: 3 } }", 4, "in the same unit"),
        ("axes: { steps: { from: 0, to: 1, points: 3, scale: log } }", 4, "above 0"),
        ("axes: { steps: { from: 1, to: 9, points: 1 } }", 4, "2 to 10000000"),
        (
            "axes: { steps: { from: 1, to: 9, points: 3 } }\ndesign: { sobol: { points: 4 } }",
            4,
            "leave out `points`",
        ),
        ("axes: { steps: [1, 2], seed: [1] }\ndesign: zipped", 4, "unequal numbers of values"),
        ("design: { sobol: { points: 4 } }", 4, "at least one axis"),
        ("axes: { steps: [1] }\ndesign: { sobol: { points: 0 } }", 5, "1 to 10000000"),
        ("axes: { steps: [1] }\ndesign: corssed", 5, "did you mean `crossed`?"),
        ("design: { listed: [{ steps: 1 }, { seed: 1 }] }", 4, "does not name the axes"),
        (
            "axes: { steps: [1, 2] }\nconstraints: [steps > 2]",
            5,
            "no design point meets the constraints",
        ),
        ("axes: { steps: [1, 2] }\nconstraints: [stpes > 2]", 5, "did you mean `steps`?"),
        ("axes: { steps: [1, 2] }\nconstraints: [steps]", 5, "compares nothing"),
        ("axes: { title: [a, b] }\nconstraints: [title > 2]", 5, "numbers of one unit"),
        ("axes: { steps: [1, 2] }\nconstraints: [steps < 500 ms]", 5, "expected no unit"),
        ("axes: { steps: [0, -1] }", 4, "`steps` is out of range"),
        (
            "axes: { steps: { from: 1.5, to: 9, points: 3, whole: true } }",
            4,
            "whole numbers at both ends",
        ),
        ("replications: 0", 4, "`replications` is out of range"),
        ("replications: { until: { metric: x11, half_width: 5% } }", 4, "did you mean `x1`?"),
        ("scenario_file: x", 4, "the sweep has no key `scenario_file`"),
        ("set: { stesp: 3 }", 4, "did you mean `steps`?"),
        ("axes: { steps: [1] }\nlabels: { stpes: x }", 5, "did you mean `steps`?"),
        ("axes: { steps: [1] }\nmetrics: sprad", 5, "did you mean `spread`?"),
    ];
    for (rest, line, part) in table {
        let scratch = Scratch::new();
        let path = files(&scratch, &head(rest));
        let Err(wrong) = Sweep::load(&path) else { panic!("nothing is wrong with {rest}") };
        let text = wrong.render(false);
        assert!(text.contains(part), "{rest}\n{text}");
        let item = &wrong.items[0];
        assert_eq!((item.file.as_str(), item.line), (&*path.display().to_string(), line), "{text}");
    }
    let scratch = Scratch::new();
    let path = files(&scratch, "schema: 1\ntitle: t\nscenario: modle.yaml\n");
    let text = Sweep::load(&path).expect_err("no such scenario").render(false);
    assert!(text.contains("there is no scenario") && text.contains("relative"), "{text}");
}

/// What is wrong with a claim is shown where it stands.
#[test]
fn bad_claims_are_refused_with_advice() {
    let table = [
        ("metric: sprad, above: 1", "did you mean `spread`?"),
        ("metric: spread, above: 1s", "a plain number"),
        ("metric: spread", "says 0 things of its metric"),
        ("metric: spread, above: 1, rising: steps", "says 2 things of its metric"),
        ("metric: spread, above: 1, within: 5%", "`within` belongs to `near`"),
        ("metric: spread, above: 1, at: { stpes: 5 }", "did you mean `steps`?"),
        ("metric: spread, above: 1, at: { steps: 7 }", "has no value `7`"),
        ("metric: spread, above: { at: { gain: 3 } }", "expected one of"),
        ("metric: spread, above: { at: { steps: 5 }, times: 0 }", "a number above 0"),
        ("metric: spread, at: { steps: 5, gain: 0.1 }, above: 1", "no design point is at"),
        ("metric: spread, rising: stpes", "did you mean `steps`?"),
        ("metric: spread, at: { steps: 5 }, rising: steps", "a claim cannot go along"),
        ("metric: spread, above: 1, verdict: maybe", "does_not_hold"),
        ("metric: spread, over: 1", "has no key `over`"),
    ];
    for (claim, part) in table {
        let scratch = Scratch::new();
        let rest = format!(
            "axes: {{ steps: [5, 6], {GAIN}: [0.1, 0.2] }}\nconstraints: [steps + 10 * gain > 6]\n\
             claims:\n  c: {{ says: a, {claim} }}\n"
        );
        let path = files(&scratch, &head(&rest));
        let Err(wrong) = Sweep::load(&path) else { panic!("nothing is wrong with {claim}") };
        let text = wrong.render(false);
        assert!(text.contains(part), "{claim}\n{text}");
        assert_eq!(wrong.items[0].line, 7, "{text}");
    }
    let scratch = Scratch::new();
    let rest = "axes: { steps: { from: 5, to: 9, whole: true } }\ndesign: { sobol: { points: 2 } }\n\
                claims: { c: { says: a, metric: spread, at: { steps: 5 }, above: 1 } }";
    let text = Sweep::load(&files(&scratch, &head(rest))).expect_err("a range").render(false);
    assert!(text.contains("claims speak of the whole of it"), "{text}");
}

/// Nothing moves where nothing draws or drives, and the last variable moves by its policy alone:
/// so say the rules of the model.
const STILL: &str = "\
set: { model.ten_variables.noise: 0, model.ten_variables.coupling: 0 }
replications: 2
axes: { model.ten_variables.gain: [0, 0.1, 0.2], steps: [5, 6] }
claims:
  still: { says: nothing moves, metric: x1, at: { gain: 0 }, near: 2, within: 0.001% }
  grows: { says: gain moves, metric: x1, rising: gain, at: { steps: 6 } }
  doubles: { says: twice the gain, metric: x1, at: { gain: 0.2 }, above: { at: { gain: 0.1 }, times: 2 }, verdict: does_not_hold }
";

/// Claims are judged by what is stored, whether it was run now or before; what the file assumes
/// decides how the command ends.
#[test]
fn claims_are_held_to_the_runs() {
    let scratch = Scratch::new();
    let (store, page) = (scratch.path().join("store"), scratch.path().join("page"));
    let command = |file: &Path, more: &[&str]| {
        let (file, store) = (file.display().to_string(), store.display().to_string());
        let base = ["sweep", &file, "--quiet", "--out", &store];
        let output = arable(&[&base[..], more].concat()).output().expect("runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let file = files(&scratch, &head(STILL));
    let shown = page.display().to_string();
    let (code, text, wrong) = command(&file, &["--page", &shown]);
    assert_eq!(code, Some(0), "{text}{wrong}");
    assert_eq!(text.matches("\n  holds ").count(), 2, "{text}");
    assert_eq!(text.matches("\n  does not hold ").count(), 1, "{text}");
    let summary = fs::read_to_string(page.join("summary.md")).expect("a summary");
    assert!(
        summary.contains("| gain moves |") && summary.contains("| _does not hold_ |"),
        "{summary}"
    );
    for figure in summary.lines().filter_map(|line| line.split_once("](")?.1.split(')').next()) {
        assert!(page.join(figure).exists(), "{figure}");
    }
    let whole = fs::read_to_string(page.join("report.html")).expect("a page");
    assert!(whole.contains("3 of 3 claims ended as the sweep file assumes"));

    // Other claims are no other sweep: nothing runs again.
    let other = STILL.replace("near: 2,", "near: 3,").replace("set:", "metrics: spread\nset:");
    let file = files(&scratch, &head(&other));
    let (code, text, _) = command(&file, &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("12: 0 now, 12 before"), "{text}");
    assert!(text.contains("nothing moves, and the sweep file assumes: holds"), "{text}");
    let (code, json, _) = command(&file, &["--json"]);
    let told: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(code, Some(1));
    assert_eq!(told["claims"][0]["verdict"], "does_not_hold");
    assert_eq!(told["claims"][0]["found"], 2.0);
    assert_eq!(told["claims"].as_array().map(Vec::len), Some(3));

    // One replication tells no interval, and a page needs something to show.
    let once = scratch.path().join("once").display().to_string();
    let file = files(&scratch, &head(&STILL.replace("replications: 2", "replications: 1")));
    let output =
        arable(&["sweep", &file.display().to_string(), "--quiet", "--out", &once]).output();
    let text = String::from_utf8_lossy(&output.expect("runs").stdout).into_owned();
    assert_eq!(text.matches("\n  undecided ").count(), 3, "{text}");
    let file = files(&scratch, &head("axes: { steps: [5, 6] }"));
    let out = scratch.path().join("bare").display().to_string();
    let file = file.display().to_string();
    let bare = arable(&["sweep", &file, "--quiet", "--out", &out, "--page", &shown]);
    let output = { bare }.output().expect("runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("add `metrics: [NAME, …]`"), "{text}");
}

/// What is stored is what a single evaluation gives, and points meet common random numbers.
#[test]
fn a_store_holds_what_evaluation_gives() {
    let scratch = Scratch::new();
    let sweep = load(&scratch, &format!("replications: 3\naxes: {{ {GAIN}: [0.1, 0.2] }}"));
    let out = scratch.path().join("store");
    let report = store(&sweep, &out);
    assert_eq!((report.points, report.runs, report.run_now, report.failed), (2, 6, 6, 0));
    let rows = read(&report.table);
    assert_eq!(rows.len(), 6);
    let keys: Vec<&String> = rows.iter().map(|row| &row["key"]).collect();
    assert!(keys.is_sorted());
    for row in &rows {
        let point: u32 = row["point"].parse().expect("a number");
        let experiment = sweep.experiment(&sweep.parameters(point)).expect("sound");
        let replication = row["replication"].parse().expect("a number");
        for value in evaluate(&experiment, 3, replication).expect("runs") {
            assert_eq!(row[&value.name], value.value.to_string(), "{row:?}");
        }
        assert_eq!((row["seed"].as_str(), row["error"].as_str()), ("3", ""));
        assert_eq!(row[GAIN], ["0.1", "0.2"][point as usize]);
    }
    // Without coupling or gain the figures are chance alone: equal at every point.
    let set = "set: { model.ten_variables.coupling: 0, model.ten_variables.gain: 0 }";
    let sweep = load(&scratch, &format!("{set}\naxes: {{ seed: [3, 3], title: [a, b] }}"));
    let rows = read(&store(&sweep, &scratch.path().join("chance")).table);
    assert!(rows.len() == 4 && rows.iter().all(|row| row["mean"] == rows[0]["mean"]));
}

/// The rows of a table, every value as text; empty where there is none.
fn read(table: &Path) -> Vec<BTreeMap<String, String>> {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{DataType, Float64Type, UInt32Type, UInt64Type};
    let file = fs::File::open(table).expect("a table");
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file);
    let mut rows = Vec::new();
    for batch in reader.expect("Parquet").build().expect("readable") {
        let batch = batch.expect("rows");
        for row in 0..batch.num_rows() {
            let value = |column: &dyn Array| match column.data_type() {
                _ if column.is_null(row) => String::new(),
                DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
                DataType::UInt32 => column.as_primitive::<UInt32Type>().value(row).to_string(),
                DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row).to_string(),
                _ => column.as_primitive::<Float64Type>().value(row).to_string(),
            };
            let schema = batch.schema();
            let names = schema.fields().iter().map(|field| field.name().clone());
            let columns = batch.columns().iter().map(|column| value(column.as_ref()));
            rows.push(names.zip(columns).collect());
        }
    }
    rows
}

/// A file given to the command of another kind is told to be of that kind, and no more.
#[test]
fn files_of_other_kinds_are_named() {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let table = [
        ("run", "sweeps/ten-variables.yaml", "a sweep, not a scenario", "`arable sweep`"),
        ("sweep", "models/slash.yaml", "a scenario, not a sweep", "`arable run`"),
        ("tune", "sweeps/ten-variables.yaml", "a sweep, not a tuning", "`arable sweep`"),
        ("tune", "tune/sensitivity-slash.yaml", "a sensitivity study", "`arable sensitivity`"),
        ("sensitivity", "tune/slash.yaml", "a tuning, not a", "`arable tune`"),
        ("check", "tutorial/01-one-miner.yaml", "a scenario, not a suite", "`arable run`"),
    ];
    for (command, file, what, takes) in table {
        let file = scenarios.join(file).display().to_string();
        let output = arable(&[command, &file]).output().expect("it starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{error}");
        assert!(error.contains(what) && error.contains(takes), "{command}: {error}");
        assert_eq!(error.matches("error[").count(), 1, "{command}: {error}");
    }
}

/// Threads, interruptions and shards leave no mark.
#[test]
fn shards_threads_and_repetition_leave_the_same_bytes() {
    let scratch = Scratch::new();
    let sweep = load(
        &scratch,
        &format!("replications: 4\naxes: {{ {GAIN}: [0, 0.1, 0.2, 0.3, 0.4], {NOISE}: [0, 1] }}"),
    );
    let whole = scratch.path().join("whole");
    assert_eq!(store(&sweep, &whole).run_now, 40);
    let again = store(&sweep, &whole);
    assert_eq!((again.run_now, again.runs), (0, 40), "nothing is run twice");

    let one = scratch.path().join("one-thread");
    run(&sweep, &Options { threads: 1, ..to(one.clone()) }).expect("runs");
    assert_same(&one, &whole);

    let shards: Vec<PathBuf> = (1..=3)
        .map(|index| {
            let out = scratch.path().join(format!("shard-{index}"));
            let shard = Shard { index, of: 3 };
            let report = run(&sweep, &Options { shard, ..to(out.clone()) }).expect("runs");
            assert_eq!(report.points, if index == 1 { 4 } else { 3 });
            out
        })
        .collect();
    let merged = scratch.path().join("merged");
    let reversed: Vec<PathBuf> = shards.iter().rev().cloned().collect();
    let (_, failures) = arable::store::merge(&reversed, &merged, |_| ()).expect("merges");
    assert_eq!(failures.number, 0);
    assert_same(&merged, &whole);

    // Shards that do not make a whole.
    let merge = |shards: &[PathBuf]| {
        let out = scratch.path().join("refused");
        arable::store::merge(shards, &out, |_| ()).expect_err("refused").to_string()
    };
    assert!(merge(&shards[..2]).contains("missing: 3/3"));
    let other = load(&scratch, "axes: { steps: [5] }");
    let other_store = scratch.path().join("other");
    store(&other, &other_store);
    assert!(merge(&[shards[0].clone(), other_store]).contains("different sweeps"));
    // A complete shard whose records changed since: nothing may be missing without a word.
    let records = shards[2].join("records.bin");
    let good = fs::read(&records).expect("there");
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    for bytes in [&bad[..], &good[..good.len() - 1], b""] {
        fs::write(&records, bytes).expect("writable");
        assert!(merge(&shards).contains("is damaged behind byte"));
    }
    fs::write(&records, good).expect("writable");
    fs::remove_file(shards[1].join("runs.parquet")).expect("there");
    assert!(merge(&shards).contains("not complete"));
    assert!(merge(&[scratch.path().join("nowhere")]).contains("not a store"));
}

/// A torn tail is cut off, damage in the middle is run again, and the bytes are the same.
#[test]
fn what_is_torn_or_damaged_is_run_again() {
    let scratch = Scratch::new();
    let sweep = load(&scratch, &format!("replications: 5\naxes: {{ {GAIN}: [0, 0.1, 0.2] }}"));
    let whole = scratch.path().join("whole");
    store(&sweep, &whole);
    let records = fs::read(whole.join("records.bin")).expect("there");
    let mut dice = Stream::new(6, 0);
    let mut again = 0;
    for case in 0..40_u64 {
        let torn = scratch.path().join(format!("torn-{case}"));
        fs::create_dir(&torn).expect("writable");
        fs::copy(whole.join("store.json"), torn.join("store.json")).expect("copied");
        let at = usize::try_from(dice.below(records.len() as u64)).expect("small");
        let mut bytes = records.clone();
        match case % 3 {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 0x10,
            _ => bytes.extend(&records[..at.min(200)]),
        }
        fs::write(torn.join("records.bin"), bytes).expect("writable");
        fs::write(torn.join("runs.parquet.new-1"), "half a table").expect("writable");
        let report = store(&sweep, &torn);
        assert_eq!(report.runs, 15);
        again += report.run_now;
        assert_same(&torn, &whole);
    }
    assert!(again > 40, "most of the cases lost something: {again}");
}

/// Design points that cannot be run, or diverge, are stored with their reason; the rest goes on.
#[test]
fn failures_are_recorded_and_the_rest_goes_on() {
    let scratch = Scratch::new();
    let rest = "replications: 2\naxes: { model.ten_variables.coupling: [0.1, 1e200, .nan, 0.2] }";
    let sweep = load(&scratch, rest);
    let out = scratch.path().join("store");
    let report = store(&sweep, &out);
    // The point that the scenario refuses is one row; the one that diverges has two.
    assert_eq!((report.runs, report.failed), (7, 3));
    let first = report.first_failure.expect("some failed");
    assert_eq!((first.point, first.replication), (1, 0));
    assert!(first.error.contains("diverged"), "{}", first.error);
    let rows = read(&report.table);
    let of = |point: &str| {
        let rows = rows.iter().filter(|row| row["point"] == point);
        rows.map(|row| (row["mean"].is_empty(), row["error"].clone())).collect::<Vec<_>>()
    };
    assert!(of("0").iter().all(|(none, error)| !none && error.is_empty()));
    assert!(of("1").iter().all(|(none, error)| *none && error.contains("not a finite number")));
    assert!(of("2")[0].1.contains("refuses"), "{:?}", of("2"));
    assert_eq!(store(&sweep, &out).run_now, 0, "a failure is a result");

    // Which point it is does not matter.
    let sweep = load(&scratch, "axes: { steps: [0, 5, 6], seed: [3, 4] }");
    let out = scratch.path().join("first");
    let report = store(&sweep, &out);
    assert_eq!((report.runs, report.failed), (6, 2));
    let told = forecast(&sweep, Shard::WHOLE, 1).expect("runs");
    assert_eq!((told.runs_at_most, told.refused), (4, 2));
    // An axis over seeds is the column of seeds, once.
    let file = fs::File::open(&report.table).expect("a table");
    let table = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file);
    let table = table.expect("Parquet");
    let names: Vec<&str> = table.schema().fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names[..5], ["key", "point", "replication", "seed", "steps"]);
    assert_eq!(names.iter().filter(|name| **name == "seed").count(), 1);
    for row in read(&report.table) {
        let point: u32 = row["point"].parse().expect("a number");
        assert_eq!(row["seed"], sweep.parameters(point)[1]);
    }
}

/// A flag that is set stops a sweep even where nothing is left to run.
#[test]
fn a_complete_sweep_can_be_interrupted() {
    let scratch = Scratch::new();
    let sweep = load(&scratch, "axes: { steps: [0, 5] }");
    let options = to(scratch.path().join("store"));
    run(&sweep, &options).expect("runs");
    options.interrupt.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(run(&sweep, &options), Err(SweepError::Interrupted(_))));
}

/// Each point stops by itself, and on one thread as on two.
#[test]
fn points_stop_when_they_are_sure() {
    let scratch = Scratch::new();
    let rest = format!(
        "replications: {{ min: 3, max: 30, until: {{ metric: mean, half_width: 0.0004 1 }} }}\n\
         axes: {{ {NOISE}: [0, 0.1, 1] }}"
    );
    let sweep = load(&scratch, &rest);
    let (one, two) = (scratch.path().join("one"), scratch.path().join("two"));
    let report = run(&sweep, &Options { threads: 1, ..to(one.clone()) }).expect("runs");
    store(&sweep, &two);
    assert_same(&two, &one);
    let rows = read(&report.table);
    let of = |point: &str| rows.iter().filter(|row| row["point"] == point).count();
    assert_eq!(of("0"), 3, "without noise the fewest are enough");
    assert!((3..=30).contains(&of("1")) && of("2") > of("1"), "{} {}", of("1"), of("2"));
    let told = forecast(&sweep, Shard::WHOLE, 1).expect("runs");
    assert_eq!((told.points, told.runs_at_least, told.runs_at_most), (3, 9, 90));
    assert!(told.seconds_a_run > 0.0 && told.bytes > 0);
    // A round of another size than before is not run beyond what the rule needs.
    for threads in 1..=7 {
        let again = run(&sweep, &Options { threads, ..to(two.clone()) }).expect("runs");
        assert_eq!(again.run_now, 0, "what decides is read from the store: {threads} threads");
    }
}

/// Stores that a sweep must not touch, each told apart.
#[test]
fn stores_of_others_are_refused_with_advice() {
    let scratch = Scratch::new();
    let sweep = load(&scratch, "axes: { steps: [5, 6] }");
    let out = scratch.path().join("store");
    store(&sweep, &out);
    let refused = |sweep: &Sweep, options: &Options| match run(sweep, options) {
        Err(SweepError::Store(error)) => error,
        other => panic!("{other:?}"),
    };

    let other = load(&scratch, "axes: { steps: [5, 6, 7] }");
    let error = refused(&other, &to(out.clone()));
    assert!(matches!(error, StoreError::OtherSweep { .. }));
    let text = error.to_string();
    assert!(text.contains("2 design points, this one 3") && text.contains("--reuse"), "{text}");

    // As advised: what is equal is taken over.
    let beside = scratch.path().join("beside");
    let reusing = Options { reuse: Some(out.clone()), ..to(beside.clone()) };
    let report = run(&other, &reusing).expect("runs");
    assert_eq!((report.run_now, report.reused, report.runs), (1, 2, 3));
    let fresh = scratch.path().join("fresh");
    store(&other, &fresh);
    assert_same(&beside, &fresh);

    let sharded = Options { shard: Shard { index: 1, of: 2 }, ..to(out.clone()) };
    assert!(refused(&sweep, &sharded).to_string().contains("`arable merge`"));

    let lock = fs::File::open(out.join("lock")).expect("there");
    lock.try_lock().expect("nobody else holds it");
    assert!(matches!(refused(&sweep, &to(out.clone())), StoreError::Busy(_)));
    drop(lock);

    let head = fs::read_to_string(out.join("store.json")).expect("there");
    for (from, to_, part) in [
        ("\"form\": 1", "\"form\": 9", "found form 9, expected form 1"),
        ("\"engine_version\": ", "\"engine_version\": 9", "written by another version"),
        ("\"arable\": \"", "\"arable\": \"9.", "written by another version"),
    ] {
        fs::write(out.join("store.json"), head.replacen(from, to_, 1)).expect("writable");
        let text = refused(&sweep, &to(out.clone())).to_string();
        assert!(text.contains(part) && text.contains("--out"), "{text}");
    }

    let foreign = scratch.path().join("foreign");
    fs::create_dir(&foreign).expect("writable");
    fs::write(foreign.join("thesis.tex"), "years of work").expect("writable");
    assert!(matches!(refused(&sweep, &to(foreign.clone())), StoreError::Foreign(_)));
    assert_eq!(bytes(&foreign).len(), 1, "nothing is added");
}

/// White space and comments do not make another sweep; a value does.
#[test]
fn a_sweep_is_what_it_says_and_not_how() {
    let scratch = Scratch::new();
    let digest = |rest: &str| load(&scratch, rest).digest;
    let plain = digest("axes: { steps: [5, 6] }");
    assert_eq!(digest("# a comment\naxes:\n  steps: [5,\n    6]\n"), plain);
    assert_ne!(digest("axes: { steps: [5, 7] }"), plain);
}

fn arable(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arable"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Killed at random moments and started again, a sweep leaves what one that was never killed
/// leaves.
#[test]
fn a_killed_sweep_goes_on_and_ends_as_if_it_had_never_been_killed() {
    let scratch = Scratch::new();
    let rest = format!(
        "replications: 40\nset: {{ steps: 4000 }}\n\
         axes: {{ {GAIN}: {{ from: 0, to: 0.1, points: 20 }} }}"
    );
    let file = files(&scratch, &head(&rest)).display().to_string();
    let sweep = |out: &Path| {
        let out = out.display().to_string();
        arable(&["sweep", &file, "--quiet", "--out", &out]).spawn().expect("starts")
    };
    let whole = scratch.path().join("whole");
    let begun = std::time::Instant::now();
    assert!(sweep(&whole).wait().expect("runs").success());
    let mut long = begun.elapsed();
    let mut dice = Stream::new(20_261_122, 1);
    for attempt in 0..12 {
        let out = scratch.path().join(format!("killed-{attempt}"));
        let (mut kills, mut went_on) = (0, 0);
        loop {
            let mut child = sweep(&out);
            if kills < 5 {
                std::thread::sleep(long.mul_f64(0.05 + 0.8 * dice.uniform()));
                if child.try_wait().expect("a child").is_none() {
                    child.kill().expect("it was alive a moment ago");
                    kills += 1;
                }
            }
            let Output { status, stderr, .. } = child.wait_with_output().expect("it was started");
            let said = String::from_utf8_lossy(&stderr);
            went_on += u32::from(said.contains("runs are in"));
            if status.success() {
                break;
            }
        }
        assert_same(&out, &whole);
        if kills >= 2 && went_on >= 1 {
            return;
        }
        // The machine has more time for us than at first: kill sooner.
        long = long.mul_f64(0.6);
    }
    panic!("every sweep was through before it could be killed twice");
}

/// Ctrl-C keeps what is done and says how to go on.
#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_is_done() {
    let scratch = Scratch::new();
    let rest = "replications: 2000\nset: { steps: 50000 }\naxes: { seed: [1, 2] }";
    let file = files(&scratch, &head(rest)).display().to_string();
    let out = scratch.path().join("store").display().to_string();
    let child = arable(&["sweep", &file, "--out", &out]).spawn().expect("starts");
    let records = Path::new(&out).join("records.bin");
    while fs::metadata(&records).map_or(0, |m| m.len()) < 1_000 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let process = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &process]).status().expect("kill").success());
    let Output { status, stderr, .. } = child.wait_with_output().expect("it was started");
    let said = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("the same command again goes on from there"), "{said}");
    assert!(fs::metadata(&records).expect("kept").len() >= 1_000);
}

/// A record's run directory comes back with the figures of the store: a network's and a
/// model's.
#[test]
fn run_directories_are_regenerated_on_demand() {
    let scratch = Scratch::new();
    let model = files(&scratch, &head(&format!("replications: 3\naxes: {{ {GAIN}: [0, 1] }}")));
    let network = scratch.path().join("network.yaml");
    let tutorial =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/tutorial/01-one-miner.yaml");
    let text = format!(
        "schema: 1\ntitle: t\nscenario: {}\nreplications: 2\nset: {{ horizon: 10min }}\n\
         axes: {{ demand.poisson.rate_per_second: [0.1, 0.2] }}\n",
        tutorial.display()
    );
    fs::write(&network, text).expect("writable");
    for (file, metric) in [(model, "x0"), (network, "jobs_submitted")] {
        let out = file.with_extension("store");
        let sweep = Sweep::load(&file).unwrap_or_else(|wrong| panic!("{}", wrong.render(false)));
        let rows = read(&store(&sweep, &out).table);
        let row = rows.iter().find(|row| row["replication"] == "1").expect("a second replication");
        assert!(!row[metric].is_empty());
        let (file, out) = (file.display().to_string(), out.display().to_string());
        let runs = scratch.path().join("runs").display().to_string();
        let regenerate = |key: &str| {
            let arguments = ["sweep", &file, "--out", &out, "--runs", &runs, "--quiet"];
            arable(&arguments).args(["--regenerate", key]).output().expect("runs")
        };
        let Output { status, stdout, stderr } = regenerate(&row["key"][..16]);
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        let told = String::from_utf8_lossy(&stdout).into_owned();
        let dir = told.trim().rsplit(" in ").next().expect("a directory");
        let metrics: serde_json::Value = serde_json::from_str(
            &fs::read_to_string(Path::new(dir).join("metrics.json")).expect("written"),
        )
        .expect("JSON");
        let of = metrics["metrics"].as_array().expect("a list");
        let found = of.iter().find(|m| m["name"] == metric).expect("the metric");
        let value = found["per_replication"][1].as_f64().expect("a number");
        assert_eq!(value.to_string(), row[metric]);
        let Output { status, stdout, .. } = arable(&["replay", dir, "-q"]).output().expect("runs");
        assert!(status.success() && String::from_utf8_lossy(&stdout).contains("replayed"));
        let nothing = regenerate("0123456789abcdef");
        assert_eq!(nothing.status.code(), Some(2));
    }
}

/// The shipped sweeps are sound.
#[test]
fn shipped_sweeps_are_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/sweeps");
    let points: BTreeMap<String, u32> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let sweep =
                Sweep::load(&path).unwrap_or_else(|wrong| panic!("{}", wrong.render(false)));
            (sweep.name.clone(), sweep.points())
        })
        .collect();
    assert_eq!(points["ten-variables"], 51);
    assert_eq!(points["spot-checks"], 8);
}
