//! The plan of a scenario without a network: a model and its steps.

use blake3::Hasher;
use mechanisms::model::ModelSpec;
use reports::analysis::stopping;
use serde::{Deserialize, Serialize};
use sim_core::streams::Streams;
use sim_types::Fact;
use sim_types::stream::Key;

use super::Expectation;
use crate::manifest::ENGINE_VERSION;

/// Version of what is hashed.
const PLAN_VERSION: u32 = 1;

/// A complete, checked experiment on a model. Two equal plans give equal figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelPlan {
    /// File name of the scenario without directory and extension.
    pub name: String,
    /// Shown in reports.
    pub title: String,
    /// The only source of randomness.
    pub seed: u64,
    /// How many replications, at least 1; the most, where a rule stops them.
    pub replications: u32,
    /// When fewer are enough.
    pub stopping: Option<stopping::Rule>,
    /// Whether replications come in pairs, each the mirror image of the other.
    pub antithetic: bool,
    /// Steps of a replication, at least 1.
    pub steps: u64,
    /// What is stepped.
    pub model: ModelSpec,
    /// What the scenario demands of its own outcome.
    pub expect: Vec<Expectation>,
    /// Every number from the world that the plan carries.
    pub facts: Vec<Fact>,
}

impl ModelPlan {
    /// BLAKE3 over the engine's version and the plan as JSON, 64 hex digits.
    ///
    /// # Panics
    /// Never: a plan holds nothing that JSON cannot.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = Hasher::new();
        let head = format!("arable model plan {PLAN_VERSION}, engine {ENGINE_VERSION}\n");
        hasher.update(head.as_bytes());
        serde_json::to_writer(&mut hasher, self).expect("a plan serialises");
        hasher.finalize().to_hex().to_string()
    }

    /// The name of the random numbers of one replication: the same for every design.
    #[must_use]
    pub fn key(&self, seed: u64, replication: u32) -> Key {
        let of = if self.antithetic { Streams::antithetic } else { Streams::new };
        of(seed, replication).key("model", "step")
    }

    /// The whole plan as YAML.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut text = String::from("# Resolved by arable: every number that the run used.\n");
        let json = serde_json::to_value(self).unwrap_or_default();
        for (key, value) in json.as_object().into_iter().flatten() {
            super::text::entry(&mut text, 0, key, value);
        }
        text
    }

    /// A page about the plan, for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let parameters = serde_json::to_value(&self.model).unwrap_or_default();
        let mut lines = vec![
            ("title".to_owned(), self.title.clone()),
            ("plan".to_owned(), self.digest()),
            ("seed".to_owned(), self.seed.to_string()),
            (
                "replications".to_owned(),
                super::text::replications(self.replications, self.stopping.as_ref()),
            ),
        ];
        if self.antithetic {
            lines.push(("antithetic".to_owned(), "pairs of replications".to_owned()));
        }
        lines.push(("model".to_owned(), self.model.name().to_owned()));
        for (name, value) in parameters[self.model.name()].as_object().into_iter().flatten() {
            lines.push((format!("  {name}"), value.to_string()));
        }
        lines.push(("steps".to_owned(), self.steps.to_string()));
        lines.push(("expectations".to_owned(), self.expect.len().to_string()));
        lines.iter().map(|(name, value)| format!("{name:<14} {value}\n")).collect()
    }
}
