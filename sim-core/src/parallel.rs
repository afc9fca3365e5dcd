//! One run on several threads, with the digest of the run on one.
//!
//! The entities are cut into shards, each with a part of the model and its own pending events.
//! Shards agree on a **lookahead**: an event for another shard lies at least that far ahead.
//! So if W is the least pending time of all, nothing that one shard does before W + lookahead
//! can reach another before then, and every shard may handle its events of that window alone
//! (conservative synchronisation; Chandy & Misra, "Distributed Simulation", 1979; windows as
//! in Nicol, "The Cost of Conservative Synchronization in Parallel Discrete Event
//! Simulations", 1993). Between two windows there is one barrier.
//!
//! The result does not depend on the number of shards or threads: an event's key is made by
//! its source alone, each entity meets its events in the order of their keys, and the digest
//! is put together by entity. What the model must see to: its parts share nothing but events,
//! and a part keeps nothing that depends on how entities were cut, such as an order over
//! entities of its own.

use core::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use sim_types::{SimDuration, SimTime};

use crate::agenda::{Letter, Neighbours};
use crate::barrier::{Barrier, Broken, Guard};
use crate::digest::Digest;
use crate::engine::{Cx, EventWord, Model, Stop, event_digest};
use crate::fault::EngineError;
use crate::key::MAX_SOURCES;
use crate::shard::Shard;

/// A model in parts, and the pending events of each.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound(
    serialize = "M: Serialize, M::Event: Serialize",
    deserialize = "M: Deserialize<'de>, M::Event: Deserialize<'de>"
))]
pub struct Parallel<M: Model> {
    shards: Vec<Shard<M>>,
    /// The shard of every entity.
    owners: Vec<u16>,
    lookahead: SimDuration,
}

/// Parts that make no whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadParts {
    /// No part, or too many.
    #[error("{0} parts, expected 1 to 65,535")]
    Parts(usize),
    /// More than 24 bits count.
    #[error("{0} entities do not fit 24 bits")]
    Entities(u64),
    /// Shards that may reach each other at once cannot run side by side.
    #[error("the lookahead is zero, expected at least 1 ns")]
    Lookahead,
}

impl<M: Model> Parallel<M> {
    /// An engine at time zero over parts of a model: each with how many entities it holds, in
    /// the order of entities from 0. Events from one part to another take at least
    /// `lookahead`.
    ///
    /// # Errors
    /// See [`BadParts`].
    pub fn new(parts: Vec<(M, u32)>, lookahead: SimDuration) -> Result<Self, BadParts> {
        let Ok(count) = u16::try_from(parts.len()) else {
            return Err(BadParts::Parts(parts.len()));
        };
        if count == 0 {
            return Err(BadParts::Parts(0));
        }
        let entities: u64 = parts.iter().map(|&(_, held)| u64::from(held)).sum();
        let Some(entities) = u32::try_from(entities).ok().filter(|&count| count <= MAX_SOURCES)
        else {
            return Err(BadParts::Entities(entities));
        };
        if count > 1 && lookahead == SimDuration::ZERO {
            return Err(BadParts::Lookahead);
        }
        let (mut shards, mut owners, mut first) = (Vec::new(), Vec::new(), 0);
        for ((model, held), owner) in parts.into_iter().zip(0..) {
            let range: Range<u32> = first..first + held;
            first = range.end;
            owners.resize(first as usize, owner);
            let mut shard = Shard::new(model, range);
            if count > 1 {
                shard.agenda.neighbours =
                    Some(Neighbours { number: owner, entities, lookahead, out: Vec::new() });
            }
            shards.push(shard);
        }
        Ok(Self { shards, owners, lookahead })
    }

