//! What a run directory says of itself: `manifest.json`.

use std::collections::BTreeMap;
use std::path::Path;

use reports::Context;
use serde::{Deserialize, Serialize};
use sim_core::trace;

use crate::plan::Plan;
use crate::world::Rejections;

/// Version of the manifest's form.
pub const SCHEMA: &str = "manifest/v1";

/// Version of the engine's order and of the host: raised when equal plans give other events.
pub const ENGINE_VERSION: u32 = 2;

/// Everything about a run that is not in its tables.
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
    /// What the report shows besides the tables.
    pub context: Context,
    /// The plan itself: `replay` needs nothing else.
    pub plan: Plan,
}

/// The part of a run that is a function of its plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Digest of the plan.
    pub plan: String,
    /// Digest of all events, over all replications.
    pub events: String,
    /// Digest of the rows of every table.
    pub tables: BTreeMap<String, String>,
    /// Digest of what every account holds at the end, over all replications; absent in manifests
    /// of earlier versions.
    #[serde(default)]
    pub balances: Option<String>,
    /// Events handled.
    pub events_handled: u64,
    /// Events of different sources at the same moment, ordered by source alone.
    pub ties: u64,
    /// Inputs that rules refused, by stage.
    pub rejections: Rejections,
    /// Rolling digest of the events of replication 0 at evenly spaced places.
    pub checkpoints: Vec<Checkpoint>,
}

/// The state of the event digest after so many events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Events handled.
    pub events: u64,
    /// Simulated time, nanoseconds.
    pub time: u64,
    /// Digest so far, hexadecimal.
    pub digest: String,
}

/// The machine of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Operating system and processor architecture.
    pub system: String,
    /// Processor cores.
    pub cores: usize,
    /// The accelerator, or why there is none.
    pub device: String,
}

/// Why a manifest could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// No such file, or not readable.
    #[error("failed to read {file}: {source}")]
    Read {
        /// Which file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A directory without a manifest.
    #[error(
        "{dir} is not a run directory: it has no manifest.json, which `arable run` writes last"
    )]
    NoRun {
        /// Which directory.
        dir: String,
    },
    /// Not a manifest.
    #[error(
        "failed to understand {file}: {reason}; expected a manifest.json written by `arable run`"
    )]
    Form {
        /// Which file.
        file: String,
        /// Why.
        reason: String,
    },
}

impl Manifest {
    /// Reads a manifest, or the manifest in a run directory.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        let file = if path.is_dir() { path.join("manifest.json") } else { path.to_owned() };
        if path.is_dir() && !file.exists() {
            return Err(ManifestError::NoRun { dir: path.display().to_string() });
        }
        let name = file.display().to_string();
        let text = std::fs::read_to_string(&file)
            .map_err(|source| ManifestError::Read { file: name.clone(), source })?;
        let form = |reason: String| ManifestError::Form { file: name.clone(), reason };
        let manifest: Self = serde_json::from_str(&text).map_err(|e| form(e.to_string()))?;
        if manifest.schema != SCHEMA {
            return Err(form(format!("found schema `{}`, expected `{SCHEMA}`", manifest.schema)));
        }
        Ok(manifest)
    }
}

/// A run directory whose tables are not those of its manifest.
#[derive(Debug, thiserror::Error)]
pub enum Damaged {
    /// A table cannot be read.
    #[error(transparent)]
    Table(#[from] sim_core::trace::TraceError),
    /// A table holds other rows.
    #[error(
        "{file} does not hold the rows of this run: found digest {found}, expected {expected}; to write the directory anew, run its scenario again"
    )]
    Rows {
        /// Which file.
        file: String,
        /// Digest of its rows.
        found: String,
        /// Digest in the manifest.
        expected: String,
    },
}

impl Manifest {
    /// Holds the tables of the run directory `dir` to the digests in the manifest.
    ///
    /// # Errors
    /// The first table that cannot be read or holds other rows.
    pub fn holds(&self, dir: &Path) -> Result<(), Damaged> {
        for (table, expected) in &self.result.tables {
            let file = trace::table_path(&dir.join("trace"), table);
            let found = trace::summarise(table, &file)?.digest.to_string();
            if found != *expected {
                let file = file.display().to_string();
                return Err(Damaged::Rows { file, found, expected: expected.clone() });
            }
        }
        Ok(())
    }
}

impl Host {
    /// The machine this runs on.
    #[must_use]
    pub fn here() -> Self {
        Self {
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cores: std::thread::available_parallelism().map_or(1, core::num::NonZero::get),
            device: gpu_kernels::device::probe().to_string(),
        }
    }
}
