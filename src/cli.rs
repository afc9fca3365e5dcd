//! The command line: `arable --help`.
//!
//! Results go to stdout, progress and diagnostics to stderr; `--json` gives one stable object
//! for machines. How commands end: [`crate::exit`].

mod check;
mod compare;
mod explain;
mod export;
mod kernels;
mod list;
mod new;
mod output;
mod plan;
mod replay;
mod report;
mod run;
mod schema;
mod sweep;
mod tune;
mod validate;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::exit::Exit;

/// Simulate AI Layer-1 networks, deterministically, and compare their designs in numbers.
#[derive(Debug, Parser)]
#[command(name = "arable", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 good · 1 expectation, case or baseline not met · 2 usage · 3 scenario invalid ·
4 file · 5 non-determinism · 6 device · 70 bug · 130 interrupted";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario and write its run directory
    Run(run::Run),
    /// Check a scenario and show what it amounts to, without running it
    Plan(plan::Plan),
    /// Evaluate reference cases: numbers taken from the real systems
    Validate(validate::Validate),
    /// Hold scenarios and tables to their baselines, or bless new ones
    Check(check::Check),
    /// Write the report of a run directory anew
    Report(report::Report),
    /// Write a run's trace in the forms of other tools: Parquet, Perfetto
    Export(export::Export),
    /// Set designs side by side: scenarios or run directories, paired by seed
    Compare(compare::Compare),
    /// Run a scenario at many design points and keep the figures in a store
    Sweep(sweep::Sweep),
    /// Find the values of parameters that serve best: optima, fronts, thresholds
    Tune(tune::Tune),
    /// Tell which parameters matter: Morris, Sobol, one at a time
    Sensitivity(tune::Sensitivity),
    /// Put the shards of a sweep together
    Merge(sweep::Merge),
    /// Run a manifest's plan again and hold it to its digests
    Replay(replay::Replay),
    /// Explain a rule or parameter, or why a job, an epoch or a payout came out as it did
    Explain(explain::Explain),
    /// List what scenarios can name: rules, hardware, regions, models, metrics, tables
    List(list::List),
    /// The CUDA kernels and their CPU twins: verify, time, compare
    Kernels(kernels::Kernels),
    /// Print a schema: of scenarios or of the trace
    Schema(schema::Schema),
    /// Write a new scenario, or a new rule, from a template
    New(new::New),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// A scenario file and what is changed in it.
#[derive(Debug, Clone, Args)]
struct ScenarioArgs {
    /// Scenario file (YAML)
    scenario: PathBuf,
    /// Change a value: `--set demand.poisson.rate_per_second=4`, also whole stages
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Seed, instead of the scenario's
    #[arg(long)]
    seed: Option<u64>,
    /// Replications, instead of the scenario's
    #[arg(long)]
    replications: Option<u32>,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    // A broken pipe is success: the reader has seen enough.
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Good };
            return exit.into();
        }
    };
    cli.command.execute().into()
}

impl Command {
    fn execute(self) -> Exit {
        match self {
            Self::Run(command) => command.execute(),
            Self::Plan(command) => command.execute(),
            Self::Validate(command) => command.execute(),
            Self::Check(command) => command.execute(),
            Self::Report(command) => command.execute(),
            Self::Export(command) => command.execute(),
            Self::Compare(command) => command.execute(),
            Self::Sweep(command) => command.execute(),
            Self::Merge(command) => command.execute(),
            Self::Tune(command) => command.execute(),
            Self::Sensitivity(command) => command.execute(),
            Self::Replay(command) => command.execute(),
            Self::Explain(command) => command.execute(),
            Self::List(command) => command.execute(),
            Self::Kernels(command) => command.execute(),
            Self::Schema(command) => command.execute(),
            Self::New(command) => command.execute(),
            Self::Completions { shell } => {
                let mut text = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "arable", &mut text);
                output::bytes(&text)
            }
        }
    }
}

/// The summary and source of a rule, by its name in a scenario.
#[must_use]
pub fn rule_source(name: &str) -> Option<&'static str> {
    list::sources().into_iter().find(|(rule, _)| *rule == name).map(|(_, source)| source)
}
