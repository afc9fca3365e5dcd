//! `arable sweep`: a sweep file in, a store of runs out; and `arable merge`: shards put together.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::output;
use crate::exit::Exit;
use crate::experiment::Experiment;
use crate::run;
use crate::store::{self, Shard};
use crate::sweep::Sweep as Plan;
use crate::sweep::claim::Judged;
use crate::sweep::page;
use crate::sweep::run::{self as sweep, Forecast, Options, Report, SweepError};

#[derive(Debug, Args)]
pub(super) struct Sweep {
    /// Sweep file (YAML)
    file: PathBuf,
    /// The directory of the store; what is in it is not run again
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Run a part of the design points, such as 2/8, into a store of its own for `arable merge`
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Threads; 0 = one a core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Say how many runs, how long and how many bytes it takes, and run one to find out
    #[arg(long)]
    dry_run: bool,
    /// Take over equal runs from the store of another sweep
    #[arg(long, value_name = "DIR")]
    reuse: Option<PathBuf>,
    /// Write the run directory of the design point of this run, by the first letters of its key
    #[arg(long, value_name = "KEY", conflicts_with_all = ["dry_run", "reuse", "shard"])]
    regenerate: Option<String>,
    /// Where `--regenerate` writes
    #[arg(long, default_value = "runs", value_name = "DIR")]
    runs: PathBuf,
    /// Write claims, figures and tables as a page and as Markdown into this directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["dry_run", "regenerate", "shard"])]
    page: Option<PathBuf>,
    /// Print one JSON object instead of words
    #[arg(long)]
    json: bool,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

impl Sweep {
    pub(super) fn execute(self) -> Exit {
        let plan = match Plan::load(&self.file) {
            Ok(plan) => plan,
            Err(wrong) => return output::refuse(&wrong, self.json),
        };
        let done = match (&self.regenerate, self.dry_run) {
            (Some(key), _) => self.regenerate(&plan, key),
            (None, true) => self.forecast(&plan),
            (None, false) => self.run(&plan),
        };
        done.unwrap_or_else(|error| output::failure(error.exit(), error))
    }

    fn store(&self, plan: &Plan) -> PathBuf {
        self.out.clone().unwrap_or_else(|| PathBuf::from("sweeps").join(&plan.name))
    }

    fn shard(&self) -> Shard {
        self.shard.unwrap_or(Shard::WHOLE)
    }

    fn run(&self, plan: &Plan) -> Result<Exit, SweepError> {
        let options = Options {
            out: self.store(plan),
            shard: self.shard(),
            threads: self.threads,
            reuse: self.reuse.clone(),
            interrupt: output::interrupt(),
            say: |text| output::say(text),
            ..Options::default()
        };
        let total = sweep::most_runs(plan, options.shard);
        let template = "{msg} {bar:40} {pos} of {len} runs, {per_sec}, {elapsed} gone, {eta} to go";
        let bar = output::Bar { total, template, name: &plan.name, quiet: self.quiet };
        let report = output::with_bar(&bar, &options.done, || sweep::run(plan, &options))?;
        let whole = options.shard == Shard::WHOLE;
        let claims = if whole { self.read(plan, &options.out)? } else { Vec::new() };
        let met = claims.iter().all(Judged::as_assumed);
        let told = Told { report: &report, claims: &claims };
        let told =
            if self.json { output::json(&told) } else { output::text(&summary(plan, &told)) };
        Ok(if told == Exit::Good && (report.failed > 0 || !met) { Exit::Failed } else { told })
    }

    /// The claims, judged; and the page, if it is asked for.
    fn read(&self, plan: &Plan, store: &Path) -> Result<Vec<Judged>, SweepError> {
        if plan.claims.is_empty() && self.page.is_none() {
            return Ok(Vec::new());
        }
        if plan.metrics.is_empty() {
            let message = "the page has nothing to show: the sweep file has no `claims` and no \
                           `metrics`; add `metrics: [NAME, …]`, names by `arable list metrics`";
            return Err(SweepError::Asked(message.to_owned()));
        }
        let figures = plan.figures(store)?;
        let claims = plan.judge(&figures);
        if let Some(dir) = &self.page {
            let replay = format!("arable sweep {} --page {}", self.file.display(), dir.display());
            page::write(plan, &figures, &claims, &replay, dir)?;
        }
        Ok(claims)
    }

    fn forecast(&self, plan: &Plan) -> Result<Exit, SweepError> {
        let forecast = sweep::forecast(plan, self.shard(), self.threads)?;
        Ok(if self.json { output::json(&forecast) } else { output::text(&words(plan, &forecast)) })
    }

