//! One random stream read in order.
//!
//! [`Stream`] is addressed by occasion and computes a block for every draw. A station draws
//! again and again on behalf of itself, so here the counter walks: a refill computes
//! `BLOCKS` Philox blocks, which do not depend on each other and therefore overlap in the
//! processor, and each block gives two draws. Exponential variates are computed for all words
//! that are ready, for the same reason.

use serde::{Deserialize, Serialize};
use sim_types::Stream;
use sim_types::bits::Bits;
use sim_types::philox::philox4x32_10_abreast;
use sim_types::stream::Key;

use super::logarithm::minus_ln;

/// Philox blocks computed at a time.
const BLOCKS: usize = 4;
/// The words that they give.
const WORDS: usize = 2 * BLOCKS;

/// The draws of [`Stream::new(key, 0)`](Stream::new), in order and cheaper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draws {
    key: Key,
    /// The next block to compute.
    block: u64,
    ready: [u64; WORDS],
    /// How many of `ready` were drawn.
    drawn: usize,
    #[serde(skip)]
    logarithms: Logarithms,
}

/// The exponential variates of all `ready` words: whoever asks for one usually asks for the
/// next. They follow from the words, so that they are neither compared nor stored.
#[derive(Debug, Clone, Default)]
struct Logarithms(Option<[f64; WORDS]>);

impl PartialEq for Logarithms {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Logarithms {}

impl Draws {
    /// The stream of a name's key (`sim_core::Streams::key`) at its first draw.
    #[must_use]
    pub fn new(key: impl Into<Key>) -> Self {
        Self {
            key: key.into(),
            block: 0,
            ready: [0; WORDS],
            drawn: WORDS,
            logarithms: Logarithms::default(),
        }
    }

    /// The next 64 random bits: [`Bits::bits`].
    #[inline]
    pub fn bits(&mut self) -> u64 {
        Bits::bits(self)
    }

    /// Uniform on (0, 1): [`Bits::uniform`].
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        Bits::uniform(self)
    }

    /// Uniform on `0..n`: [`Bits::below`].
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        Bits::below(self, n)
    }

    /// Exponential with mean one, by inversion: `-ln u` of a uniform `u` of 52 bits.
    #[inline]
    pub fn exponential(&mut self) -> f64 {
        if self.drawn >= WORDS {
            self.refill();
        }
        let at = self.drawn;
        self.drawn += 1;
        match &self.logarithms.0 {
            Some(ready) => ready[at],
            None => self.take_logarithms()[at],
        }
    }

    #[inline(never)]
    fn take_logarithms(&mut self) -> &[f64; WORDS] {
        let flip = if self.key.is_mirrored() { u64::MAX } else { 0 };
        // Not `map`, which takes them one by one.
        let mut logarithms = [0.0; WORDS];
        for (logarithm, word) in logarithms.iter_mut().zip(self.ready) {
            *logarithm = minus_ln(word ^ flip);
        }
        self.logarithms.0.insert(logarithms)
    }

    #[inline(never)]
    #[expect(clippy::cast_possible_truncation, reason = "halves of 64-bit words")]
    fn refill(&mut self) {
        let word = self.key.word();
        let key = [word as u32, (word >> 32) as u32];
        let mut counters = [[0; BLOCKS]; 4];
        let [low, high, ..] = &mut counters;
        for (low, high) in low.iter_mut().zip(high) {
            (*low, *high) = (self.block as u32, (self.block >> 32) as u32);
            self.block = self.block.wrapping_add(1);
        }
        let [a, b, c, d] = philox4x32_10_abreast(counters, key);
        for (at, pair) in self.ready.chunks_exact_mut(2).enumerate() {
            pair[0] = u64::from(a[at]) | u64::from(b[at]) << 32;
            pair[1] = u64::from(c[at]) | u64::from(d[at]) << 32;
        }
        self.drawn = 0;
        self.logarithms.0 = None;
    }
}

impl Bits for Draws {
    #[inline]
    fn plain(&mut self) -> u64 {
        if self.drawn >= WORDS {
            self.refill();
        }
        let bits = self.ready[self.drawn];
        self.drawn += 1;
        bits
    }

    #[inline]
    fn is_mirrored(&self) -> bool {
        self.key.is_mirrored()
    }
}

impl From<&Draws> for Stream {
    /// The same stream from its first draw, addressed one draw at a time.
    fn from(draws: &Draws) -> Self {
        Self::new(draws.key, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_draws_are_those_of_the_addressed_stream(key in any::<u64>(), mirrored in any::<bool>()) {
            let key = Key::from(key);
            let mut draws = Draws::new(if mirrored { key.mirror() } else { key });
            let mut stream = Stream::from(&draws);
            for i in 0..40_u64 {
                match i % 4 {
                    3 => {
                        // 52 bits and 53 of one word.
                        let plain = stream.uniform();
                        let u = sim_types::math::exp(-draws.exponential());
                        prop_assert!((u - plain).abs() < 1e-15, "{} {}", u, plain);
                    }
                    0 => prop_assert_eq!(draws.bits(), stream.bits()),
                    1 => prop_assert_eq!(draws.uniform().to_bits(), stream.uniform().to_bits()),
                    _ => prop_assert_eq!(draws.below(i), stream.below(i)),
                }
            }
        }
    }
}
