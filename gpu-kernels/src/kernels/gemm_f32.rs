//! fp32 matrix product in a fixed order.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Job, len};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis};
use crate::twin::gemm;

const TILE: usize = 128;

pub(super) const KERNEL: Kernel = Kernel {
    name: "gemm_f32",
    summary: "fp32 product in one order of sums: bits that any machine reproduces (RepOps)",
    source: include_str!("../../cuda/gemm_f32.cu"),
    entries: &["gemm_f32"],
    axes: &[
        axis("m", "rows of A", 65_536),
        axis("n", "columns of B", 65_536),
        axis("k", "columns of A", 65_536),
    ],
    verify: &[&[64, 64, 32], &[1, 1, 1], &[129, 70, 33], &[130, 132, 48]],
    bench: &[&[512, 512, 512], &[1024, 1024, 1024], &[4096, 4096, 4096]],
    fits: any,
    job,
    twin,
    tolerance: Tolerance::Bits,
    cost: |shape| {
        let [m, n, k] = dims(shape);
        Cost { unit: Unit::Fp32, operations: 2.0 * m * n * k, bytes: 4.0 * (m * k + k * n + m * n) }
    },
    design: Design {
        bound: Bound::Compute,
        expected: 0.75,
        why: "64 multiply-adds for 4 shared reads of 16 bytes keep the fp32 pipes fed; 128 \
              registers allow 2 blocks an SM, enough to hide a stage's latency. Not more: about \
              one instruction in five is a load or an address, and the last wave of tiles is \
              partly empty",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [m, n, k] = lens(shape);
    let mut draw = Draw::new(seed);
    let mut job = Job::default();
    let a = job.input("a", draw.floats(m * k, 1.0));
    let b = job.input("b", draw.floats(k * n, 1.0));
    let c = job.output("c", vec![0.0_f32; m * n]);
    let grid = [n.div_ceil(TILE), m.div_ceil(TILE)];
    job.launch("gemm_f32", grid, 256, &[a, b, c, len(m), len(n), len(k)]);
    job
}

fn twin(shape: &[usize], buffers: &mut [Data]) {
    let [a, b, c] = buffers else { unreachable!("the buffers of the job") };
    gemm::f32(a.f32(), b.f32(), c.f32_mut(), lens(shape));
}
