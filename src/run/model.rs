//! A model's plan to its run directory: manifest, metrics, the resolved scenario. There is no
//! trace: what a model tells are its figures.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use reports::analysis::replications::estimate;
use reports::analysis::stopping::Decision;
use reports::context::Verdict;
use reports::metrics::SCHEMA as METRICS_SCHEMA;
use reports::{Metric, Metrics};
use serde::{Deserialize, Serialize};
use sim_core::digest::Digest;

use super::{Cleaned, Options, RunError, verdicts, write_json};
use crate::control::{self, Controlled, Measured, Number};
use crate::experiment::{self, Value};
use crate::manifest::Host;
use crate::plan::ModelPlan;

/// Version of the form of a model's manifest.
pub const SCHEMA: &str = "model-manifest/v1";

/// What a model's run directory says of itself: `manifest.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of Arable.
    pub arable: String,
    /// Commit it was built from, or `unknown`.
    pub commit: String,
    /// What must come out the same wherever the plan is run.
    pub result: Outcome,
    /// Where it ran: not part of the result.
    pub host: Host,
    /// The command that repeats the run.
    pub replay: String,
    /// What the scenario expected, and whether it was met.
    pub verdicts: Vec<Verdict>,
    /// Why no more replications were run, where a rule decided.
    pub stopped: Option<Decision>,
    /// The plan itself.
    pub plan: ModelPlan,
}

impl Manifest {
    /// Reads a model's manifest, or the one in a run directory; `None` if it is none of a model.
    #[must_use]
    pub fn load(path: &Path) -> Option<Self> {
        let file = if path.is_dir() { path.join("manifest.json") } else { path.to_owned() };
        let manifest: Self = serde_json::from_str(&fs::read_to_string(file).ok()?).ok()?;
        (manifest.schema == SCHEMA).then_some(manifest)
    }
}

/// The part of a run that is a function of its plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Digest of the plan.
    pub plan: String,
    /// Digest of all figures, over all replications: BLAKE3 of their 64-bit patterns,
    /// little-endian.
    pub figures: String,
    /// Replications that count.
    pub replications: u32,
    /// Steps of all replications.
    pub steps: u64,
}

/// A finished run of a model.
#[derive(Debug)]
pub struct Run {
    /// Its directory.
    pub dir: PathBuf,
    /// Whether the directory was there already, with the same figures.
    pub unchanged: bool,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Its metrics.
    pub metrics: Metrics,
}

/// Runs a model's plan and writes its directory.
///
/// # Errors
/// See [`RunError`].
pub fn run(plan: &ModelPlan, options: &Options) -> Result<Run, RunError> {
    let go_on = |steps: u64| {
        options.done.fetch_add(steps, Ordering::Relaxed);
        !options.interrupt.load(Ordering::Relaxed)
    };
    let one = |rep: u32| -> Result<Measured<Vec<Value>>, RunError> {
        let replica = experiment::model(plan, plan.seed, rep, &mut { go_on })?;
        let value = plan.stopping.as_ref().and_then(|rule| {
            replica.iter().find(|value| value.name == rule.metric).map(|value| value.value)
        });
        Ok(Measured { replica, value })
    };
    let threads = super::threads(options.threads, plan.replications);
    let controlled =
        super::pool(threads)?.install(|| control::replications(Number::of_model(plan), one))?;
    let Controlled { kept, stopped, .. } = controlled;
    let metrics = metrics(plan, &kept);
    let manifest = Manifest {
        schema: SCHEMA.to_owned(),
        arable: env!("CARGO_PKG_VERSION").to_owned(),
        commit: env!("ARABLE_COMMIT").to_owned(),
        result: outcome(plan, &kept),
        host: Host::here(),
        replay: options.replay.clone(),
        verdicts: verdicts(&plan.expect, &metrics),
        stopped,
        plan: plan.clone(),
    };
    let dir = options.out.join(format!("{}-{}", plan.name, &manifest.result.plan[..12]));
    let unchanged = written(&dir, &manifest, &metrics)?;
    if !unchanged {
        write(&dir, &manifest, &metrics)?;
    }
    Ok(Run { dir, unchanged, manifest, metrics })
}

fn outcome(plan: &ModelPlan, kept: &[Vec<Value>]) -> Outcome {
    let bits: Vec<u8> =
        kept.iter().flatten().flat_map(|v| v.value.to_bits().to_le_bytes()).collect();
    let replications = u32::try_from(kept.len()).unwrap_or(u32::MAX);
    Outcome {
        plan: plan.digest(),
        figures: Digest::of(&bits).to_string(),
        replications,
        steps: plan.steps.saturating_mul(replications.into()),
    }
}

fn metrics(plan: &ModelPlan, kept: &[Vec<Value>]) -> Metrics {
    let metrics = plan.model.metrics().iter().enumerate().filter_map(|(place, metric)| {
        let per_replication: Vec<Option<f64>> =
            kept.iter().map(|values| values.get(place).map(|v| v.value)).collect();
        let found = estimate(&per_replication, plan.antithetic)?;
        Some(Metric {
            name: metric.name.to_owned(),
            unit: metric.unit.to_owned(),
            value: found.value,
            interval: found.interval,
            method: found.interval.map(|_| found.method),
            after_warmup: false,
            per_replication,
            meaning: metric.meaning.to_owned(),
        })
    });
    let replications = u32::try_from(kept.len()).unwrap_or(u32::MAX);
    Metrics { schema: METRICS_SCHEMA, replications, metrics: metrics.collect() }
}

/// Whether the directory is there already and whole.
///
/// # Errors
/// When it holds other figures of the same plan.
fn written(dir: &Path, manifest: &Manifest, metrics: &Metrics) -> Result<bool, RunError> {
    let read = |name: &str| fs::read_to_string(dir.join(name)).ok();
    let Some(earlier) = read("manifest.json") else { return Ok(false) };
    // What cannot be read was damaged since, and is written anew.
    let Ok(earlier) = serde_json::from_str::<Manifest>(&earlier) else { return Ok(false) };
    if earlier.result != manifest.result {
        return Err(RunError::Differs {
            what: "figures".to_owned(),
            dir: dir.to_owned(),
            found: manifest.result.figures.clone(),
            expected: earlier.result.figures,
        });
    }
    Ok(read("metrics.json") == Some(metrics.to_json()?))
}

fn write(dir: &Path, manifest: &Manifest, metrics: &Metrics) -> Result<(), RunError> {
    let file = |action, path: &Path| {
        let path = path.to_owned();
        move |source| RunError::File { action, path, source }
    };
    let mut partial = dir.as_os_str().to_owned();
    partial.push(format!(".partial-{}", std::process::id()));
    let partial = PathBuf::from(partial);
    fs::create_dir_all(&partial).map_err(file("create", &partial))?;
    let cleaned = Cleaned(std::cell::Cell::new(Some(&partial)));
    write_json(&partial.join("manifest.json"), manifest)?;
    let path = partial.join("metrics.json");
    fs::write(&path, metrics.to_json()?).map_err(file("write", &path))?;
    let resolved = partial.join("scenario.resolved.yaml");
    fs::write(&resolved, manifest.plan.to_yaml()).map_err(file("write", &resolved))?;
    if dir.exists() {
        // Damaged, or a second process wrote equal figures: either may be replaced.
        let _ = fs::remove_dir_all(dir);
    }
    fs::rename(&partial, dir).map_err(file("rename to its final name", &partial))?;
    cleaned.keep();
    Ok(())
}
