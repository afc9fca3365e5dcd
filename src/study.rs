//! Studies: runs of one scenario at points that a method chooses, to tune its parameters or to
//! tell which of them matter.
//!
//! | module | does |
//! |---|---|
//! | `crate::scenario::study` | tuning or sensitivity file → [`Tuning`], [`Sensitivity`] |
//! | [`runs`] | points → runs → store, on all threads |
//! | [`tune`] | a method's questions → runs → an answer |
//! | [`sensitivity`] | a design's points → runs → indices |
//! | `report` | figures and the page |
//!
//! The mathematics is the package `arable-study`'s. All points meet the same random numbers:
//! replication r of one point shares its seed with replication r of any other. A directory is a
//! store ([`crate::store`]): a study that was killed is gone on with by the same command, which
//! asks the same questions and finds the answers that were stored.

mod report;
pub mod runs;
pub mod sensitivity;
pub mod tune;

use std::path::{Path, PathBuf};

use ::study::Space;
use serde::Serialize;

use crate::diagnose::Diagnostics;
use crate::exit::Exit;
use crate::experiment::Experiment;
/// How a study is carried out; nothing there changes what it finds.
pub use crate::run::Options;
use crate::run::RunError;
use crate::scenario::{self, Source};
use crate::store::StoreError;
use crate::sweep::quantity::Range;

/// A scenario and what varies in it.
#[derive(Debug, Clone)]
pub struct Study {
    /// File name without directory and extension.
    pub name: String,
    /// One line that says what it is for.
    pub title: String,
    /// Digest of the study file and the scenario as understood.
    pub digest: String,
    /// What varies.
    pub parameters: Vec<Parameter>,
    pub(crate) base: Source,
}

/// Something that varies.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its path in the scenario.
    pub path: String,
    /// Its range.
    pub range: Range,
}

impl Study {
    /// The parameters as methods see them.
    #[must_use]
    pub fn space(&self) -> Space {
        Space { parameters: self.parameters.iter().map(|p| p.range.parameter(&p.path)).collect() }
    }

    /// Values of the parameters as they are written in the scenario.
    #[must_use]
    pub fn write(&self, values: &[f64]) -> Vec<String> {
        self.parameters.iter().zip(values).map(|(p, v)| p.range.write(*v)).collect()
    }

    /// The scenario with these values.
    ///
    /// # Errors
    /// When the scenario refuses them.
    pub fn experiment(&self, written: &[String]) -> Result<Experiment, Diagnostics> {
        let mut source = self.base.clone();
        for (parameter, value) in self.parameters.iter().zip(written) {
            source.set(&parameter.path, value)?;
        }
        source.experiment().map(|(experiment, _)| experiment)
    }
}

/// A metric that is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// Its full name.
    pub name: String,
    /// Its unit.
    pub unit: String,
}

/// A bound on a metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Keep {
    /// The metric.
    pub measure: Measure,
    /// The bound, in the metric's unit.
    pub bound: f64,
    /// Whether it is the largest value that will do, or the smallest.
    pub below: bool,
}

impl Keep {
    /// `share below 8 %`.
    #[must_use]
    pub fn words(&self) -> String {
        let side = if self.below { "below" } else { "above" };
        let (value, unit) = reports::format::with_unit(self.bound, &self.measure.unit);
        let unit = if unit == "1" { String::new() } else { unit };
        format!("{} {side} {value} {unit}", self.measure.name).trim_end().to_owned()
    }

    /// By how much a value misses it: at most 0 where it is kept.
    #[must_use]
    pub fn miss(&self, value: f64) -> f64 {
        if self.below { value - self.bound } else { self.bound - value }
    }
}

/// What is sought.
#[derive(Debug, Clone, PartialEq)]
pub enum Goal {
    /// Metrics as large (`true`) or as small as can be, within bounds.
    Best {
        /// At least one.
        objectives: Vec<(Measure, bool)>,
        /// Any number.
        keeps: Vec<Keep>,
    },
    /// The smallest value of the one parameter for which a bound holds.
    Threshold(Keep),
}

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A Gaussian process says where to look next.
    Bayesian,
    /// CMA-ES, or NSGA-II for several objectives.
    Evolution,
}

/// Replications of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Replications {
    /// Of a new point.
    pub first: u32,
    /// Of one that turns out to matter.
    pub most: u32,
}

/// Changes that do not matter, as shares of a range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tolerance {
    /// Of a parameter.
    pub parameter: f64,
    /// Of an objective.
    pub objective: f64,
}

/// A tuning file, checked.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// The scenario and its parameters.
    pub study: Study,
    /// What is sought.
    pub goal: Goal,
    /// How.
    pub method: Method,
    /// Most runs.
    pub budget: usize,
    /// Replications of a point.
    pub replications: Replications,
    /// What does not matter any more.
    pub tolerance: Tolerance,
}

impl Tuning {
    /// Reads a tuning file and the scenario that it names.
    ///
    /// # Errors
    /// Everything that is wrong with either.
    pub fn load(path: &Path) -> Result<Self, Diagnostics> {
        scenario::study::tuning(path)
    }
}

/// How to look at the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Analysis {
    /// Elementary effects, with so many trajectories.
    Morris(usize),
    /// Shares of the variance, with so many points.
    Sobol(usize),
    /// Curves, with so many points each.
    OneAtATime(usize),
}

/// A sensitivity file, checked.
#[derive(Debug, Clone)]
pub struct Sensitivity {
    /// The scenario and its parameters.
    pub study: Study,
    /// What is looked at.
    pub metrics: Vec<Measure>,
    /// How.
    pub method: Analysis,
    /// Replications of each point.
    pub replications: u32,
}

impl Sensitivity {
    /// Reads a sensitivity file and the scenario that it names.
    ///
    /// # Errors
    /// Everything that is wrong with either.
    pub fn load(path: &Path) -> Result<Self, Diagnostics> {
        scenario::study::sensitivity(path)
    }
}

/// Why a study did not finish.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// The store.
    #[error(transparent)]
    Store(StoreError),
    /// The directory holds another study.
    #[error(
        "{} holds another study ({title:?}): {what}; name another directory with --out",
        dir.display()
    )]
    Other {
        /// Which directory.
        dir: PathBuf,
        /// The title of the study in it.
        title: String,
        /// What differs.
        what: String,
    },
    /// The machine, not a point.
    #[error(transparent)]
    Run(#[from] RunError),
    /// No run gave the metrics.
    #[error("no run gave the metrics that are asked for; the first failed: {0}")]
    AllFailed(String),
    /// A figure or the page.
    #[error(transparent)]
    Report(#[from] reports::ReportError),
    /// A file.
    #[error("failed to write {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Ctrl-C.
    #[error(
        "interrupted; what is done is kept in {}, and the same command again goes on from there",
        .0.display()
    )]
    Interrupted(PathBuf),
}

impl From<StoreError> for StudyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::OtherSweep { dir, title, what } => Self::Other { dir, title, what },
            error => Self::Store(error),
        }
    }
}

impl StudyError {
    /// The exit code that goes with it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Store(error) => error.exit(),
            Self::Run(error) => error.exit(),
            Self::AllFailed(_) => Exit::Failed,
            Self::Other { .. } | Self::Report(_) | Self::File { .. } => Exit::File,
            Self::Interrupted(_) => Exit::Interrupted,
        }
    }
}
