//! Attention of one query a sequence.

use super::attention_prefill::SCALE;
use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Arg, Job, len};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis};
use crate::twin::attention::{self, Cache, HEAD, PAGE, PART};

/// Floats of a part's record.
const RECORD: usize = 132;

pub(super) const KERNEL: Kernel = Kernel {
    name: "attention_decode",
    summary: "attention of one query a sequence over paged keys and values, fixed order",
    source: include_str!("../../cuda/attention_decode.cu"),
    entries: &["attention_decode", "attention_join"],
    axes: &[
        axis("sequences", "sequences in the batch", 4096),
        axis("context", "tokens of the longest", 1 << 20),
        axis("kv_heads", "heads of keys and values", 256),
        axis("group", "query heads to each of them", 8),
    ],
    verify: &[&[1, 1, 1, 1], &[2, 300, 1, 3], &[3, 129, 2, 8]],
    bench: &[&[1, 8192, 8, 8], &[64, 8192, 8, 8]],
    fits: any,
    job,
    twin,
    tolerance: Tolerance::Bits,
    // Sequences are a quarter shorter than the longest on average, as they are drawn.
    cost: |shape| {
        let [sequences, context, kv_heads, group] = dims(shape);
        let tokens = sequences * context * 0.75;
        let head = HEAD as f64;
        Cost {
            unit: Unit::Fp32,
            operations: 4.0 * tokens * kv_heads * group * head,
            bytes: 4.0 * head * (tokens * kv_heads + sequences * kv_heads * group),
        }
    },
    design: Design {
        bound: Bound::Memory,
        expected: 0.55,
        why: "keys and values are read once for a whole group in full lines. With 8 query heads \
              there are 8 operations a byte, and fp32 units and the reads of weights from shared \
              memory take about as long as the bytes; parts of sequences go through memory once",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [sequences, context, kv_heads, group] = lens(shape);
    let heads = kv_heads * group;
    let most_pages = context.div_ceil(PAGE);
    let parts = context.div_ceil(PART);
    let mut draw = Draw::new(seed);
    // The first is the longest, others have half of that at least.
    let lengths: Vec<u32> = (0..sequences)
        .map(|i| match i {
            0 => context as u32,
            _ => (context - draw.below(context as u64 / 2 + 1) as usize).max(1) as u32,
        })
        .collect();
    let mut job = Job::default();
    let q = job.input("q", draw.bf16s(sequences * heads * HEAD, 1.0));
    let cells = sequences * most_pages * PAGE * kv_heads * HEAD;
    let keys = job.input("keys", draw.bf16s(cells, 1.0));
    let values = job.input("values", draw.bf16s(cells, 1.0));
    let pages = job.input("pages", draw.permutation(sequences * most_pages));
    let lengths = job.input("lengths", lengths);
    let out = job.output("out", vec![0_u16; sequences * heads * HEAD]);
    let records = job.scratch("parts", vec![0.0_f32; sequences * heads * parts * RECORD]);
    let args = [
        q,
        keys,
        values,
        pages,
        lengths,
        records,
        len(most_pages),
        len(kv_heads),
        len(group),
        Arg::F32(SCALE),
    ];
    job.launch("attention_decode", [parts, kv_heads, sequences], PART, &args);
    job.launch(
        "attention_join",
        [heads, sequences],
        HEAD,
        &[records, lengths, out, len(heads), len(parts)],
    );
    job
}

fn twin(shape: &[usize], buffers: &mut [Data]) {
    let [q, keys, values, pages, lengths, out, _] = buffers else {
        unreachable!("the buffers of the job")
    };
    let cache = Cache { keys: keys.u16(), values: values.u16(), kv_heads: shape[2] };
    attention::decode(q.u16(), cache, pages.u32(), lengths.u32(), out.u16_mut(), SCALE);
}
