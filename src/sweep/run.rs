//! Design points to runs to a store: on all threads, each run stored as soon as it ends. What
//! is stored already is not run again, and a run that fails is stored with its reason.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde::Serialize;

use super::Sweep;
use super::page::PageError;
use crate::control::{self, Controlled, Measured, Number};
use crate::exit::Exit;
use crate::experiment::{Experiment, Value, evaluate_until};
use crate::run::{self, RunError};
use crate::store::{self, Failures, Id, Keys, Record, Reused, Shard, Store, StoreError};

/// How a sweep is carried out; nothing here changes what it leaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory of the store.
    pub out: PathBuf,
    /// Which design points are run.
    pub shard: Shard,
    /// Threads; 0 = one a core.
    pub threads: usize,
    /// Another store whose equal runs are taken over.
    pub reuse: Option<PathBuf>,
    /// Set from outside to stop.
    pub interrupt: Arc<AtomicBool>,
    /// Runs done; for progress.
    pub done: Arc<AtomicU64>,
    /// Takes what a person may want to know while it happens.
    pub say: fn(&str),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            out: PathBuf::from("sweeps"),
            shard: Shard::WHOLE,
            threads: 0,
            reuse: None,
            interrupt: Arc::default(),
            done: Arc::default(),
            say: |_| (),
        }
    }
}

/// What a sweep came to.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The directory of the store.
    pub store: PathBuf,
    /// The table of parameters and metrics.
    pub table: PathBuf,
    /// Design points of this store.
    pub points: u32,
    /// Design points that constraints left out.
    pub left_out: u32,
    /// Runs in the store.
    pub runs: u64,
    /// Of these, run now.
    pub run_now: u64,
    /// Of these, taken over from another store.
    pub reused: u64,
    /// Of these, failed.
    pub failed: u64,
    /// The first that failed, by design point and replication.
    pub first_failure: Option<Failure>,
}

/// A run that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Its design point.
    pub point: u32,
    /// Its replication.
    pub replication: u32,
    /// Axes and values.
    pub parameters: Vec<(String, String)>,
    /// Why.
    pub error: String,
}

/// Why a sweep did not finish.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The machine, not the design point.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The page.
    #[error(transparent)]
    Page(#[from] PageError),
    /// Ctrl-C.
    #[error(
        "interrupted; what is done is kept in {}, and the same command again goes on from there",
        .0.display()
    )]
    Interrupted(PathBuf),
    /// A run asked for that cannot be had.
    #[error("{0}")]
    Asked(String),
    /// A run gave other figures than are stored.
    #[error("{metric} of run {key} differs from the store: found {found}, expected {expected}")]
    Differs {
        /// Which run.
        key: String,
        /// Which metric.
        metric: String,
        /// Now.
        found: String,
        /// In the store.
        expected: String,
    },
}

impl SweepError {
    /// The exit code that goes with it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Store(error) => error.exit(),
            Self::Run(error) => error.exit(),
            Self::Page(_) => Exit::File,
            Self::Interrupted(_) => Exit::Interrupted,
            Self::Asked(_) => Exit::Usage,
            Self::Differs { .. } => Exit::NonDeterminism,
        }
    }
}

/// Most runs that a shard of a sweep may take.
#[must_use]
pub fn most_runs(sweep: &Sweep, shard: Shard) -> u64 {
    let replications = sweep.some_experiment().map_or(1, |experiment| experiment.replications());
    u64::from(points(sweep, shard)) * u64::from(replications)
}

/// Design points of a shard.
fn points(sweep: &Sweep, shard: Shard) -> u32 {
    (sweep.points() + shard.of - shard.index) / shard.of
}

