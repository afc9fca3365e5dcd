//! The kappa-weighted median: what the majority of stake grants at least.
//!
//! Sorted ascending by score, the answer is the score whose interval of stake contains the
//! point `minority` = total − kappa, intervals closed on the left: exactly at the boundary the
//! higher score wins.

use sim_types::fixed::I32F32;

use super::normalise::normalise;
use super::sparse::Sparse;

/// A score and the stake behind it.
#[derive(Debug, Clone, Copy, Default)]
struct Scored {
    score: I32F32,
    stake: I32F32,
}

/// The elements still in question and the two sides of a pivot, as scratch: of each, the
/// first so many.
#[derive(Debug, Clone, Default)]
struct Partition {
    part: Vec<Scored>,
    lower: Vec<Scored>,
    upper: Vec<Scored>,
}

/// Weighted median of `score` by `stake` within the stake interval `lo` to `hi`, by repeated
/// partition about the middle element. Zero if there is none.
///
/// The chain also gives up after as many rounds as there are elements; each round removes at
/// least the pivot, so that this cannot happen.
#[must_use]
pub fn weighted_median(
    stake: &[I32F32],
    score: &[I32F32],
    minority: I32F32,
    lo: I32F32,
    hi: I32F32,
) -> I32F32 {
    let elements: Vec<_> =
        stake.iter().zip(score).map(|(&stake, &score)| Scored { score, stake }).collect();
    Partition::default().select(&elements, minority, lo, hi)
}

impl Partition {
    fn select(
        &mut self,
        elements: &[Scored],
        minority: I32F32,
        mut lo: I32F32,
        mut hi: I32F32,
    ) -> I32F32 {
        let mut n = elements.len();
        for side in [&mut self.part, &mut self.lower, &mut self.upper] {
            side.resize(n.max(side.len()), Scored::default());
        }
        self.part[..n].copy_from_slice(elements);
        loop {
            if n < 2 {
                return if n == 0 { I32F32::ZERO } else { self.part[0].score };
            }
            let pivot = self.part[n / 2].score;
            let (lowers, uppers) = self.split(n, pivot);
            let below = lo.saturating_add(stake_of(&self.lower[..lowers]));
            if minority < below && lowers > 0 {
                core::mem::swap(&mut self.part, &mut self.lower);
                (n, hi) = (lowers, below);
                continue;
            }
            let above = hi.saturating_sub(stake_of(&self.upper[..uppers]));
            if above <= minority && uppers > 0 {
                core::mem::swap(&mut self.part, &mut self.upper);
                (n, lo) = (uppers, above);
                continue;
            }
            return pivot;
        }
    }

    /// Fills both sides from the first `n` elements, order kept, and returns how many fall on
    /// each. Scores equal to the pivot fall on neither.
    fn split(&mut self, n: usize, pivot: I32F32) -> (usize, usize) {
        // On which side a score falls is as good as random, and a branch on it would be
        // mispredicted half the time: each element is written to both sides, and the side it
        // does not belong to is not advanced.
        let (lower, upper) = (&mut self.lower[..n], &mut self.upper[..n]);
        let (mut lowers, mut uppers) = (0, 0);
        for &element in &self.part[..n] {
            lower[lowers] = element;
            upper[uppers] = element;
            lowers += usize::from(element.score < pivot);
            uppers += usize::from(element.score > pivot);
        }
        (lowers, uppers)
    }
}

fn stake_of(elements: &[Scored]) -> I32F32 {
    elements.iter().map(|element| element.stake).sum()
}

/// Scratch of [`Medians::of_columns`].
#[derive(Debug, Clone, Default)]
pub struct Medians {
    stake: Vec<I32F32>,
    /// Where each column's positive scores end.
    ends: Vec<usize>,
    scored: Vec<Scored>,
    partition: Partition,
}

impl Medians {
    /// The weighted median of each column over the rows with positive stake, an unlisted cell
    /// counting as score zero. Stakes are normalised first; `majority` is kappa.
    ///
    /// The zeros of a column lie below all else, so that they are settled by one comparison
    /// and only the listed scores are partitioned. That changes no result: where `hi − lo` is
    /// the stake of the elements, the choice of pivots does not matter.
    pub fn of_columns(
        &mut self,
        stake: &[I32F32],
        weights: &Sparse,
        columns: usize,
        majority: I32F32,
        medians: &mut Vec<I32F32>,
    ) {
        medians.clear();
        medians.resize(columns, I32F32::ZERO);
        self.stake.clear();
        self.stake.extend(stake.iter().copied().filter(|&s| s > I32F32::ZERO));
        normalise(&mut self.stake);
        let total: I32F32 = self.stake.iter().copied().sum();
        let minority = total.saturating_sub(majority);
        self.gather(stake, weights, columns);

        let mut start = 0;
        for (median, &end) in medians.iter_mut().zip(&self.ends) {
            let part = &self.scored[start..end];
            start = end;
            if part.is_empty() {
                continue;
            }
            let unsupported = total.saturating_sub(stake_of(part));
            if part.len() < self.stake.len() && minority < unsupported {
                continue;
            }
            *median = self.partition.select(part, minority, unsupported, total);
        }
    }

