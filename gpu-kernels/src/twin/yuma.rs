//! The Yuma epoch with classic bonds over a dense matrix of validators and servers, in the
//! chain's fixed point. After opentensor/subtensor @ 14bc6f9f, `epoch/run_epoch.rs`, steps R5 to
//! R11 of `mechanisms::yuma`, with whose epoch `tests/yuma.rs` compares it bit by bit.

use rayon::prelude::*;
use sim_types::fixed::I32F32;
use sim_types::fixed::part::{Whole, plus, stored, times};

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

/// Servers that are computed together: a row of them is a cache line.
const TILE: usize = 32;

/// Up to how many cells one thread does it alone: waking others costs some tens of microseconds,
/// as long as a thousand cells take.
const ALONE: usize = 1 << 14;

fn fixed(bits: u64) -> I32F32 {
    I32F32::from_bits(bits.cast_signed())
}

fn bits(x: I32F32) -> u64 {
    x.to_bits().cast_unsigned()
}

/// Values over their sum; what they then sum to.
pub fn normalise(values: &mut [u64]) -> u64 {
    let sum = values.iter().fold(I32F32::ZERO, |sum, &x| plus(sum, fixed(x)));
    if sum > I32F32::ZERO {
        let whole = Whole::new(sum);
        for x in values.iter_mut() {
            *x = bits(whole.share(fixed(*x)));
        }
    }
    values.iter().sum()
}

/// Votes of validators as the median counts them.
struct Votes {
    each: Vec<u64>,
    /// How much may lie at or below the median's predecessor.
    minority: u64,
}

/// Memory to compute tiles one after the other, and what they add up to.
#[derive(Default)]
struct Work {
    /// Trust or dividends, by validator.
    sums: Vec<u64>,
    scores: Tile,
    bonds: Tile,
    new: Vec<I32F32>,
    elements: Elements,
}

impl Work {
    fn new(validators: usize) -> Self {
        Self { sums: vec![0; validators], ..Self::default() }
    }
}

/// Computes an epoch. What `out` holds as consensus is where the search for the new one begins,
/// which changes nothing but the time that it takes.
pub fn epoch(inputs: &Epoch<'_>, out: &mut Outcome<'_>) {
    let servers = out.consensus.len();
    let alone = inputs.weights.len() <= ALONE;
    let whole = |row: &[u16]| {
        let sum: u64 = row.iter().map(|&w| u64::from(w)).sum();
        Whole::new(fixed(sum << 32))
    };
    let rows: Vec<Whole> = if alone {
        inputs.weights.chunks(servers).map(whole).collect()
    } else {
        inputs.weights.par_chunks(servers).map(whole).collect()
    };
    let mut each = inputs.stake.to_vec();
    let total = normalise(&mut each);
    let votes = Votes { each, minority: total.saturating_sub(inputs.majority) };
    let work = || Work::new(rows.len());
    let zeros = || vec![0_u64; rows.len()];
    let add = |mut a: Vec<u64>, b: Vec<u64>| {
        for (a, b) in a.iter_mut().zip(b) {
            *a += b;
        }
        a
    };

    let agreed = |mut work: Work, (tile, (consensus, ranks)): (usize, (&mut [u64], &mut [u64]))| {
        work.scores.shares(inputs.weights, &rows, servers, tile * TILE, consensus.len());
        agree(&mut work, inputs.stake, &votes, consensus, ranks);
        work
    };
    let (consensus, ranks) = (&mut *out.consensus, &mut *out.incentive);
    let trust = if alone {
        let tiles = consensus.chunks_mut(TILE).zip(ranks.chunks_mut(TILE));
        tiles.enumerate().fold(work(), agreed).sums
    } else {
        let tiles = consensus.par_chunks_mut(TILE).zip(ranks.par_chunks_mut(TILE));
        tiles.enumerate().fold(work, agreed).map(|work| work.sums).reduce(zeros, add)
    };
    out.trust.copy_from_slice(&trust);
    normalise(out.incentive);

    let bonds = Shared(out.bonds.as_mut_ptr());
    let (consensus, incentive) = (&*out.consensus, &*out.incentive);
    let bonded = |mut work: Work, tile: usize| {
        let first = tile * TILE;
        let width = TILE.min(servers - first);
        work.scores.shares(inputs.weights, &rows, servers, first, width);
        work.bonds.load(&bonds, rows.len(), servers, first, width);
        bond(&mut work, inputs, &consensus[first..][..width], &incentive[first..][..width]);
        work.bonds.store(&bonds, servers, first, width);
        work
    };
    let tiles = 0..servers.div_ceil(TILE);
    let dividends = if alone {
        tiles.fold(work(), bonded).sums
    } else {
        tiles.into_par_iter().fold(work, bonded).map(|work| work.sums).reduce(zeros, add)
    };
    out.dividends.copy_from_slice(&dividends);
    normalise(out.dividends);
}

