//! The light form of a scenario: a model and its steps, without nodes or a chain.

use mechanisms::model::ModelSpec;
use schemars::JsonSchema;
use serde::Deserialize;

use super::choice::Ordered;
use super::raw::Bounds;
use super::replications::{self, Replications};
use super::resolve::{self, Metrics, Resolver};
use super::typed::join;
use crate::plan::ModelPlan;

/// Most steps of a replication.
const MOST_STEPS: u64 = 1_000_000_000;

/// An experiment on a model: a small stepped rule, without nodes or a chain.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Arable model scenario", inline)]
pub(crate) struct ModelScenario {
    /// The version of this format: 1.
    pub(crate) schema: u32,
    /// One line that says what the scenario shows.
    pub(crate) title: String,
    /// The only source of randomness. Default 1.
    #[serde(default = "one")]
    pub(crate) seed: u64,
    /// Runs on different random numbers, 1 to 10,000; or as many as it takes until a metric is
    /// known well enough. Default 1.
    #[serde(default)]
    pub(crate) replications: Replications,
    /// Whether replications come in pairs, the second with all random numbers mirrored: it narrows
    /// the intervals of figures that follow them up or down. Default false.
    #[serde(default)]
    pub(crate) antithetic: bool,
    /// What is stepped.
    pub(crate) model: ModelSpec,
    /// Steps of a replication, 1 to 1,000,000,000. Default 1.
    #[serde(default = "one")]
    pub(crate) steps: u64,
    /// What the scenario demands of its own outcome, by metric.
    #[serde(default)]
    pub(crate) expect: Ordered<Bounds>,
}

const fn one() -> u64 {
    1
}

/// Resolves a scenario. The plan is there unless something is wrong with it.
pub(super) fn resolve(raw: &ModelScenario, name: &str, r: &mut Resolver<'_>) -> Option<ModelPlan> {
    resolve::head(raw.schema, &raw.title, r);
    let metrics = Metrics::Model(raw.model.metrics());
    let (replications, stopping) =
        replications::number(&raw.replications, raw.antithetic, &metrics, r);
    r.unless((1..=MOST_STEPS).contains(&raw.steps), "steps", raw.steps, "1 to 1000000000");
    let checked = raw.model.check();
    let _ = r.param(&join("model", raw.model.name()), checked);
    let expect = resolve::expectations(&raw.expect, &metrics, r);
    r.sound().then(|| ModelPlan {
        name: name.to_owned(),
        title: raw.title.clone(),
        seed: raw.seed,
        replications,
        stopping,
        antithetic: raw.antithetic,
        steps: raw.steps,
        model: raw.model.clone(),
        expect,
        facts: raw.model.facts(),
    })
}
