//! What was pushed is what the files hold, and what cannot be written is an error.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayAccessor, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int32Type, UInt32Type, UInt64Type};
use arrow::ipc::reader::FileReader;
use sim_core::digest::RowDigest;
use sim_core::trace::{
    CHUNK, Row, Summaries, discard, join_parts, merge, part_path, settle, summarise, table_path,
    take_back,
};
use sim_core::{Trace, TraceError};
use sim_types::record::{
    FaultRow, NodeRow, ObservationRow, PayoutRow, Record, TABLES, VERSION_KEY,
};
use sim_types::{Amount, TraceLevel};

/// An empty directory of its own for each test.
fn fresh(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("the target directory is ours");
    dir
}

const REASONS: [&str; 5] = ["incentive", "dividend", "price", "fee", "withheld"];

/// Payouts of a replication; the later reasons turn up only in later rows.
fn payouts(rep: u32, rows: usize) -> Vec<PayoutRow> {
    (0..rows)
        .map(|i| PayoutRow {
            rep,
            time: i as u64 * 3,
            subnet: (i % 3 != 0).then_some(7),
            epoch: (i % 5 == 0).then_some(i as u64),
            job: None,
            node: (i % 2 == 0).then(|| u32::try_from(i % 1000).expect("small")),
            amount: Amount(u128::from(u64::MAX) * (i as u128 + u128::from(rep))),
            reason: REASONS[(i * REASONS.len() / rows.max(1) + rep as usize) % REASONS.len()],
        })
        .collect()
}

fn faults(rep: u32, rows: u64) -> Vec<FaultRow> {
    (0..rows)
        .map(|i| FaultRow {
            rep, time: i, kind: "crash", target: "nöde ".repeat((i % 4) as usize)
        })
        .collect()
}

fn push_all<R: Row>(trace: &mut Trace, rows: Vec<R>) {
    for row in rows {
        trace.push(row).expect("room on the disk");
    }
}

fn batches(path: &Path) -> Vec<RecordBatch> {
    let file = File::open(path).expect("it was written");
    let reader = FileReader::try_new_buffered(file, None).expect("an Arrow file");
    reader.map(|batch| batch.expect("a batch")).collect()
}

/// The rows of a payout file, through Arrow alone.
fn read_payouts(path: &Path) -> Vec<PayoutRow> {
    let opt32 = |array: &arrow::array::UInt32Array, i| array.is_valid(i).then(|| array.value(i));
    let opt64 = |array: &arrow::array::UInt64Array, i| array.is_valid(i).then(|| array.value(i));
    let mut rows = Vec::new();
    for batch in batches(path) {
        let column = |name| batch.column_by_name(name).expect("a column");
        let words = column("reason").as_dictionary::<Int32Type>();
        let words = words.downcast_dict::<arrow::array::StringArray>().expect("text");
        for i in 0..batch.num_rows() {
            rows.push(PayoutRow {
                rep: column("rep").as_primitive::<UInt32Type>().value(i),
                time: column("time").as_primitive::<UInt64Type>().value(i),
                subnet: opt32(column("subnet").as_primitive(), i),
                epoch: opt64(column("epoch").as_primitive(), i),
                job: opt64(column("job").as_primitive(), i),
                node: opt32(column("node").as_primitive(), i),
                amount: Amount(
                    column("amount").as_primitive::<Decimal128Type>().value(i).cast_unsigned(),
                ),
                reason: REASONS
                    .into_iter()
                    .find(|word| *word == words.value(i))
                    .expect("a known reason"),
            });
        }
    }
    rows
}

fn digest<R: Record>(rows: &[R]) -> sim_core::Digest {
    let mut digest = RowDigest::new::<R>();
    for row in rows {
        digest.push(row);
    }
    digest.finish()
}

