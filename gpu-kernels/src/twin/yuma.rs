//! The Yuma epoch with classic bonds over a dense matrix of validators and servers, in the
//! chain's fixed point. After opentensor/subtensor @ 14bc6f9f, `epoch/run_epoch.rs`, steps R5 to
//! R11 of `mechanisms::yuma`, with whose epoch `tests/yuma.rs` compares it bit by bit.

use rayon::prelude::*;
use sim_types::fixed::I32F32;
use sim_types::fixed::part;

use super::proportion::{Whole, stored, times, units};

/// What an epoch follows from.
#[derive(Debug, Clone, Copy)]
pub struct Epoch<'a> {
    /// Published weights, a row a validator, masked.
    pub weights: &'a [u16],
    /// Active stake of validators, normalised, in units of I32F32.
    pub stake: &'a [u64],
    /// Kappa, in units of I32F32.
    pub majority: u64,
    /// Bonds penalty, in units of I32F32.
    pub penalty: u64,
    /// Weight of new bonds in the average, in units of I32F32.
    pub alpha: u64,
}

/// What it gives, in units of I32F32 but for the bonds, which are stored as the chain does.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// By server.
    pub consensus: &'a mut [u64],
    /// By server.
    pub incentive: &'a mut [u64],
    /// By validator.
    pub trust: &'a mut [u64],
    /// By validator.
    pub dividends: &'a mut [u64],
    /// Old bonds before, new ones after; a row a validator.
    pub bonds: &'a mut [u16],
}

/// Servers that are computed side by side.
const TILE: usize = 32;

/// A number for each server of a tile.
type Lanes = [f64; TILE];

/// Up to how many cells one thread does it alone: waking others costs some tens of microseconds,
/// as long as a few thousand cells take.
const ALONE: usize = 1 << 14;

/// Values over their sum; what they then sum to.
pub fn normalise(values: &mut [u64]) -> u64 {
    let sum = values.iter().fold(0_u64, |sum, &x| sum.wrapping_add(x));
    if sum > 0 {
        let fixed = |x: u64| I32F32::from_bits(x.cast_signed());
        let whole = part::Whole::new(fixed(sum));
        for x in values.iter_mut() {
            *x = whole.share(fixed(*x)).to_bits().cast_unsigned();
        }
    }
    values.iter().sum()
}

/// What all tiles need, as proportions.
struct Basis<'a> {
    inputs: &'a Epoch<'a>,
    servers: usize,
    /// The sum of each row of weights.
    rows: Vec<Whole>,
    stake: Vec<f64>,
    /// Stake as the median counts it.
    votes: Vec<f64>,
    /// How much of the votes may lie below the median.
    minority: f64,
}

impl Basis<'_> {
    /// A row's part of the tile that begins with a server, and of this width.
    #[inline(always)]
    fn weights(&self, row: usize, first: usize, width: usize) -> Lanes {
        lanes(&self.inputs.weights[row * self.servers + first..][..width])
    }
}

/// The wholes of a tile's servers. Each field lies in one piece, so that several are read at once.
struct Wholes {
    wholes: Lanes,
    inverses: Lanes,
}

impl Wholes {
    #[inline(always)]
    fn of(sums: &Lanes) -> Self {
        Self { wholes: *sums, inverses: sums.map(|sum| Whole::of(sum).inverse) }
    }

    #[inline(always)]
    fn at(&self, c: usize) -> Whole {
        Whole { whole: self.wholes[c], inverse: self.inverses[c] }
    }
}

/// Memory to compute tiles one after the other, and what they add up to.
#[derive(Default)]
struct Work {
    /// Trust or dividends, by validator.
    sums: Vec<f64>,
    /// What a tile remembers of each cell, by validator.
    cells: Vec<Lanes>,
    votes: Votes,
}

impl Work {
    fn new(validators: usize) -> Self {
        let (sums, cells) = (vec![0.0; validators], vec![[0.0; TILE]; validators]);
        Self { sums, cells, ..Self::default() }
    }

