//! One run on several threads: whatever their number, the same run.

mod common;

use arable::plan::{Emission, Plan};
use arable::run::{self, Options};
use arable::world::World;
use common::{Scratch, plan};
use sim_core::engine::{Engine, Stop};
use sim_types::Amount;

/// Three subnets with crashes, two partitions at once, changes of every kind, fees, a chain
/// too slow for its users, and users that run out of money.
fn disturbed() -> Plan {
    let faults = "[{crash: {at: 20min, for: 10min, group: miners, share: 20%}}, \
                  {crash: {at: 25min, for: 10min, group: validators, share: 50%}}, \
                  {partition: {at: 30min, for: 5min, regions: [tokyo, seoul]}}, \
                  {partition: {at: 32min, for: 5min, regions: [n_virginia]}}]";
    let changes = "[{at: 40min, set: {emission.per_block: 0.5 TAO}}, \
                   {at: 50min, set: {network.loss: 5%}}, \
                   {at: 55min, set: {reward.proportional.epoch_blocks: 50}}]";
    let settlement = "{slots: {fee: 0.000001 TAO, capacity: 14, queue_limit: 40}}";
    let market = "{validator_dispatch: {price_per_million_tokens: 1 TAO}}";
    let set = [
        ("subnets", "3"),
        ("horizon", "75min"),
        ("replications", "1"),
        ("demand.poisson.rate_per_second", "1.2"),
        ("market", market),
        ("users", "{funds: 3 TAO}"),
        ("settlement", settlement),
        ("verification", "{spot_check: {sample: 40%}}"),
        ("faults", faults),
        ("changes", changes),
        ("expect", "{}"),
    ];
    plan("scenarios/tutorial/05-faults-and-changes.yaml", &set)
}

#[test]
fn every_number_of_threads_gives_the_same_digests_files_and_metrics() {
    let plan = disturbed();
    let outcome = |threads| {
        let scratch = Scratch::new();
        let options = Options { out: scratch.path(), threads, ..Options::default() };
        let run = run::run(&plan, &options).unwrap();
        let mut files = vec![run.dir.join("metrics.json")];
        let tables = std::fs::read_dir(run.dir.join("trace")).unwrap();
        files.extend(tables.map(|entry| entry.unwrap().path()));
        files.sort();
        let read = |file: &std::path::PathBuf| {
            (file.file_name().map(ToOwned::to_owned), std::fs::read(file).unwrap())
        };
        (run.manifest.result, files.iter().map(read).collect::<Vec<_>>())
    };
    let (result, files) = outcome(1);
    assert!(result.events_handled > 10_000, "{result:?}");
    assert!(result.rejections.settlement > 0, "{:?}", result.rejections);
    for threads in [2, 3, 8] {
        let (found, written) = outcome(threads);
        assert_eq!(found, result, "{threads} threads");
        for (found, expected) in written.iter().zip(&files) {
            assert_eq!(found.0, expected.0);
            assert!(found.1 == expected.1, "{:?} on {threads} threads", found.0);
        }
        assert_eq!(written.len(), files.len());
    }
}

#[test]
fn two_runs_on_several_threads_handle_the_same_events() {
    let options = Options { threads: 3, ..Options::default() };
    assert_eq!(run::check_determinism(&disturbed(), &options).unwrap(), None);
}

#[test]
fn a_run_of_several_subnets_goes_on_from_any_saved_moment() {
    let plan = disturbed();
    let mut whole = World::start(&plan, 0).unwrap();
    whole.run_until(plan.horizon, u64::MAX);
    for part in [1, 3, 7] {
        let mut first = World::start(&plan, 0).unwrap();
        let events = whole.events_handled() * part / 8;
        assert_eq!(first.run_until(plan.horizon, events), Stop::Budget);
        let saved = serde_json::to_string(&first).unwrap();
        let mut second: Engine<World> = serde_json::from_str(&saved).unwrap();
        second.run_until(plan.horizon, u64::MAX);
        assert_eq!(World::totals(&second), World::totals(&whole), "{part}/8");
    }
}

/// What all subnets hold is what was issued: the users' funds, the members' balances and the
/// emission of every final block, to the unit, though neither splits evenly by three.
#[test]
fn no_money_is_made_or_lost_between_the_subnets() {
    let mut plan = disturbed();
    plan.user_funds = Amount(3_000_000_001);
    plan.emission = Emission::PerBlock(Amount(1_000_000_001));
    plan.changes.clear();
    let mut engine = World::start(&plan, 0).unwrap();
    engine.run_until(plan.horizon, u64::MAX);
    let world = engine.model();
    let held: Amount = world.ledgers().map(sim_core::Ledger::total).sum();
    let issued: Amount = world.ledgers().map(sim_core::Ledger::issued).sum();
    let burned: Amount = world.ledgers().map(sim_core::Ledger::burned).sum();
    assert_eq!(held, issued - burned);
    let members = plan.groups.iter().flat_map(|group| group.members.iter().flatten());
    let balances: Amount = members.map(|member| member.balance).sum();
    // One block every 12 s, final two blocks later.
    let blocks = plan.horizon.0 / 12_000_000_000 - 2;
    let emission = Amount(1_000_000_001 * u128::from(blocks));
    assert_eq!(issued, plan.user_funds + balances + emission);
    for ledger in world.ledgers() {
        ledger.audit().unwrap();
    }
}
