//! `arable run`: a scenario in, a run directory out.

use std::path::PathBuf;

use clap::Args;
use reports::Metric;
use reports::analysis::stopping::{Decision, Rule};
use reports::analysis::warmup::Setting;
use reports::context::Verdict;
use reports::export::Timeline;
use serde::Serialize;
use sim_types::{SimDuration, TraceLevel};

use super::{ScenarioArgs, export, output};
use crate::exit::Exit;
use crate::experiment::Experiment;
use crate::plan::ModelPlan;
use crate::resume::Every;
use crate::run::{self, Options};

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub(super) struct Run {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Where run directories go
    #[arg(long, default_value = "runs", value_name = "DIR")]
    out: PathBuf,
    /// Threads for replications and their subnets; 0 = one a core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// How much of the run its trace keeps, instead of the scenario's word: off, summary,
    /// sampled (1 job in 64), sampled:1/N, full
    #[arg(long, value_name = "LEVEL")]
    trace: Option<TraceLevel>,
    /// Take a snapshot to go on from whenever so much simulated time has passed, such as 6h;
    /// otherwise every minute at the wall
    #[arg(long, value_name = "TIME")]
    snapshot_every: Option<SimDuration>,
    /// Write the trace in the forms of other tools as well, into the run directory's `export`
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FORM")]
    export: Vec<export::Form>,
    /// Begin anew, even where an earlier run of this plan ended early and could be gone on with
    #[arg(long)]
    fresh: bool,
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
    verdicts: &'a [Verdict],
    control: &'a reports::context::Control,
    replications: u32,
    metrics: &'a [reports::Metric],
    replay: &'a str,
}

#[derive(Serialize)]
struct ToldOfModel<'a> {
    dir: String,
    unchanged: bool,
    result: &'a run::model::Outcome,
    verdicts: &'a [Verdict],
    stopped: Option<&'a Decision>,
    metrics: &'a [reports::Metric],
    replay: &'a str,
}

impl Run {
    pub(super) fn execute(self) -> Exit {
        let (experiment, warnings) = match output::experiment(&self.scenario, self.json) {
            Ok(planned) => planned,
            Err(exit) => return exit,
        };
        for warning in &warnings {
            output::say(format_args!("warning: {warning}"));
        }
        let mut replay = output::replay_of(&self.scenario, &experiment);
        let mut plan = match experiment {
            Experiment::Network(plan) => *plan,
            Experiment::Model(plan) => return self.model(&plan, replay),
        };
        plan.trace = self.trace.unwrap_or(plan.trace);
        if let Some(level) = self.trace {
            replay += &format!(" --trace {level}");
        }
        let options = Options {
            out: self.out.clone(),
            threads: self.threads,
            interrupt: output::interrupt(),
            replay,
            notes: warnings.iter().map(ToString::to_string).collect(),
            snapshots: Some(self.snapshot_every.map_or(Every::USUAL, Every::Simulated)),
            fresh: self.fresh,
            say: |text| output::say(text),
            ..Options::default()
        };
        if self.check_determinism {
            return self.check(&plan, &options);
        }
        let done = output::with_progress(&plan, &options, self.quiet, || run::run(&plan, &options));
        match done {
            Ok(run) => match self.export(&run) {
                Ok(()) => self.tell(&run),
                Err(error) => output::failure(Exit::File, error),
            },
            Err(error) => output::run_failure(&error),
        }
    }

    /// A model has neither trace nor snapshots: what asks for them is refused.
    fn model(&self, plan: &ModelPlan, replay: String) -> Exit {
        let of_networks = [
            ("--trace", self.trace.is_some()),
            ("--snapshot-every", self.snapshot_every.is_some()),
            ("--export", !self.export.is_empty()),
            ("--check-determinism", self.check_determinism),
        ];
        if let Some((flag, _)) = of_networks.iter().find(|(_, given)| *given) {
            let message = format!("found {flag}, which a model has no use for: leave it out");
            return output::failure(Exit::Usage, message);
        }
        let options = Options {
            out: self.out.clone(),
            threads: self.threads,
            interrupt: output::interrupt(),
            replay,
            ..Options::default()
        };
        let bar = output::Bar {
            total: plan.steps.saturating_mul(plan.replications.into()),
            template: "{msg} {bar:40} {percent:>3} % of steps, {elapsed} gone, {eta} to go",
            name: &plan.name,
            quiet: self.quiet,
        };
        match output::with_bar(&bar, &options.done, || run::model::run(plan, &options)) {
            Ok(run) => self.tell_model(&run),
            Err(error) => output::run_failure(&error),
        }
    }

