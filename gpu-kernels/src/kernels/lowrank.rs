//! Low-rank compression of gradients.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Job, len};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis};
use crate::twin::lowrank;

const ROWS: usize = 32;

pub(super) const KERNEL: Kernel = Kernel {
    name: "lowrank",
    summary: "low-rank compression of a gradient (PowerSGD), one step",
    source: include_str!("../../cuda/lowrank.cu"),
    entries: &["lowrank_left", "lowrank_orthonormalise", "lowrank_right"],
    axes: &[
        axis("m", "rows of the gradient", 65_536),
        axis("n", "columns of the gradient", 65_536),
        axis("r", "rank", 32),
    ],
    verify: &[&[1, 1, 1], &[40, 70, 3], &[100, 33, 8]],
    bench: &[&[1024, 1024, 16], &[8192, 8192, 32]],
    fits: any,
    job,
    twin,
    tolerance: Tolerance::Bits,
    cost: |shape| {
        let [m, n, r] = dims(shape);
        Cost {
            unit: Unit::Fp32,
            operations: 4.0 * m * n * r + 2.0 * m * r * r,
            bytes: 8.0 * m * n + 4.0 * r * (2.0 * n + 4.0 * m),
        }
    },
    design: Design {
        bound: Bound::Memory,
        expected: 0.30,
        why: "the gradient is read twice in full lines, with 16 operations a byte near the fp32 \
              limit; five shared reads for four multiply-adds halve that. One block makes \
              columns orthonormal, 500 dependent sums over 8192 rows: as long as a product",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [m, n, r] = lens(shape);
    let mut draw = Draw::new(seed);
    let mut job = Job::default();
    let g = job.input("g", draw.floats(m * n, 1.0));
    let q = job.output("q", draw.floats(n * r, 1.0));
    let p = job.output("p", vec![0.0_f32; m * r]);
    let (rows, columns, rank) = (len(m), len(n), len(r));
    job.launch("lowrank_left", m.div_ceil(ROWS), 256, &[g, q, p, rows, columns, rank]);
    job.launch("lowrank_orthonormalise", 1, 1024, &[p, rows, rank]);
    job.launch("lowrank_right", n.div_ceil(ROWS), 256, &[g, p, q, rows, columns, rank]);
    job
}

fn twin(shape: &[usize], buffers: &mut [Data]) {
    let shape = lens(shape);
    let [g, q, p] = buffers else { unreachable!("the buffers of the job") };
    lowrank::left(g.f32(), q.f32(), p.f32_mut(), shape);
    lowrank::orthonormalise(p.f32_mut(), shape[2]);
    lowrank::right(g.f32(), p.f32(), q.f32_mut(), shape);
}
