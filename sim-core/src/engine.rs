//! The event engine: takes the pending event with the least key, hands it to the model, and
//! folds it into the digest.

use core::fmt::Debug;

use serde::{Deserialize, Serialize};
use sim_types::{SimDuration, SimTime};

use crate::agenda::Agenda;
use crate::chain::Chain;
use crate::determinism::{Log, Watch};
use crate::digest::Digest;
use crate::fault::{EngineError, Past, Reason};
use crate::key::{Key, MAX_SOURCES};
use crate::shard::Shard;
use crate::timers::Timer;

/// Whatever schedules events and has events happen to it: a node, the chain, the demand.
/// Dense from 0, below 2^24; the model decides which number stands for what.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Entity(pub u32);

impl core::fmt::Display for Entity {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.0, f)
    }
}

/// An event's own part of the event digest.
pub trait EventWord: Debug {
    /// A cheap word that differs where the event's content differs: its kind and its numbers.
    fn word(&self) -> u64;
    /// The entity to which it happens, whose chain it extends.
    fn entity(&self) -> Entity;
}

/// A simulated system: typed events in, typed events out.
pub trait Model {
    /// Everything that can happen, as one closed enum. Small: what is larger than two or
    /// three words, or shared by many, stays with the model and is named by a number
    /// ([`crate::slab`]).
    type Event: EventWord + Copy;
    /// Reacts to one event. May schedule others, never in the past.
    fn handle(&mut self, event: Self::Event, cx: &mut Cx<'_, Self::Event>);
    /// An event will be handled soon, unless it is taken back. A model whose state is far larger
    /// than the processor's caches may read here (through [`core::hint::black_box`]) what
    /// `handle` will read, for many events at a time, so that their waits for memory overlap.
    /// There is nothing else it could do, and nothing that it must.
    #[inline]
    fn foresee(&self, _event: &Self::Event) {}
}

/// The priority of events scheduled without one. Lower goes first.
pub const DEFAULT_PRIORITY: u8 = 128;

/// Why the engine stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stop {
    /// Nothing is pending.
    Idle,
    /// The next event lies beyond the horizon, to which the clock was moved.
    Horizon,
    /// As many events were handled as were allowed.
    Budget,
    /// The model broke an invariant; [`Engine::error`] names the culprit. Running again stops
    /// here again.
    Failed,
}

/// What a model may do while it handles an event.
#[derive(Debug)]
pub struct Cx<'a, E> {
    pub(crate) agenda: &'a mut Agenda<E>,
}

impl<E: EventWord + Copy> Cx<'_, E> {
    /// The moment of the event being handled.
    #[must_use]
    #[inline]
    pub fn now(&self) -> SimTime {
        self.agenda.now
    }

    /// The place in the total order of the event being handled; the least key outside of one.
    #[must_use]
    #[inline]
    pub fn key(&self) -> Key {
        self.agenda.key
    }

    /// Schedules `event` after `delay`, on account of `source`.
    ///
    /// What cannot be scheduled ([`Reason`]) fails the run, which stops after this event.
    #[inline]
    pub fn after(&mut self, source: Entity, delay: SimDuration, event: E) {
        self.after_with(source, delay, DEFAULT_PRIORITY, event);
    }

    /// Schedules `event` after `delay` with a priority: lower goes first at one moment.
    #[inline]
    pub fn after_with(&mut self, source: Entity, delay: SimDuration, priority: u8, event: E) {
        self.agenda.schedule(source, delay, priority, event);
    }

    /// Schedules `event` after so many seconds, rounded to the nearest nanosecond. NaN and
    /// negative numbers fail the run.
    #[inline]
    pub fn after_seconds(&mut self, source: Entity, seconds: f64, event: E) {
        if seconds >= 0.0 {
            self.after(source, SimDuration::from_secs_f64(seconds), event);
        } else {
            self.agenda.fail(Reason::BadDelay { seconds, event: format!("{event:?}") });
        }
    }

    /// Schedules `event` after `delay`, so that it can be taken back. It happens to an entity
    /// of the same shard.
    #[inline]
    pub fn timer(&mut self, source: Entity, delay: SimDuration, event: E) -> Timer {
        self.timer_with(source, delay, DEFAULT_PRIORITY, event)
    }

    /// As [`Cx::timer`], with a priority.
    #[inline]
    pub fn timer_with(
        &mut self,
        source: Entity,
        delay: SimDuration,
        priority: u8,
        event: E,
    ) -> Timer {
        self.agenda.set(source, delay, priority, event)
    }

    /// Takes back a scheduled event. One that was handled or cancelled already stays so.
    #[inline]
    pub fn cancel(&mut self, timer: Timer) {
        self.agenda.timers.cancel(timer);
    }

    /// Says that an invariant is broken: the run stops after this event, and names it.
    pub fn fail(&mut self, reason: impl Into<String>) {
        self.agenda.fail(Reason::Invariant(reason.into()));
    }
}

/// A model and its pending events. The whole of it serialises, so a run can be interrupted,
/// stored and continued without a trace of it in the digest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound(
    serialize = "M: Serialize, M::Event: Serialize",
    deserialize = "M: Deserialize<'de>, M::Event: Deserialize<'de>"
))]
pub struct Engine<M: Model> {
    shard: Shard<M>,
}

