//! The CPU twins of the kernels beside the best that others have: the rule's own Yuma epoch, and
//! the established crates.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use gpu_kernels::bench::limits;
use gpu_kernels::data::{Data, Draw};
use gpu_kernels::kernel::find;
use gpu_kernels::twin::{gemm, reed_solomon};
use mechanisms::yuma::{EpochInputs, EpochOutputs, Form, Hyperparameters, Scratch, epoch_into};
use sim_types::fixed::I64F64;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// Every twin at the smaller of its shapes to time.
fn twins(c: &mut Criterion) {
    let mut group = c.benchmark_group("twin");
    group.sample_size(10).measurement_time(Duration::from_secs(1));
    for kernel in gpu_kernels::kernels::ALL {
        let shape = kernel.bench[0];
        let job = (kernel.job)(shape, 1);
        let mut buffers: Vec<Data> = job.buffers.into_iter().map(|b| b.data).collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let bytes = (kernel.cost)(shape).bytes as u64;
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function(BenchmarkId::new(kernel.name, kernel.shape_text(shape)), |b| {
            b.iter(|| (kernel.twin)(shape, black_box(&mut buffers)));
        });
    }
    group.finish();
}

/// fp32 products, in operations a second, beside what this processor's multiply-adds reach.
fn products(c: &mut Criterion) {
    let peak = limits::of_this_processor().fp32.unwrap_or(0.0);
    eprintln!("fp32 peak of this processor, measured: {:.1} Gop/s", peak / 1e9);
    let mut group = c.benchmark_group("fp32 product");
    for n in [512, 1024, 2048] {
        let mut draw = Draw::new(1);
        let (a, b) = (draw.floats(n * n, 1.0), draw.floats(n * n, 1.0));
        let mut out = vec![0.0; n * n];
        group.throughput(Throughput::Elements(2 * (n * n * n) as u64));
        group.bench_function(BenchmarkId::new("twin", n), |bench| {
            bench.iter(|| gemm::f32(black_box(&a), &b, &mut out, [n, n, n]));
        });
    }
    group.finish();
}

/// Parity of 10 + 4 shards, in bytes of data.
fn parity(c: &mut Criterion) {
    let (k, m, len) = (10, 4, 1 << 20);
    let data = Draw::new(1).bytes(k * len);
    let matrix = reed_solomon::cauchy(k, m);
    let mut out = vec![0; m * len];
    let mut group = c.benchmark_group("parity of 10 + 4");
    group.throughput(Throughput::Bytes((k * len) as u64));
    group.bench_function("twin, GF(2^8)", |b| {
        b.iter(|| reed_solomon::encode(&matrix, black_box(&data), &mut out, k, len));
    });
    group.bench_function("reed-solomon-simd, GF(2^16)", |b| {
        b.iter(|| reed_solomon_simd::encode(k, m, black_box(&data).chunks(len)).expect("encodes"));
    });
    group.finish();
}

/// One epoch, of the twins and of the rule that runs in simulations: with all weights set, and
/// over lists.
fn epochs(c: &mut Criterion) {
    let mut group = c.benchmark_group("yuma epoch");
    for shape in [[64, 192], [64, 960], [256, 3840]] {
        let [validators, servers] = shape;
        let name = format!("{validators} x {servers}");
        let buffers = twin_epoch(&mut group, "yuma", &shape, &name);
        let mut weights: Vec<Vec<(u16, u16)>> = buffers[0]
            .u16()
            .chunks(servers)
            .map(|row| {
                let cells = (validators as u16..).zip(row.iter().copied());
                cells.filter(|cell| cell.1 > 0).collect()
            })
            .collect();
        weights.resize(validators + servers, Vec::new());
        let stake: Vec<u64> = (1..=validators as u64).collect();
        let bonds = vec![Vec::new(); validators + servers];
        rules_epoch(&mut group, &name, &stake, &weights, bonds, true);
    }

    let shape = [64, 960, 6];
    let [validators, servers, listed] = shape;
    let name = format!("{validators} x {servers}, {listed} listed");
    let buffers = twin_epoch(&mut group, "yuma_sparse", &shape, &name);
    let by_rows = |start: &[u32], rows: &[u32], values: &[u16]| {
        let mut lists: Vec<Vec<(u16, u16)>> = vec![Vec::new(); validators + servers];
        for (server, ends) in start.windows(2).enumerate() {
            for i in ends[0] as usize..ends[1] as usize {
                lists[rows[i] as usize].push(((validators + server) as u16, values[i]));
            }
        }
        lists
    };
    let [start, rows, weights, old_start, old_rows, old_bonds, stake, ..] = &buffers[..] else {
        unreachable!("the buffers of the job")
    };
    let weights = by_rows(start.u32(), rows.u32(), weights.u16());
    let bonds = by_rows(old_start.u32(), old_rows.u32(), old_bonds.u16());
    // As the twin, each time from the same bonds.
    rules_epoch(&mut group, &name, stake.u64(), &weights, bonds, false);
    group.finish();
}

/// Times the twin and gives its buffers.
fn twin_epoch(group: &mut Group<'_>, kernel: &str, shape: &[usize], name: &str) -> Vec<Data> {
    let kernel = find(kernel).expect("registered");
    let job = (kernel.job)(shape, 1);
    let mut buffers: Vec<Data> = job.buffers.into_iter().map(|b| b.data).collect();
    group.bench_function(BenchmarkId::new("twin", name), |b| {
        b.iter(|| (kernel.twin)(shape, black_box(&mut buffers)));
    });
    buffers
}

/// Times the rule's epoch on a subnet whose first uids are the staked validators; if `goes_on`,
/// each epoch begins with the bonds of the one before.
fn rules_epoch(
    group: &mut Group<'_>,
    name: &str,
    validators: &[u64],
    weights: &[Vec<(u16, u16)>],
    mut bonds: Vec<Vec<(u16, u16)>>,
    goes_on: bool,
) {
    let n = weights.len();
    let mut stake: Vec<I64F64> = validators.iter().copied().map(I64F64::from).collect();
    stake.resize(n, I64F64::ZERO);
    let (ones, zeros, permits) = (vec![1; n], vec![0; n], vec![true; n]);
    let (mut scratch, mut outputs) = (Scratch::default(), EpochOutputs::default());
    let hyperparameters =
        Hyperparameters { max_validators: validators.len() as u16, ..Hyperparameters::default() };
    group.bench_function(BenchmarkId::new("the rule's", name), |b| {
        b.iter(|| {
            let inputs = EpochInputs {
                hyperparameters,
                stake: &stake,
                last_update: &ones,
                block_at_registration: &zeros,
                permits: &permits,
                weights,
                bonds: &bonds,
                owner: None,
                commit_blocks: None,
                block: 2,
                tempo: 1,
                last_step_block: None,
                emission: 1_000_000_000_000,
                form: Form::Sparse,
            };
            epoch_into(black_box(&inputs), &mut scratch, &mut outputs).expect("a subnet");
            if goes_on {
                core::mem::swap(&mut bonds, &mut outputs.bonds);
            }
        });
    });
}

criterion_group!(benches, epochs, products, parity, twins);
criterion_main!(benches);
