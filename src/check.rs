//! Scenarios and tables held to committed baselines: has anything changed, and is it for the
//! better?
//!
//! | module | |
//! |---|---|
//! | `suite` | what is held to what, from a YAML file |
//! | `baseline` | what a scenario gave when it was blessed |
//! | `trail` | where a run leaves its baseline |
//! | `ranks` | exact tests of replicated metrics |
//! | `tables` | tables that a command prints |
//! | `compare` | runs against baselines |
//! | `alarms` | how often unchanged code raises an alarm |
//! | `render` | the report for people, `JUnit`, Markdown and GitHub |
//!
//! The form of suites, the verdicts and the rate of false alarms: `docs/checks.md`.

pub mod alarms;
pub mod baseline;
mod compare;
pub mod ranks;
pub mod render;
pub mod suite;
mod tables;
pub mod trail;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rayon::prelude::*;
use reports::direction::Better;
use serde::Serialize;
use sim_types::Stream;

use self::baseline::Baseline;
use self::suite::{Check, Replicated, Suite};
use crate::diagnose::Diagnostics;
use crate::exit::Exit;
use crate::plan::Plan;
use crate::run::{self, Figures, Options, RunError};
use crate::scenario::Source;

/// Version of the report's form.
pub const SCHEMA: &str = "check/v1";

/// How something compares with its baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it was.
    Same,
    /// What moved has a better side, and moved there.
    Better,
    /// It moved to the other side.
    Worse,
    /// It moved both ways, or where no side is better.
    Ambiguous,
    /// Not compared, for a reason that is no fault.
    Skipped,
    /// Not compared, since something failed.
    Failed,
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Ambiguous => "ambiguous",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }

    /// Of one number that moved.
    fn of_move(expected: Option<f64>, found: Option<f64>, better: Option<Better>) -> Self {
        match (expected, found, better) {
            (Some(expected), Some(found), Some(better)) => {
                if (found > expected) == (better == Better::Higher) {
                    Self::Better
                } else {
                    Self::Worse
                }
            }
            _ => Self::Ambiguous,
        }
    }

    /// Of all that moved: numbers with a better side decide, if they agree.
    fn of_moves(moved: &[Moved], anything_else: bool) -> Self {
        let some = |verdict| moved.iter().any(|m| m.verdict == verdict);
        match (some(Self::Better), some(Self::Worse)) {
            (true, false) => Self::Better,
            (false, true) => Self::Worse,
            (false, false) if moved.is_empty() && !anything_else => Self::Same,
            _ => Self::Ambiguous,
        }
    }
}

/// How something is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Digests and metrics, to the last bit.
    Exact,
    /// Metrics of one run, within bands.
    Bands,
    /// Metrics of many runs, by a test.
    Replicated,
    /// A table, within bands.
    Table,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Bands => "bands",
            Self::Replicated => "replicated",
            Self::Table => "table",
        }
    }
}

/// A number that moved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    /// A metric, or row and column of a table.
    pub metric: String,
    /// In the baseline; the mean where replicated.
    pub expected: Option<f64>,
    /// Now.
    pub found: Option<f64>,
    /// Its better side.
    pub better: Option<Better>,
    /// Whether it moved there.
    pub verdict: Verdict,
    /// Why that counts as moved.
    pub why: String,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// Name of the check.
    pub name: String,
    /// How it compares.
    pub kind: Kind,
    /// The suite, or the baseline.
    pub file: String,
    /// The line in it; 0 for the file as a whole.
    pub line: u32,
    /// What came of it.
    pub verdict: Verdict,
    /// Whether that is acceptable: the same, skipped, or better where results may move.
    pub pass: bool,
    /// Why it was skipped or failed; else what was compared.
    pub detail: String,
    /// The first event that differs.
    pub first_event: Option<String>,
    /// The first row that differs, by table.
    pub first_rows: Vec<String>,
    /// Numbers that moved, in the order of the metric catalogue or of the table.
    pub moved: Vec<Moved>,
    /// How a command ends over it.
    #[serde(skip)]
    pub exit: Exit,
}

impl Item {
    fn new(name: &str, kind: Kind, file: &Path, line: u32) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            file: file.display().to_string(),
            line,
            verdict: Verdict::Same,
            pass: true,
            detail: String::new(),
            first_event: None,
            first_rows: Vec::new(),
            moved: Vec::new(),
            exit: Exit::Good,
        }
    }

    fn judge(mut self) -> Self {
        let traces = self.first_event.is_some() || !self.first_rows.is_empty();
        self.verdict = Verdict::of_moves(&self.moved, traces);
        self.pass = match self.verdict {
            Verdict::Same => true,
            Verdict::Better => self.kind != Kind::Exact,
            _ => false,
        };
        self.exit = if self.pass { Exit::Good } else { Exit::Failed };
        self
    }

    fn failed(mut self, exit: Exit, why: impl Into<String>) -> Self {
        self.verdict = Verdict::Failed;
        self.pass = false;
        self.detail = why.into();
        self.exit = exit;
        self
    }

    fn skipped(mut self, why: impl Into<String>) -> Self {
        self.verdict = Verdict::Skipped;
        self.detail = why.into();
        self
    }
}

