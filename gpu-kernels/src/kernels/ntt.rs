//! Number-theoretic transform.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Arg, Job, len, u32_of};
use crate::kernel::{Axis, Bound, Cost, Design, Kernel, Tolerance, Unit, any};
use crate::twin::field::{Modulus, Scalar, ScalarModulus};
use crate::twin::ntt;

/// Stages that a pass carries out at most, by 2^9 elements in shared memory.
const STAGES: usize = 9;

pub(super) const KERNEL: Kernel = Kernel {
    name: "ntt",
    summary: "number-theoretic transform over the scalar field of BLS12-381 (proofs)",
    source: include_str!("../../cuda/ntt.cu"),
    entries: &["ntt_pass"],
    axes: &[Axis { name: "log_n", what: "log2 of the elements", range: (1, 28), multiple: 1 }],
    verify: &[&[1], &[5], &[9], &[11]],
    bench: &[&[12], &[20]],
    fits: any,
    job,
    twin,
    tolerance: Tolerance::Bits,
    // A butterfly: 136 products of 32 bits, each two instructions, and 3 rows of additions.
    cost: |shape| {
        let [log_n] = dims(shape);
        let n = sim_types::math::pow(2.0, log_n);
        let passes = (log_n / STAGES as f64).ceil();
        Cost { unit: Unit::Int32, operations: n / 2.0 * log_n * 310.0, bytes: n * 64.0 * passes }
    },
    design: Design {
        bound: Bound::Compute,
        expected: 0.55,
        why: "integer pipes. Carries between limbs serialise a product, which 10 warps a scheduler \
              (48 registers, 16 KiB a block) cover; but 9 stages mean 9 barriers, roots come from \
              memory at a stride, and half of the threads idle in each stage",
    },
};

/// Elements of the scalar field, four words each, as a kernel's buffer.
fn words(elements: &[Scalar]) -> Vec<u64> {
    elements.iter().flat_map(|x| x.limbs()).collect()
}

fn job(shape: &[usize], seed: u64) -> Job {
    let [log_n] = lens(shape);
    let n = 1_usize << log_n;
    let mut draw = Draw::new(seed);
    let top = ScalarModulus::MODULUS[3];
    let x: Vec<u64> =
        (0..4 * n).map(|i| if i % 4 == 3 { draw.below(top) } else { draw.bits() }).collect();
    let mut job = Job::default();
    let x = job.input("x", x);
    let out = job.output("out", vec![0_u64; 4 * n]);
    let roots = job.input("roots", words(&ntt::roots(log_n)));
    // Passes of about equal depth.
    let passes = log_n.div_ceil(STAGES);
    let mut first = 0;
    for pass in 0..passes {
        let stages = (log_n - first).div_ceil(passes - pass);
        let groups = n >> stages;
        let beside = ((1 << STAGES) >> stages).min(groups);
        let (from, turned) = if pass == 0 { (x, 1) } else { (out, 0) };
        let args =
            [from, out, roots, len(log_n), len(first), Arg::U32(u32_of(stages)), Arg::U32(turned)];
        job.launch("ntt_pass", groups / beside, 256, &args);
        first += stages;
    }
    job
}

fn twin(_: &[usize], buffers: &mut [Data]) {
    let [x, out, roots] = buffers else { unreachable!("the buffers of the job") };
    let elements = |data: &Data| -> Vec<Scalar> {
        data.u64().as_chunks::<4>().0.iter().copied().map(Scalar::from_limbs).collect()
    };
    let mut list = elements(x);
    ntt::transform(&mut list, &elements(roots));
    out.u64_mut().copy_from_slice(&words(&list));
}
