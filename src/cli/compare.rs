//! `arable compare`: designs side by side, paired by seed.

use std::path::{Path, PathBuf};

use clap::Args;
use reports::compare::{self, Curves, Design};

use super::{ScenarioArgs, output};
use crate::exit::Exit;
use crate::manifest::Manifest;
use crate::run::{self, Options};

#[derive(Debug, Args)]
pub(super) struct Compare {
    /// Scenario files or run directories; the first is what the others are compared to
    #[arg(required = true, num_args = 2..)]
    designs: Vec<PathBuf>,
    /// Replications of each scenario
    #[arg(long, default_value_t = 5)]
    replications: u32,
    /// Seed of every scenario; default: that of the first
    #[arg(long)]
    seed: Option<u64>,
    /// Change a value in every scenario
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Where run directories and the page go
    #[arg(long, default_value = "runs", value_name = "DIR")]
    out: PathBuf,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

impl Compare {
    pub(super) fn execute(self) -> Exit {
        let mut seed = self.seed;
        let mut designs: Vec<Design> = Vec::new();
        for path in &self.designs {
            match self.design(path, &mut seed) {
                Ok(mut design) => {
                    let again =
                        designs.iter().filter(|d| d.context.scenario == design.name).count();
                    if again > 0 {
                        design.name = format!("{} ({})", design.name, again + 1);
                    }
                    designs.push(design);
                }
                Err(exit) => return exit,
            }
        }
        let compared = match compare::compare(&designs) {
            Ok(compared) => compared,
            Err(error) => return output::failure(Exit::Usage, error),
        };
        let names: Vec<&str> = designs.iter().map(|d| d.context.scenario.as_str()).collect();
        let page = self.out.join(format!("compare-{}.html", names.join("-vs-")));
        let html = match compared.to_html() {
            Ok(html) => html,
            Err(error) => return output::failure(Exit::Bug, error),
        };
        let written = std::fs::create_dir_all(&self.out).and_then(|()| std::fs::write(&page, html));
        if let Err(error) = written {
            let message = format!("failed to write {}: {error}", page.display());
            return output::failure(Exit::File, message);
        }
        if self.json {
            return output::json(&compared);
        }
        output::text(&format!("{}\npage {}\n", compared.to_text(), page.display()))
    }

    /// A design from a run directory, or from a scenario that is run now. Scenarios take the
    /// seed of the first design, so that all meet the same random numbers.
    fn design(&self, path: &Path, seed: &mut Option<u64>) -> Result<Design, Exit> {
        if path.is_dir() {
            let manifest =
                Manifest::load(path).map_err(|error| output::failure(Exit::File, error))?;
            manifest.holds(path).map_err(|error| output::failure(Exit::File, error))?;
            let metrics = reports::compute(&path.join("trace"), &manifest.context)
                .map_err(|error| output::failure(Exit::File, error))?;
            seed.get_or_insert(manifest.context.seed);
            let name = manifest.context.scenario.clone();
            let curves = curves(path, &manifest.context)?;
            return Ok(Design { name, context: manifest.context, metrics, curves });
        }
        let args = ScenarioArgs {
            scenario: path.to_owned(),
            set: self.set.clone(),
            seed: *seed,
            replications: Some(self.replications),
        };
        let (plan, warnings) = output::plan(&args, self.json)?;
        seed.get_or_insert(plan.seed);
        let options = Options {
            out: self.out.clone(),
            interrupt: output::interrupt(),
            replay: output::replay_line(&args, &plan),
            notes: warnings.iter().map(ToString::to_string).collect(),
            ..Options::default()
        };
        let run = output::with_progress(&plan, &options, self.quiet, || run::run(&plan, &options))
            .map_err(|error| output::run_failure(&error))?;
        let name = plan.name.clone();
        let curves = curves(&run.dir, &run.manifest.context)?;
        Ok(Design { name, context: run.manifest.context, metrics: run.metrics, curves })
    }
}

fn curves(run_dir: &Path, context: &reports::Context) -> Result<Option<Curves>, Exit> {
    Curves::read(&run_dir.join("trace"), context)
        .map_err(|error| output::failure(Exit::File, error))
}
