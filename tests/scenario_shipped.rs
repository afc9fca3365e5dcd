//! The scenarios that ship, their schema, and changes to them from the command line.

use std::fs;
use std::path::{Path, PathBuf};

use arable::diagnose::Code;
use arable::experiment::Experiment;
use arable::plan::{ChangeAction, FaultPlan, Plan, Role};
use arable::scenario::{self, Source};
use sim_types::{Amount, Fidelity, SimDuration, SimTime};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every scenario under `scenarios/`.
fn shipped() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["tutorial", "systems", "studies"] {
        let folder = root().join("scenarios").join(folder);
        for entry in fs::read_dir(&folder).expect("a folder of scenarios") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|e| e == "yaml") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Scenarios of models plan too, and say what only networks can do.
#[test]
fn every_shipped_model_plans() {
    let folder = root().join("scenarios/models");
    for entry in fs::read_dir(folder).expect("a folder of models") {
        let path = entry.expect("an entry").path();
        let source = Source::load(&path).expect("YAML");
        let (experiment, warnings) = source.experiment().unwrap_or_else(|found| panic!("{found}"));
        assert_eq!(warnings, [], "{}", path.display());
        assert!(matches!(experiment, Experiment::Model(_)));
        let refused = source.plan().expect_err("no network").render(false);
        assert!(refused.contains("without a network"), "{refused}");
    }
}

fn bittensor() -> Source {
    Source::load(&root().join("scenarios/systems/bittensor.yaml")).expect("shipped")
}

fn plan(source: &Source) -> Plan {
    source.plan().unwrap_or_else(|found| panic!("{found}")).0
}

#[test]
fn every_shipped_scenario_plans_without_a_warning() {
    let files = shipped();
    assert!(files.len() >= 10, "{files:?}");
    for file in files {
        let planned = Source::load(&file).and_then(|source| source.plan());
        let (plan, warnings) = planned.unwrap_or_else(|found| panic!("{found}"));
        assert_eq!(warnings, [], "{}", file.display());
        assert!(plan.facts.iter().any(|fact| fact.class == Fidelity::Published));
        assert!(plan.facts.iter().all(|fact| !fact.source.is_empty()));
    }
}

#[test]
fn tutorials_fit_on_a_screen() {
    for file in shipped().iter().filter(|f| f.to_string_lossy().contains("tutorial")) {
        let lines = fs::read_to_string(file).expect("read").lines().count();
        assert!(lines <= 30, "{}: {lines} lines", file.display());
    }
}

/// The numbers that the file's own comment promises.
#[test]
fn bittensor_has_the_shape_it_claims() {
    let plan = plan(&bittensor());
    let of = |role: Role| -> usize {
        plan.groups.iter().filter(|g| g.role == role).map(|g| g.members[0].len()).sum()
    };
    assert_eq!((plan.subnets, of(Role::Validator), of(Role::Provider)), (8, 64, 192));
    let copiers: usize = plan
        .groups
        .iter()
        .filter(|g| g.weights.as_ref().is_some_and(|w| w.name() == "copied"))
        .map(|g| g.members[0].len())
        .sum();
    assert_eq!(copiers, 64 / 10);
    let blocks = plan.horizon.0 / plan.settlement.block_interval().0;
    let epochs = blocks / plan.reward.epoch_blocks();
    assert_eq!(epochs, 19, "7200 blocks of 361 each");
    let probes = 8 * 64 * 192 * epochs;
    assert!((1_800_000..2_100_000).contains(&probes), "{probes}");
}

/// Members are drawn by name: another group, subnet or count moves nobody else.
#[test]
fn members_keep_their_draws_when_others_join() {
    let before = plan(&bittensor());
    let mut source = bittensor();
    source.set("subnets", "9").expect("YAML");
    source.set("population.copiers.count", "7").expect("YAML");
    source.set("population.more", "{ role: provider, count: 3, hardware: b200 }").expect("YAML");
    source.set("replications", "5").expect("YAML");
    let after = plan(&source);
    for subnet in 0..8 {
        for group in [0, 2] {
            assert_eq!(before.groups[group].members[subnet], after.groups[group].members[subnet]);
        }
        assert_eq!(before.groups[1].members[subnet], after.groups[1].members[subnet][..6]);
    }
    source.set("seed", "8").expect("YAML");
    assert_ne!(after.groups[0].members, plan(&source).groups[0].members);
}

