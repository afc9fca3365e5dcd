//! A random stream: a key and a counter, nothing more.
//!
//! The key stands for a *name* (seed, replication, entity, purpose; derived by
//! `sim_core::streams`), the event word for one occasion under that name (a job, an epoch).
//! Draws on one occasion therefore never depend on how many were made on another.
//!
//! A *mirrored* key gives the antithetic stream: where the plain one draws u it draws 1 − u, of
//! n items the last for the first, of a normal law the opposite sign. Both are equally random;
//! together they err in opposite directions (Hammersley and Morton, Proceedings of the
//! Cambridge Philosophical Society 52, 1956).

use rand::TryRng;
use serde::{Deserialize, Serialize};

use crate::bits::Bits;
use crate::math;
use crate::philox::philox4x32_10;

/// What a stream is called by: a word that stands for its name, and on which side of the mirror
/// it is. A plain number is a key, not mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    word: u64,
    mirrored: bool,
}

impl Key {
    /// The word, which mirrored and plain keys of one name share.
    #[must_use]
    pub fn word(self) -> u64 {
        self.word
    }

    /// Whether it is the key of an antithetic stream.
    #[must_use]
    #[inline]
    pub fn is_mirrored(self) -> bool {
        self.mirrored
    }

    /// The key of the antithetic stream.
    #[must_use]
    pub fn mirror(self) -> Self {
        Self { mirrored: !self.mirrored, ..self }
    }
}

impl From<u64> for Key {
    fn from(word: u64) -> Self {
        Self { word, mirrored: false }
    }
}

/// Random numbers addressed by name and occasion. Copying it repeats its draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    key: [u32; 2],
    event: u64,
    next: u64,
    mirrored: bool,
}

impl Stream {
    /// The stream of `key` on the occasion `event`, at its first draw.
    #[must_use]
    pub fn new(key: impl Into<Key>, event: u64) -> Self {
        let Key { word, mirrored } = key.into();
        Self { key: halves(word), event, next: 0, mirrored }
    }

    /// The next 64 random bits: [`Bits::bits`].
    #[inline]
    pub fn bits(&mut self) -> u64 {
        Bits::bits(self)
    }

    /// The next two words of random bits, at the price of one after an even number of draws.
    #[inline]
    pub fn two_bits(&mut self) -> [u64; 2] {
        if !self.next.is_multiple_of(2) {
            return [self.bits(), self.bits()];
        }
        let [a, b, c, d] = self.block();
        self.next += 2;
        let both = [word(a, b), word(c, d)];
        if self.mirrored { both.map(|bits| !bits) } else { both }
    }

    /// The block that holds the next draw.
    #[inline]
    fn block(&self) -> [u32; 4] {
        let [a, b] = halves(self.next / 2);
        let [c, d] = halves(self.event);
        philox4x32_10([a, b, c, d], self.key)
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

    /// True with probability `share`.
    #[inline]
    pub fn chance(&mut self, share: crate::Share) -> bool {
        self.below(u64::from(crate::Share::ONE.ppb())) < u64::from(share.ppb())
    }

    /// Exponential with the given mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * math::ln(self.uniform())
    }

    /// Standard normal (Box and Muller's cosine half: one value a call, two draws).
    ///
    /// A mirrored stream gives the opposite sign. Inverting both draws would not: the cosine
    /// does not tell u from 1 − u.
    pub fn normal(&mut self) -> f64 {
        let mirrored = core::mem::take(&mut self.mirrored);
        let radius = math::sqrt(-2.0 * math::ln(self.uniform()));
        let value = radius * math::cos(core::f64::consts::TAU * self.uniform());
        self.mirrored = mirrored;
        if mirrored { -value } else { value }
    }

    /// Lognormal: `exp(mu + sigma * normal)`.
    pub fn lognormal(&mut self, mu: f64, sigma: f64) -> f64 {
        math::exp(mu + sigma * self.normal())
    }

    /// Pareto with the given smallest value and shape.
    pub fn pareto(&mut self, min: f64, shape: f64) -> f64 {
        min * math::pow(self.uniform(), -1.0 / shape)
    }

    /// The index at which the running sum of `weights` passes a uniform draw; `None` if all
    /// are zero.
    pub fn weighted(&mut self, weights: &[u64]) -> Option<usize> {
        let total: u64 = weights.iter().sum();
        let mut left = self.below(total);
        if total == 0 {
            return None;
        }
        weights.iter().position(|&w| {
            if left < w {
                return true;
            }
            left -= w;
            false
        })
    }
}

impl Bits for Stream {
    #[inline]
    fn plain(&mut self) -> u64 {
        let [a, b, c, d] = self.block();
        let bits = if self.next.is_multiple_of(2) { word(a, b) } else { word(c, d) };
        self.next += 1;
        bits
    }

    #[inline]
    fn is_mirrored(&self) -> bool {
        self.mirrored
    }
}

/// `rand`'s distributions run on it too; everything that enters a trace uses the samplers
/// above, whose bits are ours to keep.
impl TryRng for Stream {
    type Error = core::convert::Infallible;