    fn add(mut self, other: Self) -> Self {
        for (a, b) in self.sums.iter_mut().zip(other.sums) {
            *a += b;
        }
        self
    }
}

/// Computes an epoch. What `out` holds as consensus is where the search for the new one begins,
/// which changes nothing but the time that it takes.
pub fn epoch(inputs: &Epoch<'_>, out: &mut Outcome<'_>) {
    let servers = out.consensus.len();
    let alone = inputs.weights.len() <= ALONE;
    let whole = |row: &[u16]| Whole::of(row.iter().map(|&w| u64::from(w)).sum::<u64>() as f64);
    let mut votes = inputs.stake.to_vec();
    let minority = normalise(&mut votes).saturating_sub(inputs.majority);
    let basis = Basis {
        inputs,
        servers,
        rows: if alone {
            inputs.weights.chunks(servers).map(whole).collect()
        } else {
            inputs.weights.par_chunks(servers).map(whole).collect()
        },
        stake: inputs.stake.iter().map(|&x| x as f64).collect(),
        votes: votes.iter().map(|&x| x as f64).collect(),
        minority: minority as f64,
    };
    let work = || Work::new(inputs.stake.len());

    let agreed = |mut work: Work, (tile, (consensus, ranks)): (usize, (&mut [u64], &mut [u64]))| {
        agree(&mut work, &basis, tile * TILE, consensus, ranks);
        work
    };
    let (consensus, ranks) = (&mut *out.consensus, &mut *out.incentive);
    let done = if alone {
        let tiles = consensus.chunks_mut(TILE).zip(ranks.chunks_mut(TILE));
        tiles.enumerate().fold(work(), agreed)
    } else {
        let tiles = consensus.par_chunks_mut(TILE).zip(ranks.par_chunks_mut(TILE));
        tiles.enumerate().fold(work, agreed).reduce(work, Work::add)
    };
    copy(&done.sums, out.trust);
    normalise(out.incentive);

    let bonds = Shared(out.bonds.as_mut_ptr());
    let (consensus, incentive) = (&*out.consensus, &*out.incentive);
    let bonded = |mut work: Work, tile: usize| {
        let of = tile * TILE..servers.min((tile + 1) * TILE);
        bond(&mut work, &basis, of.start, &consensus[of.clone()], &incentive[of], &bonds);
        work
    };
    let tiles = 0..servers.div_ceil(TILE);
    let done = if alone {
        tiles.fold(work(), bonded)
    } else {
        tiles.into_par_iter().fold(work, bonded).reduce(work, Work::add)
    };
    copy(&done.sums, out.dividends);
    normalise(out.dividends);
}

pub(super) fn copy(from: &[f64], to: &mut [u64]) {
    for (from, to) in from.iter().zip(to) {
        *to = units(*from);
    }
}

/// Numbers of a row, and zeros from the end of the matrix on.
#[inline(always)]
fn lanes(row: &[u16]) -> Lanes {
    let mut all = [0; TILE];
    match row.try_into() {
        Ok(whole) => all = whole,
        Err(_) => all[..row.len()].copy_from_slice(row),
    }
    all.map(f64::from)
}

/// By four at a time, which takes a quarter of the steps; the sum is exact in any order.
#[inline(always)]
fn sum(lanes: &Lanes) -> f64 {
    let mut sums = [0.0; 4];
    for four in lanes.chunks_exact(4) {
        for (sum, x) in sums.iter_mut().zip(four) {
            *sum += x;
        }
    }
    sums.iter().sum()
}

