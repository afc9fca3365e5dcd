//! What the Merkle trees have in common.

use super::common::{dims, lens};
use crate::data::Draw;
use crate::job::{Job, len};
use crate::kernel::{Axis, Cost, Unit, axis, axis_of};
use crate::twin::merkle::{HASH, levels, nodes};

pub(super) const AXES: &[Axis] =
    &[axis("leaves", "leaves", 1 << 30), axis_of("leaf", "bytes a leaf", 1 << 20, 64)];
pub(super) const VERIFY: &[&[usize]] = &[&[1, 64], &[5, 64], &[131, 192], &[7, 1088]];
pub(super) const BENCH: &[&[usize]] = &[&[1 << 14, 256], &[1 << 22, 256]];

/// A tree by two entry points: leaves, and a level from the one below.
pub(super) fn job(shape: &[usize], seed: u64, [leaves, level]: [&'static str; 2]) -> Job {
    let [n, leaf] = lens(shape);
    let mut job = Job::default();
    let data = job.input("data", Draw::new(seed).bytes(n * leaf));
    let tree = job.output("nodes", vec![0_u8; nodes(n) * HASH]);
    job.launch(leaves, n.div_ceil(128), 128, &[data, len(leaf / 8), tree, len(n)]);
    for pair in levels(n).windows(2) {
        let [(from, n), (to, parents)] = [pair[0], pair[1]];
        job.launch(level, parents.div_ceil(128), 128, &[tree, len(from), len(to), len(n)]);
    }
    job
}

/// Of a hash that takes `operations` for each block of so many bytes, and pads as it says.
pub(super) fn cost(shape: &[usize], operations: f64, blocks: impl Fn(f64) -> f64) -> Cost {
    let [n, leaf] = dims(shape);
    let hashes = n * blocks(leaf) + n * blocks(64.0);
    Cost {
        unit: Unit::Int32,
        operations: operations * hashes,
        bytes: n * leaf + 32.0 * n + 96.0 * n,
    }
}
