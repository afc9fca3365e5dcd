//! Sums in the order of a block of threads: `warp_sum` and `block_sum` of `cuda/device.cuh`.

/// A butterfly over 32 lanes.
#[inline(always)]
#[must_use]
pub fn warp_sum(mut lanes: [f32; 32]) -> f32 {
    for by in [16, 8, 4, 2, 1] {
        for i in 0..by {
            lanes[i] += lanes[i + by];
        }
    }
    lanes[0]
}

/// Butterflies over warps, then the warps in ascending order.
#[inline(always)]
#[must_use]
pub fn block_sum(threads: &[f32]) -> f32 {
    let (warps, rest) = threads.as_chunks::<32>();
    debug_assert!(rest.is_empty(), "full warps");
    let mut sums = warps.iter().map(|warp| warp_sum(*warp));
    let first = sums.next().unwrap_or(0.0);
    sums.fold(first, |sum, warp| sum + warp)
}
