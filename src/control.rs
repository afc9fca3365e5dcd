//! Run control: how many replications are run, and which of them count.
//!
//! A fixed number runs all at once. Under a rule for stopping, replications run in rounds, and
//! after each round the rule is put to replications 0, 1, 2, … in this order
//! ([`reports::analysis::stopping`]). A round may have run more than turn out to be needed; they
//! are discarded. So the outcome depends on the plan alone: neither on how many threads there
//! are nor on which replication was done first.

use std::fs;
use std::path::Path;

use rayon::prelude::*;
use reports::analysis::stopping::{Decision, Rule};
use reports::{Context, Metrics, Tally};
use sim_core::trace::{Summaries, part_path, table_path};

use crate::plan::{ModelPlan, Plan};
use crate::run::RunError;

/// Replications that count, those that were run in vain, and what was decided.
pub(crate) struct Controlled<T> {
    pub(crate) kept: Vec<T>,
    pub(crate) discarded: Vec<T>,
    pub(crate) stopped: Option<Decision>,
}

/// One replication and the value of the metric that decides, if it defines it.
pub(crate) struct Measured<T> {
    pub(crate) replica: T,
    pub(crate) value: Option<f64>,
}

/// How many replications are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number<'a> {
    /// So many, or the most.
    pub(crate) replications: u32,
    /// When fewer are enough.
    pub(crate) stopping: Option<&'a Rule>,
    /// Whether they come in pairs.
    pub(crate) antithetic: bool,
}

impl<'a> Number<'a> {
    /// What a plan asks for.
    pub(crate) fn of(plan: &'a Plan) -> Self {
        let Plan { replications, stopping, antithetic, .. } = plan;
        let (replications, antithetic) = (*replications, *antithetic);
        Self { replications, stopping: stopping.as_ref(), antithetic }
    }

    /// What a model's plan asks for.
    pub(crate) fn of_model(plan: &'a ModelPlan) -> Self {
        let ModelPlan { replications, stopping, antithetic, .. } = plan;
        let (replications, antithetic) = (*replications, *antithetic);
        Self { replications, stopping: stopping.as_ref(), antithetic }
    }
}

/// Runs the replications that are asked for on the threads of the current pool.
pub(crate) fn replications<T: Send, E: Send>(
    number: Number<'_>,
    run: impl Fn(u32) -> Result<Measured<T>, E> + Sync,
) -> Result<Controlled<T>, E> {
    let round = |from: u32, to: u32| -> Result<Vec<Measured<T>>, E> {
        (from..to).into_par_iter().map(&run).collect()
    };
    let replicas = |measured: Vec<Measured<T>>| measured.into_iter().map(|m| m.replica).collect();
    let Some(rule) = number.stopping else {
        let kept = replicas(round(0, number.replications)?);
        return Ok(Controlled { kept, discarded: Vec::new(), stopped: None });
    };
    // One replication a thread, and whole pairs.
    let step = u32::try_from(rayon::current_num_threads()).unwrap_or(1).max(1);
    let step = if number.antithetic { step.next_multiple_of(2) } else { step };
    let mut all: Vec<Measured<T>> = Vec::new();
    let mut goal = rule.min;
    loop {
        let done = u32::try_from(all.len()).unwrap_or(u32::MAX);
        all.extend(round(done, goal.min(rule.max))?);
        let values: Vec<Option<f64>> = all.iter().map(|measured| measured.value).collect();
        let stopped = rule.decide(&values, number.antithetic);
        if stopped.is_some() {
            let count = stopped.as_ref().map_or(all.len(), |d| d.replications as usize);
            let discarded = replicas(all.split_off(count));
            return Ok(Controlled { kept: replicas(all), discarded, stopped });
        }
        goal = goal.saturating_add(step);
    }
}

/// The value of a metric in one replication, read from the part of the trace that it wrote.
pub(crate) fn measure(
    metric: &str,
    tables: &Path,
    rep: u32,
    summaries: &Summaries,
    context: &Context,
) -> Result<Option<f64>, RunError> {
    let metrics = metrics(tables, rep, summaries, context)?;
    let value = metrics.get(metric).and_then(|m| m.per_replication.get(rep as usize).copied());
    Ok(value.flatten())
}

/// The metrics of the part of the trace that one replication wrote.
///
/// `context` describes the run as far as it got: with at least this replication, and without
/// the numbers that only the whole run has.
pub(crate) fn metrics(
    tables: &Path,
    rep: u32,
    summaries: &Summaries,
    context: &Context,
) -> Result<Metrics, RunError> {
    let scratch = tables.join(format!("measured.{rep}"));
    let file = |action, path: &Path| {
        let path = path.to_owned();
        move |source| RunError::File { action, path, source }
    };
    fs::create_dir_all(&scratch).map_err(file("create", &scratch))?;
    for table in summaries.keys() {
        let (part, whole) = (part_path(tables, table, rep), table_path(&scratch, table));
        // Not every file system has links.
        fs::hard_link(&part, &whole)
            .or_else(|_| fs::copy(&part, &whole).map(|_| ()))
            .map_err(file("read", &part))?;
    }
    let metrics = Tally::read(&scratch, context)?.metrics(context);
    fs::remove_dir_all(&scratch).map_err(file("remove", &scratch))?;
    Ok(metrics)
}

/// Removes the parts of replications that do not count.
pub(crate) fn remove(tables: &Path, rep: u32, summaries: &Summaries) -> Result<(), RunError> {
    for table in summaries.keys() {
        let path = part_path(tables, table, rep);
        fs::remove_file(&path).map_err(|source| RunError::File {
            action: "remove",
            path,
            source,
        })?;
    }
    Ok(())
}
