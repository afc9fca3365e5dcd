//! What shipped designs must show, whatever the seed: laws of whole runs.

mod common;

use arable::plan::Plan;
use arable::run::{self, Options, Run, RunError};
use common::{Scratch, plan};

fn run(plan: &Plan) -> (Run, Scratch) {
    let scratch = Scratch::new();
    let options = Options { out: scratch.path(), ..Options::default() };
    (run::run(plan, &options).unwrap(), scratch)
}

fn metric(run: &Run, name: &str) -> f64 {
    run.metrics.get(name).unwrap_or_else(|| panic!("no metric {name}")).value
}

/// Yuma over real observations: honest providers out-earn dishonest ones, consensus exists,
/// and every rao issued is paid or withheld or still pending.
#[test]
fn yuma_pays_honest_providers_and_loses_nothing() {
    let set = [("horizon", "6h"), ("subnets", "1"), ("expect", "{}")];
    let (run, _scratch) = run(&plan("scenarios/systems/bittensor.yaml", &set));
    assert!(metric(&run, "epochs_per_subnet_min") >= 4.0);
    assert!((metric(&run, "consensus_nonzero_share") - 1.0).abs() < 1e-12);
    assert!(metric(&run, "quality_income_correlation") > 0.3);
    assert!(metric(&run, "probes_count") > 40_000.0);
}

#[test]
fn an_interrupted_run_leaves_no_directory_that_looks_complete() {
    let plan = plan("scenarios/systems/bittensor.yaml", &[("subnets", "1")]);
    let scratch = Scratch::new();
    let options = Options { out: scratch.path(), ..Options::default() };
    options.interrupt.store(true, std::sync::atomic::Ordering::Relaxed);
    let error = run::run(&plan, &options).unwrap_err();
    assert!(matches!(error, RunError::Interrupted(_)), "{error}");
    assert!(!run::directory(&scratch.path(), &plan).exists());
    for entry in std::fs::read_dir(scratch.path()).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(name.to_string_lossy().contains(".partial-"), "{name:?}");
    }
}
