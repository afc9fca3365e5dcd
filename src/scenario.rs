//! Scenario text → checked [`Plan`], with every mistake at its place.
//!
//! | module | turns | into |
//! |---|---|---|
//! | `yaml` | text | a tree with positions, within limits |
//! | `set` | `--set path=value` | a changed tree |
//! | `typed`, `de` | the tree | raw types, with every mistake |
//! | `raw`, `choice` | | the shape of the file and of its schema |
//! | `model` | | the other shape: a model instead of a network |
//! | `resolve` | raw types | the plan |
//! | `replications` | how many runs, and what their means leave out | a rule |
//! | `population` | groups | members, drawn by name |
//! | `files` | tables of stakes, request traces | members, digests |
//! | `hardware` | names and files of hardware profiles | profiles |
//! | `sweep` | a sweep file | axes over a scenario |
//! | `study` | a tuning or sensitivity file | parameters and what is asked of metrics |
//! | `kind` | | which command a file of another kind is for |
//! | `schedule` | faults and changes | what happens when |
//! | `compatibility` | pairs of choices | errors and warnings with reasons |
//!
//! ```
//! use arable::scenario::Source;
//!
//! let text = "schema: 1\ntitle: t\nhorizon: 1 hour\n";
//! let wrong = Source::from_text("s.yaml", text).unwrap().plan().unwrap_err();
//! assert!(wrong.render(false).contains("write `1h`"));
//! ```

pub(crate) mod choice;
mod claim;
mod compatibility;
mod de;
mod delegation;
mod dtao;
mod files;
mod hardware;
pub(crate) mod kind;
mod model;
mod population;
mod raw;
mod replications;
mod resolve;
mod schedule;
mod set;
pub(crate) mod study;
pub(crate) mod sweep;
pub(crate) mod tree;
pub(crate) mod typed;
pub(crate) mod yaml;

use std::path::{Path, PathBuf};

use sim_core::network::Regions;
use sim_core::streams::Streams;

use self::model::ModelScenario;
use self::raw::Scenario;
use self::resolve::Resolver;
use self::tree::{NodeId, Tree};
use crate::diagnose::{Code, Diagnostic, Diagnostics};
use crate::experiment::Experiment;
use crate::plan::Plan;

/// Something to look at twice in a scenario that can run.
pub type Warning = Diagnostic;

/// A scenario as written, before it is understood.
#[derive(Debug, Clone)]
pub struct Source {
    /// File name without directory and extension.
    name: String,
    /// Where the files it names are looked for.
    dir: PathBuf,
    tree: Tree,
}

impl Source {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// When the file cannot be read, is too large, or is not YAML.
    pub fn load(path: &Path) -> Result<Self, Diagnostics> {
        let text = yaml::read_text(path).map_err(|item| Diagnostics::one(*item))?;
        Self::parse(path, &text)
    }

    /// A scenario from text; `path` gives it its name and the directory of its files.
    ///
    /// # Errors
    /// When the text is too large or not YAML.
    pub fn from_text(path: impl AsRef<Path>, text: &str) -> Result<Self, Diagnostics> {
        Self::parse(path.as_ref(), text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Diagnostics> {
        let tree = yaml::parse(&path.display().to_string(), text)
            .map_err(|(items, origins)| Diagnostics::new(items, origins))?;
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned());
        Ok(Self {
            name: stem.unwrap_or_else(|| "scenario".to_owned()),
            dir: path.parent().unwrap_or(Path::new("")).to_owned(),
            tree,
        })
    }

    /// Changes one value: `set("demand.poisson.rate_per_second", "4")`. The value is YAML; a
    /// path that leads to a whole stage replaces it. Several changes apply in order.
    ///
    /// # Errors
    /// When the value is not YAML, or the path leads through something that has no parts.
    /// An unknown key is reported by [`Source::plan`], together with everything else.
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), Diagnostics> {
        set::apply(&mut self.tree, path, value)
    }

