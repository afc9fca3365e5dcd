//! One pass over every table of a trace: per replication the counts, sums and latencies that
//! metrics need, and over time the series that figures need. Memory grows with nodes, jobs
//! (two latencies each) and epochs, never with observations.

mod chain;
mod clock;
mod economy;
mod jobs;
mod load;
mod names;
mod nodes;
mod observations;
mod rewards;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::analysis::outlook::Analysis;
use crate::analysis::series::{self, Replication};
use crate::analysis::warmup::{self, WarmUp};
use crate::context::Context;
use crate::error::ReportError;
use crate::metrics::Metrics;
use crate::table::Batch;

pub(crate) use chain::ChainTally;
pub(crate) use clock::Clock;
pub(crate) use economy::{Coin as CoinSample, Economy, EconomyRep, Level, Periods, Subnet};
pub(crate) use jobs::JobTally;
pub(crate) use load::LoadTally;
pub(crate) use names::Names;
pub(crate) use nodes::{Node, Nodes, PROVIDER, VALIDATOR};
pub(crate) use observations::Histogram;
pub(crate) use rewards::EpochTally;

/// Nodes beyond this number are not dense ids but a damaged trace.
const MAX_NODES: u32 = 1 << 24;
/// Replications beyond this number are a damaged manifest.
const MAX_REPLICATIONS: u32 = 1 << 20;

/// Reads one table into the tally.
type Reader = fn(&mut Tally, &Path) -> Result<(), ReportError>;

/// The tables of an economy, which need no other.
const ECONOMY: [(&str, Reader); 3] = [
    ("pools", economy::read_pools),
    ("economy", economy::read_coin),
    ("periods", economy::read_periods),
];

/// What one trace says, summed up.
#[derive(Debug)]
pub struct Tally {
    pub(crate) clock: Clock,
    pub(crate) behaviours: Names,
    /// Behaviours, attackers apart from others.
    pub(crate) parties: Names,
    /// Groups that the scenario marks as attackers.
    pub(crate) attackers: Vec<String>,
    pub(crate) hardware: Names,
    pub(crate) reasons: Names,
    pub(crate) reps: Vec<Rep>,
    pub(crate) series: Series,
    pub(crate) economy: Economy,
    /// The series of each replication, whole.
    pub(crate) output: Vec<Replication>,
    /// What each replication's means leave out.
    pub(crate) cuts: Vec<WarmUp>,
    present: Vec<&'static str>,
}

/// One replication.
#[derive(Debug, Default)]
pub(crate) struct Rep {
    /// What comes before does not enter means, ns.
    pub(crate) from: u64,
    pub(crate) jobs: JobTally,
    pub(crate) nodes: Nodes,
    pub(crate) observations: u64,
    pub(crate) probes: u64,
    pub(crate) chain: ChainTally,
    /// By subnet and epoch.
    pub(crate) epochs: BTreeMap<(u16, u64), EpochTally>,
    /// By reason, smallest units.
    pub(crate) payouts: Vec<u128>,
    /// By hardware.
    pub(crate) load: Vec<LoadTally>,
    /// Jobs waiting by sampling time, all classes together.
    pub(crate) waiting: BTreeMap<u64, u64>,
    pub(crate) faults: u64,
}

/// Sums over replications by interval of time (or, for scores, by score).
#[derive(Debug, Default)]
pub(crate) struct Series {
    pub(crate) submitted: Vec<u64>,
    pub(crate) answered: Vec<u64>,
    pub(crate) finalised: Vec<u64>,
    /// By hardware, then interval: busy and available slot time, ns.
    pub(crate) slot_time: Vec<Vec<(u128, u128)>>,
    /// By hardware, then interval: jobs waiting and number of samples.
    pub(crate) waiting: Vec<Vec<(u64, u64)>>,
    pub(crate) minted: Vec<u128>,
    /// By reason, then interval.
    pub(crate) payouts: Vec<Vec<u128>>,
    /// By behaviour of the subject.
    pub(crate) scores: Vec<Histogram>,
}

impl Series {
    /// Drops what a trace that is not full holds only a part of, and would show too low.
    fn forget_partial(&mut self, reasons: &Names) {
        for counts in [&mut self.submitted, &mut self.answered, &mut self.finalised] {
            counts.clear();
        }
        for (reason, name) in reasons.sorted() {
            if !crate::level::of_periods(name)
                && let Some(amounts) = self.payouts.get_mut(reason)
            {
                amounts.clear();
            }
        }
    }
}

