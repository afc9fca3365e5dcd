//! Queueing blocks on the engine, in events per second: two events a customer.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sim_core::Streams;
use sim_core::queueing::{Law, Network, Route, SourceSpec, StationSpec};
use sim_types::SimTime;

/// Events of one measured run.
const EVENTS: u64 = 200_000;

fn exponential(mean: f64) -> Law {
    Law::exponential(mean).expect("a positive mean")
}

/// Poisson arrivals before `servers` at load 0.8.
fn m_m_c(servers: u32) -> Network {
    let arrivals = exponential(1.25 / f64::from(servers));
    let station = StationSpec::new(servers, exponential(1.0));
    let source = SourceSpec::renewal(arrivals, Route::To(0));
    Network::new(vec![station], vec![source], &Streams::new(1, 0)).expect("a sound network")
}

fn queues(c: &mut Criterion) {
    let mut group = c.benchmark_group("queueing");
    group.throughput(Throughput::Elements(EVENTS));
    for servers in [1, 8, 64] {
        let network = m_m_c(servers);
        group.bench_function(BenchmarkId::new("M/M/c", servers), |b| {
            b.iter(|| {
                let mut engine = network.clone().start();
                engine.run_until(SimTime::MAX, EVENTS);
                black_box(engine.digest())
            });
        });
    }
    group.finish();
}

/// One customer between two stations of fixed service: nothing but the engine and the blocks.
fn ring(c: &mut Criterion) {
    let station = |to| {
        let service = Law::deterministic(1.0).expect("not negative");
        StationSpec::new(1, service).with_route(Route::To(to))
    };
    let stations = vec![station(1), station(0)];
    let network = Network::new(stations, vec![], &Streams::new(1, 0)).expect("a sound network");
    let mut group = c.benchmark_group("queueing");
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function("ring of two", |b| {
        b.iter(|| {
            let mut engine = network.clone().start();
            engine.outside(|network, cx| network.place(0, 1, cx));
            engine.run_until(SimTime::MAX, EVENTS);
            black_box(engine.digest())
        });
    });
    group.finish();
}

criterion_group!(benches, queues, ring);
criterion_main!(benches);
