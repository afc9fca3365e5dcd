//! A plan to a run directory: replications in parallel, then tables, metrics and report.
//!
//! The directory is written under a temporary name (`….partial-<process>`) and renamed when
//! whole, so that no directory looks complete that is not; a run that ends early can be gone
//! on with from there ([`crate::resume`]). Running an identical plan again
//! must give identical digests, and then changes nothing.

pub mod model;

use std::cell::Cell;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use reports::context::{Coin, Control, Named, Stage, TableSummary, Verdict};
use reports::level::{self, Standing};
use reports::{Context, Metrics, Tally};
use serde::{Deserialize, Serialize};
use sim_core::determinism::{self, Difference, Log, Watch};
use sim_core::digest::Digest;
use sim_core::engine::{Engine, Stop};
use sim_core::trace::{self, Summaries, Trace, TraceError};
use sim_types::units::COINS;
use sim_types::{Amount, SimTime, TraceLevel};

use crate::control::{self, Controlled, Measured, Number};
use crate::exit::Exit;
use crate::manifest::{Checkpoint, ENGINE_VERSION, Host, Manifest, Outcome, SCHEMA};
use crate::plan::{Expectation, Plan};
use crate::resume::{Every, Saver, Workplace};
use crate::snapshot;
use crate::world::{BuildError, Rejections, Totals, Trouble, World};

/// How a run is carried out; nothing here changes its result.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where run directories go; of a study, its own directory.
    pub out: PathBuf,
    /// Threads for replications and, where there are more, for the subnets of each; 0 = one a
    /// core.
    pub threads: usize,
    /// Set from outside to stop.
    pub interrupt: Arc<AtomicBool>,
    /// Simulated nanoseconds done, over all replications; of a model steps, of a study runs; for
    /// progress.
    pub done: Arc<AtomicU64>,
    /// The command that repeats the run.
    pub replay: String,
    /// What a reader of the report must know: warnings of the plan.
    pub notes: Vec<String>,
    /// When to take the snapshots from which a run that ends early is gone on with; without
    /// it such a run leaves nothing.
    pub snapshots: Option<Every>,
    /// Begin anew, even where an earlier run could be gone on with.
    pub fresh: bool,
    /// Takes what a person may want to know while it happens.
    pub say: fn(&str),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            out: PathBuf::from("runs"),
            threads: 0,
            interrupt: Arc::default(),
            done: Arc::default(),
            replay: String::new(),
            notes: Vec::new(),
            snapshots: None,
            fresh: false,
            say: |_| (),
        }
    }
}

/// A finished run.
#[derive(Debug)]
pub struct Run {
    /// Its directory.
    pub dir: PathBuf,
    /// Whether the directory was there already, with the same digests.
    pub unchanged: bool,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Its metrics.
    pub metrics: Metrics,
}

