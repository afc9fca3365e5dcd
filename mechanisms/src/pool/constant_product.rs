//! The first pools: x y = k in U110F18, without a fee.
//!
//! After opentensor/subtensor v2.0.4 (5073ade6), `pallets/subtensor/src/staking/stake_utils.rs`
//! (`sim_swap_tao_for_alpha`, `sim_swap_alpha_for_tao`): the other reserve becomes k / (own +
//! input); a trade that would leave it below 10^7 is refused. The limit of a trade is not
//! looked at: these pools had none.

use sim_types::fixed::{U64F64, U96F32, U110F18};

use super::{Filled, Side, Trade, TradeError};

/// The least reserve that a trade may leave (`DefaultMinimumPoolLiquidity`).
pub const MIN_LIQUIDITY: u64 = 10_000_000;

/// TAO for one alpha, with the 32 fraction bits that the chain gave it.
pub(super) fn price(tao: u64, alpha: u64) -> U64F64 {
    // The quotient of two integers, which fits 96 bits.
    let price = (u128::from(tao) << U96F32::FRAC_BITS).checked_div(alpha.into()).unwrap_or(0);
    U64F64::from(U96F32::from_bits(price))
}

/// Computes a trade without doing it.
pub(super) fn trade(tao: u64, alpha: u64, trade: &Trade) -> Result<Filled, TradeError> {
    let (into, from) = match trade.side {
        Side::Buy => (tao, alpha),
        Side::Sell => (alpha, tao),
    };
    let product = U110F18::from(alpha).saturating_mul(U110F18::from(tao));
    // The divisor is an integer, whose fraction bits cancel.
    let into = u128::from(into) + u128::from(trade.amount);
    let left = U110F18::from_bits(product.to_bits().checked_div(into).unwrap_or(0));
    if left < U110F18::from(MIN_LIQUIDITY) {
        return Err(TradeError::ReservesTooLow { reserve: from, taken: from - left.to_u64() });
    }
    let paid_out = U110F18::from(from).saturating_sub(left).to_u64();
    Ok(Filled { paid_in: trade.amount, fee: 0, paid_out, made: 0 })
}
