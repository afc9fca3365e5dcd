//! `arable replay`: the same plan again, held to its digests.

use std::path::PathBuf;

use clap::Args;

use super::output;
use crate::exit::Exit;
use crate::manifest::{Manifest, ManifestError};
use crate::run::{self, Options};

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// A manifest.json, or the run directory it lies in
    manifest: PathBuf,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

impl Replay {
    pub(super) fn execute(self) -> Exit {
        let manifest = match Manifest::load(&self.manifest) {
            Ok(manifest) => manifest,
            Err(error) => return manifest_failure(&error),
        };
        let options = Options {
            out: std::env::temp_dir().join(format!("arable-replay-{}", std::process::id())),
            interrupt: output::interrupt(),
            replay: manifest.context.replay.clone(),
            ..Options::default()
        };
        let plan = &manifest.plan;
        if plan.digest() != manifest.result.plan {
            return output::failure(
                Exit::File,
                format_args!(
                    "the plan in {} does not have the digest that the manifest states: found {}, \
                     expected {}; it was edited, or made by another version ({} at {})",
                    self.manifest.display(),
                    plan.digest(),
                    manifest.result.plan,
                    manifest.arable,
                    manifest.commit
                ),
            );
        }
        let dir = if self.manifest.is_dir() { Some(&*self.manifest) } else { None };
        if let Some(Err(error)) = dir.map(|dir| manifest.holds(dir)) {
            return output::failure(Exit::File, error);
        }
        let again = output::with_progress(plan, &options, self.quiet, || run::run(plan, &options));
        // The copy was only made to be compared.
        let _ = std::fs::remove_dir_all(&options.out);
        let compared =
            again.and_then(|run| run::same(&run.manifest.result, &manifest.result, &self.manifest));
        match compared {
            Ok(()) => output::text(&format!(
                "replayed {}: {} events and {} tables with the same digests\n",
                manifest.context.scenario,
                manifest.result.events_handled,
                manifest.result.tables.len()
            )),
            Err(error) => output::run_failure(&error),
        }
    }
}

/// A manifest that cannot be read.
pub(super) fn manifest_failure(error: &ManifestError) -> Exit {
    output::failure(Exit::File, error)
}
