//! Both forms of a scenario under one roof: a network, or a small stepped model. What sweeps
//! and studies do, they do to either, through [`evaluate`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use reports::analysis::stopping;
use reports::catalogue;
use serde::{Deserialize, Serialize};
use sim_types::TraceLevel;
use sim_types::units::COINS;

use crate::control::Number;
use crate::plan::{ModelPlan, Plan};
use crate::run::{self, RunError};

/// A scenario made a plan.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Experiment {
    /// A population, six stages that serve it, and what disturbs it.
    Network(Box<Plan>),
    /// A small stepped rule.
    Model(Box<ModelPlan>),
}

/// One metric of one replication.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// The metric's full name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Its value, finite.
    pub value: f64,
}

impl Experiment {
    /// File name of the scenario without directory and extension.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Network(plan) => &plan.name,
            Self::Model(plan) => &plan.name,
        }
    }

    /// Shown in reports.
    #[must_use]
    pub fn title(&self) -> &str {
        match self {
            Self::Network(plan) => &plan.title,
            Self::Model(plan) => &plan.title,
        }
    }

    /// The only source of randomness.
    #[must_use]
    pub fn seed(&self) -> u64 {
        match self {
            Self::Network(plan) => plan.seed,
            Self::Model(plan) => plan.seed,
        }
    }

    /// How many replications, or the most.
    #[must_use]
    pub fn replications(&self) -> u32 {
        self.number().replications
    }

    /// When fewer are enough.
    #[must_use]
    pub fn stopping(&self) -> Option<&stopping::Rule> {
        self.number().stopping
    }

    pub(crate) fn number(&self) -> Number<'_> {
        match self {
            Self::Network(plan) => Number::of(plan),
            Self::Model(plan) => Number::of_model(plan),
        }
    }

    /// The digest of the plan.
    #[must_use]
    pub fn digest(&self) -> String {
        match self {
            Self::Network(plan) => plan.digest(),
            Self::Model(plan) => plan.digest(),
        }
    }

    /// The digest of what decides the figures of a replication, and of nothing else: equal for
    /// plans that differ in name, title, expectations or number of replications.
    #[must_use]
    pub fn figures_digest(&self) -> String {
        match self {
            Self::Network(plan) => {
                let mut bare = Plan::clone(plan);
                (bare.name, bare.title) = (String::new(), String::new());
                (bare.replications, bare.stopping) = (1, None);
                bare.expect.clear();
                // What the trace withholds, no metric shows.
                format!("{} {}", bare.digest(), level(plan))
            }
            Self::Model(plan) => {
                let bare = ModelPlan {
                    name: String::new(),
                    title: String::new(),
                    replications: 1,
                    stopping: None,
                    expect: Vec::new(),
                    ..ModelPlan::clone(plan)
                };
                bare.digest()
            }
        }
    }

    /// The digest of the numbers from the world that the plan carries: hardware profiles, and
    /// every fact with its source.
    #[must_use]
    pub fn calibration_digest(&self) -> String {
        let json = match self {
            Self::Network(plan) => serde_json::to_vec(&(&plan.hardware, &plan.facts)),
            Self::Model(plan) => serde_json::to_vec(&((), &plan.facts)),
        };
        blake3::hash(&json.unwrap_or_default()).to_hex().to_string()
    }

    /// The unit of a metric by its full name; `None` if the experiment has no such metric.
    #[must_use]
    pub fn unit(&self, metric: &str) -> Option<String> {
        match self {
            Self::Network(_) => {
                catalogue::definition(metric).map(|d| d.unit.replace("coin", COINS[0].0))
            }
            Self::Model(plan) => {
                let found = plan.model.metrics().iter().find(|m| m.name == metric);
                found.map(|m| m.unit.to_owned())
            }
        }
    }

    /// The names of all metrics that the experiment may have; one that ends in `.*` stands for
    /// one for each class.
    #[must_use]
    pub fn metrics(&self) -> Vec<&'static str> {
        match self {
            Self::Network(_) => catalogue::METRICS.iter().map(|d| d.name).collect(),
            Self::Model(plan) => plan.model.metrics().iter().map(|m| m.name).collect(),
        }
    }

    /// A page about the plan, for people.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::Network(plan) => plan.summary(),
            Self::Model(plan) => plan.summary(),
        }
    }
}

/// At which level a plan is measured: without a trace there would be nothing to measure.
fn level(plan: &Plan) -> TraceLevel {
    if plan.trace == TraceLevel::Off { TraceLevel::Summary } else { plan.trace }
}

/// The metrics of one replication, in the order of the catalogue: no run directory, no trace,
/// nothing remembered. The same experiment, seed and replication give the same bits, on any
/// thread. A network's population is part of its plan: another `seed` gives the same population
/// other luck.
///
/// # Errors
/// See [`RunError`]; that a model diverged is one.
pub fn evaluate(
    experiment: &Experiment,
    seed: u64,
    replication: u32,
) -> Result<Vec<Value>, RunError> {
    evaluate_until(experiment, seed, replication, &Arc::default())
}

/// As [`evaluate`], until `interrupt` is set.
pub(crate) fn evaluate_until(
    experiment: &Experiment,
    seed: u64,
    replication: u32,
    interrupt: &Arc<AtomicBool>,
) -> Result<Vec<Value>, RunError> {
    if interrupt.load(Ordering::Relaxed) {
        return Err(RunError::Interrupted(None));
    }
    match experiment {
        Experiment::Model(plan) => {
            model(plan, seed, replication, &mut |_| !interrupt.load(Ordering::Relaxed))
        }
        Experiment::Network(plan) if plan.seed == seed => network(plan, replication, interrupt),
        Experiment::Network(plan) => {
            let plan = Plan { seed, ..Plan::clone(plan) };
            network(&plan, replication, interrupt)
        }
    }
}

/// The figures of one replication of a model, as long as `go_on`, which is told steps taken, does
/// not stop it.
pub(crate) fn model(
    plan: &ModelPlan,
    seed: u64,
    replication: u32,
    go_on: &mut dyn FnMut(u64) -> bool,
) -> Result<Vec<Value>, RunError> {
    let figures = plan.model.run(plan.steps, plan.key(seed, replication), go_on)?;
    let figures = figures.ok_or(RunError::Interrupted(None))?;
    let metrics = plan.model.metrics();
    assert_eq!(figures.len(), metrics.len(), "a model ends with the figures that it names");
    metrics
        .iter()
        .zip(figures)
        .map(|(metric, value)| {
            let name = metric.name.to_owned();
            let unit = metric.unit.to_owned();
            value.is_finite().then_some(Value { name, unit, value }).ok_or(metric.name)
        })
        .collect::<Result<_, _>>()
        .map_err(RunError::Diverged)
}

fn network(
    plan: &Plan,
    replication: u32,
    interrupt: &Arc<AtomicBool>,
) -> Result<Vec<Value>, RunError> {
    let scratch = Scratch::new()?;
    let metrics = run::alone(plan, replication, level(plan), &scratch.0, interrupt)?;
    let values = metrics.metrics.into_iter().filter_map(|metric| {
        let value = metric.per_replication.get(replication as usize).copied().flatten()?;
        Some(Value { name: metric.name, unit: metric.unit, value })
    });
    Ok(values.collect())
}

/// A directory for the tables that a network's metrics are computed from.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, RunError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("arable-evaluate-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let failed = |path: &Path| {
            let path = path.to_owned();
            |source| RunError::File { action: "create", path, source }
        };
        std::fs::create_dir_all(&path).map_err(failed(&path))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed from a temporary directory will be by its owner.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