#[test]
fn rows_come_back_as_they_were_pushed_in_one_file_a_table() {
    let dir = fresh("round_trip");
    // More than two chunks, so that words turn up late and segments are joined.
    let (first, second) = (payouts(0, 2 * CHUNK + 9), payouts(1, CHUNK));
    let mut parts = Vec::new();
    for (rep, rows) in [(0, &first), (1, &second)] {
        let mut trace = Trace::create(&dir, rep).expect("opens");
        push_all(&mut trace, rows.clone());
        push_all(&mut trace, faults(rep, 10));
        let part = trace.finish().expect("finishes");
        assert_eq!(part["payouts"].digest, digest(rows));
        let path = part_path(&dir, "payouts", rep);
        assert_eq!(&read_payouts(&path), rows);
        assert_eq!(summarise("payouts", &path).expect("readable"), part["payouts"]);
        parts.push(part);
    }
    let whole = merge(&dir, &parts).expect("merges");
    let all = [first, second].concat();
    let path = table_path(&dir, "payouts");
    assert_eq!(read_payouts(&path), all);
    assert_eq!(whole["payouts"].digest, digest(&all));
    assert_eq!(whole["payouts"].rows, all.len() as u64);
    assert_eq!(whole["payouts"].bytes, std::fs::metadata(&path).expect("there").len());
    assert_eq!(whole["faults"].digest, digest(&[faults(0, 10), faults(1, 10)].concat()));

    let mut files: Vec<String> = std::fs::read_dir(&dir)
        .expect("there")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"))
        .collect();
    files.sort();
    let mut expected: Vec<String> =
        TABLES.iter().map(|(table, ..)| format!("{table}.arrow")).collect();
    expected.sort();
    assert_eq!(files, expected, "parts and segments are gone");
}

#[test]
fn one_replication_is_merged_by_a_change_of_name() {
    let dir = fresh("one_replication");
    let mut trace = Trace::create(&dir, 0).expect("opens");
    push_all(&mut trace, payouts(0, 10));
    let part = trace.finish().expect("finishes");
    assert_eq!(merge(&dir, std::slice::from_ref(&part)).expect("merges"), part);
    assert_eq!(read_payouts(&table_path(&dir, "payouts")), payouts(0, 10));
}

#[test]
fn the_schema_tells_what_the_columns_mean_in_empty_tables_too() {
    let dir = fresh("schema");
    let parts = [Trace::create(&dir, 0).expect("opens").finish().expect("finishes")];
    merge(&dir, &parts).expect("merges");
    for (table, version, _, columns) in TABLES {
        let file = File::open(table_path(&dir, table)).expect("there");
        let reader = FileReader::try_new_buffered(file, None).expect("an Arrow file");
        let schema = reader.schema();
        assert_eq!(schema.metadata()["arable.table"], *table);
        assert_eq!(schema.metadata()[VERSION_KEY], version.to_string());
        let found: Vec<_> = schema
            .fields()
            .iter()
            .map(|f| (f.name().as_str(), f.metadata()["doc"].as_str()))
            .collect();
        let expected: Vec<_> = columns.iter().map(|c| (c.name, c.doc)).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let dir = fresh("missing").join("nowhere");
    let error = Trace::create(&dir, 0).expect_err("no such directory");
    assert!(matches!(&error, TraceError::Io { path, .. } if path.starts_with(&dir)), "{error}");
    assert!(error.to_string().contains("No such file"), "{error}");
}

/// `/dev/full` is a disk without room.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file_and_never_a_hang() {
    let dir = fresh("full");
    let full = part_path(&dir, "observations", 0);
    std::os::unix::fs::symlink("/dev/full", &full).expect("links");
    let mut trace = Trace::create(&dir, 0).expect("opens");
    let row = |i: u64| ObservationRow {
        rep: 0,
        time: i,
        subnet: 0,
        verifier: 1,
        subject: 2,
        job: i,
        probe: true,
        score_ppm: 3,
        confidence_ppm: 4,
        latency: 5,
    };
    let error = (0..(64 * CHUNK as u64)).find_map(|i| trace.push(row(i)).err());
    let error = error.expect("it shows while rows are still coming");
    assert!(
        matches!(&error, TraceError::Io { path, source }
            if *path == full && source.kind() == std::io::ErrorKind::StorageFull),
        "{error}"
    );
    let later = (0..=CHUNK as u64).find_map(|i| trace.push(row(i)).err());
    assert!(matches!(later, Some(TraceError::Closed { .. })));
    assert!(matches!(trace.finish(), Err(TraceError::Closed { .. })));

    // Few rows: nothing is written before the end, which then fails.
    let mut trace = Trace::create(&dir, 0).expect("opens");
    trace.push(row(0)).expect("buffered");
    assert!(matches!(trace.finish(), Err(TraceError::Io { .. })));
}