    /// Lists the positive scores column by column, in the order of rows.
    fn gather(&mut self, stake: &[I32F32], weights: &Sparse, columns: usize) {
        let staked = || (0..weights.rows().min(stake.len())).filter(|&i| stake[i] > I32F32::ZERO);
        let positive = |row| weights.row(row).filter(|cell| cell.1 > I32F32::ZERO);
        self.ends.clear();
        self.ends.resize(columns, 0);
        for row in staked() {
            for (column, _) in positive(row) {
                self.ends[usize::from(column)] += 1;
            }
        }
        // Counts become starts; filling moves each start to its end.
        let mut total = 0;
        for end in &mut self.ends {
            (*end, total) = (total, total + *end);
        }
        self.scored.clear();
        self.scored.resize(total, Scored::default());
        for (row, &stake) in staked().zip(&self.stake) {
            for (column, score) in positive(row) {
                let end = &mut self.ends[usize::from(column)];
                self.scored[*end] = Scored { score, stake };
                *end += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition in exact integers: the least score such that the stake at or below it
    /// exceeds `minority`; the greatest score if none does.
    fn definition(elements: &[(i64, i64)], minority: i64) -> i64 {
        let mut sorted = elements.to_vec();
        sorted.sort_unstable();
        let below = |w: i64| sorted.iter().filter(|e| e.0 <= w).map(|e| i128::from(e.1)).sum();
        let found = sorted.iter().find(|e| i128::from(minority) < below(e.0));
        found.or(sorted.last()).map_or(0, |e| e.0)
    }

    proptest! {
        #[test]
        fn equals_the_definition(
            elements in proptest::collection::vec((0_i64..12, 1_i64..1000), 0..40),
            part in -0.1..1.1_f64,
        ) {
            let total: i64 = elements.iter().map(|e| e.1).sum();
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss,
                reason = "any point of the interval and a little beyond will do")]
            let minority = (part * total as f64) as i64;
            let (score, stake): (Vec<_>, Vec<_>) = elements.iter()
                .map(|e| (I32F32::from_bits(e.0), I32F32::from_bits(e.1))).unzip();
            let got = weighted_median(
                &stake, &score, I32F32::from_bits(minority), I32F32::ZERO, I32F32::from_bits(total),
            );
            prop_assert_eq!(got.to_bits(), definition(&elements, minority));
        }

        /// Column by column, zeros settled apart, is the plain median over all staked rows.
        #[test]
        fn columns_equal_the_plain_median(
            cells in proptest::collection::vec(
                (proptest::collection::vec(0_i64..5, 4), 0_i64..4), 0..12),
            majority in 0_i64..=(1 << 32) + 2,
        ) {
            let mut weights = Sparse::default();
            for (row, _) in &cells {
                for (column, &value) in (0..).zip(row).filter(|(_, v)| **v > 0) {
                    weights.push(column, I32F32::from_bits(value << 28));
                }
                weights.close_row();
            }
            let stake: Vec<_> = cells.iter().map(|c| I32F32::from_bits(c.1 << 30)).collect();
            let majority = I32F32::from_bits(majority);
            let mut got = Vec::new();
            Medians::default().of_columns(&stake, &weights, 4, majority, &mut got);

            let staked: Vec<_> = (0..cells.len()).filter(|&i| cells[i].1 > 0).collect();
            let mut used: Vec<_> = staked.iter().map(|&i| stake[i]).collect();
            normalise(&mut used);
            let total: I32F32 = used.iter().copied().sum();
            for (column, &got) in got.iter().enumerate() {
                let score: Vec<_> =
                    staked.iter().map(|&i| I32F32::from_bits(cells[i].0[column] << 28)).collect();
                let want = weighted_median(
                    &used, &score, total.saturating_sub(majority), I32F32::ZERO, total,
                );
                prop_assert_eq!(got, want);
            }
        }
    }
}