/// Runs what the store does not have yet.
///
/// # Errors
/// See [`SweepError`]; a design point that fails is no error.
pub fn run(sweep: &Sweep, options: &Options) -> Result<Report, SweepError> {
    let head = sweep.head(options.shard);
    let reused = options.reuse.as_deref().map(Reused::open).transpose()?;
    let work = Work {
        sweep,
        options,
        store: Store::open(&options.out, &head, options.say)?,
        reused,
        asked: Mutex::default(),
        run_now: AtomicU64::new(0),
        taken_over: AtomicU64::new(0),
    };
    if work.store.found() > 0 {
        (options.say)(&format!(
            "{} runs are in {} already",
            work.store.found(),
            options.out.display()
        ));
    }
    let runs = u32::try_from(most_runs(sweep, options.shard)).unwrap_or(u32::MAX);
    let pool = run::pool(run::threads(options.threads, runs))?;
    let all = 0..sweep.points();
    let done = pool.install(|| {
        all.into_par_iter()
            .filter(|point| options.shard.holds(*point))
            .try_for_each(|point| work.point(point))
    });
    let Work { store, asked, run_now, taken_over, .. } = work;
    if let Err(error) = done {
        // What is done is worth keeping whatever went wrong; that went wrong first.
        let _ = store.leave();
        return Err(match error {
            SweepError::Run(RunError::Interrupted(_)) => {
                SweepError::Interrupted(options.out.clone())
            }
            error => error,
        });
    }
    let asked = asked.into_inner().unwrap_or_else(PoisonError::into_inner);
    let runs = asked.len() as u64;
    let Failures { number: failed, first } = store.finish(&head, asked)?;
    let parameters = |record: &Record| {
        head.axes.iter().cloned().zip(record.parameters.iter().cloned()).collect()
    };
    Ok(Report {
        store: options.out.clone(),
        table: options.out.join("runs.parquet"),
        points: points(sweep, options.shard),
        left_out: sweep.candidates() - sweep.points(),
        runs,
        run_now: run_now.into_inner(),
        reused: taken_over.into_inner(),
        failed,
        first_failure: first.map(|record| Failure {
            point: record.point,
            replication: record.replication,
            parameters: parameters(&record),
            error: record.outcome.err().unwrap_or_default(),
        }),
    })
}

struct Work<'a> {
    sweep: &'a Sweep,
    options: &'a Options,
    store: Store,
    reused: Option<Reused>,
    /// The runs that the sweep asks for.
    asked: Mutex<Vec<Id>>,
    run_now: AtomicU64,
    taken_over: AtomicU64,
}

impl Work<'_> {
    fn point(&self, point: u32) -> Result<(), SweepError> {
        // What is stored already or refused starts no run that would look.
        if self.options.interrupt.load(Ordering::Relaxed) {
            return Err(RunError::Interrupted(None).into());
        }
        let parameters = self.sweep.parameters(point);
        let experiment = match self.sweep.experiment(&parameters) {
            Ok(experiment) => experiment,
            Err(refused) => {
                let first = refused.items.first().map(ToString::to_string).unwrap_or_default();
                let key = Keys::of_refused(&parameters).key(0);
                let outcome = Err(format!("the scenario refuses these values: {first}"));
                let seed = self.sweep.axes.iter().zip(&parameters).find(|(a, _)| a.path == "seed");
                let seed = seed.and_then(|(_, text)| text.parse().ok()).unwrap_or(0);
                let record = Record { key, point, replication: 0, seed, parameters, outcome };
                let id = record.id();
                if !self.store.holds(id) {
                    self.store.append(&record)?;
                    self.run_now.fetch_add(1, Ordering::Relaxed);
                }
                self.options.done.fetch_add(1, Ordering::Relaxed);
                self.ask(&[id]);
                return Ok(());
            }
        };
        let keys = Keys::of(&experiment);
        let number = experiment.number();
        if let Some(stored) = self.stored(&keys, point, number)? {
            self.ask(&stored);
            self.options.done.fetch_add(number.replications.into(), Ordering::Relaxed);
            return Ok(());
        }
        let one = |replication: u32| -> Result<Measured<Id>, SweepError> {
            let id = (keys.key(replication), point);
            let deciding = number.stopping.map(|rule| rule.metric.as_str());
            let outcome = self.outcome(id, &experiment, replication, &parameters, deciding)?;
            self.options.done.fetch_add(1, Ordering::Relaxed);
            let values = outcome.unwrap_or_default();
            let value = values.iter().find(|value| Some(value.name.as_str()) == deciding);
            Ok(Measured { replica: id, value: value.map(|value| value.value) })
        };
        let Controlled { kept, discarded, .. } = control::replications(number, one)?;
        self.ask(&kept);
        // Replications that turned out not to be needed count as done, for progress.
        let ran = u32::try_from(kept.len() + discarded.len()).unwrap_or(u32::MAX);
        let spared = number.replications.saturating_sub(ran);
        self.options.done.fetch_add(spared.into(), Ordering::Relaxed);
        Ok(())
    }

    /// The runs of a point if no more are needed: a round of replications under a rule for
    /// stopping may be larger than what is left to run.
    fn stored(
        &self,
        keys: &Keys,
        point: u32,
        number: Number<'_>,
    ) -> Result<Option<Vec<Id>>, SweepError> {
        let ids = (0..number.replications).map(|replication| (keys.key(replication), point));
        let mut ids: Vec<Id> = ids.take_while(|id| self.store.holds(*id)).collect();
        let Some(rule) = number.stopping else {
            return Ok((ids.len() == number.replications as usize).then_some(ids));
        };
        let mut values = Vec::with_capacity(ids.len());
        for id in &ids {
            let stored = self.store.get(*id)?.and_then(|record| record.outcome.ok());
            let deciding = |value: &Value| value.name == rule.metric;
            values.push(stored.and_then(|v| v.into_iter().find(deciding)).map(|v| v.value));
        }
        Ok(rule.decide(&values, number.antithetic).map(|decision| {
            ids.truncate(decision.replications as usize);
            ids
        }))
    }

    fn ask(&self, ids: &[Id]) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(ids);
    }

    /// What a run came to: from the store, from another one, or run now. Of a run that is
    /// stored already only the metric `deciding` on more replications is of interest.
    fn outcome(
        &self,
        id: Id,
        experiment: &Experiment,
        replication: u32,
        parameters: &[String],
        deciding: Option<&str>,
    ) -> Result<Option<Vec<Value>>, SweepError> {
        if self.store.holds(id) {
            let stored = deciding.map(|_| self.store.get(id)).transpose()?.flatten();
            return Ok(stored.and_then(|record| record.outcome.ok()));
        }
        let seed = experiment.seed();
        let other = self.reused.as_ref().map(|other| other.get(id.0)).transpose()?.flatten();
        let outcome = if let Some(record) = other {
            self.taken_over.fetch_add(1, Ordering::Relaxed);
            record.outcome
        } else {
            let outcome = evaluated(experiment, seed, replication, &self.options.interrupt)?;
            self.run_now.fetch_add(1, Ordering::Relaxed);
            outcome
        };
        let (key, point) = id;
        let parameters = parameters.to_vec();
        let record = Record { key, point, replication, seed, parameters, outcome };
        self.store.append(&record)?;
        Ok(record.outcome.ok())
    }
}

