//! A rumour pushed between nodes that all know each other.

use sim_core::queueing::Draws;
use sim_core::{Cx, Engine, Entity, EventWord, Model};
use sim_types::{SimDuration, SimTime, math};

use super::estimate::{Wanted, estimate};
use super::single::rate;
use super::text::bad;
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// An informed node tells another one.
#[derive(Debug, Clone, Copy)]
struct Contact {
    by: u32,
}

impl EventWord for Contact {
    fn word(&self) -> u64 {
        0
    }
    fn entity(&self) -> Entity {
        Entity(self.by)
    }
}

struct Nodes {
    informed: Vec<bool>,
    missing: usize,
    mean_gap: f64,
    draws: Draws,
}

impl Nodes {
    fn inform(&mut self, node: u32, cx: &mut Cx<'_, Contact>) {
        if !core::mem::replace(&mut self.informed[node as usize], true) {
            self.missing -= 1;
            self.next(node, cx);
        }
    }

    fn next(&mut self, by: u32, cx: &mut Cx<'_, Contact>) {
        let gap = -self.mean_gap * math::ln(self.draws.uniform());
        cx.after(Entity(by), SimDuration::from_secs_f64(gap), Contact { by });
    }
}

impl Model for Nodes {
    type Event = Contact;

    #[expect(clippy::cast_possible_truncation, reason = "a node's number")]
    fn handle(&mut self, event: Contact, cx: &mut Cx<'_, Contact>) {
        // A uniform other node: the last takes the place of the teller.
        let others = self.informed.len() as u64 - 1;
        let drawn = self.draws.below(others) as u32;
        let to = if drawn == event.by { others as u32 } else { drawn };
        self.inform(to, cx);
        self.next(event.by, cx);
    }
}

pub(super) fn push(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    const RUNS: u32 = 5;
    let n = inputs.read::<u64>("n")?;
    let mean_gap = 1.0 / rate(inputs, "rate_per_node")?;
    let Some(n) = u32::try_from(n).ok().filter(|n| (2..=100_000).contains(n)) else {
        return Err(bad(format!("input `n` is {n}, expected 2 to 100000")));
    };
    let quantities = [("E[time to inform all]", 0.005)];
    estimate(inputs, &Wanted { quantities, most: 1_000 }, |streams| {
        let mut sum = 0.0;
        for run in 0..RUNS {
            let nodes = Nodes {
                informed: vec![false; n as usize],
                missing: n as usize,
                mean_gap,
                draws: Draws::new(streams.key(&format!("rumour {run}"), "contacts")),
            };
            let mut engine = Engine::new(nodes, n);
            engine.outside(|nodes, cx| nodes.inform(0, cx));
            while engine.model().missing > 0 {
                engine.run_until(SimTime::MAX, 1);
            }
            sum += engine.now().seconds();
        }
        Ok([sum / f64::from(RUNS)])
    })
}
