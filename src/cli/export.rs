//! `arable export`: a run's trace in the forms that other tools read.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use reports::export::{self, MOST_SLICES, Timeline};
use reports::{Context, ReportError};

use super::output;
use super::replay::manifest_failure;
use crate::exit::Exit;
use crate::manifest::Manifest;

#[derive(Debug, Args)]
pub(super) struct Export {
    /// A run directory
    dir: PathBuf,
    /// Into which form; several with commas between
    #[arg(long, value_enum, value_delimiter = ',', required = true)]
    to: Vec<Form>,
    /// Where the files go; the run directory's own `export` otherwise
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// For the timeline: which replication
    #[arg(long, default_value_t = 0)]
    replication: u32,
    /// For the timeline: at most so many jobs, a sample by their names where there are more
    #[arg(long, default_value_t = MOST_SLICES, value_name = "JOBS")]
    most: usize,
}

/// A form to export into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// Every table as a Parquet file
    Parquet,
    /// A timeline of nodes, jobs and blocks for the Perfetto viewer (Trace Event Format, JSON)
    Perfetto,
}

impl Export {
    pub(super) fn execute(self) -> Exit {
        let manifest = match Manifest::load(&self.dir) {
            Ok(manifest) => manifest,
            Err(error) => return manifest_failure(&error),
        };
        if let Err(error) = manifest.holds(&self.dir) {
            return output::failure(Exit::File, error);
        }
        let context = manifest.context;
        if self.replication >= context.replications {
            let message = format!(
                "found `--replication {}`, expected 0 to {}: the run has {} replications",
                self.replication,
                context.replications.saturating_sub(1),
                context.replications
            );
            return output::failure(Exit::Usage, message);
        }
        let show = Timeline { replication: self.replication, most: self.most };
        let out = self.out.unwrap_or_else(|| self.dir.join("export"));
        match files(&self.dir, &context, &self.to, show, &out) {
            Ok(made) => {
                output::text(&made.iter().map(|f| format!("{}\n", f.display())).collect::<String>())
            }
            Err(error) => output::failure(Exit::File, error),
        }
    }
}

/// Exports a run directory into each form, and says which files that made.
pub(super) fn files(
    dir: &Path,
    context: &Context,
    forms: &[Form],
    show: Timeline,
    out: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    let trace = dir.join("trace");
    std::fs::create_dir_all(out)
        .map_err(|source| ReportError::Write { file: out.to_owned(), source })?;
    let mut made = Vec::new();
    for form in forms {
        match form {
            Form::Parquet => made.extend(export::parquet(&trace, out)?),
            Form::Perfetto => {
                let file = out.join("timeline.json");
                export::perfetto(&trace, context, show, &file)?;
                made.push(file);
            }
        }
    }
    Ok(made)
}
