//! Root mean square normalisation.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Arg, Job, len};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis, axis_of};
use crate::twin::elementwise;

const EPSILON: f32 = 1e-5;

pub(super) const KERNEL: Kernel = Kernel {
    name: "rmsnorm",
    summary: "RMS norm of rows of bf16",
    source: include_str!("../../cuda/rmsnorm.cu"),
    entries: &["rmsnorm"],
    axes: &[axis("rows", "rows", 1 << 24), axis_of("d", "elements a row", 16_384, 8)],
    verify: &[&[3, 8], &[5, 4096], &[2, 5000], &[2, 16_384]],
    bench: &[&[64, 4096], &[4096, 4096], &[16_384, 8192]],
    fits: any,
    job,
    twin,
    tolerance: Tolerance::Bits,
    cost: |shape| {
        let [rows, d] = dims(shape);
        Cost { unit: Unit::Fp32, operations: 5.0 * rows * d, bytes: 4.0 * rows * d + 2.0 * d }
    },
    design: Design {
        bound: Bound::Memory,
        expected: 0.85,
        why: "each element crosses the bus once each way in 16-byte accesses; what is missing is \
              the barrier between reading a row and writing it, hidden by 8 blocks an SM",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [rows, d] = lens(shape);
    let mut draw = Draw::new(seed);
    let mut job = Job::default();
    let x = job.input("x", draw.bf16s(rows * d, 3.0));
    let gain = job.input("gain", draw.bf16s(d, 1.0));
    let y = job.output("y", vec![0_u16; rows * d]);
    job.launch("rmsnorm", rows, 256, &[x, gain, y, len(d), Arg::F32(EPSILON)]);
    job
}

fn twin(_: &[usize], buffers: &mut [Data]) {
    let [x, gain, y] = buffers else { unreachable!("the buffers of the job") };
    elementwise::rmsnorm(x.u16(), gain.u16(), y.u16_mut(), EPSILON);
}
