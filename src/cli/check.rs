//! `arable check`: scenarios held to their baselines.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{ScenarioArgs, output};
use crate::baseline::{Baseline, Checked};
use crate::exit::Exit;
use crate::run::{self, Options};

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Baseline files (JSON, schema baseline/v1)
    #[arg(required = true)]
    baselines: Vec<PathBuf>,
    /// Write the present numbers into the baseline instead of comparing
    #[arg(long)]
    bless: bool,
    /// With --bless and a new baseline: the scenario it is for
    #[arg(long, requires = "bless")]
    scenario: Option<PathBuf>,
    /// With --bless: changes to the scenario that belong to the baseline
    #[arg(long = "set", value_name = "PATH=VALUE", requires = "bless")]
    set: Vec<String>,
    /// Print one JSON object for each baseline
    #[arg(long)]
    json: bool,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

impl Check {
    pub(super) fn execute(self) -> Exit {
        let mut worst = Exit::Good;
        for file in &self.baselines {
            let exit = self.one(file).unwrap_or_else(|exit| exit);
            if exit == Exit::Interrupted {
                return exit;
            }
            worst = worst.max(exit);
        }
        worst
    }

    fn one(&self, file: &Path) -> Result<Exit, Exit> {
        let before = match Baseline::load(file) {
            Ok(baseline) => Some(baseline),
            Err(_) if self.bless && self.scenario.is_some() => None,
            Err(error) => return Err(output::failure(Exit::File, error)),
        };
        let folder = file.parent().unwrap_or(Path::new(""));
        let (scenario, set) = match (&self.scenario, &before) {
            (Some(scenario), _) => (scenario.clone(), self.set.clone()),
            (None, Some(b)) if self.set.is_empty() => (folder.join(&b.scenario), b.set.clone()),
            (None, Some(b)) => (folder.join(&b.scenario), self.set.clone()),
            (None, None) => return Err(Exit::Usage),
        };
        let args = ScenarioArgs {
            scenario: scenario.clone(),
            set: set.clone(),
            seed: None,
            replications: None,
        };
        let (plan, _) = output::plan(&args, self.json)?;
        let options = Options {
            out: std::env::temp_dir().join(format!("arable-check-{}", std::process::id())),
            interrupt: output::interrupt(),
            replay: output::replay_line(&args, &plan),
            ..Options::default()
        };
        let run = output::with_progress(&plan, &options, self.quiet, || run::run(&plan, &options));
        // The run was only made to be compared.
        let _ = std::fs::remove_dir_all(&options.out);
        let run = run.map_err(|error| output::run_failure(&error))?;
        match before {
            Some(baseline) if !self.bless => {
                let checked = baseline.check(file, &run.manifest.result, &run.metrics);
                let told = if self.json {
                    output::json(&checked)
                } else {
                    output::text(&describe(&checked))
                };
                Ok(if checked.pass { told } else { Exit::Failed })
            }
            before => {
                let relative = relative(&scenario, folder);
                let result = run.manifest.result;
                let baseline = Baseline::of(relative, set, result, &run.metrics, before.as_ref());
                run::write_json(file, &baseline).map_err(|error| output::run_failure(&error))?;
                Ok(output::text(&format!("blessed {}\n", file.display())))
            }
        }
    }
}

/// `path` as seen from `folder`, where both are relative to the working directory; else as
/// it is.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    if path.is_absolute() || folder.is_absolute() {
        return std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    }
    let common = path.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(common).map(|_| "..");
    up.map(PathBuf::from)
        .collect::<PathBuf>()
        .join(path.components().skip(common).collect::<PathBuf>())
}

fn describe(checked: &Checked) -> String {
    let name = checked.baseline.display();
    if checked.pass {
        return format!("same     {name}\n");
    }
    let mut text = format!("MOVED    {name}\n");
    if let Some(event) = &checked.first_event {
        text += &format!("  first event   {event}\n");
    }
    for moved in &checked.moved {
        let show = |value: Option<f64>| value.map_or("none".to_owned(), |v| v.to_string());
        text += &format!(
            "  {} found {}, expected {}\n",
            moved.metric,
            show(moved.found),
            show(moved.expected)
        );
    }
    if !checked.tables.is_empty() {
        text += &format!("  tables        {}\n", checked.tables.join(", "));
    }
    text + &format!(
        "  to accept these numbers: arable check --bless {name}, and a line under Results in the \
         changelog\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_named_as_seen_from_its_baseline() {
        let table = [
            ("scenarios/a.yaml", "baselines", "../scenarios/a.yaml"),
            ("scenarios/a.yaml", "scenarios/baselines", "../a.yaml"),
            ("a.yaml", "", "a.yaml"),
        ];
        for (path, folder, want) in table {
            assert_eq!(relative(Path::new(path), Path::new(folder)), Path::new(want));
        }
    }
}
