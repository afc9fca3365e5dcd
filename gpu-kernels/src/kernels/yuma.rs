//! The Yuma epoch, dense.

use super::common::{dims, lens};
use crate::data::{Data, Draw};
use crate::job::{Arg, Job, len};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, any, axis};
use crate::twin::yuma::{self, Epoch, Outcome};

/// Scores and bonds that a block keeps in shared memory.
const SCORES: usize = 8192;
const BONDS: usize = 4096;

/// The chain's defaults: kappa 32,767 of 65,535, penalty one, alpha 0.1.
pub(super) const MAJORITY: u64 = 2_147_450_879;
pub(super) const ALPHA: u64 = 429_496_730;
/// Half of the way between raw and clipped weights in one shape of two, so that both are met.
pub(super) const PENALTIES: [u64; 2] = [1 << 32, 1 << 31];

pub(super) const KERNEL: Kernel = Kernel {
    name: "yuma",
    summary: "Yuma consensus epoch of Bittensor, dense, in the chain's fixed point",
    source: include_str!("../../cuda/yuma.cu"),
    entries: &["yuma_rows", "yuma_normalise", "yuma_consensus", "yuma_bonds"],
    axes: &[axis("validators", "validators", 4096), axis("servers", "servers", 32_767)],
    verify: &[&[1, 1], &[3, 40], &[64, 192], &[300, 33]],
    bench: &[&[64, 192], &[64, 960], &[1024, 16_384]],
    fits: any,
    job,
    twin,
    tolerance: Tolerance::Bits,
    cost: |shape| {
        // A cell: 32 comparisons with additions of 64 bits, and some 12 products and quotients
        // of 8 instructions.
        let [validators, servers] = dims(shape);
        let cells = validators * servers;
        Cost {
            unit: Unit::Int32,
            operations: cells * (32.0 * 6.0 + 12.0 * 8.0),
            bytes: 10.0 * cells,
        }
    },
    design: Design {
        bound: Bound::Compute,
        expected: 0.45,
        why: "the search for the median reads every score 32 times from shared memory; integer \
              work outweighs 10 bytes a cell. Two barriers a step idle the pipes in spite of 6 \
              blocks an SM; a subnet of today (64 x 192) is nothing but six launches",
    },
};

/// Columns that fit beside each other: a power of two up to 32.
fn columns(validators: usize, places: usize) -> usize {
    1 << (places / validators).ilog2().min(5)
}

fn job(shape: &[usize], seed: u64) -> Job {
    let [validators, servers] = lens(shape);
    let mut draw = Draw::new(seed);
    // Validators agree on the servers' worth, more or less, and every fifth cell is empty.
    let worth: Vec<u64> = (0..servers).map(|_| 1 + draw.below(60_000)).collect();
    let cells = validators * servers;
    let weights: Vec<u16> = (0..cells)
        .map(|i| match draw.below(5) {
            0 => 0,
            _ => (worth[i % servers] + draw.below(5_000)) as u16,
        })
        .collect();
    let old: Vec<u16> = (0..cells).map(|_| draw.bits() as u16 & 0x7fff).collect();
    let mut stake: Vec<u64> = (0..validators).map(|_| 1 + draw.below(1 << 40)).collect();
    if validators > 2 {
        stake[1] = 0;
    }
    yuma::normalise(&mut stake);

    let mut job = Job::default();
    let weights = job.input("weights", weights);
    let stake = job.input("stake", stake);
    let consensus = job.output("consensus", vec![0_u64; servers]);
    let incentive = job.output("incentive", vec![0_u64; servers]);
    let trust = job.output("trust", vec![0_u64; validators]);
    let dividends = job.output("dividends", vec![0_u64; validators]);
    let bonds = job.output("bonds", old);
    let rows = job.scratch("rows", vec![0_u64; 2 * validators]);
    let votes = job.scratch("votes", vec![0_u64; validators]);
    let total = job.scratch("total", vec![0_u64; 1]);
    let (v, s) = (len(validators), len(servers));
    job.launch("yuma_rows", validators, 256, &[weights, s, rows]);
    job.launch("yuma_normalise", 1, 1024, &[stake, votes, total, v]);
    let wide = columns(validators, SCORES);
    job.launch(
        "yuma_consensus",
        servers.div_ceil(wide),
        256,
        &[
            weights,
            rows,
            stake,
            votes,
            total,
            Arg::U64(MAJORITY),
            v,
            s,
            len(wide),
            consensus,
            incentive,
            trust,
        ],
    );
    job.launch("yuma_normalise", 1, 1024, &[incentive, incentive, total, s]);
    let wide = columns(validators, BONDS);
    job.launch(
        "yuma_bonds",
        servers.div_ceil(wide),
        256,
        &[
            weights,
            rows,
            stake,
            consensus,
            incentive,
            Arg::U64(penalty(shape)),
            Arg::U64(ALPHA),
            v,
            s,
            len(wide),
            bonds,
            dividends,
        ],
    );
    job.launch("yuma_normalise", 1, 1024, &[dividends, dividends, total, v]);
    job
}

fn penalty(shape: &[usize]) -> u64 {
    PENALTIES[shape[1] % 2]
}

fn twin(shape: &[usize], buffers: &mut [Data]) {
    let [weights, stake, consensus, incentive, trust, dividends, bonds, ..] = buffers else {
        unreachable!("the buffers of the job")
    };
    let inputs = Epoch {
        weights: weights.u16(),
        stake: stake.u64(),
        majority: MAJORITY,
        penalty: penalty(shape),
        alpha: ALPHA,
    };
    let mut outcome = Outcome {
        consensus: consensus.u64_mut(),
        incentive: incentive.u64_mut(),
        trust: trust.u64_mut(),
        dividends: dividends.u64_mut(),
        bonds: bonds.u16_mut(),
    };
    yuma::epoch(&inputs, &mut outcome);
}
