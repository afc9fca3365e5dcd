//! Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel
//! random numbers: as easy as 1, 2, 3" (SC 2011), as a pure function.

const MULTIPLIER: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// Ten rounds of Philox4x32: the block of random bits at `counter` under `key`.
#[must_use]
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "halves of 64-bit products")]
pub fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let a = u64::from(MULTIPLIER[0]) * u64::from(counter[0]);
        let b = u64::from(MULTIPLIER[1]) * u64::from(counter[2]);
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
    }
    counter
}

/// [`philox4x32_10`] of several counters, given word by word, in the time of fewer: nothing
/// depends on a neighbour, so that vector instructions can take them together.
#[must_use]
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "halves of 64-bit products")]
pub fn philox4x32_10_abreast<const N: usize>(
    mut counters: [[u32; N]; 4],
    mut key: [u32; 2],
) -> [[u32; N]; 4] {
    for _ in 0..10 {
        let [first, second, third, fourth] = &mut counters;
        let words = first.iter_mut().zip(second).zip(third.iter_mut().zip(fourth));
        for ((first, second), (third, fourth)) in words {
            let a = u64::from(MULTIPLIER[0]) * u64::from(*first);
            let b = u64::from(MULTIPLIER[1]) * u64::from(*third);
            (*first, *second) = ((b >> 32) as u32 ^ *second ^ key[0], b as u32);
            (*third, *fourth) = ((a >> 32) as u32 ^ *fourth ^ key[1], a as u32);
        }
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abreast_as_one_by_one() {
        let counters: [[u32; 4]; 3] =
            [[0, 1, 2, 3], [u32::MAX, 7, u32::MAX, 9], [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 5]];
        let key = [0xa409_3822, 0x299f_31d0];
        let by_word = core::array::from_fn(|word| counters.map(|counter| counter[word]));
        let got = philox4x32_10_abreast(by_word, key);
        for (at, counter) in counters.into_iter().enumerate() {
            assert_eq!(got.map(|word| word[at]), philox4x32_10(counter, key));
        }
    }

    /// Known answers of Random123 1.14 (`tests/kat_vectors`, lines `philox4x32 10`).
    #[test]
    fn known_answers() {
        let table = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, want) in table {
            assert_eq!(philox4x32_10(counter, key), want);
        }
    }
}