    #[expect(clippy::cast_possible_truncation, reason = "the lower half is asked for")]
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.bits() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.bits())
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in dst.chunks_mut(8) {
            chunk.copy_from_slice(&self.bits().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

fn word(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

#[expect(clippy::cast_possible_truncation, reason = "halves of a 64-bit word")]
fn halves(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bits are Philox blocks read in order; one block serves two draws.
    #[test]
    fn draws_are_the_blocks_of_the_generator() {
        let mut stream = Stream::new(0, 0);
        assert_eq!(stream.bits(), 0xe169_c58d_6627_e8d5);
        assert_eq!(stream.bits(), 0x9b00_dbd8_bc57_ac4c);
    }

    #[test]
    fn two_draws_at_once_are_two_draws() {
        for key in [Key::from(3), Key::from(3).mirror()] {
            for before in 0..4 {
                let mut stream = Stream::new(key, 5);
                (0..before).for_each(|_| _ = stream.bits());
                let mut other = stream;
                assert_eq!(stream.two_bits(), [other.bits(), other.bits()]);
                assert_eq!(stream, other);
            }
        }
    }

    #[test]
    fn occasions_do_not_disturb_each_other() {
        let mut first = Stream::new(9, 1);
        for _ in 0..100 {
            first.bits();
        }
        assert_eq!(Stream::new(9, 2).bits(), {
            let mut again = Stream::new(9, 2);
            again.bits()
        });
        assert_ne!(Stream::new(9, 1).bits(), Stream::new(9, 2).bits());
        assert_ne!(Stream::new(9, 1).bits(), Stream::new(8, 1).bits());
    }

    /// Every kind of draw by every kind of mirror.
    #[test]
    fn a_mirrored_stream_draws_the_opposite() {
        let plain = Key::from(0x5eed);
        assert_eq!(plain.mirror().mirror(), plain);
        assert_eq!(plain.mirror().word(), plain.word());
        for event in 0..1_000 {
            let (mut a, mut b) = (Stream::new(plain, event), Stream::new(plain.mirror(), event));
            assert_eq!(a.bits(), !b.bits());
            assert!((a.uniform() + b.uniform() - 1.0).abs() < 1e-15);
            let n = event % 7 + 1;
            assert_eq!(a.below(n) + b.below(n), n - 1);
            assert_eq!(a.below(u64::MAX) + b.below(u64::MAX), u64::MAX - 1);
            assert_eq!(a.normal().to_bits(), (-b.normal()).to_bits());
            let (long, short) = (a.exponential(1.0), b.exponential(1.0));
            // −ln u and −ln(1 − u): e^−long + e^−short = 1.
            assert!((math::exp(-long) + math::exp(-short) - 1.0).abs() < 1e-12);
            assert!(
                (a.lognormal(0.3, 2.0) * b.lognormal(0.3, 2.0) / math::exp(0.6) - 1.0).abs()
                    < 1e-12
            );
            // Both are at the same draw.
            assert_eq!(a.bits(), !b.bits());
        }
    }

    /// Pairs of exponentials have the correlation 1 − π²/6 = −0.645 (Hammersley and Handscomb,
    /// Monte Carlo Methods, section 5.6): the variance of a pair mean is 0.178 of one value's.
    /// Within 5 % of it over 100,000 pairs: more than seven standard errors.
    #[test]
    fn pairs_of_exponentials_have_the_known_variance() {
        let n = 100_000;
        let means: Vec<f64> = (0..n)
            .map(|event| {
                let mut plain = Stream::new(77, event);
                let mut mirrored = Stream::new(Key::from(77).mirror(), event);
                f64::midpoint(plain.exponential(1.0), mirrored.exponential(1.0))
            })
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "a hundred thousand")]
        let n = n as f64;
        let centre = means.iter().sum::<f64>() / n;
        let variance = means.iter().map(|m| (m - centre) * (m - centre)).sum::<f64>() / n;
        let known = (2.0 - core::f64::consts::PI * core::f64::consts::PI / 6.0) / 2.0;
        assert!((variance / known - 1.0).abs() < 0.05, "{variance} for {known}");
        assert!((centre - 1.0).abs() < 5.0 * (known / n).sqrt(), "{centre}");
    }

    /// Means of 100,000 draws lie within five standard errors: false alarm below 1e-6 each.
    #[test]
    fn moments_are_as_stated() {
        type Draw = fn(&mut Stream) -> f64;
        #[expect(clippy::cast_precision_loss, reason = "below ten")]
        fn digit(stream: &mut Stream) -> f64 {
            stream.below(10) as f64
        }
        let n = 100_000;
        let mean = |draw: Draw| {
            let mut stream = Stream::new(3, 0);
            (0..n).map(|_| draw(&mut stream)).sum::<f64>() / f64::from(n)
        };
        let root = f64::from(n).sqrt();
        let table: [(f64, f64, Draw); 4] = [
            (0.5, 0.289, Stream::uniform),
            (2.0, 2.0, |s| s.exponential(2.0)),
            (0.0, 1.0, Stream::normal),
            (4.5, 2.88, digit),
        ];
        for (want, sd, draw) in table {
            let got = mean(draw);
            assert!((got - want).abs() < 5.0 * sd / root, "{got} for {want}");
        }
    }
}
