//! Gradients as int8.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Arg, Job};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis_of};
use crate::twin::gradients::{self, BLOCK};

pub(super) const KERNEL: Kernel = Kernel {
    name: "int8_blocks",
    summary: "gradients to int8 in blocks of 64, and back (DiLoCoX, 0G)",
    source: include_str!("../../cuda/int8_blocks.cu"),
    entries: &["int8_quantise", "int8_restore"],
    axes: &[axis_of("n", "elements", 1 << 32, 64)],
    verify: &[&[64], &[64 * 33], &[64 * 129]],
    bench: &[&[1 << 20], &[1 << 28]],
    fits: any,
    job,
    twin,
    tolerance: Tolerance::Bits,
    cost: |shape| {
        // Out and back: 4 + 1 + 4/64 bytes an element each way.
        let [n] = dims(shape);
        Cost { unit: Unit::Fp32, operations: 8.0 * n, bytes: 2.0 * n * (5.0 + 4.0 / 64.0) }
    },
    design: Design {
        bound: Bound::Memory,
        expected: 0.85,
        why: "both directions stream: 16 bytes in and 4 out a thread, or the reverse, without \
              shared memory; four shuffles a block of 64 are hidden",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [n] = lens(shape);
    let mut x = Draw::new(seed).floats(n, 0.01);
    // A block of nothing but zeros.
    x[..BLOCK].fill(0.0);
    let mut job = Job::default();
    let x = job.input("x", x);
    let q = job.output("q", vec![0_u8; n]);
    let scale = job.output("scale", vec![0.0_f32; n / BLOCK]);
    let y = job.output("y", vec![0.0_f32; n]);
    let (blocks, quads) = ((n / 4).div_ceil(256), Arg::U64(n as u64 / 4));
    job.launch("int8_quantise", blocks, 256, &[x, q, scale, quads]);
    job.launch("int8_restore", blocks, 256, &[q, scale, y, quads]);
    job
}

fn twin(_: &[usize], buffers: &mut [Data]) {
    let [x, q, scale, y] = buffers else { unreachable!("the buffers of the job") };
    gradients::quantise(x.f32(), q.u8_mut(), scale.f32_mut());
    gradients::restore(q.u8(), scale.f32(), y.f32_mut());
}
