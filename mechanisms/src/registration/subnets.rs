//! A subnet's registration and end.
//!
//! After `staking/stake_utils.rs` (`get_median_subnet_alpha_price`), `subnets/subnet.rs`
//! (`do_register_network`, `get_network_to_prune`) and `staking/remove_stake.rs` of
//! opentensor/subtensor @ 14bc6f9f.

use sim_types::fixed::U64F64;

/// Subnets besides the root.
pub const SUBNET_LIMIT: usize = 128;
/// Blocks for which a subnet cannot be dissolved: 180 days.
pub const NETWORK_IMMUNITY: u64 = 1_296_000;

/// The median of the prices above zero, the mean of the middle two where their number is even;
/// one where there is none.
#[must_use]
pub fn median_price(prices: &[U64F64]) -> U64F64 {
    let mut sorted: Vec<U64F64> = prices.iter().copied().filter(|&p| p > U64F64::ZERO).collect();
    sorted.sort_unstable();
    let Some(last) = sorted.len().checked_sub(1) else { return U64F64::ONE };
    let (lower, upper) = (sorted[last / 2], sorted[sorted.len() / 2]);
    if last.is_multiple_of(2) {
        upper
    } else {
        lower.saturating_add(upper).safe_div(U64F64::from(2))
    }
}

/// The alpha beside `tao` in the pool of a new subnet, at this price.
#[must_use]
pub fn opening_alpha(tao: u64, price: U64F64) -> u64 {
    U64F64::from(tao).safe_div(price).to_u64()
}

/// The subnet that makes room: of those past their immunity the one with the least moving
/// price, the earliest of equals. Pairs of (registration block, moving price), by position.
#[must_use]
pub fn subnet_to_dissolve(subnets: &[(u64, U64F64)], block: u64, immunity: u64) -> Option<usize> {
    let mut candidates: Vec<(U64F64, u64, usize)> = Vec::new();
    for (position, &(registered_at, price)) in subnets.iter().enumerate() {
        if block >= registered_at.saturating_add(immunity) {
            candidates.push((price, registered_at, position));
        }
    }
    candidates.into_iter().min().map(|(_, _, position)| position)
}

/// Splits the TAO of a dissolved subnet among holders by alpha, to the unit: floors first, the
/// units left to the largest remainders, equal ones to the earlier holder. Empty where nobody
/// holds anything: the TAO is then the caller's to place.
#[must_use]
pub fn dissolution(tao: u64, holdings: &[u64]) -> Vec<u64> {
    let shares = sim_types::split_exactly(sim_types::Amount(tao.into()), holdings);
    let amounts = shares.unwrap_or_default().into_iter();
    // No part exceeds the whole.
    amounts.map(|a| u64::try_from(a.0).unwrap_or(tao)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(x: f64) -> U64F64 {
        U64F64::saturating_from_f64(x).unwrap()
    }

    #[test]
    fn medians() {
        for (prices, want) in [
            (vec![], 1.0),
            (vec![0.0], 1.0),
            (vec![7.0, 2.0, 5.0], 5.0),
            (vec![1.0, 0.0, 4.0], 2.5),
            (vec![3.0, 3.0, 9.0, 1.0], 3.0),
        ] {
            let prices: Vec<_> = prices.into_iter().map(price).collect();
            assert_eq!(median_price(&prices), price(want), "{prices:?}");
        }
        assert_eq!(opening_alpha(1_000, price(0.25)), 4_000);
        assert_eq!(opening_alpha(1_000, U64F64::ZERO), 0);
    }

    /// The situations of `tests/networks.rs` upstream.
    #[test]
    fn the_cheapest_and_earliest_goes() {
        let subnets = [(10, price(2.0)), (5, price(0.5)), (3, price(0.5)), (900, price(0.1))];
        assert_eq!(subnet_to_dissolve(&subnets, 500, 100), Some(2));
        assert_eq!(subnet_to_dissolve(&subnets, 1_000, 100), Some(3));
        assert_eq!(subnet_to_dissolve(&subnets, 50, 100), None);
        assert_eq!(subnet_to_dissolve(&[], 50, 0), None);
    }

    #[test]
    fn dissolution_pays_everything() {
        assert_eq!(dissolution(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(dissolution(7, &[0, 5]), [0, 7]);
        assert!(dissolution(7, &[0, 0]).is_empty());
    }
}
