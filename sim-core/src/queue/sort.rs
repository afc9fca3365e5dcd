//! Sorting what a wheel hands out: by where in its stretch of time an event lies, then by key.
//!
//! Events of a stretch are spread over it, more or less evenly. So each has its place nearly
//! told by its time: they are counted by about as many equal parts of the stretch as there are
//! events, put down in that order, and then only neighbours change places. Where they are not
//! spread (ties, clusters) a comparison sort does it.

use core::cmp::Reverse;

use super::Item;

/// At most this many parts of a stretch.
const PARTS: usize = 1024;

/// Fewer events than this are sorted by comparisons alone.
const SHORT: usize = 12;

/// More events than this in one part are not spread.
const CROWD: u16 = 8;

/// Room to sort in, kept from one run to the next.
#[derive(Debug, Clone)]
pub(super) struct Sorter<E> {
    unsorted: Vec<Item<E>>,
    /// Where the events of each part go.
    places: Vec<u16>,
}

impl<E> Default for Sorter<E> {
    fn default() -> Self {
        Self { unsorted: Vec::new(), places: Vec::new() }
    }
}

impl<E: Copy> Sorter<E> {
    /// Sorts events from `first` to `last` by their keys, the greatest key first.
    pub(super) fn sort(&mut self, run: &mut [Item<E>], first: u64, last: u64) {
        if run.len() < SHORT || run.len() > PARTS || !self.spread(run, first, last) {
            run.sort_unstable_by_key(|item| Reverse(item.key));
        }
    }

    /// Memory held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.unsorted.capacity() * size_of::<Item<E>>() + self.places.capacity() * size_of::<u16>()
    }

    /// The same for events that are spread over the stretch. If they are not, does nothing and
    /// says so.
    fn spread(&mut self, run: &mut [Item<E>], first: u64, last: u64) -> bool {
        // Parts of a power of two, at least as many as there are events.
        let parts_log = run.len().ilog2() + 1;
        let shift = (u64::BITS - (last - first).leading_zeros()).saturating_sub(parts_log);
        #[expect(clippy::cast_possible_truncation, reason = "below the number of parts")]
        let part = |item: &Item<E>| ((last - item.key.time().0) >> shift) as usize;
        self.places.clear();
        self.places.resize(1 << parts_log, 0);
        for item in run.iter() {
            self.places[part(item)] += 1;
        }
        let (mut before, mut most) = (0, 0);
        for place in &mut self.places {
            let count = core::mem::replace(place, before);
            before += count;
            most = most.max(count);
        }
        if most > CROWD {
            return false;
        }
        self.unsorted.clear();
        self.unsorted.extend_from_slice(run);
        for item in &self.unsorted {
            let place = &mut self.places[part(item)];
            run[usize::from(*place)] = *item;
            *place += 1;
        }
        insert(run);
        true
    }
}

/// Sorts events that are nearly where they belong, the greatest key first.
fn insert<E: Copy>(run: &mut [Item<E>]) {
    for at in 1..run.len() {
        let item = run[at];
        let mut place = at;
        while place > 0 && run[place - 1].key < item.key {
            run[place] = run[place - 1];
            place -= 1;
        }
        if place < at {
            run[place] = item;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sim_types::SimTime;

    use crate::engine::Entity;
    use crate::key::Key;

    proptest! {
        /// However many events there are and however they lie: spread, clustered, at one moment.
        #[test]
        fn equal_to_a_sort_by_comparisons(
            first in prop_oneof![Just(0), any::<u64>()],
            width in 0_u32..=64,
            draws in proptest::collection::vec((any::<u64>(), 0_u32..12), 0..1_200),
        ) {
            let most = if width == 0 { 0 } else { u64::MAX >> (64 - width) };
            let last = first.saturating_add(most);
            let mut run: Vec<Item<u32>> = (0..).zip(&draws).map(|(count, &(draw, cluster))| {
                // The higher the cluster, the nearer to the first moment.
                let into = (draw % (last - first).saturating_add(1)) >> (4 * cluster);
                let key = Key::new(SimTime(first + into), 0, Entity(0), count);
                Item { key, handle: u32::MAX, event: count }
            }).collect();
            let mut expected = run.clone();
            expected.sort_by_key(|item| Reverse(item.key));
            Sorter::default().sort(&mut run, first, last);
            let keys = |run: &[Item<u32>]| run.iter().map(|item| (item.key, item.event)).collect::<Vec<_>>();
            prop_assert_eq!(keys(&run), keys(&expected));
        }
    }
}
