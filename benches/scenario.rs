//! From text to plan, and simulated time without a trace.

use std::hint::black_box;
use std::path::Path;

use arable::plan::Plan;
use arable::scenario::Source;
use arable::world::World;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn plan(set: &[(&str, &str)]) -> Plan {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/systems/bittensor.yaml");
    let mut source = Source::load(&file).unwrap_or_else(|d| panic!("{}", d.render(false)));
    for (path, value) in set {
        source.set(path, value).unwrap_or_else(|d| panic!("{}", d.render(false)));
    }
    source.plan().unwrap_or_else(|d| panic!("{}", d.render(false))).0
}

fn planning(c: &mut Criterion) {
    c.bench_function("plan bittensor.yaml", |b| b.iter(|| black_box(plan(&[]))));
}

fn simulation(c: &mut Criterion) {
    let hour = plan(&[("horizon", "1h"), ("subnets", "1"), ("expect", "{}")]);
    let events = {
        let mut engine = World::start(&hour, 0).expect("a checked plan");
        engine.run_until(hour.horizon, u64::MAX);
        World::handled(&engine)
    };
    let mut group = c.benchmark_group("world");
    group.sample_size(20).throughput(Throughput::Elements(events));
    group.bench_function("one hour of one subnet, no trace", |b| {
        b.iter(|| {
            let mut engine = World::start(&hour, 0).expect("a checked plan");
            engine.run_until(hour.horizon, u64::MAX);
            black_box(World::totals(&engine))
        });
    });
    group.finish();
}

criterion_group!(benches, planning, simulation);
criterion_main!(benches);
