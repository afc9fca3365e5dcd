//! The series of a run: every answer in order of completion, and every sample of the load.

use std::collections::BTreeMap;
use std::path::Path;

use crate::context::Context;
use crate::error::ReportError;
use crate::table::{Batch, Table};

/// What a series is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Latency of each answer, s, in order of completion.
    AnswerLatency,
    /// Slot time in use of all slot time of all machines, sample by sample.
    Utilisation,
    /// Jobs waiting at machines, sample by sample.
    Queue,
}

impl Kind {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 3] = [Self::AnswerLatency, Self::Utilisation, Self::Queue];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AnswerLatency => "answer latency",
            Self::Utilisation => "utilisation of all machines",
            Self::Queue => "jobs waiting",
        }
    }

    /// Its unit, in the words of the catalogue.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::AnswerLatency => "s",
            Self::Utilisation => "share",
            Self::Queue => "jobs",
        }
    }

    /// What one value of it is.
    #[must_use]
    pub fn pieces(self) -> &'static str {
        match self {
            Self::AnswerLatency => "answers",
            Self::Utilisation | Self::Queue => "samples",
        }
    }
}

/// An answer that reached its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// When it was asked for, ns.
    pub submitted: u64,
    /// When it arrived, ns.
    pub completed: u64,
}

/// The load of all machines in one sampling interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Start of the interval, ns.
    pub start: u64,
    /// Its end, ns.
    pub end: u64,
    /// Slot time in use, ns.
    pub busy: u128,
    /// Slot time there was, ns.
    pub offered: u128,
    /// Jobs waiting at its end.
    pub waiting: u64,
}

/// The series of one replication.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replication {
    /// By completion.
    pub answers: Vec<Answer>,
    /// By time.
    pub samples: Vec<Sample>,
}

impl Replication {
    /// A series from a moment on: answers asked for, and samples begun, at `from` ns or later.
    #[must_use]
    pub fn values(&self, kind: Kind, from: u64) -> Vec<f64> {
        let samples = || self.samples.iter().filter(move |s| s.start >= from);
        match kind {
            Kind::AnswerLatency => self
                .answers
                .iter()
                .filter(|a| a.submitted >= from)
                .map(|a| whole(a.completed.saturating_sub(a.submitted)) / 1e9)
                .collect(),
            Kind::Utilisation => samples()
                .filter(|s| s.offered > 0)
                .map(|s| wide(s.busy) / wide(s.offered))
                .collect(),
            Kind::Queue => samples().map(|s| whole(s.waiting)).collect(),
        }
    }

    /// The moment at which value `index` of the whole series is complete, ns.
    #[must_use]
    pub fn moment(&self, kind: Kind, index: usize) -> Option<u64> {
        match kind {
            Kind::AnswerLatency => self.answers.get(index).map(|a| a.completed),
            Kind::Utilisation => {
                self.samples.iter().filter(|s| s.offered > 0).nth(index).map(|s| s.end)
            }
            Kind::Queue => self.samples.get(index).map(|s| s.end),
        }
    }
}

/// Reads the series of every replication from the tables `jobs` and `load`, as far as the
/// trace has them.
///
/// # Errors
/// When a table that the context promises cannot be read, or names a replication that the
/// context does not.
pub fn read(dir: &Path, context: &Context) -> Result<Vec<Replication>, ReportError> {
    let mut all: Vec<Replication> =
        (0..context.replications).map(|_| Replication::default()).collect();
    if context.has_table("jobs") {
        read_answers(dir, &mut all)?;
    }
    if context.has_table("load") {
        read_samples(dir, &mut all)?;
    }
    Ok(all)
}

fn read_answers(dir: &Path, all: &mut [Replication]) -> Result<(), ReportError> {
    // The name of the job decides between answers of the same instant.
    let mut named: Vec<Vec<(u64, u64, u64)>> = vec![Vec::new(); all.len()];
    Table::open(dir, "jobs", &["rep", "job", "submitted", "completed"])?.for_each(|batch| {
        let reps = replications(batch, named.len())?;
        let (jobs, submitted) = (batch.u64("job")?, batch.u64("submitted")?);
        let completed = batch.opt_u64("completed")?;
        for row in 0..batch.rows() {
            if let Some(done) = completed.get(row) {
                named[reps[row] as usize].push((done, jobs[row], submitted[row]));
            }
        }
        Ok(())
    })?;
    for (replication, mut answers) in all.iter_mut().zip(named) {
        answers.sort_unstable();
        replication.answers = answers
            .into_iter()
            .map(|(completed, _, submitted)| Answer { submitted, completed })
            .collect();
    }
    Ok(())
}

fn read_samples(dir: &Path, all: &mut [Replication]) -> Result<(), ReportError> {
    // By the end of the interval, all classes of hardware together: slots, busy, waiting.
    let mut sums: Vec<BTreeMap<u64, (u64, u128, u64)>> = vec![BTreeMap::new(); all.len()];
    let columns = ["rep", "time", "slots", "busy", "waiting"];
    Table::open(dir, "load", &columns)?.for_each(|batch| {
        let reps = replications(batch, sums.len())?;
        let (times, slots) = (batch.u64("time")?, batch.u32("slots")?);
        let (busy, waiting) = (batch.u64("busy")?, batch.u32("waiting")?);
        for row in 0..batch.rows() {
            let sum = sums[reps[row] as usize].entry(times[row]).or_default();
            sum.0 += u64::from(slots[row]);
            sum.1 += u128::from(busy[row]);
            sum.2 += u64::from(waiting[row]);
        }
        Ok(())
    })?;
    for (replication, sums) in all.iter_mut().zip(sums) {
        let mut start = 0;
        for (end, (slots, busy, waiting)) in sums {
            let offered = u128::from(slots) * u128::from(end - start);
            replication.samples.push(Sample { start, end, busy, offered, waiting });
            start = end;
        }
    }
    Ok(())
}

fn replications<'a>(batch: &'a Batch, known: usize) -> Result<&'a [u32], ReportError> {
    let reps = batch.u32("rep")?;
    match reps.iter().find(|&&rep| rep as usize >= known) {
        None => Ok(reps),
        Some(rep) => {
            let what = format!("replication {rep}, but the manifest names {known}");
            Err(batch.value_error("rep", what))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "rounded to 53 bits, once")]
fn whole(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "rounded to 53 bits, once")]
fn wide(n: u128) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_begins_where_it_is_told() {
        let replication = Replication {
            answers: vec![
                Answer { submitted: 0, completed: 2_000_000_000 },
                Answer { submitted: 1_000_000_000, completed: 2_500_000_000 },
            ],
            samples: vec![
                Sample { start: 0, end: 10, busy: 5, offered: 20, waiting: 3 },
                Sample { start: 10, end: 20, busy: 0, offered: 0, waiting: 4 },
                Sample { start: 20, end: 30, busy: 9, offered: 12, waiting: 0 },
            ],
        };
        let values = |kind, from| replication.values(kind, from);
        assert_eq!(values(Kind::AnswerLatency, 0), [2.0, 1.5]);
        assert_eq!(values(Kind::AnswerLatency, 1), [1.5]);
        assert_eq!(values(Kind::Utilisation, 0), [0.25, 0.75]);
        assert_eq!(values(Kind::Queue, 10), [4.0, 0.0]);
        assert_eq!(replication.moment(Kind::Utilisation, 1), Some(30));
        assert_eq!(replication.moment(Kind::Queue, 1), Some(20));
        assert_eq!(replication.moment(Kind::AnswerLatency, 2), None);
    }
}