/// All comparisons.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// Whether all of it is acceptable.
    pub pass: bool,
    /// The greatest chance that unchanged code raises any alarm, over all suites.
    pub false_alarm: f64,
    /// Tests among which it is divided.
    pub tests: usize,
    /// The number that fresh seeds follow from; absent where none were needed.
    pub seed: Option<u64>,
    /// Whether it was interrupted: what is missing was not compared.
    pub interrupted: bool,
    /// In the order of the suites.
    pub items: Vec<Item>,
}

impl Report {
    /// How a command ends over it: by the worst of its items.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.interrupted {
            return Exit::Interrupted;
        }
        self.items.iter().map(|item| item.exit).max().unwrap_or(Exit::Good)
    }
}

/// How to check.
#[expect(missing_debug_implementations, reason = "it holds a closure")]
pub struct Asked<'a> {
    /// Checks by name; all if empty.
    pub only: &'a [String],
    /// The number that fresh seeds follow from.
    pub seed: u64,
    /// Another build of this program: replicated metrics are compared with its, seed by seed.
    pub against: Option<&'a Path>,
    /// Write the present numbers instead, for this reason.
    pub bless: Option<&'a str>,
    /// How runs are carried out.
    pub options: &'a Options,
    /// Counts runs: done so far, and how many in all.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// One run that a check needs.
struct Unit<'a> {
    check: &'a Check,
    plan: Plan,
    /// On a seed of its own.
    replicated: bool,
}

/// What a unit gave.
enum Gave {
    /// A run of this program; its tables are still there.
    Run(Figures),
    /// Metrics alone, of this program and of the other one.
    Metrics(Vec<Option<f64>>, Option<Vec<Option<f64>>>),
}

/// Why a unit gave nothing.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("{0}")]
    Other(String),
}

impl Trouble {
    fn exit(&self) -> Exit {
        match self {
            Self::Run(error) => error.exit(),
            Self::Other(_) => Exit::File,
        }
    }
}

/// The directory of all runs of this process; goes away with its owner.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("arable-check-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed lies where the system keeps temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs what the suites name and compares, or blesses.
#[must_use]
pub fn check(suites: &[Suite], asked: &Asked<'_>) -> Report {
    let scratch = Scratch::new();
    let mut items = Vec::new();
    let mut fresh = false;
    for suite in suites {
        if !asked.options.interrupt.load(Ordering::Relaxed) {
            fresh |= suite.checks.iter().any(|c| wanted(asked, &c.name) && c.replicated.is_some());
            items.extend(one(suite, asked, &scratch.0));
        }
    }
    let interrupted = asked.options.interrupt.load(Ordering::Relaxed);
    Report {
        schema: SCHEMA.to_owned(),
        pass: !interrupted && items.iter().all(|item| item.pass),
        false_alarm: suites.iter().filter(|s| s.tests() > 0).map(|s| s.false_alarm).sum(),
        tests: suites.iter().map(Suite::tests).sum(),
        seed: fresh.then_some(asked.seed),
        interrupted,
        items,
    }
}

fn wanted(asked: &Asked<'_>, name: &str) -> bool {
    asked.only.is_empty() || asked.only.iter().any(|only| only == name)
}

fn one(suite: &Suite, asked: &Asked<'_>, scratch: &Path) -> Vec<Item> {
    let mut items = Vec::new();
    let mut ready: Vec<(&Check, Option<Baseline>)> = Vec::new();
    let mut units: Vec<Unit<'_>> = Vec::new();
    for check in suite.checks.iter().filter(|check| wanted(asked, &check.name)) {
        match prepare(check, asked) {
            Ok((baseline, needed)) => {
                ready.push((check, baseline));
                units.extend(needed);
            }
            Err((exit, why)) => {
                items.push(
                    Item::new(&check.name, kinds(check)[0], &suite.file, check.line)
                        .failed(exit, why),
                );
            }
        }
    }
    let done = AtomicU64::new(0);
    let all = units.len() as u64;
    let gave: Vec<Result<Gave, Trouble>> = units
        .par_iter()
        .enumerate()
        .with_max_len(1)
        .map(|(number, unit)| {
            let gave = carry_out(unit, asked, &scratch.join(number.to_string()));
            (asked.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, all);
            gave
        })
        .collect();
    let mut both: Vec<(Unit<'_>, Result<Gave, Trouble>)> = units.into_iter().zip(gave).collect();
    for (check, baseline) in ready {
        let mine: Vec<_> =
            both.extract_if(.., |(unit, _)| std::ptr::eq(unit.check, check)).collect();
        items.extend(match (baseline, asked.bless) {
            (Some(baseline), None) => compare::compare(suite, check, &baseline, mine, asked),
            (_, reason) => {
                vec![compare::bless(suite, check, mine, asked.seed, reason.unwrap_or_default())]
            }
        });
    }
    for table in suite.tables.iter().filter(|table| wanted(asked, &table.name)) {
        if !asked.options.interrupt.load(Ordering::Relaxed) {
            items.push(tables::check(suite, table, asked.bless));
        }
    }
    items
}

/// The ways in which a check compares, at least one.
fn kinds(check: &Check) -> Vec<Kind> {
    let all = [
        (check.exact, Kind::Exact),
        (!check.bands.is_empty(), Kind::Bands),
        (check.replicated.is_some(), Kind::Replicated),
    ];
    all.into_iter().filter(|(has, _)| *has).map(|(_, kind)| kind).collect()
}

type Prepared<'a> = (Option<Baseline>, Vec<Unit<'a>>);

