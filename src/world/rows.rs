//! What islands leave side by side, put into one order that no number of threads can change.

use serde::{Deserialize, Serialize};
use sim_core::engine::Engine;
use sim_core::key::Key;
use sim_core::trace::{Trace, TraceError};
use sim_types::SimTime;
use sim_types::record::{EpochRow, JobRow, NodeRow, ObservationRow, PayoutRow};

use super::island::Island;

/// Where something stands among what other islands do: moment and priority of the event that
/// made it. Equal stamps follow the order of the islands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) time: SimTime,
    pub(super) priority: u8,
}

impl Stamp {
    pub(super) fn of(key: Key) -> Self {
        Self { time: key.time(), priority: key.priority() }
    }
}

/// A row that islands write, and where it waits.
pub(super) trait Place: Sized {
    fn place(rows: &mut Rows) -> &mut Vec<(Stamp, Self)>;
}

macro_rules! tables {
    ($($field:ident: $row:ident,)*) => {
        /// Rows of an island that wait for those of the others.
        #[derive(Debug, Default)]
        pub(super) struct Rows {
            $($field: Vec<(Stamp, $row)>,)*
        }

        $(
            impl Place for $row {
                fn place(rows: &mut Rows) -> &mut Vec<(Stamp, Self)> {
                    &mut rows.$field
                }
            }
        )*

        /// Moves the rows of all islands to the trace, in order.
        pub(super) fn flush(
            islands: &mut [Engine<Island>],
            trace: &mut Trace,
        ) -> Result<(), TraceError> {
            $(
                let mut failed = Ok(());
                let parts = islands.iter_mut().map(|island| &mut island.model_mut().rows.$field);
                in_order(parts, |_, _, row| {
                    if failed.is_ok() {
                        failed = trace.push(row);
                    }
                });
                failed?;
            )*
            Ok(())
        }
    };
}

tables! {
    jobs: JobRow,
    observations: ObservationRow,
    epochs: EpochRow,
    payouts: PayoutRow,
    nodes: NodeRow,
}

/// Takes everything out of the parts in the order of (stamp, part, place in the part).
pub(super) fn in_order<'a, T: 'a>(
    parts: impl Iterator<Item = &'a mut Vec<(Stamp, T)>>,
    mut take: impl FnMut(usize, Stamp, T),
) {
    let mut parts: Vec<_> = parts.enumerate().filter(|(_, part)| !part.is_empty()).collect();
    for (_, part) in &mut parts {
        // Nearly always in order already: only what the chain makes follows later stamps.
        part.sort_by_key(|&(stamp, _)| stamp);
    }
    if let [(place, only)] = parts.as_mut_slice() {
        only.drain(..).for_each(|(stamp, thing)| take(*place, stamp, thing));
        return;
    }
    let mut order: Vec<(Stamp, usize)> = Vec::new();
    for (at, (_, part)) in parts.iter().enumerate() {
        order.extend(part.iter().map(|&(stamp, _)| (stamp, at)));
    }
    order.sort_by_key(|&(stamp, _)| stamp);
    let mut drains: Vec<_> = parts.iter_mut().map(|(place, p)| (*place, p.drain(..))).collect();
    for (_, part) in order {
        let (place, drain) = &mut drains[part];
        if let Some((stamp, thing)) = drain.next() {
            take(*place, stamp, thing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a plain stable sort of everything laid end to end.
        #[test]
        fn parts_come_out_as_one_stable_sort_would_have_them(
            times in proptest::collection::vec(
                proptest::collection::vec((0..6_u64, 0..3_u8), 0..12), 0..5),
        ) {
            let mut parts: Vec<Vec<(Stamp, (usize, usize))>> = Vec::new();
            for (part, times) in times.iter().enumerate() {
                let stamp = |&(time, priority)| Stamp { time: SimTime(time), priority };
                let stamped = times.iter().enumerate().map(|(n, t)| (stamp(t), (part, n)));
                parts.push(stamped.collect());
            }
            let mut expected: Vec<_> = parts.iter().flatten().copied().collect();
            expected.sort_by_key(|&(stamp, _)| stamp);
            let mut found = Vec::new();
            in_order(parts.iter_mut(), |part, stamp, thing| {
                assert_eq!(part, thing.0);
                found.push((stamp, thing));
            });
            prop_assert_eq!(found, expected);
            prop_assert!(parts.iter().all(Vec::is_empty));
        }
    }
}