/// Shares of a mix over 1,536 members lie within five standard errors of their parts.
#[test]
#[expect(clippy::cast_precision_loss, reason = "counts and stakes far below 2^53")]
fn mixes_come_out_by_their_parts() {
    let plan = plan(&bittensor());
    let miners: Vec<_> = plan.groups[2].members.iter().flatten().collect();
    let share = |name: &str| {
        let hits = miners.iter().filter(|m| plan.hardware[usize::from(m.hardware)].name == name);
        hits.count() as f64 / miners.len() as f64
    };
    for (name, want) in [("rtx_4090", 0.4), ("a100_sxm", 0.3), ("h100_sxm", 0.2), ("l40s", 0.1)] {
        let error = (want * (1.0 - want) / miners.len() as f64).sqrt();
        assert!((share(name) - want).abs() < 5.0 * error, "{name}: {}", share(name));
    }
}

/// Medians of 464 draws of each distribution. A sample median strays by `1 / (2 f sqrt(n))`,
/// `f` being the density there; the bounds below are five of that.
#[test]
#[expect(clippy::cast_precision_loss, reason = "stakes far below 2^53")]
fn stakes_follow_their_distribution() {
    let table = [
        // Median min * 2^(1/shape) = 1817.6 TAO.
        ("{ pareto: { min: 1000 TAO, shape: 1.16 } }", 1_000, 1_450.0..2_190.0),
        ("{ uniform: { min: 100 TAO, max: 300 TAO } }", 100, 176.0..224.0),
        ("{ lognormal: { median: 2000 TAO, p90: 8000 TAO } }", 0, 1_370.0..2_630.0),
        ("500 TAO", 500, 500.0..500.1),
    ];
    for (stake, least, bounds) in table {
        let mut source = bittensor();
        source.set("population.validators.stake", stake).expect("YAML");
        let plan = plan(&source);
        let members = plan.groups[0].members.iter().flatten();
        let mut stakes: Vec<u128> = members.map(|m| m.stake.0).collect();
        stakes.sort_unstable();
        assert!(stakes[0] >= least * 1_000_000_000, "{stake}: {}", stakes[0]);
        let median = stakes[stakes.len() / 2] as f64 / 1e9;
        assert!(bounds.contains(&median), "{stake}: {median}");
    }
}

#[test]
fn faults_and_changes_are_resolved() {
    let file = root().join("scenarios/tutorial/05-faults-and-changes.yaml");
    let plan = plan(&Source::load(&file).expect("shipped"));
    let hour = 3_600_000_000_000;
    match &plan.faults[..] {
        [
            FaultPlan::Crash { at, restart, who },
            FaultPlan::Partition { at: cut, heal, regions },
        ] => {
            assert_eq!((at.0, *restart), (2 * hour, Some(*at + SimDuration::from_secs(600))));
            assert_eq!(who.len(), 4, "a tenth of 40");
            assert!(
                who.iter().all(|&(group, subnet, index)| group == 1 && subnet == 0 && index < 40)
            );
            assert!(who.windows(2).all(|pair| pair[0] < pair[1]), "nobody twice");
            assert_eq!((cut.0, *heal), (3 * hour, *cut + SimDuration::from_secs(300)));
            assert_eq!(regions.len(), 2);
        }
        other => panic!("{other:?}"),
    }
    let change = &plan.changes[0];
    assert_eq!((change.at, change.path.as_str()), (SimTime(4 * hour), "emission.per_block"));
    assert!(matches!(change.action, ChangeAction::EmissionPerBlock(Amount(500_000_000))));
}

/// A change of one parameter of the reward keeps those that changed before.
#[test]
fn changes_of_the_reward_add_up() {
    let mut source = bittensor();
    let changes = "[ { block: 3600, set: { reward.yuma.kappa: 20000 } }, \
                     { at: 6h, set: { reward.yuma.activity_cutoff: 100, network.loss: 1% } } ]";
    source.set("changes", changes).expect("YAML");
    let plan = plan(&source);
    let rewards: Vec<_> = plan
        .changes
        .iter()
        .filter_map(|change| match &change.action {
            ChangeAction::Reward(spec) => {
                Some((change.at, serde_json::to_value(spec).expect("json")))
            }
            _ => None,
        })
        .collect();
    assert_eq!(plan.changes.len(), 3);
    let (six, twelve) = (&rewards[0], &rewards[1]);
    assert_eq!((six.0.seconds(), twelve.0.seconds()), (21_600.0, 43_200.0));
    assert_eq!(six.1["yuma"]["activity_cutoff"], 100);
    assert_eq!(six.1["yuma"]["kappa"], 32_767);
    assert_eq!(twelve.1["yuma"]["activity_cutoff"], 100);
    assert_eq!(twelve.1["yuma"]["kappa"], 20_000);
}

