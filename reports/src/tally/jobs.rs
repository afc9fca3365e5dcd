//! What became of the users' jobs.

use std::path::Path;

use super::{Tally, at};
use crate::error::ReportError;
use crate::table::Table;

/// The jobs of one replication: those submitted after the warm-up, unless said otherwise.
#[derive(Debug, Default)]
pub(crate) struct JobTally {
    /// Submitted and settled in the whole run.
    pub(crate) whole_run: (u64, u64),
    pub(crate) submitted: u64,
    pub(crate) settled: u64,
    pub(crate) unserved: u64,
    pub(crate) timed_out: u64,
    pub(crate) refused: u64,
    pub(crate) rejected: u64,
    pub(crate) open: u64,
    /// Settled with a right answer.
    pub(crate) settled_right: u64,
    /// Answers whose truth is known, and how many of them are right.
    pub(crate) answers: u64,
    pub(crate) answers_right: u64,
    /// Hidden quality of the answers, ppm, summed.
    pub(crate) quality: u64,
    /// Output tokens of settled jobs.
    pub(crate) tokens: u64,
    /// Submitted to completed, ns; sorted when the tally is whole.
    pub(crate) answer_ns: Vec<u64>,
    /// Submitted to finalised, ns; sorted when the tally is whole.
    pub(crate) final_ns: Vec<u64>,
    /// Submitted to started, ns, summed, and how many started.
    pub(crate) start_ns: (u128, u64),
}

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Final,
    Unserved,
    TimedOut,
    Refused,
    Rejected,
    Open,
    Unknown,
}

#[derive(Clone, Copy, PartialEq)]
enum Truth {
    Right,
    Wrong,
    None,
}

pub(super) fn read(tally: &mut Tally, dir: &Path) -> Result<(), ReportError> {
    let columns = [
        "rep",
        "output_tokens",
        "provider",
        "submitted",
        "started",
        "completed",
        "finalised",
        "outcome",
        "truth",
        "quality_ppm",
    ];
    let intervals = tally.clock.count;
    tally.series.submitted = vec![0; intervals];
    tally.series.answered = vec![0; intervals];
    tally.series.finalised = vec![0; intervals];
    Table::open(dir, "jobs", &columns)?.for_each(|batch| {
        let reps = tally.reps(batch)?;
        let (tokens, quality) = (batch.u32("output_tokens")?, batch.u32("quality_ppm")?);
        let (submitted, providers) = (batch.u64("submitted")?, batch.opt_u32("provider")?);
        let (started, completed) = (batch.opt_u64("started")?, batch.opt_u64("completed")?);
        let finalised = batch.opt_u64("finalised")?;
        let outcomes = batch.words("outcome")?;
        let outcome = outcomes.map(|word| match word {
            "final" => Outcome::Final,
            "unserved" => Outcome::Unserved,
            "timed_out" => Outcome::TimedOut,
            "refused" => Outcome::Refused,
            "rejected" => Outcome::Rejected,
            "open" => Outcome::Open,
            _ => Outcome::Unknown,
        });
        let truth = batch.words("truth")?.map(|word| match word {
            "right" => Truth::Right,
            "" => Truth::None,
            _ => Truth::Wrong,
        });
        for row in 0..batch.rows() {
            let rep = &mut tally.reps[reps[row] as usize];
            let jobs = &mut rep.jobs;
            let series = &mut tally.series;
            let after = submitted[row] >= rep.from;
            jobs.whole_run.0 += 1;
            jobs.submitted += u64::from(after);
            series.submitted[tally.clock.index(submitted[row])] += 1;
            if let Some(start) = started.get(row).filter(|_| after) {
                jobs.start_ns.0 += u128::from(start.saturating_sub(submitted[row]));
                jobs.start_ns.1 += 1;
            }
            if let Some(done) = completed.get(row) {
                if after {
                    jobs.answer_ns.push(done.saturating_sub(submitted[row]));
                }
                series.answered[tally.clock.index(done)] += 1;
            }
            if let Some(end) = finalised.get(row) {
                if after {
                    jobs.final_ns.push(end.saturating_sub(submitted[row]));
                }
                series.finalised[tally.clock.index(end)] += 1;
            }
            if truth[row] != Truth::None {
                if after {
                    jobs.answers += 1;
                    jobs.answers_right += u64::from(truth[row] == Truth::Right);
                    jobs.quality += u64::from(quality[row]);
                }
                if let Some(node) = providers.get(row).and_then(|id| rep.nodes.get_mut(id)) {
                    node.quality.0 += u64::from(quality[row]);
                    node.quality.1 += 1;
                }
            }
            match outcome[row] {
                Outcome::Final if !after => jobs.whole_run.1 += 1,
                Outcome::Final => {
                    jobs.whole_run.1 += 1;
                    jobs.settled += 1;
                    jobs.settled_right += u64::from(truth[row] == Truth::Right);
                    jobs.tokens += u64::from(tokens[row]);
                }
                Outcome::Unknown => {
                    let word = outcomes.get(row);
                    return Err(batch.value_error("outcome", format!("unknown word `{word}`")));
                }
                _ if !after => {}
                Outcome::Unserved => jobs.unserved += 1,
                Outcome::TimedOut => jobs.timed_out += 1,
                Outcome::Refused => jobs.refused += 1,
                Outcome::Rejected => jobs.rejected += 1,
                Outcome::Open => jobs.open += 1,
            }
        }
        Ok(())
    })
}

/// Adds to a series that grows on demand.
pub(super) fn add(series: &mut Vec<u128>, index: usize, amount: u128) {
    *at(series, index) += amount;
}
