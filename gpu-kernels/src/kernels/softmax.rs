//! Softmax.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Job, len};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis, axis_of};
use crate::twin::elementwise;

pub(super) const KERNEL: Kernel = Kernel {
    name: "softmax",
    summary: "softmax of rows of bf16",
    source: include_str!("../../cuda/softmax.cu"),
    entries: &["softmax"],
    axes: &[axis("rows", "rows", 1 << 24), axis_of("d", "elements a row", 32_768, 8)],
    verify: &[&[3, 8], &[3, 4104], &[2, 32_000]],
    bench: &[&[64, 4096], &[4096, 4096], &[4096, 32_000]],
    fits: any,
    job,
    twin,
    tolerance: Tolerance::Bits,
    cost: |shape| {
        let [rows, d] = dims(shape);
        Cost { unit: Unit::Fp32, operations: 34.0 * rows * d, bytes: 4.0 * rows * d }
    },
    design: Design {
        bound: Bound::Memory,
        expected: 0.75,
        why: "each element crosses the bus once each way; two exponentials of 11 instructions an \
              element come near the fp32 limit, and two barriers a row are hidden by only 2 \
              blocks of 512 threads an SM at 64 registers",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [rows, d] = lens(shape);
    let mut draw = Draw::new(seed);
    let mut job = Job::default();
    let x = job.input("x", draw.bf16s(rows * d, 12.0));
    let y = job.output("y", vec![0_u16; rows * d]);
    job.launch("softmax", rows, 512, &[x, y, len(d)]);
    job
}

fn twin(shape: &[usize], buffers: &mut [Data]) {
    let [x, y] = buffers else { unreachable!("the buffers of the job") };
    elementwise::softmax(x.u16(), y.u16_mut(), shape[1]);
}
