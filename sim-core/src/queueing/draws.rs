//! One random stream read in order.
//!
//! [`Stream`] is addressed by occasion and computes a block for every draw. A station draws
//! again and again on behalf of itself, so here the counter walks: a refill computes
//! `BLOCKS` Philox blocks, which do not depend on each other and therefore overlap in the
//! processor, and each block gives two draws.

use serde::{Deserialize, Serialize};
use sim_types::Stream;
use sim_types::philox::philox4x32_10;
use sim_types::stream::Key;

/// Philox blocks computed at a time.
const BLOCKS: usize = 4;

/// The draws of [`Stream::new(key, 0)`](Stream::new), in order and cheaper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draws {
    key: Key,
    /// The next block to compute.
    block: u64,
    ready: [u64; 2 * BLOCKS],
    /// How many of `ready` were drawn.
    drawn: usize,
}

impl Draws {
    /// The stream of a name's key (`sim_core::Streams::key`) at its first draw.
    #[must_use]
    pub fn new(key: impl Into<Key>) -> Self {
        Self { key: key.into(), block: 0, ready: [0; 2 * BLOCKS], drawn: 2 * BLOCKS }
    }

    /// The next 64 random bits; all of them inverted in a mirrored stream.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        let bits = self.plain();
        if self.key.is_mirrored() { !bits } else { bits }
    }

    /// The next 64 random bits of the plain stream.
    #[inline]
    fn plain(&mut self) -> u64 {
        if self.drawn >= self.ready.len() {
            self.refill();
        }
        let bits = self.ready[self.drawn];
        self.drawn += 1;
        bits
    }

    #[expect(clippy::cast_possible_truncation, reason = "halves of 64-bit words")]
    fn refill(&mut self) {
        let word = self.key.word();
        let key = [word as u32, (word >> 32) as u32];
        for pair in self.ready.chunks_exact_mut(2) {
            let counter = [self.block as u32, (self.block >> 32) as u32, 0, 0];
            let block = philox4x32_10(counter, key);
            pair[0] = u64::from(block[0]) | u64::from(block[1]) << 32;
            pair[1] = u64::from(block[2]) | u64::from(block[3]) << 32;
            self.block = self.block.wrapping_add(1);
        }
        self.drawn = 0;
    }

    /// Uniform on (0, 1): 53 bits, never 0 and never 1.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform on `0..n` without bias (Lemire's multiply and reject). Zero when `n` is zero. A
    /// mirrored stream counts from the other end.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "halves of a 128-bit product")]
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        loop {
            let product = u128::from(self.plain()) * u128::from(n);
            let low = product as u64;
            if low >= n || low >= n.wrapping_neg() % n {
                let drawn = (product >> 64) as u64;
                return if self.key.is_mirrored() { n - 1 - drawn } else { drawn };
            }
        }
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
                match i % 3 {
                    0 => prop_assert_eq!(draws.bits(), stream.bits()),
                    1 => prop_assert_eq!(draws.uniform().to_bits(), stream.uniform().to_bits()),
                    _ => prop_assert_eq!(draws.below(i), stream.below(i)),
                }
            }
        }
    }
}
