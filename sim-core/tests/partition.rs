//! Faults of a scenario, carried out by a model: nothing crosses a cut, nothing reaches a node
//! that is down, and afterwards everything does.

use serde::{Deserialize, Serialize};
use sim_core::faults::expand;
use sim_core::{
    Cx, Engine, Entity, EventWord, Fault, FaultEvent, Model, Network, NodeStates, RegionId,
    Regions, Stop, Streams,
};
use sim_types::units::Bandwidth;
use sim_types::{NodeId, Share, SimDuration, SimTime};

const NODES: u32 = 6;
const LINK: Bandwidth = Bandwidth(100_000_000);

/// Six nodes, two in each of three regions, greet everybody once a second.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Greeters {
    network: Network,
    states: NodeStates,
    streams: Streams,
    faults: Vec<FaultEvent>,
    /// When, from, to.
    arrived: Vec<(SimTime, NodeId, NodeId)>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Event {
    Tick,
    Greeting { from: NodeId, to: NodeId },
    Fault(u32),
}

const HOST: Entity = Entity(NODES);

impl EventWord for Event {
    fn word(&self) -> u64 {
        match *self {
            Self::Tick => 0,
            Self::Greeting { from, to } => 1 | u64::from(from.0) << 8 | u64::from(to.0) << 32,
            Self::Fault(index) => 2 | u64::from(index) << 8,
        }
    }
    fn entity(&self) -> Entity {
        match *self {
            Self::Greeting { to, .. } => Entity(to.0),
            Self::Tick | Self::Fault(_) => HOST,
        }
    }
}

fn region(node: NodeId) -> RegionId {
    RegionId(u16::try_from(node.0 / 2).expect("three regions"))
}

impl Model for Greeters {
    type Event = Event;
    fn handle(&mut self, event: Event, cx: &mut Cx<'_, Event>) {
        match event {
            Event::Tick => {
                for (from, to) in (0..NODES).flat_map(|a| (0..NODES).map(move |b| (a, b))) {
                    let (from, to) = (NodeId(from), NodeId(to));
                    let (a, b) = (region(from), region(to));
                    if from != to && self.states.is_up(from) && self.network.connected(a, b) {
                        let occasion = cx.now().0;
                        let pair = format!("{from} to {to}");
                        let mut stream = self.streams.stream(&pair, "loss", occasion);
                        let delay = self.network.delay(a, b, 1_000, LINK, LINK, &mut stream);
                        cx.after(Entity(from.0), delay, Event::Greeting { from, to });
                    }
                }
                cx.after(HOST, SimDuration::from_secs(1), Event::Tick);
            }
            Event::Greeting { from, to } => {
                if self.states.is_up(to) {
                    self.arrived.push((cx.now(), from, to));
                }
            }
            Event::Fault(index) => match &self.faults[index as usize] {
                FaultEvent::Crash(node) => {
                    self.states.crash(*node);
                }
                FaultEvent::Restart(node) => {
                    self.states.restart(*node);
                }
                FaultEvent::Cut(regions) => self.network.isolate(regions),
                FaultEvent::Heal(regions) => self.network.rejoin(regions),
            },
        }
    }
}

fn seconds(s: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs(s)
}

fn engine() -> Engine<Greeters> {
    let faults = [
        Fault::Partition {
            regions: vec![RegionId(0)],
            at: SimTime(seconds(10).0 - 1),
            heal: Some(SimTime(seconds(20).0 - 1)),
        },
        Fault::Crash {
            node: NodeId(5),
            at: SimTime(seconds(15).0 - 1),
            restart: Some(SimTime(seconds(30).0 - 1)),
        },
    ];
    let events = expand(&faults).expect("valid");
    let ms = SimDuration::from_millis;
    let latency = [1, 40, 90, 40, 1, 60, 90, 60, 1].map(ms);
    let regions = Regions::custom(&["a", "b", "c"], &latency).expect("3 x 3");
    let mut engine = Engine::new(
        Greeters {
            network: Network::new(regions, Share::percent(1)),
            states: NodeStates::new(NODES),
            streams: Streams::new(3, 0),
            faults: events.iter().map(|(_, event)| event.clone()).collect(),
            arrived: Vec::new(),
        },
        NODES + 1,
    );
    for (index, (at, _)) in (0..).zip(&events) {
        engine.schedule(HOST, *at, Event::Fault(index)).expect("not past");
    }
    engine.schedule(HOST, SimTime::ZERO, Event::Tick).expect("not past");
    engine
}

#[test]
fn a_cut_stops_messages_between_groups_until_it_heals() {
    let mut engine = engine();
    assert_eq!(engine.run_until(SimTime(seconds(40).0 - 1), u64::MAX), Stop::Horizon);
    let arrived = &engine.model().arrived;
    // A message that is not lost is there within 100 ms; a lost one may arrive later.
    let sent_in = |from: u64, until: u64| {
        arrived.iter().filter(move |(at, ..)| {
            let second = at.0 / 1_000_000_000;
            (from..until).contains(&second) && at.0 % 1_000_000_000 < 100_000_000
        })
    };
    let crosses = |a: NodeId, b: NodeId| (region(a) == RegionId(0)) != (region(b) == RegionId(0));
    let pairs = |from, until, wanted: &dyn Fn(NodeId, NodeId) -> bool| {
        sent_in(from, until).filter(|(_, a, b)| wanted(*a, *b)).count()
    };
    assert_eq!(pairs(10, 20, &crosses), 0, "nothing crosses the cut");
    // 16 ordered pairs cross; about 1% of the messages come late.
    assert!(pairs(0, 10, &crosses) > 140 && pairs(30, 40, &crosses) > 140);
    let inside = |a, b| !crosses(a, b);
    assert!(pairs(10, 15, &inside) > 60, "14 pairs stay connected");
    let crashed = |a: NodeId, b: NodeId| a == NodeId(5) || b == NodeId(5);
    assert_eq!(pairs(15, 30, &crashed), 0, "a node that is down neither sends nor receives");
    assert!(pairs(30, 40, &crashed) > 85, "10 pairs");
}

#[test]
fn a_snapshot_inside_the_cut_heals_like_the_run_it_was_taken_from() {
    let mut whole = engine();
    whole.run_until(seconds(40), u64::MAX);
    let mut stored = engine();
    stored.run_until(seconds(17), u64::MAX);
    let text = serde_json::to_string(&stored).expect("serialises");
    let mut stored: Engine<Greeters> = serde_json::from_str(&text).expect("reads back");
    stored.run_until(seconds(40), u64::MAX);
    assert_eq!(stored.digest(), whole.digest());
    assert_eq!(stored.model().arrived, whole.model().arrived);
}
