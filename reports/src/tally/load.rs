//! How loaded each class of hardware was, sample by sample.

use std::path::Path;

use super::{Tally, at};
use crate::error::ReportError;
use crate::table::Table;

/// One class of hardware in one replication.
#[derive(Debug, Clone, Default)]
pub(crate) struct LoadTally {
    /// End of the latest interval, ns.
    last: u64,
    /// Busy and available slot time of the busiest interval, ns.
    pub(crate) peak: Option<(u128, u128)>,
    /// Busy and available slot time of the samples after the warm-up, ns.
    pub(crate) after: (u128, u128),
}

pub(super) fn read(tally: &mut Tally, dir: &Path) -> Result<(), ReportError> {
    let columns = ["rep", "time", "hardware", "slots", "busy", "waiting"];
    let intervals = tally.clock.count;
    Table::open(dir, "load", &columns)?.for_each(|batch| {
        let reps = tally.reps(batch)?;
        let hardware = batch.words("hardware")?.map(|name| tally.hardware.id(name));
        let (times, slots) = (batch.u64("time")?, batch.u32("slots")?);
        let (busy, waiting) = (batch.u64("busy")?, batch.u32("waiting")?);
        for row in 0..batch.rows() {
            let rep = &mut tally.reps[reps[row] as usize];
            let time = times[row];
            let class = at(&mut rep.load, hardware[row]);
            // An interval begins where the previous one of its class ended.
            let length = time.saturating_sub(class.last);
            let after = class.last >= rep.from;
            class.last = time;
            let used = u128::from(busy[row]);
            let offered = u128::from(slots[row]) * u128::from(length);
            if offered > 0 && class.peak.is_none_or(|(u, o)| less(u, o, used, offered)) {
                class.peak = Some((used, offered));
            }
            if after {
                class.after.0 += used;
                class.after.1 += offered;
            }
            *rep.waiting.entry(time).or_default() += u64::from(waiting[row]);

            let index = tally.clock.index(time.saturating_sub(1));
            let slot_time = at(&mut tally.series.slot_time, hardware[row]);
            slot_time.resize(intervals, (0, 0));
            slot_time[index].0 += used;
            slot_time[index].1 += offered;
            let queue = at(&mut tally.series.waiting, hardware[row]);
            queue.resize(intervals, (0, 0));
            queue[index].0 += u64::from(waiting[row]);
            queue[index].1 += 1;
        }
        Ok(())
    })
}

/// Whether a / b < c / d, for positive b and d.
#[expect(clippy::cast_precision_loss, reason = "ties within 2^-53 make no visible peak")]
fn less(a: u128, b: u128, c: u128, d: u128) -> bool {
    (a as f64) * (d as f64) < (c as f64) * (b as f64)
}
