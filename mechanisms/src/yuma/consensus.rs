//! R6 to R8: what the majority of stake grants each server, and what remains of the weights
//! beyond it: nothing.
//!
//! This step needs nothing else of Yuma: anything that is weighed by several parties with
//! different stakes can be agreed upon by it.
//!
//! ```
//! use mechanisms::yuma::{Columns, Consensus};
//! use sim_types::fixed::I32F32;
//!
//! let share = |x: f64| I32F32::saturating_from_f64(x).expect("a number");
//! // Three parties of stake 0.4, 0.35 and 0.25 weigh one thing at 0.2, 0.6 and 1.
//! let weights = [0.2, 0.6, 1.0].map(|w| vec![(0, share(w))]);
//! let mut consensus = Consensus::default();
//! let half = share(0.5);
//! consensus.agree(&[0.4, 0.35, 0.25].map(share), &Columns::from_rows(&weights, 1), half);
//! // A majority (0.35 + 0.25) grants 0.6 or more; 1 is cut down to it.
//! assert_eq!(consensus.weights, [share(0.6)]);
//! assert_eq!(consensus.trust[2], share(0.6));
//! ```

use sim_types::fixed::I32F32;
use sim_types::seeded;

use super::columns::Columns;
use super::median::Elements;
use super::normalise::normalise;
use super::parts::{plus, times};

/// An agreement, and the memory to reach it.
#[derive(Debug, Clone, Default)]
pub struct Consensus {
    /// R6: for each server (column) the largest weight that the majority of stake grants it.
    pub weights: Vec<I32F32>,
    /// R7: for each validator (row) the sum of its weights, each cut to consensus.
    pub trust: Vec<I32F32>,
    /// R8, first part: for each server the sum of weights cut to consensus, times stake.
    pub ranks: Vec<I32F32>,
    votes: Vec<I32F32>,
    elements: Elements,
}

impl Consensus {
    /// Computes all three. Stakes, by row, and `weights` are between zero and one, and the
    /// stakes sum to at most one; `majority` is kappa. Rows without stake count for nothing
    /// but have their trust.
    ///
    /// # Panics
    /// When a row of `weights` has no stake.
    pub fn agree(&mut self, stake: &[I32F32], weights: &Columns, majority: I32F32) {
        self.trust.clear();
        self.trust.resize(stake.len(), I32F32::ZERO);
        self.weights.resize(weights.len(), I32F32::ZERO);
        self.ranks.clear();
        self.votes.clear();
        self.votes.extend_from_slice(stake);
        normalise(&mut self.votes);
        let voters = stake.iter().filter(|&&stake| stake > I32F32::ZERO).count();
        let total: I32F32 = self.votes.iter().copied().sum();
        let total = total.to_bits();
        let minority = total - majority.to_bits();
        let minority = seeded!(MajorityOfLess, minority + (1 << 26), minority);
        let mut trust = core::mem::take(&mut self.trust);
        let stake = &stake[..trust.len()];
        for column in 0..weights.len() {
            let (rows, scores) = weights.column(column);
            // What was agreed last time is often agreed again.
            let guess = self.weights[column];
            let agreed = self.median(rows, scores, guess, voters, minority, total);
            let mut rank = I32F32::ZERO;
            if agreed > I32F32::ZERO {
                for (&row, &score) in rows.iter().zip(scores) {
                    let row = usize::from(row);
                    let cut = score.min(agreed);
                    trust[row] = plus(trust[row], cut);
                    rank = plus(rank, times(cut, stake[row]));
                }
            }
            self.weights[column] = agreed;
            self.ranks.push(rank);
        }
        self.trust = trust;
    }

    /// The median of one column over the rows with positive stake. The zeros of a column lie
    /// below all else, so that they are settled by one comparison and only the positive scores
    /// are partitioned.
    fn median(
        &mut self,
        rows: &[u16],
        scores: &[I32F32],
        guess: I32F32,
        voters: usize,
        minority: i64,
        total: i64,
    ) -> I32F32 {
        if voters == 1 {
            // A lone vote is one, which is beyond what the elements hold.
            let mut cast = rows.iter().zip(scores);
            let voter = cast.find(|(row, _)| self.votes[usize::from(**row)] > I32F32::ZERO);
            return voter.map_or(I32F32::ZERO, |(_, &score)| score);
        }
        let shares = &self.votes[..];
        self.elements.fill(scores, rows.iter().map(|&row| shares[usize::from(row)]));
        let unsupported = total - self.elements.stake();
        if self.elements.len() < voters && minority < unsupported {
            return I32F32::ZERO;
        }
        self.elements.select(guess, minority, unsupported, total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yuma::median::weighted_median;
    use proptest::prelude::*;

    proptest! {
        /// Zeros settled apart is the plain median over all staked rows.
        #[test]
        fn columns_equal_the_plain_median(
            cells in proptest::collection::vec(
                (proptest::collection::vec(0_i64..5, 4), 0_i64..4), 1..12),
            majority in 0_i64..=(1 << 32) + 2,
        ) {
            let mut stake: Vec<_> = cells.iter().map(|c| I32F32::from_bits(c.1)).collect();
            normalise(&mut stake);
            let rows: Vec<Vec<_>> = cells.iter().map(|(row, _)| {
                let cells = (0..).zip(row).filter(|(_, v)| **v > 0);
                cells.map(|(column, &v)| (column, I32F32::from_bits(v << 28))).collect()
            }).collect();
            let majority = I32F32::from_bits(majority);
            let mut consensus = Consensus::default();
            consensus.agree(&stake, &Columns::from_rows(&rows, 4), majority);

            let staked: Vec<_> = (0..cells.len()).filter(|&i| cells[i].1 > 0).collect();
            let mut used: Vec<_> = staked.iter().map(|&i| stake[i]).collect();
            normalise(&mut used);
            let total: I32F32 = used.iter().copied().sum();
            let mut trust = vec![I32F32::ZERO; cells.len()];
            for column in 0..4 {
                let score = |i: usize| I32F32::from_bits(cells[i].0[column] << 28);
                let scores: Vec<_> = staked.iter().map(|&i| score(i)).collect();
                let want = weighted_median(
                    &used, &scores, total.saturating_sub(majority), I32F32::ZERO,
                );
                prop_assert_eq!(consensus.weights[column], want);
                let mut rank = I32F32::ZERO;
                for i in 0..cells.len() {
                    let cut = score(i).min(want);
                    trust[i] = trust[i].saturating_add(cut);
                    rank = rank.saturating_add(cut.saturating_mul(stake[i]));
                }
                prop_assert_eq!(consensus.ranks[column], rank);
            }
            prop_assert_eq!(consensus.trust, trust);
        }
    }
}
