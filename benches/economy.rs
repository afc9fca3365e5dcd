//! One block of the chain's economy at the size of the main network: 128 subnets.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mechanisms::emission::economy::{Economy, Input, Params};
use mechanisms::emission::preset::Preset;
use mechanisms::pool::{Side, Trade};
use sim_types::fixed::I96F32;
use sim_types::{StateMachine, Stream};

const TAO: u64 = 1_000_000_000;
const SUBNETS: u64 = 128;

/// 128 subnets of different size and age of prices, with TAO on the root.
fn economy(preset: &Preset) -> Economy {
    let mut params = Params::new(preset.rules, 10_600_000 * TAO);
    params.block = 8_700_000;
    let mut economy = Economy::new(params).expect("valid parameters");
    let (mut stream, mut out) = (Stream::new(1, 1), Vec::new());
    for _ in 0..SUBNETS {
        let (tao, alpha) = (2_000 + stream.below(40_000), 500_000 + stream.below(1_500_000));
        let netuid = economy.open_subnet(tao * TAO, alpha * TAO, 360);
        economy.start(netuid).expect("a new subnet");
        let spot = economy.subnet(netuid).map_or(0.0, |subnet| subnet.price().to_f64());
        let moving = I96F32::saturating_from_f64(spot * (0.5 + stream.uniform()));
        economy.set_moving_price(netuid, moving.expect("a number")).expect("a new subnet");
    }
    economy.apply(Input::RootStaked { amount: 5_000_000 * TAO }, &mut out).expect("liquid TAO");
    // Trades move prices off their averages and give flow rules something to share by.
    for _ in 0..4 * SUBNETS {
        let netuid = 1 + u16::try_from(stream.below(SUBNETS)).expect("a small number");
        let trade = Trade::new(Side::Buy, (1 + stream.below(100)) * TAO);
        economy.apply(Input::Traded { netuid, trade }, &mut out).expect("a deep pool");
    }
    for _ in 0..1_000 {
        economy.advance(&mut out);
    }
    economy.conservation().expect("every unit is somewhere");
    economy
}

fn blocks(c: &mut Criterion) {
    let mut group = c.benchmark_group("economy");
    group.throughput(Throughput::Elements(SUBNETS));
    for preset in Preset::all() {
        let (mut economy, mut out) = (economy(&preset), Vec::new());
        group.bench_function(format!("block of 128 subnets, {}", preset.name), |b| {
            b.iter(|| {
                out.clear();
                black_box(&mut economy).advance(black_box(&mut out));
            });
        });
        economy.conservation().expect("every unit is somewhere");
    }
    group.finish();
}

criterion_group!(benches, blocks);
criterion_main!(benches);