/// The figures of a run, or why the run failed; an error where the machine did.
pub(crate) fn evaluated(
    experiment: &Experiment,
    seed: u64,
    replication: u32,
    interrupt: &Arc<AtomicBool>,
) -> Result<Result<Vec<Value>, String>, RunError> {
    let run = AssertUnwindSafe(|| evaluate_until(experiment, seed, replication, interrupt));
    match catch_unwind(run) {
        Ok(Ok(values)) => Ok(Ok(values)),
        // The run's own fault: it would fail again.
        Ok(Err(
            error @ (RunError::Build(_)
            | RunError::Model(_)
            | RunError::Diverged(_)
            | RunError::Parameter(_)),
        )) => Ok(Err(error.to_string())),
        Ok(Err(error)) => Err(error),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("");
            Ok(Err(format!("a bug in arable: {text}")))
        }
    }
}

/// What a sweep will take.
#[derive(Debug, Clone, Serialize)]
pub struct Forecast {
    /// Design points.
    pub points: u32,
    /// Design points that constraints leave out.
    pub left_out: u32,
    /// Fewest runs.
    pub runs_at_least: u64,
    /// Most runs; more than the fewest where a rule stops replications.
    pub runs_at_most: u64,
    /// One run on one thread, seconds, as measured now.
    pub seconds_a_run: f64,
    /// All of the most runs on the threads asked for, seconds.
    pub seconds: f64,
    /// Threads.
    pub threads: usize,
    /// Bytes of the store, for the most runs.
    pub bytes: u64,
    /// Design points whose values the scenario refuses.
    pub refused: u32,
    /// The first of these: why.
    pub first_refusal: Option<String>,
}