    /// As [`crate::Engine::settling_within`], for each shard.
    #[must_use]
    pub fn settling_within(mut self, events: u64) -> Self {
        for shard in &mut self.shards {
            shard.settle_within = events;
        }
        self
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Lets the caller act on one part from outside of an event, at the present moment.
    ///
    /// # Panics
    /// When there is no such shard.
    pub fn outside<R>(
        &mut self,
        shard: usize,
        act: impl FnOnce(&mut M, &mut Cx<'_, M::Event>) -> R,
    ) -> R {
        let shard = &mut self.shards[shard];
        // From outside nothing is too soon: no window is open.
        if let Some(around) = &mut shard.agenda.neighbours {
            around.lookahead = SimDuration::ZERO;
        }
        let result = shard.outside(act);
        let mut letters = Vec::new();
        if let Some(around) = &mut shard.agenda.neighbours {
            around.lookahead = self.lookahead;
            letters = core::mem::take(&mut around.out);
        }
        for letter in letters {
            let owner = self.owners[letter.event.entity().0 as usize];
            self.shards[usize::from(owner)].agenda.queue.push(letter);
        }
        result
    }

    /// The clock: the horizon that was reached, or the latest event handled.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.shards.iter().map(|shard| shard.agenda.now).max().unwrap_or(SimTime::ZERO)
    }

    /// How many events were handled.
    #[must_use]
    pub fn events_handled(&self) -> u64 {
        self.shards.iter().map(|shard| shard.handled).sum()
    }

    /// As [`crate::Engine::ties`].
    #[must_use]
    pub fn ties(&self) -> u64 {
        self.shards.iter().map(|shard| shard.ties).sum()
    }

    /// How many events are pending, cancelled ones included.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.shards.iter().map(|shard| shard.agenda.queue.len()).sum()
    }

    /// Why the run failed, if it did: the first failure in the order of events.
    #[must_use]
    pub fn error(&self) -> Option<&EngineError> {
        let errors =
            self.shards.iter().filter_map(|shard| shard.error.as_ref().map(|e| (shard, e)));
        errors.min_by_key(|(shard, _)| shard.agenda.key).map(|(_, error)| error)
    }

    /// The event digest, as [`crate::Engine::digest`] of the same model in one part.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let chains: Vec<_> = self.shards.iter().flat_map(Shard::chains).collect();
        event_digest(self.events_handled(), chains.iter().copied())
    }

    /// The parts of the model, in order.
    pub fn models(&self) -> impl Iterator<Item = &M> {
        self.shards.iter().map(|shard| &shard.model)
    }

    /// The parts of the model, to read results out of them.
    pub fn models_mut(&mut self) -> impl Iterator<Item = &mut M> {
        self.shards.iter_mut().map(|shard| &mut shard.model)
    }
}

/// What a thread tells the others before they meet.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Notice {
    /// The least pending time of its shards, and of what they sent.
    next: AtomicU64,
    /// Events handled since the run began.
    handled: AtomicU64,
    failed: AtomicBool,
}

/// Nothing pending. Events at the very end of time wait for ever.
const IDLE: u64 = u64::MAX;

impl<M> Parallel<M>
where
    M: Model + Send,
    M::Event: Send,
{
    /// Handles events up to and including `horizon` on so many threads, and stops between two
    /// windows once `max_events` were handled. Calling it again goes on where it stopped.
    ///
    /// # Panics
    /// When the model panics.
    pub fn run_until(&mut self, horizon: SimTime, threads: usize, max_events: u64) -> Stop {
        if self.error().is_some() {
            return Stop::Failed;
        }
        if let [shard] = self.shards.as_mut_slice() {
            return shard.run_until(horizon, max_events);
        }
        let count = self.shards.len();
        let each = count.div_ceil(threads.clamp(1, count));
        let threads = count.div_ceil(each);
        let meeting = Meeting {
            owners: &self.owners,
            lookahead: self.lookahead.0,
            horizon: horizon.0,
            max_events,
            barrier: Barrier::new(threads),
            notices: [notices(threads), notices(threads)],
            mail: [mailboxes(count), mailboxes(count)],
        };
        let mut chunks = self.shards.chunks_mut(each).enumerate();
        let stop = std::thread::scope(|scope| {
            let mine = chunks.next();
            for (thread, shards) in chunks {
                let meeting = &meeting;
                scope.spawn(move || meeting.work(thread, thread * each, shards));
            }
            mine.map_or(Ok(Stop::Idle), |(thread, shards)| meeting.work(thread, 0, shards))
        });
        for letter in meeting.mail.into_iter().flatten() {
            for letter in letter.into_inner().expect("nobody panicked") {
                let owner = self.owners[letter.event.entity().0 as usize];
                self.shards[usize::from(owner)].agenda.queue.push(letter);
            }
        }
        if matches!(stop, Ok(Stop::Horizon)) {
            for shard in &mut self.shards {
                shard.agenda.now = shard.agenda.now.max(horizon);
            }
        }
        stop.expect("a panic of another thread has been passed on by the scope")
    }
}

fn notices(threads: usize) -> Vec<Notice> {
    (0..threads).map(|_| Notice::default()).collect()
}

/// From each shard to each: written in one window, read in the next.
type Mailboxes<E> = Vec<Mutex<Vec<Letter<E>>>>;

