//! `arable validate`: reference cases against the mechanisms.

use std::path::PathBuf;

use clap::Args;

use super::output;
use crate::exit::Exit;
use crate::validate;

#[derive(Debug, Args)]
pub(super) struct Validate {
    /// Case files (JSON, schema cases/v1)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where file names inside cases are found
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object with every case
    #[arg(long)]
    json: bool,
}

impl Validate {
    pub(super) fn execute(self) -> Exit {
        let bar = output::counter("cases");
        let watch = |done: usize, all: usize| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        };
        let report = validate::run_watched(&self.files, self.data.as_deref(), watch);
        bar.finish_and_clear();
        let report = match report {
            Ok(report) => report,
            Err(error) => return output::failure(Exit::File, error),
        };
        let told =
            if self.json { output::json(&report) } else { output::text(&report.to_string()) };
        match told {
            Exit::Good if report.totals.failed > 0 => Exit::Failed,
            told => told,
        }
    }
}
