//! The settlement chain, and the faults the run went through.

use std::path::Path;

use super::Tally;
use super::jobs::add;
use crate::error::ReportError;
use crate::table::Table;

/// The blocks of one replication.
#[derive(Debug, Default)]
pub(crate) struct ChainTally {
    pub(crate) blocks: u64,
    /// Those produced after the warm-up; `first` is the first of them.
    pub(crate) after: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// Produced to final, ns, summed, and how many became final, of those after the warm-up.
    pub(crate) finality: (u128, u64),
    pub(crate) transactions: u64,
    pub(crate) backlog_max: u32,
    pub(crate) fees: u128,
    pub(crate) minted: u128,
}

pub(super) fn read(tally: &mut Tally, dir: &Path) -> Result<(), ReportError> {
    let columns = ["rep", "time", "finalised", "transactions", "backlog", "fees", "minted"];
    tally.series.minted = vec![0; tally.clock.count];
    Table::open(dir, "blocks", &columns)?.for_each(|batch| {
        let reps = tally.reps(batch)?;
        let (times, finalised) = (batch.u64("time")?, batch.opt_u64("finalised")?);
        let (transactions, backlogs) = (batch.u32("transactions")?, batch.u32("backlog")?);
        let (fees, minted) = (batch.amount("fees")?, batch.amount("minted")?);
        for row in 0..batch.rows() {
            let rep = &mut tally.reps[reps[row] as usize];
            let chain = &mut rep.chain;
            let time = times[row];
            let after = time >= rep.from;
            if after {
                chain.first = if chain.after == 0 { time } else { chain.first.min(time) };
                chain.after += 1;
            }
            chain.last = chain.last.max(time);
            chain.blocks += 1;
            if let Some(end) = finalised.get(row).filter(|_| after) {
                chain.finality.0 += u128::from(end.saturating_sub(time));
                chain.finality.1 += 1;
            }
            chain.transactions += u64::from(transactions[row]);
            chain.backlog_max = chain.backlog_max.max(backlogs[row]);
            chain.fees += fees.get(row);
            chain.minted += minted.get(row);
            add(&mut tally.series.minted, tally.clock.index(time), minted.get(row));
        }
        Ok(())
    })
}

pub(super) fn read_faults(tally: &mut Tally, dir: &Path) -> Result<(), ReportError> {
    Table::open(dir, "faults", &["rep"])?.for_each(|batch| {
        for &rep in tally.reps(batch)? {
            tally.reps[rep as usize].faults += 1;
        }
        Ok(())
    })
}
