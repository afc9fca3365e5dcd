//! Group-relative advantages.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Job, len};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis};
use crate::twin::rewards;

pub(super) const KERNEL: Kernel = Kernel {
    name: "grpo",
    summary: "group-relative advantages of sampled answers (GRPO, RL Swarm)",
    source: include_str!("../../cuda/grpo.cu"),
    entries: &["grpo"],
    axes: &[axis("groups", "prompts", 1 << 24), axis("n", "answers a prompt", 65_536)],
    verify: &[&[1, 1], &[9, 16], &[3, 100]],
    bench: &[&[1024, 16], &[1 << 20, 16]],
    fits: any,
    job,
    twin,
    tolerance: Tolerance::Bits,
    cost: |shape| {
        let [groups, n] = dims(shape);
        Cost { unit: Unit::Fp32, operations: 6.0 * groups * n, bytes: 8.0 * groups * n }
    },
    design: Design {
        bound: Bound::Launch,
        expected: 0.45,
        why: "a batch of RL fits into the time of a launch; where there are enough groups, half \
              of the lanes idle at 16 answers and ten shuffles a group weigh more than its bytes",
    },
};

fn job(shape: &[usize], seed: u64) -> Job {
    let [groups, n] = lens(shape);
    let mut job = Job::default();
    let reward = job.input("reward", Draw::new(seed).floats(groups * n, 1.0));
    let advantage = job.output("advantage", vec![0.0_f32; groups * n]);
    job.launch("grpo", groups.div_ceil(8), 256, &[reward, advantage, len(groups), len(n)]);
    job
}

fn twin(shape: &[usize], buffers: &mut [Data]) {
    let [reward, advantage] = buffers else { unreachable!("the buffers of the job") };
    rewards::grpo(reward.f32(), advantage.f32_mut(), shape[1]);
}
