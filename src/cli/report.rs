//! `arable report`: metrics, figures and page of a run directory, written anew.

use std::path::PathBuf;

use clap::Args;

use super::output;
use super::replay::manifest_failure;
use crate::exit::Exit;
use crate::manifest::Manifest;

#[derive(Debug, Args)]
pub(super) struct Report {
    /// A run directory
    dir: PathBuf,
    /// Print the metrics as JSON instead of the path of the page
    #[arg(long)]
    json: bool,
}

impl Report {
    pub(super) fn execute(self) -> Exit {
        let manifest = match Manifest::load(&self.dir) {
            Ok(manifest) => manifest,
            Err(error) => return manifest_failure(&error),
        };
        if let Err(error) = manifest.holds(&self.dir) {
            return output::failure(Exit::File, error);
        }
        match reports::write(&self.dir, &manifest.context) {
            Err(error) => output::failure(Exit::File, error),
            Ok(metrics) if self.json => output::json(&metrics),
            Ok(_) => output::text(&format!("{}\n", self.dir.join("report.html").display())),
        }
    }
}