impl<M: Model> Engine<M> {
    /// An engine at time zero, with nothing pending, for entities 0 to `entities` − 1.
    ///
    /// # Panics
    /// When `entities` is above 2^24.
    #[must_use]
    pub fn new(model: M, entities: u32) -> Self {
        assert!(entities <= MAX_SOURCES, "{entities} entities do not fit 24 bits");
        Self { shard: Shard::new(model, 0..entities) }
    }

    /// As many events in a row at one moment as are allowed: more are taken for a model that
    /// never settles. 20 million unless told otherwise.
    #[must_use]
    pub fn settling_within(mut self, events: u64) -> Self {
        self.shard.settle_within = events;
        self
    }

    /// Keeps a log of the events, for [`crate::determinism`].
    #[must_use]
    pub fn watched(mut self, watch: Watch) -> Self {
        self.shard.watch(watch);
        self
    }

    /// Lets the caller act on the model from outside of an event, at the present moment: to
    /// schedule what starts the run, or to change a parameter between two slices.
    pub fn outside<R>(&mut self, act: impl FnOnce(&mut M, &mut Cx<'_, M::Event>) -> R) -> R {
        self.shard.outside(act)
    }

    /// As [`Engine::outside`], at a moment that may lie ahead: the clock moves there first.
    /// Events pending before that moment are the caller's to have handled.
    ///
    /// # Errors
    /// When that moment has passed.
    pub fn outside_at<R>(
        &mut self,
        at: SimTime,
        act: impl FnOnce(&mut M, &mut Cx<'_, M::Event>) -> R,
    ) -> Result<R, Past> {
        let now = self.now();
        if at < now {
            return Err(Past { at, now });
        }
        debug_assert!(
            self.shard.next_time().is_none_or(|next| next >= at),
            "nothing is pending before the moment that the clock moves to"
        );
        self.shard.agenda.now = at;
        Ok(self.outside(act))
    }

    /// Schedules `event` at a given moment from outside.
    ///
    /// # Errors
    /// When that moment has passed.
    pub fn schedule(&mut self, source: Entity, at: SimTime, event: M::Event) -> Result<(), Past> {
        self.schedule_with(source, at, DEFAULT_PRIORITY, event)
    }

    /// Schedules `event` at a given moment and priority from outside.
    ///
    /// # Errors
    /// When that moment has passed.
    pub fn schedule_with(
        &mut self,
        source: Entity,
        at: SimTime,
        priority: u8,
        event: M::Event,
    ) -> Result<(), Past> {
        let now = self.now();
        if at < now {
            return Err(Past { at, now });
        }
        self.outside(|_, cx| cx.after_with(source, at.since(now), priority, event));
        Ok(())
    }

    /// Handles events up to and including `horizon`, at most `max_events` of them. Calling it
    /// again goes on where it stopped: a run cut into slices is the same run.
    pub fn run_until(&mut self, horizon: SimTime, max_events: u64) -> Stop {
        self.shard.run_until(horizon, max_events)
    }

    /// Handles events up to and including `horizon`.
    ///
    /// # Errors
    /// When more than `budget` events would be handled in this call: such a model is a bug,
    /// not a long run. Names the event that was next. Also when the model broke an invariant.
    pub fn run(&mut self, horizon: SimTime, budget: u64) -> Result<Stop, EngineError> {
        let stop = self.run_until(horizon, budget);
        match self.error() {
            Some(error) => Err(error.clone()),
            None if stop == Stop::Budget => Err(self.never_settles(budget)),
            None => Ok(stop),
        }
    }

    /// The error of a run whose `budget` of events is spent; names the event that is next.
    #[must_use]
    pub fn never_settles(&self, budget: u64) -> EngineError {
        self.shard.never_settles(budget)
    }

    /// The clock: the moment of the last event, or the horizon that was reached.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.shard.agenda.now
    }

    /// How many events were handled.
    #[must_use]
    pub fn events_handled(&self) -> u64 {
        self.shard.handled
    }

    /// How many events are pending, cancelled ones included.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.shard.agenda.queue.len()
    }

    /// How often an event followed one of another source at the same entity, moment and
    /// priority, so that their order came from the entities' numbers.
    #[must_use]
    pub fn ties(&self) -> u64 {
        self.shard.ties
    }

    /// Why the run failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&EngineError> {
        self.shard.error.as_ref()
    }

    /// The event digest: every event handled so far, by entity, in order.
    ///
    /// Each entity has a chain over its events (time, priority, source, count, word); the
    /// digest is BLAKE3 over the number of entities, the number of events and the chains in
    /// entity order. It does not depend on the trace.
    #[must_use]
    pub fn digest(&self) -> Digest {
        event_digest(self.shard.handled, self.shard.chains())
    }

    /// The log kept since [`Engine::watched`]; empty without it.
    #[must_use]
    pub fn log(&self) -> Log {
        self.shard.log()
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &M {
        &self.shard.model
    }

    /// The model, to read results out of it.
    pub fn model_mut(&mut self) -> &mut M {
        &mut self.shard.model
    }

    /// The model, at the end.
    #[must_use]
    pub fn into_model(self) -> M {
        self.shard.model
    }
}

/// The event digest of entities with these chains.
pub(crate) fn event_digest(
    handled: u64,
    chains: impl ExactSizeIterator<Item = Chain> + Clone,
) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"arable event digest 1");
    hasher.update(&(chains.len() as u64).to_le_bytes());
    hasher.update(&handled.to_le_bytes());
    let bytes: Vec<u8> = chains.flat_map(|chain| chain.0.to_le_bytes()).collect();
    hasher.update(&bytes);
    Digest(hasher.finalize().into())
}
