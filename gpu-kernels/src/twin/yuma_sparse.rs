//! The Yuma epoch with classic bonds over lists: each server names the validators that weigh it
//! and those that hold bonds in it. The same steps with the same bits as the dense form
//! ([`super::yuma`]), server by server, in time that grows with what is listed.
//!
//! All that servers add up to together are whole numbers below 2^53, exact in any order.

use std::ops::Range;

use rayon::prelude::*;

use super::proportion::{Whole, stored, times, units};
use super::yuma::{Votes, copy, lesser, normalise};

/// In place of a row that stands elsewhere in the list.
pub const NOBODY: u32 = u32::MAX;

/// Rows by server, ascending, none of a server's twice, with a value each.
#[derive(Debug, Clone, Copy)]
pub struct Lists<'a> {
    /// Server `s` has the cells from `start[s]` to `start[s + 1]`.
    pub start: &'a [u32],
    /// A validator a cell.
    pub rows: &'a [u32],
    /// A weight or bond a cell, of 65,535.
    pub values: &'a [u16],
}

impl<'a> Lists<'a> {
    /// The cells of servers that follow each other.
    #[inline(always)]
    fn cells(&self, servers: Range<usize>) -> (&'a [u32], &'a [u16]) {
        let cells = self.start[servers.start] as usize..self.start[servers.end] as usize;
        (&self.rows[cells.clone()], &self.values[cells])
    }
}

/// What an epoch follows from.
#[derive(Debug, Clone, Copy)]
pub struct Epoch<'a> {
    /// Published weights, masked.
    pub weights: Lists<'a>,
    /// Bonds of the last epoch.
    pub bonds: Lists<'a>,
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
    /// Server by server the rows of its weights, then those of its old bonds, where [`NOBODY`]
    /// stands for a row that is among the first.
    pub bond_rows: &'a mut [u32],
    /// The bond of each such row, zero of nobody.
    pub bonds: &'a mut [u16],
    /// The sum of each validator's weights, times 2^32.
    pub sums: &'a mut [u64],
}

/// Servers that one task computes.
const SERVERS: usize = 64;

/// Up to how many cells one thread does it alone: waking others costs some tens of microseconds,
/// as long as a few thousand cells take.
const ALONE: usize = 1 << 14;

/// What servers need to know of a validator that they list.
struct Validator {
    /// The sum of its weights.
    whole: Whole,
    stake: f64,
    /// Stake as the median counts it.
    vote: f64,
}

/// What all servers need, as proportions.
struct Basis<'a> {
    inputs: &'a Epoch<'a>,
    validators: Vec<Validator>,
    /// All votes.
    total: f64,
    /// How much of the votes may lie below the median.
    minority: f64,
}

/// Memory to compute servers one after the other, and what they add up to.
struct Work {
    /// Weights, trust or dividends, by validator.
    sums: Vec<f64>,
    /// A number for each cell of a server.
    cells: Vec<f64>,
    /// Vote of each cell of a server.
    cast: Vec<f64>,
    votes: Votes,
    /// Where a validator stands in a server's list, by validator; [`NOBODY`] between servers.
    places: Vec<u32>,
}

impl Work {
    fn new(validators: usize) -> Self {
        Self {
            sums: vec![0.0; validators],
            cells: Vec::new(),
            cast: Vec::new(),
            votes: Votes::default(),
            places: vec![NOBODY; validators],
        }
    }

    fn add(mut self, other: Self) -> Self {
        for (a, b) in self.sums.iter_mut().zip(other.sums) {
            *a += b;
        }
        self
    }
}

/// Does all tasks, and gives the sums of them.
fn sums_of<T: Send>(
    tasks: Vec<T>,
    alone: bool,
    validators: usize,
    does: impl Fn(&mut Work, T) + Sync,
) -> Vec<f64> {
    let new = || Work::new(validators);
    let step = |mut work, task| {
        does(&mut work, task);
        work
    };
    if alone {
        tasks.into_iter().fold(new(), step).sums
    } else {
        tasks.into_par_iter().fold(new, step).reduce(new, Work::add).sums
    }
}

