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

pub mod bittensor;
pub mod case;
pub mod compare;
pub mod evaluator;
pub mod inputs;
pub mod report;
pub mod tolerance;

pub use case::ValidateError;
pub use report::{CaseReport, KindReport, Totals, ValidationReport, Verdict};

/// Evaluates every case of `files`, in order. File names inside inputs resolve against `data`.
///
/// # Errors
/// When a file cannot be read or is not a case file: see [`ValidateError`].
pub fn run(files: &[PathBuf], data: Option<&Path>) -> Result<ValidationReport, ValidateError> {
    let mut reports = Vec::new();
    for file in files {
        for case in case::read(file)? {
            reports.push(report::judge(file, &case, data));
        }
    }
    Ok(ValidationReport::new(reports))
}
