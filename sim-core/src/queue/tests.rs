use super::*;
use proptest::prelude::*;
use sim_types::Stream;
use std::collections::BTreeMap;

use crate::engine::Entity;

fn item(time: u64, priority: u8, source: u32, count: u32) -> Item<u32> {
    let key = Key::new(SimTime(time), priority, Entity(source), count);
    Item { key, handle: u32::MAX, event: count }
}

/// A queue and a sorted map that are told the same.
#[derive(Default)]
struct Pair {
    queue: Queue<u32>,
    reference: BTreeMap<Key, u32>,
    now: u64,
    count: u32,
}

impl Pair {
    fn push(&mut self, delay: u64, priority: u8, source: u32) {
        let item = item(self.now.saturating_add(delay), priority, source, self.count);
        self.count += 1;
        self.queue.push(item);
        self.reference.insert(item.key, item.event);
    }

    fn pop(&mut self) {
        assert_eq!(self.queue.peek_key(), self.reference.keys().next().copied());
        let expected = self.reference.pop_first();
        let found = self.queue.pop().map(|item| (item.key, item.event));
        assert_eq!(found, expected);
        self.now = found.map_or(self.now, |(key, _)| key.time().0);
    }

    fn drain(&mut self) {
        while !self.reference.is_empty() {
            self.pop();
        }
        assert!(self.queue.is_empty());
        assert!(self.queue.pop().is_none());
    }
}

/// Delays as the hold model has them, and worse.
fn delay(law: u8, stream: &mut Stream) -> u64 {
    let second = 1e9;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "delays")]
    match law {
        0 => (stream.exponential(1.0) * second) as u64,
        1 if stream.uniform() < 0.9 => (stream.uniform() * 0.1 * second) as u64,
        1 => (stream.uniform() * 100.0 * second) as u64,
        2 => 1_000_000_000 * (1 + stream.below(12)),
        3 => (sim_types::math::pow(stream.uniform(), -1.0 / 1.5) * 0.01 * second) as u64,
        4 => 0,
        // Dense: many events a nanosecond, right where the wheel is emptied.
        5 => stream.below(40),
        // The far end of time and everything before it.
        _ => u64::MAX >> stream.below(64),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Against a sorted map: hold at several sizes, with every law and mixes of them.
    #[test]
    fn events_leave_in_the_order_of_their_keys(
        size in prop_oneof![0..40_usize, 200..1_200_usize, 3_000..6_000_usize],
        laws in proptest::collection::vec(0..7_u8, 1..4),
        seed in any::<u64>(),
    ) {
        let mut stream = Stream::new(seed, 0);
        let mut pair = Pair::default();
        let step = |pair: &mut Pair, stream: &mut Stream| {
            let law = laws[usize::try_from(stream.below(laws.len() as u64)).unwrap()];
            let priority = u8::try_from(stream.below(3)).unwrap();
            let source = u32::try_from(stream.below(50)).unwrap();
            let delay = delay(law, stream);
            pair.push(delay, priority, source);
        };
        for _ in 0..size {
            step(&mut pair, &mut stream);
        }
        for _ in 0..2 * size + 50 {
            pair.pop();
            step(&mut pair, &mut stream);
        }
        prop_assert_eq!(pair.queue.len(), pair.reference.len());
        prop_assert_eq!(pair.queue.iter().count(), pair.reference.len());
        pair.drain();
    }

    /// However pushes and pops follow each other, through every change of parts.
    #[test]
    fn any_sequence_of_steps_keeps_the_order(
        steps in proptest::collection::vec((0..7_u8, 0..3_u8, 0..5_u32, 0..120_u8, 0..120_u8), 0..60),
        seed in any::<u64>(),
    ) {
        let mut stream = Stream::new(seed, 0);
        let mut pair = Pair::default();
        for (law, priority, source, pushes, pops) in steps {
            for _ in 0..pushes {
                let delay = delay(law, &mut stream);
                pair.push(delay, priority, source);
            }
            for _ in 0..pops {
                pair.pop();
            }
        }
        pair.drain();
    }

    /// The form on disk says nothing of how the events were held.
    #[test]
    fn a_stored_queue_goes_on_as_it_would_have(size in 0..2_000_usize, seed in any::<u64>()) {
        let mut stream = Stream::new(seed, 0);
        let mut pair = Pair::default();
        for _ in 0..size {
            let delay = delay(0, &mut stream);
            pair.push(delay, 0, 0);
        }
        for _ in 0..size / 2 {
            pair.pop();
        }
        let text = serde_json::to_string(&pair.queue).unwrap();
        pair.queue = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&serde_json::to_string(&pair.queue).unwrap(), &text);
        pair.drain();
    }
}

#[test]
fn nothing_later_than_the_limit_is_taken() {
    let mut queue = Queue::default();
    for count in 0..2_000 {
        queue.push(item(u64::from(count) * 1_000, 0, 0, count));
    }
    let mut taken = 0;
    while queue.pop_until(SimTime(1_000_000)).is_some() {
        taken += 1;
    }
    assert_eq!((taken, queue.len()), (1_001, 999));
}

#[test]
fn a_pending_event_costs_at_most_48_bytes() {
    // An event of 16 bytes, a million pending: the item itself, and the memory around it.
    let mut queue: Queue<[u64; 2]> = Queue::default();
    let mut stream = Stream::new(1, 0);
    for count in 0..1_000_000 {
        let key = Key::new(SimTime(delay(0, &mut stream)), 128, Entity(0), count);
        queue.push(Item { key, handle: u32::MAX, event: [0; 2] });
    }
    assert_eq!(size_of::<Item<[u64; 2]>>(), 40);
    assert!(queue.bytes() <= 48 * 1_000_000, "{} bytes", queue.bytes());
}
