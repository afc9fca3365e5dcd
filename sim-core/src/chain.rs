//! A chain of 64-bit words: one number that depends on every word and on their order.

use serde::{Deserialize, Serialize};

/// The running value of a chain. For any history, different next words give different
/// values, so one changed word can never go unseen in the step that takes it; after that
/// two chains meet by chance once in 2^64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chain(pub u64);

/// An odd constant with well-spread bits: 2^64 divided by the golden ratio.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Chain {
    /// Takes one word. Each step is a bijection of the 64 bits: exclusive or, an odd
    /// multiplication and a shift of the high half onto the low one.
    #[inline]
    pub fn extend(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(ODD);
        self.0 = mixed ^ (mixed >> 32);
    }

    /// Takes three words.
    #[inline]
    pub fn extend3(&mut self, words: [u64; 3]) {
        // The added constant keeps a chain of zeros moving.
        self.extend(words[0].wrapping_add(ODD));
        self.extend(words[1]);
        self.extend(words[2]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(words: &[[u64; 3]]) -> Chain {
        let mut chain = Chain::default();
        for &three in words {
            chain.extend3(three);
        }
        chain
    }

    proptest! {
        #[test]
        fn one_changed_word_changes_the_chain(
            words in proptest::collection::vec(any::<[u64; 3]>(), 1..20),
            at in any::<proptest::sample::Index>(),
            part in 0..3_usize,
            flip in 1..=u64::MAX,
        ) {
            let mut other = words.clone();
            other[at.index(words.len())][part] ^= flip;
            prop_assert_ne!(value(&words), value(&other));
        }
    }

    #[test]
    fn length_and_order_count() {
        let (a, b) = ([0, 0, 0], [1, 2, 3]);
        assert_ne!(value(&[]), value(&[a]));
        assert_ne!(value(&[a]), value(&[a, a]));
        assert_ne!(value(&[a, b]), value(&[b, a]));
    }
}
