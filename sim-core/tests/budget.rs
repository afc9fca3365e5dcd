//! A model that never settles, or breaks an invariant, is stopped and named.

mod common;

use sim_core::engine::DEFAULT_PRIORITY;
use sim_core::{Cx, Engine, EngineError, Entity, EventWord, Key, Model, Reason, Stop};
use sim_types::{SimDuration, SimTime};

/// Schedules itself for now, for ever; fails at a given count.
#[derive(Debug)]
struct Restless {
    fail_at: u64,
    count: u64,
}

#[derive(Debug, Clone, Copy)]
struct Again(u32);

impl EventWord for Again {
    fn word(&self) -> u64 {
        self.0.into()
    }
    fn entity(&self) -> Entity {
        Entity(1)
    }
}

impl Model for Restless {
    type Event = Again;
    fn handle(&mut self, Again(n): Again, cx: &mut Cx<'_, Again>) {
        if self.count == self.fail_at {
            cx.fail("the count is odd");
            cx.fail("a second reason does not hide the first");
        }
        self.count += 1;
        cx.after(Entity(1), SimDuration::ZERO, Again(n + 1));
    }
}

fn restless(fail_at: u64) -> Engine<Restless> {
    let mut engine = Engine::new(Restless { fail_at, count: 0 }, 2);
    engine.schedule(Entity(0), SimTime(7), Again(0)).expect("not past");
    engine
}

#[test]
fn a_model_that_never_settles_is_named_with_its_next_event() {
    let error = restless(u64::MAX).run(SimTime(8), 1_000).expect_err("never settles");
    assert_eq!(
        error,
        EngineError {
            time: SimTime(7),
            entity: Entity(1),
            key: Key::new(SimTime(7), DEFAULT_PRIORITY, Entity(1), 999),
            shard: None,
            index: 1_000,
            event: Some("Again(1000)".into()),
            reason: Reason::NeverSettles { budget: 1_000 },
        }
    );
    assert_eq!(
        error.to_string(),
        "the model never settles: 1000 events were handled before the horizon: \
         event 1000 of entity 1 at 7ns (Again(1000))"
    );
}

#[test]
fn a_budget_that_is_just_enough_is_no_error() {
    let mut engine = common::throwers(1, 3, 5, 10);
    let mut twin = engine.clone();
    assert_eq!(engine.run_until(SimTime(10_000), u64::MAX), Stop::Horizon);
    let needed = engine.events_handled();
    assert_eq!(twin.clone().run(SimTime(10_000), needed), Ok(Stop::Horizon));
    assert!(twin.run(SimTime(10_000), needed - 1).is_err());
}

#[test]
fn a_broken_invariant_stops_the_run_for_good() {
    let mut engine = restless(3);
    assert_eq!(engine.run_until(SimTime(8), 1_000), Stop::Failed);
    let error = engine.error().expect("it failed").clone();
    assert_eq!(
        error.to_string(),
        "invariant broken: the count is odd: event 3 of entity 1 at 7ns (Again(3))"
    );
    assert_eq!(engine.run_until(SimTime(8), 1_000), Stop::Failed);
    assert_eq!(engine.run(SimTime(8), 1_000), Err(error));
    assert_eq!(engine.events_handled(), 4);
}
