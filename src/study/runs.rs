//! Points to runs to a store: each run stored as soon as it ends, and none made twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::{Measure, Options, Study, StudyError};
use crate::experiment::{Experiment, Value};
use crate::manifest::ENGINE_VERSION;
use crate::run::{self, RunError};
use crate::store::{FORM, Head, Id, Key, Keys, Record, Shard, Store};
use crate::sweep::run::evaluated;

/// Points whose plans are in memory at a time: that of a large network takes megabytes.
const AT_ONCE: usize = 256;

/// A point to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Its number.
    pub number: u32,
    /// Values of the parameters.
    pub values: Vec<f64>,
    /// Replications, from number 0.
    pub replications: u32,
}

/// The metrics of each replication of a point, or why it has none.
pub type Outcome = Result<Vec<Vec<f64>>, String>;

/// The metrics asked for of one run, or why it has none.
type Figures = Result<Vec<f64>, String>;

/// A run with the first point that it was for.
type Known = (Key, (u32, Figures));

/// What runs came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Count {
    /// Runs that the study rests on.
    pub runs: u64,
    /// Of these, run now.
    pub run_now: u64,
    /// Points that failed.
    pub failed: u64,
}

/// The runs of a study.
#[derive(Debug)]
pub struct Runs<'a> {
    study: &'a Study,
    options: &'a Options,
    metrics: Vec<Measure>,
    head: Head,
    store: Store,
    pool: rayon::ThreadPool,
    /// What was run or read by this process, and the first point that it was for.
    known: BTreeMap<Key, (u32, Figures)>,
    asked: Vec<Id>,
    run_now: AtomicU64,
    failed: u64,
    first_failure: Option<String>,
}

/// A run that is not known yet.
struct Job<'a> {
    id: Id,
    replication: u32,
    written: &'a [String],
    experiment: &'a Experiment,
}

