//! Commitment hash of a tensor.

use super::common::{dims, lens};
use crate::data::Draw;
use crate::job::{Arg, Job, len};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis_of};
use crate::twin::merkle::{HASH, levels, nodes};

const CHUNK: usize = 1024;

pub(super) const KERNEL: Kernel = Kernel {
    name: "commitment",
    summary: "commitment to a tensor: BLAKE3 of its bytes (Verde, training claims)",
    source: include_str!("../../cuda/commitment.cu"),
    entries: &["commitment_chunks", "commitment_level", "commitment_root"],
    axes: &[axis_of("bytes", "bytes of the tensor", 1 << 36, 4)],
    verify: &[&[4], &[64], &[1000], &[1024], &[1028], &[5 * 1024 + 100], &[300 * 1024]],
    bench: &[&[1 << 22], &[1 << 30]],
    fits: any,
    job,
    twin: |_, buffers| {
        let [data, root, _] = buffers else { unreachable!("the buffers of the job") };
        let hash = blake3::Hasher::new().update(data.u8()).finalize();
        root.u8_mut().copy_from_slice(hash.as_bytes());
    },
    tolerance: Tolerance::Bits,
    // 7 rounds of 8 mixings of 14 operations, and 24 around them.
    cost: |shape| {
        let [bytes] = dims(shape);
        let compressions = bytes / 64.0 + bytes / CHUNK as f64;
        Cost { unit: Unit::Int32, operations: 808.0 * compressions, bytes: bytes * (1.0 + 0.125) }
    },
    design: Design {
        bound: Bound::Compute,
        expected: 0.60,
        why: "integer pipes, close to the memory's limit: 13 operations a byte allow 1.1 TB/s. A \
              thread reads its own kilobyte, a stride that uses each sector in full but asks L1 \
              to hold 128 lines a warp",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [bytes] = lens(shape);
    let chunks = bytes.div_ceil(CHUNK);
    let all = levels(chunks);
    let mut job = Job::default();
    let data = job.input("data", Draw::new(seed).bytes(bytes));
    let root = job.output("root", vec![0_u8; HASH]);
    let tree = job.scratch("nodes", vec![0_u8; nodes(chunks) * HASH]);
    let words = Arg::U64(bytes as u64 / 4);
    let (&(last, _), lower) = all.split_last().unwrap_or((&(0, 1), &[]));
    let blocks = chunks.div_ceil(128);
    if lower.is_empty() {
        job.launch("commitment_chunks", blocks, 128, &[data, words, root, len(chunks)]);
        return job;
    }
    job.launch("commitment_chunks", blocks, 128, &[data, words, tree, len(chunks)]);
    for (&(from, n), &(to, parents)) in all.iter().zip(&all[1..]) {
        let args = [tree, len(from), len(to), len(n)];
        job.launch("commitment_level", parents.div_ceil(128), 128, &args);
    }
    // The root alone is the result: a level of one node is carried over.
    job.launch("commitment_root", 1, 32, &[tree, len(last), root]);
    job
}
