//! What the studies claim, and what behaviours must show in whole runs.

mod common;

use arable::plan::Plan;
use arable::run::{self, Options, Run};
use common::{Scratch, plan};
use reports::table::Table;

const COPYING: &str = "scenarios/studies/weight-copying.yaml";
const CABAL: &str = "scenarios/studies/cabal.yaml";
const COPIER: &str = "scenarios/tutorial/04-yuma-and-a-copier.yaml";

fn run(plan: &Plan) -> (Run, Scratch) {
    let scratch = Scratch::new();
    let options = Options { out: scratch.path(), ..Options::default() };
    (run::run(plan, &options).expect("the scenario runs"), scratch)
}

fn metrics<const N: usize>(
    scenario: &str,
    set: &[(&str, &str)],
    names: [&str; N],
) -> ([f64; N], Run) {
    let (run, _scratch) = run(&plan(scenario, set));
    let values =
        names.map(|name| run.metrics.get(name).unwrap_or_else(|| panic!("no metric {name}")).value);
    (values, run)
}

/// The commands in the head of the file, over half of its horizon.
#[test]
fn copying_pays_where_weights_are_public_and_not_where_they_are_late() {
    let ratio = |commit_reveal: &str, behaviour: &str| {
        let set = [
            ("horizon", "24h"),
            ("expect", "{}"),
            ("reward.yuma.commit_reveal", commit_reveal),
            ("population.miners.behaviour", behaviour),
        ];
        metrics(COPYING, &set, ["copier_dividend_ratio"]).0[0]
    };
    let changing = "{ changing: { low: 20%, every: 1h } }";
    let (public, late, later) = (ratio("0", changing), ratio("1", changing), ratio("3", changing));
    assert!(public > 1.03, "{public}");
    assert!(late < 0.95 && later < late - 0.05, "{late} {later}");
    // Where nothing changes, old weights are as good as new ones.
    let still = ratio("1", "{ honest: { quality: 70% } }");
    assert!((still - 1.0).abs() < 0.03, "{still}");
}

/// The published contour lies at 73.3 % for the cabal's worst self-weight, 80 %.
#[test]
fn an_honest_majority_keeps_its_share_above_the_contour_and_loses_it_below() {
    let keeps = |share: &str| {
        let set = [
            ("expect", "{}"),
            ("horizon", "25min"),
            ("population.honest_validators.weights.sided.share", share),
        ];
        metrics(CABAL, &set, ["honest_retention", "honest_stake_share"]).0
    };
    let ([above, stake], [below, _]) = (keeps("76%"), keeps("70%"));
    assert!((stake - 0.6).abs() < 1e-9, "{stake}");
    assert!(above > 1.01, "{above}");
    assert!(below < 0.99, "{below}");
}

/// Spoofers, whom probes show at their best, earn like honest miners though users get a third of
/// the quality; the same small model without the disguise earns visibly less.
#[test]
fn incentive_follows_what_validators_see() {
    let share = |cheat: &str| {
        let behaviour = format!(
            "{{ mix: [{{ parts: 1, behaviour: {{ honest: {{}} }} }}, {{ parts: 1, behaviour: {cheat} }}] }}"
        );
        let word = cheat.trim_start_matches("{ ").split(':').next().expect("a word");
        let set = [
            ("population.miners.behaviour", behaviour.as_str()),
            ("demand.poisson.rate_per_second", "0.01"),
            ("verification.scoring.latency_weight", "0%"),
        ];
        let income = format!("provider_income_share.{word}");
        let population = format!("provider_population_share.{word}");
        let ([income, population, quality], _) =
            metrics(COPIER, &set, [&income, &population, "answer_quality_mean"]);
        assert!(quality < 0.85, "users get what the small model gives: {quality}");
        income / population
    };
    let hidden = share("{ spoofing: { recognises: 100%, cost: 25%, quality: 30% } }");
    let open = share("{ substituting: { rate: 100%, cost: 25%, quality: 30% } }");
    assert!(hidden > 0.9, "{hidden}");
    assert!(open < 0.7, "{open}");
}

/// All validators go down for a moment while answers are on their way to them, and are back
/// before anybody's patience ends. Users wait in vain; no provider is blamed.
#[test]
fn who_was_down_itself_blames_nobody() {
    let set = [
        ("horizon", "1h"),
        ("verification.scoring.latency_weight", "0%"),
        ("demand.poisson.rate_per_second", "3"),
        (
            "faults",
            "[{ crash: { at: 30min, for: 6s, group: validators } }, { crash: { at: 40min, for: 6s, group: validators } }]",
        ),
    ];
    let (run, _scratch) = run(&plan(COPIER, &set));
    let lost = run.metrics.get("jobs_timed_out_share").expect("jobs").value;
    assert!(lost > 0.000_5, "answers were on their way: {lost}");
    let mut worthless = 0;
    let trace = run.dir.join("trace");
    Table::open(&trace, "observations", &["score_ppm"])
        .and_then(|table| {
            table.for_each(|batch| {
                worthless += batch.u32("score_ppm")?.iter().filter(|&&score| score == 0).count();
                Ok(())
            })
        })
        .expect("a whole table");
    assert_eq!(worthless, 0);
}
