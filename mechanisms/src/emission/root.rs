//! The root's part: how much TAO staked on the root weighs against a subnet's own token.
//!
//! After `coinbase/block_step.rs` (`root_proportion`), `staking/stake_utils.rs`
//! (`get_tao_weight`) and `coinbase/run_coinbase.rs` (`get_network_root_sell_flag`) of
//! opentensor/subtensor @ 14bc6f9f.

use sim_types::fixed::{U64F64, U96F32, ratio};

/// The weight that governance set on the main network: 0.18 (RaoFoundation/subtensor,
/// docs/concepts/emissions.mdx @ 1d1de96a), as the nearest part of 2^64 - 1 below.
pub const TAO_WEIGHT: u64 = 3_320_413_933_267_719_290;
/// The runtime's initial value, 0.0527 (opentensor/subtensor @ 14bc6f9f, runtime/src/lib.rs).
pub const INITIAL_TAO_WEIGHT: u64 = 971_718_665_099_567_868;

/// The stored weight as a fraction.
#[must_use]
pub fn tao_weight(stored: u64) -> U96F32 {
    U96F32::from(stored).safe_div(U96F32::from(u64::MAX))
}

/// TAO on the root times its weight: what [`root_proportion`] takes.
#[must_use]
pub fn weighted_root_tao(root_tao: u64, weight: U96F32) -> U96F32 {
    U96F32::from(root_tao).saturating_mul(weight)
}

/// Weighted TAO over itself and a subnet's whole alpha; zero where there is neither.
#[inline]
#[must_use]
pub fn root_proportion(weighted_root: U96F32, alpha_issuance: u64) -> U96F32 {
    let whole = weighted_root.saturating_add(U96F32::from(alpha_issuance));
    match ratio::proportion_32(weighted_root.to_bits(), whole.to_bits()) {
        Some(bits) => U96F32::from_bits(bits.into()),
        None => weighted_root.safe_div(whole),
    }
}

/// Whether root dividends are paid at all: only while the moving prices add up to more than
/// one.
#[must_use]
pub fn root_sell_flag(sum_of_moving_prices: U64F64) -> bool {
    sum_of_moving_prices > U64F64::ONE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn weights() {
        assert!((tao_weight(TAO_WEIGHT).to_f64() - 0.18).abs() < 1e-9);
        assert!((tao_weight(INITIAL_TAO_WEIGHT).to_f64() - 0.0527).abs() < 1e-4);
        assert_eq!(tao_weight(u64::MAX), U96F32::ONE);
        assert_eq!(root_proportion(U96F32::ZERO, 0), U96F32::ZERO);
        assert_eq!(root_proportion(U96F32::ONE, 0), U96F32::ONE);
        let quarter = U96F32::from_bits(1 << 30);
        assert_eq!(root_proportion(U96F32::from(1_000), 3_000), quarter);
        assert!(!root_sell_flag(U64F64::ONE));
    }

    proptest! {
        #[test]
        fn the_short_way_is_the_division(root in any::<u64>(), weight in any::<u64>(), alpha in any::<u64>()) {
            let weighted = weighted_root_tao(root, tao_weight(weight));
            let whole = weighted.saturating_add(U96F32::from(alpha));
            prop_assert_eq!(root_proportion(weighted, alpha), weighted.safe_div(whole));
        }
    }
}
