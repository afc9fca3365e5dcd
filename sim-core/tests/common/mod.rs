//! A small model for the engine's promises: balls thrown between entities, after PHOLD
//! (Fujimoto, "Performance of Time Warp under synthetic workloads", 1990).
#![allow(dead_code, reason = "each test file uses a part of it")]

use serde::{Deserialize, Serialize};
use sim_core::{Cx, Engine, Entity, EventWord, Model, Streams, Timer};
use sim_types::{SimDuration, SimTime};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    /// A ball reaches an entity.
    Ball { to: Entity, ball: u32 },
    /// An entity has waited for a ball in vain.
    Bored { who: Entity },
}

impl EventWord for Event {
    fn word(&self) -> u64 {
        match self {
            Self::Ball { ball, .. } => u64::from(*ball) << 1,
            Self::Bored { .. } => 1,
        }
    }
    fn entity(&self) -> Entity {
        match *self {
            Self::Ball { to, .. } => to,
            Self::Bored { who } => who,
        }
    }
}

/// Entities that throw every ball on to a random other after a random delay, and grow bored
/// when none comes for a while.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Throwers {
    keys: Vec<sim_types::stream::Key>,
    received: Vec<u64>,
    bored: Vec<Option<Timer>>,
    pub(crate) times_bored: u64,
    /// Delays are multiples of this, so that ties are common where it is large.
    grain: u64,
}

const PATIENCE: SimDuration = SimDuration(900);

impl Model for Throwers {
    type Event = Event;

    fn handle(&mut self, event: Event, cx: &mut Cx<'_, Event>) {
        let who = event.entity();
        let place = who.0 as usize;
        match event {
            Event::Bored { .. } => {
                self.times_bored += 1;
                self.bored[place] = None;
            }
            Event::Ball { ball, .. } => {
                if let Some(timer) = self.bored[place].take() {
                    cx.cancel(timer);
                }
                self.bored[place] = Some(cx.timer_with(who, PATIENCE, 200, Event::Bored { who }));
                let mut stream = sim_types::Stream::new(self.keys[place], self.received[place]);
                self.received[place] += 1;
                let to = Entity(u32::try_from(stream.below(self.keys.len() as u64)).expect("few"));
                let delay = SimDuration(stream.below(2_000 / self.grain) * self.grain);
                cx.after(who, delay, Event::Ball { to, ball });
            }
        }
    }
}

/// An engine over `entities` throwers with `balls` balls in the air.
pub(crate) fn throwers(seed: u64, entities: u32, balls: u32, grain: u64) -> Engine<Throwers> {
    let streams = Streams::new(seed, 0);
    let model = Throwers {
        keys: (0..entities).map(|i| streams.key(&format!("thrower {i}"), "throws")).collect(),
        received: vec![0; entities as usize],
        bored: vec![None; entities as usize],
        times_bored: 0,
        grain,
    };
    let mut engine = Engine::new(model, entities);
    for ball in 0..balls {
        let who = Entity(ball % entities);
        engine.schedule(who, SimTime::ZERO, Event::Ball { to: who, ball }).expect("time zero");
    }
    engine
}
