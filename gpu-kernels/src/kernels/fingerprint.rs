//! Fingerprint check on logits.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Job, len};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis, axis_of};
use crate::twin::rewards;

pub(super) const KERNEL: Kernel = Kernel {
    name: "fingerprint",
    summary: "fingerprint check (OML, Sentient): first choice and the named token's gap",
    source: include_str!("../../cuda/fingerprint.cu"),
    entries: &["fingerprint"],
    axes: &[
        axis("prompts", "fingerprints", 1 << 20),
        axis_of("vocabulary", "tokens that a model knows", 1 << 20, 8),
    ],
    verify: &[&[3, 8], &[4, 2056], &[5, 32_000]],
    bench: &[&[64, 128_256], &[4096, 128_256]],
    fits: any,
    job,
    twin,
    tolerance: Tolerance::Bits,
    cost: |shape| {
        let [prompts, vocabulary] = dims(shape);
        let elements = prompts * vocabulary;
        Cost {
            unit: Unit::Int32,
            operations: 8.0 * elements,
            bytes: 2.0 * elements + 12.0 * prompts,
        }
    },
    design: Design {
        bound: Bound::Memory,
        expected: 0.60,
        why: "logits are read once in 16 bytes, but each takes about 8 integer instructions to \
              become a comparable key of 64 bits, and 14.8 of the 3.35 / 2 times 8 = 13.4 \
              T/s that full bandwidth asks for leave little slack",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [prompts, vocabulary] = lens(shape);
    let mut draw = Draw::new(seed);
    let mut job = Job::default();
    // bf16 has so few values that ties at the top are common.
    let logits = job.input("logits", draw.bf16s(prompts * vocabulary, 16.0));
    let tokens: Vec<u32> = (0..prompts).map(|_| draw.below(vocabulary as u64) as u32).collect();
    let token = job.input("token", tokens);
    let choice = job.output("choice", vec![0_u32; prompts]);
    let gap = job.output("gap", vec![0.0_f32; prompts]);
    job.launch("fingerprint", prompts, 256, &[logits, token, choice, gap, len(vocabulary)]);
    job
}

fn twin(_: &[usize], buffers: &mut [Data]) {
    let [logits, token, choice, gap] = buffers else { unreachable!("the buffers of the job") };
    rewards::fingerprint(logits.u16(), token.u32(), choice.u32_mut(), gap.f32_mut());
}
