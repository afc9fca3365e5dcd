//! Merkle trees of SHA-256.

use sha2::Sha256;

use super::merkle;
use crate::kernel::{Bound, Design, Kernel, Tolerance, any};
use crate::twin::merkle as twin;

pub(super) const KERNEL: Kernel = Kernel {
    name: "sha256",
    summary: "Merkle tree of SHA-256 (commitments)",
    source: include_str!("../../cuda/sha256.cu"),
    entries: &["sha256_leaves", "sha256_level"],
    axes: merkle::AXES,
    verify: merkle::VERIFY,
    bench: merkle::BENCH,
    fits: any,
    job: |shape, seed| merkle::job(shape, seed, ["sha256_leaves", "sha256_level"]),
    twin: |shape, buffers| {
        let [data, nodes] = buffers else { unreachable!("the buffers of the job") };
        twin::tree::<Sha256>(data.u8(), shape[1], nodes.u8_mut());
    },
    tolerance: Tolerance::Bits,
    // 64 rounds of 15 operations and 48 steps of the schedule of 9, three-input logic counted
    // once.
    cost: |shape| merkle::cost(shape, 1390.0, |bytes| bytes / 64.0 + 1.0),
    design: Design {
        bound: Bound::Compute,
        expected: 0.80,
        why: "integer pipes: nothing but 32-bit additions, shifts and logic on 24 registers; the \
              padding block of a node is a second compression that its constants do not spare",
    },
};