/// The baseline of a check and the runs it needs.
fn prepare<'a>(check: &'a Check, asked: &Asked<'_>) -> Result<Prepared<'a>, (Exit, String)> {
    let baseline = if asked.bless.is_some() {
        None
    } else {
        if !check.baseline.exists() {
            let (file, name) = (check.baseline.display(), &check.name);
            let why = format!("there is no {file}; write it with --only {name} --bless REASON");
            return Err((Exit::File, why));
        }
        let baseline =
            Baseline::load(&check.baseline).map_err(|error| (Exit::File, error.to_string()))?;
        compare::fits(check, &baseline).map_err(|why| (Exit::Failed, why))?;
        Some(baseline)
    };
    let mut units = Vec::new();
    if check.exact || !check.bands.is_empty() {
        let plan = source(check)?.plan().map_err(told)?.0;
        units.push(Unit { check, plan, replicated: false });
    }
    if let Some(Replicated { fresh, recorded, .. }) = check.replicated {
        let count = if asked.bless.is_some() { recorded } else { fresh };
        units.extend(replicated_units(check, asked.seed, 0..count)?);
    }
    Ok((baseline, units))
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` asks for")]
fn told(wrong: Diagnostics) -> (Exit, String) {
    (wrong.exit(), wrong.render(false).trim_end().to_owned())
}

/// The scenario of a check with its changes.
fn source(check: &Check) -> Result<Source, (Exit, String)> {
    let mut source = Source::load(&check.scenario).map_err(told)?;
    for change in &check.set {
        let (path, value) = change.split_once('=').unwrap_or((change, ""));
        source.set(path.trim(), value.trim()).map_err(told)?;
    }
    Ok(source)
}

/// Runs of a check on seeds of their own: replications of one seed share their population.
fn replicated_units(
    check: &Check,
    from: u64,
    numbers: core::ops::Range<u32>,
) -> Result<Vec<Unit<'_>>, (Exit, String)> {
    let mut source = source(check)?;
    source.set("replications", "1").map_err(told)?;
    source.set("antithetic", "false").map_err(told)?;
    let unit = |number| {
        source.set("seed", &seed_of(from, number).to_string()).map_err(told)?;
        let plan = source.plan().map_err(told)?.0;
        Ok(Unit { check, plan, replicated: true })
    };
    numbers.map(unit).collect()
}

/// The seed of a run.
fn seed_of(from: u64, number: u32) -> u64 {
    // The largest that all tools read without loss.
    Stream::new(from, number.into()).bits() >> 11
}

fn carry_out(unit: &Unit<'_>, asked: &Asked<'_>, dir: &Path) -> Result<Gave, Trouble> {
    let figures = guarded(|| run::measure(&unit.plan, dir, asked.options))?;
    let Some(Replicated { metrics, .. }) =
        unit.check.replicated.as_ref().filter(|_| unit.replicated)
    else {
        return Ok(Gave::Run(figures));
    };
    let mine = metrics.iter().map(|name| figures.metrics.get(name).map(|m| m.value)).collect();
    let others = asked.against.map(|program| other(program, unit, metrics, dir)).transpose()?;
    // Tables of many runs are more than a disk may hold.
    let _ = std::fs::remove_dir_all(dir);
    Ok(Gave::Metrics(mine, others))
}

/// An assertion of the model that does not hold ends the run, not the check.
fn guarded<T>(run: impl FnOnce() -> Result<T, RunError>) -> Result<T, RunError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no words");
        Err(RunError::Model(format!("an assertion does not hold: {text}")))
    })
}

/// The metrics that another build of this program gives on the same seed.
fn other(
    program: &Path,
    unit: &Unit<'_>,
    metrics: &[String],
    dir: &Path,
) -> Result<Vec<Option<f64>>, Trouble> {
    let mut command = Command::new(program);
    command.arg("run").arg(&unit.check.scenario).args(["--quiet", "--json", "--out"]).arg(dir);
    for change in &unit.check.set {
        command.args(["--set", change]);
    }
    command.args(["--set", "antithetic=false", "--replications", "1"]);
    command.args(["--seed", &unit.plan.seed.to_string()]);
    let failed = |why: String| Trouble::Other(format!("{}: {why}", program.display()));
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|_| {
        let words = String::from_utf8_lossy(&output.stderr);
        failed(format!("it did not run the scenario: {}", words.trim()))
    })?;
    let empty = Vec::new();
    let list = told["metrics"].as_array().unwrap_or(&empty);
    let value = |name: &String| {
        list.iter().find(|m| m["name"] == name.as_str()).and_then(|m| m["value"].as_f64())
    };
    Ok(metrics.iter().map(value).collect())
}
