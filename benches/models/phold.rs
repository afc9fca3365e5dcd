//! PHOLD (Fujimoto, "Performance of Time Warp under synthetic workloads", 1990), with the
//! constants of ROSS: a delay is Exp(0.9 s) + 0.1 s, so its mean is 1 s and nothing reaches
//! another within 0.1 s. Each process starts with 16 events.

use std::hint::black_box;

use serde::{Deserialize, Serialize};
use sim_core::parallel::even_parts;
use sim_core::{Cx, Engine, Entity, EventWord, Model, Parallel};
use sim_types::SimDuration;

use super::xoshiro::Xoshiro;

/// Nothing reaches another process sooner.
pub(crate) const LOOKAHEAD: SimDuration = SimDuration(100_000_000);

/// Events that each process starts with.
const INITIAL: u32 = 16;

/// A message reaches a process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Hop(pub(crate) Entity);

impl EventWord for Hop {
    #[inline]
    fn word(&self) -> u64 {
        0
    }
    #[inline]
    fn entity(&self) -> Entity {
        self.0
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Process {
    random: Xoshiro,
    hops: u64,
}

/// Some or all of the processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Phold {
    first: u32,
    processes: Vec<Process>,
    all: u32,
    remote: f64,
}

#[inline]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds")]
fn delay(random: &mut Xoshiro) -> SimDuration {
    SimDuration(((random.exponential(0.9) + 0.1) * 1e9) as u64)
}

impl Model for Phold {
    type Event = Hop;

    #[inline]
    fn foresee(&self, Hop(here): &Hop) {
        black_box(self.processes[(here.0 - self.first) as usize].hops);
    }

    #[inline]
    fn handle(&mut self, Hop(here): Hop, cx: &mut Cx<'_, Hop>) {
        let process = &mut self.processes[(here.0 - self.first) as usize];
        process.hops += 1;
        let random = &mut process.random;
        let to =
            if random.uniform() <= self.remote { Entity(random.below(self.all)) } else { here };
        let delay = delay(random);
        cx.after(here, delay, Hop(to));
    }
}

impl Phold {
    fn part(range: &std::ops::Range<u32>, all: u32, remote: f64) -> Self {
        let process = |number: u32| Process {
            random: Xoshiro::new(1 ^ ((u64::from(number) + 1) << 20)),
            hops: 0,
        };
        let processes = range.clone().map(process).collect();
        Self { first: range.start, processes, all, remote }
    }

    fn start(&mut self, cx: &mut Cx<'_, Hop>) {
        for (process, number) in self.processes.iter_mut().zip(self.first..) {
            for _ in 0..INITIAL {
                cx.after(Entity(number), delay(&mut process.random), Hop(Entity(number)));
            }
        }
    }

    /// Events that its processes have seen.
    #[must_use]
    pub(crate) fn hops(&self) -> u64 {
        self.processes.iter().map(|process| process.hops).sum()
    }
}

/// All processes in one engine.
#[must_use]
pub(crate) fn whole(processes: u32, remote: f64) -> Engine<Phold> {
    let mut engine = Engine::new(Phold::part(&(0..processes), processes, remote), processes);
    engine.outside(Phold::start);
    engine
}

/// The same in shards.
#[must_use]
pub(crate) fn sharded(processes: u32, remote: f64, shards: u16) -> Parallel<Phold> {
    let ranges = even_parts(processes, shards);
    let part = |range: &std::ops::Range<u32>| {
        (Phold::part(range, processes, remote), u32::try_from(range.len()).expect("a part"))
    };
    let parts = ranges.iter().map(part).collect();
    let mut engine = Parallel::new(parts, LOOKAHEAD).expect("parts make a whole");
    for shard in 0..engine.shards() {
        engine.outside(shard, Phold::start);
    }
    engine
}
