//! Erasure coding.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Arg, Job, len};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, axis, axis_of};
use crate::twin::reed_solomon;

/// Parities that a thread carries.
const GROUP: usize = 8;

pub(super) const KERNEL: Kernel = Kernel {
    name: "reed_solomon",
    summary: "Reed-Solomon parity over GF(2^8) (erasure-coded storage and availability)",
    source: include_str!("../../cuda/reed_solomon.cu"),
    entries: &["reed_solomon"],
    axes: &[
        axis("k", "data shards", 255),
        axis("m", "parity shards", 255),
        axis_of("bytes", "bytes a shard", 1 << 32, 16),
    ],
    verify: &[&[1, 1, 16], &[10, 4, 4112], &[16, 17, 1024], &[200, 9, 64]],
    bench: &[&[10, 4, 1 << 18], &[32, 32, 1 << 22]],
    fits: |shape| match shape {
        [k, m, _] if k + m > 256 => {
            Err(format!("GF(2^8) has room for 256 shards; k={k} and m={m} are {}", k + m))
        }
        _ => Ok(()),
    },
    job,
    twin,
    tolerance: Tolerance::Bits,
    cost: |shape| {
        // A word of 4 bytes: for each group 7 doublings of 5 operations, for each parity 8 of
        // and with xor, and 2 for the mask of four words.
        let [k, m, bytes] = dims(shape);
        let groups = (m / GROUP as f64).ceil();
        let words = k * bytes / 4.0;
        Cost {
            unit: Unit::Int32,
            operations: words * (groups * 35.0 + m * 8.0 * 1.5),
            bytes: bytes * (groups * k + m),
        }
    },
    design: Design {
        bound: Bound::Compute,
        expected: 0.80,
        why: "integer pipes: three-input logic joins and with xor, 32 sums a thread are \
              independent. Masks of coefficients are the same for a warp and cost a shift and a \
              negation for every four words",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [k, m, bytes] = lens(shape);
    let mut job = Job::default();
    let matrix = job.input("matrix", reed_solomon::cauchy(k, m));
    let data = job.input("data", Draw::new(seed).bytes(k * bytes));
    let parity = job.output("parity", vec![0_u8; m * bytes]);
    let quads = bytes / 16;
    let grid = [quads.div_ceil(256), m.div_ceil(GROUP)];
    let args = [matrix, data, parity, len(k), len(m), Arg::U64(quads as u64)];
    job.launch("reed_solomon", grid, 256, &args);
    job
}

fn twin(shape: &[usize], buffers: &mut [Data]) {
    let [k, _, bytes] = lens(shape);
    let [matrix, data, parity] = buffers else { unreachable!("the buffers of the job") };
    reed_solomon::encode(matrix.u8(), data.u8(), parity.u8_mut(), k, bytes);
}