/// Why a run did not finish.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan and the rules disagree.
    #[error("failed to build the world: {0}")]
    Build(#[from] BuildError),
    /// A file of the trace.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// A file read or written during the simulation.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// Metrics, figures or page.
    #[error(transparent)]
    Report(#[from] reports::ReportError),
    /// Another file.
    #[error("failed to {action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The same plan gave other digests than before.
    #[error("{what} differ from the earlier run in {dir}: found {found}, expected {expected}")]
    Differs {
        /// Which digest.
        what: String,
        /// The earlier run.
        dir: PathBuf,
        /// Now.
        found: String,
        /// Before.
        expected: String,
    },
    /// A failure of the model, with its culprit.
    #[error("{0}")]
    Model(String),
    /// A stepped model left the numbers.
    #[error("the model diverged: `{0}` is not a finite number at the end")]
    Diverged(&'static str),
    /// A stepped model refuses its parameters.
    #[error("the model refuses its parameters: {0}")]
    Parameter(#[from] sim_types::ParamError),
    /// Ctrl-C; names the directory that the next run goes on from, if there is one.
    #[error("interrupted{}", how_to_go_on(.0.as_deref()))]
    Interrupted(Option<PathBuf>),
}

fn how_to_go_on(kept: Option<&Path>) -> String {
    kept.map_or_else(String::new, |dir| {
        format!(
            "; the same command again goes on from here (kept in {}), with --fresh it begins anew",
            dir.display()
        )
    })
}

impl RunError {
    /// The exit code that goes with it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Build(_) | Self::Parameter(_) => Exit::Scenario,
            Self::Diverged(_) => Exit::Failed,
            Self::Trace(_) | Self::Trouble(_) | Self::Report(_) | Self::File { .. } => Exit::File,
            Self::Differs { .. } => Exit::NonDeterminism,
            Self::Model(_) => Exit::Bug,
            Self::Interrupted(_) => Exit::Interrupted,
        }
    }
}

/// Events between two checkpoints, at least.
const SLICE: u64 = 1 << 16;

/// What one replication leaves besides its tables.
#[derive(Serialize, Deserialize)]
struct Replica {
    events: Digest,
    /// Of what every account holds at the end.
    balances: Digest,
    handled: u64,
    ties: u64,
    rejections: Rejections,
    checkpoints: Vec<Checkpoint>,
    tables: Summaries,
}

/// The directory that a plan's run goes to. The trace level is part of the name where it is not
/// `full`, since the digests of the tables depend on it: runs of one plan at several levels
/// lie side by side, and none is taken for another.
#[must_use]
pub fn directory(out: &Path, plan: &Plan) -> PathBuf {
    let level = match plan.trace {
        TraceLevel::Full => String::new(),
        TraceLevel::Sampled(one_in) => format!("-sampled-{}", one_in.0),
        level => format!("-{level}"),
    };
    out.join(format!("{}-{}{level}", plan.name, &plan.digest()[..12]))
}

/// Runs a plan and writes its directory.
///
/// # Errors
/// See [`RunError`].
pub fn run(plan: &Plan, options: &Options) -> Result<Run, RunError> {
    let dir = directory(&options.out, plan);
    let file = |action, path: &Path| {
        let path = path.to_owned();
        move |source| RunError::File { action, path, source }
    };
    let place = Workplace::open(&dir, plan, options.snapshots, options.fresh, options.say)?;
    let partial = place.dir().to_owned();
    let tables = partial.join("trace");
    let cleaned = Cleaned(Cell::new(Some(&partial)));

    let controlled = pool(of_subnets(options, plan))?.install(|| {
        let number = Number::of(plan);
        control::replications(number, |rep| measured(plan, rep, &tables, options, &place))
    });
    let Controlled { kept: replicas, discarded, stopped } =
        controlled.map_err(|error| match error {
            RunError::Model(_) | RunError::Build(_) => error,
            error if !place.is_resumable() => error,
            error => {
                cleaned.keep();
                match error {
                    RunError::Interrupted(_) => RunError::Interrupted(Some(partial.clone())),
                    error => {
                        (options.say)(&format!(
                            "the same command again goes on from the last snapshot (kept in {})",
                            partial.display()
                        ));
                        error
                    }
                }
            }
        })?;
    for (rep, replica) in (0_u32..).skip(replicas.len()).zip(&discarded) {
        control::remove(&tables, rep, &replica.tables)?;
    }
    let parts: Vec<_> = replicas.iter().map(|replica| replica.tables.clone()).collect();
    let summaries = trace::join_parts(&tables, &parts)?;
    let outcome = outcome(plan, replicas, &summaries);

    if dir.join("manifest.json").exists() {
        let earlier = Manifest::load(&dir).map_err(|error| RunError::Model(error.to_string()))?;
        same(&outcome, &earlier.result, &dir)?;
        // A directory that was damaged since is written anew below.
        if let (Ok(()), Some(metrics)) = (earlier.holds(&dir), intact(&dir, &earlier)) {
            return Ok(Run { dir, unchanged: true, manifest: earlier, metrics });
        }
    }

    let mut context = context(plan, &outcome, options, &summaries);
    if let Some(decision) = &stopped {
        context.replications = decision.replications;
    }
    context.control.stopped = stopped;
    let tally = Tally::read(&tables, &context)?;
    let metrics = tally.metrics(&context);
    let (judged, unjudged): (Vec<_>, Vec<_>) = plan
        .expect
        .iter()
        .cloned()
        .partition(|e| level::standing(&e.metric, plan.trace) != Standing::Withheld);
    context.verdicts = verdicts(&judged, &metrics);
    context.notes.extend(unjudged.iter().map(|expectation| {
        let level = plan.trace;
        format!("Not judged at trace level {level}: the expectation on {}.", expectation.metric)
    }));
    let manifest = Manifest {
        schema: SCHEMA.to_owned(),
        arable: env!("CARGO_PKG_VERSION").to_owned(),
        commit: env!("ARABLE_COMMIT").to_owned(),
        result: outcome,
        host: Host::here(),
        context,
        plan: plan.clone(),
    };
    reports::write_tally(&partial, &manifest.context, &tally, &metrics)?;
    write_json(&partial.join("manifest.json"), &manifest)?;
    let resolved = partial.join("scenario.resolved.yaml");
    fs::write(&resolved, plan.to_yaml()).map_err(file("write", &resolved))?;
    place.over(&parts)?;
    // Another process may finish the same plan at this moment: whoever comes second replaces
    // equal results by equal results.
    let mut renamed = fs::rename(&partial, &dir);
    for _ in 0..16 {
        if renamed.is_ok() {
            break;
        }
        if dir.exists() {
            // Gone already is as good as removed; anything else shows in the next rename.
            let _ = fs::remove_dir_all(&dir);
        }
        renamed = fs::rename(&partial, &dir);
    }
    renamed.map_err(file("rename to its final name", &partial))?;
    cleaned.keep();
    Ok(Run { dir, unchanged: false, manifest, metrics })
}

/// The numbers of a run without its directory.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) outcome: Outcome,
    pub(crate) metrics: Metrics,
    /// The directory of its tables.
    pub(crate) tables: PathBuf,
}

