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

/// Servers that one task computes together: a row of them is a cache line.
const TILE: usize = 32;

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

/// Computes an epoch.
pub fn epoch(inputs: &Epoch<'_>, out: &mut Outcome<'_>) {
    let servers = out.consensus.len();
    let rows: Vec<Whole> = inputs
        .weights
        .par_chunks(servers)
        .map(|row| {
            let sum: u64 = row.iter().map(|&w| u64::from(w)).sum();
            Whole::new(fixed(sum << 32))
        })
        .collect();
    let mut each = inputs.stake.to_vec();
    let total = normalise(&mut each);
    let votes = Votes { each, minority: total.saturating_sub(inputs.majority) };
    let zeros = || vec![0_u64; rows.len()];
    let add = |mut a: Vec<u64>, b: Vec<u64>| {
        for (a, b) in a.iter_mut().zip(b) {
            *a += b;
        }
        a
    };

    let tiles = out.consensus.par_chunks_mut(TILE).zip(out.incentive.par_chunks_mut(TILE));
    let trust = tiles
        .enumerate()
        .fold(zeros, |mut trust, (tile, (consensus, ranks))| {
            let scores = Tile::scores(inputs.weights, &rows, servers, tile * TILE, consensus.len());
            let mut list = Vec::with_capacity(rows.len());
            for (column, (agreed, rank)) in consensus.iter_mut().zip(ranks).enumerate() {
                let scores = scores.column(column);
                *agreed = median(scores, &votes, &mut list);
                *rank = 0;
                for ((trust, &score), &stake) in trust.iter_mut().zip(scores).zip(inputs.stake) {
                    let cut = score.min(*agreed);
                    *trust += cut;
                    *rank += bits(times(fixed(stake), fixed(cut)));
                }
            }
            trust
        })
        .reduce(zeros, add);
    out.trust.copy_from_slice(&trust);
    normalise(out.incentive);

    let columns: Vec<usize> = (0..servers).step_by(TILE).collect();
    let bonds = Shared(out.bonds.as_mut_ptr());
    let (consensus, incentive) = (&*out.consensus, &*out.incentive);
    let dividends = columns
        .into_par_iter()
        .fold(zeros, |mut dividends, first| {
            let width = TILE.min(servers - first);
            let scores = Tile::scores(inputs.weights, &rows, servers, first, width);
            let mut old = Tile::bonds(&bonds, rows.len(), servers, first, width);
            let mut new = Vec::with_capacity(rows.len());
            for column in 0..width {
                let (agreed, earns) = (consensus[first + column], incentive[first + column]);
                let old = old.column_mut(column);
                new.clear();
                new.extend(weighed(inputs, scores.column(column), agreed));
                bond(inputs, &new, old, earns, &mut dividends);
            }
            old.store(&bonds, servers, first, width);
            dividends
        })
        .reduce(zeros, add);
    out.dividends.copy_from_slice(&dividends);
    normalise(out.dividends);
}

/// Some columns of a matrix, turned: each column in one piece.
struct Tile {
    cells: Vec<u64>,
    rows: usize,
}

/// Bonds as tasks share them: each reads and writes columns of its own.
struct Shared(*mut u16);

#[expect(unsafe_code, reason = "columns of one matrix written by different tasks")]
// SAFETY: `Tile::bonds` and `Tile::store` touch the cells of their columns only, and no two
// tasks have a column in common.
unsafe impl Sync for Shared {}

impl Tile {
    /// Weights as shares of their rows.
    fn scores(weights: &[u16], rows: &[Whole], servers: usize, first: usize, width: usize) -> Self {
        let mut cells = vec![0; rows.len() * width];
        for (r, whole) in rows.iter().enumerate() {
            let row = &weights[r * servers + first..][..width];
            for (c, &weight) in row.iter().enumerate() {
                cells[c * rows.len() + r] = bits(whole.share(I32F32::from_u16(weight)));
            }
        }
        Self { cells, rows: rows.len() }
    }

