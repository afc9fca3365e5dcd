//! Merkle trees of `BLAKE2b`.

use blake2::Blake2b;
use blake2::digest::consts::U32;

use super::merkle;
use crate::kernel::{Bound, Design, Kernel, Tolerance, any};
use crate::twin::merkle as twin;

pub(super) const KERNEL: Kernel = Kernel {
    name: "blake2b",
    summary: "Merkle tree of BLAKE2b-256 (PoRA mixing, Substrate's hash)",
    source: include_str!("../../cuda/blake2b.cu"),
    entries: &["blake2b_leaves", "blake2b_level"],
    axes: merkle::AXES,
    verify: merkle::VERIFY,
    bench: merkle::BENCH,
    fits: any,
    job: |shape, seed| merkle::job(shape, seed, ["blake2b_leaves", "blake2b_level"]),
    twin: |shape, buffers| {
        let [data, nodes] = buffers else { unreachable!("the buffers of the job") };
        twin::tree::<Blake2b<U32>>(data.u8(), shape[1], nodes.u8_mut());
    },
    tolerance: Tolerance::Bits,
    // 96 mixings of 6 64-bit additions, 4 xors and 4 rotations, each two of 32 bits.
    cost: |shape| merkle::cost(shape, 2700.0, |bytes| (bytes / 128.0).ceil()),
    design: Design {
        bound: Bound::Compute,
        expected: 0.75,
        why: "integer pipes: rotations by 32, 24 and 16 are moves of bytes, four mixings run side \
              by side in a thread. Additions of 64 bits carry between two instructions",
    },
};