/// Runs a plan for its numbers, on the threads of the current pool. Tables go under `dir`,
/// which is the caller's to remove; no report is written.
///
/// # Errors
/// See [`RunError`].
pub(crate) fn measure(plan: &Plan, dir: &Path, options: &Options) -> Result<Figures, RunError> {
    let place = Workplace::open(&dir.join("run"), plan, None, true, options.say)?;
    let tables = place.dir().join("trace");
    let Controlled { kept: replicas, discarded, stopped } =
        control::replications(Number::of(plan), |rep| {
            measured(plan, rep, &tables, options, &place)
        })?;
    for (rep, replica) in (0_u32..).skip(replicas.len()).zip(&discarded) {
        control::remove(&tables, rep, &replica.tables)?;
    }
    let parts: Vec<_> = replicas.iter().map(|replica| replica.tables.clone()).collect();
    let summaries = trace::join_parts(&tables, &parts)?;
    let outcome = outcome(plan, replicas, &summaries);
    let mut context = context(plan, &outcome, options, &summaries);
    if let Some(decision) = &stopped {
        context.replications = decision.replications;
    }
    let metrics = Tally::read(&tables, &context)?.metrics(&context);
    Ok(Figures { outcome, metrics, tables })
}

/// The events of replication 0, watched and without a trace: of the hub, then of every subnet.
pub(crate) fn watch(plan: &Plan, options: &Options, watch: &Watch) -> Result<Vec<Log>, RunError> {
    let mut engine = World::watched(World::start(plan, 0)?, watch);
    if drive(&mut engine, plan.horizon, options, &mut Checkpoints::default(), None)? {
        return Err(RunError::Interrupted(None));
    }
    Ok(World::logs(&engine))
}

/// The accounts at the end of replication 0, with their names and what they hold, in the order in
/// which the digest of balances takes them.
pub(crate) fn accounts(plan: &Plan, options: &Options) -> Result<Vec<(String, Amount)>, RunError> {
    let mut engine = World::start(plan, 0)?;
    if drive(&mut engine, plan.horizon, options, &mut Checkpoints::default(), None)? {
        return Err(RunError::Interrupted(None));
    }
    let now = engine.now();
    engine.model_mut().close(now);
    let world = engine.into_model();
    // One ledger a subnet, or two where subnets have a coin of their own.
    let each = (world.ledgers().count() / usize::from(plan.subnets).max(1)).max(1);
    let named = |(place, ledger): (usize, &sim_core::Ledger)| -> Vec<(String, Amount)> {
        let coin = if place % each == 0 { "" } else { ", in its own coin" };
        let name = |account| match ledger.name(account) {
            Some(name) => format!("account `{name}` of subnet {}{coin}", place / each),
            None => format!("account {account} of subnet {}{coin}", place / each),
        };
        ledger.accounts().map(|(account, amount)| (name(account), amount)).collect()
    };
    Ok(world.ledgers().enumerate().flat_map(named).collect())
}

