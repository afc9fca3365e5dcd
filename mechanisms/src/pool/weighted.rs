//! A trade with a weighted pool.
//!
//! After opentensor/subtensor @ 14bc6f9f, `pallets/swap/src/pallet/impls.rs` (`do_swap`) and
//! `swap_step.rs`:
//!
//! | rule | |
//! |---|---|
//! | R1 | the fee is cut from the input; it goes to the block's author, not into the reserve |
//! | R2 | refused: input beyond 1,000 times its reserve; output reserve below 10^6; limit already reached |
//! | R3 | if the whole input leaves the price within the limit, it is traded |
//! | R4 | else the amount that reaches the limit is, with the fee that belongs to it |
//! | R5 | refused: something for nothing |

use sim_types::fixed::U64F64;
use sim_types::seeded;

use super::weights::Weights;
use super::{
    Filled, MAX_INPUT_MULTIPLE, MIN_RESERVE, Pool, Side, Trade, TradeError, check, fee_on_top,
};

/// Computes a trade without doing it.
pub(super) fn trade(weights: Weights, pool: &Pool, trade: &Trade) -> Result<Filled, TradeError> {
    let fee = pool.fee(trade.amount, trade.fee_free);
    let net = trade.amount - fee;
    let (into, from) = match trade.side {
        Side::Buy => (pool.tao, pool.alpha),
        Side::Sell => (pool.alpha, pool.tao),
    };
    let most = into.saturating_mul(MAX_INPUT_MULTIPLE);
    if net > most {
        return Err(TradeError::SwapInputTooLarge { net, reserve: into, most });
    }
    let ratio = weights.ratio();
    let (price, limit) = (ratio.price(pool.tao, pool.alpha), trade.limit_price());
    check(pool, trade, price, limit)?;
    let proceeds = |paid_in| match trade.side {
        Side::Buy => weights.purchase_proceeds(pool.tao, pool.alpha, paid_in),
        Side::Sell => weights.sale_proceeds(pool.tao, pool.alpha, paid_in),
    };
    let whole = proceeds(net);
    let whole = seeded!(PoolDriftsDown, whole - whole / 10_000, whole);
    let target = match trade.side {
        Side::Buy => ratio.price(pool.tao.saturating_add(net), pool.alpha.saturating_sub(whole)),
        Side::Sell => ratio.price(pool.tao.saturating_sub(whole), pool.alpha.saturating_add(net)),
    };
    let within = match trade.side {
        Side::Buy => target <= limit,
        Side::Sell => target >= limit,
    };
    let filled = if within {
        Filled { paid_in: net, fee, paid_out: whole, made: 0 }
    } else {
        to_limit(weights, pool, trade, (price, limit), proceeds)
    };
    if filled.paid_in > 0 && filled.paid_out == 0 {
        return Err(TradeError::ReservesTooLow { reserve: from, taken: 0 });
    }
    if filled.paid_out > from {
        return Err(TradeError::InsufficientLiquidity { wanted: filled.paid_out, reserve: from });
    }
    Ok(filled)
}

/// What a purchase without a fee pays, where no rule can refuse or shorten it: a small part of
/// the reserves, at a price far from the limit that stands for none. `None` sends the caller
/// the long way.
#[inline]
pub(super) fn small_purchase(weights: Weights, pool: &Pool, amount: u64) -> Option<u64> {
    if amount > pool.tao >> 3 || pool.alpha < MIN_RESERVE {
        return None;
    }
    let paid_out = weights.purchase_proceeds(pool.tao, pool.alpha, amount);
    // The price after is below 2^19, and the limit is 10^6.
    let (tao, alpha) = (pool.tao.checked_add(amount)?, pool.alpha.checked_sub(paid_out)?);
    let above = (u128::from(weights.base()) * u128::from(tao)) >> 19;
    let cheap = above < u128::from(weights.quote()) * u128::from(alpha);
    (cheap && paid_out > 0).then_some(paid_out)
}

/// R4. The fee is computed anew from what is traded, and can be a unit more than the input
/// leaves for it, where the chain draws the unit from nowhere: here it is cut.
fn to_limit(
    weights: Weights,
    pool: &Pool,
    trade: &Trade,
    (price, limit): (U64F64, U64F64),
    proceeds: impl Fn(u64) -> u64,
) -> Filled {
    let paid_in = match trade.side {
        Side::Buy => weights.quote_delta_to_price(price, limit, pool.tao),
        Side::Sell => weights.base_delta_to_price(price, limit, pool.alpha),
    }
    .min(trade.amount);
    let fee = if trade.fee_free { 0 } else { fee_on_top(paid_in, pool.fee_rate) };
    let fee = fee.min(trade.amount - paid_in);
    Filled { paid_in, fee, paid_out: proceeds(paid_in), made: 0 }
}
