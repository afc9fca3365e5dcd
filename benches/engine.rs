//! The engine alone: queue, event loop, shards, snapshots. `cargo bench -p arable-sim-core`.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "delays")]

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sim_core::queue::{Item, Queue};
use sim_core::{Entity, Key};
use sim_types::{SimTime, Stream};

#[path = "models/mod.rs"]
mod models;

use models::{gossip, phold};

const SECOND: u64 = 1_000_000_000;

/// Events that one second of PHOLD handles in the steady state: each process holds 16, and a
/// delay is one second in the mean.
fn per_second(processes: u32) -> u64 {
    u64::from(processes) * 16
}

/// One second of PHOLD by number of processes, alone and in 16 shards.
fn phold_second(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("phold");
    group.sample_size(10);
    for processes in [1_024, 65_536] {
        group.throughput(Throughput::Elements(per_second(processes)));
        let mut engine = phold::whole(processes, 0.5);
        engine.run_until(SimTime(2 * SECOND), u64::MAX);
        group.bench_function(BenchmarkId::new("alone", processes), |bench| {
            bench.iter(|| engine.run_until(SimTime(engine.now().0 + SECOND), u64::MAX));
        });
        for threads in [1, 2] {
            let mut engine = phold::sharded(processes, 0.5, 16);
            engine.run_until(SimTime(2 * SECOND), threads, u64::MAX);
            let name = format!("16 shards, {threads} threads");
            group.bench_function(BenchmarkId::new(name, processes), |bench| {
                bench.iter(|| {
                    let until = SimTime(engine.now().0 + SECOND);
                    engine.run_until(until, threads, u64::MAX)
                });
            });
        }
    }
    group.finish();
}

/// One tenth of a second of gossip by size of the network.
fn gossip_tenth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gossip");
    group.sample_size(10);
    for nodes in [10_000, 1_000_000] {
        // A turn a second, and one rumour of each.
        group.throughput(Throughput::Elements(u64::from(nodes) / 5));
        let mut engine = gossip::whole(nodes);
        engine.run_until(SimTime(2 * SECOND), u64::MAX);
        group.bench_function(BenchmarkId::from_parameter(nodes), |bench| {
            bench.iter(|| engine.run_until(SimTime(engine.now().0 + SECOND / 10), u64::MAX));
        });
    }
    group.finish();
}

/// Taking the next event and adding one, by law of the delay and number pending.
fn hold(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hold");
    for (law, delay) in LAWS {
        for size in [100, 10_000, 1_000_000_u32] {
            let mut stream = Stream::new(1, 0);
            let mut queue = Queue::default();
            let mut count = 0;
            let mut item = |time: u64| {
                count += 1;
                let key = Key::new(SimTime(time), 128, Entity(0), count);
                Item { key, handle: u32::MAX, event: 0_u64 }
            };
            for _ in 0..size {
                queue.push(item(delay(&mut stream)));
            }
            group.throughput(Throughput::Elements(1));
            group.bench_function(BenchmarkId::new(law, size), |bench| {
                bench.iter(|| {
                    let now = queue.pop().map_or(0, |next| next.key.time().0);
                    queue.push(item(now + delay(&mut stream)));
                });
            });
            black_box(&queue);
        }
    }
    group.finish();
}

/// Draws a delay in nanoseconds.
type Delay = fn(&mut Stream) -> u64;

/// The delays of the peers' hold model.
const LAWS: [(&str, Delay); 4] = [
    ("exponential", |stream| (stream.exponential(1.0) * 1e9) as u64),
    ("bimodal", |stream| {
        let span = if stream.uniform() < 0.9 { 0.1 } else { 100.0 };
        (stream.uniform() * span * 1e9) as u64
    }),
    ("ties", |stream| SECOND * (1 + stream.below(12))),
    ("pareto", |stream| (stream.pareto(0.01, 1.5) * 1e9) as u64),
];

/// To a byte form and back, with 160,000 events pending.
fn snapshot(criterion: &mut Criterion) {
    let mut engine = phold::whole(10_000, 0.5);
    engine.run_until(SimTime(SECOND), u64::MAX);
    let bytes = serde_json::to_vec(&engine).expect("an engine serialises");
    let mut group = criterion.benchmark_group("snapshot");
    group.sample_size(10);
    group.throughput(Throughput::Elements(engine.pending() as u64));
    group.bench_function("save", |bench| bench.iter(|| serde_json::to_vec(&engine)));
    group.bench_function("restore", |bench| {
        bench.iter_batched(
            || bytes.as_slice(),
            serde_json::from_slice::<sim_core::Engine<phold::Phold>>,
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, phold_second, gossip_tenth, hold, snapshot);
criterion_main!(benches);
