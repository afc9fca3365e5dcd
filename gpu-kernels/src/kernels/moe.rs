//! Routed block of experts.

use super::common::{dims, lens};
use super::gemm_bf16::TILE;
use crate::data::{Data, Draw};
use crate::job::{Job, len};
use crate::kernel::{Axis, Bound, Cost, Design, Kernel, Tolerance, Unit, axis, axis_of};
use crate::twin::moe::{self, Weights};

pub(super) const KERNEL: Kernel = Kernel {
    name: "moe",
    summary: "routed block of experts: choice, grouped products, sums by token",
    source: include_str!("../../cuda/moe.cu"),
    entries: &[
        "moe_route",
        "moe_count",
        "moe_tiles",
        "moe_place",
        "moe_up",
        "moe_down",
        "moe_combine",
    ],
    axes: &[
        axis("tokens", "tokens", 1 << 20),
        axis("experts", "experts", 256),
        Axis { name: "k", what: "experts a token", range: (1, 32), multiple: 1 },
        axis_of("h", "width of a token", 16_384, 8),
        axis_of("f", "width of an expert", 32_768, 8),
    ],
    verify: &[&[1, 1, 1, 8, 8], &[9, 4, 2, 64, 40], &[150, 3, 2, 32, 72]],
    bench: &[&[64, 128, 8, 2048, 768], &[4096, 128, 8, 2048, 768]],
    fits: |shape| match shape {
        [_, experts, k, ..] if k > experts => {
            Err(format!("moe cannot choose k={k} of experts={experts}"))
        }
        _ => Ok(()),
    },
    job,
    twin,
    tolerance: Tolerance::Near { absolute: 4e-3, relative: 2e-2 },
    cost: |shape| {
        let [tokens, experts, k, h, f] = dims(shape);
        let met = experts * (1.0 - sim_types::math::pow(1.0 - k / experts, tokens));
        Cost {
            unit: Unit::TensorBf16,
            operations: 6.0 * tokens * k * h * f,
            bytes: 6.0 * h * f * met + 2.0 * tokens * (2.0 * h + k * (2.0 * f + 2.0 * h)),
        }
    },
    design: Design {
        bound: Bound::Compute,
        expected: 0.40,
        why: "products as in gemm_bf16, but experts' last tiles are partly empty: 256 rows each \
              on average fill 2 tiles to 85 %. Five small launches of choice and order cost \
              some 20 us. A batch of 64 tokens reads all experts' weights: memory-bound",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [tokens, experts, k, h, f] = lens(shape);
    let slots = tokens * k;
    let tiles = slots.div_ceil(TILE) + experts;
    let mut draw = Draw::new(seed);
    let mut job = Job::default();
    // Few distinct logits, so that there are ties.
    let logits: Vec<f32> = (0..tokens * experts).map(|_| draw.below(64) as f32 / 16.0).collect();
    let logits = job.input("logits", logits);
    let x = job.input("x", draw.bf16s(tokens * h, 1.0));
    let up = job.input("up", draw.bf16s(experts * 2 * f * h, 0.2));
    let down = job.input("down", draw.bf16s(experts * h * f, 0.2));
    let choice = job.output("choice", vec![0_u32; slots]);
    let gate = job.output("gate", vec![0.0_f32; slots]);
    let slot_of = job.output("slot_of", vec![0_u32; slots]);
    let row_of = job.output("row_of", vec![0_u32; slots]);
    let out = job.output("out", vec![0_u16; tokens * h]);
    let counts = job.scratch("counts", vec![0_u32; experts]);
    let start = job.scratch("start", vec![0_u32; experts + 1]);
    let tile_expert = job.scratch("tile_expert", vec![0_u32; tiles]);
    let tile_row = job.scratch("tile_row", vec![0_u32; tiles]);
    let act = job.scratch("act", vec![0_u16; slots * f]);
    let y = job.scratch("y", vec![0_u16; slots * h]);
    let (e, s) = (len(experts), len(slots));
    job.launch(
        "moe_route",
        tokens.div_ceil(8),
        256,
        &[logits, choice, gate, len(tokens), e, len(k)],
    );
    job.launch("moe_count", experts, 256, &[choice, s, counts]);
    job.launch("moe_tiles", 1, 256, &[counts, e, start, tile_expert, tile_row, len(tiles)]);
    job.launch("moe_place", experts, 256, &[choice, s, start, slot_of, row_of]);
    job.launch(
        "moe_up",
        [(2 * f).div_ceil(TILE), tiles],
        256,
        &[x, up, start, tile_expert, tile_row, slot_of, act, e, len(k), len(h), len(f)],
    );
    job.launch(
        "moe_down",
        [h.div_ceil(TILE), tiles],
        256,
        &[act, down, start, tile_expert, tile_row, y, e, len(h), len(f)],
    );
    let blocks = (tokens * h / 2).div_ceil(256);
    job.launch("moe_combine", blocks, 256, &[y, row_of, gate, out, len(tokens), len(k), len(h)]);
    job
}

fn twin(shape: &[usize], buffers: &mut [Data]) {
    let [_, experts, k, h, f] = lens(shape);
    let [logits, x, up, down, choice, gate, slot_of, row_of, out, ..] = buffers else {
        unreachable!("the buffers of the job")
    };
    moe::route(logits.f32(), experts, k, choice.u32_mut(), gate.f32_mut());
    let (slots, rows) = moe::place(choice.u32());
    slot_of.u32_mut().copy_from_slice(&slots);
    row_of.u32_mut().copy_from_slice(&rows);
    let weights = Weights { up: up.u16(), down: down.u16(), h, f };
    let y = moe::answers(x.u16(), choice.u32(), &slots, k, weights);
    moe::combine(&y, &rows, gate.f32(), out.u16_mut(), h, k);
}