    /// Stored bonds.
    fn bonds(bonds: &Shared, rows: usize, servers: usize, first: usize, width: usize) -> Self {
        let mut cells = vec![0; rows * width];
        for r in 0..rows {
            for c in 0..width {
                #[expect(unsafe_code, reason = "see `Shared`")]
                // SAFETY: within the matrix, and in a column of this task's own.
                let bond = unsafe { *bonds.0.add(r * servers + first + c) };
                cells[c * rows + r] = u64::from(bond);
            }
        }
        Self { cells, rows }
    }

    /// Writes bonds back.
    fn store(&self, bonds: &Shared, servers: usize, first: usize, width: usize) {
        for r in 0..self.rows {
            for c in 0..width {
                let bond = self.cells[c * self.rows + r] as u16;
                #[expect(unsafe_code, reason = "see `Shared`")]
                // SAFETY: as above.
                unsafe {
                    *bonds.0.add(r * servers + first + c) = bond;
                }
            }
        }
    }

    fn column(&self, column: usize) -> &[u64] {
        &self.cells[column * self.rows..][..self.rows]
    }

    fn column_mut(&mut self, column: usize) -> &mut [u64] {
        &mut self.cells[column * self.rows..][..self.rows]
    }
}

/// The least score such that the votes at or below it exceed the minority, or the greatest that
/// anybody with a vote gives; zero if nobody votes.
fn median(scores: &[u64], votes: &Votes, list: &mut Vec<(u64, u64)>) -> u64 {
    list.clear();
    let staked = scores.iter().zip(&votes.each).filter(|(_, vote)| **vote > 0);
    list.extend(staked.map(|(&score, &vote)| (score, vote)));
    let mut list = &mut list[..];
    let mut below = 0;
    // Each step keeps the side of a pivot on which the point lies.
    loop {
        let Some(&(guess, _)) = list.get(list.len() / 2) else { return 0 };
        let mut left = 0;
        let (mut lower, mut equal) = (0, 0);
        for i in 0..list.len() {
            let (score, vote) = list[i];
            lower += if score < guess { vote } else { 0 };
            equal += if score == guess { vote } else { 0 };
            list.swap(left, i);
            left += usize::from(score < guess);
        }
        if below + lower > votes.minority {
            list = &mut list[..left];
            continue;
        }
        below += lower + equal;
        if below > votes.minority {
            return guess;
        }
        // Among the rest are those equal to the guess: they go.
        let rest = &mut list[left..];
        let mut kept = 0;
        for i in 0..rest.len() {
            rest.swap(kept, i);
            kept += usize::from(rest[kept].0 > guess);
        }
        if kept == 0 {
            return guess;
        }
        list = &mut rest[..kept];
    }
}

/// The weight that counts for bonds.
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

/// New bonds of one column before they are normalised: stake times weight.
fn weighed<'a>(
    inputs: &'a Epoch<'_>,
    scores: &'a [u64],
    agreed: u64,
) -> impl Iterator<Item = I32F32> + 'a {
    scores.iter().zip(inputs.stake).map(move |(&score, &stake)| {
        times(fixed(for_bonds(score, agreed, inputs.penalty)), fixed(stake))
    })
}

/// One column: old bonds become new ones, and dividends grow.
fn bond(inputs: &Epoch<'_>, new: &[I32F32], bonds: &mut [u64], earns: u64, dividends: &mut [u64]) {
    let alpha = fixed(inputs.alpha);
    let kept = fixed((1 << 32) - inputs.alpha);
    let new_whole = Whole::new(new.iter().copied().fold(I32F32::ZERO, plus));
    let old_whole = Whole::new(fixed(bonds.iter().map(|&b| b << 32).sum()));
    let mut sum = 0;
    let mut most = 0;
    for (bond, &new) in bonds.iter_mut().zip(new) {
        let share = old_whole.share(fixed(*bond << 32));
        let average = plus(times(alpha, new_whole.share(new)), times(kept, share));
        *bond = bits(average);
        sum += *bond;
        most = most.max(*bond);
    }
    let whole = Whole::new(fixed(sum));
    let upscale = Whole::new(whole.share(fixed(most)));
    for (bond, dividend) in bonds.iter_mut().zip(dividends) {
        let share = whole.share(fixed(*bond));
        *dividend += bits(times(fixed(earns), share));
        *bond = u64::from(stored(upscale.share(share)));
    }
}
