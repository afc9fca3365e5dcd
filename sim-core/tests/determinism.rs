//! Two runs of one plan are compared event by event, and the first difference is named.

mod common;

use std::cell::Cell;
use std::convert::Infallible;

use common::{Event, throwers};
use sim_core::determinism::BLOCK;
use sim_core::{Difference, Entity, Log, Watch, first_difference};
use sim_types::SimTime;

const HORIZON: SimTime = SimTime(1_000_000);

/// Runs the throwers; from `disturbed` on, every second run differs: a ball too many at
/// that moment, scheduled by and for entity 2.
fn check(disturbed: Option<SimTime>) -> (Option<Difference>, u32) {
    let runs = Cell::new(0_u32);
    let found = first_difference(|watch: Watch| -> Result<Log, Infallible> {
        runs.set(runs.get() + 1);
        let mut engine = throwers(5, 6, 30, 1).watched(watch);
        if let Some(at) = disturbed
            && runs.get().is_multiple_of(2)
        {
            engine.run_until(SimTime(at.0 - 1), u64::MAX);
            let extra = Event::Ball { to: Entity(2), ball: 77 };
            engine.schedule(Entity(2), at, extra).expect("not past");
        }
        engine.run_until(HORIZON, u64::MAX);
        Ok(engine.log())
    });
    (found.expect("cannot fail"), runs.get())
}

#[test]
fn equal_runs_have_no_difference_and_run_only_twice() {
    assert_eq!(check(None), (None, 2));
}

#[test]
fn the_first_event_that_differs_is_named() {
    for at in [1, 400_000, 999_990] {
        // What the first event from that moment on is, by running up to it.
        let at = SimTime(at);
        let mut engine = throwers(5, 6, 30, 1);
        engine.run_until(SimTime(at.0 - 1), u64::MAX);
        let before = engine.events_handled();
        let (found, runs) = check(Some(at));
        let found = found.expect("they differ");
        assert_eq!(runs, 4);
        // The undisturbed run may have events at the very moment, before the extra one.
        engine.run_until(at, u64::MAX);
        assert!((before..=engine.events_handled()).contains(&found.index), "{found}");
        assert!(found.second.contains("ball: 77"), "{found}");
        assert!(!found.first.contains("ball: 77"), "{found}");
        assert!(found.time >= at && found.to_string().contains("then"), "{found}");
    }
    let mut engine = throwers(5, 6, 30, 1);
    engine.run_until(SimTime(400_000), u64::MAX);
    assert!(engine.events_handled() > BLOCK, "the middle case lies beyond the first block");
}

/// A difference that does not come back is still reported.
#[test]
fn a_difference_that_happens_once_is_not_lost() {
    let mut runs = 0;
    let found = first_difference(|watch| -> Result<Log, Infallible> {
        runs += 1;
        let mut engine = throwers(if runs == 2 { 6 } else { 5 }, 6, 30, 1).watched(watch);
        engine.run_until(HORIZON, u64::MAX);
        Ok(engine.log())
    });
    let found = found.expect("cannot fail").expect("they differ");
    assert_eq!(found.index, 0);
    assert_ne!(found.first, found.second);
}

#[test]
fn watching_leaves_no_trace_in_the_digest() {
    let mut plain = throwers(5, 6, 30, 1);
    let mut watched = throwers(5, 6, 30, 1).watched(Watch::capture(3..5));
    plain.run_until(HORIZON, u64::MAX);
    watched.run_until(HORIZON, u64::MAX);
    assert_eq!(plain.digest(), watched.digest());
    let log = watched.log();
    assert_eq!(log.events, watched.events_handled());
    assert_eq!(log.blocks.len() as u64, log.events / BLOCK);
    assert_eq!(log.captured.iter().map(|event| event.index).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(plain.log(), Log::default());
}