/// The metrics of a finished directory, if they are those of its trace.
fn intact(dir: &Path, manifest: &Manifest) -> Option<Metrics> {
    let metrics = reports::compute(&dir.join("trace"), &manifest.context).ok()?;
    let written = fs::read_to_string(dir.join("metrics.json")).ok()?;
    let whole = dir.join("report.html").exists() && metrics.to_json().ok()? == written;
    whole.then_some(metrics)
}

/// As many threads as asked for (0 = one a core), but no more than there is work for.
pub(crate) fn threads(asked: usize, work: u32) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, core::num::NonZero::get);
    let asked = if asked == 0 { cores } else { asked };
    asked.min(usize::try_from(work).unwrap_or(usize::MAX)).max(1)
}

/// Threads for the subnets of all replications.
fn of_subnets(options: &Options, plan: &Plan) -> usize {
    threads(options.threads, plan.replications.saturating_mul(plan.subnets.into()))
}

/// Removes the unfinished directory unless told to keep it.
struct Cleaned<'a>(Cell<Option<&'a Path>>);

impl Cleaned<'_> {
    fn keep(&self) {
        self.0.set(None);
    }
}

impl Drop for Cleaned<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.0.get() {
            // The error that led here matters more than a directory left behind, whose name
            // says that it is partial.
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// Writes JSON for people: indented, with a last line feed. Where it cannot be written whole,
/// a file of that name stays as it was.
pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), RunError> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| {
        RunError::Model(format!("failed to serialise {}: {error}", path.display()))
    })?;
    text.push('\n');
    let written = snapshot::swap(path, |file| io::Write::write_all(file, text.as_bytes()));
    written.map_err(|source| RunError::File { action: "write", path: path.to_owned(), source })
}

/// A replication, and what it says of the metric that decides whether more are needed.
fn measured(
    plan: &Plan,
    rep: u32,
    tables: &Path,
    options: &Options,
    place: &Workplace<'_>,
) -> Result<Measured<Replica>, RunError> {
    let replica = replicate(plan, rep, tables, options, place)?;
    let value = match &plan.stopping {
        Some(rule) => {
            let outcome = outcome(plan, Vec::new(), &replica.tables);
            let mut context = context(plan, &outcome, options, &replica.tables);
            context.replications = rep + 1;
            control::measure(&rule.metric, tables, rep, &replica.tables, &context)?
        }
        None => None,
    };
    Ok(Measured { replica, value })
}

fn replicate(
    plan: &Plan,
    rep: u32,
    tables: &Path,
    options: &Options,
    place: &Workplace<'_>,
) -> Result<Replica, RunError> {
    if let Some(replica) = place.finished(rep) {
        options.done.fetch_add(plan.horizon.0, Ordering::Relaxed);
        return Ok(replica);
    }
    if options.interrupt.load(Ordering::Relaxed) {
        return Err(RunError::Interrupted(None));
    }
    let (mut engine, mut checkpoints) = match place.take_up(rep)? {
        Some(taken) => taken,
        None => (start(plan, rep, tables)?, Checkpoints::default()),
    };
    options.done.fetch_add(engine.now().0, Ordering::Relaxed);
    let mut saver = place.saver(rep, engine.now());
    if drive(&mut engine, plan.horizon, options, &mut checkpoints, Some(&mut saver))? {
        return Err(RunError::Interrupted(None));
    }
    let Closed { totals: Totals { events, handled, ties }, balances, rejections, tables } =
        close(engine)?;
    let checkpoints = if rep == 0 { checkpoints.list } else { Vec::new() };
    let replica = Replica { events, balances, handled, ties, rejections, checkpoints, tables };
    place.keep(rep, &replica, &replica.tables)?;
    Ok(replica)
}