/// Some columns of a matrix, turned: each column in one piece.
#[derive(Default)]
struct Tile {
    cells: Vec<u64>,
    rows: usize,
    /// From one column to the next. Never a multiple of many cache lines, which would all have
    /// their place in the same few sets of the cache.
    stride: usize,
}

/// Bonds as tasks share them: each reads and writes columns of its own.
struct Shared(*mut u16);

#[expect(unsafe_code, reason = "columns of one matrix written by different tasks")]
// SAFETY: `Tile::load` and `Tile::store` touch the cells of their columns only, and no two
// tasks have a column in common.
unsafe impl Sync for Shared {}

impl Tile {
    fn resize(&mut self, rows: usize, width: usize) {
        self.rows = rows;
        self.stride = rows.next_multiple_of(16) + 8;
        self.cells.resize(self.stride * width, 0);
    }

    /// Takes weights, as shares of their rows.
    fn shares(
        &mut self,
        weights: &[u16],
        rows: &[Whole],
        servers: usize,
        first: usize,
        width: usize,
    ) {
        self.resize(rows.len(), width);
        for (r, whole) in rows.iter().enumerate() {
            let row = &weights[r * servers + first..][..width];
            for (c, &weight) in row.iter().enumerate() {
                self.cells[c * self.stride + r] = bits(whole.share(I32F32::from_u16(weight)));
            }
        }
    }

    /// Takes stored bonds.
    fn load(&mut self, bonds: &Shared, rows: usize, servers: usize, first: usize, width: usize) {
        self.resize(rows, width);
        for r in 0..rows {
            for c in 0..width {
                #[expect(unsafe_code, reason = "see `Shared`")]
                // SAFETY: within the matrix, and in a column of this task's own.
                let bond = unsafe { *bonds.0.add(r * servers + first + c) };
                self.cells[c * self.stride + r] = u64::from(bond);
            }
        }
    }

    /// Writes bonds back.
    fn store(&self, bonds: &Shared, servers: usize, first: usize, width: usize) {
        for r in 0..self.rows {
            for c in 0..width {
                let bond = self.cells[c * self.stride + r] as u16;
                #[expect(unsafe_code, reason = "see `Shared`")]
                // SAFETY: as above.
                unsafe {
                    *bonds.0.add(r * servers + first + c) = bond;
                }
            }
        }
    }

    fn column(&self, column: usize) -> &[u64] {
        &self.cells[column * self.stride..][..self.rows]
    }

    fn column_mut(&mut self, column: usize) -> &mut [u64] {
        &mut self.cells[column * self.stride..][..self.rows]
    }
}

crate::twin::dispatch! {
    /// Consensus, ranks and trust of one tile.
    fn agree(
        work: &mut Work,
        stake: &[u64],
        votes: &Votes,
        consensus: &mut [u64],
        ranks: &mut [u64],
    ) = agree_body;
}

#[inline(always)]
fn agree_body(
    work: &mut Work,
    stake: &[u64],
    votes: &Votes,
    consensus: &mut [u64],
    ranks: &mut [u64],
) {
    for (column, (agreed, rank)) in consensus.iter_mut().zip(ranks).enumerate() {
        let scores = work.scores.column(column);
        *agreed = work.elements.median(scores, votes, *agreed);
        *rank = 0;
        for ((trust, &score), &stake) in work.sums.iter_mut().zip(scores).zip(stake) {
            let cut = score.min(*agreed);
            *trust += cut;
            *rank += bits(times(fixed(stake), fixed(cut)));
        }
    }
}

/// Scores above zero with votes above zero, each in 32 bits, so that four or eight are compared
/// at a time.
#[derive(Default)]
struct Elements {
    /// One unit less than each score, so that a score of one fits.
    scores: Vec<u32>,
    votes: Vec<u32>,
}

impl Elements {
    /// The least score such that the votes at or below it exceed the minority, or the greatest
    /// that anybody with a vote gives; zero if nobody votes.
    #[inline(always)]
    fn median(&mut self, scores: &[u64], votes: &Votes, guess: u64) -> u64 {
        self.scores.resize(scores.len() + 1, 0);
        self.votes.resize(scores.len() + 1, 0);
        // Which cells count is not predictable: each is written, and only those stay.
        let (mut len, mut below) = (0, 0);
        for (&score, &vote) in scores.iter().zip(&votes.each) {
            self.scores[len] = score.wrapping_sub(1) as u32;
            self.votes[len] = vote as u32;
            len += usize::from(score > 0) & usize::from(vote > 0);
            below += if score > 0 { 0 } else { vote };
        }
        // A single vote may be one, which 32 bits do not hold; it decides by itself.
        if votes.each.contains(&(1 << 32)) {
            let lone = scores.iter().zip(&votes.each).find(|cell| *cell.1 > 0);
            return lone.map_or(0, |cell| *cell.0);
        }
        // Zeros are settled by one comparison.
        if len == 0 || below > votes.minority {
            return 0;
        }
        let less = guess.wrapping_sub(1) as u32;
        let (scores, shares) = (&mut self.scores[..len], &mut self.votes[..len]);
        u64::from(select(scores, shares, less, votes.minority, below)) + 1
    }
}

