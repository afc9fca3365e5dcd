//! Multi-scalar multiplication.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Job, len};
use crate::kernel::{Axis, Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis};
use crate::twin::field::Base;
use crate::twin::msm;

/// Buckets of a chunk, words of a point on its way.
const CHUNK: usize = 32;
const POINT: usize = 24;

pub(super) const KERNEL: Kernel = Kernel {
    name: "msm",
    summary: "sum of scalars times points of BLS12-381's G1 (commitments, proofs)",
    source: include_str!("../../cuda/msm.cu"),
    entries: &[
        "msm_count",
        "msm_scan",
        "msm_place",
        "msm_buckets",
        "msm_chunks",
        "msm_weigh",
        "msm_windows",
        "msm_final",
    ],
    axes: &[
        axis("n", "points", 1 << 26),
        Axis { name: "bits", what: "bits of a window", range: (5, 16), multiple: 1 },
    ],
    verify: &[&[1, 5], &[40, 5]],
    bench: &[&[1 << 12, 10], &[1 << 18, 14]],
    fits: any,
    job,
    twin,
    tolerance: Tolerance::Bits,
    // A mixed addition: 10 products of 300 multiply-adds of two instructions.
    cost: |shape| {
        let [n, bits] = dims(shape);
        let windows = (256.0 / bits).ceil();
        let buckets = windows * sim_types::math::pow(2.0, bits);
        Cost {
            unit: Unit::Int32,
            operations: (windows * n + 2.8 * buckets) * 10.0 * 600.0,
            bytes: windows * n * (96.0 + 32.0 + 12.0) + buckets * 400.0,
        }
    },
    design: Design {
        bound: Bound::Compute,
        expected: 0.35,
        why: "integer pipes: 200 registers a thread leave 2 warps a scheduler for chains of \
              carries, and buckets of unequal length make lanes wait: the fullest of 32 has \
              twice the average at 16 points a bucket. The last kernel is one thread for 1 ms",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [n, bits] = lens(shape);
    let windows = 256_usize.div_ceil(bits);
    let buckets = windows << bits;
    let mut draw = Draw::new(seed);
    // Two points at infinity's and a negative's place make the corners of addition occur.
    let mut points = msm::multiples(n);
    if n > 8 {
        points[1] = [Base::ZERO; 2];
        points[3] = points[2];
        points[5] = [points[4][0], Base::ZERO.sub(points[4][1])];
    }
    let mut scalars: Vec<u32> = (0..8 * n).map(|_| draw.bits() as u32).collect();
    if n > 8 {
        scalars.copy_within(16..24, 24);
        scalars.copy_within(32..40, 40);
    }
    let words: Vec<u64> = points.iter().flatten().flat_map(|x| x.limbs()).collect();
    let mut job = Job::default();
    let points = job.input("points", words);
    let scalars = job.input("scalars", scalars);
    let result = job.output("result", vec![0_u64; 12]);
    let ends = job.output("ends", vec![0_u32; buckets]);
    let list = job.scratch("list", vec![0_u32; windows * n]);
    let sums = job.scratch("buckets", vec![0_u64; buckets * POINT]);
    let totals = job.scratch("windows", vec![0_u64; windows * POINT]);
    let (count, width) = (len(n), len(bits));
    let by_point = [n.div_ceil(256), windows];
    job.launch("msm_count", by_point, 256, &[scalars, count, width, ends]);
    job.launch("msm_scan", windows, 1024, &[ends, width]);
    job.launch("msm_place", by_point, 256, &[scalars, count, width, ends, list]);
    let grid = [(1_usize << bits).div_ceil(128), windows];
    job.launch("msm_buckets", grid, 128, &[points, ends, list, count, width, sums]);
    let chunks = buckets / CHUNK;
    job.launch("msm_chunks", chunks.div_ceil(128), 128, &[sums, len(chunks)]);
    job.launch("msm_weigh", chunks.div_ceil(128), 128, &[sums, len(chunks), width]);
    job.launch("msm_windows", windows, 64, &[sums, len(chunks / windows), totals]);
    job.launch("msm_final", 1, 32, &[totals, len(windows), width, result]);
    job
}

fn twin(shape: &[usize], buffers: &mut [Data]) {
    let [n, bits] = lens(shape);
    let [points, scalars, result, ends, ..] = buffers else {
        unreachable!("the buffers of the job")
    };
    let base = |words: &[u64]| Base::from_limbs(std::array::from_fn(|i| words[i]));
    let points: Vec<_> =
        points.u64().chunks_exact(12).map(|p| [base(&p[..6]), base(&p[6..])]).collect();
    let [x, y] = msm::sum(&points, scalars.u32());
    result.u64_mut()[..6].copy_from_slice(&x.limbs());
    result.u64_mut()[6..].copy_from_slice(&y.limbs());
    // Where each bucket ends.
    for (window, ends) in ends.u32_mut().chunks_mut(1 << bits).enumerate() {
        let mut counts = vec![0; 1 << bits];
        for scalar in scalars.u32().chunks_exact(8).take(n) {
            counts[msm::digit(scalar, window * bits, bits)] += 1;
        }
        counts[0] = 0;
        let mut sum = 0;
        for (end, count) in ends.iter_mut().zip(counts) {
            sum += count;
            *end = sum;
        }
    }
}
