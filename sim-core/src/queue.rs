//! The pending events, the least key first.
//!
//! Three parts hold them, by how soon they are due:
//!
//! | part | holds | costs |
//! |---|---|---|
//! | `ring` | what was scheduled for the present moment, in order of scheduling | nothing to speak of |
//! | `due` and `near` | everything up to `last`: a sorted run, and a 4-ary heap for what does not go there cheaply | a comparison; a sift |
//! | `far` | everything after `last`, in a radix wheel | a move or two in an event's life |
//!
//! While little is pending, `last` is the end of time and the heap does the work: it is as
//! good as anything then. Above `MANY` events the wheel takes over: its buckets are sorted
//! only when their turn comes, so the cost of an event no longer grows with their number. A
//! load that keeps scheduling into the bucket being emptied, hostile to any wheel, lands in
//! the heap and costs what a heap costs.

mod heap;
mod sort;
mod wheel;

use std::collections::VecDeque;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sim_types::SimTime;

use crate::key::Key;
use heap::Heap;
use sort::Sorter;
use wheel::Wheel;

/// A pending event.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Item<E> {
    /// Its place in the order.
    pub key: Key,
    /// Which of the timers it is, if it can be taken back; see [`crate::timers`].
    pub handle: u32,
    /// What happens.
    pub event: E,
}

/// Above this many events in the heap, the wheel takes over.
const MANY: usize = 768;

/// Below this many events in all, the heap does.
const FEW: usize = 256;

/// An event that would move more than this many others in the sorted run goes to the heap.
const SHIFT: usize = 32;

/// Pending events. Keys must be unique for the order to be total; the engine's keys are.
#[derive(Debug, Clone)]
pub struct Queue<E> {
    ring: VecDeque<Item<E>>,
    /// Descending: the next is the last.
    due: Vec<Item<E>>,
    near: Heap<E>,
    far: Wheel<E>,
    sorter: Sorter<E>,
    /// Events up to this moment are in the first three parts, later ones in the wheel.
    last: u64,
    /// The moment of the last event taken; never after `last`.
    now: u64,
    /// Whether the sorted run came from the wheel since somebody asked.
    fresh: bool,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self {
            ring: VecDeque::new(),
            due: Vec::new(),
            near: Heap::default(),
            far: Wheel::default(),
            sorter: Sorter::default(),
            last: u64::MAX,
            now: 0,
            fresh: false,
        }
    }
}

impl<E: Copy> Queue<E> {
    /// How many events are pending.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ring.len() + self.due.len() + self.near.len() + self.far.len()
    }

    /// Whether nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an event. It must not lie before the last one taken.
    #[inline]
    pub fn push(&mut self, item: Item<E>) {
        let time = item.key.time().0;
        if time == self.now && self.ring.back().is_none_or(|last| last.key < item.key) {
            self.ring.push_back(item);
        } else if time > self.last {
            self.far.push(item);
        } else {
            self.push_near(item);
        }
    }

    /// Into the sorted run if that is cheap, into the heap otherwise.
    #[inline]
    fn push_near(&mut self, item: Item<E>) {
        let front = self.due.len().saturating_sub(SHIFT);
        if front == 0 || item.key < self.due[front].key {
            let place = front + self.due[front..].partition_point(|it| item.key < it.key);
            self.due.insert(place, item);
            return;
        }
        self.near.push(item);
        if self.near.len() > MANY && self.far.is_empty() {
            self.start_wheel();
        }
    }

    /// Takes the wheel into use for everything after the present moment.
    #[cold]
    fn start_wheel(&mut self) {
        self.far.restart(self.now);
        self.last = self.now;
        let mut items = core::mem::take(&mut self.due);
        items.append(&mut self.near.take());
        for item in items {
            if item.key.time().0 > self.last {
                self.far.push(item);
            } else {
                self.near.push(item);
            }
        }
    }

    /// The event with the least key.
    #[inline]
    pub fn peek(&mut self) -> Option<&Item<E>> {
        self.settle()?;
        let heads = [self.due.last(), self.near.peek(), self.ring.front()];
        heads.into_iter().flatten().min_by_key(|item| item.key)
    }

    /// The least key.
    #[inline]
    pub fn peek_key(&mut self) -> Option<Key> {
        self.peek().map(|item| item.key)
    }

    /// Takes the event with the least key if it is not later than `limit`.
    #[inline]
    pub fn pop_until(&mut self, limit: SimTime) -> Option<Item<E>> {
        // The common case: nothing but the sorted run.
        if self.near.is_empty()
            && self.ring.is_empty()
            && let Some(item) = self.due.last().copied()
        {
            if item.key.time() > limit {
                return None;
            }
            self.due.pop();
            self.now = item.key.time().0;
            return Some(item);
        }
        self.pop_merged(limit)
    }

    /// Takes the event with the least key.
    #[inline]
    pub fn pop(&mut self) -> Option<Item<E>> {
        self.pop_until(SimTime::MAX)
    }

    fn pop_merged(&mut self, limit: SimTime) -> Option<Item<E>> {
        let least = self.peek_key()?;
        if least.time() > limit {
            return None;
        }
        self.now = least.time().0;
        if self.near.peek().is_some_and(|item| item.key == least) {
            return self.near.pop();
        }
        if self.due.last().is_some_and(|item| item.key == least) {
            return self.due.pop();
        }
        self.ring.pop_front()
    }

    /// Makes sure that the least event, if there is one, is at the head of a part other than
    /// the wheel.
    #[inline]
    fn settle(&mut self) -> Option<()> {
        if !self.due.is_empty() || !self.near.is_empty() || !self.ring.is_empty() {
            return Some(());
        }
        self.refill()
    }

    /// Takes the wheel's next bucket.
    #[inline(never)]
    fn refill(&mut self) -> Option<()> {
        if self.far.len() < FEW {
            self.last = u64::MAX;
            let near = &mut self.near;
            self.far.drain(|item| near.push(item));
            return (!self.near.is_empty()).then_some(());
        }
        let (first, last) = self.far.next_run(&mut self.due)?;
        self.sorter.sort(&mut self.due, first, last);
        self.last = last;
        self.fresh = true;
        Some(())
    }

    /// Whether there is a new [`Self::run`] since this was last asked.
    #[inline]
    pub(crate) fn take_fresh(&mut self) -> bool {
        core::mem::take(&mut self.fresh)
    }

    /// Events that come next, unless others are scheduled before them, the last one first.
    pub(crate) fn run(&self) -> &[Item<E>] {
        &self.due
    }

    /// Memory held, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let items = self.ring.capacity() + self.due.capacity() + self.near.capacity();
        items * size_of::<Item<E>>() + self.far.bytes() + self.sorter.bytes()
    }

    /// Every pending event, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Item<E>> {
        self.ring.iter().chain(&self.due).chain(self.near.iter()).chain(self.far.iter())
    }
}

/// As the list of its events in order: how they are held is nobody's business.
impl<E: Copy + Serialize> Serialize for Queue<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items: Vec<&Item<E>> = self.iter().collect();
        items.sort_unstable_by_key(|item| item.key);
        (self.now, items).serialize(serializer)
    }
}

impl<'de, E: Copy + Deserialize<'de>> Deserialize<'de> for Queue<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (now, items) = <(u64, Vec<Item<E>>)>::deserialize(deserializer)?;
        let mut queue = Self { now, ..Self::default() };
        for item in items {
            queue.push(item);
        }
        Ok(queue)
    }
}

#[cfg(test)]
mod tests;