#[test]
fn an_amount_beyond_38_digits_is_an_error() {
    let dir = fresh("overflow");
    let limit = 10_u128.pow(38);
    for (amount, fits) in [(limit - 1, true), (limit, false), (u128::MAX, false)] {
        let mut trace = Trace::create(&dir, 0).expect("opens");
        let mut row = payouts(0, 1).remove(0);
        row.amount = Amount(amount);
        trace.push(row.clone()).expect("buffered");
        match trace.finish() {
            Ok(_) => {
                assert!(fits);
                assert_eq!(read_payouts(&part_path(&dir, "payouts", 0)), [row]);
            }
            Err(error) => {
                assert!(!fits);
                assert!(error.to_string().contains("column amount"), "{error}");
            }
        }
    }
}

#[test]
fn a_file_of_another_table_or_of_none_is_refused() {
    let dir = fresh("refused");
    Trace::create(&dir, 0).expect("opens").finish().expect("finishes");
    let error = summarise("payouts", &part_path(&dir, "faults", 0)).expect_err("other table");
    assert!(error.to_string().contains("not table `payouts`"), "{error}");
    let error = summarise("nothing", &part_path(&dir, "faults", 0)).expect_err("no table");
    assert!(error.to_string().contains("no table is called"), "{error}");
    let junk = dir.join("junk");
    std::fs::write(&junk, b"not an Arrow file, though longer than its magic").expect("writes");
    assert!(matches!(summarise(NodeRow::TABLE, &junk), Err(TraceError::Format { .. })));
}

#[test]
fn a_dropped_trace_lets_go_of_its_files() {
    let dir = fresh("dropped");
    let mut trace = Trace::create(&dir, 0).expect("opens");
    push_all(&mut trace, payouts(0, 3 * CHUNK));
    drop(trace);
    std::fs::remove_dir_all(&dir).expect("nobody writes there any more");
    assert!(!dir.exists());
}

/// Names and contents of a directory.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = std::fs::read_dir(dir)
        .expect("there")
        .map(|entry| {
            let entry = entry.expect("readable");
            let name = entry.file_name().into_string().expect("UTF-8");
            (name, std::fs::read(entry.path()).expect("readable"))
        })
        .collect();
    found.sort();
    found
}

/// Rows of three tables, with late words, absent cells, texts and none of a table, written in
/// one go and with a cut and a restart at every one of `cuts`.
fn written(name: &str, rows: usize, cuts: &[usize]) -> (Summaries, Vec<(String, Vec<u8>)>) {
    let dir = fresh(name);
    let (payouts, faults) = (payouts(0, rows), faults(0, rows as u64 / 3));
    let mut trace = Trace::create(&dir, 0).expect("opens");
    for (i, row) in payouts.into_iter().enumerate() {
        if cuts.contains(&i) {
            let cut = trace.cut().expect("room on the disk");
            trace.forget_before(&cut).expect("removes");
            // What comes after the last cut is lost with the process.
            push_all(&mut trace, self::payouts(3, CHUNK + 5));
            std::mem::forget(trace.cut().expect("room on the disk"));
            drop(trace);
            trace = Trace::resume(&dir, 0, TraceLevel::Full, &cut).expect("resumes");
        }
        trace.push(row).expect("room on the disk");
        if i % 3 == 2 {
            trace.push(faults[i / 3].clone()).expect("room on the disk");
        }
    }
    let summaries = trace.finish().expect("finishes");
    settle(&dir, 0).expect("settles");
    settle(&dir, 0).expect("twice does no harm");
    (summaries, contents(&dir))
}

