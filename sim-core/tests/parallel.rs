//! One run on any number of shards and threads: the same digest, and errors that name the
//! culprit.

use proptest::prelude::*;
use sim_core::parallel::BadParts;
use sim_core::{Cx, Engine, Entity, EventWord, Model, Parallel, Reason, Stop};
use sim_types::{SimDuration, SimTime};

#[path = "../../benches/models/mod.rs"]
mod models;

fn seconds(seconds: f64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs_f64(seconds)
}

#[test]
fn phold_has_one_digest_for_every_cut() {
    for (processes, remote, until) in [(7, 1.0, 30.0), (300, 0.5, 4.0), (300, 0.0, 2.0)] {
        let mut alone = models::phold::whole(processes, remote);
        alone.run_until(seconds(until), u64::MAX);
        for shards in [1, 2, 3, 7, 16] {
            for threads in [1, 2, 5] {
                let mut cut = models::phold::sharded(processes, remote, shards);
                assert_eq!(cut.run_until(seconds(until), threads, u64::MAX), Stop::Horizon);
                assert_eq!(cut.digest(), alone.digest(), "{shards} shards, {threads} threads");
                assert_eq!(cut.events_handled(), alone.events_handled());
                assert_eq!(cut.ties(), alone.ties());
                assert_eq!(cut.pending(), alone.pending());
                assert_eq!(cut.now(), alone.now());
                let hops: u64 = cut.models().map(models::phold::Phold::hops).sum();
                assert_eq!(hops, alone.events_handled());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Timers, cancellations and slices of any length; stored and restored in between.
    #[test]
    fn gossip_has_one_digest_however_it_is_cut_and_sliced(
        nodes in 1..120_u32,
        shards in 1..9_u16,
        threads in 1..4_usize,
        slices in proptest::collection::vec(1..3_000_u64, 0..6),
    ) {
        let mut alone = models::gossip::whole(nodes);
        alone.run_until(seconds(20.0), u64::MAX);
        let mut cut = models::gossip::sharded(nodes, shards);
        for budget in slices {
            cut.run_until(seconds(20.0), threads, budget);
            let stored = serde_json::to_string(&cut).expect("it serialises");
            cut = serde_json::from_str(&stored).expect("and back");
        }
        prop_assert_eq!(cut.run_until(seconds(20.0), threads, u64::MAX), Stop::Horizon);
        prop_assert_eq!(cut.digest(), alone.digest());
        prop_assert_eq!(cut.events_handled(), alone.events_handled());
    }
}

/// Passes a ball between two entities, and does something wrong on the way.
#[derive(Debug, Clone)]
struct Pair {
    wrong_at: SimTime,
    wrong: Wrong,
}

#[derive(Debug, Clone, Copy)]
enum Wrong {
    TooSoon,
    Stranger,
    NotMine,
    NotANumber,
    Negative,
    EndOfTime,
    Forever,
    Panic,
}

#[derive(Debug, Clone, Copy)]
struct Ball(Entity);

impl EventWord for Ball {
    fn word(&self) -> u64 {
        0
    }
    fn entity(&self) -> Entity {
        self.0
    }
}

const SECOND: SimDuration = SimDuration::from_secs(1);

impl Model for Pair {
    type Event = Ball;
    fn handle(&mut self, Ball(here): Ball, cx: &mut Cx<'_, Ball>) {
        let there = Entity(1 - here.0);
        if cx.now() < self.wrong_at {
            return cx.after(here, SECOND, Ball(there));
        }
        match self.wrong {
            Wrong::TooSoon => cx.after(here, SimDuration(999), Ball(there)),
            Wrong::Stranger => cx.after(here, SECOND, Ball(Entity(2))),
            Wrong::NotMine => cx.after(there, SECOND, Ball(here)),
            Wrong::NotANumber => cx.after_seconds(here, f64::NAN, Ball(here)),
            Wrong::Negative => cx.after_seconds(here, -1.0, Ball(here)),
            Wrong::EndOfTime => cx.after(here, SimDuration(u64::MAX), Ball(here)),
            Wrong::Forever => cx.after(here, SimDuration::ZERO, Ball(here)),
            Wrong::Panic => panic!("the model's own fault"),
        }
    }
}

fn pair(wrong: Wrong) -> Parallel<Pair> {
    let model = Pair { wrong_at: SimTime::ZERO + SimDuration::from_secs(5), wrong };
    let mut engine =
        Parallel::new(vec![(model.clone(), 1), (model, 1)], SECOND).expect("two parts");
    engine = engine.settling_within(1_000);
    engine.outside(0, |_, cx| cx.after(Entity(0), SECOND, Ball(Entity(0))));
    engine
}

#[test]
fn what_cannot_be_scheduled_ends_the_run_and_is_named() {
    let ball = |number: u32| format!("Ball(Entity({number}))");
    let table = [
        (
            Wrong::TooSoon,
            Reason::Lookahead {
                to: Entity(1),
                delay: SimDuration(999),
                lookahead: SECOND,
                event: ball(1),
            },
        ),
        (Wrong::Stranger, Reason::NoSuchEntity { to: Entity(2), entities: 2, event: ball(2) }),
        (Wrong::NotMine, Reason::NoSuchSource { from: Entity(1), event: ball(0) }),
        (Wrong::Negative, Reason::BadDelay { seconds: -1.0, event: ball(0) }),
        (Wrong::EndOfTime, Reason::TimeOverflow { delay: SimDuration(u64::MAX), event: ball(0) }),
        (Wrong::Forever, Reason::Restless { events: 1_000 }),
    ];
    for (wrong, reason) in table {
        for threads in [1, 2] {
            let mut engine = pair(wrong);
            assert_eq!(engine.run_until(SimTime::MAX, threads, u64::MAX), Stop::Failed);
            let error = engine.error().expect("it failed");
            assert_eq!(error.reason, reason);
            assert_eq!((error.entity, error.time), (Entity(0), seconds(5.0)));
            assert_eq!(error.event.as_deref(), Some("Ball(Entity(0))"));
            assert_eq!(engine.run_until(SimTime::MAX, threads, u64::MAX), Stop::Failed);
        }
    }
    let mut engine = pair(Wrong::NotANumber);
    assert_eq!(engine.run_until(SimTime::MAX, 2, u64::MAX), Stop::Failed);
    let text = engine.error().expect("it failed").to_string();
    assert!(text.starts_with("cannot schedule Ball(Entity(0)) after NaN s: expected"), "{text}");
    // Shard 0 had the ball twice before, and it comes by the second throw of entity 1.
    assert!(
        text.ends_with(
            "event 2 in shard 0 of entity 0 at 5s (Ball(Entity(0))), \
             which is event 1 that entity 1 scheduled"
        ),
        "{text}"
    );
}

#[test]
fn a_model_alone_is_told_the_same() {
    let model = Pair { wrong_at: SimTime::ZERO, wrong: Wrong::Stranger };
    let mut engine = Engine::new(model, 2);
    engine.schedule(Entity(0), SimTime(3), Ball(Entity(1))).expect("not past");
    let error = engine.run(SimTime(9), 10).expect_err("there is no entity 2");
    assert_eq!(
        error.to_string(),
        "Ball(Entity(2)) is to happen to entity 2: there are only 2: \
         event 0 of entity 1 at 3ns (Ball(Entity(1)))"
    );
    engine =
        Engine::new(Pair { wrong_at: SimTime::ZERO, wrong: Wrong::Forever }, 2).settling_within(50);
    engine.schedule(Entity(8), SimTime(3), Ball(Entity(1))).expect("not past");
    let text = engine.run(SimTime(9), 10).expect_err("there is no entity 8").to_string();
    assert!(text.contains("on account of entity 8, which this shard does not hold"), "{text}");
}

#[test]
#[should_panic(expected = "the model's own fault")]
fn a_panic_on_one_thread_does_not_leave_the_others_waiting() {
    pair(Wrong::Panic).run_until(SimTime::MAX, 2, u64::MAX);
}

#[test]
fn parts_that_make_no_whole_are_refused() {
    let part = |held| (Pair { wrong_at: SimTime::ZERO, wrong: Wrong::Panic }, held);
    let refused = |parts, lookahead| Parallel::new(parts, lookahead).map(|_| ()).expect_err("bad");
    assert_eq!(refused(Vec::new(), SECOND), BadParts::Parts(0));
    assert_eq!(refused(vec![part(1 << 24), part(1)], SECOND), BadParts::Entities((1 << 24) + 1));
    assert_eq!(refused(vec![part(1), part(1)], SimDuration::ZERO), BadParts::Lookahead);
}
