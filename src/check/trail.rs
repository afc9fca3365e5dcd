//! Where a run leaves its baseline: a few bits of the running hash after events or rows.
//!
//! A digest tells that something differs, not where. A trail keeps one letter, six bits of the
//! hash of everything so far, after every `stride` steps; there are never more than `MOST`
//! letters, so a short run is followed step by step and a long one in strides. Since the hash
//! depends on all steps before, letters differ from the first difference on: it is named in 63 of
//! 64 cases, and one stride late in the others.

use core::ops::Range;

use serde::{Deserialize, Serialize};
use sim_core::determinism::Step;

/// Letters of a trail at most.
const MOST: usize = 32_768;

/// The letters of six bits (RFC 4648, section 5).
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The trail of one engine's events or of one table's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trail {
    /// Events or rows.
    pub steps: usize,
    /// Steps to a letter.
    pub stride: usize,
    /// One letter for every stride, the last one perhaps cut short.
    pub letters: String,
}

fn letter(step: Step) -> u8 {
    LETTERS[usize::from(step.bits & 63)]
}

impl Trail {
    /// Of these steps.
    #[must_use]
    pub fn of(steps: &[Step]) -> Self {
        let stride = steps.len().div_ceil(MOST).max(1);
        let letters = steps
            .chunks(stride)
            .filter_map(|chunk| chunk.last())
            .map(|&step| char::from(letter(step)))
            .collect();
        Self { steps: steps.len(), stride, letters }
    }

    /// The steps among which other steps first differ from these; empty beyond the end of those
    /// that are fewer. `None` if nothing differs.
    #[must_use]
    pub fn first_difference(&self, now: &[Step]) -> Option<Range<usize>> {
        for (number, &expected) in self.letters.as_bytes().iter().enumerate() {
            let from = number * self.stride;
            let to = (from + self.stride).min(self.steps).max(from + 1);
            match now.get(to - 1) {
                Some(&step) if letter(step) == expected => {}
                Some(_) => return Some(from..to),
                None => return Some(from.min(now.len())..now.len()),
            }
        }
        (now.len() > self.steps).then(|| self.steps..self.steps + 1)
    }
}

#[cfg(test)]
mod tests {
    use sim_types::SimTime;

    use super::*;

    fn steps(bits: impl IntoIterator<Item = u8>) -> Vec<Step> {
        bits.into_iter().map(|bits| Step { bits, time: SimTime::ZERO }).collect()
    }

    #[test]
    fn the_first_difference_is_found() {
        type Row = (&'static [u8], &'static [u8], Option<Range<usize>>);
        let table: [Row; 6] = [
            (&[], &[], None),
            (&[1, 2, 3], &[1, 2, 3], None),
            (&[1, 2, 3], &[1, 9, 9], Some(1..2)),
            (&[1, 2, 3], &[1, 2], Some(2..2)),
            (&[1, 2], &[1, 2, 3], Some(2..3)),
            (&[], &[1], Some(0..1)),
        ];
        for (before, now, want) in table {
            let trail = Trail::of(&steps(before.iter().copied()));
            let now = steps(now.iter().copied());
            assert_eq!(trail.first_difference(&now), want, "{before:?} {now:?}");
        }
    }

    #[test]
    fn a_long_run_is_followed_in_strides() {
        let before = steps((0..61).cycle().take(98_300));
        let trail = Trail::of(&before);
        assert_eq!((trail.stride, trail.letters.len()), (3, 32_767));
        assert_eq!(trail.first_difference(&before), None);
        for at in [0, 1, 2, 50_000, 98_299] {
            let mut now = before.clone();
            now[at..].iter_mut().for_each(|step| step.bits ^= 32);
            let found = trail.first_difference(&now).expect("differs");
            assert!(found.contains(&at) && found.len() <= 3, "{at}: {found:?}");
        }
        let cut = trail.first_difference(&before[..70_000]).expect("differs");
        assert_eq!(cut, 69_999..70_000);
    }
}
