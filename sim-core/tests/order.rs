//! Events are handled in the order of their keys: time, priority, source, the source's count.

mod common;

use std::collections::BTreeMap;

use common::throwers;
use proptest::prelude::*;
use sim_core::{Cx, Engine, Entity, EventWord, Model, Stop};
use sim_types::{SimDuration, SimTime};

/// Writes down what happens; an event may schedule more.
#[derive(Debug, Clone, Default)]
struct Recorder {
    seen: Vec<u32>,
    times: Vec<SimTime>,
    timers: BTreeMap<u32, sim_core::Timer>,
}

#[derive(Debug, Clone)]
struct Note {
    name: u32,
    /// What to schedule: source, delay, priority, note.
    then: Vec<(u32, u64, u8, Note)>,
    cancel: Option<u32>,
}

/// Events are small and copied: a note lives as long as the test.
fn event(note: Note) -> &'static Note {
    Box::leak(Box::new(note))
}

fn note(name: u32) -> Note {
    Note { name, then: Vec::new(), cancel: None }
}

impl EventWord for &'static Note {
    fn word(&self) -> u64 {
        self.name.into()
    }
    fn entity(&self) -> Entity {
        Entity(0)
    }
}

impl Model for Recorder {
    type Event = &'static Note;
    fn handle(&mut self, event: &'static Note, cx: &mut Cx<'_, &'static Note>) {
        self.seen.push(event.name);
        self.times.push(cx.now());
        for &(source, delay, priority, ref note) in &event.then {
            let name = note.name;
            let timer = cx.timer_with(Entity(source), SimDuration(delay), priority, note);
            self.timers.insert(name, timer);
        }
        if let Some(name) = event.cancel {
            cx.cancel(self.timers[&name]);
        }
    }
}

fn recorder() -> Engine<Recorder> {
    Engine::new(Recorder::default(), 8)
}

#[test]
fn time_then_priority_then_source_then_count() {
    let mut engine = recorder();
    // Scheduled in the reverse of the expected order, except for the counts of one source.
    let table = [
        (2, 0, 0, 7),
        (1, 129, 0, 6),
        (1, 128, 4, 4),
        (1, 128, 4, 5),
        (1, 128, 3, 3),
        (1, 1, 7, 2),
        (0, 255, 7, 1),
    ];
    for (time, priority, source, name) in table {
        let at = SimTime(time);
        engine.schedule_with(Entity(source), at, priority, event(note(name))).expect("not past");
    }
    assert_eq!(engine.run(SimTime(9), 100), Ok(Stop::Idle));
    assert_eq!(engine.model().seen, [1, 2, 3, 4, 5, 6, 7]);
    // 3 and 4 come from different sources at one moment and priority; nothing else does.
    assert_eq!(engine.ties(), 1);
}

#[test]
fn without_delay_an_event_follows_its_cause_at_the_same_moment() {
    let mut engine = recorder();
    let mut cause = note(1);
    cause.then = vec![(0, 0, 0, note(2)), (6, 0, 255, note(4))];
    engine.schedule(Entity(5), SimTime(3), event(cause)).expect("not past");
    engine.schedule(Entity(6), SimTime(3), event(note(3))).expect("not past");
    assert_eq!(engine.run_until(SimTime::MAX, 100), Stop::Idle);
    assert_eq!(engine.model().seen, [1, 2, 3, 4]);
    assert_eq!(engine.model().times, [SimTime(3); 4]);
}

#[test]
fn the_clock_stops_at_the_horizon_and_takes_nothing_for_the_past() {
    let mut engine = recorder();
    engine.schedule(Entity(0), SimTime(5), event(note(1))).expect("not past");
    engine.schedule(Entity(0), SimTime(6), event(note(2))).expect("not past");
    assert_eq!(engine.run_until(SimTime(5), 10), Stop::Horizon);
    assert_eq!((engine.model().seen.as_slice(), engine.now()), (&[1][..], SimTime(5)));
    let past = engine.schedule(Entity(0), SimTime(4), event(note(3))).expect_err("past");
    assert_eq!(past.to_string(), "cannot schedule at 4ns: the clock stands at 5ns");
    assert_eq!(engine.run_until(SimTime(4), 10), Stop::Horizon);
    assert_eq!(engine.now(), SimTime(5));
    assert_eq!(engine.run_until(SimTime(6), 10), Stop::Idle);
    assert_eq!(engine.model().seen, [1, 2]);
}