fn mailboxes<E>(shards: usize) -> Mailboxes<E> {
    (0..shards * shards).map(|_| Mutex::default()).collect()
}

/// What the threads of one run share.
struct Meeting<'a, E> {
    owners: &'a [u16],
    lookahead: u64,
    horizon: u64,
    max_events: u64,
    barrier: Barrier,
    /// Two of each, used in turn: nobody writes what another may still read, so one barrier
    /// a window is enough.
    notices: [Vec<Notice>; 2],
    mail: [Mailboxes<E>; 2],
}

impl<E: EventWord + Copy + Send> Meeting<'_, E> {
    /// One thread's part: windows over its shards, the first of which is number `first`.
    fn work<M: Model<Event = E>>(
        &self,
        thread: usize,
        first: usize,
        shards: &mut [Shard<M>],
    ) -> Result<Stop, Broken> {
        let _guard = Guard(&self.barrier);
        let count = self.shards();
        let before: u64 = shards.iter().map(|shard| shard.handled).sum();
        // Letters on their way out, by addressee.
        let mut out: Vec<Vec<Letter<E>>> = (0..count).map(|_| Vec::new()).collect();
        let mut next = shards.iter_mut().map(soonest).min().unwrap_or(IDLE);
        let mut turn = 0;
        loop {
            let handled = shards.iter().map(|shard| shard.handled).sum::<u64>() - before;
            let notice = &self.notices[turn][thread];
            notice.next.store(next, Ordering::Relaxed);
            notice.handled.store(handled, Ordering::Relaxed);
            notice.failed.store(shards.iter().any(|s| s.error.is_some()), Ordering::Relaxed);
            self.barrier.meet()?;
            let all = &self.notices[turn];
            let window = all.iter().map(|n| n.next.load(Ordering::Relaxed)).min().unwrap_or(IDLE);
            let handled: u64 = all.iter().map(|n| n.handled.load(Ordering::Relaxed)).sum();
            if all.iter().any(|n| n.failed.load(Ordering::Relaxed)) {
                return Ok(Stop::Failed);
            }
            if window == IDLE {
                return Ok(Stop::Idle);
            }
            if window > self.horizon {
                return Ok(Stop::Horizon);
            }
            if handled >= self.max_events {
                return Ok(Stop::Budget);
            }
            let last = SimTime(window.saturating_add(self.lookahead - 1).min(self.horizon));
            let (arriving, leaving) = (&self.mail[turn], &self.mail[1 - turn]);
            turn = 1 - turn;
            next = IDLE;
            for (shard, number) in shards.iter_mut().zip(first..) {
                for from in 0..count {
                    let letters = &mut *open(&arriving[from * count + number]);
                    for letter in letters.drain(..) {
                        shard.agenda.queue.push(letter);
                    }
                }
                shard.run_until(last, u64::MAX);
                let sent = shard.agenda.neighbours.as_mut().map(|around| around.out.drain(..));
                for letter in sent.into_iter().flatten() {
                    next = next.min(letter.key.time().0);
                    let owner = self.owners[letter.event.entity().0 as usize];
                    out[usize::from(owner)].push(letter);
                }
                for (to, letters) in out.iter_mut().enumerate().filter(|(_, l)| !l.is_empty()) {
                    // The box was emptied in the last window; its memory comes back.
                    core::mem::swap(letters, &mut *open(&leaving[number * count + to]));
                }
                next = next.min(soonest(shard));
            }
        }
    }

    fn shards(&self) -> usize {
        self.mail[0].len().isqrt()
    }
}

/// Nobody holds a box while another wants it: the two sides use it in different windows.
fn open<T>(mailbox: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mailbox.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn soonest<M: Model>(shard: &mut Shard<M>) -> u64 {
    shard.next_time().map_or(IDLE, |time| time.0)
}

/// Cuts `entities` into at most `shards` parts of nearly equal size, in order.
///
/// # Panics
/// Never: a cut is at most the number of entities.
#[must_use]
pub fn even_parts(entities: u32, shards: u16) -> Vec<Range<u32>> {
    let shards = u32::from(shards).clamp(1, entities.max(1));
    (0..shards)
        .map(|part| {
            let cut = |part: u32| {
                let place = u64::from(entities) * u64::from(part) / u64::from(shards);
                u32::try_from(place).expect("at most the number of entities")
            };
            cut(part)..cut(part + 1)
        })
        .collect()
}
