//! The kappa-weighted median: what the majority of stake grants at least.
//!
//! Sorted ascending by score, the answer is the score whose interval of stake contains the
//! point `minority` = total − kappa, intervals closed on the left: exactly at the boundary the
//! higher score wins.
//!
//! The chain partitions about the middle element. Where `hi − lo` is the stake of all
//! elements, every choice of pivots gives the same answer: the least score such that the stake
//! at or below it exceeds `minority`, or the greatest score if there is none.

use sim_types::fixed::I32F32;

/// Weighted median of `score` by `stake`, where the stakes fill the interval from `lo`. Zero
/// if there is none.
#[must_use]
pub fn weighted_median(stake: &[I32F32], score: &[I32F32], minority: I32F32, lo: I32F32) -> I32F32 {
    let mut sorted: Vec<_> = score.iter().copied().zip(stake.iter().copied()).collect();
    sorted.sort_unstable();
    let mut upto = lo;
    for (i, &(score, stake)) in sorted.iter().enumerate() {
        upto = upto.saturating_add(stake);
        let last_of_its_score = sorted.get(i + 1).is_none_or(|next| next.0 > score);
        if last_of_its_score && minority < upto {
            return score;
        }
    }
    sorted.last().map_or(I32F32::ZERO, |last| last.0)
}

/// The elements of a median of shares, and the memory for them: scores above zero up to one,
/// stakes above zero below one. In 32 bits each they are compared four at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Elements {
    /// One unit less than each score, so that a score of one fits.
    scores: Vec<u32>,
    stakes: Vec<u32>,
}

impl Elements {
    /// Takes the elements whose score and stake are positive in place of those before.
    pub(super) fn fill(&mut self, scores: &[I32F32], stakes: impl Iterator<Item = I32F32>) {
        self.scores.clear();
        self.scores.extend(scores.iter().map(|&score| less_one(score)));
        self.stakes.clear();
        self.stakes.extend(stakes.map(low));
        let lowest = scores.iter().fold(0, |bits, score| bits | score.to_bits().wrapping_sub(1));
        if lowest >= 0 && !self.stakes.contains(&0) {
            return;
        }
        // Whether a weight counts is not predictable where validators differ: each element is
        // written, and only those that count stay.
        let mut kept = 0;
        for (at, &score) in scores.iter().enumerate() {
            let stake = self.stakes[at];
            self.scores[kept] = less_one(score);
            self.stakes[kept] = stake;
            kept += usize::from(score > I32F32::ZERO) * usize::from(stake > 0);
        }
        self.scores.truncate(kept);
        self.stakes.truncate(kept);
    }

    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    /// The sum of stakes, in units of I32F32.
    pub(super) fn stake(&self) -> i64 {
        self.stakes.iter().fold(0, |sum, &stake| sum.wrapping_add(i64::from(stake)))
    }

    /// The median, where the stakes fill the interval from `lo` to `hi`, in units of I32F32;
    /// zero if there is no element. Uses up the elements. A good `guess` at the answer saves
    /// most of the work; a bad one changes nothing.
    pub(super) fn select(&mut self, guess: I32F32, minority: i64, mut lo: i64, hi: i64) -> I32F32 {
        let mut scores = &mut self.scores[..];
        let mut stakes = &mut self.stakes[..];
        let guess = less_one(guess);
        let (lower, upper) = sides(scores, stakes, guess);
        if lower + upper < hi - lo && lo + lower <= minority && minority < hi - upper {
            return plus_one(guess);
        }
        // By equal parts of what the scores span, one of which holds the answer, again and again:
        // each time a sixteenth of the span, whatever lies where.
        loop {
            let Some(&first) = scores.first() else { return I32F32::ZERO };
            let (least, most) = scores
                .iter()
                .fold((first, first), |(least, most), &score| (least.min(score), most.max(score)));
            if least == most {
                return plus_one(least);
            }
            let shift = (u32::BITS - (most - least).leading_zeros()).saturating_sub(PARTS.ilog2());
            let part = |score: u32| (score.wrapping_sub(least) >> shift) as usize;
            let mut parts = [0_i64; PARTS];
            for (&score, &stake) in scores.iter().zip(&*stakes) {
                let stakes = &mut parts[part(score) % PARTS];
                *stakes = stakes.wrapping_add(stake.into());
            }
            let mut answer = 0;
            while answer < part(most) && lo + parts[answer] <= minority {
                lo += parts[answer];
                answer += 1;
            }
            #[expect(clippy::cast_possible_truncation, reason = "a part of the span")]
            let start = least.wrapping_add((answer as u32) << shift);
            let kept = retain(scores, stakes, |score| score.wrapping_sub(start) >> shift == 0);
            (scores, stakes) = (&mut scores[..kept], &mut stakes[..kept]);
        }
    }
}

