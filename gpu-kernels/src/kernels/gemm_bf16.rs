//! bf16 matrix product on tensor cores.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Job, len};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis, axis_of};
use crate::twin::elementwise::{narrow, wide};
use crate::twin::moe::product;

pub(super) const TILE: usize = 128;

pub(super) const KERNEL: Kernel = Kernel {
    name: "gemm_bf16",
    summary: "bf16 product on tensor cores (linear layers)",
    source: include_str!("../../cuda/gemm_bf16.cu"),
    entries: &["gemm_bf16"],
    axes: &[
        axis("m", "rows of A: tokens", 65_536),
        axis_of("n", "rows of B: outputs", 262_144, 8),
        axis_of("k", "columns of both", 65_536, 8),
    ],
    verify: &[&[1, 8, 8], &[128, 128, 64], &[130, 136, 200]],
    bench: &[&[64, 4096, 4096], &[4096, 4096, 4096], &[8192, 8192, 8192]],
    fits: any,
    job,
    twin,
    // Sums of k products below one in another order, then rounding to 8 bits.
    tolerance: Tolerance::Near { absolute: 1e-3, relative: 8e-3 },
    cost: |shape| {
        let [m, n, k] = dims(shape);
        Cost {
            unit: Unit::TensorBf16,
            operations: 2.0 * m * n * k,
            bytes: 2.0 * (m * k + k * n + m * n),
        }
    },
    design: Design {
        bound: Bound::Compute,
        expected: 0.55,
        why: "mma.sync of 16 x 8 x 16 from registers reaches some 60 to 65 % of what an H100's \
              asynchronous warp-group products do, which need its own instructions; three \
              stages of copies and 2 blocks an SM hide memory, two ldmatrix feed 8 products",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [m, n, k] = lens(shape);
    let mut draw = Draw::new(seed);
    let mut job = Job::default();
    let a = job.input("a", draw.bf16s(m * k, 1.0));
    let b = job.input("b", draw.bf16s(n * k, 1.0));
    let c = job.output("c", vec![0_u16; m * n]);
    let grid = [n.div_ceil(TILE), m.div_ceil(TILE)];
    job.launch("gemm_bf16", grid, 256, &[a, b, c, len(m), len(n), len(k)]);
    job
}

fn twin(shape: &[usize], buffers: &mut [Data]) {
    let [a, b, c] = buffers else { unreachable!("the buffers of the job") };
    let a: Vec<f32> = a.u16().iter().map(|&x| wide(x)).collect();
    let sums = product(&a, b.u16(), lens(shape));
    for (c, sum) in c.u16_mut().iter_mut().zip(sums) {
        *c = narrow(sum);
    }
}