#[test]
fn a_trace_that_was_cut_and_resumed_has_the_bytes_of_one_that_was_not() {
    for rows in [10, 2 * CHUNK + 77] {
        let whole = written("uncut", rows, &[]);
        let table: [&[usize]; 4] = [
            &[rows - 1],
            &[3, 4, 5],
            &[CHUNK - 1, CHUNK, CHUNK + 1],
            &[rows / 3, CHUNK + 1, 2 * CHUNK + 1],
        ];
        for cuts in table {
            let cut = written("cut", rows, cuts);
            assert_eq!(cut.0, whole.0, "{rows} rows cut at {cuts:?}");
            let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
                files.iter().map(|file| file.0.clone()).collect()
            };
            assert_eq!(names(&cut.1), names(&whole.1));
            assert!(cut.1 == whole.1, "{rows} rows cut at {cuts:?}");
        }
    }
}

#[test]
fn a_trace_is_not_resumed_from_files_that_are_not_those_of_its_cut() {
    let dir = fresh("damaged");
    let mut trace = Trace::create(&dir, 0).expect("opens");
    push_all(&mut trace, payouts(0, CHUNK + 9));
    let cut = trace.cut().expect("cuts");
    drop(trace);
    let tail = dir.join("payouts.0.tail1.arrow");
    let bytes = std::fs::read(&tail).expect("the tail");
    let mut wrong = Trace::create(&dir, 7).expect("opens");
    push_all(&mut wrong, payouts(1, 9));
    wrong.finish().expect("finishes");
    std::fs::copy(part_path(&dir, "payouts", 7), &tail).expect("copies");
    let error = Trace::resume(&dir, 0, TraceLevel::Full, &cut).expect_err("other rows");
    assert!(error.to_string().contains("not those of the snapshot"), "{error}");
    std::fs::write(&tail, &bytes[..bytes.len() / 2]).expect("writes");
    assert!(Trace::resume(&dir, 0, TraceLevel::Full, &cut).is_err(), "cut short");
    std::fs::write(&tail, &bytes).expect("writes");
    drop(Trace::resume(&dir, 0, TraceLevel::Full, &cut).expect("whole again"));
    discard(&dir, 0).expect("removes");
    let left = contents(&dir);
    assert!(left.iter().all(|(name, _)| name.contains(".7.")), "another replication stays");
}

#[test]
fn joining_can_be_done_again_after_it_was_taken_back() {
    for reps in [1, 2] {
        let dir = fresh("again");
        let parts: Vec<Summaries> = (0..reps)
            .map(|rep| {
                let mut trace = Trace::create(&dir, rep).expect("opens");
                push_all(&mut trace, payouts(rep, 10));
                trace.finish().expect("finishes")
            })
            .collect();
        let before = contents(&dir);
        let first = join_parts(&dir, &parts).expect("joins");
        take_back(&dir, reps).expect("takes back");
        assert!(contents(&dir) == before);
        assert_eq!(join_parts(&dir, &parts).expect("joins again"), first);
    }
}

#[test]
fn a_level_writes_its_tables_and_rows() {
    let sampled: TraceLevel = "sampled:1/4".parse().expect("a level");
    let row = |job: Option<u64>| {
        let mut row = payouts(0, 1).remove(0);
        row.job = job;
        row
    };
    for level in [TraceLevel::Summary, sampled, TraceLevel::Full] {
        let dir = fresh("level");
        let mut trace = Trace::create_at(&dir, 0, level).expect("opens");
        let jobs = (0..1000).map(Some).chain([None, None]);
        jobs.clone().for_each(|job| trace.push(row(job)).expect("room"));
        let summaries = trace.finish().expect("finishes");
        let kept: Vec<_> = jobs.filter(|&job| level.keeps_row(job)).map(row).collect();
        assert_eq!(read_payouts(&part_path(&dir, "payouts", 0)), kept);
        assert_eq!(summaries["payouts"].digest, digest(&kept));
        assert_eq!(summaries.contains_key("jobs"), level != TraceLevel::Summary);
        assert_eq!(part_path(&dir, "jobs", 0).exists(), level != TraceLevel::Summary);
        assert_eq!(merge(&dir, std::slice::from_ref(&summaries)).expect("merges"), summaries);
    }
}
