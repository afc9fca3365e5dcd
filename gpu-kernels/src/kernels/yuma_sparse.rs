//! The Yuma epoch, over lists.

use super::common::{dims, lens};
use super::yuma::{ALPHA, MAJORITY, PENALTIES};
use crate::data::{Data, Draw};
use crate::job::{Arg, Job, len, u32_of};
use crate::kernel::{Bound, Cost, Design, Kernel, Tolerance, Unit, axis};
use crate::twin::yuma;
use crate::twin::yuma_sparse::{self, Epoch, Outcome};

pub(super) const KERNEL: Kernel = Kernel {
    name: "yuma_sparse",
    summary: "Yuma consensus epoch of Bittensor over lists, in the chain's fixed point",
    source: include_str!("../../cuda/yuma_sparse.cu"),
    entries: &[
        "yuma_sparse_rows",
        "yuma_sparse_divisors",
        "yuma_normalise",
        "yuma_sparse_consensus",
        "yuma_sparse_bonds",
    ],
    axes: &[
        axis("validators", "validators", 4096),
        axis("servers", "servers", 32_767),
        axis("listed", "validators that weigh a server", 4096),
    ],
    verify: &[&[1, 1, 1], &[5, 40, 2], &[64, 97, 40]],
    bench: &[&[64, 960, 6], &[1024, 16_384, 100]],
    fits: |shape| match shape {
        [validators, _, listed] if listed > validators => Err(format!(
            "yuma_sparse cannot list {listed} of {validators} validators with a server"
        )),
        _ => Ok(()),
    },
    job,
    twin,
    tolerance: Tolerance::Bits,
    cost: |shape| {
        let [_, servers, listed] = dims(shape);
        let cells = servers * listed;
        // 32 steps of the search, then products and quotients of either list, and two searches
        // for a row.
        let search = 2.0 * listed.log2().max(1.0) * 6.0;
        Cost {
            unit: Unit::Int32,
            operations: cells * (32.0 * 8.0 + 20.0 * 8.0 + search),
            bytes: cells * (6.0 + 8.0 + 6.0 + 2.0 * (16.0 + 6.0)),
        }
    },
    design: Design {
        bound: Bound::Compute,
        expected: 0.30,
        why: "the search for the median goes over a server's list 32 times, from L1, and gathers \
              votes by row; a warp a server leaves lanes idle at the end of each list, and \
              additions to few validators' sums meet",
    },
};

/// Rows that each server names, ascending, a value each; where each server begins.
struct Lists {
    start: Vec<u32>,
    rows: Vec<u32>,
    values: Vec<u16>,
}

impl Lists {
    fn draw(draw: &mut Draw, [validators, servers, listed]: [usize; 3]) -> Self {
        let mut lists = Self { start: vec![0], rows: Vec::new(), values: Vec::new() };
        for _ in 0..servers {
            // Each row that is left has the same chance.
            let mut wanted = listed as u64;
            for row in 0..validators {
                if draw.below((validators - row) as u64) < wanted {
                    wanted -= 1;
                    lists.rows.push(row as u32);
                    lists.values.push(1 + draw.below(9) as u16 * 7000);
                }
            }
            lists.start.push(u32_of(lists.rows.len()));
        }
        lists
    }
}

fn penalty(shape: &[usize]) -> u64 {
    PENALTIES[shape[1] % 2]
}

fn job(shape: &[usize], seed: u64) -> Job {
    let [validators, servers, _] = lens(shape);
    let mut draw = Draw::new(seed);
    let (new, old) = (Lists::draw(&mut draw, lens(shape)), Lists::draw(&mut draw, lens(shape)));
    let mut stake: Vec<u64> = (0..validators).map(|_| 1 + draw.below(1 << 40)).collect();
    if validators > 2 {
        stake[1] = 0;
    }
    yuma::normalise(&mut stake);
    let (cells, all) = (new.rows.len(), new.rows.len() + old.rows.len());

    let mut job = Job::default();
    let start = job.input("start", new.start);
    let rows = job.input("rows", new.rows);
    let weights = job.input("weights", new.values);
    let old_start = job.input("old_start", old.start);
    let old_rows = job.input("old_rows", old.rows);
    let old_bonds = job.input("old_bonds", old.values);
    let stake = job.input("stake", stake);
    let consensus = job.output("consensus", vec![0_u64; servers]);
    let incentive = job.output("incentive", vec![0_u64; servers]);
    let trust = job.output("trust", vec![0_u64; validators]);
    let dividends = job.output("dividends", vec![0_u64; validators]);
    let bond_rows = job.output("bond_rows", vec![0_u32; all]);
    let bonds = job.output("bonds", vec![0_u16; all]);
    let sums = job.output("sums", vec![0_u64; validators]);
    let divisors = job.scratch("divisors", vec![0_u64; 2 * validators]);
    let votes = job.scratch("votes", vec![0_u64; validators]);
    let total = job.scratch("total", vec![0_u64; 1]);
    let keys = job.scratch("keys", vec![0_u32; cells]);
    let averages = job.scratch("averages", vec![0_u64; all]);
    let (v, s) = (len(validators), len(servers));
    job.launch("yuma_sparse_rows", cells.div_ceil(256), 256, &[rows, weights, len(cells), sums]);
    job.launch("yuma_sparse_divisors", validators.div_ceil(256), 256, &[sums, divisors, v]);
    job.launch("yuma_normalise", 1, 1024, &[stake, votes, total, v]);
    let blocks = servers.div_ceil(8);
    job.launch(
        "yuma_sparse_consensus",
        blocks,
        256,
        &[
            start,
            rows,
            weights,
            divisors,
            stake,
            votes,
            total,
            Arg::U64(MAJORITY),
            s,
            keys,
            consensus,
            incentive,
            trust,
        ],
    );
    job.launch("yuma_normalise", 1, 1024, &[incentive, incentive, total, s]);
    job.launch(
        "yuma_sparse_bonds",
        blocks,
        256,
        &[
            start,
            rows,
            keys,
            old_start,
            old_rows,
            old_bonds,
            stake,
            consensus,
            incentive,
            Arg::U64(penalty(shape)),
            Arg::U64(ALPHA),
            s,
            averages,
            bond_rows,
            bonds,
            dividends,
        ],
    );
    job.launch("yuma_normalise", 1, 1024, &[dividends, dividends, total, v]);
    job
}

fn twin(shape: &[usize], buffers: &mut [Data]) {
    let [
        start,
        rows,
        weights,
        old_start,
        old_rows,
        old_bonds,
        stake,
        consensus,
        incentive,
        trust,
        dividends,
        bond_rows,
        bonds,
        sums,
        ..,
    ] = buffers
    else {
        unreachable!("the buffers of the job")
    };
    let inputs = Epoch {
        weights: yuma_sparse::Lists { start: start.u32(), rows: rows.u32(), values: weights.u16() },
        bonds: yuma_sparse::Lists {
            start: old_start.u32(),
            rows: old_rows.u32(),
            values: old_bonds.u16(),
        },
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
        bond_rows: bond_rows.u32_mut(),
        bonds: bonds.u16_mut(),
        sums: sums.u64_mut(),
    };
    yuma_sparse::epoch(&inputs, &mut outcome);
}