/// One instruction; `f64::min` takes three, for a NaN that is none here.
#[inline(always)]
pub(super) fn lesser(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// Bonds as tasks share them: each reads and writes columns of its own.
struct Shared(*mut u16);

#[expect(unsafe_code, reason = "columns of one matrix written by different tasks")]
// SAFETY: `bond` takes the columns of its tile only, and no two tasks have a tile in common.
unsafe impl Sync for Shared {}

crate::twin::dispatch! {
    /// Consensus, ranks and trust of one tile.
    fn agree(
        work: &mut Work,
        basis: &Basis<'_>,
        first: usize,
        consensus: &mut [u64],
        ranks: &mut [u64],
    ) = agree_body;
}

#[inline(always)]
fn agree_body(
    work: &mut Work,
    basis: &Basis<'_>,
    first: usize,
    consensus: &mut [u64],
    ranks: &mut [u64],
) {
    let width = consensus.len();
    let mut agreed = [0.0; TILE];
    for (agreed, &guess) in agreed.iter_mut().zip(&*consensus) {
        *agreed = guess as f64;
    }
    // Votes below the guess, and with those for the guess itself.
    let (mut lower, mut upto) = ([0.0; TILE], [0.0; TILE]);
    for (row, scores) in work.cells.iter_mut().enumerate() {
        let (weights, whole, vote) =
            (basis.weights(row, first, width), basis.rows[row], basis.votes[row]);
        for c in 0..TILE {
            scores[c] = whole.share(weights[c]);
            lower[c] += if scores[c] < agreed[c] { vote } else { 0.0 };
            upto[c] += if scores[c] <= agreed[c] { vote } else { 0.0 };
        }
    }
    for (c, agreed) in agreed.iter_mut().enumerate().take(width) {
        let scores = work.cells.iter().map(|scores| scores[c]);
        let guess = *agreed;
        if lower[c] > basis.minority {
            work.votes.take(scores, &basis.votes, |score| score < guess);
            *agreed = work.votes.median(basis.minority, 0.0);
        } else if upto[c] <= basis.minority {
            work.votes.take(scores.clone(), &basis.votes, |score| score > guess);
            let mut below = upto[c];
            if work.votes.scores.is_empty() {
                // There is no majority, and the greatest is not above the guess.
                work.votes.take(scores, &basis.votes, |_| true);
                below = 0.0;
            }
            *agreed = work.votes.median(basis.minority, below);
        }
    }
    let mut rank = [0.0; TILE];
    for ((scores, &stake), trust) in work.cells.iter().zip(&basis.stake).zip(&mut work.sums) {
        let mut cut = [0.0; TILE];
        for c in 0..TILE {
            cut[c] = lesser(scores[c], agreed[c]);
            rank[c] += times(stake, cut[c]);
        }
        *trust += sum(&cut);
    }
    copy(&agreed, consensus);
    copy(&rank, ranks);
}

/// Scores of those who have a vote, with their votes.
#[derive(Default)]
pub(super) struct Votes {
    scores: Vec<f64>,
    votes: Vec<f64>,
}

impl Votes {
    /// Takes the scores that `takes` approves.
    #[inline(always)]
    pub(super) fn take(
        &mut self,
        scores: impl Iterator<Item = f64>,
        votes: &[f64],
        takes: impl Fn(f64) -> bool,
    ) {
        self.scores.resize(votes.len(), 0.0);
        self.votes.resize(votes.len(), 0.0);
        // Which cells count is not predictable: each is written, and only those stay.
        let mut len = 0;
        for (score, &vote) in scores.zip(votes) {
            self.scores[len] = score;
            self.votes[len] = vote;
            len += usize::from(vote > 0.0 && takes(score));
        }
        self.scores.truncate(len);
        self.votes.truncate(len);
    }

    /// The least score such that the votes at or below it, with those `below` all of them, exceed
    /// the minority; the greatest if there is none, and zero if there is no score.
    #[inline(always)]
    pub(super) fn median(&mut self, minority: f64, mut below: f64) -> f64 {
        let (mut scores, mut votes) = (&mut self.scores[..], &mut self.votes[..]);
        let mut most = 0.0;
        while !scores.is_empty() {
            let n = scores.len();
            let [a, b, c] = [scores[n / 4], scores[n / 2], scores[n - 1 - n / 4]];
            let pivot = a.max(b).min(a.min(b).max(c));
            let (mut lower, mut upto) = (0.0, 0.0);
            for (&score, &vote) in scores.iter().zip(&*votes) {
                lower += if score < pivot { vote } else { 0.0 };
                upto += if score <= pivot { vote } else { 0.0 };
            }
            // Each step keeps the side of the pivot on which the point lies.
            let kept = if below + lower > minority {
                retain(scores, votes, |score| score < pivot)
            } else if below + upto > minority {
                return pivot;
            } else {
                (most, below) = (pivot, below + upto);
                retain(scores, votes, |score| score > pivot)
            };
            (scores, votes) = (&mut scores[..kept], &mut votes[..kept]);
        }
        most
    }
}

/// Moves the elements whose scores `keeps` approves to the front and returns how many.
#[inline(always)]
fn retain(scores: &mut [f64], votes: &mut [f64], keeps: impl Fn(f64) -> bool) -> usize {
    let mut kept = 0;
    for i in 0..scores.len().min(votes.len()) {
        let (score, vote) = (scores[i], votes[i]);
        scores[kept] = score;
        votes[kept] = vote;
        kept += usize::from(keeps(score));
    }
    kept
}

crate::twin::dispatch! {
    /// Old bonds of one tile become new ones, and dividends grow.
    fn bond(
        work: &mut Work,
        basis: &Basis<'_>,
        first: usize,
        consensus: &[u64],
        incentive: &[u64],
        bonds: &Shared,
    ) = bond_body;
}

#[inline(always)]
fn bond_body(
    work: &mut Work,
    basis: &Basis<'_>,
    first: usize,
    consensus: &[u64],
    incentive: &[u64],
    bonds: &Shared,
) {
    let width = consensus.len();
    let (mut agreed, mut earns) = ([0.0; TILE], [0.0; TILE]);
    for c in 0..width {
        (agreed[c], earns[c]) = (consensus[c] as f64, incentive[c] as f64);
    }
    let (penalty, alpha) = (basis.inputs.penalty as f64, basis.inputs.alpha as f64);
    let kept = Whole::ONE - alpha;
    let held = |row: usize| -> &mut [u16] {
        #[expect(unsafe_code, reason = "see `Shared`")]
        // SAFETY: within the matrix, in columns of this task's own, and no two such slices live
        // at a time.
        unsafe {
            std::slice::from_raw_parts_mut(bonds.0.add(row * basis.servers + first), width)
        }
    };

    // New bonds before they are normalised: stake times the weight that counts for bonds.
    let (mut new_sum, mut old_sum) = ([0.0; TILE], [0.0; TILE]);
    for (row, cells) in work.cells.iter_mut().enumerate() {
        let (weights, old) = (basis.weights(row, first, width), lanes(held(row)));
        let (whole, stake) = (basis.rows[row], basis.stake[row]);
        for c in 0..TILE {
            let score = whole.share(weights[c]);
            let less = lesser(score, agreed[c]) - score;
            cells[c] = times(score + times(penalty, less), stake);
            new_sum[c] += cells[c];
            old_sum[c] += old[c];
        }
    }

    let (new_wholes, old_wholes) = (Wholes::of(&new_sum), Wholes::of(&old_sum));
    let (mut total, mut most) = ([0.0; TILE], [0.0; TILE]);
    for (row, cells) in work.cells.iter_mut().enumerate() {
        let old = lanes(held(row));
        for c in 0..TILE {
            let (new, old) = (new_wholes.at(c).share(cells[c]), old_wholes.at(c).share(old[c]));
            cells[c] = times(alpha, new) + times(kept, old);
            total[c] += cells[c];
            most[c] = if most[c] > cells[c] { most[c] } else { cells[c] };
        }
    }

    let wholes = Wholes::of(&total);
    for (c, most) in most.iter_mut().enumerate() {
        *most = wholes.at(c).share(*most);
    }
    let upscales = Wholes::of(&most);
    for (row, (cells, dividend)) in work.cells.iter().zip(&mut work.sums).enumerate() {
        let (mut paid, mut kept) = ([0.0; TILE], [0; TILE]);
        for c in 0..TILE {
            let share = wholes.at(c).share(cells[c]);
            paid[c] = times(earns[c], share);
            kept[c] = stored(upscales.at(c).share(share));
        }
        *dividend += sum(&paid);
        held(row).copy_from_slice(&kept[..width]);
    }
}
