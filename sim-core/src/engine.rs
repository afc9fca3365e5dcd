//! The event engine: takes the pending event with the least key, hands it to the model, and
//! folds it into the digest.

use core::fmt::Debug;

use serde::{Deserialize, Serialize};
use sim_types::{SimDuration, SimTime};

use crate::chain::Chain;
use crate::determinism::{Log, Watch, Watcher};
use crate::digest::Digest;
use crate::queue::{Key, MAX_SOURCES, Queue};

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
    /// Everything that can happen, as one closed enum.
    type Event: EventWord;
    /// Reacts to one event. May schedule others, never in the past.
    fn handle(&mut self, event: Self::Event, cx: &mut Cx<'_, Self::Event>);
}

/// The priority of events scheduled without one. Lower goes first.
pub const DEFAULT_PRIORITY: u8 = 128;

/// A scheduled event, so that it can be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timer(Key);

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

/// A failure of a run, with its culprit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}: event {index} of entity {entity} at {time}{}", shown(event.as_deref()))]
pub struct EngineError {
    /// When.
    pub time: SimTime,
    /// To whom the event happened.
    pub entity: Entity,
    /// How many events were handled before it. A second run that watches this index
    /// ([`Watch::capture`]) shows the event.
    pub index: u64,
    /// The event, where it is still at hand.
    pub event: Option<String>,
    /// What is wrong.
    pub reason: Reason,
}

fn shown(event: Option<&str>) -> String {
    event.map(|text| format!(" ({text})")).unwrap_or_default()
}

/// What is wrong with a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Reason {
    /// The budget of events ran out before the horizon.
    #[error("the model never settles: {budget} events were handled before the horizon")]
    NeverSettles {
        /// How many events were allowed.
        budget: u64,
    },
    /// The model said so, by [`Cx::fail`].
    #[error("invariant broken: {0}")]
    Invariant(String),
}

/// A moment that has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot schedule at {at}: the clock stands at {now}")]
pub struct Past {
    /// The moment asked for.
    pub at: SimTime,
    /// The engine's clock.
    pub now: SimTime,
}

/// The clock and everything that waits for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Agenda<E> {
    now: SimTime,
    queue: Queue<E>,
    /// Keys of cancelled events that may still be pending, the least first. An event and its
    /// tombstone meet at the heads of the two heaps; a tombstone below the queue's head
    /// belongs to an event that was handled before it was cancelled.
    cancelled: Queue<()>,
    /// Events scheduled so far, by source.
    counts: Vec<u32>,
    failed: Option<String>,
}

impl<E> Agenda<E> {
    #[inline]
    fn schedule(&mut self, source: Entity, at: SimTime, priority: u8, event: E) -> Timer {
        let Some(count) = self.counts.get_mut(source.0 as usize) else {
            panic!("entity {source} schedules, but the engine was told of fewer entities")
        };
        let key = Key::new(at, priority, source, *count);
        *count = count.checked_add(1).expect("an entity schedules fewer than 2^32 events");
        self.queue.push(key, event);
        Timer(key)
    }

    /// Drops cancelled events from the head of the queue and gives the key of the next.
    #[inline]
    fn next_key(&mut self) -> Option<Key> {
        let mut head = self.queue.peek_key()?;
        while let Some(tombstone) = self.cancelled.peek_key() {
            if head < tombstone {
                break;
            }
            self.cancelled.pop();
            if head == tombstone {
                self.queue.pop();
                head = self.queue.peek_key()?;
            }
        }
        Some(head)
    }
}

/// What a model may do while it handles an event.
#[derive(Debug)]
pub struct Cx<'a, E> {
    agenda: &'a mut Agenda<E>,
}

