//! How often unchanged code raises an alarm: replicated comparisons again and again, on fresh
//! seeds.
//!
//! The runs of every comparison are on seeds of their own, and so are those of the baseline it is
//! compared with: comparison `i` takes as its baseline the runs of the next ones, as many as the
//! committed baseline has. That is the rate that a suite states, since a baseline is drawn by
//! chance as well. Beside it stands the rate against the committed baseline, whose luck all
//! comparisons share.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use super::baseline::Baseline;
use super::suite::{Check, Replicated, Suite};
use super::{Asked, Gave, Scratch, carry_out, replicated_units, wanted};
use crate::exit::Exit;

/// Levels at which single tests are counted, to see that they have the rate they state.
const LEVELS: [f64; 3] = [0.05, 0.01, 0.001];

/// How many alarms there were.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alarms {
    /// Suites compared.
    pub suites: u32,
    /// Tests in each.
    pub tests: usize,
    /// Simulated runs.
    pub runs: usize,
    /// The number that all seeds follow from.
    pub seed: u64,
    /// The rate that a suite states.
    pub stated: f64,
    /// Suites with an alarm, each against a baseline of its own.
    pub alarms: u32,
    /// Suites with an alarm against the committed baselines.
    pub alarms_committed: u32,
    /// Single tests below a level, of all of them.
    pub below: Vec<(f64, u64)>,
}

impl fmt::Display for Alarms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { suites, tests, runs, seed, stated, .. } = self;
        writeln!(f, "{suites} suites of {tests} tests, {runs} runs, seeds from --seed {seed}")?;
        writeln!(
            f,
            "alarms against baselines of their own: {}, at most {:.2} expected at {stated} a suite",
            self.alarms,
            stated * f64::from(*suites)
        )?;
        writeln!(f, "alarms against the committed baselines: {}", self.alarms_committed)?;
        let all = f64::from(*suites) * f64::from(u32::try_from(*tests).unwrap_or(u32::MAX));
        for (level, count) in &self.below {
            writeln!(f, "tests below {level}: {count}, at most {:.1} expected", level * all)?;
        }
        Ok(())
    }
}

/// One metric of a check over all runs, and its committed values.
struct Series {
    fresh: usize,
    recorded: usize,
    committed: Vec<Option<f64>>,
    values: Vec<Option<f64>>,
}

/// Compares `suites` times over.
///
/// # Errors
/// When a run fails, or a baseline cannot be read.
pub fn count(suite: &Suite, asked: &Asked<'_>, suites: u32) -> Result<Alarms, (Exit, String)> {
    let scratch = Scratch::new();
    let checks: Vec<(&Check, &Replicated)> = suite
        .checks
        .iter()
        .filter(|check| wanted(asked, &check.name))
        .filter_map(|check| Some((check, check.replicated.as_ref()?)))
        .collect();
    let mut all: Vec<Series> = Vec::new();
    let mut runs = 0;
    for (check, replicated) in checks {
        let baseline =
            Baseline::load(&check.baseline).map_err(|error| (Exit::File, error.to_string()))?;
        let rows = values(check, asked, replicated.fresh.saturating_mul(suites), &scratch.0)?;
        runs += rows.len();
        for (place, name) in replicated.metrics.iter().enumerate() {
            let recorded = baseline.replicated.as_ref();
            all.push(Series {
                fresh: replicated.fresh as usize,
                recorded: replicated.recorded as usize,
                committed: recorded.and_then(|r| r.metrics.get(name)).cloned().unwrap_or_default(),
                values: rows.iter().map(|row| row[place]).collect(),
            });
        }
    }
    let level = suite.level();
    let found: Vec<(Vec<f64>, Vec<f64>)> = (0..suites as usize)
        .into_par_iter()
        .map(|number| all.iter().map(|series| series.test(number)).unzip())
        .collect();
    let alarmed = |tests: &[f64]| u32::from(tests.iter().any(|&p| p < level));
    let below = LEVELS.map(|level| {
        let tests = found.iter().flat_map(|(own, _)| own);
        (level, tests.filter(|&&p| p < level).count() as u64)
    });
    Ok(Alarms {
        suites,
        tests: all.len(),
        runs,
        seed: asked.seed,
        stated: suite.false_alarm,
        alarms: found.iter().map(|(own, _)| alarmed(own)).sum(),
        alarms_committed: found.iter().map(|(_, committed)| alarmed(committed)).sum(),
        below: below.to_vec(),
    })
}

impl Series {
    /// The p-values of a comparison, against a baseline of its own and the committed one.
    fn test(&self, number: usize) -> (f64, f64) {
        let from = number * self.fresh;
        let now = &self.values[from..from + self.fresh];
        // The runs that follow, round the end.
        let others = self.values.len() - self.fresh;
        let own: Vec<Option<f64>> = (0..self.recorded.min(others))
            .map(|place| self.values[(from + self.fresh + place) % self.values.len()])
            .collect();
        (super::ranks::rank_sum(&own, now), super::ranks::rank_sum(&self.committed, now))
    }
}

/// The metrics of so many runs, each on a seed of its own.
fn values(
    check: &Check,
    asked: &Asked<'_>,
    count: u32,
    scratch: &Path,
) -> Result<Vec<Vec<Option<f64>>>, (Exit, String)> {
    let done = AtomicU64::new(0);
    (0..count)
        .into_par_iter()
        .map(|number| {
            let dir = scratch.join(format!("{}-{number}", check.name));
            let units = replicated_units(check, asked.seed, number..number + 1)?;
            let mut gave = units.iter().map(|unit| carry_out(unit, asked, &dir));
            let gave = gave.next().transpose().map_err(|t| (t.exit(), t.to_string()))?;
            (asked.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, count.into());
            match gave {
                Some(Gave::Metrics(row, _)) => Ok(row),
                _ => Err((Exit::Bug, "a replicated run gave no metrics".to_owned())),
            }
        })
        .collect()
}
