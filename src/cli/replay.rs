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
        if let Some(manifest) = run::model::Manifest::load(&self.manifest) {
            return self.model(&manifest);
        }
        let manifest = match Manifest::load(&self.manifest) {
            Ok(manifest) => manifest,
            Err(error) => return manifest_failure(&error),
        };
        let options = elsewhere(&manifest.context.replay);
        let plan = &manifest.plan;
        if plan.digest() != manifest.result.plan {
            let Manifest { arable, commit, result, .. } = &manifest;
            return self.edited(&plan.digest(), &result.plan, arable, commit);
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

    fn model(&self, manifest: &run::model::Manifest) -> Exit {
        let run::model::Manifest { arable, commit, result, plan, .. } = manifest;
        if plan.digest() != result.plan {
            return self.edited(&plan.digest(), &result.plan, arable, commit);
        }
        let options = elsewhere(&manifest.replay);
        let again = run::model::run(plan, &options);
        // The copy was only made to be compared.
        let _ = std::fs::remove_dir_all(&options.out);
        match again {
            Err(error) => output::run_failure(&error),
            Ok(run) if run.manifest.result == *result => output::text(&format!(
                "replayed {}: {} steps with the same figures\n",
                plan.name, result.steps
            )),
            Ok(run) => output::failure(
                Exit::NonDeterminism,
                format_args!(
                    "figures differ from the earlier run: found {}, expected {}",
                    run.manifest.result.figures, result.figures
                ),
            ),
        }
    }

    /// The plan is not the one that was run.
    fn edited(&self, found: &str, expected: &str, arable: &str, commit: &str) -> Exit {
        let file = self.manifest.display();
        output::failure(
            Exit::File,
            format_args!(
                "the plan in {file} does not have the digest that the manifest states: found \
                 {found}, expected {expected}; it was edited, or made by another version \
                 ({arable} at {commit})"
            ),
        )
    }
}

/// A run in a place of its own.
fn elsewhere(replay: &str) -> Options {
    Options {
        out: std::env::temp_dir().join(format!("arable-replay-{}", std::process::id())),
        interrupt: output::interrupt(),
        replay: replay.to_owned(),
        ..Options::default()
    }
}

/// A manifest that cannot be read.
pub(super) fn manifest_failure(error: &ManifestError) -> Exit {
    output::failure(Exit::File, error)
}
