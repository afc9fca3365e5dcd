//! The pending events: a 4-ary heap on one 128-bit key, payloads inline.
//!
//! A 4-ary heap was chosen for its even cost: within a small factor of the best structure for
//! any mix of delays, without tuning, and 16 bytes an event over the payload.

use serde::{Deserialize, Serialize};
use sim_types::SimTime;

use crate::engine::Entity;

/// Where an event stands in the total order; see the crate's head.
///
/// Held as two halves, which align to 8 bytes and serialise everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    time: u64,
    /// priority: 8 bits, source: 24, count: 32.
    rest: u64,
}

/// Sources must be below this: 24 bits hold them.
pub const MAX_SOURCES: u32 = 1 << 24;

impl Key {
    /// The key of the `count`-th event that `source` schedules.
    ///
    /// # Panics
    /// When `source` does not fit 24 bits.
    #[must_use]
    #[inline]
    pub fn new(time: SimTime, priority: u8, source: Entity, count: u32) -> Self {
        assert!(source.0 < MAX_SOURCES, "entity {} does not fit 24 bits", source.0);
        let rest = u64::from(priority) << 56 | u64::from(source.0) << 32 | u64::from(count);
        Self { time: time.0, rest }
    }

    /// When.
    #[must_use]
    #[inline]
    pub fn time(self) -> SimTime {
        SimTime(self.time)
    }

    /// Priority, source and count in one word.
    #[must_use]
    #[inline]
    pub fn rest(self) -> u64 {
        self.rest
    }

    /// The priority.
    #[must_use]
    #[inline]
    pub fn priority(self) -> u8 {
        self.rest.to_be_bytes()[0]
    }

    /// The entity that scheduled it.
    #[must_use]
    #[inline]
    pub fn source(self) -> Entity {
        Entity((self.rest >> 32) as u32 & (MAX_SOURCES - 1))
    }

    /// How many events the source had scheduled before.
    #[must_use]
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub fn count(self) -> u32 {
        self.rest as u32
    }

    #[inline]
    fn word(self) -> u128 {
        u128::from(self.time) << 64 | u128::from(self.rest)
    }
}

impl Ord for Key {
    #[inline]
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.word().cmp(&other.word())
    }
}

impl PartialOrd for Key {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A pending item. The payload is absent only while its place is a hole in the sift.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Item<E> {
    key: Key,
    payload: Option<E>,
}

/// Pending items, the least key first. Keys must be unique for the order to be total; the
/// engine's keys are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Queue<E> {
    items: Vec<Item<E>>,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

/// Children of one place.
const ARITY: usize = 4;

impl<E> Queue<E> {
    /// How many items are pending.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The least key.
    #[must_use]
    #[inline]
    pub fn peek_key(&self) -> Option<Key> {
        self.items.first().map(|item| item.key)
    }

    /// The item with the least key.
    #[must_use]
    pub fn peek(&self) -> Option<(Key, &E)> {
        let item = self.items.first()?;
        Some((item.key, item.payload.as_ref()?))
    }

    /// Adds an item.
    #[inline]
    pub fn push(&mut self, key: Key, payload: E) {
        let mut hole = self.items.len();
        self.items.push(Item { key, payload: Some(payload) });
        if hole == 0 || self.items[(hole - 1) / ARITY].key < key {
            return;
        }
        let rising = self.items[hole].payload.take();
        while hole > 0 {
            let parent = (hole - 1) / ARITY;
            if self.items[parent].key < key {
                break;
            }
            self.shift(parent, hole);
            hole = parent;
        }
        self.items[hole] = Item { key, payload: rising };
    }

    /// Takes the item with the least key.
    #[inline]
    pub fn pop(&mut self) -> Option<(Key, E)> {
        let last = self.items.pop()?;
        if self.items.is_empty() {
            return last.payload.map(|payload| (last.key, payload));
        }
        let head = Item { key: self.items[0].key, payload: self.items[0].payload.take() };
        self.sink(last);
        head.payload.map(|payload| (head.key, payload))
    }

    /// Puts `item` into the hole at the root and sinks it to its place.
    #[inline]
    fn sink(&mut self, item: Item<E>) {
        let length = self.items.len();
        let mut hole = 0;
        loop {
            let first = hole * ARITY + 1;
            if first >= length {
                break;
            }
            let end = (first + ARITY).min(length);
            let (mut least, mut least_key) = (first, self.items[first].key);
            for (offset, child) in self.items[first + 1..end].iter().enumerate() {
                if child.key < least_key {
                    (least, least_key) = (first + 1 + offset, child.key);
                }
            }
            if item.key < least_key {
                break;
            }
            self.shift(least, hole);
            hole = least;
        }
        self.items[hole] = item;
    }

    /// Moves the item at `from` into the hole at `to`, leaving a hole at `from`.
    #[inline]
    fn shift(&mut self, from: usize, to: usize) {
        self.items[to] =
            Item { key: self.items[from].key, payload: self.items[from].payload.take() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_key_keeps_its_parts_and_compares_by_them_in_turn() {
        let key = |t, p, s, c| Key::new(SimTime(t), p, Entity(s), c);
        let full = key(u64::MAX, 255, MAX_SOURCES - 1, u32::MAX);
        assert_eq!(full.time(), SimTime(u64::MAX));
        assert_eq!(
            (full.priority(), full.source(), full.count()),
            (255, Entity(0xff_ffff), u32::MAX)
        );
        let rising = [
            key(0, 0, 0, 0),
            key(0, 0, 0, u32::MAX),
            key(0, 0, 1, 0),
            key(0, 1, 0, 0),
            key(1, 0, 0, 0),
            full,
        ];
        assert!(rising.is_sorted());
    }

    #[test]
    #[should_panic(expected = "does not fit 24 bits")]
    fn a_source_beyond_24_bits_is_refused() {
        let _ = Key::new(SimTime::ZERO, 0, Entity(MAX_SOURCES), 0);
    }

    proptest! {
        /// Against a sorted map, with few distinct times, so that ties are common.
        #[test]
        fn items_leave_in_key_order(
            steps in proptest::collection::vec((0..12_u64, 0..3_u8, 0..5_u32, 0..3_u8), 0..400),
        ) {
            let mut queue = Queue::default();
            let mut reference = BTreeMap::new();
            for (count, &(time, priority, source, pops)) in (0_u32..).zip(&steps) {
                let key = Key::new(SimTime(time), priority, Entity(source), count);
                queue.push(key, format!("{count}"));
                reference.insert((time, priority, source, count), format!("{count}"));
                for _ in 0..pops {
                    prop_assert_eq!(queue.pop().map(|(_, p)| p), reference.pop_first().map(|(_, p)| p));
                }
                prop_assert_eq!(queue.len(), reference.len());
            }
            while let Some((key, payload)) = queue.pop() {
                let (parts, expected) = reference.pop_first().expect("as many items");
                prop_assert_eq!((key.time().0, key.priority(), key.source().0, key.count()), parts);
                prop_assert_eq!(payload, expected);
            }
            prop_assert!(reference.is_empty());
        }
    }
}
