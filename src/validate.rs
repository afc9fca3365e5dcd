//! Reference cases: numbers that the mechanisms must reproduce.
//!
//! A case file holds
//!
//! ```json
//! { "schema": "cases/v1", "cases": [
//!   { "id": "…", "kind": "…", "gate": true, "inputs": {}, "expect": {}, "tolerance": {} } ] }
//! ```
//!
//! | module | does |
//! |---|---|
//! | [`case`] | reads case files |
//! | [`inputs`] | hands an evaluator its inputs, typed |
//! | [`evaluator`] | the contract of an evaluator and the register of kinds |
//! | [`tolerance`] | how near is near enough |
//! | [`compare`] | expected against actual, quantity by quantity |
//! | [`report`] | verdicts, counted and rendered |
//!
//! **Adding a kind** is one function from inputs to named quantities and one line in its
//! system's list. An evaluator computes; it never sees what is expected. A kind that nobody
//! registered counts as not covered, never as passed.
//!
//! A gate case passes or fails; any other calibrates: its distance is reported, and it fails
//! nothing. A case whose inputs an evaluator cannot read fails with the reason, and the others
//! still run; a file that is not a case file is an error of the whole run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

pub mod bittensor;
pub mod case;
pub mod compare;
pub mod des;
pub mod evaluator;
pub mod inputs;
pub mod report;
pub mod ritual;
pub mod tolerance;

pub use case::ValidateError;
pub use report::{CaseReport, KindReport, Totals, ValidationReport, Verdict};

/// Evaluates every case of `files`, in order. File names inside inputs resolve against `data`.
///
/// # Errors
/// When a file cannot be read or is not a case file: see [`ValidateError`].
pub fn run(files: &[PathBuf], data: Option<&Path>) -> Result<ValidationReport, ValidateError> {
    run_watched(files, data, |_, _| ())
}

/// The same, telling `watch` after each case how many of how many are done. Cases are
/// evaluated in parallel; the report has them in order.
///
/// # Errors
/// As [`run`].
pub fn run_watched(
    files: &[PathBuf],
    data: Option<&Path>,
    watch: impl Fn(usize, usize) + Sync,
) -> Result<ValidationReport, ValidateError> {
    let mut cases = Vec::new();
    for file in files {
        cases.extend(case::read(file)?.into_iter().map(|case| (file, case)));
    }
    let done = AtomicUsize::new(0);
    let reports = cases
        .par_iter()
        .with_max_len(1)
        .map(|(file, case)| {
            let report = report::judge(file, case, data);
            watch(done.fetch_add(1, Ordering::Relaxed) + 1, cases.len());
            report
        })
        .collect();
    Ok(ValidationReport::new(reports))
}