/// Into so many parts the span of scores is divided.
const PARTS: usize = 16;

/// A share less one unit, in 32 bits; of zero, whatever.
#[inline]
fn less_one(share: I32F32) -> u32 {
    low(I32F32::from_bits(share.to_bits().wrapping_sub(1)))
}

/// A share below one in 32 bits.
#[inline]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shares below one")]
fn low(share: I32F32) -> u32 {
    share.to_bits() as u32
}

fn plus_one(less: u32) -> I32F32 {
    I32F32::from_bits(i64::from(less) + 1)
}

/// How much stake scores below and above a pivot.
fn sides(scores: &[u32], stakes: &[u32], pivot: u32) -> (i64, i64) {
    let (mut lower, mut upper) = (0_i64, 0_i64);
    for (&score, &stake) in scores.iter().zip(stakes) {
        lower = lower.wrapping_add(i64::from(if score < pivot { stake } else { 0 }));
        upper = upper.wrapping_add(i64::from(if score > pivot { stake } else { 0 }));
    }
    (lower, upper)
}

/// Moves the elements of whose scores `keeps` approves to the front and returns how many.
fn retain(scores: &mut [u32], stakes: &mut [u32], keeps: impl Fn(u32) -> bool) -> usize {
    // On which side a score falls is as good as random, and a branch on it would be
    // mispredicted half the time: each element is written, and only kept ones stay.
    let stakes = &mut stakes[..scores.len()];
    let mut kept = 0;
    for i in 0..scores.len() {
        let (score, stake) = (scores[i], stakes[i]);
        scores[kept] = score;
        stakes[kept] = stake;
        kept += usize::from(keeps(score));
    }
    kept
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

    fn fixed(bits: i64) -> I32F32 {
        I32F32::from_bits(bits)
    }

    proptest! {
        #[test]
        fn equals_the_definition(
            elements in proptest::collection::vec((-3_i64..12, 0_i64..1000), 0..40),
            minority in -5_i64..20_000,
        ) {
            let (score, stake): (Vec<_>, Vec<_>) =
                elements.iter().map(|e| (fixed(e.0), fixed(e.1))).unzip();
            let got = weighted_median(&stake, &score, fixed(minority), I32F32::ZERO);
            prop_assert_eq!(got.to_bits(), definition(&elements, minority));
        }

        /// At both ends of the range, with any guess, those that are no score included.
        #[test]
        fn selection_equals_the_definition(
            elements in proptest::collection::vec((0_i64..12, 0_i64..1000), 0..40),
            minority in -5_i64..20_000,
            guess in 0_i64..26,
            top in any::<bool>(),
        ) {
            let scaled = |score: i64| match score {
                0 => 0,
                _ if top => (1 << 32) + 2 * (score - 11),
                _ => 2 * score - 1,
            };
            let counted: Vec<_> = elements.iter().filter(|e| e.0 > 0 && e.1 > 0)
                .map(|e| (scaled(e.0), e.1)).collect();
            let total: i64 = counted.iter().map(|e| e.1).sum();
            let mut list = Elements::default();
            let (scores, stakes): (Vec<_>, Vec<_>) =
                elements.iter().map(|&(score, stake)| (fixed(scaled(score)), fixed(stake))).unzip();
            list.fill(&scores, stakes.into_iter());
            prop_assert_eq!((list.len(), list.stake()), (counted.len(), total));
            let guess = if top { (1 << 32) - guess } else { guess };
            let got = list.select(fixed(guess), minority, 0, total).to_bits();
            prop_assert_eq!(got, definition(&counted, minority));
        }
    }
}