    fn tell_model(&self, run: &run::model::Run) -> Exit {
        let manifest = &run.manifest;
        let told = if self.json {
            output::json(&ToldOfModel {
                dir: run.dir.display().to_string(),
                unchanged: run.unchanged,
                result: &manifest.result,
                verdicts: &manifest.verdicts,
                stopped: manifest.stopped.as_ref(),
                metrics: &run.metrics.metrics,
                replay: &manifest.replay,
            })
        } else {
            output::text(&model_summary(run))
        };
        let failed = manifest.verdicts.iter().any(|verdict| !verdict.pass);
        if told == Exit::Good && failed { Exit::Failed } else { told }
    }

    fn export(&self, run: &run::Run) -> Result<(), reports::ReportError> {
        if self.export.is_empty() {
            return Ok(());
        }
        let out = run.dir.join("export");
        let context = &run.manifest.context;
        export::files(&run.dir, context, &self.export, Timeline::default(), &out).map(drop)
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
                control: &context.control,
                replications: context.replications,
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
    text += &verdicts(&context.verdicts);
    text += &control(context);
    if !context.trace.is_full() {
        for note in &context.notes {
            text += &format!("\n  {note}\n");
        }
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

/// What was expected, line by line.
fn verdicts(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for verdict in verdicts {
        let mark = if verdict.pass { "met    " } else { "NOT MET" };
        text +=
            &format!("\n  {mark} {}: {}, found {}", verdict.name, verdict.wanted, verdict.found);
    }
    if !verdicts.is_empty() {
        text += "\n";
    }
    text
}

/// The figures of a model, and where they lie.
fn model_summary(run: &run::model::Run) -> String {
    let manifest = &run.manifest;
    let mut text = format!("{}\n\n", manifest.plan.title);
    for metric in &run.metrics.metrics {
        let interval = metric.interval.map_or_else(String::new, |[low, high]| {
            format!("  {} to {}", number(low), number(high))
        });
        let Metric { name, unit, value, .. } = metric;
        let unit = if unit == "1" { "" } else { unit };
        let line = format!("  {name:<24} {:>16} {unit}{interval}", number(*value));
        text += line.trim_end();
        text += "\n";
    }
    text += &verdicts(&manifest.verdicts);
    if let Some(decision) = &manifest.stopped {
        text += &format!("\n  stopped  {}\n", decision.words());
    }
    let again = if run.unchanged { " (unchanged: same digests as before)" } else { "" };
    text += &format!(
        "\n  steps    {} ({})\n  run      {}{again}\n  replay   {}\n",
        manifest.result.steps,
        &manifest.result.figures[..16],
        run.dir.display(),
        manifest.replay,
    );
    text
}

/// What was decided on replications and left out of means, line by line; nothing for a plain run.
fn control(context: &reports::Context) -> String {
    let control = &context.control;
    if control.is_plain() {
        return String::new();
    }
    let mut text = String::from("\n");
    if let Some(decision) = &control.stopped {
        text += &format!("  stopped  {}\n", decision.words());
        if let (Some(value), Some(half)) = (decision.value, decision.half_width) {
            let Rule { metric, unit, .. } = &decision.rule;
            text += &format!("           {metric} {} ± {} {unit}\n", number(value), number(half));
        }
    }
    if control.antithetic {
        text += &format!("  pairs    {} antithetic pairs\n", context.replications / 2);
    }
    match control.warmup {
        None => {}
        Some(Setting::Fixed(ns)) => {
            let time = sim_types::SimDuration(ns);
            text += &format!("  warm-up  {time} left out of means over time and jobs\n");
        }
        Some(Setting::Mser5) => {
            text +=
                "  warm-up  left out of means over time and jobs as MSER-5 finds, see the report\n";
        }
    }
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