/// The least score such that the votes at or below it, with those `below` all of them, exceed the
/// minority; the greatest if there is none. Begins at the guess.
#[inline(always)]
fn select(
    mut scores: &mut [u32],
    mut votes: &mut [u32],
    guess: u32,
    minority: u64,
    mut below: u64,
) -> u32 {
    let mut pivot = guess;
    loop {
        let (mut lower, mut equal, mut greatest) = (0_u64, 0_u64, 0_u32);
        for (&score, &vote) in scores.iter().zip(&*votes) {
            lower += u64::from(if score < pivot { vote } else { 0 });
            equal += u64::from(if score == pivot { vote } else { 0 });
            greatest = greatest.max(score);
        }
        // Each step keeps the side of the pivot on which the point lies.
        let kept = if below + lower > minority {
            retain(scores, votes, |score| score < pivot)
        } else if below + lower + equal > minority {
            return pivot;
        } else if greatest <= pivot {
            return greatest;
        } else {
            below += lower + equal;
            retain(scores, votes, |score| score > pivot)
        };
        (scores, votes) = (&mut scores[..kept], &mut votes[..kept]);
        let [a, b, c] = [scores[kept / 4], scores[kept / 2], scores[kept - 1 - kept / 4]];
        pivot = a.max(b).min(a.min(b).max(c));
    }
}

/// Moves the elements whose scores `keeps` approves to the front and returns how many.
#[inline(always)]
fn retain(scores: &mut [u32], votes: &mut [u32], keeps: impl Fn(u32) -> bool) -> usize {
    let mut kept = 0;
    for i in 0..scores.len().min(votes.len()) {
        let (score, vote) = (scores[i], votes[i]);
        scores[kept] = score;
        votes[kept] = vote;
        kept += usize::from(keeps(score));
    }
    kept
}

/// The weight that counts for bonds.
#[inline(always)]
fn for_bonds(weight: u64, agreed: u64, penalty: u64) -> u64 {
    let less = weight - weight.min(agreed);
    // The ends are exact by the formula too, but not worth its price.
    if penalty == 1 << 32 {
        return weight - less;
    }
    // The product of a negative number is rounded down: away from zero.
    let product = u128::from(penalty) * u128::from(less);
    weight - product.div_ceil(1 << 32) as u64
}

crate::twin::dispatch! {
    /// Old bonds of one tile become new ones, and dividends grow.
    fn bond(
        work: &mut Work,
        inputs: &Epoch<'_>,
        consensus: &[u64],
        incentive: &[u64],
    ) = bond_body;
}

#[inline(always)]
fn bond_body(work: &mut Work, inputs: &Epoch<'_>, consensus: &[u64], incentive: &[u64]) {
    let alpha = fixed(inputs.alpha);
    let kept = fixed((1 << 32) - inputs.alpha);
    for (column, (&agreed, &earns)) in consensus.iter().zip(incentive).enumerate() {
        let bonds = work.bonds.column_mut(column);
        // New bonds before they are normalised: stake times weight.
        let scores = work.scores.column(column);
        work.new.clear();
        work.new.extend(scores.iter().zip(inputs.stake).map(|(&score, &stake)| {
            times(fixed(for_bonds(score, agreed, inputs.penalty)), fixed(stake))
        }));
        let new_whole = Whole::new(work.new.iter().copied().fold(I32F32::ZERO, plus));
        let old_whole = Whole::new(fixed(bonds.iter().map(|&b| b << 32).sum()));
        let (mut sum, mut most) = (0, 0);
        for (bond, &new) in bonds.iter_mut().zip(&work.new) {
            let share = old_whole.share(fixed(*bond << 32));
            let average = plus(times(alpha, new_whole.share(new)), times(kept, share));
            *bond = bits(average);
            sum += *bond;
            most = most.max(*bond);
        }
        let whole = Whole::new(fixed(sum));
        let upscale = Whole::new(whole.share(fixed(most)));
        for (bond, dividend) in bonds.iter_mut().zip(&mut work.sums) {
            let share = whole.share(fixed(*bond));
            *dividend += bits(times(fixed(earns), share));
            *bond = u64::from(stored(upscale.share(share)));
        }
    }
}
