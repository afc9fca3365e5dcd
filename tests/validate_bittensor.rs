//! The reference cases of Bittensor, where they lie beside the repository.

use std::path::Path;

use arable::validate::{self, Verdict};

#[test]
fn gate_cases_hold() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/bittensor.json");
    if !file.exists() {
        eprintln!("SKIPPED: no reference cases at {}", file.display());
        return;
    }
    let report = validate::run(&[file], None).unwrap();
    println!("{report}");
    assert!(report.holds(), "{report}");
    assert!(report.totals.passed > 0);
    // What is evaluated though it gates nothing must at least be readable.
    for case in &report.cases {
        assert!(case.verdict == Verdict::NotCovered || case.reason.is_none(), "{case:?}");
    }
}
