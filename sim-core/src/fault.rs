//! Why a run failed: values that name the culprit.

use serde::{Deserialize, Serialize};
use sim_types::{SimDuration, SimTime};

use crate::engine::Entity;
use crate::key::Key;

/// A failure of a run, with its culprit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}: event {index}{} of entity {entity} at {time}{}{}", place(*shard), shown(event.as_deref()), origin(*shard, *key))]
pub struct EngineError {
    /// When.
    pub time: SimTime,
    /// To whom the event happened.
    pub entity: Entity,
    /// Its place in the order of events, the same in whatever shards a run is cut: its time,
    /// its priority, who scheduled it, and how many events that entity had scheduled before.
    /// The least key where the failure came from outside of an event.
    pub key: Key,
    /// Which shard of a [`crate::Parallel`] run, from 0; `None` in a run that is one.
    pub shard: Option<u16>,
    /// How many events were handled before it, in that shard. A second run that watches this
    /// index ([`crate::Watch::capture`]) shows the event.
    pub index: u64,
    /// The event, where it is still at hand.
    pub event: Option<String>,
    /// What is wrong.
    pub reason: Reason,
}

fn place(shard: Option<u16>) -> String {
    shard.map(|number| format!(" in shard {number}")).unwrap_or_default()
}

/// An index within a shard finds nothing in a run that is cut otherwise: the key does.
fn origin(shard: Option<u16>, key: Key) -> String {
    let said =
        || format!(", which is event {} that entity {} scheduled", key.count(), key.source());
    shard.map(|_| said()).unwrap_or_default()
}

fn shown(event: Option<&str>) -> String {
    event.map(|text| format!(" ({text})")).unwrap_or_default()
}

/// What is wrong with a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum Reason {
    /// The budget of events ran out before the horizon.
    #[error("the model never settles: {budget} events were handled before the horizon")]
    NeverSettles {
        /// How many events were allowed.
        budget: u64,
    },
    /// So many events in a row at one moment: time stands still.
    #[error("the model never settles: {events} events in a row at one moment")]
    Restless {
        /// How many.
        events: u64,
    },
    /// A delay that is none.
    #[error("cannot schedule {event} after {seconds} s: expected a number of seconds from 0")]
    BadDelay {
        /// As it was given.
        seconds: f64,
        /// What was to be scheduled.
        event: String,
    },
    /// Beyond the end of time.
    #[error("cannot schedule {event} {delay} later: time ends at 584 years")]
    TimeOverflow {
        /// As it was given.
        delay: SimDuration,
        /// What was to be scheduled.
        event: String,
    },
    /// An entity that the engine was not told of.
    #[error("{event} is to happen to entity {to}: there are only {entities}")]
    NoSuchEntity {
        /// Which.
        to: Entity,
        /// How many there are, from 0.
        entities: u32,
        /// What was to be scheduled.
        event: String,
    },
    /// A source that the engine was not told of, or that belongs to another shard.
    #[error("{event} is scheduled on account of entity {from}, which this shard does not hold")]
    NoSuchSource {
        /// Which.
        from: Entity,
        /// What was to be scheduled.
        event: String,
    },
    /// A source has scheduled 2^32 events, as many as its count holds.
    #[error("entity {from} has scheduled 2^32 events: expected fewer")]
    TooManyEvents {
        /// Which.
        from: Entity,
    },
    /// An event for another shard, sooner than shards agreed to hear of each other.
    #[error(
        "{event} reaches entity {to} in another shard after {delay}: expected at least the lookahead of {lookahead}"
    )]
    Lookahead {
        /// To whom.
        to: Entity,
        /// After how long.
        delay: SimDuration,
        /// The least that was agreed.
        lookahead: SimDuration,
        /// What was to be scheduled.
        event: String,
    },
    /// The model said so, by [`crate::Cx::fail`].
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