impl<E> Cx<'_, E> {
    /// The moment of the event being handled.
    #[must_use]
    #[inline]
    pub fn now(&self) -> SimTime {
        self.agenda.now
    }

    /// Schedules `event` after `delay`, on account of `source`.
    ///
    /// # Panics
    /// When the engine was not told of `source`, or `source` has scheduled 2^32 events.
    #[inline]
    pub fn after(&mut self, source: Entity, delay: SimDuration, event: E) -> Timer {
        self.after_with(source, delay, DEFAULT_PRIORITY, event)
    }

    /// Schedules `event` after `delay` with a priority: lower goes first at one moment.
    ///
    /// # Panics
    /// As [`Cx::after`].
    #[inline]
    pub fn after_with(
        &mut self,
        source: Entity,
        delay: SimDuration,
        priority: u8,
        event: E,
    ) -> Timer {
        let at = self.agenda.now + delay;
        self.agenda.schedule(source, at, priority, event)
    }

    /// Takes back a scheduled event. One that was handled or cancelled already stays so.
    ///
    /// Costs one push to a heap of cancellations, constant where later timers are cancelled
    /// later; the event itself leaves when its time comes.
    #[inline]
    pub fn cancel(&mut self, timer: Timer) {
        self.agenda.cancelled.push(timer.0, ());
    }

    /// Says that an invariant is broken: the run stops after this event, and names it.
    pub fn fail(&mut self, reason: impl Into<String>) {
        self.agenda.failed.get_or_insert(reason.into());
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
    model: M,
    agenda: Agenda<M::Event>,
    /// One chain an entity.
    chains: Vec<Chain>,
    handled: u64,
    ties: u64,
    last: Option<Key>,
    error: Option<EngineError>,
    watcher: Option<Watcher>,
}

impl<M: Model> Engine<M> {
    /// An engine at time zero, with nothing pending, for entities 0 to `entities` − 1.
    ///
    /// # Panics
    /// When `entities` is above 2^24.
    #[must_use]
    pub fn new(model: M, entities: u32) -> Self {
        assert!(entities <= MAX_SOURCES, "{entities} entities do not fit 24 bits");
        Self {
            model,
            agenda: Agenda {
                now: SimTime::ZERO,
                queue: Queue::default(),
                cancelled: Queue::default(),
                counts: vec![0; entities as usize],
                failed: None,
            },
            chains: vec![Chain::default(); entities as usize],
            handled: 0,
            ties: 0,
            last: None,
            error: None,
            watcher: None,
        }
    }

    /// Keeps a log of the events, for [`crate::determinism`].
    #[must_use]
    pub fn watched(mut self, watch: Watch) -> Self {
        self.watcher = Some(Watcher::new(watch));
        self
    }

