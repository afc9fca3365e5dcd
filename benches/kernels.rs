//! The CPU twins of the kernels beside the best that others have: the rule's own Yuma epoch, and
//! the established crates.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gpu_kernels::bench::limits;
use gpu_kernels::data::{Data, Draw};
use gpu_kernels::kernel::find;
use gpu_kernels::twin::{gemm, reed_solomon};
use mechanisms::yuma::{EpochInputs, EpochOutputs, Form, Hyperparameters, Scratch, epoch_into};
use sim_types::fixed::I64F64;

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

/// One epoch with all weights set: the dense twin, and the epoch that the reward rule runs.
fn epochs(c: &mut Criterion) {
    let yuma = find("yuma").expect("registered");
    let mut group = c.benchmark_group("yuma epoch");
    for (validators, servers) in [(64, 192), (64, 960), (256, 3840)] {
        let shape = [validators, servers];
        let job = (yuma.job)(&shape, 1);
        let mut buffers: Vec<Data> = job.buffers.into_iter().map(|b| b.data).collect();
        let name = format!("{validators} x {servers}");
        group.bench_function(BenchmarkId::new("twin", &name), |b| {
            b.iter(|| (yuma.twin)(&shape, black_box(&mut buffers)));
        });

        let n = validators + servers;
        let dense = buffers[0].u16().to_vec();
        let mut weights: Vec<Vec<(u16, u16)>> = dense
            .chunks(servers)
            .map(|row| {
                let cells = (validators as u16..).zip(row.iter().copied());
                cells.filter(|cell| cell.1 > 0).collect()
            })
            .collect();
        weights.resize(n, Vec::new());
        let stake: Vec<I64F64> = (0..n)
            .map(|uid| if uid < validators { I64F64::from(uid as u64 + 1) } else { I64F64::ZERO })
            .collect();
        let (ones, zeros, permits) = (vec![1; n], vec![0; n], vec![true; n]);
        let mut bonds = vec![Vec::new(); n];
        let (mut scratch, mut outputs) = (Scratch::default(), EpochOutputs::default());
        let hyperparameters =
            Hyperparameters { max_validators: validators as u16, ..Hyperparameters::default() };
        group.bench_function(BenchmarkId::new("the rule's", &name), |b| {
            b.iter(|| {
                let inputs = EpochInputs {
                    hyperparameters,
                    stake: &stake,
                    last_update: &ones,
                    block_at_registration: &zeros,
                    permits: &permits,
                    weights: &weights,
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
                core::mem::swap(&mut bonds, &mut outputs.bonds);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, epochs, products, parity, twins);
criterion_main!(benches);
