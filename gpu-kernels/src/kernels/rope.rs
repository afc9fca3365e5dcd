//! Rotary positions.

use sim_types::math;

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Job, len};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis, axis_of};
use crate::twin::elementwise;

/// Positions in the table.
const POSITIONS: usize = 512;
/// Base of the angles (arXiv 2104.09864, section 3.2.2).
const BASE: f64 = 10_000.0;

pub(super) const KERNEL: Kernel = Kernel {
    name: "rope",
    summary: "rotary positions on heads of bf16, in place",
    source: include_str!("../../cuda/rope.cu"),
    entries: &["rope"],
    axes: &[
        axis("tokens", "tokens", 1 << 20),
        axis("heads", "heads a token", 512),
        axis_of("d", "elements a head", 512, 8),
    ],
    verify: &[&[1, 1, 8], &[7, 3, 64], &[5, 8, 128]],
    bench: &[&[64, 40, 128], &[8192, 40, 128]],
    fits: any,
    job,
    twin,
    tolerance: Tolerance::Bits,
    cost: |shape| {
        let [tokens, heads, d] = dims(shape);
        let elements = tokens * heads * d;
        Cost {
            unit: Unit::Fp32,
            operations: 3.0 * elements,
            bytes: 4.0 * elements + 4.0 * tokens * d,
        }
    },
    design: Design {
        bound: Bound::Memory,
        expected: 0.80,
        why: "8-byte accesses to both halves of a head in full sectors, no barrier at all; a \
              division by the number of heads and the table's reads from L1 cost the rest",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [tokens, heads, d] = lens(shape);
    let mut draw = Draw::new(seed);
    let mut job = Job::default();
    let x = job.output("x", draw.bf16s(tokens * heads * d, 1.0));
    let positions: Vec<u32> = (0..tokens).map(|_| draw.below(POSITIONS as u64) as u32).collect();
    let position = job.input("position", positions);
    let table = |of: fn(f64) -> f64| -> Vec<f32> {
        let angle = |i: usize| {
            let (position, pair) = (i / (d / 2), i % (d / 2));
            position as f64 * math::pow(BASE, -2.0 * pair as f64 / d as f64)
        };
        (0..POSITIONS * d / 2).map(|i| of(angle(i)) as f32).collect()
    };
    let cosine = job.input("cosine", table(math::cos));
    let sine = job.input("sine", table(|x| math::cos(x - std::f64::consts::FRAC_PI_2)));
    let blocks = (tokens * heads * d / 8).div_ceil(256);
    job.launch("rope", blocks, 256, &[x, position, cosine, sine, len(tokens), len(heads), len(d)]);
    job
}

fn twin(shape: &[usize], buffers: &mut [Data]) {
    let [_, heads, d] = lens(shape);
    let [x, position, cosine, sine] = buffers else { unreachable!("the buffers of the job") };
    elementwise::rope(x.u16_mut(), position.u32(), cosine.f32(), sine.f32(), heads, d);
}