#[test]
fn values_and_whole_stages_can_be_set() {
    let digest = |path: &str, value: &str| {
        let mut source = bittensor();
        source.set(path, value).unwrap_or_else(|found| panic!("{found}"));
        plan(&source)
    };
    let before = plan(&bittensor());
    assert_eq!(before.digest(), plan(&bittensor()).digest(), "the same twice");
    assert_eq!(before.digest().len(), 64);
    assert_eq!(digest("demand.poisson.rate_per_second", "1.16").digest(), before.digest());
    assert_ne!(digest("demand.poisson.rate_per_second", "4").digest(), before.digest());
    assert_eq!(
        digest("verification", "{ spot_check: { sample: 50% } }").verification.name(),
        "spot_check"
    );
    assert_eq!(digest("horizon", "2d").horizon, SimTime(2 * 86_400_000_000_000));
    assert_eq!(digest("network.users", "tokyo").network.user_regions.len(), 1);
    assert_eq!(digest("title", "2026").title, "2026");
    assert_eq!(digest("sample_every", "1min").sample_every, SimDuration::from_secs(60));
}

#[test]
fn wrong_settings_point_into_the_argument() {
    let table = [
        ("demnd.poisson.rate_per_second", "4", Code::UnknownKey, 7, "did you mean `demand`?"),
        (
            "demand.poisson.rate_per_secnd",
            "4",
            Code::UnknownKey,
            22,
            "did you mean `rate_per_second`?",
        ),
        ("demand.poisson.rate_per_second", "fast", Code::WrongType, 38, "found `fast`"),
        ("demand", "{ poison: {} }", Code::UnknownName, 16, "did you mean `poisson`?"),
        ("demand.trace.file", "x.csv", Code::OneKey, 14, "keep one of them"),
        ("horizon", "24", Code::WrongUnit, 15, "write `24s` or `24h`"),
        ("horizon.hours", "24", Code::WrongType, 15, "set `horizon` as a whole"),
        ("seed", "[1", Code::Syntax, 1, "unclosed"),
        ("a..b", "1", Code::Syntax, 7, "is not a path"),
        ("", "1", Code::Syntax, 7, "is not a path"),
        ("seed", "", Code::WrongType, 7, "found nothing"),
        ("population.miners.behaviour.mix.9.parts", "1", Code::UnknownKey, 39, "0 to 3"),
    ];
    for (path, value, code, column, part) in table {
        let mut source = bittensor();
        let found = match source.set(path, value) {
            Err(found) => found,
            Ok(()) => source.plan().expect_err(path),
        };
        let (item, text) = (&found.items[0], found.render(false));
        assert_eq!((item.code, item.column), (code, column), "{path}={value}\n{text}");
        assert_eq!(item.file, "--set", "{text}");
        assert!(text.contains(part), "{path}={value}\n{text}");
    }
}

/// The schema that editors read is the one that the types give. `UPDATE=1` rewrites it.
#[test]
fn the_committed_schema_is_current() {
    let schemas = [
        ("scenario", scenario::schema()),
        ("model", scenario::model_schema()),
        ("sweep", scenario::sweep_schema()),
        ("tuning", scenario::tuning_schema()),
        ("sensitivity", scenario::sensitivity_schema()),
    ];
    for (form, schema) in &schemas {
        let path = root().join(format!("scenarios/schema/{form}.v1.json"));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, schema).expect("written");
        }
        let committed = fs::read_to_string(&path).expect("committed");
        assert_eq!(committed, *schema, "run the test again with UPDATE=1");
    }
    let [json, model, sweep, ..] =
        schemas.map(|(_, text)| serde_json::from_str::<serde_json::Value>(&text).expect("JSON"));
    assert_eq!(model["required"], serde_json::json!(["schema", "title", "model"]));
    assert_eq!(sweep["required"], serde_json::json!(["schema", "title", "scenario"]));
    for key in ["population", "demand", "market", "verification", "settlement", "reward"] {
        assert!(json["properties"][key].is_object(), "{key}");
        assert!(json["required"].as_array().expect("a list").iter().any(|k| k == key), "{key}");
    }
    assert_eq!(json["additionalProperties"], false);
}

/// The resolved scenario that lies in a run directory is YAML again.
#[test]
fn a_resolved_plan_is_yaml() {
    let plan = plan(&bittensor());
    let yaml = plan.to_yaml();
    let budget = serde_yaml::budget! { max_nodes: 1_000_000, max_depth: 64 };
    let options = serde_yaml::options! { budget: budget };
    let read: serde_json::Value = serde_yaml::from_str_with_options(&yaml, options).expect("YAML");
    assert_eq!(read["seed"], 7);
    assert_eq!(read["groups"][2]["members"][7].as_array().expect("members").len(), 192);
    assert!(plan.summary().contains("1536 providers"));
    // Fixed-point numbers have more bits than a JSON value has room for.
    let halving = Source::load(&root().join("scenarios/studies/halving.yaml")).expect("YAML");
    let yaml = self::plan(&halving).to_yaml();
    assert!(
        yaml.contains("issuance: 10400000000000000") && yaml.contains("moving_price"),
        "{yaml}"
    );
}
