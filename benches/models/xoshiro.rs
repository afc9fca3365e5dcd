//! The generator of the peers, so that a race is one of engines: xoshiro256++ (Blackman &
//! Vigna, "Scrambled linear pseudorandom number generators", 2021), seeded by `SplitMix64`.

use serde::{Deserialize, Serialize};

/// State of one stream.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Xoshiro([u64; 4]);

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Xoshiro {
    /// A stream of its own for every seed.
    #[must_use]
    pub(crate) fn new(mut seed: u64) -> Self {
        Self(std::array::from_fn(|_| split_mix(&mut seed)))
    }

    #[inline]
    fn bits(&mut self) -> u64 {
        let state = &mut self.0;
        let bits = state[0].wrapping_add(state[3]).rotate_left(23).wrapping_add(state[0]);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        bits
    }

    /// Between 0 and 1, neither included.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) * (1.0 / (1_u64 << 53) as f64)
    }

    /// Exponential with this mean. With the platform's logarithm, as the peers have it:
    /// digests of these models hold on one machine only.
    #[inline]
    #[allow(clippy::disallowed_methods, reason = "banned in what the product simulates")]
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.uniform().ln()
    }

    /// Uniform from 0 to `count` - 1.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "below `count`")]
    pub(crate) fn below(&mut self, count: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(count)) >> 32) as u32
    }
}
