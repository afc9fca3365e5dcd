//! One measurement of one workload, to race other programs that print the same; see
//! `benches/README.md`.
//!
//! `cargo bench --bench race -- phold processes=1024 remote=0.5 shards=1 threads=1 seconds=30`

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "arguments are small")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what it is for")]
#![allow(clippy::disallowed_methods, reason = "it measures time; nothing simulated sees it")]

use std::time::Instant;

use sim_core::parallel::Parallel;
use sim_core::queueing::{Law, Network, Route, SourceSpec, StationSpec};
use sim_core::{Engine, Model, Streams};
use sim_types::SimTime;

#[path = "models/mod.rs"]
mod models;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let number = |name: &str, default: f64| {
        words
            .iter()
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
            .unwrap_or(default)
    };
    let whole = |name: &str, default: u32| number(name, f64::from(default)) as u32;
    let (shards, threads) = (whole("shards", 1) as u16, whole("threads", 1) as usize);
    let seconds = number("seconds", 30.0);
    match words.first().map(String::as_str) {
        Some("phold") => {
            let (processes, remote) = (whole("processes", 1_024), number("remote", 0.5));
            if shards == 1 {
                alone("phold", models::phold::whole(processes, remote), seconds);
            } else {
                together(
                    "phold",
                    models::phold::sharded(processes, remote, shards),
                    threads,
                    seconds,
                );
            }
        }
        Some("gossip") => {
            let nodes = whole("nodes", 10_000);
            if shards == 1 {
                alone("gossip", models::gossip::whole(nodes), seconds);
            } else {
                together("gossip", models::gossip::sharded(nodes, shards), threads, seconds);
            }
        }
        Some("mmc") => {
            queue(whole("servers", 1), number("load", 0.8), number("events", 4e6) as u64);
        }
        // `cargo bench` without a workload and `cargo test --benches` ask for nothing.
        _ => println!("workloads: phold, gossip, mmc; see benches/README.md"),
    }
}

fn horizon(seconds: f64) -> SimTime {
    SimTime((seconds * 1e9) as u64)
}

fn alone<M: Model>(name: &str, mut engine: Engine<M>, seconds: f64) {
    let start = Instant::now();
    engine.run_until(horizon(seconds), u64::MAX);
    report(name, engine.events_handled(), start, &engine.digest().to_string());
}

fn together<M: Model + Send>(name: &str, mut engine: Parallel<M>, threads: usize, seconds: f64)
where
    M::Event: Send,
{
    let start = Instant::now();
    engine.run_until(horizon(seconds), threads, u64::MAX);
    report(name, engine.events_handled(), start, &engine.digest().to_string());
}

/// M/M/c from the queueing blocks: two events a customer.
fn queue(servers: u32, load: f64, events: u64) {
    let law = |mean| Law::exponential(mean).expect("a positive mean");
    let station = StationSpec::new(servers, law(1.0));
    let source = SourceSpec::renewal(law(1.0 / (load * f64::from(servers))), Route::To(0));
    let network = Network::new(vec![station], vec![source], &Streams::new(1, 0));
    let mut engine = network.expect("a sound network").start();
    let start = Instant::now();
    engine.run_until(SimTime::MAX, events);
    report("mmc", engine.events_handled(), start, &engine.digest().to_string());
    let station = engine.model().station(0);
    eprintln!("mean wait {:.4} s over {} served", station.waits[0].mean(), station.served());
}

fn report(name: &str, events: u64, start: Instant, digest: &str) {
    let wall = start.elapsed().as_secs_f64();
    let ns = wall * 1e9 / events as f64;
    let digest = &digest[..16];
    println!(
        "{{\"bench\":\"{name}\",\"events\":{events},\"wall_s\":{wall:.6},\"ns\":{ns:.2},\"digest\":\"{digest}\"}}"
    );
}
