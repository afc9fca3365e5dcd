//! The largest elements of a gradient.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Arg, Job, len, u32_of};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, axis};
use crate::twin::gradients;

const TILE: usize = 2048;
/// Blocks that count: some eight an SM.
const MOST_BLOCKS: usize = 1024;

pub(super) const KERNEL: Kernel = Kernel {
    name: "topk",
    summary: "the k gradient elements of greatest magnitude, with their places",
    source: include_str!("../../cuda/topk.cu"),
    entries: &["topk_count", "topk_pick", "topk_tally", "topk_scan", "topk_write"],
    axes: &[axis("n", "elements", 1 << 31), axis("k", "elements to keep", 1 << 31)],
    verify: &[&[1, 1], &[5000, 50], &[2048, 2048], &[6001, 3000]],
    bench: &[&[1 << 20, 10_486], &[1 << 27, 1_342_177]],
    fits: |shape| match shape {
        [n, k] if k > n => Err(format!("topk cannot keep k={k} of n={n} elements")),
        _ => Ok(()),
    },
    job,
    twin,
    tolerance: Tolerance::Bits,
    cost: |shape| {
        let [n, k] = dims(shape);
        Cost { unit: Unit::Int32, operations: 40.0 * n, bytes: 24.0 * n + 8.0 * k }
    },
    design: Design {
        bound: Bound::Memory,
        expected: 0.60,
        why: "six passes of 4 bytes an element are counted as such. Shared atomics of the first \
              digit collide where magnitudes share an exponent, and the last pass waits at \
              barriers of its prefix sums",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [n, k] = lens(shape);
    let mut draw = Draw::new(seed);
    // A third of the elements from few values, so that the bar falls among equals.
    let x: Vec<f32> = (0..n)
        .map(|_| match draw.below(3) {
            0 => draw.below(8) as f32 / 8.0 - 0.5,
            _ => draw.unit(),
        })
        .collect();
    let tiles = n.div_ceil(TILE);
    let mut job = Job::default();
    let x = job.input("x", x);
    let state = job.output("state", vec![0, u32_of(k)]);
    let counts = job.output("counts", vec![0_u32; 256]);
    let greater = job.scratch("greater", vec![0_u32; tiles]);
    let equal = job.scratch("equal", vec![0_u32; tiles]);
    let place = job.output("place", vec![0_u32; k]);
    let value = job.output("value", vec![0.0_f32; k]);
    let blocks = n.div_ceil(1024).min(MOST_BLOCKS);
    for shift in [24, 16, 8, 0] {
        job.launch("topk_count", blocks, 256, &[x, len(n), state, counts, Arg::U32(shift)]);
        job.launch("topk_pick", 1, 256, &[state, counts, Arg::U32(shift)]);
    }
    job.launch("topk_tally", tiles, 256, &[x, len(n), state, greater, equal]);
    job.launch("topk_scan", 1, 1024, &[greater, equal, len(tiles)]);
    job.launch("topk_write", tiles, 256, &[x, len(n), state, greater, equal, place, value]);
    job
}

fn twin(shape: &[usize], buffers: &mut [Data]) {
    let [x, state, counts, _, _, place, value] = buffers else {
        unreachable!("the buffers of the job")
    };
    let (places, values) = gradients::top(x.f32(), shape[1]);
    // The bar, and how many of those equal to it are kept.
    let magnitude = |x: &f32| x.to_bits() & 0x7fff_ffff;
    let bar = values.iter().map(magnitude).min().unwrap_or(0);
    let kept = values.iter().filter(|x| magnitude(x) == bar).count();
    state.u32_mut().copy_from_slice(&[bar, kept as u32]);
    counts.u32_mut().fill(0);
    place.u32_mut().copy_from_slice(&places);
    value.f32_mut().copy_from_slice(&values);
}