/// Computes an epoch. What `out` holds as consensus is tried first as the new one, which changes
/// nothing but the time that it takes.
pub fn epoch(inputs: &Epoch<'_>, out: &mut Outcome<'_>) {
    let (servers, validators) = (out.consensus.len(), inputs.stake.len());
    let alone = inputs.weights.rows.len() + inputs.bonds.rows.len() <= ALONE;
    let tiles = || {
        let firsts = (0..servers).step_by(SERVERS);
        firsts.map(|first| first..servers.min(first + SERVERS))
    };

    let sums = sums_of(tiles().collect(), alone, validators, |work, servers| {
        let (rows, weights) = inputs.weights.cells(servers);
        for (&row, &weight) in rows.iter().zip(weights) {
            work.sums[row as usize] += f64::from(weight);
        }
    });
    let mut votes = inputs.stake.to_vec();
    let total = normalise(&mut votes);
    let validator = |((&sum, &stake), &vote): ((&f64, &u64), &u64)| Validator {
        whole: Whole::of(sum),
        stake: stake as f64,
        vote: vote as f64,
    };
    let basis = Basis {
        inputs,
        validators: sums.iter().zip(inputs.stake).zip(&votes).map(validator).collect(),
        total: total as f64,
        minority: total.saturating_sub(inputs.majority) as f64,
    };
    for (out, &sum) in out.sums.iter_mut().zip(&sums) {
        *out = units(sum) << 32;
    }

    let outs = out.consensus.chunks_mut(SERVERS).zip(out.incentive.chunks_mut(SERVERS));
    let trust = sums_of(tiles().zip(outs).collect(), alone, validators, |work, (servers, outs)| {
        agree(work, &basis, servers, outs.0, outs.1);
    });
    copy(&trust, out.trust);
    normalise(out.incentive);

    let (consensus, incentive) = (&*out.consensus, &*out.incentive);
    let (mut rows, mut bonds) = (&mut *out.bond_rows, &mut *out.bonds);
    let mut tasks = Vec::new();
    for servers in tiles() {
        let lists = [&inputs.weights, &inputs.bonds];
        let len = lists.iter().map(|lists| lists.cells(servers.clone()).0.len()).sum();
        let (its_rows, other_rows) = rows.split_at_mut(len);
        let (its_bonds, other_bonds) = bonds.split_at_mut(len);
        tasks.push((servers, its_rows, its_bonds));
        (rows, bonds) = (other_rows, other_bonds);
    }
    let dividends = sums_of(tasks, alone, validators, |work, (servers, rows, bonds)| {
        bond(work, &basis, servers, consensus, incentive, rows, bonds);
    });
    copy(&dividends, out.dividends);
    normalise(out.dividends);
}

crate::twin::dispatch! {
    /// Consensus, ranks and trust of a task's servers.
    fn agree(
        work: &mut Work,
        basis: &Basis<'_>,
        servers: Range<usize>,
        consensus: &mut [u64],
        ranks: &mut [u64],
    ) = agree_body;
}

#[inline(always)]
fn agree_body(
    work: &mut Work,
    basis: &Basis<'_>,
    servers: Range<usize>,
    consensus: &mut [u64],
    ranks: &mut [u64],
) {
    for ((server, consensus), rank) in servers.zip(consensus).zip(ranks) {
        let (rows, weights) = basis.inputs.weights.cells(server..server + 1);
        let guess = *consensus as f64;
        work.cells.resize(rows.len(), 0.0);
        work.cast.resize(rows.len(), 0.0);
        // Votes of those who list the server, below the guess, and with those for it.
        let (mut listed, mut lower, mut upto) = (0.0, 0.0, 0.0);
        let cells = work.cells.iter_mut().zip(&mut work.cast);
        for ((score, vote), (&row, &weight)) in cells.zip(rows.iter().zip(weights)) {
            let validator = &basis.validators[row as usize];
            *score = validator.whole.share(f64::from(weight));
            *vote = validator.vote;
            listed += *vote;
            lower += if *score < guess { *vote } else { 0.0 };
            upto += if *score <= guess { *vote } else { 0.0 };
        }
        // Those that do not list the server give it zero, below all else.
        let unlisted = basis.total - listed;
        let agreed = if unlisted > basis.minority {
            0.0
        } else if unlisted + lower <= basis.minority && unlisted + upto > basis.minority {
            guess
        } else {
            work.votes.take(work.cells.iter().copied(), &work.cast, |_| true);
            work.votes.median(basis.minority, unlisted)
        };
        let mut sum = 0.0;
        for (&score, &row) in work.cells.iter().zip(rows) {
            let cut = lesser(score, agreed);
            sum += times(basis.validators[row as usize].stake, cut);
            work.sums[row as usize] += cut;
        }
        (*consensus, *rank) = (units(agreed), units(sum));
    }
}