impl<'a> Runs<'a> {
    /// Opens the store of the study; `most` is the largest number of points.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(
        study: &'a Study,
        metrics: Vec<Measure>,
        most: usize,
        options: &'a Options,
    ) -> Result<Self, StudyError> {
        let head = Head {
            form: FORM,
            arable: env!("CARGO_PKG_VERSION").to_owned(),
            engine_version: ENGINE_VERSION,
            title: study.title.clone(),
            sweep: study.digest.clone(),
            axes: study.parameters.iter().map(|p| p.path.clone()).collect(),
            points: u32::try_from(most).unwrap_or(u32::MAX),
            shard: Shard::WHOLE,
        };
        let store = Store::open(&options.out, &head, options.say)?;
        if store.found() > 0 {
            (options.say)(&format!(
                "{} runs are in {} already",
                store.found(),
                options.out.display()
            ));
        }
        let pool = run::pool(run::threads(options.threads, u32::MAX))?;
        Ok(Self {
            study,
            options,
            metrics,
            head,
            store,
            pool,
            known: BTreeMap::new(),
            asked: Vec::new(),
            run_now: AtomicU64::new(0),
            failed: 0,
            first_failure: None,
        })
    }

    /// The outcomes of points, in their order.
    ///
    /// # Errors
    /// When the machine fails; a point that fails is no error.
    pub fn of(&mut self, points: &[Point]) -> Result<Vec<Outcome>, StudyError> {
        let mut outcomes = Vec::with_capacity(points.len());
        for some in points.chunks(AT_ONCE) {
            outcomes.extend(self.at_once(some)?);
        }
        Ok(outcomes)
    }

    fn at_once(&mut self, points: &[Point]) -> Result<Vec<Outcome>, StudyError> {
        let written: Vec<Vec<String>> =
            points.iter().map(|p| self.study.write(&p.values)).collect();
        let study = self.study;
        let experiments: Vec<Result<Experiment, String>> = self.pool.install(|| {
            written
                .par_iter()
                .map(|written| {
                    study.experiment(written).map_err(|refused| {
                        let first = refused.items.first().map(ToString::to_string);
                        format!("the scenario refuses these values: {}", first.unwrap_or_default())
                    })
                })
                .collect()
        });
        let mut ids: Vec<Vec<Id>> = Vec::with_capacity(points.len());
        let mut jobs: Vec<Job<'_>> = Vec::new();
        let mut listed = BTreeSet::new();
        for ((point, written), experiment) in points.iter().zip(&written).zip(&experiments) {
            let Ok(experiment) = experiment else {
                ids.push(Vec::new());
                continue;
            };
            let keys = Keys::of(experiment);
            let mine: Vec<Id> =
                (0..point.replications).map(|r| (keys.key(r), point.number)).collect();
            for (replication, id) in (0..).zip(&mine) {
                if !self.known.contains_key(&id.0) && listed.insert(id.0) {
                    jobs.push(Job { id: *id, replication, written, experiment });
                }
            }
            ids.push(mine);
        }
        self.run(&jobs)?;
        let mut outcomes = Vec::with_capacity(points.len());
        for (ids, experiment) in ids.iter().zip(&experiments) {
            for (key, _) in ids {
                self.asked.extend(self.known.get(key).map(|(point, _)| (*key, *point)));
            }
            let unknown = || Err("the run was not made".to_owned());
            let figures = |key| self.known.get(key).map_or_else(unknown, |(_, f)| f.clone());
            let outcome = match experiment {
                Ok(_) => ids.iter().map(|(key, _)| figures(key)).collect(),
                Err(refused) => Err(refused.clone()),
            };
            if let Err(reason) = &outcome {
                self.failed += 1;
                self.first_failure.get_or_insert_with(|| reason.clone());
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    fn run(&mut self, jobs: &[Job<'_>]) -> Result<(), StudyError> {
        let found: Result<Vec<Known>, StudyError> =
            self.pool.install(|| jobs.par_iter().map(|job| self.job(job)).collect());
        match found {
            Ok(found) => {
                self.known.extend(found);
                Ok(())
            }
            Err(StudyError::Run(RunError::Interrupted(_))) => {
                Err(StudyError::Interrupted(self.options.out.clone()))
            }
            Err(error) => Err(error),
        }
    }

    fn job(&self, job: &Job<'_>) -> Result<Known, StudyError> {
        let (key, point) = job.id;
        let outcome = if let Some(record) = self.store.get(job.id)? {
            record.outcome
        } else {
            let seed = job.experiment.seed();
            let outcome =
                evaluated(job.experiment, seed, job.replication, &self.options.interrupt)?;
            let (parameters, replication) = (job.written.to_vec(), job.replication);
            let record = Record { key, point, replication, seed, parameters, outcome };
            self.store.append(&record)?;
            self.run_now.fetch_add(1, Ordering::Relaxed);
            record.outcome
        };
        self.options.done.fetch_add(1, Ordering::Relaxed);
        let figures = outcome.and_then(|values| self.figures(&values));
        Ok((key, (point, figures)))
    }

    /// The metrics asked for, in their order.
    fn figures(&self, values: &[Value]) -> Figures {
        let find = |metric: &Measure| {
            let found = values.iter().find(|value| value.name == metric.name);
            let missing = || format!("the run has no value of `{}`", metric.name);
            found.map(|value| value.value).ok_or_else(missing)
        };
        self.metrics.iter().map(find).collect()
    }

    /// Why the first point failed, if one did.
    #[must_use]
    pub fn first_failure(&self) -> Option<&str> {
        self.first_failure.as_deref()
    }

    /// Closes the store with what the study rests on.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(self) -> Result<Count, StudyError> {
        let mut asked = self.asked;
        asked.sort_unstable();
        asked.dedup();
        let runs = asked.len() as u64;
        let count = Count { runs, run_now: self.run_now.into_inner(), failed: self.failed };
        self.store.finish(&self.head, asked)?;
        Ok(count)
    }

    /// Closes the store to be gone on with.
    pub fn leave(self) {
        // What went wrong is told already; what is stored stays.
        let _ = self.store.leave();
    }
}