impl Tally {
    /// Reads the tables in `trace_dir`.
    ///
    /// # Errors
    /// When a table that the context promises is missing, damaged, of another version, or
    /// contradicts the context.
    pub fn read(trace_dir: &Path, context: &Context) -> Result<Self, ReportError> {
        check(trace_dir, context)?;
        let output = series::read(trace_dir, context)?;
        let cuts = warmup::cuts(context.control.warmup, &output);
        let mut tally = Self::new(context, output, cuts);
        // Nodes come first: observations, epochs and payouts look them up.
        let readers: [(&'static str, Reader); 8] = [
            ("nodes", nodes::read),
            ("jobs", jobs::read),
            ("observations", observations::read),
            ("blocks", chain::read),
            ("epochs", rewards::read_epochs),
            ("payouts", rewards::read_payouts),
            ("load", load::read),
            ("faults", chain::read_faults),
        ];
        tally.read_tables(&readers, trace_dir, context)?;
        tally.read_tables(&ECONOMY, trace_dir, context)?;
        if !context.trace.is_full() {
            tally.series.forget_partial(&tally.reasons);
        }
        for rep in &mut tally.reps {
            rep.jobs.answer_ns.sort_unstable();
            rep.jobs.final_ns.sort_unstable();
        }
        Ok(tally)
    }

    /// Reads the tables of the economy in `trace_dir`, and no others.
    pub(crate) fn read_economy(trace_dir: &Path, context: &Context) -> Result<Self, ReportError> {
        check(trace_dir, context)?;
        let cuts = vec![WarmUp::default(); context.replications as usize];
        let mut tally = Self::new(context, Vec::new(), cuts);
        tally.read_tables(&ECONOMY, trace_dir, context)?;
        Ok(tally)
    }

    fn new(context: &Context, output: Vec<Replication>, cuts: Vec<WarmUp>) -> Self {
        let economy = cuts.iter().map(|_| EconomyRep::default()).collect();
        Self {
            clock: Clock::new(context.horizon_ns),
            behaviours: Names::default(),
            parties: Names::default(),
            attackers: context.attackers.clone(),
            hardware: Names::default(),
            reasons: Names::default(),
            reps: cuts.iter().map(|cut| Rep { from: cut.ns, ..Rep::default() }).collect(),
            series: Series::default(),
            economy: Economy { reps: economy, ..Economy::default() },
            output,
            cuts,
            present: Vec::new(),
        }
    }

    fn read_tables(
        &mut self,
        readers: &[(&'static str, Reader)],
        trace_dir: &Path,
        context: &Context,
    ) -> Result<(), ReportError> {
        for &(table, read) in readers {
            if context.has_table(table) {
                read(self, trace_dir)?;
                self.present.push(table);
            }
        }
        Ok(())
    }

    /// The metrics, in the order of the catalogue.
    #[must_use]
    pub fn metrics(&self, context: &Context) -> Metrics {
        crate::metrics::of(self, context)
    }

    /// The main series with their intervals, and the warm-up.
    #[must_use]
    pub fn analysis(&self, context: &Context) -> Analysis {
        Analysis::of(&self.output, &self.cuts, context.control.antithetic)
    }

    /// Whether a table was part of the trace.
    pub(crate) fn has(&self, table: &str) -> bool {
        self.present.contains(&table)
    }

    /// Whether the run computed blocks and reward periods alone: it has no jobs, messages or
    /// machines, and of the members' figures only samples.
    #[must_use]
    pub fn is_aggregate(&self) -> bool {
        self.economy.has_periods()
    }

    /// Number of subnets in the population.
    pub(crate) fn subnets(&self) -> usize {
        let nodes = self.reps.iter().flat_map(|rep| &rep.nodes.list);
        nodes.map(|node| node.subnet).collect::<BTreeSet<_>>().len()
    }

    /// Number of replications.
    pub(crate) fn replications(&self) -> f64 {
        crate::stats::count(self.reps.len())
    }

    /// Index of each row's replication, checked against the manifest.
    fn reps<'a>(&self, batch: &'a Batch) -> Result<&'a [u32], ReportError> {
        let reps = batch.u32("rep")?;
        match reps.iter().find(|&&rep| rep as usize >= self.reps.len()) {
            None => Ok(reps),
            Some(rep) => Err(batch.value_error(
                "rep",
                format!("replication {rep}, but the manifest names {}", self.reps.len()),
            )),
        }
    }
}

fn check(trace_dir: &Path, context: &Context) -> Result<(), ReportError> {
    if (1..=MAX_REPLICATIONS).contains(&context.replications) {
        return Ok(());
    }
    Err(ReportError::Value {
        file: trace_dir.to_owned(),
        column: "rep".to_owned(),
        what: format!("the manifest names {} replications", context.replications),
    })
}

/// The element at `index`, after filling up with defaults.
pub(crate) fn at<T: Default + Clone>(list: &mut Vec<T>, index: usize) -> &mut T {
    if list.len() <= index {
        list.resize(index + 1, T::default());
    }
    &mut list[index]
}