/// Says what a sweep will take, from timing its first design point that runs; stores nothing.
///
/// # Errors
/// When the machine refuses.
pub fn forecast(sweep: &Sweep, shard: Shard, threads: usize) -> Result<Forecast, SweepError> {
    let mine: Vec<u32> = (0..sweep.points()).filter(|point| shard.holds(*point)).collect();
    let planned: Vec<Result<(u64, u64), String>> = mine
        .par_iter()
        .map(|point| match sweep.experiment(&sweep.parameters(*point)) {
            Ok(experiment) => {
                let most = experiment.replications();
                let fewest = experiment.stopping().map_or(most, |rule| rule.min);
                Ok((u64::from(fewest), u64::from(most)))
            }
            Err(refused) => Err(refused.items.first().map(ToString::to_string).unwrap_or_default()),
        })
        .collect();
    let sum = |which: fn(&(u64, u64)) -> u64| planned.iter().flatten().map(which).sum::<u64>();
    let runs_at_most = sum(|(_, most)| *most);
    let first = mine.iter().zip(&planned).find(|(_, planned)| planned.is_ok());
    let (seconds_a_run, bytes_a_run) =
        first.map_or(Ok((0.0, 0)), |(point, _)| time(sweep, *point))?;
    let threads = run::threads(threads, u32::try_from(runs_at_most).unwrap_or(u32::MAX));
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let seconds = seconds_a_run * runs_at_most as f64 / threads as f64;
    Ok(Forecast {
        points: u32::try_from(mine.len()).unwrap_or(u32::MAX),
        left_out: sweep.candidates() - sweep.points(),
        runs_at_least: sum(|(fewest, _)| *fewest),
        runs_at_most,
        seconds_a_run,
        seconds,
        threads,
        bytes: runs_at_most.saturating_mul(bytes_a_run),
        refused: u32::try_from(planned.iter().filter(|p| p.is_err()).count()).unwrap_or(u32::MAX),
        first_refusal: planned.into_iter().find_map(Result::err),
    })
}

/// Seconds of one run with its planning, and its bytes in records and table.
fn time(sweep: &Sweep, point: u32) -> Result<(f64, u64), SweepError> {
    let begun = Instant::now();
    let mut runs = 0_u32;
    loop {
        let parameters = sweep.parameters(point);
        let Ok(experiment) = sweep.experiment(&parameters) else { return Ok((0.0, 0)) };
        let (seed, key) = (experiment.seed(), Keys::of(&experiment).key(0));
        let outcome = evaluated(&experiment, seed, 0, &Arc::default())?;
        runs += 1;
        if begun.elapsed() < Duration::from_millis(50) && runs < 1_000 {
            continue;
        }
        // A row of the table: the key, and eight bytes a number.
        let values = outcome.as_ref().map_or(0, Vec::len) + parameters.len();
        let row = 80 + 8 * values;
        let record = Record { key, point, replication: 0, seed, parameters, outcome };
        let bytes = (store::size(&record) + row) as u64;
        return Ok((begun.elapsed().as_secs_f64() / f64::from(runs), bytes));
    }
}

/// The design point whose run has this key in a store: its run directory is to be written.
///
/// # Errors
/// When no run, or several, have a key that begins so; when the sweep is another one.
pub fn stored(sweep: &Sweep, store: &Path, key: &str) -> Result<(Experiment, Record), SweepError> {
    let record = Reused::open(store)?.find(key)?.map_err(SweepError::Asked)?;
    let other = || {
        let message = format!(
            "run {} in {} is not of this sweep: its scenario or axes have changed since",
            record.key,
            store.display()
        );
        SweepError::Asked(message)
    };
    if record.point >= sweep.points() || sweep.parameters(record.point) != record.parameters {
        return Err(other());
    }
    let experiment = sweep.experiment(&record.parameters).map_err(|refused| {
        let first = refused.items.first().map(ToString::to_string).unwrap_or_default();
        SweepError::Asked(format!("there is no such run to write: {first}"))
    })?;
    if Keys::of(&experiment).key(record.replication) != record.key {
        return Err(other());
    }
    Ok((experiment, record))
}

/// Holds a regenerated run to its record.
///
/// # Errors
/// When a figure is not the one that is stored.
pub fn same(record: &Record, metrics: &reports::Metrics) -> Result<(), SweepError> {
    let place = usize::try_from(record.replication).unwrap_or(usize::MAX);
    for value in record.outcome.iter().flatten() {
        let found = metrics
            .get(&value.name)
            .and_then(|metric| metric.per_replication.get(place).copied().flatten());
        if found.map(f64::to_bits) != Some(value.value.to_bits()) {
            return Err(SweepError::Differs {
                key: record.key.to_string(),
                metric: value.name.clone(),
                found: found.map_or_else(|| "nothing".to_owned(), |found| found.to_string()),
                expected: value.value.to_string(),
            });
        }
    }
    Ok(())
}
