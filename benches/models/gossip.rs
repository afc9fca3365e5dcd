//! Gossip by timer: each node wakes about once a second and tells a random other, which hears
//! of it 20 to 120 ms later and puts its own next turn off. Every node has one timer pending,
//! so the pending set is as large as the network.

use std::hint::black_box;

use serde::{Deserialize, Serialize};
use sim_core::parallel::even_parts;
use sim_core::{Cx, Engine, Entity, EventWord, Model, Parallel, Timer};
use sim_types::{SimDuration, Stream};

/// The least latency between two nodes.
pub(crate) const LOOKAHEAD: SimDuration = SimDuration(20_000_000);

/// What happens to a node.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Event {
    /// Its turn.
    Turn(Entity),
    /// A rumour of this age, in hops.
    Heard(Entity, u32),
}

impl EventWord for Event {
    #[inline]
    fn word(&self) -> u64 {
        match *self {
            Self::Turn(_) => 0,
            Self::Heard(_, age) => 1 + u64::from(age),
        }
    }
    #[inline]
    fn entity(&self) -> Entity {
        match *self {
            Self::Turn(node) | Self::Heard(node, _) => node,
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Node {
    turn: Option<Timer>,
    turns: u32,
    age: u32,
}

/// Some or all of the nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Gossip {
    first: u32,
    nodes: Vec<Node>,
    all: u32,
}

impl Model for Gossip {
    type Event = Event;

    #[inline]
    fn foresee(&self, event: &Event) {
        black_box(self.nodes[(event.entity().0 - self.first) as usize].turns);
    }

    fn handle(&mut self, event: Event, cx: &mut Cx<'_, Event>) {
        let here = event.entity();
        let node = &mut self.nodes[(here.0 - self.first) as usize];
        // One address for one turn: two values, and a third where it was put off.
        let mut stream = Stream::new(u64::from(here.0), u64::from(node.turns));
        match event {
            Event::Turn(_) => {
                node.turns += 1;
                let to = u32::try_from(stream.below(u64::from(self.all))).expect("a node");
                let latency = SimDuration(LOOKAHEAD.0 + stream.below(100_000_000));
                cx.after(here, latency, Event::Heard(Entity(to), node.age + 1));
                let wait = SimDuration(500_000_000 + stream.below(1_000_000_000));
                node.turn = Some(cx.timer(here, wait, Event::Turn(here)));
            }
            Event::Heard(_, age) => {
                node.age = node.age.max(age);
                // Every sixteenth rumour is news, and puts the node's own turn off.
                if age % 16 == 0
                    && let Some(turn) = node.turn.take()
                {
                    cx.cancel(turn);
                    let wait = SimDuration(500_000_000 + stream.below(1_000_000_000));
                    node.turn = Some(cx.timer(here, wait, Event::Turn(here)));
                }
            }
        }
    }
}

impl Gossip {
    fn part(range: &std::ops::Range<u32>, all: u32) -> Self {
        let node = Node { turn: None, turns: 0, age: 0 };
        Self { first: range.start, nodes: vec![node; range.len()], all }
    }

    fn start(&mut self, cx: &mut Cx<'_, Event>) {
        for (node, number) in self.nodes.iter_mut().zip(self.first..) {
            let wait = SimDuration(Stream::new(u64::from(number), u64::MAX).below(1_000_000_000));
            node.turn = Some(cx.timer(Entity(number), wait, Event::Turn(Entity(number))));
        }
    }
}

/// All nodes in one engine.
#[must_use]
pub(crate) fn whole(nodes: u32) -> Engine<Gossip> {
    let mut engine = Engine::new(Gossip::part(&(0..nodes), nodes), nodes);
    engine.outside(Gossip::start);
    engine
}

/// The same in shards.
#[must_use]
pub(crate) fn sharded(nodes: u32, shards: u16) -> Parallel<Gossip> {
    let ranges = even_parts(nodes, shards);
    let part = |range: &std::ops::Range<u32>| {
        (Gossip::part(range, nodes), u32::try_from(range.len()).expect("a part"))
    };
    let mut engine =
        Parallel::new(ranges.iter().map(part).collect(), LOOKAHEAD).expect("parts make a whole");
    for shard in 0..engine.shards() {
        engine.outside(shard, Gossip::start);
    }
    engine
}
