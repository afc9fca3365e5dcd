//! What a source of random bits can be asked for, written once for all of them.

/// A sequence of random words, plain or mirrored: see [`crate::stream`].
pub trait Bits {
    /// The next 64 random bits of the plain sequence.
    fn plain(&mut self) -> u64;

    /// Whether the sequence is the mirror image of the plain one.
    fn is_mirrored(&self) -> bool;

    /// The next 64 random bits; all of them inverted in a mirrored sequence.
    #[inline]
    fn bits(&mut self) -> u64 {
        let bits = self.plain();
        if self.is_mirrored() { !bits } else { bits }
    }

    /// Uniform on (0, 1): 53 bits, never 0 and never 1, so its logarithm is finite.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform on `0..n` without bias (Lemire's multiply and reject). Zero when `n` is zero. A
    /// mirrored sequence counts from the other end.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "halves of a 128-bit product")]
    fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        loop {
            let product = u128::from(self.plain()) * u128::from(n);
            let low = product as u64;
            if low >= n || low >= n.wrapping_neg() % n {
                let drawn = (product >> 64) as u64;
                return if self.is_mirrored() { n - 1 - drawn } else { drawn };
            }
        }
    }
}