    /// Checks everything and resolves it to numbers.
    ///
    /// # Errors
    /// Everything that is wrong with the scenario and the files it names.
    pub fn experiment(&self) -> Result<(Experiment, Vec<Warning>), Diagnostics> {
        if self.model_key().is_some() {
            let resolved = self.resolved(|raw: &ModelScenario, resolver| {
                model::resolve(raw, &self.name, resolver)
            });
            return resolved.map(|(plan, items)| (Experiment::Model(Box::new(plan)), items));
        }
        self.plan().map(|(plan, items)| (Experiment::Network(Box::new(plan)), items))
    }

    /// As [`Source::experiment`], for what only a network can do.
    ///
    /// # Errors
    /// As [`Source::experiment`]; and when the scenario is one of a model.
    pub fn plan(&self) -> Result<(Plan, Vec<Warning>), Diagnostics> {
        if let Some(model) = self.model_key() {
            let message = "this scenario is one of a model, without a network";
            let item = Diagnostic::error(Code::Incompatible, message)
                .at(self.tree.blame(model), &self.tree.origins)
                .path("model")
                .help("`arable run`, `plan`, `sweep`, `tune` and `sensitivity` take it");
            return Err(Diagnostics::new(vec![item], self.tree.origins.clone()));
        }
        self.resolved(|raw: &Scenario, resolver| resolve::resolve(raw, &self.name, resolver))
    }

    /// The key that makes the scenario one of a model.
    fn model_key(&self) -> Option<NodeId> {
        self.tree.child(self.tree.root(), "model")
    }

    fn resolved<R: Seeded, P>(
        &self,
        resolve: impl FnOnce(&R, &mut Resolver<'_>) -> Option<P>,
    ) -> Result<(P, Vec<Warning>), Diagnostics> {
        let mut tree = self.tree.clone();
        let (raw, mut items) = typed::read::<R>(&mut tree);
        if let (false, Some(wrong)) = (items.is_empty(), kind::another(&self.tree, tree.what)) {
            return Err(wrong);
        }
        let Some(raw) = raw else { return Err(Diagnostics::new(items, tree.origins)) };
        // The population is the same in every replication.
        let streams = Streams::new(raw.seed(), 0);
        let mut resolver = Resolver::new(&tree, &self.dir, streams, items.is_empty());
        let plan = resolve(&raw, &mut resolver);
        let Resolver { errors, mut warnings, .. } = resolver;
        items.extend(errors);
        match plan {
            Some(plan) => {
                warnings.sort_by_key(|w| (w.line, w.column));
                Ok((plan, warnings))
            }
            None => Err(Diagnostics::new(items, tree.origins)),
        }
    }
}

/// A scenario as written, of either form.
trait Seeded: serde::de::DeserializeOwned {
    fn seed(&self) -> u64;
}

impl Seeded for Scenario {
    fn seed(&self) -> u64 {
        self.seed
    }
}

impl Seeded for ModelScenario {
    fn seed(&self) -> u64 {
        self.seed
    }
}

/// The JSON schema of scenario files, for editors: `schema/scenario.v1.json`.
#[must_use]
pub fn schema() -> String {
    schema_text(&schemars::schema_for!(Scenario))
}

/// The JSON schema of tuning files: `schema/tuning.v1.json`.
#[must_use]
pub fn tuning_schema() -> String {
    schema_text(&schemars::schema_for!(study::RawTuning))
}

/// The JSON schema of sensitivity files: `schema/sensitivity.v1.json`.
#[must_use]
pub fn sensitivity_schema() -> String {
    schema_text(&schemars::schema_for!(study::RawSensitivity))
}

/// The JSON schema of sweep files: `schema/sweep.v1.json`.
#[must_use]
pub fn sweep_schema() -> String {
    schema_text(&schemars::schema_for!(sweep::Raw))
}

/// The JSON schema of the scenario files of models: `schema/model.v1.json`.
#[must_use]
pub fn model_schema() -> String {
    schema_text(&schemars::schema_for!(ModelScenario))
}

fn schema_text(schema: &schemars::Schema) -> String {
    let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
    text.push('\n');
    text
}

/// The tables of regions that a scenario can name, each with its regions.
#[must_use]
pub fn region_tables() -> Vec<(&'static str, Regions)> {
    vec![("aws", Regions::aws()), ("simblock_2019", Regions::simblock_2019())]
}
