//! Attention of a chunk of queries.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Arg, Job, len};
use crate::kernel::{Axis, Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis};
use crate::twin::attention::{self, Cache, HEAD, PAGE};

const ROWS: usize = 64;

pub(super) const KERNEL: Kernel = Kernel {
    name: "attention_prefill",
    summary: "causal attention of a chunk over paged keys and values, tensor cores",
    source: include_str!("../../cuda/attention_prefill.cu"),
    entries: &["attention_prefill"],
    axes: &[
        axis("chunk", "queries", 1 << 20),
        Axis { name: "context", what: "tokens cached before", range: (0, 1 << 20), multiple: 1 },
        axis("kv_heads", "heads of keys and values", 256),
        axis("group", "query heads to each of them", 64),
    ],
    verify: &[&[1, 0, 1, 1], &[70, 33, 1, 2], &[64, 64, 2, 1]],
    bench: &[&[512, 0, 8, 8], &[8192, 0, 8, 8]],
    fits: any,
    job,
    twin,
    // Weights are rounded to 8 bits before the tensor core adds values below one.
    tolerance: Tolerance::Near { absolute: 8e-3, relative: 8e-3 },
    cost: |shape| {
        let [chunk, context, kv_heads, group] = dims(shape);
        let pairs = chunk * context + chunk * (chunk + 1.0) / 2.0;
        let heads = kv_heads * group;
        let head = HEAD as f64;
        Cost {
            unit: Unit::TensorBf16,
            operations: 4.0 * heads * head * pairs,
            bytes: 4.0 * head * (chunk * heads + (context + chunk) * kv_heads),
        }
    },
    design: Design {
        bound: Bound::Compute,
        expected: 0.38,
        why: "FlashAttention-2's structure reaches about 0.35 to 0.4 of an H100 (0.57 needs its \
              warp-group products and overlap of softmax with them); here copies of a tile are \
              not overlapped within a block, so that 3 blocks an SM (168 registers) cover them",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [chunk, context, kv_heads, group] = lens(shape);
    let heads = kv_heads * group;
    let pages = (chunk + context).div_ceil(PAGE);
    let mut draw = Draw::new(seed);
    let mut job = Job::default();
    let q = job.input("q", draw.bf16s(chunk * heads * HEAD, 1.0));
    let cells = pages * PAGE * kv_heads * HEAD;
    let keys = job.input("keys", draw.bf16s(cells, 1.0));
    let values = job.input("values", draw.bf16s(cells, 1.0));
    let table = job.input("pages", draw.permutation(pages));
    let out = job.output("out", vec![0_u16; chunk * heads * HEAD]);
    let grid = [chunk.div_ceil(ROWS), heads];
    let args =
        [q, keys, values, table, out, len(chunk), len(context), len(kv_heads), len(group), scale()];
    job.launch("attention_prefill", grid, 128, &args);
    job
}

/// 1 / sqrt(128), as an argument.
fn scale() -> Arg {
    Arg::F32(SCALE)
}

/// 1 / sqrt(128).
pub(super) const SCALE: f32 = 0.088_388_346;

fn twin(shape: &[usize], buffers: &mut [Data]) {
    let [chunk, context, kv_heads, _] = lens(shape);
    let [q, keys, values, pages, out] = buffers else { unreachable!("the buffers of the job") };
    let cache = Cache { keys: keys.u16(), values: values.u16(), kv_heads };
    attention::prefill(q.u16(), cache, pages.u32(), out.u16_mut(), [chunk, context], SCALE);
}