    /// Lets the caller act on the model from outside of an event, at the present moment: to
    /// schedule what starts the run, or to change a parameter between two slices.
    pub fn outside<R>(&mut self, act: impl FnOnce(&mut M, &mut Cx<'_, M::Event>) -> R) -> R {
        act(&mut self.model, &mut Cx { agenda: &mut self.agenda })
    }

    /// Schedules `event` at a given moment from outside.
    ///
    /// # Errors
    /// When that moment has passed.
    ///
    /// # Panics
    /// As [`Cx::after`].
    pub fn schedule(
        &mut self,
        source: Entity,
        at: SimTime,
        event: M::Event,
    ) -> Result<Timer, Past> {
        self.schedule_with(source, at, DEFAULT_PRIORITY, event)
    }

    /// Schedules `event` at a given moment and priority from outside.
    ///
    /// # Errors
    /// When that moment has passed.
    ///
    /// # Panics
    /// As [`Cx::after`].
    pub fn schedule_with(
        &mut self,
        source: Entity,
        at: SimTime,
        priority: u8,
        event: M::Event,
    ) -> Result<Timer, Past> {
        let now = self.agenda.now;
        if at < now {
            return Err(Past { at, now });
        }
        Ok(self.agenda.schedule(source, at, priority, event))
    }

    /// Handles events up to and including `horizon`, at most `max_events` of them. Calling it
    /// again goes on where it stopped: a run cut into slices is the same run.
    pub fn run_until(&mut self, horizon: SimTime, max_events: u64) -> Stop {
        if self.error.is_some() {
            return Stop::Failed;
        }
        let mut left = max_events;
        loop {
            let Some(key) = self.agenda.next_key() else { return Stop::Idle };
            if key.time() > horizon {
                self.agenda.now = self.agenda.now.max(horizon);
                return Stop::Horizon;
            }
            if left == 0 {
                return Stop::Budget;
            }
            left -= 1;
            if !self.step() {
                return Stop::Failed;
            }
        }
    }

    /// Handles events up to and including `horizon`.
    ///
    /// # Errors
    /// When more than `budget` events would be handled in this call: such a model is a bug,
    /// not a long run. Names the event that was next. Also when the model broke an invariant.
    pub fn run(&mut self, horizon: SimTime, budget: u64) -> Result<Stop, EngineError> {
        let stop = self.run_until(horizon, budget);
        match &self.error {
            Some(error) => Err(error.clone()),
            None if stop == Stop::Budget => Err(self.never_settles(budget)),
            None => Ok(stop),
        }
    }

    /// The error of a run whose `budget` of events is spent; names the event that is next.
    #[must_use]
    pub fn never_settles(&self, budget: u64) -> EngineError {
        let next = self.agenda.queue.peek();
        EngineError {
            time: next.map_or(self.agenda.now, |(key, _)| key.time()),
            entity: next.map_or(Entity::default(), |(_, event)| event.entity()),
            index: self.handled,
            event: next.map(|(_, event)| format!("{event:?}")),
            reason: Reason::NeverSettles { budget },
        }
    }

    /// Handles the event at the head of the queue. False if the model broke an invariant.
    #[inline]
    fn step(&mut self) -> bool {
        let Some((key, event)) = self.agenda.queue.pop() else { return true };
        debug_assert!(key.time() >= self.agenda.now, "time never runs backwards");
        self.agenda.now = key.time();
        if let Some(last) = self.last
            && last.time() == key.time()
            && last.priority() == key.priority()
            && last.source() != key.source()
        {
            self.ties += 1;
        }
        self.last = Some(key);
        let entity = event.entity();
        let Some(chain) = self.chains.get_mut(entity.0 as usize) else {
            panic!("{event:?} happens to entity {entity}, of which the engine was not told")
        };
        chain.extend3([key.time().0, key.rest(), event.word()]);
        if let Some(watcher) = &mut self.watcher {
            watcher.see(self.handled, key.time(), entity, *chain, &event);
        }
        self.model.handle(event, &mut Cx { agenda: &mut self.agenda });
        self.handled += 1;
        match self.agenda.failed.take() {
            None => true,
            Some(reason) => {
                self.error = Some(EngineError {
                    time: key.time(),
                    entity,
                    index: self.handled - 1,
                    event: None,
                    reason: Reason::Invariant(reason),
                });
                false
            }
        }
    }

    /// The clock: the moment of the last event, or the horizon that was reached.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.agenda.now
    }

    /// How many events were handled.
    #[must_use]
    pub fn events_handled(&self) -> u64 {
        self.handled
    }

    /// How many events are pending, cancelled ones included.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.agenda.queue.len()
    }

    /// How often an event followed one of another source at the same moment and priority, so
    /// that their order came from the entities' numbers.
    #[must_use]
    pub fn ties(&self) -> u64 {
        self.ties
    }

    /// The invariant that was broken, if any.
    #[must_use]
    pub fn error(&self) -> Option<&EngineError> {
        self.error.as_ref()
    }

    /// The event digest: every event handled so far, by entity, in order.
    ///
    /// Each entity has a chain over its events (time, priority, source, count, word); the
    /// digest is BLAKE3 over the number of entities, the number of events and the chains in
    /// entity order. It does not depend on the trace.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"arable event digest 1");
        hasher.update(&(self.chains.len() as u64).to_le_bytes());
        hasher.update(&self.handled.to_le_bytes());
        let bytes: Vec<u8> = self.chains.iter().flat_map(|chain| chain.0.to_le_bytes()).collect();
        hasher.update(&bytes);
        Digest(hasher.finalize().into())
    }

    /// The log kept since [`Engine::watched`]; empty without it.
    #[must_use]
    pub fn log(&self) -> Log {
        self.watcher.as_ref().map(Watcher::log).unwrap_or_default()
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The model, to read results out of it.
    pub fn model_mut(&mut self) -> &mut M {
        &mut self.model
    }

    /// The model, at the end.
    #[must_use]
    pub fn into_model(self) -> M {
        self.model
    }
}