/// What a replication comes to.
struct Closed {
    totals: Totals,
    balances: Digest,
    rejections: Rejections,
    tables: Summaries,
}

/// Ends a replication.
fn close(mut engine: Engine<World>) -> Result<Closed, RunError> {
    let now = engine.now();
    engine.model_mut().close(now);
    let totals = World::totals(&engine);
    let mut world = engine.into_model();
    let rejections = world.rejections();
    let balances = balances(&world);
    let trace = world.detach();
    if let Some(trouble) = world.take_trouble() {
        return Err(trouble.into());
    }
    let tables = trace.map(Trace::finish).transpose()?.unwrap_or_default();
    Ok(Closed { totals, balances, rejections, tables })
}

/// The metrics of one replication alone, on this thread, as a trace of this level shows them;
/// the trace is left in `scratch`, an empty directory.
pub(crate) fn alone(
    plan: &Plan,
    rep: u32,
    level: TraceLevel,
    scratch: &Path,
    interrupt: &Arc<AtomicBool>,
) -> Result<Metrics, RunError> {
    let options = Options { interrupt: Arc::clone(interrupt), ..Options::default() };
    let mut engine = World::start(plan, rep)?;
    engine.model_mut().keep_to_this_thread();
    engine.model_mut().attach(Trace::create_at(scratch, rep, level)?);
    if drive(&mut engine, plan.horizon, &options, &mut Checkpoints::default(), None)? {
        return Err(RunError::Interrupted(None));
    }
    let Closed { tables, .. } = close(engine)?;
    let outcome = outcome(plan, Vec::new(), &tables);
    let mut context = context(plan, &outcome, &options, &tables);
    context.trace = level;
    context.replications = rep + 1;
    control::metrics(scratch, rep, &tables, &context)
}

/// Digest of what every account of every ledger holds.
fn balances(world: &World) -> Digest {
    let held = world.ledgers().flat_map(sim_core::Ledger::accounts);
    let bytes: Vec<u8> = held.flat_map(|(_, amount)| amount.0.to_le_bytes()).collect();
    Digest::of(&bytes)
}

/// A replication at its beginning.
fn start(plan: &Plan, rep: u32, tables: &Path) -> Result<Engine<World>, RunError> {
    let mut engine = World::start(plan, rep)?;
    if plan.trace != TraceLevel::Off {
        engine.model_mut().attach(Trace::create_at(tables, rep, plan.trace)?);
    }
    Ok(engine)
}

/// Digests along the way, thinned out so that there are never more than 128.
#[derive(Default, Serialize, Deserialize)]
struct Checkpoints {
    list: Vec<Checkpoint>,
    every: u64,
    slices: u64,
    /// Events handled at the last slice.
    at: u64,
}

impl Checkpoints {
    fn take(&mut self, engine: &Engine<World>) {
        let handled = World::handled(engine);
        if handled - self.at < SLICE {
            return;
        }
        self.at = handled;
        self.every = self.every.max(1);
        self.slices += 1;
        if !self.slices.is_multiple_of(self.every) {
            return;
        }
        self.list.push(Checkpoint {
            events: handled,
            time: engine.now().0,
            digest: World::totals(engine).events.to_string(),
        });
        if self.list.len() == 128 {
            self.every *= 2;
            let mut odd = false;
            self.list.retain(|_| {
                odd = !odd;
                !odd
            });
        }
    }
}

