//! Merkle trees of Keccak-256.

use sha3::Keccak256;

use super::merkle;
use crate::kernel::{Bound, Design, Kernel, Tolerance, any};
use crate::twin::merkle as twin;

pub(super) const KERNEL: Kernel = Kernel {
    name: "keccak",
    summary: "Merkle tree of Keccak-256 (PoRA of 0G, Ethereum's hash)",
    source: include_str!("../../cuda/keccak.cu"),
    entries: &["keccak_leaves", "keccak_level"],
    axes: merkle::AXES,
    verify: merkle::VERIFY,
    bench: merkle::BENCH,
    fits: any,
    job: |shape, seed| merkle::job(shape, seed, ["keccak_leaves", "keccak_level"]),
    twin: |shape, buffers| {
        let [data, nodes] = buffers else { unreachable!("the buffers of the job") };
        twin::tree::<Keccak256>(data.u8(), shape[1], nodes.u8_mut());
    },
    tolerance: Tolerance::Bits,
    // 24 rounds of 76 64-bit logic operations and 29 rotations: twice that in 32 bits, where
    // three-input logic takes theta and chi at half price.
    cost: |shape| merkle::cost(shape, 4560.0, |bytes| (bytes / 136.0).floor() + 1.0),
    design: Design {
        bound: Bound::Compute,
        expected: 0.70,
        why: "integer pipes: 25 words of 64 bits stay in registers (86 of them), and a warp's rounds \
              are one dependent chain of some 30 steps that 5 warps a scheduler cover. Leaves are \
              read 8 bytes a thread at a stride, from L1 after the first",
    },
};
