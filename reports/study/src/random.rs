//! Named streams of a study.

use sim_types::Stream;

/// The stream of a purpose on an occasion: other purposes and occasions do not move its draws.
pub(crate) fn stream(seed: u64, purpose: &str, occasion: u64) -> Stream {
    // FNV-1a (Fowler, Noll, Vo) names the purpose; Philox mixes it with the seed.
    let name = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Stream::new(Stream::new(seed, name).bits(), occasion)
}

/// Fisher and Yates: every order is equally likely.
pub(crate) fn shuffle<T>(items: &mut [T], stream: &mut Stream) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(last + 1, stream));
    }
}

/// Uniform on `0..n`; 0 if `n` is 0.
pub(crate) fn below(n: usize, stream: &mut Stream) -> usize {
    usize::try_from(stream.below(n as u64)).unwrap_or_default()
}