/// Drives a world to the horizon, one event of its hub at a time: progress and interruption
/// are looked at between two of them. True if it was interrupted.
fn drive(
    engine: &mut Engine<World>,
    horizon: SimTime,
    options: &Options,
    checkpoints: &mut Checkpoints,
    mut saver: Option<&mut Saver<'_>>,
) -> Result<bool, RunError> {
    loop {
        let before = engine.now();
        let stop = engine.run_until(horizon, 1);
        options.done.fetch_add(engine.now().since(before).0, Ordering::Relaxed);
        if engine.model().in_trouble() {
            return match engine.model_mut().take_trouble() {
                Some(trouble) => Err(trouble.into()),
                None => Ok(false),
            };
        }
        match stop {
            Stop::Failed => {
                let error = match engine.model().failure() {
                    Some((subnet, error)) => format!("subnet {subnet}: {error}"),
                    None => engine.error().map_or_else(String::new, ToString::to_string),
                };
                return Err(RunError::Model(error));
            }
            Stop::Budget => checkpoints.take(engine),
            Stop::Idle | Stop::Horizon => return Ok(false),
        }
        let interrupted = options.interrupt.load(Ordering::Relaxed);
        if let Some(saver) = &mut saver {
            saver.look(engine, checkpoints, interrupted)?;
        }
        if interrupted {
            return Ok(true);
        }
    }
}

/// The first event at which two runs of one plan part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parting {
    /// In which subnet; in none if it happens to the whole network.
    pub subnet: Option<usize>,
    /// Which event. Its index and entity are those of the subnet's own engine.
    pub difference: Difference,
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subnet {
            Some(subnet) => write!(f, "in subnet {subnet}, {}", self.difference),
            None => write!(f, "in the network, {}", self.difference),
        }
    }
}

/// Runs a plan twice without a trace and names the first event that differs: by time, and at
/// one time by subnet.
///
/// # Errors
/// See [`RunError`].
pub fn check_determinism(plan: &Plan, options: &Options) -> Result<Option<Parting>, RunError> {
    let run = |watched: &Watch| watch(plan, options, watched);
    pool(of_subnets(options, plan))?.install(|| {
        let twice = [run(&Watch::blocks())?, run(&Watch::blocks())?];
        let mut first: Option<Parting> = None;
        for engine in 0..twice[0].len() {
            // Both runs are there already; only what captures events is run for.
            let mut kept = twice.iter().map(|logs| logs[engine].clone());
            let difference = determinism::first_difference(|watch| match kept.next() {
                Some(log) => Ok(log),
                None => run(&watch).map(|mut logs| logs.swap_remove(engine)),
            })?;
            let Some(difference) = difference else { continue };
            if first.as_ref().is_none_or(|first| difference.time < first.difference.time) {
                first = Some(Parting { subnet: engine.checked_sub(1), difference });
            }
        }
        Ok(first)
    })
}

pub(crate) fn pool(threads: usize) -> Result<rayon::ThreadPool, RunError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| RunError::Model(format!("failed to start threads: {error}")))
}

fn outcome(plan: &Plan, replicas: Vec<Replica>, summaries: &Summaries) -> Outcome {
    let (mut all, mut balances) = (Vec::new(), Vec::new());
    let mut rejections = Rejections::default();
    let (mut handled, mut ties, mut checkpoints) = (0, 0, Vec::new());
    for replica in replicas {
        all.extend_from_slice(&replica.events.0);
        balances.extend_from_slice(&replica.balances.0);
        handled += replica.handled;
        ties += replica.ties;
        rejections = rejections.plus(replica.rejections);
        checkpoints.extend(replica.checkpoints);
    }
    Outcome {
        plan: plan.digest(),
        events: Digest::of(&all).to_string(),
        tables: summaries.iter().map(|(name, s)| (name.clone(), s.digest.to_string())).collect(),
        balances: Some(Digest::of(&balances).to_string()),
        events_handled: handled,
        ties,
        rejections,
        checkpoints,
    }
}

/// Whether two outcomes of one plan are the same.
///
/// # Errors
/// [`RunError::Differs`] with the first digest that is not.
pub fn same(now: &Outcome, before: &Outcome, dir: &Path) -> Result<(), RunError> {
    let differs = |what: &str, found: &str, expected: &str| RunError::Differs {
        what: what.to_owned(),
        dir: dir.to_owned(),
        found: found.to_owned(),
        expected: expected.to_owned(),
    };
    if now.events != before.events {
        let what = format!("events {}", parted(now, before));
        return Err(differs(&what, &now.events, &before.events));
    }
    for (table, digest) in &before.tables {
        let found = now.tables.get(table).map_or("no such table", String::as_str);
        if found != digest {
            return Err(differs(&format!("rows of table {table}"), found, digest));
        }
    }
    if let (Some(found), Some(expected)) = (&now.balances, &before.balances)
        && found != expected
    {
        return Err(differs("balances of accounts", found, expected));
    }
    Ok(())
}

