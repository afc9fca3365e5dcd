//! The clock of a shard and everything that waits for it.

use core::ops::Range;

use serde::{Deserialize, Serialize};
use sim_types::{SimDuration, SimTime};

use crate::chain::Chain;
use crate::engine::{Entity, EventWord};
use crate::fault::Reason;
use crate::key::Key;
use crate::queue::{Item, Queue};
use crate::timers::{NEVER, Timer, Timers};

/// What the engine keeps of an entity, in one cache line with its neighbour.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Over everything that has happened to it.
    pub(crate) chain: Chain,
    /// The last moment at which anything did, and from whom at which priority.
    pub(crate) last: u64,
    pub(crate) last_origin: u32,
    /// How many events it has scheduled.
    count: u32,
}

/// An event for another shard.
pub(crate) type Letter<E> = Item<E>;

/// The shards around this one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Neighbours<E> {
    /// Which of them this one is.
    pub(crate) number: u16,
    /// How many entities there are in all.
    pub(crate) entities: u32,
    /// The least delay of an event that leaves the shard.
    pub(crate) lookahead: SimDuration,
    /// Events that leave, in the order scheduled.
    pub(crate) out: Vec<Letter<E>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Agenda<E> {
    pub(crate) now: SimTime,
    /// Of the event being handled.
    pub(crate) key: Key,
    #[serde(bound(serialize = "E: Copy + Serialize", deserialize = "E: Copy + Deserialize<'de>"))]
    pub(crate) queue: Queue<E>,
    pub(crate) timers: Timers,
    /// The first entity of the shard.
    pub(crate) first: u32,
    pub(crate) places: Vec<Place>,
    pub(crate) failed: Option<Reason>,
    /// Absent where there is but one shard.
    pub(crate) neighbours: Option<Neighbours<E>>,
}

impl<E> Agenda<E> {
    pub(crate) fn new(entities: Range<u32>) -> Self {
        let place = Place { chain: Chain::default(), last: u64::MAX, last_origin: 0, count: 0 };
        Self {
            now: SimTime::ZERO,
            key: Key::default(),
            queue: Queue::default(),
            timers: Timers::default(),
            first: entities.start,
            places: vec![place; entities.len()],
            failed: None,
            neighbours: None,
        }
    }

    /// The place of an entity, if it is one of this shard.
    #[inline]
    pub(crate) fn place(&mut self, entity: Entity) -> Option<&mut Place> {
        self.places.get_mut(entity.0.wrapping_sub(self.first) as usize)
    }

    /// The chain of an entity, if it is one of this shard.
    #[inline]
    pub(crate) fn chain(&self, entity: Entity) -> Option<Chain> {
        self.places.get(entity.0.wrapping_sub(self.first) as usize).map(|place| place.chain)
    }

    #[inline]
    fn holds(&self, entity: Entity) -> bool {
        (entity.0.wrapping_sub(self.first) as usize) < self.places.len()
    }

    /// The first failure counts.
    #[cold]
    pub(crate) fn fail(&mut self, reason: Reason) {
        self.failed.get_or_insert(reason);
    }
}

impl<E: EventWord + Copy> Agenda<E> {
    /// The key of the next event that `source` schedules, unless it cannot.
    #[inline]
    fn next_key(
        &mut self,
        source: Entity,
        delay: SimDuration,
        priority: u8,
        event: &E,
    ) -> Option<Key> {
        let Some(at) = self.now.0.checked_add(delay.0) else {
            self.fail(Reason::TimeOverflow { delay, event: format!("{event:?}") });
            return None;
        };
        let Some(place) = self.place(source) else {
            self.fail(Reason::NoSuchSource { from: source, event: format!("{event:?}") });
            return None;
        };
        let count = place.count;
        let Some(next) = count.checked_add(1) else {
            self.fail(Reason::TooManyEvents { from: source });
            return None;
        };
        place.count = next;
        Some(Key::new(SimTime(at), priority, source, count))
    }

    #[inline]
    pub(crate) fn schedule(&mut self, source: Entity, delay: SimDuration, priority: u8, event: E) {
        let Some(key) = self.next_key(source, delay, priority, &event) else { return };
        let item = Item { key, handle: NEVER, event };
        if self.holds(event.entity()) {
            self.queue.push(item);
        } else {
            self.send(item, delay);
        }
    }

    /// To another shard.
    fn send(&mut self, item: Item<E>, delay: SimDuration) {
        let (to, event) = (item.event.entity(), &item.event);
        let held = u32::try_from(self.places.len()).expect("entities are 24 bits");
        let reason = match &mut self.neighbours {
            Some(around) if to.0 < around.entities && delay >= around.lookahead => {
                around.out.push(item);
                return;
            }
            Some(around) if to.0 < around.entities => Reason::Lookahead {
                to,
                delay,
                lookahead: around.lookahead,
                event: format!("{event:?}"),
            },
            around => Reason::NoSuchEntity {
                to,
                entities: around.as_ref().map_or(held, |around| around.entities),
                event: format!("{event:?}"),
            },
        };
        self.fail(reason);
    }

    #[inline]
    pub(crate) fn set(
        &mut self,
        source: Entity,
        delay: SimDuration,
        priority: u8,
        event: E,
    ) -> Timer {
        let (handle, timer) = self.timers.set();
        match self.next_key(source, delay, priority, &event) {
            Some(key) if self.holds(event.entity()) => {
                self.queue.push(Item { key, handle, event });
            }
            Some(_) => {
                let from = event.entity();
                self.fail(Reason::NoSuchSource { from, event: format!("{event:?}") });
            }
            None => {}
        }
        timer
    }
}
