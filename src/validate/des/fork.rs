//! Natural forks: blocks found before the last one has reached everybody.

use std::collections::VecDeque;

use sim_core::queueing::Draws;
use sim_core::{Cx, Engine, Entity, EventWord, Model};
use sim_types::{SimDuration, SimTime, math};

use super::estimate::{Wanted, estimate};
use super::single::rate;
use super::text::{bad, float};
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// Miners where a case says `many equal`: a miner knows its own blocks at once, so forks come
/// out too rare by one part in so many.
const MANY: u32 = 1_024;

/// A miner finds a block.
#[derive(Debug, Clone, Copy)]
struct Found {
    by: u32,
}

impl EventWord for Found {
    fn word(&self) -> u64 {
        0
    }
    fn entity(&self) -> Entity {
        Entity(self.by)
    }
}

/// A block on its way to the other miners.
struct Travelling {
    found: SimTime,
    by: u32,
    contested: bool,
}

struct Miners {
    mean_gap: f64,
    delay: SimDuration,
    draws: Draws,
    travelling: VecDeque<Travelling>,
    /// Blocks that everybody knows, and those of them that met a competitor on their way.
    known: u64,
    contested: u64,
}

impl Miners {
    fn next(&mut self, by: u32, cx: &mut Cx<'_, Found>) {
        let gap = -self.mean_gap * math::ln(self.draws.uniform());
        cx.after(Entity(by), SimDuration::from_secs_f64(gap), Found { by });
    }
}

impl Model for Miners {
    type Event = Found;

    fn handle(&mut self, Found { by }: Found, cx: &mut Cx<'_, Found>) {
        let now = cx.now();
        while let Some(block) = self.travelling.front()
            && now.since(block.found) > self.delay
        {
            self.known += 1;
            self.contested += u64::from(block.contested);
            self.travelling.pop_front();
        }
        for block in self.travelling.iter_mut().filter(|block| block.by != by) {
            block.contested = true;
        }
        self.travelling.push_back(Travelling { found: now, by, contested: false });
        self.next(by, cx);
    }
}

pub(super) fn natural(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    const BLOCKS: u64 = 50_000;
    let (blocks, delay) = (rate(inputs, "block_rate")?, rate(inputs, "propagation_delay")?);
    let miners = match inputs.get("miners") {
        Some(serde_json::Value::Number(_)) => {
            u32::try_from(inputs.read::<u64>("miners")?).map_err(bad)?
        }
        _ => MANY,
    };
    if !(2..=1_000_000).contains(&miners) || blocks * delay > 1_000.0 {
        return Err(bad("expected 2 to 1000000 miners, and at most 1000 blocks in a delay"));
    }
    let quantities = [("P(>=1 competing block within delay)", 0.0075)];
    estimate(inputs, &Wanted { quantities, most: 400 }, |streams| {
        let model = Miners {
            mean_gap: f64::from(miners) / blocks,
            delay: SimDuration::from_secs_f64(delay),
            draws: Draws::new(streams.key("miners", "blocks")),
            travelling: VecDeque::new(),
            known: 0,
            contested: 0,
        };
        let mut engine = Engine::new(model, miners);
        engine.outside(|model, cx| (0..miners).for_each(|by| model.next(by, cx)));
        engine.run_until(SimTime::MAX, BLOCKS);
        let model = engine.model();
        Ok([float(model.contested) / float(model.known.max(1))])
    })
}