/// A tombstone that outlives its event must not meet another one.
#[test]
fn a_cancelled_event_does_not_happen_and_a_late_cancellation_changes_nothing() {
    let mut engine = recorder();
    let mut plan = note(1);
    plan.then = vec![
        (1, 10, 128, note(2)),
        (1, 20, 128, note(3)),
        (1, 30, 128, Note { cancel: Some(2), ..note(4) }),
        (2, 30, 128, Note { cancel: Some(2), ..note(5) }),
        (1, 40, 128, note(6)),
        (3, 15, 128, Note { cancel: Some(3), ..note(7) }),
        (3, 16, 128, Note { cancel: Some(3), ..note(8) }),
        (4, 35, 128, Note { cancel: Some(9), ..note(10) }),
        (4, 50, 128, note(9)),
    ];
    engine.schedule(Entity(0), SimTime(0), event(plan)).expect("not past");
    assert_eq!(engine.run_until(SimTime(45), 100), Stop::Idle, "only a cancelled event is left");
    assert_eq!(engine.model().seen, [1, 2, 7, 8, 4, 5, 10, 6]);
}

proptest! {
    /// Against a sort of everything known beforehand.
    #[test]
    fn any_schedule_is_handled_in_key_order(
        plan in proptest::collection::vec((0..9_u64, 126..130_u8, 0..8_u32, any::<bool>()), 0..120),
    ) {
        let mut engine = recorder();
        let mut counts = [0_u32; 8];
        let mut expected = BTreeMap::new();
        let mut cancelled = Vec::new();
        for (name, &(time, priority, source, cancel)) in (0..).zip(&plan) {
            let timer = engine.outside(|_, cx| {
                cx.timer_with(Entity(source), SimDuration(time), priority, event(note(name)))
            });
            let count = &mut counts[source as usize];
            if cancel {
                cancelled.push(timer);
            } else {
                expected.insert((time, priority, source, *count), name);
            }
            *count += 1;
        }
        engine.outside(|_, cx| cancelled.iter().rev().for_each(|&timer| cx.cancel(timer)));
        prop_assert_eq!(engine.run_until(SimTime::MAX, 1_000), Stop::Idle);
        let ties = expected.keys().zip(expected.keys().skip(1))
            .filter(|(a, b)| (a.0, a.1) == (b.0, b.1) && a.2 != b.2).count();
        prop_assert_eq!(engine.ties(), ties as u64);
        prop_assert_eq!(&engine.model().seen, &expected.into_values().collect::<Vec<_>>());
    }

    /// How entities were announced, or a run was cut into slices, leaves no trace.
    #[test]
    fn slices_are_invisible(seed in any::<u64>(), slices in proptest::collection::vec(1..400_u64, 1..20)) {
        let horizon = SimTime(60_000);
        let mut whole = throwers(seed, 7, 20, 100);
        let end = whole.run_until(horizon, u64::MAX);
        let mut cut = throwers(seed, 7, 20, 100);
        let mut slices = slices.iter().cycle();
        while cut.run_until(horizon, *slices.next().expect("a cycle")) == Stop::Budget {}
        prop_assert_eq!(end, Stop::Horizon);
        prop_assert_eq!(cut.digest(), whole.digest());
        prop_assert_eq!(cut.events_handled(), whole.events_handled());
        prop_assert_eq!(cut.ties(), whole.ties());
        prop_assert!(whole.ties() > 0, "the grain makes ties");
        prop_assert_ne!(throwers(seed ^ 1, 7, 20, 100).digest(), whole.digest());
    }
}