    fn regenerate(&self, plan: &Plan, key: &str) -> Result<Exit, SweepError> {
        let (experiment, record) = sweep::stored(plan, &self.store(plan), key)?;
        if let Err(reason) = &record.outcome {
            let message = format!("run {} failed and leaves no directory: {reason}", record.key);
            return Err(SweepError::Asked(message));
        }
        let (file, store) = (self.file.display(), self.store(plan));
        let options = run::Options {
            out: self.runs.clone(),
            threads: self.threads,
            interrupt: output::interrupt(),
            replay: format!(
                "arable sweep {file} --out {} --regenerate {}",
                store.display(),
                record.key
            ),
            ..run::Options::default()
        };
        let (dir, metrics) = match &experiment {
            Experiment::Network(plan) => {
                let run =
                    output::with_progress(plan, &options, self.quiet, || run::run(plan, &options))?;
                (run.dir, run.metrics)
            }
            Experiment::Model(plan) => {
                let run = run::model::run(plan, &options)?;
                (run.dir, run.metrics)
            }
        };
        sweep::same(&record, &metrics)?;
        let told = Regenerated { key: record.key.to_string(), dir: dir.display().to_string() };
        Ok(if self.json {
            output::json(&told)
        } else {
            output::text(&format!("{}: the figures of the store, in {}\n", told.key, told.dir))
        })
    }
}

/// What a sweep came to, with its claims.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "<[Judged]>::is_empty")]
    claims: &'a [Judged],
}

#[derive(Serialize)]
struct Regenerated {
    key: String,
    dir: String,
}

fn summary(plan: &Plan, told: &Told<'_>) -> String {
    let Told { report, claims } = told;
    let mut text = format!("{}\n\n", plan.title);
    let left_out = match report.left_out {
        0 => String::new(),
        left_out => format!(" ({left_out} left out by constraints)"),
    };
    text += &format!("  points   {}{left_out}\n", report.points);
    let before = report.runs.saturating_sub(report.run_now + report.reused);
    text += &format!(
        "  runs     {}: {} now, {before} before, {} from another store\n",
        report.runs,
        report.runs - before - report.reused,
        report.reused
    );
    if let Some(first) = &report.first_failure {
        let parameters: Vec<String> =
            first.parameters.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
        text += &format!(
            "  FAILED   {}, the first at point {}, replication {} ({}): {}\n",
            report.failed,
            first.point,
            first.replication,
            parameters.join(", "),
            first.error
        );
    }
    text += &format!("  store    {}\n", report.store.display());
    text += &format!("  table    {}\n", report.table.display());
    if !claims.is_empty() {
        text += "\nClaims\n";
    }
    for claim in *claims {
        let assumed = if claim.as_assumed() {
            String::new()
        } else {
            format!(", and the sweep file assumes: {}", claim.assumed.words())
        };
        text += &format!(
            "  {:<13}  {}{assumed}\n{:17}{}: {}\n",
            claim.verdict.words(),
            claim.says,
            "",
            claim.compared,
            claim.figures()
        );
    }
    text
}

fn words(plan: &Plan, forecast: &Forecast) -> String {
    let Forecast { points, left_out, runs_at_least, runs_at_most, refused, .. } = forecast;
    let mut text = format!("{}\n\n", plan.title);
    let left_out = match left_out {
        0 => String::new(),
        left_out => format!(" ({left_out} left out by constraints)"),
    };
    text += &format!("  points   {points}{left_out}\n");
    if let (Some(reason), 1..) = (&forecast.first_refusal, *refused) {
        text += &format!("  REFUSED  {refused} points, the first: {reason}\n");
    }
    let runs = if runs_at_least == runs_at_most {
        runs_at_most.to_string()
    } else {
        format!("{runs_at_least} to {runs_at_most}")
    };
    text += &format!("  runs     {runs}\n");
    text += &format!(
        "  time     about {} on {} threads: {} a run\n",
        duration(forecast.seconds),
        forecast.threads,
        duration(forecast.seconds_a_run)
    );
    text += &format!("  store    about {}\n", bytes(forecast.bytes));
    text
}

/// A length of time for people.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn bytes(number: u64) -> String {
    match number as f64 {
        n if n < 1e3 => format!("{n} B"),
        n if n < 1e6 => format!("{:.0} kB", n / 1e3),
        n if n < 1e9 => format!("{:.1} MB", n / 1e6),
        n => format!("{:.1} GB", n / 1e9),
    }
}

#[derive(Debug, Args)]
pub(super) struct Merge {
    /// Stores of all shards of one sweep
    #[arg(required = true, num_args = 1..)]
    stores: Vec<PathBuf>,
    /// The directory of the whole
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print one JSON object instead of words
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Merged {
    store: String,
    table: String,
    shards: usize,
    points: u32,
    failed: u64,
}

impl Merge {
    pub(super) fn execute(self) -> Exit {
        let merged = store::merge(&self.stores, &self.out, |text| output::say(text));
        let (head, failures) = match merged {
            Ok(merged) => merged,
            Err(error) => return output::failure(error.exit(), error),
        };
        let told = Merged {
            store: self.out.display().to_string(),
            table: self.out.join("runs.parquet").display().to_string(),
            shards: self.stores.len(),
            points: head.points,
            failed: failures.number,
        };
        let ended = if self.json {
            output::json(&told)
        } else {
            let failed = match told.failed {
                0 => String::new(),
                failed => format!("  FAILED   {failed} runs, see the column `error`\n"),
            };
            output::text(&format!(
                "{}\n\n  points   {}, from {} shards\n{failed}  store    {}\n  table    {}\n",
                head.title, told.points, told.shards, told.store, told.table
            ))
        };
        if ended == Exit::Good && told.failed > 0 { Exit::Failed } else { ended }
    }
}