/// Where two runs parted, as far as their checkpoints tell.
#[must_use]
pub fn parted(now: &Outcome, before: &Outcome) -> String {
    let equal = now.checkpoints.iter().zip(&before.checkpoints).take_while(|(a, b)| a == b);
    let (from, since) =
        equal.last().map_or((0, 0), |(checkpoint, _)| (checkpoint.events, checkpoint.time));
    let to = now.checkpoints.iter().find(|c| c.events > from).map_or_else(
        || "the end".to_owned(),
        |c| format!("event {} (at {:.3} s)", c.events, SimTime(c.time).seconds()),
    );
    format!("between event {from} (at {:.3} s) and {to}", SimTime(since).seconds())
}

/// Holds the metrics against what the scenario expects.
#[must_use]
pub fn verdicts(expect: &[Expectation], metrics: &Metrics) -> Vec<Verdict> {
    expect
        .iter()
        .map(|expectation| {
            let found = metrics.get(&expectation.metric).map(|metric| metric.value);
            let above = |bound: Option<f64>| bound.is_none_or(|b| found.is_some_and(|v| v >= b));
            let below = |bound: Option<f64>| bound.is_none_or(|b| found.is_some_and(|v| v <= b));
            let wanted = match (expectation.at_least, expectation.at_most) {
                (Some(low), Some(high)) => format!("{low} to {high}"),
                (Some(low), None) => format!("at least {low}"),
                (None, Some(high)) => format!("at most {high}"),
                (None, None) => "any value".to_owned(),
            };
            Verdict {
                name: expectation.metric.clone(),
                wanted,
                found: found
                    .map_or_else(|| "no such metric in this run".to_owned(), |v| format!("{v}")),
                pass: found.is_some() && above(expectation.at_least) && below(expectation.at_most),
            }
        })
        .collect()
}

fn context(plan: &Plan, outcome: &Outcome, options: &Options, summaries: &Summaries) -> Context {
    let (coin, smallest) = COINS[0];
    let host = Host::here();
    let named = |name: &str, value: String| Named { name: name.to_owned(), value };
    Context {
        title: plan.title.clone(),
        scenario: plan.name.clone(),
        description: String::new(),
        seed: plan.seed,
        replications: plan.replications,
        horizon_ns: plan.horizon.0,
        block_interval_ns: Some(plan.settlement.block_interval().0),
        coin: Coin {
            name: coin.to_owned(),
            smallest_units: smallest,
            #[expect(clippy::cast_precision_loss, reason = "a price for display")]
            usd: plan.token_price.map(|usd| usd.0 as f64 / 1e6),
        },
        design: plan
            .design()
            .into_iter()
            .map(|(stage, rule)| Stage { stage: stage.to_owned(), rule: rule.to_owned() })
            .collect(),
        calibration: None,
        facts: plan.facts.clone(),
        verdicts: Vec::new(),
        replay: options.replay.clone(),
        plan_digest: outcome.plan.clone(),
        event_digest: outcome.events.clone(),
        provenance: vec![
            named("arable", env!("CARGO_PKG_VERSION").to_owned()),
            named("commit", env!("ARABLE_COMMIT").to_owned()),
            named("engine version", ENGINE_VERSION.to_string()),
            named("host", format!("{}, {} cores", host.system, host.cores)),
            named("device", host.device),
            named("events", outcome.events_handled.to_string()),
            named("ties between sources", outcome.ties.to_string()),
        ],
        trace: plan.trace,
        tables: summaries
            .iter()
            .map(|(name, s)| TableSummary {
                name: name.clone(),
                rows: s.rows,
                digest: s.digest.to_string(),
            })
            .collect(),
        attackers: plan
            .groups
            .iter()
            .filter(|group| group.attacks)
            .map(|group| group.name.clone())
            .collect(),
        notes: options.notes.iter().cloned().chain(level::note(plan.trace)).collect(),
        control: Control { antithetic: plan.antithetic, warmup: plan.warmup, stopped: None },
    }
}
