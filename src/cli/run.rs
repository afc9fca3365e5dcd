//! `arable run`: a scenario in, a run directory out.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{ScenarioArgs, output};
use crate::exit::Exit;
use crate::run::{self, Options};

#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Where run directories go
    #[arg(long, default_value = "runs", value_name = "DIR")]
    out: PathBuf,
    /// Threads for replications and their subnets; 0 = one a core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Run twice without a trace and name the first event that differs
    #[arg(long)]
    check_determinism: bool,
    /// Print one JSON object instead of words
    #[arg(long)]
    json: bool,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Serialize)]
struct Told<'a> {
    dir: String,
    report: String,
    unchanged: bool,
    result: &'a crate::manifest::Outcome,
    verdicts: &'a [reports::context::Verdict],
    metrics: &'a [reports::Metric],
    replay: &'a str,
}

impl Run {
    pub(super) fn execute(self) -> Exit {
        let (plan, warnings) = match output::plan(&self.scenario, self.json) {
            Ok(planned) => planned,
            Err(exit) => return exit,
        };
        for warning in &warnings {
            output::say(format_args!("warning: {warning}"));
        }
        let options = Options {
            out: self.out.clone(),
            threads: self.threads,
            interrupt: output::interrupt(),
            replay: output::replay_line(&self.scenario, &plan),
            notes: warnings.iter().map(ToString::to_string).collect(),
            ..Options::default()
        };
        if self.check_determinism {
            return self.check(&plan, &options);
        }
        let done = output::with_progress(&plan, &options, self.quiet, || run::run(&plan, &options));
        match done {
            Ok(run) => self.tell(&run),
            Err(error) => output::run_failure(&error),
        }
    }

    fn check(&self, plan: &crate::plan::Plan, options: &Options) -> Exit {
        let difference = output::with_progress(plan, options, self.quiet, || {
            run::check_determinism(plan, options)
        });
        match difference {
            Ok(None) => output::text("deterministic: two runs handled the same events\n"),
            Ok(Some(difference)) => {
                output::failure(Exit::NonDeterminism, format_args!("two runs differ: {difference}"))
            }
            Err(error) => output::run_failure(&error),
        }
    }

    fn tell(&self, run: &run::Run) -> Exit {
        let context = &run.manifest.context;
        let failed = context.verdicts.iter().any(|verdict| !verdict.pass);
        let told = if self.json {
            output::json(&Told {
                dir: run.dir.display().to_string(),
                report: run.dir.join("report.html").display().to_string(),
                unchanged: run.unchanged,
                result: &run.manifest.result,
                verdicts: &context.verdicts,
                metrics: &run.metrics.metrics,
                replay: &context.replay,
            })
        } else {
            output::text(&summary(run))
        };
        if told != Exit::Good {
            return told;
        }
        if failed { Exit::Failed } else { Exit::Good }
    }
}

/// What a person wants to see first.
fn summary(run: &run::Run) -> String {
    const FIRST: [&str; 11] = [
        "jobs_submitted",
        "jobs_final_share",
        "answer_latency_p50",
        "answer_latency_p99",
        "finality_latency_p50",
        "throughput_jobs",
        "goodput_share",
        "utilisation_total",
        "probes_count",
        "epochs_per_subnet_min",
        "emission_total",
    ];
    let context = &run.manifest.context;
    let mut text = format!("{}\n\n", context.title);
    for metric in FIRST.iter().filter_map(|name| run.metrics.get(name)) {
        text += &format!("  {:<24} {:>16} {}\n", metric.name, number(metric.value), metric.unit);
    }
    for verdict in &context.verdicts {
        let mark = if verdict.pass { "met    " } else { "NOT MET" };
        text +=
            &format!("\n  {mark} {}: {}, found {}", verdict.name, verdict.wanted, verdict.found);
    }
    if !context.verdicts.is_empty() {
        text += "\n";
    }
    let again = if run.unchanged { " (unchanged: same digests as before)" } else { "" };
    text += &format!(
        "\n  events   {} ({})\n  run      {}{again}\n  report   {}\n  replay   {}\n",
        run.manifest.result.events_handled,
        &run.manifest.result.events[..16],
        run.dir.display(),
        run.dir.join("report.html").display(),
        context.replay,
    );
    text
}

/// At most four significant decimals, no exponent for everyday sizes.
fn number(value: f64) -> String {
    if value.fract().abs() < f64::EPSILON && value.abs() < 1e15 {
        format!("{value:.0}")
    } else {
        format!("{value:.4}")
    }
}