crate::twin::dispatch! {
    /// New bonds of a task's servers, and dividends from them.
    fn bond(
        work: &mut Work,
        basis: &Basis<'_>,
        servers: Range<usize>,
        consensus: &[u64],
        incentive: &[u64],
        out_rows: &mut [u32],
        out_bonds: &mut [u16],
    ) = bond_body;
}

#[inline(always)]
fn bond_body(
    work: &mut Work,
    basis: &Basis<'_>,
    servers: Range<usize>,
    consensus: &[u64],
    incentive: &[u64],
    mut out_rows: &mut [u32],
    mut out_bonds: &mut [u16],
) {
    let (penalty, alpha) = (basis.inputs.penalty as f64, basis.inputs.alpha as f64);
    let kept = Whole::ONE - alpha;
    for server in servers {
        let (rows, weights) = basis.inputs.weights.cells(server..server + 1);
        let (old_rows, old) = basis.inputs.bonds.cells(server..server + 1);
        let (agreed, earns) = (consensus[server] as f64, incentive[server] as f64);
        let (new_out, other_rows) = out_rows.split_at_mut(rows.len());
        let (old_out, other_rows) = other_rows.split_at_mut(old_rows.len());
        let (bonds, other_bonds) = out_bonds.split_at_mut(rows.len() + old.len());
        (out_rows, out_bonds) = (other_rows, other_bonds);
        work.cells.clear();
        work.cells.resize(bonds.len(), 0.0);
        let cells = &mut work.cells[..bonds.len()];

        // New bonds before they are normalised: stake times the weight that counts for bonds.
        let mut new_sum = 0.0;
        for (place, (&row, &weight)) in rows.iter().zip(weights).enumerate() {
            let validator = &basis.validators[row as usize];
            let score = validator.whole.share(f64::from(weight));
            let less = lesser(score, agreed) - score;
            cells[place] = times(score + times(penalty, less), validator.stake);
            new_sum += cells[place];
            new_out[place] = row;
            work.places[row as usize] = place as u32;
        }
        let old_sum = old.iter().map(|&bond| u64::from(bond)).sum::<u64>() as f64;
        let (new_whole, old_whole) = (Whole::of(new_sum), Whole::of(old_sum));

        for cell in &mut cells[..rows.len()] {
            *cell = times(alpha, new_whole.share(*cell));
        }
        for (i, (&row, &bond)) in old_rows.iter().zip(old).enumerate() {
            let place = work.places[row as usize];
            let among_new = place != NOBODY;
            old_out[i] = if among_new { NOBODY } else { row };
            let place = if among_new { place as usize } else { rows.len() + i };
            cells[place] += times(kept, old_whole.share(f64::from(bond)));
        }
        let (mut total, mut most) = (0.0, 0.0);
        for &cell in &*cells {
            total += cell;
            most = if most > cell { most } else { cell };
        }

        let whole = Whole::of(total);
        let upscale = Whole::of(whole.share(most));
        let all = rows.iter().chain(old_rows);
        for ((&cell, bond), &row) in cells.iter().zip(bonds).zip(all) {
            let share = whole.share(cell);
            *bond = stored(upscale.share(share));
            work.sums[row as usize] += times(earns, share);
        }
        for &row in rows {
            work.places[row as usize] = NOBODY;
        }
    }
}
