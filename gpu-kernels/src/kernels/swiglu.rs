//! Gated activation.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Arg, Job};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis, axis_of};
use crate::twin::elementwise;

pub(super) const KERNEL: Kernel = Kernel {
    name: "swiglu",
    summary: "silu(gate) times up, bf16",
    source: include_str!("../../cuda/swiglu.cu"),
    entries: &["swiglu"],
    axes: &[axis("tokens", "tokens", 1 << 20), axis_of("f", "width of the layer", 65_536, 8)],
    verify: &[&[1, 8], &[3, 1000], &[2, 14_336]],
    bench: &[&[64, 14_336], &[8192, 14_336]],
    fits: any,
    job,
    twin,
    tolerance: Tolerance::Bits,
    cost: |shape| {
        let [tokens, f] = dims(shape);
        Cost { unit: Unit::Fp32, operations: 24.0 * tokens * f, bytes: 6.0 * tokens * f }
    },
    design: Design {
        bound: Bound::Memory,
        expected: 0.85,
        why: "16-byte accesses, no barrier; exponential and exact division take some 24 of the \
              120 operations an element that the memory leaves time for",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [tokens, f] = lens(shape);
    let n = tokens * f;
    let mut draw = Draw::new(seed);
    let mut job = Job::default();
    // Far enough that both ends of the exponential are met.
    let gate = job.input("gate", draw.bf16s(n, 120.0));
    let up = job.input("up", draw.bf16s(n, 2.0));
    let y = job.output("y", vec![0_u16; n]);
    job.launch("swiglu", (n / 8).div_ceil(256), 256, &[gate, up, y, Arg::U64(n as u64)]);
    job
}

fn twin(_: &[usize], buffers: &mut [Data]) {
    let [gate, up, y] = buffers else { unreachable!("the buffers of the job") };
    elementwise::swiglu(gate.u16(), up.u16(), y.u16_mut());
}
