//! The same plan gives the same bits: twice, on more threads, through a saved state.

mod common;

use arable::run::{self, Options};
use arable::world::World;
use common::{Scratch, plan};
use sim_core::engine::{Engine, Stop};

const SCENARIO: &str = "scenarios/systems/bittensor.yaml";
const SMALL: &[(&str, &str)] =
    &[("horizon", "100min"), ("subnets", "2"), ("expect", "{}"), ("replications", "2")];

#[test]
fn twice_and_on_two_threads_gives_the_same_digests() {
    let plan = plan(SCENARIO, SMALL);
    let outcome = |threads| {
        let scratch = Scratch::new();
        let options = Options { out: scratch.path(), threads, ..Options::default() };
        run::run(&plan, &options).unwrap().manifest.result
    };
    let first = outcome(1);
    assert_eq!(first, outcome(2));
    assert!(first.events_handled > 10_000);
}

#[test]
fn running_again_changes_nothing_and_another_seed_changes_the_digest() {
    let plan_of = |seed| {
        let mut set = SMALL.to_vec();
        set.extend([("seed", seed), ("horizon", "20min"), ("replications", "1")]);
        plan(SCENARIO, &set)
    };
    let scratch = Scratch::new();
    let options = Options { out: scratch.path(), ..Options::default() };
    let first = run::run(&plan_of("1"), &options).unwrap();
    let again = run::run(&plan_of("1"), &options).unwrap();
    let other = run::run(&plan_of("2"), &options).unwrap();
    assert!(!first.unchanged && again.unchanged);
    assert_eq!(first.manifest.result, again.manifest.result);
    assert_ne!(first.manifest.result.events, other.manifest.result.events);
}

#[test]
fn two_runs_handle_the_same_events() {
    let mut set = SMALL.to_vec();
    set.push(("horizon", "20min"));
    let difference = run::check_determinism(&plan(SCENARIO, &set), &Options::default()).unwrap();
    assert_eq!(difference, None);
}

/// Saving the whole engine as JSON in the middle and going on from the copy gives the digest of
/// the run that was never interrupted.
#[test]
fn a_saved_world_goes_on_as_if_nothing_had_happened() {
    let short = [("horizon", "40min"), ("expect", "{}")];
    let table = [
        (SCENARIO, short.as_slice()),
        ("scenarios/tutorial/03-spot-checks.yaml", &short[..1]),
        ("scenarios/tutorial/05-faults-and-changes.yaml", &[("replications", "1")]),
    ];
    for (scenario, set) in table {
        let plan = plan(scenario, set);
        let mut whole = World::start(&plan, 0).unwrap();
        assert_ne!(whole.run_until(plan.horizon, u64::MAX), Stop::Budget);

        let mut first = World::start(&plan, 0).unwrap();
        let half = whole.events_handled() / 2;
        assert_eq!(first.run_until(plan.horizon, half), Stop::Budget);
        assert!(World::handled(&first) > 1_000, "{scenario}");
        let saved = serde_json::to_string(&first).unwrap();
        let mut second: Engine<World> = serde_json::from_str(&saved).unwrap();
        second.run_until(plan.horizon, u64::MAX);
        assert_eq!(World::totals(&second), World::totals(&whole), "{scenario}");
    }
}
