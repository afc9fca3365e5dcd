//! A model with the entities it holds: one alone is a run, several make one together.

use core::hint::black_box;
use core::ops::Range;

use serde::{Deserialize, Serialize};
use sim_types::SimTime;

use crate::agenda::Agenda;
use crate::chain::Chain;
use crate::determinism::{Log, Watch, Watcher};
use crate::engine::{Cx, Entity, EventWord, Model, Stop};
use crate::fault::{EngineError, Reason};
use crate::key::Key;
use crate::queue::Item;

/// Events in a row at one moment after which a model is taken not to settle.
const SETTLE_WITHIN: u64 = 20_000_000;

/// Entities whose places no longer fit the processor's own caches: from here on it pays to read
/// ahead.
const MANY_PLACES: usize = 1 << 14;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound(
    serialize = "M: Serialize, M::Event: Serialize",
    deserialize = "M: Deserialize<'de>, M::Event: Deserialize<'de>"
))]
pub(crate) struct Shard<M: Model> {
    pub(crate) model: M,
    pub(crate) agenda: Agenda<M::Event>,
    pub(crate) handled: u64,
    pub(crate) ties: u64,
    pub(crate) settle_within: u64,
    /// Events in a row at the present moment.
    at_once: u64,
    pub(crate) error: Option<EngineError>,
    watcher: Option<Watcher>,
}

impl<M: Model> Shard<M> {
    pub(crate) fn new(model: M, entities: Range<u32>) -> Self {
        Self {
            model,
            agenda: Agenda::new(entities),
            handled: 0,
            ties: 0,
            settle_within: SETTLE_WITHIN,
            at_once: 0,
            error: None,
            watcher: None,
        }
    }

    pub(crate) fn watch(&mut self, watch: Watch) {
        self.watcher = Some(Watcher::new(watch));
    }

    pub(crate) fn log(&self) -> Log {
        self.watcher.as_ref().map(Watcher::log).unwrap_or_default()
    }

    pub(crate) fn chains(&self) -> impl ExactSizeIterator<Item = Chain> + Clone + '_ {
        self.agenda.places.iter().map(|place| place.chain)
    }

    /// Lets the caller act on the model outside of an event.
    pub(crate) fn outside<R>(&mut self, act: impl FnOnce(&mut M, &mut Cx<'_, M::Event>) -> R) -> R {
        self.agenda.key = Key::default();
        let result = act(&mut self.model, &mut Cx { agenda: &mut self.agenda });
        if self.agenda.failed.is_some() {
            self.fail(Key::default(), None);
        }
        result
    }

    /// Handles events up to and including `horizon`, at most `left` of them.
    pub(crate) fn run_until(&mut self, horizon: SimTime, mut left: u64) -> Stop {
        if self.error.is_some() {
            return Stop::Failed;
        }
        loop {
            if left == 0 {
                match self.next_time() {
                    None => return Stop::Idle,
                    Some(time) if time <= horizon => return Stop::Budget,
                    Some(_) => {}
                }
            }
            let Some(item) = self.agenda.queue.pop_until(horizon) else {
                if self.next_time().is_none() {
                    return Stop::Idle;
                }
                self.agenda.now = self.agenda.now.max(horizon);
                return Stop::Horizon;
            };
            if self.agenda.queue.take_fresh() {
                self.foresee();
            }
            if !self.agenda.timers.due(item.handle) {
                continue;
            }
            left -= 1;
            if !self.step(item) {
                return Stop::Failed;
            }
        }
    }

    /// Reads what the next events will need while none of them waits for it: their entities are
    /// anywhere in memory, and reads that do not depend on each other overlap in the processor.
    #[inline(never)]
    fn foresee(&self) {
        if self.agenda.places.len() < MANY_PLACES {
            return;
        }
        for item in self.agenda.queue.run() {
            let entity = item.event.entity();
            black_box(self.agenda.chain(entity));
            black_box(self.agenda.timers.is_cancelled(item.handle));
            self.model.foresee(&item.event);
        }
    }

    /// When the next event happens. Drops cancelled ones that stand before it.
    pub(crate) fn next_time(&mut self) -> Option<SimTime> {
        loop {
            let item = self.agenda.queue.peek()?;
            if !self.agenda.timers.is_cancelled(item.handle) {
                return Some(item.key.time());
            }
            let gone = self.agenda.queue.pop()?;
            self.agenda.timers.due(gone.handle);
        }
    }

    /// Handles one event. False if the run failed.
    #[inline]
    fn step(&mut self, item: Item<M::Event>) -> bool {
        let Item { key, event, .. } = item;
        debug_assert!(key.time() >= self.agenda.now, "time never runs backwards");
        self.at_once = if key.time() == self.agenda.now { self.at_once + 1 } else { 0 };
        self.agenda.now = key.time();
        self.agenda.key = key;
        let entity = event.entity();
        let place = self.agenda.place(entity).expect("an event is held where its entity is");
        if place.last == key.time().0 && key.origin_differs(place.last_origin) {
            self.ties += 1;
        }
        (place.last, place.last_origin) = (key.time().0, key.origin());
        place.chain.extend3([key.time().0, key.rest(), event.word()]);
        if let Some(watcher) = &mut self.watcher {
            watcher.see(self.handled, key.time(), entity, place.chain, &event);
        }
        sim_types::seeded!(SlowerLoop, (0..22).for_each(|n| _ = black_box(n)), ());
        self.model.handle(event, &mut Cx { agenda: &mut self.agenda });
        self.handled += 1;
        if self.at_once >= self.settle_within {
            self.agenda.fail(Reason::Restless { events: self.at_once });
        }
        if self.agenda.failed.is_none() {
            return true;
        }
        self.fail(key, Some(event));
        false
    }

    #[cold]
    fn fail(&mut self, key: Key, event: Option<M::Event>) {
        let Some(reason) = self.agenda.failed.take() else { return };
        self.error.get_or_insert(EngineError {
            time: key.time().max(self.agenda.now),
            entity: event.map_or(Entity::default(), |event| event.entity()),
            key,
            shard: self.number(),
            index: self.handled.saturating_sub(u64::from(event.is_some())),
            event: event.map(|event| format!("{event:?}")),
            reason,
        });
    }

    /// Which of several shards it is.
    fn number(&self) -> Option<u16> {
        self.agenda.neighbours.as_ref().map(|around| around.number)
    }

    /// The error of a run that may not handle another event.
    pub(crate) fn never_settles(&self, budget: u64) -> EngineError {
        let next = self.agenda.queue.iter().min_by_key(|item| item.key);
        EngineError {
            time: next.map_or(self.agenda.now, |item| item.key.time()),
            entity: next.map_or(Entity::default(), |item| item.event.entity()),
            key: next.map_or(Key::default(), |item| item.key),
            shard: self.number(),
            index: self.handled,
            event: next.map(|item| format!("{:?}", item.event)),
            reason: Reason::NeverSettles { budget },
        }
    }
}
