//! Splitting an accrued amount by weights of any size.

use sim_types::{Amount, split_exactly};

/// The part of `accrued` that one period can split, and what lies beyond: exact splitting
/// works on 64 bits, which is 18 billion TAO. The excess is withheld.
pub(super) fn payable(accrued: Amount) -> (u64, Amount) {
    let payable = u64::try_from(accrued.0).unwrap_or(u64::MAX);
    (payable, accrued - Amount(payable.into()))
}

/// Splits exactly by 128-bit weights. Where their sum leaves 64 bits, all are first divided
/// by the same power of two, rounded down. `None` if every weight is zero.
pub(super) fn by_weights(total: u64, weights: &[u128]) -> Option<Vec<Amount>> {
    let sum = weights.iter().fold(0_u128, |sum, &w| sum.saturating_add(w));
    let shift = (u128::BITS - sum.leading_zeros()).saturating_sub(u64::BITS);
    let scaled: Vec<u64> =
        weights.iter().map(|&w| u64::try_from(w >> shift).unwrap_or(u64::MAX)).collect();
    split_exactly(Amount(total.into()), &scaled)
}

/// `part / whole` of 65535, truncated; 0 if the whole is 0.
pub(super) fn of_u16(part: u128, whole: u128) -> u16 {
    // Both lose low bits together where the product would leave 128 bits.
    let shift = (u128::BITS - whole.leading_zeros()).saturating_sub(u128::BITS - u16::BITS);
    let (part, whole) = (part >> shift, whole >> shift);
    (part * u128::from(u16::MAX))
        .checked_div(whole)
        .map_or(0, |share| u16::try_from(share).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_any_size_split_whole() {
        type Row = (u64, &'static [u128], Option<&'static [u128]>);
        const ALL: u128 = (1 << 64) - 1;
        const HUGE: u128 = u128::MAX / 4;
        let table: [Row; 5] = [
            (10, &[], None),
            (10, &[0, 0], None),
            (10, &[1, 1, 1], Some(&[4, 3, 3])),
            (12, &[HUGE, 2 * HUGE, 0], Some(&[4, 8, 0])),
            (u64::MAX, &[0, 1], Some(&[0, ALL])),
        ];
        for (total, weights, want) in table {
            let got = by_weights(total, weights);
            let got: Option<Vec<u128>> = got.map(|parts| parts.iter().map(|a| a.0).collect());
            assert_eq!(got.as_deref(), want, "{total} {weights:?}");
        }
    }

    #[test]
    fn shares_of_65535_truncate() {
        let table = [(0, 0, 0), (1, 1, 65_535), (1, 2, 32_767), (1, 3, 21_845), (2, 3, 43_690)];
        for (part, whole, want) in table {
            assert_eq!(of_u16(part, whole), want, "{part}/{whole}");
        }
        assert_eq!(of_u16(u128::MAX / 2, u128::MAX), 32_767);
        assert_eq!(of_u16(u128::MAX, u128::MAX), 65_535);
    }

    #[test]
    fn what_exceeds_64_bits_is_set_aside() {
        assert_eq!(payable(Amount(7)), (7, Amount::ZERO));
        assert_eq!(payable(Amount(1 << 64)), (u64::MAX, Amount(1)));
    }
}
