//! `arable check`: scenarios and tables held to their baselines.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;

use super::output;
use crate::check::baseline::Baseline;
use crate::check::suite::Suite;
use crate::check::{self, Asked, Report, alarms, render};
use crate::diagnose::{list, nearest, quoted};
use crate::exit::Exit;
use crate::run::Options;

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Suites (YAML), or single baselines (JSON)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Check only the named ones
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Write the present numbers instead of comparing, for a reason that lands in the file
    #[arg(long, value_name = "REASON")]
    bless: Option<String>,
    /// With --bless and a new baseline: the scenario it is for
    #[arg(long, requires = "bless", value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// With --scenario: changes to it that belong to the baseline
    #[arg(long = "set", value_name = "PATH=VALUE", requires = "scenario")]
    set: Vec<String>,
    /// The number that the seeds of replicated metrics follow from; default: another every time
    #[arg(long)]
    seed: Option<u64>,
    /// Another build of arable, as of the commit before: replicated metrics are compared with
    /// its on the same fresh seeds, instead of with the baseline
    #[arg(long, value_name = "PROGRAM", conflicts_with = "bless")]
    against: Option<PathBuf>,
    /// Compare the replicated metrics so many times, on fresh seeds, and count the alarms
    #[arg(long, value_name = "TIMES", conflicts_with_all = ["bless", "against"])]
    #[arg(value_parser = clap::value_parser!(u32).range(5..))]
    alarms: Option<u32>,
    /// Write a `JUnit` file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a Markdown page, as for $`GITHUB_STEP_SUMMARY`
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Print annotations of GitHub as well
    #[arg(long)]
    github: bool,
    /// Print one JSON object instead of a table
    #[arg(long, conflicts_with = "github")]
    json: bool,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

impl Check {
    pub(super) fn execute(self) -> Exit {
        if let Err(exit) = self.reason() {
            return exit;
        }
        let mut suites = Vec::new();
        for file in &self.files {
            match self.suite(file) {
                Ok(suite) => suites.push(suite),
                Err(exit) => return exit,
            }
        }
        if let Err(exit) = self.known(&suites) {
            return exit;
        }
        let bar = output::counter("runs");
        if self.quiet {
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        let progress = |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        };
        let options = Options { interrupt: output::interrupt(), ..Options::default() };
        let asked = Asked {
            only: &self.only,
            seed: self.seed.unwrap_or_else(|| RandomState::new().hash_one(0) >> 32),
            against: self.against.as_deref(),
            bless: self.bless.as_deref(),
            options: &options,
            progress: &progress,
        };
        if let Some(times) = self.alarms {
            let counted: Result<Vec<_>, _> =
                suites.iter().map(|suite| alarms::count(suite, &asked, times)).collect();
            bar.finish_and_clear();
            return match counted {
                Ok(counted) if self.json => output::json(&counted),
                Ok(counted) => {
                    output::text(&counted.iter().map(ToString::to_string).collect::<String>())
                }
                Err((exit, why)) => output::failure(exit, why),
            };
        }
        let report = check::check(&suites, &asked);
        bar.finish_and_clear();
        self.tell(&report)
    }

    /// Blessing without a reason, or with a file in its place.
    fn reason(&self) -> Result<(), Exit> {
        let Some(reason) = &self.bless else { return Ok(()) };
        let ending = Path::new(reason).extension().and_then(|ending| ending.to_str());
        if reason.trim().is_empty() || matches!(ending, Some("json" | "yaml" | "yml")) {
            let message = format!(
                "found {} as the reason of --bless, expected why the numbers moved; write \
                 --bless 'what changed, and why that is right'",
                quoted(reason)
            );
            return Err(output::failure(Exit::Usage, message));
        }
        Ok(())
    }

    fn suite(&self, file: &Path) -> Result<Suite, Exit> {
        if let Some(scenario) = &self.scenario {
            return Ok(Suite::of_scenario(file, scenario.clone(), self.set.clone()));
        }
        if file.extension().is_some_and(|ending| ending == "json") {
            let baseline =
                Baseline::load(file).map_err(|error| output::failure(Exit::File, error))?;
            return Ok(Suite::of_baseline(file, &baseline));
        }
        Suite::load(file).map_err(|wrong| {
            if self.json {
                let _ = output::json(&wrong);
            }
            output::say(wrong.render(std::io::stderr().is_terminal()).trim_end());
            wrong.exit()
        })
    }

    /// Whether every name of --only is one of a check.
    fn known(&self, suites: &[Suite]) -> Result<(), Exit> {
        let names: BTreeSet<&str> = suites
            .iter()
            .flat_map(|suite| {
                let tables = suite.tables.iter().map(|table| table.name.as_str());
                suite.checks.iter().map(|check| check.name.as_str()).chain(tables)
            })
            .collect();
        for only in &self.only {
            if !names.contains(only.as_str()) {
                let known = names.iter().copied();
                let hint = nearest(only, known.clone())
                    .map(|near| format!("; did you mean `{near}`?"))
                    .unwrap_or_default();
                let message =
                    format!("found --only {}, expected one of {}{hint}", quoted(only), list(known));
                return Err(output::failure(Exit::Usage, message));
            }
        }
        Ok(())
    }

    fn tell(&self, report: &Report) -> Exit {
        let mut exit = report.exit();
        for (file, content) in
            [(&self.junit, render::junit(report)), (&self.markdown, render::markdown(report))]
        {
            let Some(file) = file else { continue };
            if let Err(error) = std::fs::write(file, content) {
                let message = format!("failed to write {}: {error}", file.display());
                exit = exit.max(output::failure(Exit::File, message));
            }
        }
        let told = if self.json {
            output::json(report)
        } else {
            let mut text = render::text(report);
            let failed = report.items.iter().filter(|item| item.exit == Exit::Failed);
            let names: BTreeSet<&str> = failed.map(|item| item.name.as_str()).collect();
            if !names.is_empty() {
                let files: Vec<String> =
                    self.files.iter().map(|file| file.display().to_string()).collect();
                let names: Vec<&str> = names.into_iter().collect();
                text += &format!(
                    "to accept these numbers: arable check {} --only {} --bless REASON, and a \
                     line under Results in the changelog\n",
                    files.join(" "),
                    names.join(",")
                );
            }
            if self.github {
                text += &render::github(report);
            }
            output::text(&text)
        };
        exit.max(told)
    }
}
