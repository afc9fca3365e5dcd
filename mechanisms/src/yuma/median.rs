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

/// A score and the stake behind it, in units of I32F32.
#[derive(Debug, Clone, Copy, Default)]
struct Scored {
    score: i64,
    stake: i64,
}

/// The elements of a median, and the memory for them.
#[derive(Debug, Clone, Default)]
pub(super) struct Elements {
    /// The first `len` are meant.
    all: Vec<Scored>,
    len: usize,
}

impl Elements {
    /// Empties the list and makes room for `most`.
    pub(super) fn clear(&mut self, most: usize) {
        self.len = 0;
        if self.all.len() < most {
            self.all.resize(most, Scored::default());
        }
    }

    /// Appends an element if `counts`; at most as often as room was made, counted or not.
    // Whether a weight counts is not predictable where validators differ: the element is
    // written in any case.
    #[inline]
    pub(super) fn push_if(&mut self, counts: bool, score: I32F32, stake: I32F32) {
        self.all[self.len] = Scored { score: score.to_bits(), stake: stake.to_bits() };
        self.len += usize::from(counts);
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The median within the stake interval `lo` to `hi`, in units of I32F32; zero if there is
    /// no element. Uses up the elements.
    pub(super) fn select(&mut self, minority: i64, mut lo: i64, mut hi: i64) -> I32F32 {
        let mut part = &mut self.all[..self.len];
        loop {
            match part {
                [] => return I32F32::ZERO,
                [only] => return I32F32::from_bits(only.score),
                _ => {}
            }
            let pivot = pivot(part);
            let (mut lower, mut upper) = (0_i64, 0_i64);
            let (mut lowers, mut uppers) = (false, false);
            for element in part.iter() {
                let (below, above) = (element.score < pivot, element.score > pivot);
                lower = lower.wrapping_add(if below { element.stake } else { 0 });
                upper = upper.wrapping_add(if above { element.stake } else { 0 });
                lowers |= below;
                uppers |= above;
            }
            if lowers && minority < lo.wrapping_add(lower) {
                hi = lo.wrapping_add(lower);
                part = retain(part, |score| score < pivot);
            } else if uppers && hi.wrapping_sub(upper) <= minority {
                lo = hi.wrapping_sub(upper);
                part = retain(part, |score| score > pivot);
            } else {
                return I32F32::from_bits(pivot);
            }
        }
    }
}

/// The median of three scores, so that most partitions are even.
fn pivot(part: &[Scored]) -> i64 {
    let n = part.len();
    let [a, b, c] = [part[n / 4].score, part[n / 2].score, part[n - 1 - n / 4].score];
    a.max(b).min(a.min(b).max(c))
}

/// Moves the elements of which `keeps` approves to the front, order kept.
fn retain(part: &mut [Scored], keeps: impl Fn(i64) -> bool) -> &mut [Scored] {
    // On which side a score falls is as good as random, and a branch on it would be
    // mispredicted half the time: each element is written, and only kept ones stay.
    let mut kept = 0;
    for i in 0..part.len() {
        let element = part[i];
        part[kept] = element;
        kept += usize::from(keeps(element.score));
    }
    &mut part[..kept]
}

/// Weighted median of `score` by `stake` within the stake interval `lo` to `hi`. Zero if there
/// is none. Stakes are not negative and their sum is in range.
#[must_use]
pub fn weighted_median(
    stake: &[I32F32],
    score: &[I32F32],
    minority: I32F32,
    lo: I32F32,
    hi: I32F32,
) -> I32F32 {
    let mut elements = Elements::default();
    elements.clear(stake.len());
    for (&stake, &score) in stake.iter().zip(score) {
        elements.push_if(true, score, stake);
    }
    elements.select(minority.to_bits(), lo.to_bits(), hi.to_bits())
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
    }
}
